//! What the two ends ask and tell each other, and what makes it unsound: both are strangers to each other's programs.

use causal::RecordId;

use super::{Held, OTHERS, RANGE_ROWS, RANGES, Range};
use crate::position::Position;

/// A question or an answer that does not keep to the order or the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("核对的内容不合约定:{what} / the comparison breaks the protocol")]
pub struct Unsound {
    /// What is wrong.
    pub what: &'static str,
}

fn sound(is: bool, what: &'static str) -> Result<(), Unsound> {
    if is { Ok(()) } else { Err(Unsound { what }) }
}

/// The child's question: do you hold the same in these ranges?
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RangesAsked {
    /// The first range begins after this id.
    pub after: Option<RecordId>,
    /// The ranges, one after the other.
    pub ranges: Vec<Range>,
}

impl RangesAsked {
    /// Whether it keeps to the order and the limits.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Unsound> {
        sound(!self.ranges.is_empty() && self.ranges.len() <= RANGES, "范围太多,或没有范围")?;
        sound(self.ranges.iter().all(|range| range.count as usize <= RANGE_ROWS), "范围太大")?;
        let ends: Vec<_> = self.after.into_iter().chain(self.ranges.iter().map(|range| range.upto)).collect();
        sound(ends.is_sorted_by(|a, b| a < b), "范围没有按编号顺序")
    }
}

/// A range in which the parent does not hold the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unequal {
    /// Which, counted from 0.
    pub index: u32,
    /// How many rows the parent holds in it.
    pub count: u64,
}

/// The parent's answer to [`RangesAsked`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RangesTold {
    /// Where the parent stood when it looked.
    pub position: Position,
    /// The ranges that differ; the others are equal.
    pub unequal: Vec<Unequal>,
}

impl RangesTold {
    /// Whether it answers the question.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, asked: &RangesAsked) -> Result<(), Unsound> {
        sound(self.unequal.is_sorted_by(|a, b| a.index < b.index), "回答没有按顺序")?;
        sound(self.unequal.iter().all(|u| (u.index as usize) < asked.ranges.len()), "回答了没有问的范围")
    }
}

/// A range that differs, with the child's rows in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// It begins after this id.
    pub after: Option<RecordId>,
    /// The last id that belongs to it.
    pub upto: RecordId,
    /// The child's rows in it, by id.
    pub rows: Vec<Held>,
}

/// The child's question: which of these rows do you hold in the same state?
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RowsAsked {
    /// The ranges, in order of id.
    pub spans: Vec<Span>,
    /// Which others you hold there is asked too.
    pub others: bool,
}

impl RowsAsked {
    /// Whether it keeps to the order and the limits.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Unsound> {
        sound(!self.spans.is_empty() && self.spans.len() <= RANGES, "范围太多,或没有范围")?;
        let mut last = None;
        for span in &self.spans {
            sound(span.rows.len() <= RANGE_ROWS, "范围太大")?;
            sound(last.is_none() || span.after >= last, "范围没有按编号顺序")?;
            let rows = span.rows.iter().map(|row| row.id);
            let ids: Vec<_> = span.after.into_iter().chain(rows).collect();
            sound(ids.is_sorted_by(|a, b| a < b), "记录没有按编号顺序")?;
            sound(ids.last().is_none_or(|id| *id <= span.upto), "记录不在所说的范围里")?;
            last = Some(span.upto);
        }
        Ok(())
    }

    /// What is still to be asked when everything up to and including an id was answered.
    pub fn beyond(&self, upto: RecordId) -> RowsAsked {
        let rest = self.spans.iter().filter(|span| span.upto > upto).map(|span| Span {
            after: span.after.max(Some(upto)),
            upto: span.upto,
            rows: span.rows.iter().filter(|row| row.id > upto).copied().collect(),
        });
        RowsAsked { spans: rest.collect(), others: self.others }
    }
}

/// A row of the child that the parent does not hold in the same state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unlike {
    /// Which record.
    pub id: RecordId,
    /// The number under which the parent last changed it, or last told this child to let it go; 0 for neither.
    pub seq: u64,
    /// Whether the parent holds it for this child, in another state.
    pub held: bool,
}

/// A row that the parent holds for this child and the child did not name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Other {
    /// Which record.
    pub id: RecordId,
    /// Its kind.
    pub kind: String,
    /// The number under which the parent last changed it.
    pub seq: u64,
}

/// The parent's answer to [`RowsAsked`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RowsTold {
    /// Where the parent stood when it looked.
    pub position: Position,
    /// Rows that are not equal, by id; those asked and not named here are equal.
    pub unlike: Vec<Unlike>,
    /// Rows that were not named, by id.
    pub others: Vec<Other>,
    /// Everything up to this id was answered; the rest must be asked again. `None` when it was everything.
    pub upto: Option<RecordId>,
}

impl RowsTold {
    /// Whether it answers the question, and comes further.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, asked: &RowsAsked) -> Result<(), Unsound> {
        sound(self.unlike.is_sorted_by(|a, b| a.id < b.id), "回答没有按编号顺序")?;
        sound(self.others.is_sorted_by(|a, b| a.id < b.id), "回答没有按编号顺序")?;
        sound(self.others.len() <= OTHERS && (asked.others || self.others.is_empty()), "回答了没有问的内容")?;
        let within = |id: RecordId| self.upto.is_none_or(|upto| id <= upto);
        let span = |id| asked.spans.iter().find(|span| span.after < Some(id) && id <= span.upto);
        let named = |id| span(id).is_some_and(|s| s.rows.binary_search_by_key(&id, |row| row.id).is_ok());
        sound(self.unlike.iter().all(|u| named(u.id) && within(u.id)), "回答了没有问的记录")?;
        let other = |id| span(id).is_some() && !named(id) && within(id);
        sound(self.others.iter().all(|o| other(o.id)), "回答了没有问的记录")?;
        let first = asked.spans.first().and_then(|span| span.after);
        sound(self.upto.is_none() || self.upto > first, "回答没有进展")
    }
}
