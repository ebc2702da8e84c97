//! Times and numbers in words: Asia/Shanghai, which has been eight hours ahead of UTC all year since 1992.

use domain::date::span;
use time::{OffsetDateTime, UtcOffset};

/// A clock that differs by more is worth a word: less is hidden by ordinary drift and the way through the network.
const CLOCK_OFFSET_MS_MAX: u64 = 2 * 60 * 1_000;

/// `2026-11-22 09:12`; nothing for zero or for an instant beyond the calendar.
pub fn instant(at_ms: u64) -> Option<String> {
    let seconds = i64::try_from(at_ms / 1_000).ok().filter(|_| at_ms > 0)?;
    let zone = UtcOffset::from_hms(8, 0, 0).ok()?;
    let at = OffsetDateTime::from_unix_timestamp(seconds).ok()?.checked_to_offset(zone)?;
    let (date, hour, minute) = (at.date(), at.hour(), at.minute());
    Some(format!("{date} {hour:02}:{minute:02}"))
}

/// As [`instant`], or `otherwise`.
pub fn instant_or(at_ms: u64, otherwise: &str) -> String {
    instant(at_ms).unwrap_or_else(|| otherwise.to_owned())
}

/// How far two clocks are apart, when that matters: `fast` says who is ahead if the offset is positive, `slow` if not.
pub fn clock(offset_ms: i64, fast: &str, slow: &str) -> Option<String> {
    let apart = offset_ms.unsigned_abs();
    let who = if offset_ms > 0 { fast } else { slow };
    (apart > CLOCK_OFFSET_MS_MAX).then(|| format!("{who}快 {}", span(apart)))
}

/// A number with its thousands apart: `1,234`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_in_shanghai() {
        for (at_ms, shown) in [
            (1_795_309_920_000, Some("2026-11-22 09:12")),
            (1_795_363_199_999, Some("2026-11-22 23:59")),
            (1_795_363_200_000, Some("2026-11-23 00:00")),
            (1, Some("1970-01-01 08:00")),
            (0, None),
            (u64::MAX, None),
            (253_402_300_799_000, None),
        ] {
            assert_eq!(instant(at_ms).as_deref(), shown, "{at_ms}");
        }
    }

    #[test]
    fn clocks() {
        assert_eq!(clock(120_000, "上级", "本机"), None);
        assert_eq!(clock(-120_001, "上级", "本机").as_deref(), Some("本机快 2 分钟"));
        assert_eq!(clock(3_600_000, "上级", "本机").as_deref(), Some("上级快 60 分钟"));
        assert!(clock(i64::MIN, "上级", "本机").is_some());
    }

    #[test]
    fn numbers() {
        for (value, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(value), shown);
        }
    }
}
