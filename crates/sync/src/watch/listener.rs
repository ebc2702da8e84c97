//! The child's side of Watch: when a round is due.

use crate::Position;
use crate::schedule::Schedule;

/// Rounds without any fruit that may follow each other at once: a hint may come late, and ticks are no fruit.
const FRUITLESS_FREE: u32 = 3;
/// What the first fruitless round beyond those costs, milliseconds; each further one twice as much.
const FRUITLESS_WAIT_MS: u64 = 100;
/// The most that it comes to: a parent that hints in vain must not keep its child busy.
const FRUITLESS_WAIT_MS_MAX: u64 = 60_000;

/// What a node knows of why it should sync before its schedule says so.
#[derive(Debug, Default)]
pub struct Listener {
    connected: bool,
    /// Something here waits to go up that no round has taken along yet.
    waiting: bool,
    /// The newest position above with something for this node.
    news: Option<Position>,
    rounds: u64,
    fruitless: u32,
    not_before_ms: u64,
}

impl Listener {
    /// The line to the parent is open. What happened while it was not is unknown on both sides: one round tells.
    pub fn opened(&mut self) {
        self.connected = true;
        self.waiting = true;
    }

    /// The line to the parent is gone. Until it is back only the schedule starts rounds.
    pub fn closed(&mut self) {
        self.connected = false;
    }

    /// Whether the line to the parent is open.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Something was saved here, or came from below, that the parent lacks.
    pub fn changed(&mut self) {
        self.waiting = true;
    }

    /// The parent has something for this node.
    pub fn hinted(&mut self, at: Position) {
        self.news = Some(at);
    }

    /// A round begins, of whatever cause: it takes along all that is known now. What comes later needs another one.
    pub fn began(&mut self) {
        self.waiting = false;
        self.news = None;
    }

    /// A pull has reached its end at `cursor`: a hint that came meanwhile, of something this pull has brought
    /// already, is answered.
    pub fn pulled(&mut self, cursor: Position) {
        if self.news.is_some_and(|at| at.timeline == cursor.timeline && at.seq <= cursor.seq) {
            self.news = None;
        }
        self.rounds += 1;
    }

    /// How many rounds have come to the end of their pull.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// A round that was due has ended well; `fruitful` if anything went up or came down. Fruitless ones are spaced
    /// out more and more, so that no two nodes answer each other's echo for ever.
    pub fn ended(&mut self, fruitful: bool, now_ms: u64) {
        self.fruitless = if fruitful { 0 } else { self.fruitless.saturating_add(1) };
        let beyond = self.fruitless.saturating_sub(FRUITLESS_FREE);
        let wait = match beyond {
            0 => 0,
            _ => FRUITLESS_WAIT_MS.saturating_mul(1 << (beyond - 1).min(16)).min(FRUITLESS_WAIT_MS_MAX),
        };
        self.not_before_ms = now_ms.saturating_add(wait);
    }

    /// When the next round is due, UTC milliseconds, `now_ms` or earlier for at once; `None`: nothing to do. In quiet
    /// hours nothing is, unless this node is `called`.
    pub fn due(&self, now_ms: u64, schedule: &Schedule, called: bool) -> Option<u64> {
        if self.connected && called {
            return Some(now_ms);
        }
        let due = self.connected && (self.waiting || self.news.is_some());
        // A clock that was set back must not stop anything for long.
        let not_before = self.not_before_ms.min(now_ms.saturating_add(FRUITLESS_WAIT_MS_MAX));
        due.then(|| schedule.after_quiet(now_ms.max(not_before)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TimelineId;

    /// 2026-11-22 12:00 in Shanghai.
    const NOON: u64 = 1_795_276_800_000 + 12 * 3_600_000;
    const ALWAYS: Schedule = Schedule { every_ms: None, at_minutes: Vec::new(), quiet: None };

    fn at(timeline: u64, seq: u64) -> Position {
        Position { timeline: TimelineId(timeline), seq }
    }

    /// Connected, and caught up.
    fn idle() -> Listener {
        let mut listener = Listener::default();
        listener.opened();
        listener.began();
        listener.pulled(at(1, 10));
        listener.ended(true, NOON);
        assert_eq!(listener.due(NOON, &ALWAYS, false), None);
        listener
    }

    fn is_due(listener: &Listener) -> bool {
        listener.due(NOON, &ALWAYS, false).is_some_and(|due| due <= NOON)
    }

    #[test]
    fn what_starts_a_round() {
        let mut listener = Listener::default();
        listener.changed();
        assert!(!is_due(&listener), "without a line the schedule alone decides");
        listener.opened();
        assert!(is_due(&listener));
        let hint: fn(&mut Listener) = |listener| listener.hinted(at(1, 11));
        for cause in [Listener::changed, hint, Listener::opened] {
            let mut listener = idle();
            cause(&mut listener);
            assert!(is_due(&listener));
            listener.closed();
            assert!(!is_due(&listener));
        }
    }

    #[test]
    fn what_comes_during_a_round_needs_another_unless_it_was_brought() {
        let check = |during: &dyn Fn(&mut Listener), expected| {
            let mut listener = idle();
            listener.changed();
            listener.began();
            during(&mut listener);
            listener.pulled(at(1, 20));
            listener.ended(true, NOON);
            assert_eq!(is_due(&listener), expected);
        };
        check(&|_| {}, false);
        check(&Listener::changed, true);
        check(&|l| l.hinted(at(1, 20)), false);
        check(&|l| l.hinted(at(1, 21)), true);
        check(&|l| l.hinted(at(2, 3)), true);
    }

    #[test]
    fn quiet_hours_are_respected() {
        let mut listener = idle();
        listener.changed();
        let quiet = Schedule { quiet: Some((11 * 60, 13 * 60)), ..ALWAYS };
        assert_eq!(listener.due(NOON, &quiet, false), Some(NOON + 3_600_000));
        assert_eq!(listener.due(NOON, &quiet, true), Some(NOON), "a call does not wait");
    }

    #[test]
    fn fruitless_rounds_are_spaced_out() {
        let mut listener = idle();
        let mut waits = Vec::new();
        for _ in 0..20 {
            listener.hinted(at(1, 99));
            waits.push(listener.due(NOON, &ALWAYS, false).unwrap() - NOON);
            listener.began();
            listener.ended(false, NOON);
        }
        assert_eq!(waits[..7], [0, 0, 0, 0, 100, 200, 400]);
        assert_eq!(waits[19], FRUITLESS_WAIT_MS_MAX);
        listener.changed();
        assert!(
            listener.due(NOON - 400 * 86_400_000, &ALWAYS, false).is_some_and(|due| due < NOON),
            "clock set back"
        );
        listener.began();
        listener.ended(true, NOON);
        listener.changed();
        assert!(is_due(&listener), "fruit makes it quick again");
    }
}
