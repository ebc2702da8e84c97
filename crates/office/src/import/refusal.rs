//! Why a row is not taken: a sentence for the person who corrects it, and a sort of reason for counting.

use domain::clean::NameError;
use domain::date::DateError;
use domain::division::DivisionError;
use domain::money::MoneyError;
use domain::uscc::UsccError;
use schema::Field;
use schema::text::BadValue;

use crate::OfficeError;

/// Longest reason: what fits beside a row on a screen.
const REASON_CHARS_MAX: usize = 600;

/// Where the first clause of a sentence ends.
const STOPS: [char; 11] = ['，', '：', '；', '。', '（', ',', ':', ';', '(', '/', '\n'];

/// Why a row is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Why, and what to do.
    pub reason: String,
    /// The sort of reason.
    pub why: String,
}

impl Refusal {
    pub(super) fn new(reason: impl Into<String>, why: impl Into<String>) -> Refusal {
        Refusal { reason: reason.into(), why: why.into() }
    }

    /// A fault in one column.
    pub(super) fn of(field: &Field, words: impl std::fmt::Display, why: &str) -> Refusal {
        Refusal { reason: format!("{}：{words}", field.label), why: format!("{}：{why}", field.label) }
    }

    /// All faults of a row in one: everything is told at once, the first is counted.
    pub(super) fn joined(faults: Vec<Refusal>) -> Option<Refusal> {
        let why = faults.first()?.why.clone();
        let reasons: Vec<&str> = faults.iter().map(|fault| fault.reason.trim_end_matches('。')).collect();
        Some(Refusal { reason: clip(&(reasons.join("；") + "。")), why })
    }

    pub(super) fn missing(field: &Field) -> Refusal {
        let label = &field.label;
        Refusal::new(format!("请填写“{label}”"), format!("没有填写“{label}”"))
    }

    pub(super) fn repeats(line: u64) -> Refusal {
        Refusal::new(
            format!("与第 {line} 行重复，内容却不同。请核对后只留一行。"),
            "与前面的行重复，内容不同",
        )
    }

    pub(super) fn deleted(title: &str) -> Refusal {
        let reason = format!("“{title}”在系统里已被删除，没有重新导入。确需恢复的，请先恢复这条记录。");
        Refusal::new(clip(&reason), "记录已被删除")
    }

    pub(super) fn code(field: &Field, error: &UsccError, explains: Option<&Field>) -> Refusal {
        let (why, hint) = match (error, explains) {
            (UsccError::CheckDigit { .. }, Some(explains)) => {
                ("校验码不对", format!("登记册上确是如此的，请在“{}”一栏写明核实情况。", explains.label))
            }
            (UsccError::CheckDigit { .. }, None) => ("校验码不对", String::new()),
            (UsccError::Spreadsheet { .. }, _) => ("被表格软件改成了数字", String::new()),
            (UsccError::Length { .. }, _) => ("不是 18 位", String::new()),
            (UsccError::Alphabet { .. }, _) => ("有代码里不会出现的字符", String::new()),
            (UsccError::Area, _) => ("区划部分不是数字", String::new()),
            (UsccError::Empty, _) => ("没有填写", String::new()),
        };
        Refusal::of(field, format!("{error}{hint}"), why)
    }

    pub(super) fn date(field: &Field, error: &DateError) -> Refusal {
        let why = match error {
            DateError::Unreadable { .. } => "不是日期",
            DateError::NoSuchDay { .. } => "日历上没有这一天",
            DateError::Serial { .. } => "是表格软件的内部数字",
            DateError::Reversed { .. } => "止期早于起期",
            DateError::OneDate { .. } => "只有一个日期",
        };
        Refusal::of(field, error, why)
    }

    pub(super) fn money(field: &Field, error: &MoneyError) -> Refusal {
        let why = match error {
            MoneyError::AskUnit { .. } => "单位不明，是元还是万元",
            MoneyError::Negative { .. } => "是负数",
            MoneyError::TooFine { .. } => "精确到了分以下",
            MoneyError::TooLarge { .. } => "大得不合常理",
            MoneyError::Empty | MoneyError::NotANumber { .. } => "不是金额",
        };
        let hint = match error {
            MoneyError::AskUnit { .. } => {
                "如果这一列的大额数字单位都相同，也可以在导入时用 --large-amounts yuan（都按元）或 wan（都按万元）说明。"
            }
            _ => "",
        };
        Refusal::of(field, format!("{error}{hint}"), why)
    }

    pub(super) fn division(field: &Field, error: &DivisionError) -> Refusal {
        Refusal::of(field, error, "不是行政区划代码")
    }

    pub(super) fn name(field: &Field, error: &NameError) -> Refusal {
        let why = match error {
            NameError::Empty => "没有填写",
            NameError::OnlyPlace { .. } => "只是地名",
            NameError::Shifted(_) => "这一行错了列",
        };
        Refusal::of(field, error, why)
    }

    pub(super) fn bad(field: &Field, error: &BadValue) -> Refusal {
        let words = error.to_string();
        Refusal::of(field, &words, &class_of(&words))
    }

    /// What saving refused.
    pub(super) fn saving(error: &OfficeError) -> Refusal {
        match error {
            OfficeError::Invalid { faults } => {
                let first = faults.first().map(String::as_str).unwrap_or_default();
                let (label, words) = first.split_once(':').unwrap_or(("", first));
                let why = class_of(words);
                Refusal::new(
                    clip(&faults.join("；")),
                    if label.is_empty() { why } else { format!("{label}：{why}") },
                )
            }
            OfficeError::NotAllowed { faults } => {
                let first = faults.first().map(ToString::to_string).unwrap_or_default();
                Refusal::new(clip(&format!("未保存：{first}")), "不归本基地填写")
            }
            other => Refusal::new(clip(&other.to_string()), class_of(&other.to_string())),
        }
    }
}

fn clip(words: &str) -> String {
    match words.char_indices().nth(REASON_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &words[..at]),
        None => words.to_owned(),
    }
}

/// The part of a sentence that is the same for every row: without the value that it begins or ends with, without
/// numbers, up to its first stop.
fn class_of(words: &str) -> String {
    let words =
        words.strip_prefix('“').map_or(words, |quoted| quoted.split_once('”').map_or("", |(_, rest)| rest));
    let clause = words.split(STOPS).next().unwrap_or_default();
    let plain: String = clause.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    let plain = match plain.trim().trim_end_matches('”').rsplit_once('“') {
        Some((before, _)) if !before.contains('“') => before.trim(),
        _ => plain.trim(),
    };
    if plain.is_empty() { "不能保存".to_owned() } else { plain.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_says_nothing_of_one_row() {
        let cases = [
            ("“甲”不在可选项中，可选：正常、注销", "不在可选项中"),
            ("“2026年”不是日期，应写成 2026-11-22", "不是日期"),
            ("太长：120，最多 100", "太长"),
            ("含有不能保存的字符（U+0007）", "含有不能保存的字符"),
            ("行政区划表里没有代码 440307009099", "行政区划表里没有代码"),
            ("没有找到基地“某某” / no such base", "没有找到基地"),
            ("“也许”应填“是”或“否”", "应填“是”或“否”"),
            ("“没有下引号", "不能保存"),
        ];
        for (words, class) in cases {
            assert_eq!(class_of(words), class, "{words}");
        }
    }
}
