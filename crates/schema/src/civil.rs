//! Civil dates and times in Asia/Shanghai, which has been eight hours ahead of UTC all year since 1992.

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const OFFSET_MS: i64 = 8 * HOUR_MS;

/// Whether this is a date of the calendar, written `YYYY-MM-DD`.
pub(crate) fn is_date(text: &str) -> bool {
    parse_date(text).is_some()
}

/// Days since 1970-01-01 of a date written `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (digits(&bytes[..4])?, digits(&bytes[5..7])?, digits(&bytes[8..])?);
    let valid = year >= 1 && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    valid.then(|| days(year, month, day))
}

/// UTC milliseconds of `YYYY-MM-DD HH:MM`, with or without seconds, in Asia/Shanghai.
pub(crate) fn parse_instant(text: &str) -> Option<i64> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let parts: Vec<i64> = time.split(':').map(two_digits).collect::<Option<_>>()?;
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] => (*hour, *minute, 0),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return None,
    };
    let valid = hour < 24 && minute < 60 && second < 60;
    let of_day = hour * HOUR_MS + minute * 60_000 + second * 1_000;
    valid.then_some(parse_date(date)? * DAY_MS + of_day - OFFSET_MS)
}

/// `YYYY-MM-DD HH:MM` in Asia/Shanghai, with the seconds when there are any.
pub(crate) fn show_instant(at_ms: i64) -> String {
    let local = at_ms.saturating_add(OFFSET_MS);
    let (year, month, day) = civil(local.div_euclid(DAY_MS));
    let second = local.rem_euclid(DAY_MS) / 1_000;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let seconds = if second == 0 { String::new() } else { format!(":{second:02}") };
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}{seconds}")
}

fn two_digits(text: &str) -> Option<i64> {
    if text.len() == 2 { digits(text.as_bytes()) } else { None }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes
        .iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01; years are counted from March, so that the leap day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = (from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_exist() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("2000-02-29", Some(11_016)),
            ("2026-11-22", Some(20_779)),
            ("1900-02-29", None),
            ("2026-13-01", None),
            ("2026-11-2", None),
            ("2026/11/22", None),
            ("0000-01-01", None),
            ("２026-11-22", None),
        ] {
            assert_eq!(parse_date(text), expected, "{text}");
        }
    }

    #[test]
    fn days_and_dates_agree_for_eight_centuries() {
        for day in (-200_000..100_000).step_by(7) {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }

    #[test]
    fn instants_are_in_shanghai() {
        assert_eq!(parse_instant("1970-01-01 08:00"), Some(0));
        assert_eq!(show_instant(0), "1970-01-01 08:00");
        assert_eq!(show_instant(-1_000), "1970-01-01 07:59:59");
        for wrong in
            ["2026-11-22", "2026-11-22 24:00", "2026-11-22 9:00", "2026-11-22 09:00:00:00", "x 09:00"]
        {
            assert_eq!(parse_instant(wrong), None, "{wrong}");
        }
        for extreme in [i64::MIN, i64::MAX] {
            show_instant(extreme);
        }
    }
}
