//! Money: yuan as people write them, kept in fen.

use crate::text::normalise;

/// Largest sum that is taken: 90 trillion yuan, the largest number of fen that every JSON reader keeps exact.
pub const MAX_FEN: i64 = (1 << 53) - 1;
/// From this number on, a column in 万元 is asked about: a thousand million yuan is no body's capital, a hundred
/// thousand yuan is the commonest.
pub const ASK_FROM_WAN: i64 = 100_000;

const FEN_PER_YUAN: i64 = 100;
const FEN_PER_WAN: i64 = 10_000 * FEN_PER_YUAN;
const FEN_PER_YI: i64 = 10_000 * FEN_PER_WAN;

/// The unit of a column, for numbers that do not say their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// 元
    Yuan,
    /// 万元
    WanYuan,
}

/// Why a text is not a sum of money.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MoneyError {
    /// Nothing was written.
    #[error("没有填写金额。")]
    Empty,
    /// Not a number.
    #[error("“{text}”不是金额。请只写数字，如 30000 或 3万元。")]
    NotANumber {
        /// What was written.
        text: String,
    },
    /// Below zero.
    #[error("金额“{text}”是负数。请核对后改正。")]
    Negative {
        /// What was written.
        text: String,
    },
    /// Finer than a fen.
    #[error("“{text}”精确到了分以下。请最多写到分。")]
    TooFine {
        /// What was written.
        text: String,
    },
    /// More than [`MAX_FEN`].
    #[error("金额“{text}”大得不合常理。请核对单位和位数。")]
    TooLarge {
        /// What was written.
        text: String,
    },
    /// So large for its column that it is probably in yuan.
    #[error(
        "“{text}”是元还是万元？按元算是 {}，按万元算是 {}。请在数字后面写明“元”或“万元”。",
        words(*.as_yuan_fen), words(*.as_wan_fen)
    )]
    AskUnit {
        /// What was written.
        text: String,
        /// What it is if it means yuan.
        as_yuan_fen: i64,
        /// What it is if it means 万元.
        as_wan_fen: i64,
    },
}

/// Reads a sum of money as fen. A unit behind the number (元, 万元, 亿元) goes before that of the column; a bare
/// number of at least [`ASK_FROM_WAN`] in a column of 万元 is asked about.
///
/// # Errors
/// [`MoneyError`], a sentence for the person who wrote it.
pub fn parse_money(text: &str, column: Unit) -> Result<i64, MoneyError> {
    let text = normalise(text);
    let plain = text.replace(' ', "");
    if plain.is_empty() {
        return Err(MoneyError::Empty);
    }
    let (number, unit) = split_unit(strip_currency(&plain));
    let number = Decimal::read(number).ok_or_else(|| MoneyError::NotANumber { text: text.clone() })?;
    if number.negative && !number.is_zero() {
        return Err(MoneyError::Negative { text });
    }
    let fen = |per_unit| number.times(per_unit).map_err(|fault| fault.told(&text));
    match (unit, column) {
        (Some(per_unit), _) => fen(per_unit),
        (None, Unit::Yuan) => fen(FEN_PER_YUAN),
        (None, Unit::WanYuan) if number.whole < ASK_FROM_WAN as u64 => fen(FEN_PER_WAN),
        (None, Unit::WanYuan) => {
            let (as_yuan_fen, as_wan_fen) = (fen(FEN_PER_YUAN)?, fen(FEN_PER_WAN)?);
            Err(MoneyError::AskUnit { text, as_yuan_fen, as_wan_fen })
        }
    }
}

/// The unit that a heading names. A heading that speaks of 万元 at all counts as 万元, the unit that asks.
pub fn unit_of_heading(heading: &str) -> Option<Unit> {
    let heading = normalise(heading);
    if heading.contains("万元") {
        Some(Unit::WanYuan)
    } else if heading.contains('元') {
        Some(Unit::Yuan)
    } else {
        None
    }
}

/// Writes fen as yuan with two decimals, for tables and files: 1234567.80.
pub fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    format!("{sign}{}.{:02}", fen / 100, fen % 100)
}

/// Writes fen as yuan with two decimals and separators, for screens: 1,234,567.80.
pub fn yuan_grouped(fen: i64) -> String {
    let plain = yuan(fen);
    let (whole, part) = plain.split_once('.').unwrap_or((&plain, "00"));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let groups: Vec<&str> =
        whole.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    format!("{sign}{}.{part}", groups.join(","))
}

/// Writes fen as 万元 with as many decimals as needed, for reports: 350, 0.0001.
pub fn wan_yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    let text = format!("{sign}{}.{:06}", fen / FEN_PER_WAN as u64, fen % FEN_PER_WAN as u64);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn words(fen: i64) -> String {
    if fen >= FEN_PER_YI {
        let yi = format!("{:.2}", fen as f64 / FEN_PER_YI as f64);
        format!("{} 亿元", yi.trim_end_matches('0').trim_end_matches('.'))
    } else {
        format!("{} 万元", wan_yuan(fen))
    }
}

fn strip_currency(text: &str) -> &str {
    ["人民币", "RMB", "rmb", "CNY", "¥"]
        .iter()
        .fold(text, |text, mark| text.strip_prefix(mark).unwrap_or(text))
}

fn split_unit(text: &str) -> (&str, Option<i64>) {
    let text = text.strip_suffix(['整', '正']).unwrap_or(text);
    let units = [
        ("万元", FEN_PER_WAN),
        ("亿元", FEN_PER_YI),
        ("万", FEN_PER_WAN),
        ("亿", FEN_PER_YI),
        ("元", FEN_PER_YUAN),
        ("圆", FEN_PER_YUAN),
    ];
    let found = units.iter().find_map(|(word, fen)| Some((text.strip_suffix(word)?, *fen)));
    found.map_or((text, None), |(number, fen)| (number, Some(fen)))
}

/// A number as it was written, without rounding.
struct Decimal<'a> {
    negative: bool,
    whole: u64,
    /// Digits behind the point, without zeros at the end.
    part: &'a str,
}

enum Fault {
    TooFine,
    TooLarge,
}

impl Fault {
    fn told(self, text: &str) -> MoneyError {
        let text = text.to_owned();
        match self {
            Fault::TooFine => MoneyError::TooFine { text },
            Fault::TooLarge => MoneyError::TooLarge { text },
        }
    }
}

impl Decimal<'_> {
    fn read(text: &str) -> Option<Decimal<'_>> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if !is_grouped(whole) || !digits(part) {
            return None;
        }
        // A number too long for u64 saturates and is refused as too large.
        let whole = whole.replace(',', "");
        let whole =
            if whole.is_empty() || !digits(&whole) { None } else { Some(whole.parse().unwrap_or(u64::MAX)) };
        Some(Decimal { negative, whole: whole?, part: part.trim_end_matches('0') })
    }

    fn is_zero(&self) -> bool {
        self.whole == 0 && self.part.is_empty()
    }

    fn times(&self, fen_per_unit: i64) -> Result<i64, Fault> {
        let scale = fen_per_unit as u128;
        let decimals = u32::try_from(self.part.len()).map_err(|_| Fault::TooFine)?;
        let divisor =
            10u128.checked_pow(decimals).filter(|d| scale.is_multiple_of(*d)).ok_or(Fault::TooFine)?;
        let part: u128 =
            if self.part.is_empty() { 0 } else { self.part.parse().map_err(|_| Fault::TooFine)? };
        let fen = u128::from(self.whole) * scale + part * (scale / divisor);
        i64::try_from(fen).ok().filter(|fen| *fen <= MAX_FEN).ok_or(Fault::TooLarge)
    }
}

/// Whether commas, if any, separate groups of three digits.
fn is_grouped(whole: &str) -> bool {
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let single = !whole.contains(',');
    single || ((1..=3).contains(&first.len()) && groups.all(|g| g.len() == 3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sums() {
        let cases = [
            ("30000", Unit::Yuan, 3_000_000),
            ("30,000.50", Unit::Yuan, 3_000_050),
            ("０.００", Unit::WanYuan, 0),
            ("200.00", Unit::WanYuan, 200_000_000),
            ("1142.75", Unit::WanYuan, 1_142_750_000),
            ("99999.999999", Unit::WanYuan, 99_999_999_999),
            ("3500000元", Unit::WanYuan, 350_000_000),
            ("3500000 元整", Unit::WanYuan, 350_000_000),
            ("350 万元", Unit::Yuan, 350_000_000),
            ("人民币3万", Unit::Yuan, 3_000_000),
            ("￥3.5", Unit::Yuan, 350),
            ("1.2亿元", Unit::Yuan, 12_000_000_000),
            ("5.", Unit::Yuan, 500),
            ("-0", Unit::Yuan, 0),
        ];
        for (text, unit, fen) in cases {
            assert_eq!(parse_money(text, unit), Ok(fen), "{text}");
        }
    }

    #[test]
    fn large_numbers_in_a_column_of_wan_are_asked_about() {
        let error = parse_money("3500000.00", Unit::WanYuan).unwrap_err();
        let expected = "“3500000.00”是元还是万元？按元算是 350 万元，按万元算是 350 亿元。请在数字后面写明“元”或“万元”。";
        assert_eq!(error.to_string(), expected);
        assert!(matches!(parse_money("100000", Unit::WanYuan), Err(MoneyError::AskUnit { .. })));
        assert!(parse_money("99999", Unit::WanYuan).is_ok());
        assert!(parse_money("100000", Unit::Yuan).is_ok());
    }

    #[test]
    fn what_is_no_sum_is_told() {
        let cases = [
            ("", "没有填写"),
            ("约200", "不是金额"),
            ("1,2", "不是金额"),
            ("5.31E+17", "不是金额"),
            ("-5", "负数"),
            ("0.001", "分以下"),
            ("99999999999999999999999", "大得"),
            ("正常", "不是金额"),
            (".", "不是金额"),
            ("元", "不是金额"),
        ];
        for (text, words) in cases {
            let error = parse_money(text, Unit::Yuan).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn headings() {
        let cases = [
            ("注册资金(元)", Some(Unit::Yuan)),
            ("注册资金（万元）", Some(Unit::WanYuan)),
            ("注册资金(原文,单位混用元/万元)", Some(Unit::WanYuan)),
            ("注册资金", None),
        ];
        for (heading, unit) in cases {
            assert_eq!(unit_of_heading(heading), unit, "{heading}");
        }
    }

    #[test]
    fn written_out() {
        let cases = [
            (0, "0.00", "0.00", "0"),
            (123_456_780, "1234567.80", "1,234,567.80", "123.45678"),
            (-5, "-0.05", "-0.05", "-0.000005"),
        ];
        for (fen, plain, grouped, wan) in cases {
            assert_eq!(
                (yuan(fen).as_str(), yuan_grouped(fen).as_str(), wan_yuan(fen).as_str()),
                (plain, grouped, wan)
            );
        }
        assert_eq!(wan_yuan(1_000_000_000_000), "1000000");
        assert_eq!(wan_yuan(10_000_000), "10");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(fen in 0..=MAX_FEN) {
            prop_assert_eq!(parse_money(&yuan(fen), Unit::Yuan), Ok(fen));
            prop_assert_eq!(parse_money(&yuan_grouped(fen), Unit::Yuan), Ok(fen));
            prop_assert_eq!(parse_money(&format!("{}万元", wan_yuan(fen)), Unit::Yuan), Ok(fen));
        }

        #[test]
        fn any_text_is_taken(text in "\\PC*|[0-9,.万元亿-]{0,30}") {
            let _ = parse_money(&text, Unit::Yuan);
            let _ = parse_money(&text, Unit::WanYuan);
        }
    }
}
