//! 行政区划代码: the statistical code of 12 digits, built from the 6 of GB/T 2260 and 3 + 3 below.
//!
//! A prefix tells where a code was *numbered*, not who runs the place: 大鹏新区 runs streets that carry Longgang's
//! prefix. So nothing here knows jurisdictions.

use std::fmt;

use crate::text::normalise;

const LEN: usize = 12;
/// How many digits name each level, from province to village.
const ENDS: [(Level, usize); 5] =
    [(Level::Province, 2), (Level::City, 4), (Level::County, 6), (Level::Street, 9), (Level::Village, 12)];

/// A division code of 12 digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DivisionCode([u8; LEN]);

/// How far down a code reaches, judged by its zeros.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// 省级
    Province,
    /// 地级
    City,
    /// 县级
    County,
    /// 乡级: 街道, 镇, 乡, 功能区
    Street,
    /// 村级: 社区, 村
    Village,
}

/// Why a text is not a division code.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DivisionError {
    /// Nothing was written.
    #[error("没有填写行政区划代码。请填写 6 位、9 位或 12 位代码。")]
    Empty,
    /// Neither 6 nor 9 nor 12 digits.
    #[error("行政区划代码应为 6 位（县级）、9 位（乡级）或 12 位，这里是 {found} 位。请核对后补全。")]
    Length {
        /// How many characters there are.
        found: usize,
    },
    /// Something that is not a digit.
    #[error("行政区划代码只能是数字，第 {at} 位是“{char}”。请改正；如果只知道地名，请从区划表里查出代码。")]
    Digit {
        /// Position, counted from 1.
        at: usize,
        /// What stands there.
        char: char,
    },
    /// No province has this number.
    #[error("没有以“{prefix}”开头的省级代码。请核对前两位。")]
    Province {
        /// The first two digits.
        prefix: String,
    },
    /// A village without its street.
    #[error("“{code}”有村（社区）的号而没有乡（街道）的号。请核对第 7 到第 9 位。")]
    Gap {
        /// The code.
        code: String,
    },
    /// A spreadsheet took the code for a number and lost its last digits.
    #[error("“{text}”是表格软件把代码当成数字后的样子。请把这一列设成“文本”格式，重新填写代码。")]
    Spreadsheet {
        /// What stands in the cell.
        text: String,
    },
}

impl DivisionCode {
    /// Reads 6, 9 or 12 digits, padding with zeros on the right.
    ///
    /// # Errors
    /// [`DivisionError`], a sentence for the person who wrote it.
    pub fn parse(text: &str) -> Result<DivisionCode, DivisionError> {
        let text = normalise(text).replace(' ', "");
        let text = text.trim_start_matches(['\'', '’']);
        if text.is_empty() {
            return Err(DivisionError::Empty);
        }
        if text.contains('.') && text.chars().all(|c| c.is_ascii_digit() || "+.eE".contains(c)) {
            return Err(DivisionError::Spreadsheet { text: text.to_owned() });
        }
        if let Some((at, char)) = text.chars().enumerate().find(|(_, c)| !c.is_ascii_digit()) {
            return Err(DivisionError::Digit { at: at + 1, char });
        }
        if !matches!(text.len(), 6 | 9 | LEN) {
            return Err(DivisionError::Length { found: text.len() });
        }
        let mut code = [b'0'; LEN];
        code[..text.len()].copy_from_slice(text.as_bytes());
        DivisionCode(code).checked()
    }

    fn checked(self) -> Result<DivisionCode, DivisionError> {
        // 11 Beijing to 82 Macao; the first digit is the region.
        if !(b'1'..=b'8').contains(&self.0[0]) {
            return Err(DivisionError::Province { prefix: self.as_str()[..2].to_owned() });
        }
        let (street, village) = (&self.as_str()[6..9], &self.as_str()[9..]);
        if street == "000" && village != "000" {
            return Err(DivisionError::Gap { code: self.to_string() });
        }
        Ok(self)
    }

    /// The 12 digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// How far down the code reaches. A city without districts has streets right below it.
    pub fn level(&self) -> Level {
        let used = self.0.iter().rposition(|b| *b != b'0').map_or(0, |last| last + 1);
        ENDS.iter().find(|(_, end)| used <= *end).map_or(Level::Village, |(level, _)| *level)
    }

    /// The code that this one's digits lie under: 441900003000 → 441900000000, since Dongguan has no districts.
    /// `None` for a province. The table of divisions may say otherwise: Beijing's districts hang on Beijing, not
    /// on the placeholder 110100.
    pub fn parent_by_prefix(&self) -> Option<DivisionCode> {
        let above = ENDS.iter().rev().filter(|(level, _)| *level < self.level());
        above.map(|(_, end)| self.cut(*end)).find(|code| code != self)
    }

    /// The nine digits of the street or town; `None` when the code does not reach that far down.
    pub fn street9(&self) -> Option<&str> {
        (self.level() >= Level::Street).then(|| &self.as_str()[..9])
    }

    /// The six digits of GB/T 2260.
    pub fn county6(&self) -> &str {
        &self.as_str()[..6]
    }

    /// Whether `other` was numbered under this code, or is it.
    pub fn is_prefix_of(&self, other: &DivisionCode) -> bool {
        let end = ENDS.iter().find(|(level, _)| *level == self.level()).map_or(LEN, |(_, end)| *end);
        self.0[..end] == other.0[..end]
    }

    fn cut(&self, end: usize) -> DivisionCode {
        let mut code = [b'0'; LEN];
        code[..end].copy_from_slice(&self.0[..end]);
        DivisionCode(code)
    }
}

impl fmt::Display for DivisionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for DivisionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DivisionCode({self})")
    }
}

impl std::str::FromStr for DivisionCode {
    type Err = DivisionError;

    fn from_str(text: &str) -> Result<DivisionCode, DivisionError> {
        DivisionCode::parse(text)
    }
}

impl Level {
    /// The word of forms and lists.
    pub fn label(self) -> &'static str {
        match self {
            Level::Province => "省级",
            Level::City => "地级",
            Level::County => "县级",
            Level::Street => "乡级",
            Level::Village => "村级",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn levels_and_parents() {
        let cases = [
            ("440000", "440000000000", Level::Province, None),
            ("440300", "440300000000", Level::City, Some("440000000000")),
            ("440307", "440307000000", Level::County, Some("440300000000")),
            ("440307009", "440307009000", Level::Street, Some("440307000000")),
            ("４４０３０７００９００１", "440307009001", Level::Village, Some("440307009000")),
            ("441900003000", "441900003000", Level::Street, Some("441900000000")),
            ("440310", "440310000000", Level::County, Some("440300000000")),
        ];
        for (text, full, level, parent) in cases {
            let code = DivisionCode::parse(text).unwrap();
            assert_eq!((code.as_str(), code.level()), (full, level), "{text}");
            assert_eq!(code.parent_by_prefix().map(|p| p.to_string()).as_deref(), parent, "{text}");
        }
    }

    #[test]
    fn parts() {
        let code = DivisionCode::parse("440307009").unwrap();
        assert_eq!((code.county6(), code.street9()), ("440307", Some("440307009")));
        assert_eq!(DivisionCode::parse("440307").unwrap().street9(), None);
        let city = DivisionCode::parse("440300").unwrap();
        assert!(city.is_prefix_of(&code) && city.is_prefix_of(&city) && !code.is_prefix_of(&city));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let cases = [
            ("", DivisionError::Empty),
            ("4403", DivisionError::Length { found: 4 }),
            ("东城街道", DivisionError::Digit { at: 1, char: '东' }),
            ("44030a", DivisionError::Digit { at: 6, char: 'a' }),
            ("040300", DivisionError::Province { prefix: "04".to_owned() }),
            ("440307000001", DivisionError::Gap { code: "440307000001".to_owned() }),
            ("4.40307E+11", DivisionError::Spreadsheet { text: "4.40307E+11".to_owned() }),
        ];
        for (text, error) in cases {
            assert_eq!(DivisionCode::parse(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "\\PC*|[0-9]{12}|[0-9]{6}") {
            if let Ok(code) = DivisionCode::parse(&text) {
                prop_assert_eq!(DivisionCode::parse(code.as_str()), Ok(code));
                if let Some(parent) = code.parent_by_prefix() {
                    prop_assert!(parent.level() < code.level() && parent.is_prefix_of(&code));
                }
            }
        }
    }
}
