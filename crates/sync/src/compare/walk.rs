//! The parent's side: its rows, met one after the other in order of id, against what the child said of its own.

use causal::RecordId;
use sha2::{Digest as _, Sha256};

use super::{Digest, Held, OTHERS, Other, Range, RowsTold, Span, Unequal, Unlike};

/// Goes through the ranges of a question while the parent's rows come by.
pub struct RangeWalk<'r> {
    ranges: std::iter::Enumerate<std::slice::Iter<'r, Range>>,
    at: Option<(usize, &'r Range)>,
    hash: Sha256,
    count: u64,
    met: Vec<(RecordId, u64)>,
    equal: Vec<(RecordId, u64)>,
    unequal: Vec<Unequal>,
}

impl<'r> RangeWalk<'r> {
    /// Before the first row.
    pub fn over(ranges: &'r [Range]) -> RangeWalk<'r> {
        let mut ranges = ranges.iter().enumerate();
        let at = ranges.next();
        let (equal, unequal) = (Vec::new(), Vec::new());
        RangeWalk { ranges, at, hash: Sha256::new(), count: 0, met: Vec::new(), equal, unequal }
    }

    /// The next row by id, with its number.
    pub fn meet(&mut self, row: Held, seq: u64) {
        while self.at.is_some_and(|(_, range)| row.id > range.upto) {
            self.close();
        }
        let Some((_, range)) = self.at else { return };
        self.count += 1;
        self.hash.update(row.digest.0);
        // With more rows than the child has, the range differs anyway.
        if self.count <= u64::from(range.count) {
            self.met.push((row.id, seq));
        }
    }

    fn close(&mut self) {
        let Some((index, range)) = self.at else { return };
        let digest = Digest::finish(std::mem::take(&mut self.hash));
        let met = std::mem::take(&mut self.met);
        if self.count == u64::from(range.count) && digest == range.digest {
            self.equal.extend(met);
        } else {
            self.unequal.push(Unequal { index: index as u32, count: self.count });
        }
        self.count = 0;
        self.at = self.ranges.next();
    }

    /// After the last row: the ranges that differ, and the rows of those that do not, each with its number.
    pub fn finish(mut self) -> (Vec<Unequal>, Vec<(RecordId, u64)>) {
        while self.at.is_some() {
            self.close();
        }
        (self.unequal, self.equal)
    }
}

/// Goes through the rows of one span while the parent's rows come by.
pub struct RowWalk<'r> {
    theirs: std::iter::Peekable<std::slice::Iter<'r, Held>>,
    wants_others: bool,
    told: &'r mut RowsTold,
    equal: &'r mut Vec<(RecordId, u64)>,
}

impl<'r> RowWalk<'r> {
    /// Before the first row of the span. What is found is added to `told`, equal rows with their numbers to `equal`.
    pub fn over(
        span: &'r Span,
        wants_others: bool,
        told: &'r mut RowsTold,
        equal: &'r mut Vec<(RecordId, u64)>,
    ) -> RowWalk<'r> {
        RowWalk { theirs: span.rows.iter().peekable(), wants_others, told, equal }
    }

    /// The next row by id, with its kind and number. Answers whether to go on: not when the answer is full; then
    /// `told.upto` says how far it came.
    pub fn meet(&mut self, row: Held, kind: &str, seq: u64) -> bool {
        while let Some(absent) = self.theirs.next_if(|theirs| theirs.id < row.id) {
            self.told.unlike.push(Unlike { id: absent.id, seq: 0, held: false });
        }
        match self.theirs.next_if(|theirs| theirs.id == row.id) {
            Some(theirs) if theirs.digest == row.digest => self.equal.push((row.id, seq)),
            Some(_) => self.told.unlike.push(Unlike { id: row.id, seq, held: true }),
            None if !self.wants_others => {}
            None => {
                self.told.others.push(Other { id: row.id, kind: kind.to_owned(), seq });
                if self.told.others.len() == OTHERS {
                    self.told.upto = Some(row.id);
                    return false;
                }
            }
        }
        true
    }

    /// After the last row of the span: what was not met is not held.
    pub fn finish(self) {
        let absent = self.theirs.map(|theirs| Unlike { id: theirs.id, seq: 0, held: false });
        self.told.unlike.extend(absent);
    }
}
