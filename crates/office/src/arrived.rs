//! What has come of a push and is not judged yet, and how it is cut into parts.

use std::collections::{HashSet, VecDeque};

use causal::RecordId;
use sync::Revision;
use sync::parent::{Incoming, checked_revisions};

use crate::taking::PushedBatch;

/// Batches to a part: while the store writes one, the next is made ready for it.
const PART_BATCHES: usize = 2;
/// The first part is smaller by so much, for nothing is written while it is judged; those after it grow twofold.
const FIRST_PART: usize = 10;

/// Batches in the order in which they came.
pub(crate) struct Arrived {
    batches: VecDeque<PushedBatch>,
    /// The kind whose records make the tree. What comes after them is judged by the tree that they made.
    registry: Option<String>,
    /// Records of this transaction that were cut off, or made.
    seen: HashSet<RecordId>,
    /// Records of the next part, and of the largest.
    size: usize,
    most: usize,
}

/// Records that are judged together, and what came beside them.
#[derive(Default)]
pub(crate) struct Cut {
    pub records: Vec<Incoming>,
    pub beside: Beside,
}

/// What is written with some records besides themselves.
#[derive(Default)]
pub(crate) struct Beside {
    /// The history of these records.
    pub history: Vec<Revision>,
    /// Batches that end here, without their records.
    pub ended: Vec<PushedBatch>,
}

impl Arrived {
    pub fn new(batch_records: usize, registry: Option<String>) -> Arrived {
        let most = PART_BATCHES * batch_records;
        let size = (most / FIRST_PART).max(1);
        Arrived { batches: VecDeque::new(), registry, seen: HashSet::new(), size, most }
    }

    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Puts in a batch; `lasting` tells that its history is for the parent, too.
    pub fn put(&mut self, mut batch: PushedBatch, lasting: bool) {
        let history = std::mem::take(&mut batch.revisions);
        batch.revisions = checked_revisions(&batch.records, history, lasting);
        self.batches.push_back(batch);
    }

    /// Records that this transaction has made by itself.
    pub fn note_made<'r>(&mut self, ids: impl Iterator<Item = &'r RecordId>) {
        self.seen.extend(ids);
    }

    /// The next part; none when nothing has come.
    pub fn cut(&mut self) -> Option<Cut> {
        self.cut_while(|_, _| true)
    }

    /// The next part, up to a record that this transaction has written already.
    pub fn cut_unseen(&mut self) -> Option<Cut> {
        self.cut_while(|seen, id| !seen.contains(id))
    }

    fn cut_while(&mut self, may: impl Fn(&HashSet<RecordId>, &RecordId) -> bool) -> Option<Cut> {
        let mut cut = Cut::default();
        while let Some(batch) = self.batches.front_mut() {
            let room = self.size - cut.records.len();
            let is_base = |one: &Incoming| self.registry.as_ref() == Some(&one.kind);
            let first = cut.records.first().or(batch.records.first()).map(is_base);
            let fits = |one: &&Incoming| may(&self.seen, &one.id) && Some(is_base(one)) == first;
            let fit = batch.records.iter().take(room).take_while(fits).count();
            if fit == 0 && !batch.records.is_empty() {
                break;
            }
            cut.beside.history.append(&mut batch.revisions);
            cut.records.extend(batch.records.drain(..fit));
            if !batch.records.is_empty() {
                break;
            }
            cut.beside.ended.extend(self.batches.pop_front());
        }
        if cut.records.is_empty() && cut.beside.ended.is_empty() {
            return None;
        }
        self.seen.extend(cut.records.iter().map(|incoming| incoming.id));
        self.size = (self.size * 2).min(self.most);
        Some(cut)
    }
}
