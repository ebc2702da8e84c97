//! What a row of a register means: words for "nothing", units that are values, names that are none, columns that
//! slipped.

use crate::text::{normalise, tidy};
use crate::uscc::{Class, Uscc};

/// Words that stand for an empty cell, in every column.
const BLANK_WORDS: [&str; 14] =
    ["-", "--", "—", "——", "/", "\\", "无", "暂无", "暂缺", "不详", "未知", "n/a", "null", "none"];
/// What registers write where a body has no supervising unit: facts, not gaps.
const NO_SUPERVISOR: [&str; 4] = ["无", "直接登记", "公益组织直接登记", "无业务主管单位"];
/// Words that only ever stand in the columns for status and class.
const STATUS_AND_CLASS: [&str; 11] = [
    "正常",
    "注销",
    "撤销",
    "吊销",
    "已注销",
    "已撤销",
    "社会团体",
    "民办非企业单位",
    "社会服务机构",
    "基金会",
    "未参检",
];
/// Ends of names that no foundation bears, though the register holds such rows under 53.
const NOT_FOUNDATIONS: [&str; 5] = ["学校", "幼儿园", "村民委员会", "居民委员会", "村委会"];

/// A cell after cleaning: its value, if it has one, and what a person should know about how it came about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cleaned<T> {
    /// The value; `None` where the cell was empty or meant nothing.
    pub value: Option<T>,
    /// What was changed; shown beside the row, no reason to refuse it.
    pub note: Option<Note>,
}

/// What cleaning changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Note {
    /// A date by which registers mean "unknown".
    #[error("“{text}”在登记系统里表示“不详”，已按空处理。知道真实日期的请补填。")]
    UnknownDate {
        /// What was written.
        text: String,
    },
    /// A word for "nothing".
    #[error("“{text}”已按空处理。")]
    Placeholder {
        /// What was written.
        text: String,
    },
    /// A time of day behind a date.
    #[error("“{text}”只取了日期，时间未保留。")]
    TimeDropped {
        /// What was written.
        text: String,
    },
}

/// Why a name is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    /// Nothing was written.
    #[error("没有填写名称。请按登记证书填写全称。")]
    Empty,
    /// Only the name of a place.
    #[error("“{name}”只是地名，不是组织名称，多半是后半截丢了。请按登记证书填写全称。")]
    OnlyPlace {
        /// What was written.
        name: String,
    },
    /// A word of another column.
    #[error(transparent)]
    Shifted(#[from] ShiftedColumn),
}

/// A word that belongs in another column: the cells of this row slipped.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("“{column}”一栏里是“{text}”，像是这一行错了列。请对照表头把各栏移回原位。")]
pub struct ShiftedColumn {
    /// Heading of the column.
    pub column: String,
    /// What stands there.
    pub text: String,
}

/// A class and a name that rarely go together; the register holds such rows, so it is no reason to refuse one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("代码以 53 开头（基金会），名称却以“{ending}”结尾。请核对代码和名称是否属于同一家。")]
pub struct OddName {
    /// The end of the name.
    pub ending: &'static str,
}

impl<T> Cleaned<T> {
    /// A value that needed no note.
    pub fn of(value: T) -> Cleaned<T> {
        Cleaned { value: Some(value), note: None }
    }

    /// Nothing, with the reason why something was taken for nothing.
    pub fn emptied(note: Note) -> Cleaned<T> {
        Cleaned { value: None, note: Some(note) }
    }

    /// Nothing: silently when nothing was written, with a note when a word for "nothing" was.
    pub(crate) fn blank(text: &str) -> Cleaned<T> {
        let note = (!text.is_empty()).then(|| Note::Placeholder { text: text.to_owned() });
        Cleaned { value: None, note }
    }
}

impl<T> Default for Cleaned<T> {
    fn default() -> Cleaned<T> {
        Cleaned { value: None, note: None }
    }
}

/// Whether a text says nothing: empty, or a word such as 暂无.
pub fn is_blank_word(text: &str) -> bool {
    let text = normalise(text).to_lowercase();
    text.is_empty() || BLANK_WORDS.contains(&text.as_str())
}

/// Cleans a text in a column where 暂无 and its like mean nothing.
pub fn clean_text(text: &str) -> Cleaned<String> {
    if is_blank_word(text) { Cleaned::blank(&tidy(text)) } else { Cleaned::of(tidy(text)) }
}

/// Cleans a registration authority. No body is without one, so 无 and 暂无 are gaps.
pub fn clean_authority(text: &str) -> Result<Cleaned<String>, ShiftedColumn> {
    check_column("登记管理机关", text)?;
    Ok(clean_text(text))
}

/// Cleans a supervising unit. 无 and 直接登记 are facts and stay; 暂无 is a gap.
pub fn clean_supervising_unit(text: &str) -> Result<Cleaned<String>, ShiftedColumn> {
    check_column("业务主管单位", text)?;
    let unit = tidy(text);
    Ok(if NO_SUPERVISOR.contains(&unit.as_str()) { Cleaned::of(unit) } else { clean_text(text) })
}

/// The units that a cell of supervising units names; none when it says 无 or 直接登记, or speaks of "the departments
/// concerned" without naming one.
pub fn supervising_units(text: &str) -> Vec<String> {
    let units = tidy(text);
    let named = |unit: &&str| !is_blank_word(unit) && !NO_SUPERVISOR.contains(unit) && !is_vague(unit);
    units.split([',', '，', '、', ';', '；']).map(str::trim).filter(named).map(str::to_owned).collect()
}

/// Cleans an address. No one lives at 正常.
///
/// # Errors
/// [`ShiftedColumn`] when the cell holds a word of another column.
pub fn clean_address(text: &str) -> Result<Cleaned<String>, ShiftedColumn> {
    check_column("住所", text)?;
    Ok(clean_text(text))
}

/// Cleans the name of a body. `is_place_name` tells whether a text is the name of a division and nothing more.
///
/// # Errors
/// [`NameError`], a sentence for the person who wrote it.
pub fn clean_name(text: &str, is_place_name: impl Fn(&str) -> bool) -> Result<String, NameError> {
    check_column("名称", text)?;
    let name = tidy(text);
    if is_blank_word(&name) {
        return Err(NameError::Empty);
    }
    if is_place_name(&name) {
        return Err(NameError::OnlyPlace { name });
    }
    Ok(name)
}

/// Says that a cell of free text holds nothing but a word of the status or class column, a code, or a date.
///
/// # Errors
/// [`ShiftedColumn`] in that case.
pub fn check_column(column: &str, text: &str) -> Result<(), ShiftedColumn> {
    let plain = normalise(text);
    let slipped = STATUS_AND_CLASS.contains(&plain.as_str())
        || Uscc::parse(&plain).is_ok()
        || crate::date::Date::from_iso(&plain).is_some();
    if slipped { Err(ShiftedColumn { column: column.to_owned(), text: plain }) } else { Ok(()) }
}

/// A foundation's code beside the name of a school or a village committee: both occur in the real register.
pub fn odd_name(code: &Uscc, name: &str) -> Option<OddName> {
    let name = tidy(name);
    let ending = NOT_FOUNDATIONS.into_iter().find(|ending| name.ends_with(ending))?;
    (code.class() == Class::Foundation).then_some(OddName { ending })
}

/// "Industry departments concerned", "the government's departments".
fn is_vague(unit: &str) -> bool {
    ["政府相关部门", "相关职能部门", "相关行业主管部门", "有关部门"].iter().any(|vague| unit.ends_with(vague))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uscc::make;

    #[test]
    fn authorities() {
        let cases = [
            ("深圳市民政局", Some("深圳市民政局"), false),
            ("暂无", None, true),
            ("无", None, true),
            (" ", None, false),
        ];
        for (text, value, noted) in cases {
            let cleaned = clean_authority(text).unwrap();
            assert_eq!((cleaned.value.as_deref(), cleaned.note.is_some()), (value, noted), "{text}");
        }
        assert!(clean_authority("正常").is_err());
    }

    #[test]
    fn supervising_units_that_are_values() {
        let cases = [
            ("无", Some("无")),
            ("直接登记", Some("直接登记")),
            ("暂无", None),
            ("省教育厅", Some("省教育厅")),
            ("", None),
        ];
        for (text, value) in cases {
            assert_eq!(clean_supervising_unit(text).unwrap().value.as_deref(), value, "{text}");
        }
        assert_eq!(supervising_units("省教育厅，省文化厅、 无"), ["省教育厅", "省文化厅"]);
        for none in ["直接登记", "无", "", "政府相关部门", "广东省人民政府相关职能部门"]
        {
            assert!(supervising_units(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn names() {
        let place = |text: &str| text == "宁波市";
        assert_eq!(clean_name(" 中国（宁波）研究院", place).unwrap(), "中国（宁波）研究院");
        let cases = [
            ("宁波市", "只是地名"),
            ("宁波市&nbsp;", "只是地名"),
            ("", "没有填写"),
            ("暂无", "没有填写"),
            ("注销", "错了列"),
        ];
        for (text, words) in cases {
            let error = clean_name(text, place).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn slipped_columns() {
        for text in ["正常", "注销 ", "基金会", "5144030050267905XD", "2014-01-06"] {
            let error = clean_address(text).unwrap_err().to_string();
            assert!(error.contains("住所") && error.contains("错了列"), "{error}");
        }
        assert_eq!(clean_address("东城街道１４７号").unwrap().value.as_deref(), Some("东城街道147号"));
    }

    #[test]
    fn schools_among_the_foundations() {
        let code = |prefix| Uscc::parse(&make(prefix, "440300", 1)).unwrap().code;
        assert_eq!(odd_name(&code("53"), "深圳市测试学校").map(|odd| odd.ending), Some("学校"));
        assert!(odd_name(&code("53"), "测试村村民委员会").is_some());
        assert!(odd_name(&code("52"), "深圳市测试学校").is_none());
        assert!(odd_name(&code("53"), "测试学校教育基金会").is_none());
    }
}
