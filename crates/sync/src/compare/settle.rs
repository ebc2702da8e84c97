//! What a comparison settles after RESYNC: the same as an acknowledgement of exactly these rows.

use std::collections::{BTreeMap, BTreeSet};

use causal::{RecordId, State};

use crate::child::highest;
use crate::model::{Changes, Handed, Link, NewWithdraw, Row, Unsent, Withdraw};
use crate::position::Position;

/// What is known, in the applying transaction, of rows that the parent holds in the same state.
pub struct Settling<'s> {
    /// The rows as they are now.
    pub now: BTreeMap<RecordId, Row>,
    /// What is remembered of them, where they were handed over and came back.
    pub handed: Vec<Handed>,
    /// Withdraws for the children.
    pub withdraws: &'s [Withdraw],
    /// Records that the parent refused before.
    pub refused: &'s BTreeSet<RecordId>,
}

impl Settling<'_> {
    /// Adds to `changes` what is settled by the parent holding `equal`, each with the number at which it was compared.
    /// A row that took a new number since, is hidden, or holds what the parent never acknowledged goes on waiting.
    pub fn settle(&self, changes: &mut Changes, equal: &[(RecordId, u64)]) {
        let waits = |(id, seq): &&(RecordId, u64)| {
            self.now.get(id).is_some_and(|row| {
                row.seq == *seq && row.unsent == Unsent::Resend && !row.hidden && !row.refused
            })
        };
        let rows: BTreeMap<RecordId, u64> = equal.iter().filter(waits).copied().collect();
        changes.clean.extend(rows.values());
        changes.release.extend(rows.keys().filter(|id| self.refused.contains(id)).map(|id| (*id, None)));
        // A withdraw was held back while the row waited (A3).
        let again = self.withdraws.iter().filter(|w| rows.contains_key(&w.record));
        changes.withdraws.extend(again.map(|w| NewWithdraw { child: w.child, record: w.record }));
        let attested = self.handed.iter().filter(|handed| rows.contains_key(&handed.record));
        let attested = attested.filter(|handed| self.has_seen(handed));
        changes.handed.extend(attested.map(|handed| Handed { unattested: false, ..handed.clone() }));
    }

    /// Whether the row has seen all that it had when it was handed over: then so has the parent (S2).
    fn has_seen(&self, handed: &Handed) -> bool {
        let state = self.now.get(&handed.record).map(|row| State::decode(&row.state));
        matches!(state, Some(Ok(state)) if state.context.covers(&handed.context))
    }
}

/// The link after the parent was seen at a position: stored with what is settled, since a parent that is restored to a
/// time before it may have lost these rows (A3). `None` when the link is of another timeline of the parent by now.
pub fn seen_at(link: &Link, position: Position) -> Option<Link> {
    let ack = link.ack.filter(|ack| ack.timeline == position.timeline)?;
    Some(Link { ack: Some(highest(Some(ack), position)), ..link.clone() })
}
