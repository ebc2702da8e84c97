//! Comparing what two ends hold by digests over ranges of record ids.
//!
//! The child splits its rows, in order of id, into ranges and sends a digest of each; the parent tells which ranges
//! differ from what it holds for this child. Of those the child sends the rows' digests, and the parent tells which
//! rows differ. So equal ends exchange some bytes per hundred records. Digests spare traffic and answer "do both hold
//! the same?"; they never decide what a record is.
//!
//! Begin with [`ranges`], then [`RangeWalk`] and [`RowWalk`] (the parent's side), and [`why`].

mod said;
mod settle;
mod standing;
mod walk;

use causal::RecordId;
use sha2::{Digest as _, Sha256};

pub use said::{Other, RangesAsked, RangesTold, RowsAsked, RowsTold, Span, Unequal, Unlike, Unsound};
pub use settle::{Settling, seen_at};
pub use standing::{Mine, Place, Why, why};
pub use walk::{RangeWalk, RowWalk};

/// Rows of a range. A range's digest costs some 40 bytes, a differing range some 40 bytes for each of its rows: with
/// 100,000 records of which ten differ the sum is least at a hundred.
pub const RANGE_ROWS: usize = 100;
/// Ranges of one question: 10,000 rows, so that the digests of one page fit some 400 KB at either end.
pub const RANGES: usize = 100;
/// Rows that the other end holds alone, of one answer; the question is asked on from there.
pub const OTHERS: usize = 1_000;
/// No id lies after this one.
pub const LAST: RecordId = RecordId([0xFF; 16]);

/// The beginning of a SHA-256: 128 bits leave no accident, and who forges harms only itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// Of a row: which record, of which kind, in which state. Equal states are equal bytes.
    pub fn of_row(id: RecordId, kind: &str, state: &[u8]) -> Digest {
        let mut hash = Sha256::new();
        hash.update(id.0);
        hash.update((kind.len() as u64).to_be_bytes());
        hash.update(kind);
        hash.update(state);
        Digest::finish(hash)
    }

    /// Of a range: over the digests of its rows in order.
    pub fn of_range(rows: &[Held]) -> Digest {
        let mut hash = Sha256::new();
        rows.iter().for_each(|row| hash.update(row.digest.0));
        Digest::finish(hash)
    }

    fn finish(hash: Sha256) -> Digest {
        let mut digest = Digest::default();
        digest.0.copy_from_slice(&hash.finalize()[..16]);
        digest
    }
}

/// A record by its digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// Which record.
    pub id: RecordId,
    /// Of the row.
    pub digest: Digest,
}

/// All ids after the end of the range before it, up to and including `upto`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// The last id that belongs to it.
    pub upto: RecordId,
    /// How many rows are in it.
    pub count: u32,
    /// Over their digests.
    pub digest: Digest,
}

/// Splits rows, which ascend by id, into ranges. With `upto` the last range reaches that far, whatever is in it.
pub fn ranges(rows: &[Held], upto: Option<RecordId>) -> Vec<Range> {
    let of = |rows: &[Held]| Range {
        upto: rows.last().map_or(LAST, |row| row.id),
        count: rows.len() as u32,
        digest: Digest::of_range(rows),
    };
    let mut ranges: Vec<Range> = rows.chunks(RANGE_ROWS).map(of).collect();
    if let Some(upto) = upto {
        if ranges.is_empty() {
            ranges.push(of(&[]));
        }
        if let Some(last) = ranges.last_mut() {
            last.upto = upto;
        }
    }
    ranges
}
