//! The child's side of a sync: one round with the parent.

use std::collections::{BTreeMap, BTreeSet};

use causal::{BaseId, RecordId};
use record::Tree;
use serde_json::json;
use store::{Applied, Engine, Read, Write};
use sync::child::{Desk, Sent, next_seal, resync, ticks_of};
use sync::parent::{Hello, Incoming, Verdict, Welcome};
use sync::{Changes, Handed, Heartbeat, Link, Position, Reason, Row, Seal, Tick, TimelineId, limits};

use crate::down::{PulledPage, PushedBatch, registry_digest};
use crate::{Office, OfficeError};

/// A round with the parent under way.
pub struct Round<E: Engine> {
    session: u64,
    pub(crate) timeline: TimelineId,
    pub(crate) parent: BaseId,
    snapshot: E::Snapshot,
    after: u64,
    ahead: Option<Vec<Row>>,
    index: u32,
    sent: BTreeMap<u32, Sent>,
    seals: Vec<Seal>,
    last_index: Option<u32>,
    pub(crate) refused_before: BTreeSet<RecordId>,
    /// After RESYNC, unless with a parent that is new: it may hold much of the same.
    pub(crate) compares: bool,
    /// Records that waited when it began.
    pub to_push: u64,
    /// Records acknowledged so far.
    pub pushed: u64,
    /// Records pulled so far.
    pub pulled: u64,
    /// Records that the parent withdrew.
    pub withdrawn: u64,
    /// Records that the parent did not take.
    pub refused: u64,
    /// Everything was sent again, but for what was spared.
    pub resync: bool,
    /// Records that both ends held alike after RESYNC: not sent.
    pub spared: u64,
}

impl<E: Engine> Round<E> {
    /// Pushes from a later snapshot, before anything was pushed.
    pub(crate) async fn renew(&mut self, snapshot: E::Snapshot) -> Result<(), OfficeError> {
        self.snapshot = snapshot;
        self.to_push = self.snapshot.unsent_count().await?;
        Ok(())
    }

    /// What each batch handed out so far carried, in their order, and the seals that came with the last.
    pub(crate) fn into_sent(self) -> (Vec<Sent>, Vec<Seal>) {
        let seals = if self.last_index.is_some() { self.seals } else { Vec::new() };
        (self.sent.into_values().collect(), seals)
    }
}

/// What one page of a pull did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PullOutcome {
    /// The cursor that the next page starts at.
    pub cursor: Position,
    /// Nothing comes after it.
    pub end: bool,
}

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

/// What an acknowledgement settled.
struct Settled {
    changes: Changes,
    applied: Applied,
    last: bool,
    records: u64,
    refused: u64,
}

/// What a page brought, within a transaction.
struct TakenPage {
    changes: Changes,
    applied: Applied,
    /// What was kept aside and can be taken now.
    regained: Changes,
    pulled: u64,
    withdrawn: u64,
    cursor: Position,
    end: bool,
}

const META_COVERS: &str = "seal_covers";
/// The stretch of this database's life in which it was found to be restored.
const META_RESTORED: &str = "restored_in";
/// Sessions of which this process knows that it began them: an answer to a handshake is never later than some rounds.
const SESSIONS_REMEMBERED: usize = 64;
/// Own seals whose extent is remembered: delivery ticks of older ones no longer matter.
const COVERS_KEPT: usize = 64;

impl<E: Engine> Office<E> {
    /// The base whose node this one dials; `None` at the root.
    pub fn parent(&self) -> Option<BaseId> {
        self.tree().link_parent(self.me.base)
    }

    pub(crate) fn parent_or_fail(&self) -> Result<BaseId, OfficeError> {
        let words = || "本节点是最上级,没有上级可同步 / this node is the root".to_owned();
        self.parent().ok_or_else(|| OfficeError::NotAdmitted { words: words() })
    }

    /// What this node says of itself (H1), and the digest of the tree it knows.
    ///
    /// # Errors
    /// [`OfficeError`] at the root, or when the store cannot be read.
    pub async fn hello(&self, version: &str) -> Result<(Hello, Vec<u8>), OfficeError> {
        let parent = self.parent_or_fail()?;
        let mut snapshot = self.store.snapshot().await?;
        let link = up_link(&mut snapshot, parent).await?;
        let digest = registry_digest(&self.registry_rows(&mut snapshot).await?);
        let unsent = snapshot.unsent_count().await?;
        let heartbeat = Heartbeat { position: snapshot.timelines().await?.now(), head: self.mint().head() };
        let hello = Hello {
            cursor: link.cursor,
            ack: link.ack,
            epoch: link.epoch,
            unsent,
            version: version.into(),
            heartbeat: Some(heartbeat),
            clock_offset_ms: None,
        };
        Ok((hello, digest))
    }

    /// Begins a round after the handshake: takes the parent's word on the bases, performs RESYNC where it is asked
    /// for, mints the seals, and then fixes the snapshot that is pushed (P1). `parent_ms` is the parent's clock at
    /// the handshake; `offset_ms` the parent's clock minus this one's.
    ///
    /// # Errors
    /// [`OfficeError::SessionEnded`] when a round was begun with this answer before: acknowledgements of that one would
    /// settle what this one sends. Else when the store fails.
    pub async fn begin_round(
        &self,
        session: u64,
        welcome: &Welcome,
        parent_ms: u64,
        offset_ms: i64,
        peer_version: &str,
        registry: &[Incoming],
    ) -> Result<Round<E>, OfficeError> {
        let parent = self.parent_or_fail()?;
        self.begin_once(session)?;
        self.live_began();
        self.learn_registry(parent, registry).await?;
        let mut tx = self.store.begin().await?;
        self.still_above(&*self.tree_in(&mut tx).await?, parent)?;
        let mut link = up_link(&mut tx, parent).await?;
        let compares = link.ack.is_some() && (welcome.resync || is_at_start(&link));
        link.clock_offset_ms = offset_ms;
        link.peer_version = peer_version.chars().take(limits::TEXT_BYTES / 4).collect();
        if welcome.resync {
            tx.apply(&resync(&link, welcome)).await?;
            self.acked_seals().clear();
            link = Link { clock_offset_ms: offset_ms, ..up_link(&mut tx, parent).await? };
        }
        self.let_go(&mut tx, parent, &welcome.quarantined).await?;
        self.note_past(&mut tx, welcome).await?;
        if welcome.clone {
            link.memory.clone_at_ms = self.now_ms();
        }
        let seals = self.mint_seals(&mut tx, parent_ms).await?;
        tx.apply(&Changes { links: vec![link], seals, ..Changes::default() }).await?;
        tx.commit().await?;
        let round = self.fix_snapshot(session, welcome.position.timeline, parent, welcome.resync).await?;
        Ok(Round { compares, ..round })
    }

    fn begin_once(&self, session: u64) -> Result<(), OfficeError> {
        let mut begun = self.begun.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if begun.contains(&session) {
            return Err(OfficeError::SessionEnded);
        }
        if begun.len() == SESSIONS_REMEMBERED {
            begun.pop_front();
        }
        begun.push_back(session);
        Ok(())
    }

    /// What is to be pushed, as of now: the snapshot comes after the seals were minted, and holds all of them (P1).
    pub(crate) async fn fix_snapshot(
        &self,
        session: u64,
        timeline: TimelineId,
        parent: BaseId,
        resync: bool,
    ) -> Result<Round<E>, OfficeError> {
        let mut snapshot = self.store.snapshot().await?;
        let seals = self.seals_to_send(&mut snapshot).await?;
        let refused = snapshot.quarantined(QUARANTINE_LOOK).await?.into_iter().filter(|q| !q.inbound);
        Ok(Round {
            session,
            timeline,
            parent,
            after: 0,
            ahead: None,
            index: 0,
            sent: BTreeMap::new(),
            seals,
            last_index: None,
            refused_before: refused.map(|q| q.record).collect(),
            to_push: snapshot.unsent_count().await?,
            snapshot,
            pushed: 0,
            pulled: 0,
            withdrawn: 0,
            refused: 0,
            resync,
            compares: false,
            spared: 0,
        })
    }

    /// A parent that remembers this node in a place that its database has never been in knew a later life of it: it was
    /// restored from a backup, or begun anew (S4). What it seals in this stretch says so.
    async fn note_past(&self, tx: &mut E::Tx, welcome: &Welcome) -> Result<(), OfficeError> {
        let timelines = tx.timelines().await?;
        if welcome.stood.is_some_and(|stood| !timelines.knows(stood)) {
            tracing::warn!("the parent remembers a later state of this database: it was restored");
            tx.put_meta(META_RESTORED, &timelines.current().0.to_be_bytes()).await?;
        }
        Ok(())
    }

    /// Takes note of what the parent no longer keeps aside.
    pub(crate) async fn let_go(
        &self,
        tx: &mut E::Tx,
        parent: BaseId,
        still_aside: &[RecordId],
    ) -> Result<(), OfficeError> {
        let noted = tx.quarantined(QUARANTINE_LOOK).await?.into_iter();
        // What a person above has put aside for good is not there either, and is not asked for.
        let noted = noted.filter(|q| !q.inbound && q.reason != Reason::Dropped);
        let gone: Vec<RecordId> = noted.map(|q| q.record).filter(|id| !still_aside.contains(id)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let rows = tx.rows(&gone).await?;
        let tree = self.tree_in(tx).await?;
        let desk =
            Desk { schema: self.schema(), tree: &tree, me: self.me.base, parent, now_ms: self.now_ms() };
        tx.apply(&desk.let_go(&gone, &rows)).await?;
        Ok(())
    }

    /// The parent's word on the bases comes before anything else (H2).
    pub(crate) async fn learn_registry(
        &self,
        parent: BaseId,
        registry: &[Incoming],
    ) -> Result<(), OfficeError> {
        if registry.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        let tree = self.tree_in(&mut tx).await?;
        let changes = self.merge_pulled(&mut tx, &tree, parent, registry, &[]).await?;
        let applied = self.perform(&mut tx, &tree, &changes).await?;
        tx.commit().await?;
        self.committed(&changes).await?;
        self.tell(&changes, &applied, None);
        Ok(())
    }

    /// The first tree of a node that has just joined.
    ///
    /// # Errors
    /// [`OfficeError`] when the store fails.
    pub async fn adopt_registry(&self, parent: BaseId, registry: &[Incoming]) -> Result<(), OfficeError> {
        self.learn_registry(parent, registry).await
    }

    pub(crate) async fn merge_pulled(
        &self,
        tx: &mut E::Tx,
        tree: &Tree,
        parent: BaseId,
        pulled: &[Incoming],
        withdrawn: &[RecordId],
    ) -> Result<Changes, OfficeError> {
        let ids: Vec<RecordId> = pulled.iter().map(|p| p.id).chain(withdrawn.iter().copied()).collect();
        let existing = tx.rows(&ids).await?.into_iter().map(|row| (row.id, row)).collect();
        let desk = Desk { schema: self.schema(), tree, me: self.me.base, parent, now_ms: self.now_ms() };
        let mut changes = desk.receive(&existing, pulled, withdrawn);
        self.thin(&mut changes);
        self.attest(tx, &mut changes).await?;
        Ok(changes)
    }

    /// A new seal for each base served here, and the memory of how far each reaches (S1).
    pub(crate) async fn mint_seals(&self, tx: &mut E::Tx, parent_ms: u64) -> Result<Vec<Seal>, OfficeError> {
        let timelines = tx.timelines().await?;
        let held = tx.seals().await?;
        let refused =
            tx.quarantined(QUARANTINE_LOOK).await?.into_iter().filter(|q| !q.inbound).count() as u64;
        let current = timelines.current();
        let restored = tx.meta(META_RESTORED).await?.as_deref() == Some(&current.0.to_be_bytes());
        let mut seals = Vec::new();
        for base in self.tree().served_by(self.me.base) {
            let last = held.iter().find(|s| s.base == base && s.timeline == current);
            let seal = next_seal(last, base, current, parent_ms, timelines.seq);
            seals.push(Seal { unsent: refused, restored, ..seal });
        }
        let n = seals.iter().find(|s| s.base == self.me.base).map_or(0, |s| s.n);
        let mut covers = read_covers(tx).await?;
        covers.push((current.0, n, timelines.seq));
        let kept = covers.len().saturating_sub(COVERS_KEPT);
        tx.put_meta(META_COVERS, json!(covers[kept..]).to_string().as_bytes()).await?;
        Ok(seals)
    }

    /// All seals held that the parent has not acknowledged yet, with what is in quarantine here added, and what was
    /// handed on here and nobody has confirmed since (S2). Seals of former timelines too: they claim what the parent may
    /// have lost.
    async fn seals_to_send(&self, snapshot: &mut E::Snapshot) -> Result<Vec<Seal>, OfficeError> {
        let kept: BTreeMap<BaseId, u64> = snapshot.quarantine_counts().await?.into_iter().collect();
        let mut seals = snapshot.seals().await?;
        let unattested = snapshot.unattested().await?;
        let handed = snapshot.handed(&unattested).await?;
        let acked = self.acked_seals();
        for seal in &mut seals {
            seal.quarantined += kept.get(&seal.base).copied().unwrap_or(0);
            let open =
                handed.iter().filter(|handed| seal.base == self.me.base || self.has_part(seal.base, handed));
            seal.exceptions.extend(open.map(|handed| handed.record));
            seal.exceptions.sort_unstable();
            seal.exceptions.dedup();
        }
        seals.retain(|s| acked.get(&(s.base, s.timeline)) != Some(&says(s)));
        seals.truncate(limits::SEALS);
        Ok(seals)
    }

    /// Whether a base wrote something of a record that was handed on.
    fn has_part(&self, base: BaseId, handed: &Handed) -> bool {
        let replicas = self.replicas();
        handed.context.iter().any(|dot| replicas.get(&dot.replica).is_some_and(|r| r.base == Some(base)))
    }

    /// The next batch to send; `None` after the last.
    ///
    /// # Errors
    /// [`OfficeError`] when the store fails.
    pub async fn next_batch(&self, round: &mut Round<E>) -> Result<Option<Outgoing>, OfficeError> {
        if round.last_index.is_some() {
            return Ok(None);
        }
        let rows = match round.ahead.take() {
            Some(rows) => rows,
            None => {
                round.snapshot.unsent(round.after, self.settings.batch_records, limits::BATCH_BYTES).await?
            }
        };
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
        let ahead = match rows.is_empty() {
            true => Vec::new(),
            false => round.snapshot.unsent(upto, self.settings.batch_records, limits::BATCH_BYTES).await?,
        };
        let last = ahead.is_empty();
        round.ahead = Some(ahead);
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

    /// Planted: a seal that is minted when all has been sent claims what was saved meanwhile.
    async fn seal_late(&self, round: &mut Round<E>) -> Result<(), OfficeError> {
        let mut tx = self.store.begin().await?;
        let seals = self.mint_seals(&mut tx, self.now_ms()).await?;
        tx.apply(&Changes { seals, ..Changes::default() }).await?;
        tx.commit().await?;
        round.seals = self.seals_to_send(&mut self.store.snapshot().await?).await?;
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
        if last {
            changes.ticks = ticks_of(round.parent, &round.seals);
        }
        let applied = tx.apply(&changes).await?;
        let refused = verdicts.values().filter(|v| matches!(v, Verdict::Quarantined(..))).count() as u64;
        Ok(Settled { changes, applied, last, records: sent.rows.len() as u64, refused })
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

    /// Remembers that the parent holds the data under these seals.
    pub(crate) fn note_acked_seals(&self, seals: &[Seal]) {
        let mut acked = self.acked_seals();
        acked.extend(seals.iter().map(|s| ((s.base, s.timeline), says(s))));
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

    /// Where the next pull starts.
    ///
    /// # Errors
    /// [`OfficeError`] when the store cannot be read.
    pub async fn cursor(&self, round: &Round<E>) -> Result<Position, OfficeError> {
        let mut snapshot = self.store.snapshot().await?;
        let link = up_link(&mut snapshot, round.parent).await?;
        Ok(link.cursor.unwrap_or(Position { timeline: round.timeline, seq: 0 }))
    }

    /// Takes pages of the parent's changes, as many in one transaction as can be told apart in any order.
    ///
    /// # Errors
    /// As [`Office::receive_page`]; the pages before the failing one are taken.
    pub async fn receive_pages(
        &self,
        round: &mut Round<E>,
        pages: Vec<PulledPage>,
    ) -> Result<PullOutcome, OfficeError> {
        let registry = self.schema().registry().map(|kind| kind.name.clone());
        let mut outcome = Err(OfficeError::SessionEnded);
        for page in join(pages, registry.as_deref()) {
            outcome = Ok(self.receive_page(round, page).await?);
            if matches!(outcome, Ok(PullOutcome { end: true, .. })) {
                break;
            }
        }
        outcome
    }

    /// Takes one page of the parent's changes; the cursor moves in the same transaction (L2, L4, L5). The end of the
    /// pull is the end of a successful round.
    ///
    /// # Errors
    /// [`OfficeError`] when the page is of another timeline of the parent, or the store fails.
    pub async fn receive_page(
        &self,
        round: &mut Round<E>,
        page: PulledPage,
    ) -> Result<PullOutcome, OfficeError> {
        let mut tx = self.store.begin().await?;
        let taken = self.merge_page(&mut tx, round, page).await?;
        tx.commit().await?;
        self.page_taken(round, taken).await
    }

    async fn merge_page(
        &self,
        tx: &mut E::Tx,
        round: &Round<E>,
        page: PulledPage,
    ) -> Result<TakenPage, OfficeError> {
        if page.position.timeline != round.timeline {
            return Err(OfficeError::SessionEnded);
        }
        let pulled: Vec<Incoming> = page
            .rows
            .into_iter()
            .map(|row| Incoming { id: row.id, kind: row.kind, state: row.state })
            .collect();
        let tree = self.tree_in(tx).await?;
        self.still_above(&tree, round.parent)?;
        let mut changes = self.merge_pulled(tx, &tree, round.parent, &pulled, &page.withdrawn).await?;
        let mut link = up_link(tx, round.parent).await?;
        link.cursor = Some(page.position);
        if page.end {
            link.last_success_ms = self.now_ms();
        }
        changes.links.push(link);
        changes.ticks.extend(page.ticks);
        let applied = self.perform(tx, &tree, &changes).await?;
        let regained = if page.end { self.recheck(tx).await? } else { Changes::default() };
        Ok(TakenPage {
            changes,
            applied,
            regained,
            pulled: pulled.len() as u64,
            withdrawn: page.withdrawn.len() as u64,
            cursor: page.position,
            end: page.end,
        })
    }

    /// After the commit.
    async fn page_taken(&self, round: &mut Round<E>, page: TakenPage) -> Result<PullOutcome, OfficeError> {
        round.pulled += page.pulled;
        round.withdrawn += page.withdrawn;
        self.committed(&page.changes).await?;
        self.committed(&page.regained).await?;
        self.tell(&page.changes, &page.applied, None);
        self.tell(&page.regained, &page.applied, None);
        if page.end {
            self.live_pulled(page.cursor, round.pushed);
        }
        // A page that gives this node another parent is the last one taken from this one (L4).
        let moved = self.parent() != Some(round.parent);
        Ok(PullOutcome { cursor: page.cursor, end: page.end || moved })
    }

    /// Remembers why a round failed; what it had already settled stays settled.
    ///
    /// # Errors
    /// [`OfficeError`] when the store fails.
    pub async fn round_failed(&self, words: &str) -> Result<(), OfficeError> {
        self.live_failed(words);
        let Some(parent) = self.parent() else { return Ok(()) };
        let mut tx = self.store.begin().await?;
        let mut link = up_link(&mut tx, parent).await?;
        link.last_failure_ms = self.now_ms();
        link.last_failure = words.chars().take(limits::TEXT_BYTES).collect();
        tx.apply(&Changes { links: vec![link], ..Changes::default() }).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(crate) fn acked_seals(&self) -> std::sync::MutexGuard<'_, AckedSeals> {
        self.acked_seals.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What the parent has acknowledged of each base's seals.
pub(crate) type AckedSeals = BTreeMap<(BaseId, TimelineId), Said>;

/// What a seal says: its count, records in quarantine, records that nobody has confirmed.
pub(crate) type Said = (u64, u64, Vec<RecordId>);

fn says(seal: &Seal) -> Said {
    (seal.n, seal.quarantined, seal.exceptions.clone())
}

/// Refusals looked through at once.
pub(crate) const QUARANTINE_LOOK: usize = 100_000;

/// Whether RESYNC was begun and nothing pulled since: the session that knew what both hold alike was cut off.
fn is_at_start(link: &Link) -> bool {
    link.cursor.is_some_and(|cursor| cursor.seq == 0)
}

pub(crate) async fn up_link<R: Read>(reader: &mut R, parent: BaseId) -> Result<Link, OfficeError> {
    let link = reader.links().await?.into_iter().find(|l| l.up && l.peer == parent);
    Ok(link.unwrap_or(Link { peer: parent, up: true, ..Link::default() }))
}

pub(crate) async fn read_covers<R: Read>(reader: &mut R) -> Result<Covers, OfficeError> {
    let stored = reader.meta(META_COVERS).await?.unwrap_or_default();
    // Written by this file alone; anything else only costs the display of where old records have arrived.
    Ok(serde_json::from_slice(&stored).unwrap_or_default())
}

/// How far own seals reach: timeline, count, number.
pub(crate) type Covers = Vec<(u64, u64, u64)>;

/// Whether `holder` has a seal of `base` that covers the number `seq`.
pub(crate) fn covered_by(covers: &Covers, ticks: &[Tick], base: BaseId, holder: BaseId, seq: u64) -> bool {
    let mine = ticks.iter().filter(|t| t.holder == holder && t.base == base);
    let reaches =
        |t: &Tick| covers.iter().any(|(line, n, upto)| *line == t.timeline.0 && *n <= t.n && seq <= *upto);
    mine.into_iter().any(reaches)
}

/// Joins pages that follow one another to larger ones. Not where order matters: a record that comes twice, a withdraw,
/// a change of the tree of bases.
fn join(pages: Vec<PulledPage>, registry: Option<&str>) -> Vec<PulledPage> {
    let mut joined: Vec<PulledPage> = Vec::new();
    let mut ids: BTreeSet<RecordId> = BTreeSet::new();
    for page in pages {
        let plain = |page: &PulledPage| {
            page.withdrawn.is_empty() && page.rows.iter().all(|row| Some(row.kind.as_str()) != registry)
        };
        let apart = page.rows.iter().all(|row| !ids.contains(&row.id));
        match joined.last_mut() {
            Some(last)
                if apart
                    && plain(last)
                    && plain(&page)
                    && last.position.timeline == page.position.timeline =>
            {
                ids.extend(page.rows.iter().map(|row| row.id));
                last.rows.extend(page.rows);
                last.ticks.extend(page.ticks);
                (last.position, last.end) = (page.position, page.end);
            }
            _ => {
                ids = page.rows.iter().map(|row| row.id).collect();
                joined.push(page);
            }
        }
    }
    joined
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

#[cfg(test)]
mod tests {
    use super::*;

    fn page(ids: &[u8], kind: &str) -> PulledPage {
        let row = |id: &u8| Row { id: RecordId([*id; 16]), kind: kind.into(), ..Row::default() };
        let position = Position { timeline: TimelineId(1), seq: u64::from(ids[ids.len() - 1]) };
        PulledPage { position, rows: ids.iter().map(row).collect(), ..PulledPage::default() }
    }

    fn sizes(pages: Vec<PulledPage>) -> Vec<usize> {
        join(pages, Some("base")).iter().map(|page| page.rows.len()).collect()
    }

    #[test]
    fn pages_are_joined_where_order_does_not_matter() {
        let last = PulledPage { end: true, ..page(&[5], "k") };
        let joined = join(vec![page(&[1, 2], "k"), page(&[3, 4], "k"), last], Some("base"));
        assert_eq!(
            (joined.len(), joined[0].rows.len(), joined[0].position.seq, joined[0].end),
            (1, 5, 5, true)
        );
        assert_eq!(
            sizes(vec![page(&[1, 2], "k"), page(&[2, 3], "k"), page(&[4], "k")]),
            [2, 3],
            "comes twice"
        );
        assert_eq!(sizes(vec![page(&[1], "k"), page(&[2], "base"), page(&[3], "k")]), [1, 1, 1], "the tree");
        let withdraws = PulledPage { withdrawn: vec![RecordId([1; 16])], ..page(&[2], "k") };
        assert_eq!(sizes(vec![page(&[1], "k"), withdraws, page(&[3], "k")]), [1, 1, 1], "a withdraw");
    }
}
