//! Where a node stands in another node's sequence of changes.

/// One stretch of a database's life: from an opening that nobody else shared, or a lost connection, to the next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct TimelineId(pub u64);

/// A timeline and the sequence number at which it began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeline {
    /// Its random name.
    pub id: TimelineId,
    /// The last number given out before it.
    pub start_seq: u64,
}

/// A place in a node's sequence of changes. A number alone says nothing: a restored backup gives the same numbers
/// to other changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Position {
    /// The stretch in which the number was given out.
    pub timeline: TimelineId,
    /// The number.
    pub seq: u64,
}

/// All timelines of a database, oldest first, and the last number it has given out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Timelines {
    /// Oldest first; never empty in an open database.
    pub all: Vec<Timeline>,
    /// The last number given out.
    pub seq: u64,
}

impl Timelines {
    /// The present one.
    pub fn current(&self) -> TimelineId {
        self.all.last().map_or(TimelineId(0), |t| t.id)
    }

    /// Where this database stands now.
    pub fn now(&self) -> Position {
        Position { timeline: self.current(), seq: self.seq }
    }

    /// Whether this database's own past contains `position` (H3): the timeline is one of its own, and the number
    /// was given out before the next one began.
    pub fn knows(&self, position: Position) -> bool {
        if planted::on!(CursorWithoutTimeline) {
            return position.seq <= self.seq;
        }
        let at = self.all.iter().position(|t| t.id == position.timeline);
        at.is_some_and(|at| position.seq <= self.all.get(at + 1).map_or(self.seq, |next| next.start_seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_of_a_lost_future_is_unknown() {
        let timelines = Timelines {
            all: vec![
                Timeline { id: TimelineId(7), start_seq: 0 },
                Timeline { id: TimelineId(8), start_seq: 10 },
            ],
            seq: 15,
        };
        let knows = |timeline, seq| timelines.knows(Position { timeline: TimelineId(timeline), seq });
        assert!(knows(7, 10) && knows(8, 15) && knows(8, 3));
        assert!(!knows(7, 11), "given out by a database that was then restored to 10");
        assert!(!knows(8, 16) && !knows(9, 1));
    }
}
