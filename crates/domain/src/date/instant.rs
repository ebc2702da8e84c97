//! Instants (UTC milliseconds) and the day they fall on in Asia/Shanghai, on any machine.

use super::Date;

/// Asia/Shanghai is eight hours ahead of UTC all year; summer time ended in 1991.
pub const SHANGHAI_OFFSET_MS: i64 = 8 * 3_600_000;

const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;

/// The day on which an instant falls.
pub fn shanghai_date(instant_ms: i64) -> Date {
    Date::from_days(instant_ms.saturating_add(SHANGHAI_OFFSET_MS).div_euclid(DAY_MS))
}

/// An instant as screens show it: 2026-11-22 09:12.
pub fn shanghai_minute(instant_ms: i64) -> String {
    let local = instant_ms.saturating_add(SHANGHAI_OFFSET_MS);
    let minutes = local.rem_euclid(DAY_MS) / MINUTE_MS;
    format!("{} {:02}:{:02}", shanghai_date(instant_ms), minutes / 60, minutes % 60)
}

/// The first millisecond of a day.
pub fn start_of_day_ms(date: Date) -> i64 {
    date.days() * DAY_MS - SHANGHAI_OFFSET_MS
}

/// The end of a day, 24:00: what is done before it is still in time, at it no more.
pub fn end_of_day_ms(date: Date) -> i64 {
    start_of_day_ms(date) + DAY_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_deadline_ends_at_24_00_in_shanghai() {
        let deadline = Date::from_iso("2021-01-15").unwrap();
        let end = end_of_day_ms(deadline);
        assert_eq!(end, 1_610_726_400_000, "2021-01-15T16:00:00Z");
        assert_eq!(shanghai_date(end - 1), deadline);
        assert_eq!(shanghai_minute(end - 1), "2021-01-15 23:59");
        assert_eq!(shanghai_minute(end), "2021-01-16 00:00");
        assert_eq!(start_of_day_ms(deadline.add_days(1)), end);
    }

    proptest! {
        #[test]
        fn every_instant_lies_within_its_day(instant in -60_000_000_000_000i64..250_000_000_000_000) {
            let date = shanghai_date(instant);
            prop_assert!((start_of_day_ms(date)..end_of_day_ms(date)).contains(&instant));
        }

        #[test]
        fn any_number_is_taken(instant: i64) {
            shanghai_minute(instant);
        }
    }
}
