//! The child's side of a sync: one round with the parent. It begins here; what goes up, what comes down, and what is sealed
//! have a file each.

mod pull;
mod push;
mod seals;

use std::collections::{BTreeMap, BTreeSet};

use causal::{BaseId, RecordId};
use store::{Engine, Read, Write};
use sync::child::{Desk, Sent, resync};
use sync::parent::{Hello, Incoming, Welcome};
use sync::{Changes, Heartbeat, Link, Position, Reason, Seal, TimelineId, limits};

pub use pull::PullOutcome;
pub use push::{Acknowledged, Outgoing};
pub(crate) use seals::{AckedSeals, Covers, Minted, covered_by, read_covers};

use crate::{Office, OfficeError};

/// A round with the parent under way.
pub struct Round<E: Engine> {
    session: u64,
    pub(crate) timeline: TimelineId,
    pub(crate) parent: BaseId,
    snapshot: E::Snapshot,
    /// What its handshake told of the parent; noted with the first acknowledgement.
    met: Met,
    cursor: Position,
    after: u64,
    /// Rows handed out in batches.
    taken: u64,
    index: u32,
    sent: BTreeMap<u32, Sent>,
    seals: Vec<Seal>,
    /// The new ones of them, kept once the parent has acknowledged them.
    minted: Minted,
    last_index: Option<u32>,
    pub(crate) refused_before: BTreeSet<RecordId>,
    /// After RESYNC, unless with a parent that is new: it may hold much of the same.
    pub compares: bool,
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

/// What a handshake told of the parent, but for where it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Met {
    clock_offset_ms: i64,
    peer_version: String,
}

impl Met {
    fn noted(&self, link: Link) -> Link {
        let Met { clock_offset_ms, peer_version } = self.clone();
        Link { clock_offset_ms, peer_version, ..link }
    }
}

impl<E: Engine> Round<E> {
    /// Where the next pull starts.
    pub fn cursor(&self) -> Position {
        self.cursor
    }

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

/// Sessions of which this process knows that it began them: an answer to a handshake is never later than some rounds.
const SESSIONS_REMEMBERED: usize = 64;

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
        let tree = self.tree();
        let mut snapshot = self.store.snapshot().await?;
        let link = up_link(&mut snapshot, parent).await?;
        let digest = self.registry_digest(&mut snapshot, tree).await?;
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
        self.still_above(&self.tree(), parent)?;
        let peer_version = peer_version.chars().take(limits::TEXT_BYTES / 4).collect();
        let met = Met { clock_offset_ms: offset_ms, peer_version };
        let mut snapshot = self.store.snapshot().await?;
        let link = up_link(&mut snapshot, parent).await?;
        let compares = link.ack.is_some() && (welcome.resync || is_at_start(&link));
        self.note_past(&mut snapshot, welcome).await?;
        if self.must_settle(&mut snapshot, welcome).await? {
            drop(snapshot);
            self.settle_welcome(parent, welcome, &met).await?;
            snapshot = self.store.snapshot().await?;
        }
        let minted = self.mint_seals(&mut snapshot, parent_ms).await?;
        let timeline = welcome.position.timeline;
        let round = self.round_of(snapshot, session, timeline, parent, minted).await?;
        Ok(Round { compares, met, resync: welcome.resync, ..round })
    }

    /// Whether the parent's answer asks for something to be written before anything is sent.
    async fn must_settle(&self, snapshot: &mut E::Snapshot, welcome: &Welcome) -> Result<bool, OfficeError> {
        let refused = snapshot.quarantined(QUARANTINE_LOOK).await?.iter().any(|q| !q.inbound);
        Ok(welcome.resync || welcome.clone || refused)
    }

    /// RESYNC, what the parent no longer keeps aside, and that there are two nodes of this identity.
    async fn settle_welcome(&self, parent: BaseId, welcome: &Welcome, met: &Met) -> Result<(), OfficeError> {
        let mut tx = self.store.begin().await?;
        self.still_above(&*self.tree_in(&mut tx).await?, parent)?;
        let mut link = up_link(&mut tx, parent).await?;
        if welcome.resync {
            tx.apply(&resync(&met.noted(link), welcome)).await?;
            self.acked_seals().clear();
            link = up_link(&mut tx, parent).await?;
        }
        self.let_go(&mut tx, parent, &welcome.quarantined).await?;
        if welcome.clone {
            link.memory.clone_at_ms = self.now_ms();
        }
        tx.apply(&Changes { links: vec![met.noted(link)], ..Changes::default() }).await?;
        Ok(tx.commit().await?)
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

    /// What is to be pushed as of a snapshot, which holds all that the seals cover (P1).
    pub(crate) async fn round_of(
        &self,
        mut snapshot: E::Snapshot,
        session: u64,
        timeline: TimelineId,
        parent: BaseId,
        minted: Minted,
    ) -> Result<Round<E>, OfficeError> {
        let link = up_link(&mut snapshot, parent).await?;
        let seals = self.seals_to_send(&mut snapshot, &minted.seals).await?;
        let refused = snapshot.quarantined(QUARANTINE_LOOK).await?.into_iter().filter(|q| !q.inbound);
        Ok(Round {
            session,
            timeline,
            parent,
            met: Met { clock_offset_ms: link.clock_offset_ms, peer_version: link.peer_version },
            cursor: link.cursor.unwrap_or(Position { timeline, seq: 0 }),
            after: 0,
            taken: 0,
            index: 0,
            sent: BTreeMap::new(),
            seals,
            minted,
            last_index: None,
            refused_before: refused.map(|q| q.record).collect(),
            to_push: snapshot.unsent_count().await?,
            snapshot,
            pushed: 0,
            pulled: 0,
            withdrawn: 0,
            refused: 0,
            resync: false,
            compares: false,
            spared: 0,
        })
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
