//! What goes up in a round, batch by batch, and what the acknowledgements settle (P1, P2, A1–A3).

use std::collections::{BTreeMap, BTreeSet};

use causal::{BaseId, RecordId};
use record::Tree;
use store::{Applied, Engine, Read, Write};
use sync::child::{Desk, Sent, ticks_of};
use sync::parent::{Incoming, Verdict};
use sync::{Changes, Position, Row, Seal, TimelineId, limits};

use super::pull::PullOutcome;
use super::{QUARANTINE_LOOK, Round, up_link};
use crate::down::PulledPage;
use crate::taking::PushedBatch;
use crate::{Office, OfficeError};

/// A batch to be sent, and the rows in it as they are stored.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    /// Its number in the session.
    pub index: u32,
    /// The parent's timeline that is presumed.
    pub timeline: TimelineId,
    /// The records.
    pub rows: Vec<Row>,
    /// Their history.
    pub revisions: Vec<sync::Revision>,
    /// Nothing comes after it.
    pub last: bool,
    /// With the last one: all seals held.
    pub seals: Vec<Seal>,
}

/// The parent's durable acknowledgement of a batch, with a verdict on each record that was not simply taken.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// The session that it belongs to.
    pub session: u64,
    /// The batch's number in it.
    pub index: u32,
    /// Where the parent stands.
    pub ack: Position,
    /// What became of records that were not simply taken.
    pub verdicts: BTreeMap<RecordId, Verdict>,
}

/// So far a clock may be from the parent's and count as right: most of it is the way through the network.
const CLOCK_RIGHT_MS: u64 = 60_000;
/// Times of saving that are no further ahead than this are caught up with by waiting.
const AHEAD_MS: u64 = 3_600_000;

/// The first batch of a round is smaller by so much, and those after it grow twofold: the parent has something to do while
/// the next one is read.
const FIRST_BATCH: usize = 5;

/// What an acknowledgement settled.
struct Settled {
    changes: Changes,
    applied: Applied,
    last: bool,
    records: u64,
    refused: u64,
}

impl<E: Engine> Office<E> {
    /// The next batch to send; `None` after the last.
    ///
    /// # Errors
    /// [`OfficeError`] when the store fails.
    pub async fn next_batch(&self, round: &mut Round<E>) -> Result<Option<Outgoing>, OfficeError> {
        if round.last_index.is_some() {
            return Ok(None);
        }
        let rows =
            round.snapshot.unsent(round.after, self.batch_size(round.index), limits::BATCH_BYTES).await?;
        let ids: Vec<RecordId> = rows.iter().map(|row| row.id).collect();
        let revisions = round.snapshot.revisions(&ids, true, limits::BATCH_REVISIONS).await?;
        let upto = rows.last().map_or(round.after, |row| row.seq);
        let mut sent = Sent {
            after: round.after,
            upto,
            rows: rows.iter().map(|row| (row.id, row.seq)).collect(),
            hidden: rows.iter().filter(|row| row.hidden).map(|row| row.id).collect(),
            revisions: revisions.iter().map(|r| (r.record, r.of, r.by)).collect(),
        };
        if revisions.len() == limits::BATCH_REVISIONS {
            // More history than fits: what was sent counts as sent, the records wait for another round.
            sent = Sent { upto: sent.after, rows: Vec::new(), ..sent };
        }
        round.after = upto;
        round.taken += rows.len() as u64;
        // What is refused is counted and not sent: then the last batch is an empty one.
        let last = rows.is_empty() || round.taken == round.to_push;
        let index = round.index;
        round.index += 1;
        round.sent.insert(index, sent);
        if last && planted::on!(SealAfterSnapshot) {
            self.seal_late(round).await?;
        }
        let with_seals = last || planted::on!(SealInFirstBatch);
        let seals = if with_seals { round.seals.clone() } else { Vec::new() };
        round.last_index = last.then_some(index);
        Ok(Some(Outgoing { index, timeline: round.timeline, rows, revisions, last, seals }))
    }

    /// Records of a batch at most.
    fn batch_size(&self, index: u32) -> usize {
        let most = self.settings.batch_records;
        let first = (most / FIRST_BATCH).max(1);
        1_usize
            .checked_shl(index)
            .and_then(|times| first.checked_mul(times))
            .map_or(most, |size| size.min(most))
    }

    /// Planted: a seal that is minted when all has been sent claims what was saved meanwhile.
    async fn seal_late(&self, round: &mut Round<E>) -> Result<(), OfficeError> {
        let mut snapshot = self.store.snapshot().await?;
        round.minted = self.mint_seals(&mut snapshot, self.now_ms()).await?;
        round.seals = self.seals_to_send(&mut snapshot, &round.minted.seals).await?;
        Ok(())
    }

    /// Takes the parent's durable acknowledgement of a batch (A1–A3). One that is not of this round, or of another
    /// timeline of the parent, is not believed.
    ///
    /// # Errors
    /// [`OfficeError`] when it is not this round's, or the store fails.
    pub async fn acknowledge(
        &self,
        round: &mut Round<E>,
        session: u64,
        index: u32,
        ack: Position,
        verdicts: BTreeMap<RecordId, Verdict>,
    ) -> Result<(), OfficeError> {
        self.acknowledge_all(round, vec![Acknowledged { session, index, ack, verdicts }]).await
    }

    /// Takes several acknowledgements in one transaction: the parent gives them together, since it gathers batches.
    ///
    /// # Errors
    /// [`OfficeError`] when one of them is not this round's, or the store fails; then none is taken.
    pub async fn acknowledge_all(
        &self,
        round: &mut Round<E>,
        acks: Vec<Acknowledged>,
    ) -> Result<(), OfficeError> {
        let mut tx = self.store.begin().await?;
        let settled = self.settle_acks(&mut tx, round, acks).await?;
        tx.commit().await?;
        self.acks_settled(round, settled).await
    }

    /// As [`Office::acknowledge_all`], with the page that the parent sent along with the last of them.
    ///
    /// # Errors
    /// As [`Office::acknowledge_all`] and [`Office::receive_page`]; then nothing of either is taken.
    pub async fn acknowledge_with_page(
        &self,
        round: &mut Round<E>,
        acks: Vec<Acknowledged>,
        page: PulledPage,
    ) -> Result<PullOutcome, OfficeError> {
        let mut tx = self.store.begin().await?;
        let settled = self.settle_acks(&mut tx, round, acks).await?;
        let taken = self.merge_page(&mut tx, round, page).await?;
        tx.commit().await?;
        self.acks_settled(round, settled).await?;
        self.page_taken(round, taken).await
    }

    async fn settle_acks(
        &self,
        tx: &mut E::Tx,
        round: &mut Round<E>,
        acks: Vec<Acknowledged>,
    ) -> Result<Vec<Settled>, OfficeError> {
        let mut done = Vec::with_capacity(acks.len());
        for acked in acks {
            done.push(self.settle_ack(tx, round, acked).await?);
        }
        Ok(done)
    }

    /// After the commit.
    async fn acks_settled(&self, round: &mut Round<E>, done: Vec<Settled>) -> Result<(), OfficeError> {
        for settled in done {
            if settled.last {
                self.note_acked_seals(&round.seals);
            }
            round.pushed += settled.records.saturating_sub(settled.refused);
            round.refused += settled.refused;
            self.committed(&settled.changes).await?;
            // What the parent did not take now it would not take a moment later either.
            self.tell_below(&settled.changes, &settled.applied, None);
        }
        self.live_progress(round.pushed, round.to_push);
        Ok(())
    }

    /// What one acknowledgement settles, within a transaction.
    async fn settle_ack(
        &self,
        tx: &mut E::Tx,
        round: &mut Round<E>,
        Acknowledged { session, index, ack, verdicts }: Acknowledged,
    ) -> Result<Settled, OfficeError> {
        let late = session != round.session || ack.timeline != round.timeline;
        if late && !planted::on!(LateAckBelieved) {
            return Err(OfficeError::SessionEnded);
        }
        let Some(sent) = round.sent.remove(&index) else { return Err(OfficeError::SessionEnded) };
        let last = round.last_index == Some(index);
        let mut changes =
            self.settled(tx, round.parent, &sent, &verdicts, ack, &round.refused_before).await?;
        if planted::on!(AckClearsChanged) {
            let ids: Vec<RecordId> = sent.rows.iter().map(|(id, _)| *id).collect();
            changes.clean.extend(tx.rows(&ids).await?.iter().map(|row| row.seq));
        }
        let link = up_link(tx, round.parent).await?;
        changes.links.iter_mut().for_each(|acked| *acked = round.met.noted(std::mem::take(acked)));
        changes.links.retain(|acked| *acked != link);
        if last {
            changes.ticks = ticks_of(round.parent, &round.seals);
            self.keep_seals(tx, &round.minted).await?;
            self.set_times_right(tx, round).await?;
        }
        let applied = tx.apply(&changes).await?;
        let refused = verdicts.values().filter(|v| matches!(v, Verdict::Quarantined(..))).count() as u64;
        Ok(Settled { changes, applied, last, records: sent.rows.len() as u64, refused })
    }

    /// A clock that was years ahead would go on stamping edits with a time ahead of everybody else's after it was put
    /// right, and of concurrent values the latest is shown. A clock that agrees with the parent's is right.
    async fn set_times_right(&self, tx: &mut E::Tx, round: &Round<E>) -> Result<(), OfficeError> {
        if round.met.clock_offset_ms.unsigned_abs() <= CLOCK_RIGHT_MS
            && tx.set_back(self.now_ms(), AHEAD_MS).await?
        {
            tracing::warn!(
                "this machine's clock was far ahead and is right now: what is saved has today's time again"
            );
        }
        Ok(())
    }

    /// What the acknowledgement of one batch settles, as of this transaction.
    pub(crate) async fn settled(
        &self,
        tx: &mut E::Tx,
        parent: BaseId,
        sent: &Sent,
        verdicts: &BTreeMap<RecordId, Verdict>,
        ack: Position,
        refused_before: &BTreeSet<RecordId>,
    ) -> Result<Changes, OfficeError> {
        let tree = self.tree_in(tx).await?;
        self.still_above(&tree, parent)?;
        let link = up_link(tx, parent).await?;
        let looked_at = |id: &RecordId| verdicts.contains_key(id) || refused_before.contains(id);
        let mut ids: Vec<RecordId> = sent.rows.iter().map(|(id, _)| *id).filter(looked_at).collect();
        ids.extend(sent.hidden.iter().copied());
        let now = tx.rows(&ids).await?.into_iter().map(|row| (row.id, row)).collect();
        let withdraws = self.withdraws_below(tx, &tree).await?;
        let desk =
            Desk { schema: self.schema(), tree: &tree, me: self.me.base, parent, now_ms: self.now_ms() };
        Ok(desk.acknowledged(&link, sent, verdicts, ack, &now, &withdraws))
    }

    pub(crate) async fn withdraws_below(
        &self,
        tx: &mut E::Tx,
        tree: &Tree,
    ) -> Result<Vec<sync::Withdraw>, OfficeError> {
        let mut all = Vec::new();
        for child in tree.link_children(self.me.base) {
            all.extend(tx.withdraws(child, 0, QUARANTINE_LOOK).await?);
        }
        Ok(all)
    }
}

impl From<Outgoing> for PushedBatch {
    fn from(out: Outgoing) -> PushedBatch {
        let incoming = |row: Row| Incoming { id: row.id, kind: row.kind, state: whole(row.state) };
        PushedBatch {
            index: out.index,
            records: out.rows.into_iter().map(incoming).collect(),
            revisions: out.revisions,
            last: out.last,
            seals: out.seals,
        }
    }
}

/// What is sent of a state: all of it. Planted: the latest edit only, with a context that covers the others.
fn whole(state: Vec<u8>) -> Vec<u8> {
    match causal::State::decode(&state) {
        Ok(mut part) if planted::on!(PartialState) => {
            part.groups.sort_by_key(|group| std::cmp::Reverse(group.stamp.saved_at_ms));
            part.groups.truncate(1);
            part.encode()
        }
        _ => state,
    }
}
