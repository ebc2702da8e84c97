//! 统一社会信用代码 (GB 32100-2015): parsing, check digits, and the words for what is wrong with one.
//!
//! The area inside a code is that of the office at the time of issue: never derive today's place from it, and
//! accept areas that no longer exist.

use std::fmt;

use crate::text::normalise;

/// Characters of a code.
const LEN: usize = 18;
/// The 31 characters of the standard; the value of each is its position. I O S V Z are not among them.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
/// Weights of positions 1–17: powers of 3 modulo 31.
const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
/// Weights of positions 9–16 for the digit of the organisation code inside (GB 11714).
const INNER_WEIGHTS: [usize; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
/// First character of made-up organisation bodies. Those of the real registers we saw begin with a digit, A, D or
/// M; test data must not hit a real body.
const MADE_UP: u8 = b'T';

/// A unified social credit code whose form is valid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uscc([u8; LEN]);

/// A code that was read, with what a person should look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    /// The code, in capital letters, without spaces.
    pub code: Uscc,
    /// What is odd about it; empty for nearly all real codes.
    pub warnings: Vec<UsccWarning>,
}

/// Why a text is not a unified code.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UsccError {
    /// Nothing was written.
    #[error("没有填写统一社会信用代码。请按登记证书填写 18 位代码。")]
    Empty,
    /// Not 18 characters.
    #[error("统一社会信用代码应为 18 位，这里是 {found} 位。请对照登记证书补全或删去多余的字符。")]
    Length {
        /// How many characters there are.
        found: usize,
    },
    /// A character that no code has.
    #[error("第 {at} 位“{char}”不会出现在统一社会信用代码里{}。请对照登记证书改正。", hint(*.char))]
    Alphabet {
        /// Position, counted from 1.
        at: usize,
        /// What stands there.
        char: char,
    },
    /// Positions 3–8 are not digits.
    #[error("第 3 到第 8 位是登记机关的行政区划代码，应全是数字。请对照登记证书改正。")]
    Area,
    /// The last character does not fit the others.
    #[error(
        "校验码不对：按前 17 位推算，最后一位应是“{expected}”。多半有一位写错了，请对照登记证书逐位核对。"
    )]
    CheckDigit {
        /// What the other 17 demand.
        expected: char,
    },
    /// A spreadsheet took the code for a number and lost its last digits.
    #[error(
        "“{text}”是表格软件把代码当成数字后的样子，后几位已经丢失。请把这一列设成“文本”格式，重新填写完整的 18 位代码。"
    )]
    Spreadsheet {
        /// What stands in the cell.
        text: String,
    },
}

/// What is odd about a code that may nevertheless be right.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UsccWarning {
    /// The digit of the organisation code inside does not fit. Real codes with this fault exist.
    #[error("代码第 17 位与主体标识码不符（推算应是“{expected}”）。登记册里确有这样的代码，请核对后再用。")]
    InnerDigit {
        /// What positions 9–16 demand.
        expected: char,
    },
    /// The last character does not fit, and an officer let it pass.
    #[error("代码的校验码不对（推算应是“{expected}”），已由经办人说明理由后保留。")]
    CheckDigit {
        /// What the other 17 demand.
        expected: char,
    },
}

/// What sort of body the first two characters name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// 51 社会团体
    SocialGroup,
    /// 52 社会服务机构(民办非企业单位)
    ServiceBody,
    /// 53 基金会
    Foundation,
    /// 5x: registered by the civil affairs department, none of the above.
    OtherCivilAffairs,
    /// Registered by another department: a company, an office, a trade union …
    Elsewhere,
}

impl Uscc {
    /// Reads a code as people write it: full-width characters, spaces and small letters are put right first.
    ///
    /// # Errors
    /// [`UsccError`], a sentence for the person who wrote it.
    pub fn parse(text: &str) -> Result<Checked, UsccError> {
        let code = form(text)?;
        let expected = check_character(&code);
        if code.0[LEN - 1] != expected {
            return Err(UsccError::CheckDigit { expected: expected.into() });
        }
        Ok(Checked { code, warnings: inner_warning(&code).into_iter().collect() })
    }

    /// As [`Uscc::parse`], but a wrong check digit is only a warning: for the officer who gives a reason why the
    /// register itself holds such a code.
    ///
    /// # Errors
    /// [`UsccError`] for everything else that is wrong.
    pub fn parse_despite_check_digit(text: &str) -> Result<Checked, UsccError> {
        let code = form(text)?;
        let expected = check_character(&code);
        let outer =
            (code.0[LEN - 1] != expected).then(|| UsccWarning::CheckDigit { expected: expected.into() });
        Ok(Checked { code, warnings: outer.into_iter().chain(inner_warning(&code)).collect() })
    }

    /// The 18 characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The code in groups as it is shown on screens: 51 440300 50267905X D.
    pub fn grouped(&self) -> String {
        let code = self.as_str();
        [&code[..2], &code[2..8], &code[8..17], &code[17..]].join(" ")
    }

    /// What sort of body it was issued to.
    pub fn class(&self) -> Class {
        match &self.0[..2] {
            b"51" => Class::SocialGroup,
            b"52" => Class::ServiceBody,
            b"53" => Class::Foundation,
            [b'5', _] => Class::OtherCivilAffairs,
            _ => Class::Elsewhere,
        }
    }

    /// The six digits of the office that issued it, as they were then.
    pub fn issuing_area(&self) -> &str {
        &self.as_str()[2..8]
    }
}

/// Makes a valid code for tests and rehearsals; different seeds below 31⁷ give different codes. Their bodies begin
/// with T, as no real one is known to. `prefix` is two characters ("52"), `area` six digits; what is missing or impossible in them is
/// replaced by 0.
pub fn make(prefix: &str, area: &str, seed: u64) -> String {
    let mut code = [b'0'; LEN];
    let known = |c: &u8| ALPHABET.contains(c);
    for (at, c) in prefix.bytes().take(2).enumerate().filter(|(_, c)| known(c)) {
        code[at] = c;
    }
    for (at, c) in area.bytes().take(6).enumerate().filter(|(_, c)| c.is_ascii_digit()) {
        code[2 + at] = c;
    }
    code[8] = MADE_UP;
    let mut rest = seed;
    for at in (9..16).rev() {
        code[at] = ALPHABET[(rest % 31) as usize];
        rest /= 31;
    }
    code[16] = inner_character(&code);
    code[17] = check_character(&Uscc(code));
    Uscc(code).to_string()
}

impl fmt::Display for Uscc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Uscc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uscc({self})")
    }
}

fn form(text: &str) -> Result<Uscc, UsccError> {
    let mut text = normalise(text).replace(' ', "").to_ascii_uppercase();
    // The mark by which people tell a spreadsheet that a number is text.
    if text.starts_with(['\'', '’']) {
        text = text.chars().skip(1).collect();
    }
    if text.is_empty() {
        return Err(UsccError::Empty);
    }
    if is_spreadsheet_number(&text) {
        return Err(UsccError::Spreadsheet { text });
    }
    let found = text.chars().count();
    if found != LEN {
        return Err(UsccError::Length { found });
    }
    if let Some((at, char)) = text.chars().enumerate().find(|(_, c)| value(*c).is_none()) {
        return Err(UsccError::Alphabet { at: at + 1, char });
    }
    let code: [u8; LEN] = text.as_bytes().try_into().map_err(|_| UsccError::Length { found })?;
    if code[2..8].iter().all(u8::is_ascii_digit) { Ok(Uscc(code)) } else { Err(UsccError::Area) }
}

/// 5.31E+17, or 531000005000185000.0: a number, not a code. No code has a point or a plus.
fn is_spreadsheet_number(text: &str) -> bool {
    let (digits, exponent) = text.split_once('E').unwrap_or((text, "+0"));
    let exponent_ok = exponent.strip_prefix('+').is_some_and(is_digits) || is_digits(exponent);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let marked = text.contains(['.', '+']);
    marked && exponent_ok && is_digits(whole) && (part.is_empty() || is_digits(part))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn value(c: char) -> Option<usize> {
    ALPHABET.iter().position(|a| char::from(*a) == c)
}

fn check_character(code: &Uscc) -> u8 {
    let values = code.0.iter().map(|b| value(char::from(*b)).unwrap_or_default());
    let sum: usize = values.zip(WEIGHTS).map(|(v, w)| v * w).sum();
    ALPHABET[(31 - sum % 31) % 31]
}

fn inner_character(code: &[u8; LEN]) -> u8 {
    let value = |b: &u8| if b.is_ascii_digit() { b - b'0' } else { b - b'A' + 10 } as usize;
    let sum: usize = code[8..16].iter().map(value).zip(INNER_WEIGHTS).map(|(v, w)| v * w).sum();
    match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        digit => b'0' + digit as u8,
    }
}

fn inner_warning(code: &Uscc) -> Option<UsccWarning> {
    let expected = inner_character(&code.0);
    (code.0[16] != expected).then(|| UsccWarning::InnerDigit { expected: expected.into() })
}

fn hint(char: char) -> &'static str {
    match char {
        'I' => "，可能是数字 1",
        'O' => "，可能是数字 0",
        'S' => "，可能是数字 5",
        'Z' => "，可能是数字 2",
        'V' => "，可能是字母 U 或 Y",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn real_codes_pass() {
        let codes = [
            "53100000500021676K",
            "5144030050267905XD",
            "53440300342861679J",
            "53440300MJL174067D",
            "52370902MJE596136L",
            "53330329MJ9284555Y",
            "53320115MJ5782530B",
            "53320111MJ5807507W",
            "53110000082888954A",
            "53460000348197625F",
            "531000005000185302",
            "51430221MJJ777403L",
        ];
        for code in codes {
            let checked = Uscc::parse(code).unwrap();
            assert_eq!(checked.code.as_str(), code);
            assert_eq!(checked.warnings, [], "{code}");
        }
    }

    #[test]
    fn as_people_write_them() {
        let cases =
            ["５１４４０３００５０２６７９０５ＸＤ", " 51 440300 50267905x d\u{200b}", "'5144030050267905XD"];
        for text in cases {
            assert_eq!(Uscc::parse(text).unwrap().code.to_string(), "5144030050267905XD", "{text}");
        }
        let code = Uscc::parse("5144030050267905XD").unwrap().code;
        assert_eq!(code.grouped(), "51 440300 50267905X D");
        assert_eq!((code.class(), code.issuing_area()), (Class::SocialGroup, "440300"));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let length = |found| UsccError::Length { found };
        let sheet = |text: &str| UsccError::Spreadsheet { text: text.to_owned() };
        let cases = [
            ("", UsccError::Empty),
            ("  ", UsccError::Empty),
            ("5344", length(4)),
            ("5144030050267905XD1", length(19)),
            ("51440300502S7905XD", UsccError::Alphabet { at: 12, char: 'S' }),
            ("51440300502中7905XD", UsccError::Alphabet { at: 12, char: '中' }),
            ("5144A30050267905XD", UsccError::Area),
            ("534100006716555970", UsccError::CheckDigit { expected: 'Y' }),
            ("53100000500020462H", UsccError::CheckDigit { expected: 'K' }),
            ("5.31E+17", sheet("5.31E+17")),
            ("5.31000005000185e17", sheet("5.31000005000185E17")),
            ("531000005000185000.0", sheet("531000005000185000.0")),
        ];
        for (text, error) in cases {
            assert_eq!(Uscc::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn words_say_what_to_do() {
        let words = Uscc::parse("51440300502S7905XD").unwrap_err().to_string();
        assert_eq!(words, "第 12 位“S”不会出现在统一社会信用代码里，可能是数字 5。请对照登记证书改正。");
        let words = Uscc::parse("5.31E+17").unwrap_err().to_string();
        assert!(words.contains("5.31E+17") && words.contains("文本"), "{words}");
    }

    #[test]
    fn a_wrong_inner_digit_is_only_a_warning() {
        let checked = Uscc::parse("534100006897043010").unwrap();
        assert!(matches!(checked.warnings[..], [UsccWarning::InnerDigit { .. }]));
    }

    #[test]
    fn an_officer_may_keep_a_failing_code() {
        let checked = Uscc::parse_despite_check_digit("534100006716555970").unwrap();
        assert!(checked.warnings.contains(&UsccWarning::CheckDigit { expected: 'Y' }));
        assert_eq!(Uscc::parse_despite_check_digit("5344"), Err(UsccError::Length { found: 4 }));
        let fine = Uscc::parse_despite_check_digit("5144030050267905XD").unwrap();
        assert_eq!(fine.warnings, []);
    }

    #[test]
    fn made_codes_are_valid_whatever_is_asked() {
        assert!(make("52", "440307", 7).starts_with("52440307T"));
        assert_ne!(make("52", "440307", 7), make("52", "440307", 8));
        for (prefix, area) in [("", ""), ("S中", "44x"), ("520", "4403070")] {
            assert!(Uscc::parse(&make(prefix, area, u64::MAX)).is_ok(), "{prefix} {area}");
        }
    }

    proptest! {
        #[test]
        fn one_changed_character_is_caught(seed: u64, at in 0usize..18, with in "[0-9A-Z中]") {
            let code = make("51", "441900", seed);
            prop_assert_eq!(Uscc::parse(&code).unwrap().warnings, []);
            let mut changed: Vec<String> = code.chars().map(String::from).collect();
            prop_assume!(changed[at] != with);
            changed[at] = with;
            prop_assert!(Uscc::parse(&changed.concat()).is_err());
        }

        #[test]
        fn any_text_is_taken(text in "\\PC*|[0-9A-Z.+]{0,20}") {
            let _ = Uscc::parse(&text);
            let _ = Uscc::parse_despite_check_digit(&text);
        }
    }
}
