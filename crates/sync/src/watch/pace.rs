//! How fast a child may talk over its Watch.

/// A child says something at most this often, milliseconds; what comes between goes together.
pub const SAY_EVERY_MS: u64 = 20;
/// Words of progress in one message: the nodes of a large city.
pub const PROGRESS_MAX: usize = 10_000;
/// Messages that may come at once: after a stall of the network they arrive together.
const BURST: u64 = 200;
/// Every so many milliseconds one more; half of what an honest child keeps to.
const REFILL_MS: u64 = SAY_EVERY_MS / 2;

/// Counts one child's messages; more than it may say ends its line.
#[derive(Debug)]
pub struct Pace {
    left: u64,
    since_ms: u64,
}

impl Pace {
    /// A line that opens now.
    pub fn new(now_ms: u64) -> Pace {
        Pace { left: BURST, since_ms: now_ms }
    }

    /// Whether one more message is within the bounds.
    pub fn allows(&mut self, now_ms: u64) -> bool {
        let more = now_ms.saturating_sub(self.since_ms) / REFILL_MS;
        if more > 0 {
            self.left = self.left.saturating_add(more).min(BURST);
            self.since_ms = now_ms;
        }
        // A clock that was set back only costs the refill until then.
        self.since_ms = self.since_ms.min(now_ms);
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => return false,
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_the_pace_is_never_cut_and_a_flood_is() {
        let mut pace = Pace::new(0);
        assert!((1..10_000).all(|n| pace.allows(n * SAY_EVERY_MS)));
        let mut pace = Pace::new(0);
        assert_eq!((0..10_000).take_while(|_| pace.allows(5)).count() as u64, BURST);
    }
}
