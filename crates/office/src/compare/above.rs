//! The parent's side of a comparison.

use std::collections::BTreeMap;

use causal::{BaseId, RecordId};
use record::{Scope, Tree};
use store::{Engine, Read};
use sync::Row;
use sync::compare::{RangeWalk, RangesAsked, RangesTold, RowWalk, RowsAsked, RowsTold, Span};

use super::{SCAN_ROWS, digest};
use crate::{Office, OfficeError};

/// Withdraws looked through for one answer.
const WITHDRAWS_LOOK: usize = 100_000;

impl<E: Engine> Office<E> {
    /// Tells a child which ranges of its rows differ from what it may see here. Of the equal ones this session
    /// remembers that the child holds them, as of what it pushed itself (L3).
    ///
    /// # Errors
    /// [`OfficeError`] when the child is not let in, the session has ended, or the question is unsound.
    pub async fn compare_ranges(
        &self,
        child: BaseId,
        session: u64,
        asked: &RangesAsked,
    ) -> Result<RangesTold, OfficeError> {
        let (mut snapshot, position) = self.session_snapshot(child, session).await?;
        asked.check()?;
        let tree = self.tree();
        let mut walk = RangeWalk::over(&asked.ranges);
        let mut after = asked.after;
        let upto = asked.ranges.last().map_or(sync::compare::LAST, |range| range.upto);
        loop {
            let read = snapshot.by_id(after, upto, SCAN_ROWS).await?;
            after = read.last().map(|(row, _)| row.id);
            let shown = read.iter().filter(|(row, scope)| may_see(&tree, child, row, scope));
            shown.for_each(|(row, _)| walk.meet(digest(row), row.seq));
            if read.len() < SCAN_ROWS {
                break;
            }
        }
        let (unequal, equal) = walk.finish();
        self.note_held(child, session, equal);
        Ok(RangesTold { position, unequal })
    }

    /// Tells a child which of its rows differ from what it may see here, and, if it asks, which others there are.
    ///
    /// # Errors
    /// [`OfficeError`] when the child is not let in, the session has ended, or the question is unsound.
    pub async fn compare_rows(
        &self,
        child: BaseId,
        session: u64,
        asked: &RowsAsked,
    ) -> Result<RowsTold, OfficeError> {
        let (mut snapshot, position) = self.session_snapshot(child, session).await?;
        asked.check()?;
        let mut told = RowsTold { position, ..RowsTold::default() };
        let mut equal = Vec::new();
        for span in &asked.spans {
            let walk = RowWalk::over(span, asked.others, &mut told, &mut equal);
            if !self.compare_span(&mut snapshot, child, span, walk).await? {
                break;
            }
        }
        self.note_held(child, session, equal);
        if asked.others && told.unlike.iter().any(|unlike| !unlike.held) {
            let withdraws = snapshot.withdraws(child, 0, WITHDRAWS_LOOK).await?;
            let withdrawn: BTreeMap<RecordId, u64> = withdraws.iter().map(|w| (w.record, w.seq)).collect();
            let absent = told.unlike.iter_mut().filter(|unlike| !unlike.held);
            absent.for_each(|unlike| unlike.seq = withdrawn.get(&unlike.id).copied().unwrap_or(0));
        }
        Ok(told)
    }

    /// Answers whether there is room for more.
    async fn compare_span(
        &self,
        snapshot: &mut E::Snapshot,
        child: BaseId,
        span: &Span,
        mut walk: RowWalk<'_>,
    ) -> Result<bool, OfficeError> {
        let tree = self.tree();
        let mut after = span.after;
        loop {
            let read = snapshot.by_id(after, span.upto, SCAN_ROWS).await?;
            after = read.last().map(|(row, _)| row.id);
            for (row, _) in read.iter().filter(|(row, scope)| may_see(&tree, child, row, scope)) {
                if !walk.meet(digest(row), &row.kind, row.seq) {
                    return Ok(false);
                }
            }
            if read.len() < SCAN_ROWS {
                walk.finish();
                return Ok(true);
            }
        }
    }
}

/// The same as what a pull would send (L1).
fn may_see(tree: &Tree, child: BaseId, row: &Row, scope: &Scope) -> bool {
    !row.hidden && scope.visible_to(tree, child)
}
