//! Dates as registers and clerks write them.

use super::Date;
use crate::clean::{Cleaned, Note, is_blank_word};
use crate::text::normalise;

/// No body of today's registers is older; registers use such dates for "unknown".
const OLDEST: (u16, u8, u8) = (1950, 1, 1);
/// What programs write for an empty date: day 0 of Unix.
const UNIX_ZERO: (u16, u8, u8) = (1970, 1, 1);
/// What registers write for "without end".
const ENDLESS: (u16, u8, u8) = (9999, 12, 31);
/// Words for "without end".
const ENDLESS_WORDS: [&str; 5] = ["长期", "永久", "长期有效", "永久有效", "至今"];
/// Day numbers of spreadsheets that are today's dates: 1954 to 2119.
const SERIALS: std::ops::RangeInclusive<u32> = 20_000..=80_000;

/// A span of days; either end may be open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Period {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
}

/// Why a text is not a date, or not a span of days.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DateError {
    /// No known way of writing a date.
    #[error("“{text}”不是日期。请写成 2026-11-22 这样的年-月-日。")]
    Unreadable {
        /// What was written.
        text: String,
    },
    /// The calendar has no such day.
    #[error("日历上没有“{text}”这一天。请核对年、月、日。")]
    NoSuchDay {
        /// What was written.
        text: String,
    },
    /// A spreadsheet's day number.
    #[error("“{text}”像是表格软件里日期的内部数字。请把这一列设成“日期”或“文本”格式，写成 2026-11-22 这样。")]
    Serial {
        /// What was written.
        text: String,
    },
    /// A span that ends before it begins.
    #[error("止期 {to} 早于起期 {from}。请核对后改正。")]
    Reversed {
        /// The first day.
        from: Date,
        /// The last day.
        to: Date,
    },
    /// One date where a span was expected.
    #[error(
        "“{text}”只有一个日期。请写成“起 至 止”，如 2017-04-25 至 2020-04-25；只知道一头的写“至 2021-05-02”或“2012-12-11 至”。"
    )]
    OneDate {
        /// What was written.
        text: String,
    },
}

/// Reads a date: 2026-11-22, 2026/11/22, 2026.11.22, 2026年11月22日, 20261122, each also with a time of day behind
/// it, which is dropped. What stands for "unknown" (nothing, 不详, a day before 1950, 1970-01-01) is empty, with a
/// note where something stood.
///
/// # Errors
/// [`DateError`], a sentence for the person who wrote it.
pub fn clean_date(text: &str) -> Result<Cleaned<Date>, DateError> {
    let text = normalise(text);
    if is_blank_word(&text) {
        return Ok(Cleaned::blank(&text));
    }
    let (day, time) = split_time(&text);
    let date = read(day).map_err(|fault| fault.told(&text))?;
    if is_unknown(date) {
        return Ok(Cleaned::emptied(Note::UnknownDate { text }));
    }
    let dropped = time.is_some_and(|time| time.bytes().any(|b| b.is_ascii_digit() && b != b'0'));
    Ok(Cleaned { value: Some(date), note: dropped.then_some(Note::TimeDropped { text }) })
}

/// Reads a span of days, "2017-04-25 至 2020-04-25"; either end may be missing, 长期 at the end leaves it open. Ends
/// that stand for "unknown" are empty, with a note. A span without any end is empty.
///
/// # Errors
/// [`DateError`], a sentence for the person who wrote it.
pub fn clean_range(text: &str) -> Result<Cleaned<Period>, DateError> {
    let text = normalise(text);
    if is_blank_word(&text) {
        return Ok(Cleaned::blank(&text));
    }
    let Some((from, to)) = split_range(&text) else {
        return Err(clean_date(&text).err().unwrap_or(DateError::OneDate { text }));
    };
    let from = clean_date(from)?;
    let to = if ENDLESS_WORDS.contains(&to.trim()) { Cleaned::default() } else { clean_date(to)? };
    let period = Period { from: from.value, to: to.value.filter(|to| !is(*to, ENDLESS)) };
    if let (Some(from), Some(to)) = (period.from, period.to)
        && to < from
    {
        return Err(DateError::Reversed { from, to });
    }
    let known = period.from.is_some() || period.to.is_some();
    Ok(Cleaned { value: known.then_some(period), note: from.note.or(to.note) })
}

/// What [`read`] found wrong; the caller knows the whole text.
enum Fault {
    Unreadable,
    NoSuchDay,
    Serial,
}

impl Fault {
    fn told(self, text: &str) -> DateError {
        let text = text.to_owned();
        match self {
            Fault::Unreadable => DateError::Unreadable { text },
            Fault::NoSuchDay => DateError::NoSuchDay { text },
            Fault::Serial => DateError::Serial { text },
        }
    }
}

fn read(day: &str) -> Result<Date, Fault> {
    let day = day.replace(' ', "");
    if is_serial(&day) {
        return Err(Fault::Serial);
    }
    let (year, month, day) = parts(&day).ok_or(Fault::Unreadable)?;
    let small = |part: &str| part.parse::<u8>().map_err(|_| Fault::Unreadable);
    let year: u16 = year.parse().map_err(|_| Fault::Unreadable)?;
    Date::new(year, small(month)?, small(day)?).ok_or(Fault::NoSuchDay)
}

/// The digits of year, month and day. Years of two digits are refused: 01-02-03 can be read six ways.
fn parts(day: &str) -> Option<(&str, &str, &str)> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if day.len() == 8 && digits(day) {
        return Some((&day[..4], &day[4..6], &day[6..]));
    }
    let day = day.strip_suffix(['日', '号']).unwrap_or(day);
    let mut parts = day.split(['-', '/', '.', '年', '月', '‐', '–', '—', '−']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let shaped = year.len() == 4 && month.len() <= 2 && day.len() <= 2 && parts.next().is_none();
    (shaped && [year, month, day].into_iter().all(digits)).then_some((year, month, day))
}

fn is_serial(day: &str) -> bool {
    let (whole, part) = day.split_once('.').unwrap_or((day, "0"));
    let is_number = [whole, part].iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    is_number && whole.parse().is_ok_and(|n| SERIALS.contains(&n))
}

/// Splits off a time of day: "2026-11-22 00:00:00", "2026-11-22T09:30".
fn split_time(text: &str) -> (&str, Option<&str>) {
    match text.split_once(['T', 't']).or_else(|| text.rsplit_once(' ')) {
        Some((day, time)) if time.contains(':') && !day.is_empty() => (day, Some(time)),
        _ => (text, None),
    }
}

fn split_range(text: &str) -> Option<(&str, &str)> {
    let marked = ["至今", "至", "到", "~", "～", "〜", "--", "——", " - ", " — ", " – "];
    let split = |mark: &&str| match *mark {
        "至今" => text.strip_suffix("至今").map(|from| (from, "至今")),
        mark => text.split_once(mark),
    };
    // A lone dash between dates that are written with other marks: 2017.4.25-2020.4.24.
    let lone = || text.split_once('-').filter(|(_, to)| !to.contains('-'));
    marked.iter().find_map(split).or_else(lone)
}

fn is_unknown(date: Date) -> bool {
    let (year, month, day) = OLDEST;
    (date.year(), date.month(), date.day()) < (year, month, day) || is(date, UNIX_ZERO)
}

fn is(date: Date, that: (u16, u8, u8)) -> bool {
    (date.year(), date.month(), date.day()) == that
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn iso(text: &str) -> Option<Date> {
        (!text.is_empty()).then(|| Date::from_iso(text).unwrap())
    }

    #[test]
    fn ways_of_writing_a_date() {
        let cases = [
            "2026-11-22",
            "2026/11/22",
            "2026.11.22",
            "2026年11月22日",
            "20261122",
            " ２０２６－１１－２２ ",
            "2026年 11月 22日",
            "2026-11-22 00:00:00",
            "2026-11-22T00:00",
        ];
        for text in cases {
            assert_eq!(clean_date(text).unwrap(), Cleaned::of(Date::new(2026, 11, 22).unwrap()), "{text}");
        }
        assert_eq!(clean_date("2006/1/2").unwrap().value, iso("2006-01-02"));
        let timed = clean_date("2026-11-22 09:30:00").unwrap();
        assert_eq!((timed.value, timed.note.is_some()), (iso("2026-11-22"), true));
    }

    #[test]
    fn dates_that_mean_unknown_are_empty_and_noted() {
        for text in ["1899-12-30", "1900-01-01", "1970-01-01", "1949/12/31", "0001-01-01", "不详", "无", "-"]
        {
            let cleaned = clean_date(text).unwrap();
            assert!(cleaned.value.is_none() && cleaned.note.is_some(), "{text}: {cleaned:?}");
        }
        assert_eq!(clean_date(" ").unwrap(), Cleaned::default());
        assert_eq!(clean_date("1950-01-01").unwrap().value, iso("1950-01-01"));
        assert_eq!(clean_date("1970-01-02").unwrap().value, iso("1970-01-02"));
    }

    #[test]
    fn what_is_no_date_is_told() {
        let cases = [
            ("42735", "内部数字"),
            ("42735.5", "内部数字"),
            ("2026-02-30", "没有"),
            ("20261301", "没有"),
            ("26-11-22", "不是日期"),
            ("2026年11月", "不是日期"),
            ("正常", "不是日期"),
            ("2026", "不是日期"),
            ("2026-11-22-01", "不是日期"),
            ("2026-+1-02", "不是日期"),
        ];
        for (text, words) in cases {
            let error = clean_date(text).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains(text), "{text}: {error}");
        }
    }

    #[test]
    fn ranges() {
        let cases = [
            ("2017-04-25 至 2020-04-25", "2017-04-25", "2020-04-25"),
            ("2017年4月25日至2020年4月25日", "2017-04-25", "2020-04-25"),
            ("2017.4.25-2020.4.25", "2017-04-25", "2020-04-25"),
            ("2017-04-25 - 2020-04-25", "2017-04-25", "2020-04-25"),
            ("2017/04/25～2020/04/25", "2017-04-25", "2020-04-25"),
            ("20170425-20200425", "2017-04-25", "2020-04-25"),
            ("至 2021-05-02", "", "2021-05-02"),
            ("2012-12-11 至", "2012-12-11", ""),
            ("2012-12-11 至 长期", "2012-12-11", ""),
            ("2012-12-11至今", "2012-12-11", ""),
            ("2012-12-11 至 9999-12-31", "2012-12-11", ""),
            ("2014-09-24 至 2014-09-24", "2014-09-24", "2014-09-24"),
        ];
        for (text, from, to) in cases {
            let period = Period { from: iso(from), to: iso(to) };
            assert_eq!(clean_range(text).unwrap(), Cleaned::of(period), "{text}");
        }
    }

    #[test]
    fn ranges_without_ends_are_empty() {
        for (text, noted) in [("至", false), ("", false), ("1900-01-01 至 1900-01-01", true), ("暂无", true)]
        {
            let cleaned = clean_range(text).unwrap();
            assert_eq!((cleaned.value, cleaned.note.is_some()), (None, noted), "{text}");
        }
        let half = clean_range("1900-01-01 至 2020-04-25").unwrap();
        assert_eq!(half.value, Some(Period { from: None, to: iso("2020-04-25") }));
        assert!(half.note.is_some());
    }

    #[test]
    fn ranges_that_are_refused() {
        let cases = [
            ("2020-04-25 至 2017-04-25", "早于"),
            ("2020-04-25", "只有一个日期"),
            ("2020.04.25", "只有一个日期"),
            ("三年", "不是日期"),
            ("42735 至 43000", "内部数字"),
        ];
        for (text, words) in cases {
            let error = clean_range(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "\\PC*|[0-9年月日至到~T: ./-]{0,24}") {
            let _ = clean_date(&text);
            let _ = clean_range(&text);
        }
    }
}
