//! Comparing with the parent by digests: the child's walk over its rows, shared by RESYNC (`spare`) and `verify`.

mod above;
mod spare;
mod verify;

use std::collections::BTreeMap;
use std::future::Future;

use causal::RecordId;
use store::{Engine, Read};
use sync::compare::{
    Digest, Held, LAST, Mine, Other, RANGE_ROWS, RANGES, Range, RangesAsked, RangesTold, RowsAsked, RowsTold,
    Span, Unlike, ranges,
};
use sync::{Position, Row, TimelineId};

use crate::OfficeError;

pub use verify::{Found, Verified};

/// Rows looked at in one read: their states are in memory together.
const SCAN_ROWS: usize = 500;

/// The parent, as a comparison asks it. Each answer is of one open session.
pub trait Above: Send {
    /// Why it could not be asked.
    type Error: From<OfficeError> + Send;

    /// Asks which ranges differ.
    fn ranges(&mut self, asked: &RangesAsked)
    -> impl Future<Output = Result<RangesTold, Self::Error>> + Send;

    /// Asks which rows differ.
    fn rows(&mut self, asked: &RowsAsked) -> impl Future<Output = Result<RowsTold, Self::Error>> + Send;
}

fn digest(row: &Row) -> Held {
    Held { id: row.id, digest: Digest::of_row(row.id, &row.kind, &row.state) }
}

/// Rows of this node that are compared with one question.
struct Page {
    after: Option<RecordId>,
    rows: Vec<Mine>,
    /// Rows that are not compared, since the parent withdrew them.
    hidden: Vec<RecordId>,
    /// No row comes after it.
    end: bool,
}

impl Page {
    async fn read<R: Read>(reader: &mut R, after: Option<RecordId>) -> Result<Page, OfficeError> {
        let mut page = Page { after, rows: Vec::new(), hidden: Vec::new(), end: false };
        let mut at = after;
        while page.rows.len() < RANGES * RANGE_ROWS && !page.end {
            let room = SCAN_ROWS.min(RANGES * RANGE_ROWS - page.rows.len());
            let read = reader.by_id(at, LAST, room).await?;
            page.end = read.len() < room;
            at = read.last().map_or(at, |(row, _)| Some(row.id));
            for (row, _) in read {
                if row.hidden {
                    page.hidden.push(row.id);
                } else {
                    let (seq, unsent, refused) = (row.seq, row.unsent, row.refused);
                    page.rows.push(Mine { held: digest(&row), seq, unsent, refused });
                }
            }
        }
        Ok(page)
    }

    fn last(&self) -> Option<RecordId> {
        self.rows.last().map(|row| row.held.id)
    }
}

/// What a question about a page brought.
#[derive(Default)]
struct Outcome {
    /// Where the parent stood at last.
    position: Position,
    /// Rows of the page that the parent does not hold in the same state.
    unlike: BTreeMap<RecordId, Unlike>,
}

/// Asks the parent about a page; in one of its timelines, or not at all. With `others`, what the parent holds alone
/// is asked too, up to the end of the page, or on the last page of all ids; it may be much, and is handed on.
async fn ask<A: Above>(
    above: &mut A,
    timeline: TimelineId,
    page: &Page,
    mut others: Option<&mut (dyn FnMut(Other) + Send)>,
) -> Result<Outcome, A::Error> {
    let held: Vec<Held> = page.rows.iter().map(|row| row.held).collect();
    let upto = (others.is_some() && page.end).then_some(LAST);
    let asked = RangesAsked { after: page.after, ranges: ranges(&held, upto) };
    let told = above.ranges(&asked).await?;
    told.check(&asked).map_err(OfficeError::from)?;
    let mut outcome = Outcome { position: of_timeline(timeline, told.position)?, ..Outcome::default() };
    let mut spans = Vec::new();
    for unequal in &told.unequal {
        let span = span_of(&asked, &held, unequal.index as usize);
        if unequal.count == 0 && others.is_none() {
            // There is nothing to be alike: the first copy of everything costs no list of rows.
            outcome.unlike.extend(span.rows.iter().map(|row| absent(row.id)));
        } else {
            spans.push(span);
        }
    }
    let mut asked = RowsAsked { spans, others: others.is_some() };
    while !asked.spans.is_empty() {
        let told = above.rows(&asked).await?;
        told.check(&asked).map_err(OfficeError::from)?;
        outcome.position = of_timeline(timeline, told.position)?;
        outcome.unlike.extend(told.unlike.iter().map(|unlike| (unlike.id, *unlike)));
        if let Some(each) = others.as_mut() {
            told.others.into_iter().for_each(each);
        }
        asked = told.upto.map_or_else(RowsAsked::default, |upto| asked.beyond(upto));
    }
    Ok(outcome)
}

fn absent(id: RecordId) -> (RecordId, Unlike) {
    (id, Unlike { id, seq: 0, held: false })
}

/// An answer of a parent that was restarted meanwhile, or restored, is of another state than the rest.
fn of_timeline(timeline: TimelineId, position: Position) -> Result<Position, OfficeError> {
    if position.timeline == timeline { Ok(position) } else { Err(OfficeError::SessionEnded) }
}

/// A range of a question with the rows in it.
fn span_of(asked: &RangesAsked, held: &[Held], index: usize) -> Span {
    let before = |at: &usize| asked.ranges.get(*at).map(|range: &Range| range.upto);
    let after = index.checked_sub(1).as_ref().map_or(asked.after, before);
    let upto = asked.ranges[index].upto;
    let start = held.partition_point(|row| Some(row.id) <= after);
    let end = held.partition_point(|row| row.id <= upto);
    Span { after, upto, rows: held[start..end].to_vec() }
}

/// The rows of a page that the parent holds in the same state, each with the number at which it was compared.
fn alike(page: &Page, outcome: &Outcome) -> Vec<(RecordId, u64)> {
    let is_alike = |row: &&Mine| !outcome.unlike.contains_key(&row.held.id) || planted::on!(UnlikeSpared);
    let alike = page.rows.iter().filter(is_alike);
    alike.map(|row| (row.held.id, row.seq)).collect()
}

/// Walks over all rows, page by page.
struct Walk<E: Engine> {
    snapshot: E::Snapshot,
    after: Option<RecordId>,
    ended: bool,
}

impl<E: Engine> Walk<E> {
    fn over(snapshot: E::Snapshot) -> Walk<E> {
        Walk { snapshot, after: None, ended: false }
    }

    async fn next(&mut self) -> Result<Option<Page>, OfficeError> {
        if self.ended {
            return Ok(None);
        }
        let page = Page::read(&mut self.snapshot, self.after).await?;
        self.after = page.last().or(self.after);
        self.ended = page.end || self.after == Some(LAST);
        Ok(Some(page))
    }
}
