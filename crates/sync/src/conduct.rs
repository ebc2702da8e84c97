//! How children behave: what of theirs was refused within the last hour, and how much work they made; and who is slowed
//! down because of it.
//!
//! Slowed down is not shut out. An honest child with a broken program still delivers what is good, only less often, and
//! the others have the node to themselves meanwhile. What is counted is kept in memory: a node that restarts begins anew,
//! which only makes it more patient.

use std::collections::BTreeMap;

use causal::BaseId;

const HOUR_MS: u64 = 3_600_000;
/// Records refused or corrected within an hour: more than one whole batch is no slip of a hand.
pub const REFUSED_MAX: u64 = 500;
/// Messages within an hour that could not be read, or were too large: a sound program sends none.
pub const BROKEN_MAX: u64 = 20;
/// Calls within an hour: a street in which something is saved every second makes half of them.
pub const CALLS_MAX: u64 = 20_000;
/// Time within an hour that a child's questions may keep this node busy, milliseconds. The first copy of a million
/// records takes a minute; whoever asks about all rows over and over takes it from the others.
pub const BUSY_MS_MAX: u64 = 10 * 60_000;
/// A child that is slowed down may begin a round this often, milliseconds.
pub const SLOW_MS: u64 = 10 * 60_000;
/// What such a round is good for: one stream up, one down, and a new certificate.
const SLOW_STREAMS: u32 = 3;

/// Something that a child did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    /// It called.
    Call,
    /// So many of its records were refused or corrected.
    Refused(u64),
    /// It sent what could not be read, or was too large.
    Broken,
    /// Its questions kept this node busy for so long, milliseconds.
    Busy(u64),
}

/// What was seen of a child within the hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// Calls.
    pub calls: u64,
    /// Records refused or corrected.
    pub refused: u64,
    /// Messages that could not be read.
    pub broken: u64,
    /// Time that its questions took, milliseconds.
    pub busy_ms: u64,
}

impl Seen {
    fn is_too_much(&self) -> bool {
        self.refused > REFUSED_MAX
            || self.broken > BROKEN_MAX
            || self.calls > CALLS_MAX
            || self.busy_ms > BUSY_MS_MAX
    }
}

/// A child that is slowed down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slowed {
    /// Because of this.
    pub seen: Seen,
    /// When it may begin a round again, UTC milliseconds.
    pub until_ms: u64,
}

#[derive(Debug, Default)]
struct Hour {
    since_ms: u64,
    seen: Seen,
    /// When its last round began; 0: none within this memory.
    begun_ms: u64,
    streams: u32,
}

impl Hour {
    fn slowed(&self, now_ms: u64) -> Option<Slowed> {
        let over = now_ms.abs_diff(self.since_ms) >= HOUR_MS;
        (!over && self.seen.is_too_much())
            .then(|| Slowed { seen: self.seen, until_ms: self.begun_ms.saturating_add(SLOW_MS) })
    }
}

/// The children of a node, as it has come to know them. Never more of them than the tree has.
#[derive(Debug, Default)]
pub struct Conduct {
    children: BTreeMap<BaseId, Hour>,
}

impl Conduct {
    /// Notes what a child did.
    pub fn note(&mut self, child: BaseId, deed: Deed, now_ms: u64) {
        let hour = self.children.entry(child).or_default();
        // A clock that was set back begins a new hour too: nothing may last for ever.
        if now_ms.abs_diff(hour.since_ms) >= HOUR_MS {
            *hour = Hour { since_ms: now_ms, begun_ms: hour.begun_ms, ..Hour::default() };
        }
        let seen = &mut hour.seen;
        match deed {
            Deed::Call => seen.calls += 1,
            Deed::Refused(count) => seen.refused = seen.refused.saturating_add(count),
            Deed::Broken => seen.broken += 1,
            Deed::Busy(ms) => seen.busy_ms = seen.busy_ms.saturating_add(ms),
        }
    }

    /// Why a child is slowed down; `None`: it is not.
    pub fn slowed(&self, child: BaseId, now_ms: u64) -> Option<Slowed> {
        self.children.get(&child)?.slowed(now_ms)
    }

    /// A child wants to begin a round.
    ///
    /// # Errors
    /// [`Slowed`] when it has to wait.
    pub fn begin(&mut self, child: BaseId, now_ms: u64) -> Result<(), Slowed> {
        let hour = self.children.entry(child).or_default();
        if let Some(slowed) = hour.slowed(now_ms).filter(|slowed| now_ms < slowed.until_ms) {
            return Err(slowed);
        }
        (hour.begun_ms, hour.streams) = (now_ms, 0);
        Ok(())
    }

    /// A child opens a stream of its round, up or down, or wants its certificate renewed.
    ///
    /// # Errors
    /// [`Slowed`] when this round is used up.
    pub fn stream(&mut self, child: BaseId, now_ms: u64) -> Result<(), Slowed> {
        let Some(hour) = self.children.get_mut(&child) else { return Ok(()) };
        match hour.slowed(now_ms).filter(|_| hour.streams >= SLOW_STREAMS) {
            Some(slowed) => Err(slowed),
            None => {
                hour.streams += 1;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: BaseId = BaseId([1; 16]);
    const GOOD: BaseId = BaseId([2; 16]);
    const NOW: u64 = 1_790_000_000_000;

    fn after(deeds: &[(Deed, u64)]) -> Conduct {
        let mut conduct = Conduct::default();
        for (deed, times) in deeds {
            (0..*times).for_each(|_| conduct.note(BAD, *deed, NOW));
        }
        conduct
    }

    #[test]
    fn each_sort_of_misconduct_has_its_limit() {
        for (deed, most) in [
            (Deed::Refused(1), REFUSED_MAX),
            (Deed::Broken, BROKEN_MAX),
            (Deed::Call, CALLS_MAX),
            (Deed::Busy(1_000), BUSY_MS_MAX / 1_000),
        ] {
            assert_eq!(after(&[(deed, most)]).slowed(BAD, NOW), None, "{deed:?}");
            assert!(after(&[(deed, most + 1)]).slowed(BAD, NOW).is_some(), "{deed:?}");
        }
    }

    #[test]
    fn who_is_slowed_down_is_let_in_less_often_and_others_as_ever() {
        let mut conduct = after(&[(Deed::Refused(600), 1)]);
        assert_eq!(conduct.begin(BAD, NOW), Ok(()), "what is good of it is still delivered");
        let again = conduct.begin(BAD, NOW + 1_000).unwrap_err();
        assert_eq!((again.seen.refused, again.until_ms), (600, NOW + SLOW_MS));
        assert_eq!(conduct.begin(GOOD, NOW + 1_000), Ok(()));
        assert_eq!(conduct.begin(BAD, NOW + SLOW_MS), Ok(()));
        assert!(conduct.begin(BAD, NOW + SLOW_MS + 1).is_err());
    }

    #[test]
    fn a_round_of_who_is_slowed_down_is_good_for_little() {
        let mut conduct = after(&[(Deed::Broken, BROKEN_MAX + 1)]);
        conduct.begin(BAD, NOW).unwrap();
        assert!((0..SLOW_STREAMS).all(|_| conduct.stream(BAD, NOW).is_ok()));
        assert!(conduct.stream(BAD, NOW).is_err());
        assert!((0..9).all(|_| conduct.stream(GOOD, NOW).is_ok()));
    }

    #[test]
    fn an_hour_later_it_is_forgotten_whichever_way_the_clock_went() {
        for later in [NOW + HOUR_MS, NOW - HOUR_MS] {
            let mut conduct = after(&[(Deed::Refused(600), 1)]);
            assert_eq!(conduct.slowed(BAD, later), None);
            conduct.note(BAD, Deed::Refused(1), later);
            assert_eq!(conduct.slowed(BAD, later), None);
        }
    }
}
