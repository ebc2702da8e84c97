//! Why a value was not taken, in the words of the person who wrote it.

use thiserror::Error;

/// How much of a wrong value a message repeats.
const QUOTE_CHARS_MAX: usize = 30;

/// A value that does not fit its field.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "each message says what its fields are")]
pub enum BadValue {
    #[error("“{text}”不是日期，应写成 2026-11-22")]
    Date { text: String },
    #[error("“{text}”不是时间，应写成 2026-11-22 09:30")]
    Instant { text: String },
    #[error("“{text}”不是起止日期，应写成 2026-01-01 至 2026-12-31")]
    Range { text: String },
    #[error("“{text}”的结束早于开始")]
    RangeReversed { text: String },
    #[error("“{text}”不是金额，应以元为单位写成 1234.50")]
    Money { text: String },
    #[error("“{text}”不是整数")]
    Whole { text: String },
    #[error("“{text}”不是数字")]
    Number { text: String },
    #[error("“{text}”超出允许的大小")]
    OutOfRange { text: String },
    #[error("“{text}”应填“是”或“否”")]
    Bool { text: String },
    #[error("“{text}”不在可选项中，可选：{choices}")]
    Choice { text: String, choices: String },
    #[error("“{text}”不是统一社会信用代码，应为 18 位数字和大写字母，不含 I、O、S、V、Z")]
    Uscc { text: String },
    #[error("“{text}”是表格软件改成的数字，请把该列设为文本格式后重新填写代码")]
    Spreadsheet { text: String },
    #[error("“{text}”不是区划代码，应为 12 位数字（6 位、9 位的在右边补 0）")]
    Division { text: String },
    #[error("“{text}”不是电话号码")]
    Phone { text: String },
    #[error("“{text}”不是编号，应为 32 位十六进制")]
    Id { text: String },
    #[error("“{text}”不是十六进制")]
    Hex { text: String },
    #[error("太长：{length}，最多 {max}")]
    TooLong { length: usize, max: usize },
    #[error("太多：{count} 项，最多 {max} 项")]
    TooMany { count: usize, max: usize },
    #[error("含有不能保存的字符（U+{code:04X}）")]
    Character { code: u32 },
    #[error("“{label}”不能在一个单元格里填写，请在表单中填写")]
    NeedsForm { label: String },
    #[error("“{label}”的形式不对，应为{expected}")]
    Json { label: String, expected: &'static str },
    #[error("“{label}”没有名为“{part}”的内容")]
    UnknownPart { label: String, part: String },
    #[error("“{label}”的编码无法识别")]
    Malformed { label: String },
}

/// The beginning of a wrong value, harmless to show.
pub(super) fn quote(text: &str) -> String {
    let mut quoted: String =
        text.chars().filter(|letter| !letter.is_control()).take(QUOTE_CHARS_MAX).collect();
    if text.chars().nth(QUOTE_CHARS_MAX).is_some() {
        quoted.push('…');
    }
    quoted
}
