//! The child's side: what is taken from above, and what an acknowledgement settles.

use std::collections::{BTreeMap, BTreeSet};

use causal::{BaseId, Dot, RecordId, State, merge};
use record::{Scope, Shown, Tree, scope_of};
use schema::Schema;

use crate::model::{
    Changes, Handed, Link, NewRow, NewWithdraw, Quarantined, Reason, Row, Seal, Tick, Unsent, Withdraw,
};
use crate::parent::{Incoming, Verdict, Welcome, lost_entries, replicas_of};
use crate::position::{Position, TimelineId};

/// What the child knows while it takes something from above.
pub struct Desk<'s> {
    /// The contract.
    pub schema: &'s Schema,
    /// The tree of bases.
    pub tree: &'s Tree,
    /// The base of this node.
    pub me: BaseId,
    /// The parent it talks to.
    pub parent: BaseId,
    /// This node's clock, UTC milliseconds.
    pub now_ms: u64,
}

/// RESYNC (Y1): in one transaction the positions start anew, the epoch is taken, and every row waits again.
pub fn resync(link: &Link, welcome: &Welcome) -> Changes {
    let start = Position { timeline: welcome.position.timeline, seq: 0 };
    let link = Link { cursor: Some(start), ack: Some(start), epoch: welcome.epoch, ..link.clone() };
    Changes {
        links: vec![link],
        resend_all: !planted::on!(ResyncMarksNothing),
        clear_ticks: true,
        ..Changes::default()
    }
}

/// The row that is to be written of a record, taken out again.
fn taken_back(changes: &mut Changes, record: RecordId) -> Option<NewRow> {
    let at = changes.rows.iter().position(|new| new.row.id == record)?;
    Some(changes.rows.remove(at))
}

impl Desk<'_> {
    /// Takes a batch of the parent's changes (L4, L5). `existing` holds the rows known of these records.
    pub fn receive(
        &self,
        existing: &BTreeMap<RecordId, Row>,
        pulled: &[Incoming],
        withdrawn: &[RecordId],
    ) -> Changes {
        let mut changes = Changes::default();
        let children = self.tree.link_children(self.me);
        let mut seen = BTreeSet::new();
        for incoming in pulled {
            // What comes twice in a page is merged with what the first made of it: a transaction writes a record once.
            let first = if seen.insert(incoming.id) { None } else { taken_back(&mut changes, incoming.id) };
            let row = first.as_ref().map(|new| &new.row).or_else(|| existing.get(&incoming.id));
            if let Err((reason, detail)) = self.take(&mut changes, row, incoming, &children) {
                changes.quarantine.push(self.refused(incoming, reason, detail));
            }
            let written = changes.rows.last().is_some_and(|new| new.row.id == incoming.id);
            changes.rows.extend(first.filter(|_| !written));
        }
        for row in withdrawn.iter().filter_map(|id| existing.get(id)) {
            self.withdraw(&mut changes, row, &children, row.unsent == Unsent::Unpushed);
        }
        changes
    }

    fn take(
        &self,
        changes: &mut Changes,
        row: Option<&Row>,
        incoming: &Incoming,
        children: &[BaseId],
    ) -> Result<(), (Reason, String)> {
        let malformed = |corrupt: causal::Corrupt| (Reason::Malformed, corrupt.to_string());
        if row.is_some_and(|r| r.kind != incoming.kind) {
            return Err((Reason::Kind, "同一编号已用于另一类记录".into()));
        }
        let theirs = State::decode(&incoming.state).map_err(malformed)?;
        let ours = row.map(|r| State::decode(&r.state)).transpose().map_err(malformed)?.unwrap_or_default();
        let mut merged = merge(&ours, &theirs).map_err(|clash| (Reason::Clash, clash.to_string()))?;
        if planted::on!(PullOverwrites) {
            merged = theirs.clone();
        }
        // Bytes are canonical: those that arrived are those that encoding would give.
        let bytes = if merged == theirs { incoming.state.clone() } else { merged.encode() };
        changes.replicas.extend(replicas_of(&theirs));
        // The root has nobody who could lack anything; it hears its own word again after a restore.
        let lacking = bytes != incoming.state && self.tree.parent(self.me).is_some();
        if let Some(row) = row.filter(|r| r.state == bytes) {
            self.seen_above(changes, row, &merged, lacking);
            return Ok(());
        }
        let unsent = if lacking || row.is_some_and(waits) { Unsent::Unpushed } else { Unsent::Clean };
        changes.revisions.extend(lost_entries(incoming.id, &ours, &merged, false));
        let shown = Shown::of(self.schema.kind(&incoming.kind), self.tree, &merged);
        let before = scope_of(&ours);
        changes.withdraws.extend(self.lost_sight(&before, Some(&shown.scope), children, incoming.id));
        let mut seq = row.map_or(0, |r| r.seq);
        if planted::on!(PulledKeepSeq) {
            seq |= 1 << 63;
        }
        let kind = incoming.kind.clone();
        let row = Row { id: incoming.id, kind, seq, hidden: false, refused: false, unsent, state: bytes };
        changes.rows.push(NewRow { row, shown });
        Ok(())
    }

    /// What the parent sent brings nothing new. If it lacks something that was believed to be there, that waits again.
    fn seen_above(&self, changes: &mut Changes, row: &Row, state: &State<'_>, lacking: bool) {
        let unsent = if lacking || waits(row) { Unsent::Unpushed } else { Unsent::Clean };
        if row.hidden && planted::on!(NoTouch) {
            changes.hide.push((row.id, false));
        } else if row.hidden || row.refused || (lacking && row.unsent == Unsent::Clean) {
            changes.rows.push(self.anew(row, state, unsent));
        } else if unsent == Unsent::Clean && row.unsent == Unsent::Resend {
            changes.clean.push(row.seq);
        }
    }

    /// A row as it is, shown and under a new number: children whose cursor went by while it was hidden must get it.
    fn anew(&self, row: &Row, state: &State<'_>, unsent: Unsent) -> NewRow {
        let shown = Shown::of(self.schema.kind(&row.kind), self.tree, state);
        NewRow { row: Row { hidden: false, refused: false, unsent, ..row.clone() }, shown }
    }

    fn refused(&self, incoming: &Incoming, reason: Reason, detail: String) -> Quarantined {
        Quarantined {
            record: incoming.id,
            kind: incoming.kind.clone(),
            from: self.parent,
            home: self.me,
            reason,
            detail,
            state: incoming.state.clone(),
            at_ms: self.now_ms,
            inbound: true,
        }
    }

    /// The parent withdrew a record (L5): what holds unpushed edits is hidden until they are acknowledged, the rest
    /// is dropped and remembered (D1). Children of this node lose it with it.
    fn withdraw(&self, changes: &mut Changes, row: &Row, children: &[BaseId], unpushed: bool) {
        let Ok(state) = State::decode(&row.state) else { return };
        changes.withdraws.extend(self.lost_sight(&scope_of(&state), None, children, row.id));
        if row.refused {
            // Refused is not taken: it is kept too, and tried again, since the parent knows more than it did then.
            let again = self.anew(row, &state, Unsent::Unpushed);
            changes.rows.push(NewRow { row: Row { hidden: true, ..again.row }, ..again });
        } else if unpushed && !planted::on!(WithdrawDropsUnpushed) {
            changes.hide.push((row.id, true));
        } else {
            changes.drops.push(row.id);
            changes.handed.push(Handed { record: row.id, context: state.context, unattested: false });
        }
    }

    fn lost_sight(
        &self,
        before: &Scope,
        after: Option<&Scope>,
        children: &[BaseId],
        record: RecordId,
    ) -> Vec<NewWithdraw> {
        let gone = |c: &&BaseId| {
            before.visible_to(self.tree, **c) && !after.is_some_and(|scope| scope.visible_to(self.tree, **c))
        };
        children.iter().filter(gone).map(|child| NewWithdraw { child: *child, record }).collect()
    }

    /// What the acknowledgement of one batch settles (A2, A3). `now` holds the rows with a verdict, hidden ones and
    /// those refused before, as they are; a row that took a new number since it was sent still waits.
    pub fn acknowledged(
        &self,
        link: &Link,
        sent: &Sent,
        verdicts: &BTreeMap<RecordId, Verdict>,
        ack: Position,
        now: &BTreeMap<RecordId, Row>,
        withdraws: &[Withdraw],
    ) -> Changes {
        let mut changes = Changes { revisions_sent: sent.revisions.clone(), ..Changes::default() };
        changes.links.push(Link { ack: Some(highest(link.ack, ack)), ..link.clone() });
        changes.acknowledged = vec![(sent.after, sent.upto)];
        changes.acknowledged.retain(|(after, upto)| after < upto);
        let children = self.tree.link_children(self.me);
        // Most rows were simply taken, and the range above settles them: only the others are in `now`.
        for (id, seq) in &sent.rows {
            let Some(row) = now.get(id) else { continue };
            let unchanged = row.seq == *seq;
            match verdicts.get(id) {
                Some(Verdict::Quarantined(reason, detail)) if unchanged => {
                    // What could not be verified waits at the parent, which looks at it again as it learns more (P3).
                    if *reason != Reason::Unverified {
                        changes.refused.push((*id, *seq));
                    }
                    changes.quarantine.push(self.refused_above(row, *reason, detail.clone()));
                }
                Some(Verdict::Quarantined(..)) => {}
                Some(Verdict::Withdraw) => {
                    changes.release.push((*id, None));
                    self.withdraw(&mut changes, row, &children, !unchanged);
                }
                Some(Verdict::Ok) | None if unchanged => {
                    changes.release.push((*id, None));
                    if row.hidden && planted::on!(NoTouch) {
                        changes.hide.push((row.id, false));
                    } else if let (true, Ok(state)) = (row.hidden, State::decode(&row.state)) {
                        changes.rows.push(self.anew(row, &state, Unsent::Clean));
                    }
                }
                _ => {}
            }
        }
        let settled = |w: &&Withdraw| sent.rows.iter().any(|(id, _)| *id == w.record);
        let again =
            withdraws.iter().filter(settled).map(|w| NewWithdraw { child: w.child, record: w.record });
        changes.withdraws.extend(again);
        changes
    }

    /// What the parent no longer keeps aside (P7): it has taken it after all, or asks for it again. `aside` is what is
    /// noted here as refused above, `rows` the rows of it.
    pub fn let_go(&self, aside: &[RecordId], rows: &[Row]) -> Changes {
        let mut changes =
            Changes { release: aside.iter().map(|id| (*id, None)).collect(), ..Changes::default() };
        for row in rows.iter().filter(|row| row.refused) {
            let Ok(state) = State::decode(&row.state) else { continue };
            let again = self.anew(row, &state, Unsent::Unpushed);
            changes.rows.push(NewRow { row: Row { hidden: row.hidden, ..again.row }, ..again });
        }
        changes
    }

    fn refused_above(&self, row: &Row, reason: Reason, detail: String) -> Quarantined {
        Quarantined {
            record: row.id,
            kind: row.kind.clone(),
            from: self.parent,
            home: self.me,
            reason,
            detail,
            state: row.state.clone(),
            at_ms: self.now_ms,
            inbound: false,
        }
    }
}

/// Whether a row holds something that only the parent's word settles. That the parent has all of it by another way
/// is not that word: it also takes the record out of quarantine, and lets withdraws go that were held back (A3).
fn waits(row: &Row) -> bool {
    row.unsent == Unsent::Unpushed || row.refused
}

/// What one batch of a push carried.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sent {
    /// Numbers after this one …
    pub after: u64,
    /// … up to and including this one were in the batch.
    pub upto: u64,
    /// The records, each with the number under which it was sent.
    pub rows: Vec<(RecordId, u64)>,
    /// Those of them that were hidden here.
    pub hidden: Vec<RecordId>,
    /// The history rows: record, edit replaced, edit that replaced it.
    pub revisions: Vec<(RecordId, Dot, Dot)>,
}

/// The higher of two acknowledgements; of different timelines the new one, since only the present one is acked.
pub(crate) fn highest(old: Option<Position>, new: Position) -> Position {
    match old {
        Some(old) if old.timeline == new.timeline && old.seq > new.seq => old,
        _ => new,
    }
}

/// The next seal of a base: everything saved in this database up to `covers_seq` (S1).
pub fn next_seal(
    held: Option<&Seal>,
    base: BaseId,
    timeline: TimelineId,
    at_ms: u64,
    covers_seq: u64,
) -> Seal {
    let n = held.filter(|s| s.timeline == timeline).map_or(0, |s| s.n) + 1;
    Seal { base, timeline, n, at_ms, covers_seq, ..Seal::default() }
}

/// What the acknowledgement of the last batch says: the parent holds the data under all these seals.
pub fn ticks_of(parent: BaseId, seals: &[Seal]) -> Vec<Tick> {
    seals.iter().map(|s| Tick { holder: parent, base: s.base, timeline: s.timeline, n: s.n }).collect()
}
