//! A day of the civil calendar, of the years 1 to 9999.

use std::fmt;

/// A day of the civil calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A day of the week, which begins on Monday.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Date {
    /// The first day that can be named.
    pub const MIN: Date = Date { year: 1, month: 1, day: 1 };
    /// The last day that can be named.
    pub const MAX: Date = Date { year: 9999, month: 12, day: 31 };

    /// The day of that year, month and day; `None` when the calendar has no such day.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Date> {
        let valid = (1..=9999).contains(&year) && day >= 1 && day <= days_in_month(year, month);
        valid.then_some(Date { year, month, day })
    }

    /// Reads exactly YYYY-MM-DD, the form in which dates are stored.
    pub fn from_iso(text: &str) -> Option<Date> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let number = |from: usize, to: usize| {
            let digits = text.get(from..to).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
            digits.parse::<u16>().ok()
        };
        Date::new(number(0, 4)?, u8::try_from(number(5, 7)?).ok()?, u8::try_from(number(8, 10)?).ok()?)
    }

    /// The year.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, from 1.
    pub fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub fn day(self) -> u8 {
        self.day
    }

    /// Days since 1970-01-01; negative before it.
    pub fn days(self) -> i64 {
        // Years that begin in March, so that the leap day is a year's last (Howard Hinnant, days_from_civil).
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let month = (i64::from(self.month) + 9) % 12;
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// The day so many days after 1970-01-01; beyond the years 1 to 9999 the nearest day within them.
    pub fn from_days(days: i64) -> Date {
        let days = days.clamp(Date::MIN.days(), Date::MAX.days()) + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        Date { year: year as u16, month: month as u8, day: day as u8 }
    }

    /// The day so many days later, or earlier when negative; stays within the years 1 to 9999.
    pub fn add_days(self, days: i64) -> Date {
        Date::from_days(self.days().saturating_add(days))
    }

    /// The same day so many years later; of 29 February, 28 in a common year.
    pub fn add_years(self, years: u16) -> Date {
        let year = self.year.saturating_add(years).min(Date::MAX.year);
        Date { year, day: self.day.min(days_in_month(year, self.month)), ..self }
    }

    /// The day of the week.
    pub fn weekday(self) -> Weekday {
        use Weekday::*;
        let week = [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday];
        // 1970-01-01 was a Thursday.
        week[(self.days() + 3).rem_euclid(7) as usize]
    }

    /// As papers write it: 2026年11月22日.
    pub fn on_paper(self) -> String {
        format!("{}年{}月{}日", self.year, self.month, self.day)
    }
}

/// Writes YYYY-MM-DD.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Weekday {
    /// Its Chinese name.
    pub fn label(self) -> &'static str {
        ["星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"][self as usize]
    }
}

fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_calendar() {
        let cases = [
            ((2024, 2, 29), true),
            ((2023, 2, 29), false),
            ((1900, 2, 29), false),
            ((2000, 2, 29), true),
            ((2026, 4, 31), false),
            ((2026, 13, 1), false),
            ((2026, 0, 1), false),
            ((2026, 1, 0), false),
            ((0, 1, 1), false),
            ((9999, 12, 31), true),
        ];
        for ((year, month, day), exists) in cases {
            assert_eq!(Date::new(year, month, day).is_some(), exists, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn days_and_weekdays() {
        let cases = [
            ("1970-01-01", 0, "星期四"),
            ("2026-11-22", 20_779, "星期日"),
            ("2000-02-29", 11_016, "星期二"),
            ("1969-12-31", -1, "星期三"),
            ("0001-01-01", -719_162, "星期一"),
        ];
        for (text, days, weekday) in cases {
            let date = Date::from_iso(text).unwrap();
            assert_eq!(
                (date.days(), date.weekday().label(), date.to_string().as_str()),
                (days, weekday, text)
            );
        }
        let leap = Date::from_iso("2024-02-29").unwrap();
        assert_eq!(leap.add_years(3).to_string(), "2027-02-28");
        assert_eq!(leap.add_days(1).to_string(), "2024-03-01");
        assert_eq!(leap.on_paper(), "2024年2月29日");
        assert_eq!((Date::MAX.add_days(i64::MAX), Date::MIN.add_days(i64::MIN)), (Date::MAX, Date::MIN));
    }

    #[test]
    fn only_the_stored_form_is_iso() {
        for text in ["2026-1-01", "2026/01/01", "+026-01-01", "2026-01-011", "二〇二六年", "2026-02-30"]
        {
            assert_eq!(Date::from_iso(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn days_lead_back(days in -719_162i64..=2_932_896) {
            let date = Date::from_days(days);
            prop_assert_eq!(date.days(), days);
            prop_assert_eq!(Date::from_iso(&date.to_string()), Some(date));
            prop_assert_eq!(Date::new(date.year(), date.month(), date.day()), Some(date));
        }
    }
}
