//! The made-up register that the city imports: real division codes, names marked 测试, codes that no real body has.

use domain::plan::{BasePlan, Rung};
use domain::uscc;
use encoding_rs::GBK;

/// The two digits of a body registered with civil affairs, by class, and the class as registers write it.
const CLASSES: [(&str, &str, &str); 3] = [
    ("52", "社会服务机构", "社区服务中心"),
    ("51", "社会团体", "志愿者协会"),
    ("53", "基金会", "社区基金会"),
];

/// One body of the register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    pub uscc: String,
    pub name: String,
    pub class: &'static str,
    pub authority: String,
    /// The 12 digits of the street in which it sits.
    pub place: String,
    pub address: String,
}

/// So many bodies for each street of the plan.
pub(crate) fn register(plan: &[BasePlan], each: usize) -> Vec<Body> {
    let city = plan.first().map_or("", |city| short_name(&city.name));
    let streets = plan.iter().filter(|base| base.rung == Rung::Street);
    let numbered = streets.flat_map(|street| (1..=each).map(move |number| (street, number)));
    numbered.enumerate().map(|(seed, (street, number))| body(city, street, number, seed)).collect()
}

fn body(city: &str, street: &BasePlan, number: usize, seed: usize) -> Body {
    let (prefix, class, kind) = CLASSES[number % CLASSES.len()];
    let name = short_name(&street.name);
    Body {
        uscc: uscc::make(prefix, street.place.county6(), seed as u64),
        name: format!("{city}{name}测试{kind}{number:02}号"),
        class,
        authority: format!("{city}民政局"),
        place: street.place.to_string(),
        address: format!("{city}{name}测试路{number}号"),
    }
}

/// A base's name without what all of them end in.
pub(crate) fn short_name(name: &str) -> &str {
    name.trim_end_matches("社会组织孵化基地")
}

const HEADINGS: [&str; 8] =
    ["统一社会信用代码", "社会组织名称", "类别", "登记状态", "登记机关", "成立日期", "区划代码", "住所"];

/// The bodies as a CSV file, as a registering office hands it out.
pub(crate) fn csv(bodies: &[Body]) -> String {
    let mut text = HEADINGS.join(",") + "\r\n";
    for body in bodies {
        let cells = [
            &body.uscc,
            &body.name,
            body.class,
            "正常",
            &body.authority,
            "2019-05-06",
            &body.place,
            &body.address,
        ];
        text.push_str(&(cells.join(",") + "\r\n"));
    }
    text
}

/// The same in GBK, in which many registers still come.
pub(crate) fn gbk(text: &str) -> Vec<u8> {
    GBK.encode(text).0.into_owned()
}

/// A row that must not be taken: the code of a body with its last character changed.
pub(crate) fn mistyped(body: &Body) -> Body {
    let mut code = body.uscc.clone();
    let last = if code.ends_with('0') { "1" } else { "0" };
    code.replace_range(code.len() - 1.., last);
    Body { uscc: code, name: format!("{}（代码抄错）", body.name), ..body.clone() }
}

/// The shipped divisions as a CSV file.
pub(crate) fn divisions_csv() -> String {
    let mut text = "区划代码,名称,上级代码,级别\r\n".to_owned();
    for division in domain::divisions::shipped() {
        let parent = division.parent.map(|code| code.to_string()).unwrap_or_default();
        text.push_str(&format!(
            "{},{},{parent},{}\r\n",
            division.code,
            division.name,
            division.level.label()
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use crate::options::Profile;

    #[test]
    fn every_code_is_valid_and_its_own() {
        for profile in [Profile::Small, Profile::Dongguan, Profile::Shenzhen] {
            let plan = profile.plan();
            let bodies = register(&plan, profile.work().bodies);
            let streets = plan.iter().filter(|base| base.rung == Rung::Street).count();
            assert_eq!(bodies.len(), streets * profile.work().bodies);
            assert!(
                bodies.iter().all(|body| uscc::Uscc::parse(&body.uscc).is_ok() && body.name.contains("测试"))
            );
            assert_eq!(bodies.iter().map(|body| &body.uscc).collect::<BTreeSet<_>>().len(), bodies.len());
            assert!(bodies.iter().all(|body| uscc::Uscc::parse(&mistyped(body).uscc).is_err()));
        }
    }

    #[test]
    fn a_row_for_each_body_and_the_same_in_gbk() {
        let bodies = register(&Profile::Small.plan(), 2);
        let text = csv(&bodies);
        assert_eq!(text.lines().count(), 1 + 8);
        assert!(text.lines().all(|row| row.split(',').count() == HEADINGS.len()));
        let bytes = gbk(&text);
        let (back, _, lossy) = GBK.decode(&bytes);
        assert!(!lossy && back == text);
    }

    #[test]
    fn all_divisions_are_in_the_file() {
        assert_eq!(divisions_csv().lines().count(), 1 + domain::divisions::shipped().len());
    }
}
