//! When to sync: on an interval or at times of day, never in the quiet hours; and how long to wait after a failure.

use std::time::Duration;

use backoff::{BackoffBuilder, ExponentialBuilder};

/// China Standard Time, UTC+8 all year.
const CST_OFFSET_MS: u64 = 8 * 3_600_000;
const DAY_MS: u64 = 86_400_000;
const MINUTE_MS: u64 = 60_000;

/// First wait after a failure.
const RETRY_FIRST: Duration = Duration::from_secs(2);
/// Longest wait: a street whose network comes back is served within this time.
const RETRY_LONGEST: Duration = Duration::from_secs(300);

/// When a node syncs by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// Every so many milliseconds after the last round; `None`: only at times of day.
    pub every_ms: Option<u64>,
    /// Minutes after midnight, Asia/Shanghai.
    pub at_minutes: Vec<u16>,
    /// From one minute of the day until another (may pass midnight) nothing is started.
    pub quiet: Option<(u16, u16)>,
}

impl Schedule {
    /// The next time to start after `now_ms`, given when the last round ended. `spread_ms`, this node's share of the
    /// spread that its parent asks for, keeps thirty streets from coming at 08:00:00 together.
    ///
    /// `None` when the schedule never starts anything.
    pub fn next(&self, now_ms: u64, last_ms: u64, spread_ms: u64) -> Option<u64> {
        let interval =
            self.every_ms.map(|every| if last_ms == 0 { now_ms } else { now_ms.max(last_ms + every) });
        let daily = self.at_minutes.iter().map(|minute| next_minute(now_ms, *minute) + spread_ms);
        let earliest = daily.chain(interval).min()?;
        Some(self.after_quiet(earliest))
    }

    /// `at_ms`, or the end of the quiet hours that it lies in.
    pub fn after_quiet(&self, at_ms: u64) -> u64 {
        match self.quiet {
            Some((from, until)) if in_span(minute_of_day(at_ms), from, until) => {
                let start_of_minute = at_ms - at_ms % MINUTE_MS;
                next_minute(start_of_minute - 1, until)
            }
            _ => at_ms,
        }
    }
}

fn minute_of_day(at_ms: u64) -> u16 {
    ((at_ms + CST_OFFSET_MS) % DAY_MS / MINUTE_MS) as u16
}

fn in_span(minute: u16, from: u16, until: u16) -> bool {
    if from <= until { (from..until).contains(&minute) } else { minute >= from || minute < until }
}

/// The next moment strictly after `now_ms` at which the minute of the day begins.
fn next_minute(now_ms: u64, minute: u16) -> u64 {
    let local = now_ms + CST_OFFSET_MS;
    let today = local - local % DAY_MS + u64::from(minute) * MINUTE_MS;
    let next = if today > local { today } else { today + DAY_MS };
    next - CST_OFFSET_MS
}

/// Waits between failed rounds: exponential with full jitter (each uniform between nothing and its ceiling),
/// endless; the same seed gives the same waits.
pub fn retry_delays(seed: u64) -> impl Iterator<Item = Duration> {
    let ceiling = ExponentialBuilder::default()
        .with_min_delay(RETRY_FIRST)
        .with_max_delay(RETRY_LONGEST)
        .without_max_times();
    // The library's jitter adds up to one delay on top; what it adds is the full jitter.
    let jittered = ceiling.with_jitter().with_jitter_seed(seed).build();
    jittered.zip(ceiling.build()).map(|(with, without)| with.saturating_sub(without))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22 00:00 in Shanghai.
    const MIDNIGHT: u64 = 1_795_276_800_000;
    const fn at(hour: u64, minute: u64) -> u64 {
        MIDNIGHT + hour * 3_600_000 + minute * MINUTE_MS
    }

    #[test]
    fn midnight_is_midnight() {
        assert_eq!(minute_of_day(MIDNIGHT), 0);
    }

    #[test]
    fn next_start() {
        let hourly = Schedule { every_ms: Some(3_600_000), at_minutes: vec![], quiet: None };
        let twice = Schedule { every_ms: None, at_minutes: vec![8 * 60, 17 * 60 + 30], quiet: None };
        let night = Schedule { quiet: Some((22 * 60, 6 * 60)), ..hourly.clone() };
        let never = Schedule { every_ms: None, at_minutes: vec![], quiet: None };
        let check = |schedule: &Schedule, now, last, spread, expected: Option<u64>| {
            assert_eq!(schedule.next(now, last, spread), expected, "{schedule:?} at {now}");
        };
        check(&hourly, at(9, 0), 0, 0, Some(at(9, 0)));
        check(&hourly, at(9, 0), at(8, 30), 0, Some(at(9, 30)));
        check(&hourly, at(9, 0), at(1, 0), 0, Some(at(9, 0)));
        check(&twice, at(7, 0), at(6, 0), 0, Some(at(8, 0)));
        check(&twice, at(8, 0), at(8, 0), 90_000, Some(at(17, 31) + 30_000));
        check(&twice, at(18, 0), at(17, 31), 0, Some(at(24 + 8, 0)));
        check(&night, at(23, 0), at(22, 59), 0, Some(at(24 + 6, 0)));
        check(&night, at(2, 0), 0, 0, Some(at(6, 0)));
        check(&night, at(6, 0), 0, 0, Some(at(6, 0)));
        check(&never, at(9, 0), 0, 0, None);
    }

    #[test]
    fn retries_are_seeded_spread_and_bounded() {
        let take = |seed| retry_delays(seed).take(40).collect::<Vec<_>>();
        assert_eq!(take(1), take(1));
        assert_ne!(take(1), take(2));
        assert!(take(1).iter().all(|d| *d <= RETRY_LONGEST));
        assert!(take(1)[20..].iter().any(|d| *d > RETRY_LONGEST / 4), "grows to the ceiling");
        assert!(take(1)[20..].iter().any(|d| *d < RETRY_LONGEST / 2), "full jitter also waits briefly");
    }
}
