//! The records: deterministic, of 20 values and about 650 bytes, Chinese text as bases enter it.

use domain::sample::Dice;
use serde_json::{Map, Value, json};

/// The kind that most cases write: what one base knows about an organisation; nobody but its home's chain sees it.
pub const KIND: &str = "organization_profile";
/// The kind of the imported register.
pub const REGISTER_KIND: &str = "organization";

const SURNAMES: [&str; 16] =
    ["王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "林"];
const GIVEN: [&str; 16] = [
    "伟", "芳", "秀英", "建国", "晓明", "丽华", "志强", "婷婷", "国栋", "雪梅", "文斌", "美玲", "海燕",
    "永康", "思远", "嘉欣",
];
const STREETS: [&str; 12] = [
    "人民南路",
    "解放路",
    "深南东路",
    "春风路",
    "宝安南路",
    "红岭中路",
    "笋岗西路",
    "桂园路",
    "和平路",
    "嘉宾路",
    "建设路",
    "东门中路",
];
const WORDS: [&str; 12] =
    ["阳光", "同心", "春雨", "惠民", "安康", "乐龄", "启航", "邻里", "蓝天", "爱心", "益家", "晨曦"];
const SORTS: [&str; 8] = [
    "社会工作服务中心",
    "志愿者协会",
    "社区服务中心",
    "公益促进会",
    "养老服务中心",
    "儿童发展中心",
    "助残服务社",
    "文化促进会",
];
const FIELDS: [&str; 11] = [
    "社区治理",
    "养老助老",
    "儿童青少年",
    "助残",
    "扶贫济困",
    "文教卫体",
    "生态环保",
    "科创信息",
    "行业服务",
    "国际交流",
    "其他",
];
const SERVICES: [&str; 8] =
    ["培训", "咨询", "个案与小组", "社区活动", "评估督导", "志愿服务", "资助", "其他"];
const ACTIVITIES: [&str; 4] = ["活跃", "偶有活动", "长期未活动", "失联"];
const PARTY: [&str; 6] = ["单独组建", "联合组建", "临时党组织", "党建工作站", "党建指导员", "未建立"];
const SENTENCES: [&str; 8] = [
    "面向辖区老年人开展日间照料和健康讲座。",
    "常年组织亲子阅读、课后托管和暑期夏令营。",
    "为残障人士提供康复训练和就业辅导。",
    "承接街道社区治理与议事协商项目。",
    "组织志愿者开展环境整治和垃圾分类宣传。",
    "联合高校开展社会工作专业督导和培训。",
    "为困难家庭链接慈善资源并建立帮扶档案。",
    "定期举办邻里节和传统文化体验活动。",
];
/// How many sentences an introduction has: brings the record to about 650 bytes.
const SENTENCES_EACH: usize = 4;
/// Division codes in which records lie, so that a filter by place has something to choose.
pub const PLACES: [&str; 20] = [
    "440303001000",
    "440303002000",
    "440303003000",
    "440303004000",
    "440303005000",
    "440303006000",
    "440303007000",
    "440303008000",
    "440303009000",
    "440303010000",
    "440304001000",
    "440304002000",
    "440304003000",
    "440304004000",
    "440304005000",
    "440304006000",
    "440304007000",
    "440304008000",
    "440304009000",
    "440304010000",
];

/// The values of record number `n` of a base.
pub fn profile(n: u64, base: &str) -> Map<String, Value> {
    let mut dice = Dice(n);
    let organization = format!("{:016x}{:016x}", Dice(n ^ 0x5EED).next(), n);
    let person = |dice: &mut Dice| format!("{}{}", dice.pick(&SURNAMES), dice.pick(&GIVEN));
    let introduction: String = (0..SENTENCES_EACH).map(|_| *dice.pick(&SENTENCES)).collect();
    let first = dice.below(FIELDS.len() as u64 - 1) as usize;
    let service = dice.below(SERVICES.len() as u64 - 1) as usize;
    let value = json!({
        "organization": organization,
        "base": base,
        "name": format!("{}{}第{n}号", dice.pick(&WORDS), dice.pick(&SORTS)),
        "place": dice.pick(&PLACES),
        "office": format!("{}{}号{}室", dice.pick(&STREETS), 1 + dice.below(2_000), 101 + dice.below(2_000)),
        "contact": person(&mut dice),
        "contact_phone": format!("139{:08}", dice.below(100_000_000)),
        "fields": [FIELDS[first], FIELDS[first + 1]],
        "services": [SERVICES[service], SERVICES[service + 1]],
        "staff": 1 + dice.below(60),
        "certified": dice.below(20),
        "volunteers": dice.below(500),
        "activity": dice.pick(&ACTIVITIES),
        "party_form": dice.pick(&PARTY),
        "party_coverage": dice.below(2) == 0,
        "party_secretary": person(&mut dice),
        "party_members": dice.below(30),
        "introduction": introduction,
    });
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What an edit changes of record number `n`; `who` makes the edits of two sides differ.
pub fn edit(n: u64, who: &str) -> Map<String, Value> {
    let mut dice = Dice(n ^ 0xED17);
    let office = format!("{}{}号{who}", dice.pick(&STREETS), 1 + dice.below(2_000));
    Map::from_iter([("office".to_owned(), json!(office))])
}

/// The headings of the register that is imported.
pub const REGISTER_HEADINGS: [&str; 8] =
    ["统一社会信用代码", "社会组织名称", "类别", "登记状态", "登记机关", "成立日期", "区划代码", "住所"];

/// Row `n` of the register.
pub fn register_row(n: u64) -> [String; 8] {
    let mut dice = Dice(n ^ 0x4E67);
    let day = 1 + dice.below(28);
    [
        domain::uscc::make("52", "440303", n),
        format!("{}{}第{n}号", dice.pick(&WORDS), dice.pick(&SORTS)),
        "社会服务机构".into(),
        "正常".into(),
        "深圳市民政局".into(),
        format!("{}-{:02}-{day:02}", 2000 + dice.below(25), 1 + dice.below(12)),
        (*dice.pick(&PLACES)).into(),
        format!("{}{}号", dice.pick(&STREETS), 1 + dice.below(2_000)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_the_same_every_time_and_each_its_own() {
        assert_eq!(profile(7, "b"), profile(7, "b"));
        assert_ne!(profile(7, "b")["organization"], profile(8, "b")["organization"]);
        assert_ne!(edit(7, "街道"), edit(7, "市"));
        assert!(domain::uscc::Uscc::parse(&register_row(3)[0]).is_ok());
    }

    #[test]
    fn a_record_has_twenty_values() {
        let values = |v: &Value| v.as_array().map_or(1, Vec::len);
        assert_eq!(profile(1, "b").values().map(values).sum::<usize>(), 20);
    }
}
