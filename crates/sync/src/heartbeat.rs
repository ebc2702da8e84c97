//! What a child says of its own database at each handshake, and what its parent makes of it: a database that was
//! restored, two nodes under one identity, and edits that only a lost disk held.

use causal::{Dot, ReplicaId};

use crate::position::{Position, TimelineId};

/// What a node says of its own database.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Heartbeat {
    /// Where it stands.
    pub position: Position,
    /// The last edit it made since its opening; tick 0 while it has made none.
    pub head: Dot,
}

/// What a parent remembers of a child's heartbeats.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Memory {
    /// The last one.
    pub last: Option<Heartbeat>,
    /// The stretch that the child was in before that.
    pub former: Option<TimelineId>,
    /// The head of a replica with which the child no longer writes. Whether its edits have arrived is seen later.
    pub owed: Option<Dot>,
    /// When two live nodes last called under this identity, UTC milliseconds; 0 for never.
    pub clone_at_ms: u64,
}

/// What a heartbeat told, as far as it must be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// The same as before.
    Nothing,
    /// The child went on as it was: what it has saved since is on its way. To be kept soon, in case it never comes.
    Further,
    /// Another stretch of its life, or another replica: to be kept at once.
    Other,
}

impl Memory {
    /// Takes note of a heartbeat.
    pub fn hear(&mut self, beat: Heartbeat, now_ms: u64) -> Heard {
        let Some(last) = self.last.replace(beat) else { return Heard::Other };
        let line = beat.position.timeline;
        if line != last.position.timeline {
            // A restart begins a stretch that was never heard of: one that comes back belongs to another live node.
            if self.former == Some(line) {
                self.clone_at_ms = now_ms;
            }
            self.former = Some(last.position.timeline);
        }
        if beat.head.replica != last.head.replica && last.head.tick > 0 {
            self.owed = Some(last.head);
        }
        let same = line == last.position.timeline && beat.head.replica == last.head.replica;
        match (same, beat == last) {
            (_, true) => Heard::Nothing,
            (true, false) => Heard::Further,
            (false, false) => Heard::Other,
        }
    }

    /// How many edits the child is known to have made that have never arrived. `known` tells the highest tick that has
    /// arrived of a replica.
    pub fn missing(&self, known: impl Fn(ReplicaId) -> u64) -> u64 {
        let heads = self.owed.into_iter().chain(self.last.map(|beat| beat.head));
        heads.map(|head| head.tick.saturating_sub(known(head.replica))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(timeline: u64, seq: u64, replica: u64, tick: u64) -> Heartbeat {
        let position = Position { timeline: TimelineId(timeline), seq };
        Heartbeat { position, head: Dot { replica: ReplicaId(replica), tick } }
    }

    #[test]
    fn a_restart_is_no_clone_and_two_live_nodes_are() {
        let mut memory = Memory::default();
        for (at, line) in [(1, 7), (2, 7), (3, 8), (4, 9)] {
            memory.hear(beat(line, at, line, at), at);
            assert_eq!(memory.clone_at_ms, 0, "an ordinary life");
        }
        memory.hear(beat(8, 5, 8, 9), 5);
        assert_eq!(memory.clone_at_ms, 5, "what was left behind is alive");
    }

    #[test]
    fn what_only_a_lost_disk_held_is_counted() {
        let mut memory = Memory::default();
        memory.hear(beat(7, 20, 1, 12), 1);
        let arrived = |replica: ReplicaId| if replica == ReplicaId(1) { 5 } else { 0 };
        assert_eq!(memory.missing(arrived), 7, "silent since, with seven edits that never came");
        memory.hear(beat(8, 3, 2, 0), 2);
        assert_eq!(memory.missing(arrived), 7, "a new disk does not make up for them");
        assert_eq!(memory.missing(|_| 12), 0, "they came after all");
    }

    #[test]
    fn nothing_new_need_not_be_kept() {
        let mut memory = Memory::default();
        assert_eq!(memory.hear(beat(7, 20, 1, 12), 1), Heard::Other, "the first");
        assert_eq!(memory.hear(beat(7, 20, 1, 12), 2), Heard::Nothing);
        assert_eq!(memory.hear(beat(7, 21, 1, 13), 3), Heard::Further);
        assert_eq!(memory.hear(beat(7, 21, 2, 1), 4), Heard::Other, "another replica");
        assert_eq!(memory.hear(beat(8, 21, 2, 1), 5), Heard::Other, "another stretch");
    }
}
