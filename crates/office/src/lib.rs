//! Use cases: check, one transaction, history. Called by gRPC, the command line, timers (and later by pages).
//!
//! An [`Office`] is one node's database together with who it is. It knows the schema and the tree of bases, stamps
//! edits, and runs the pure protocol of `sync` against the store. It must never know gRPC, TLS, HTTP or a terminal.
//!
//! Begin with [`Office::open`], then `save.rs` (a person's edit), `down.rs` and `up.rs` (the two sides of a sync);
//! `compare.rs` asks whether both hold the same.

mod arrived;
mod backup;
mod calls;
mod carried;
mod check;
mod compare;
mod conflicts;
mod contracts;
mod corrector;
mod down;
mod echoes;
mod error;
mod figure;
mod filter;
mod guard;
mod history;
mod import;
mod intake;
mod invite;
mod live;
mod look;
mod merging;
mod mint;
mod moves;
mod outside;
mod quarantine;
mod registry;
mod reshow;
mod resolve;
mod save;
mod statement;
mod status;
mod taking;
mod up;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, RwLock};

use causal::{BaseId, ReplicaId};
use record::Tree;
use schema::Schema;
use store::{Engine, Opening, Read, Store, Write};
use sync::{Replica, TimelineId};
use tokio::sync::watch;

pub use carried::{Brought, Export, Receipt, Taken};
pub use compare::{Above, Found, Verified};
pub use conflicts::{Claim, Conflict, Conflicted, Conflicts};
pub use down::{PulledPage, Session};
pub use error::OfficeError;
pub use figure::{BaseReport, Figure, Watermark};
pub use filter::Filtering;
pub use history::{Edit, EditedField};
pub use import::{ImportOptions, ImportReport, LargeAmounts, RefusedRow};
pub use live::Line;
pub use look::{Delivery, Disputed, Look, View, Viewed};
pub use merging::Merged;
pub use mint::Secret;
pub use outside::{Chance, Clock, Outside, SystemChance, SystemClock};
pub use quarantine::{Aside, KeptAside, Settle, Settled};
pub use registry::{NewBase, describe_registry};
pub use resolve::{Keep, Resolve, Resolved};
pub use save::{Put, Saved};
pub use statement::KeptStatement;
pub use status::{LinkStatus, Status};
pub use store::{Act, Decision};
pub use taking::{Acked, Coming, PushedBatch};
pub use up::{Acknowledged, Outgoing, PullOutcome, Round};

/// Who a node is, fixed when it was made or joined.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Me {
    /// The base that it serves.
    pub base: BaseId,
    /// The federation's name, for people.
    pub federation: String,
}

/// Settings of the use cases.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// A base whose seal is older than this is late, milliseconds.
    pub late_after_ms: u64,
    /// Records in a batch or a page at most; never more than [`sync::limits::BATCH_RECORDS`]. Tests make it small, so
    /// that small federations have many batches.
    pub batch_records: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { late_after_ms: 24 * 3_600_000, batch_records: sync::limits::BATCH_RECORDS }
    }
}

/// One node's database and who it is.
pub struct Office<E: Engine = Store> {
    store: E,
    contracts: contracts::Contracts,
    me: Me,
    settings: Settings,
    outside: Outside,
    secret: Secret,
    mint: Mutex<mint::Mint>,
    tree: RwLock<Arc<Tree>>,
    /// A transaction has changed the tree, and the one above does not say so yet.
    tree_stale: AtomicBool,
    /// The digest of the bases' records that the tree was read from.
    digest: Mutex<Option<(Arc<Tree>, Vec<u8>)>>,
    /// The parent remembers a later state of this database.
    restored: AtomicBool,
    /// The latest own seals, kept in the database or not yet.
    minted: Mutex<BTreeMap<BaseId, sync::Seal>>,
    replicas: Mutex<Arc<BTreeMap<ReplicaId, Replica>>>,
    sessions: Mutex<BTreeMap<BaseId, down::Open>>,
    acked_seals: Mutex<up::AckedSeals>,
    begun: Mutex<std::collections::VecDeque<u64>>,
    barred: Mutex<registry::Barred>,
    corrections: Mutex<corrector::Corrections>,
    changed: watch::Sender<u64>,
    live: live::Live,
}

const META_BASE: &str = "base";
const META_FEDERATION: &str = "federation";

impl Office<Store> {
    /// Opens the database in `folder`. `me` is written into a new one; an existing one must be of the same base.
    ///
    /// # Errors
    /// [`OfficeError`] when it is in use, damaged, of another base, or cannot be read.
    pub async fn open(
        folder: &Path,
        schema: Arc<Schema>,
        me: Me,
        settings: Settings,
        secret: Secret,
        outside: Outside,
    ) -> Result<Office<Store>, OfficeError> {
        let opening = Opening { now_ms: outside.clock.now_ms(), timeline: TimelineId(outside.chance.u64()) };
        let store = Store::open(folder, schema.clone(), opening).await?;
        Office::with_engine(store, schema, me, settings, secret, outside).await
    }

    /// Closes the database cleanly.
    pub async fn close(&self) {
        if let Err(error) = self.keep_heartbeats().await {
            tracing::warn!(%error, "what children told of themselves is not kept");
        }
        self.store.clone().close().await;
    }
}

impl<E: Engine> Office<E> {
    /// As [`Office::open`], over an engine that is open already.
    ///
    /// # Errors
    /// [`OfficeError`] when the engine holds another base's data or cannot be read.
    pub async fn with_engine(
        store: E,
        schema: Arc<Schema>,
        me: Me,
        settings: Settings,
        secret: Secret,
        outside: Outside,
    ) -> Result<Office<E>, OfficeError> {
        let mut tx = store.begin().await?;
        match tx.meta(META_BASE).await? {
            Some(base) if base != me.base.0 => return Err(OfficeError::OtherBase),
            Some(_) => {}
            None => {
                tx.put_meta(META_BASE, &me.base.0).await?;
                tx.put_meta(META_FEDERATION, me.federation.as_bytes()).await?;
            }
        }
        let tree = registry::read_tree(&schema, &mut tx).await?;
        let replicas = tx.replicas().await?.into_iter().map(|r| (r.id, r)).collect();
        let barred = registry::Barred::read(&mut tx).await?;
        tx.commit().await?;
        let office = Office {
            store,
            contracts: contracts::Contracts::new(schema),
            me,
            settings,
            outside,
            secret,
            mint: Mutex::default(),
            tree: RwLock::new(Arc::new(tree)),
            tree_stale: AtomicBool::new(false),
            digest: Mutex::default(),
            restored: AtomicBool::new(false),
            minted: Mutex::default(),
            replicas: Mutex::new(Arc::new(replicas)),
            sessions: Mutex::default(),
            acked_seals: Mutex::default(),
            begun: Mutex::default(),
            barred: Mutex::new(barred),
            corrections: Mutex::default(),
            changed: watch::Sender::new(0),
            live: live::Live::default(),
        };
        office.reshow_if_changed().await?;
        office.resume_calls().await?;
        Ok(office)
    }

    /// Who this node is.
    pub fn me(&self) -> &Me {
        &self.me
    }

    /// The tree of bases as known now.
    pub fn tree(&self) -> Arc<Tree> {
        self.tree.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// This node's clock, UTC milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.outside.clock.now_ms()
    }

    /// Counts transactions that changed records; a receiver wakes when there is something new.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn replicas(&self) -> Arc<BTreeMap<ReplicaId, Replica>> {
        self.replicas.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Every record tells of its replicas, mostly the same ones: what is known already need not be written again.
    fn thin(&self, changes: &mut sync::Changes) {
        let known = self.replicas();
        let mut news: BTreeMap<ReplicaId, Replica> = BTreeMap::new();
        for told in std::mem::take(&mut changes.replicas) {
            let old = news
                .get(&told.id)
                .or_else(|| known.get(&told.id))
                .copied()
                .unwrap_or(Replica { tick: 0, ..told });
            let new = Replica { base: old.base.or(told.base), tick: old.tick.max(told.tick), ..told };
            if new != old || !known.contains_key(&told.id) {
                news.insert(told.id, new);
            }
        }
        changes.replicas = news.into_values().collect();
    }

    /// A record that was handed over or dropped is attested again once a state arrives that has seen all that its own
    /// had (D1); until then the seals list it as an exception (S2).
    async fn attest(&self, tx: &mut E::Tx, changes: &mut sync::Changes) -> Result<(), OfficeError> {
        let waiting = tx.unattested().await?;
        if waiting.is_empty() {
            return Ok(());
        }
        let arrived =
            changes.rows.iter().map(|new| new.row.id).filter(|id| waiting.binary_search(id).is_ok());
        for handed in tx.handed(&arrived.collect::<Vec<_>>()).await? {
            let Some(new) = changes.rows.iter().find(|new| new.row.id == handed.record) else { continue };
            if look::decode(&new.row)?.context.covers(&handed.context) {
                changes.handed.push(sync::Handed { unattested: false, ..handed });
            }
        }
        Ok(())
    }

    /// Takes note of what a committed transaction changed.
    async fn committed(&self, changes: &sync::Changes) -> Result<(), OfficeError> {
        if !changes.replicas.is_empty() {
            let mut known = self.replicas.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let known = Arc::make_mut(&mut known);
            for new in &changes.replicas {
                let old = known.entry(new.id).or_insert(*new);
                *old = Replica { base: old.base.or(new.base), tick: old.tick.max(new.tick), ..*old };
            }
        }
        if self.changes_registry(changes) {
            self.reload_tree().await?;
        }
        if !changes.rows.is_empty() || !changes.withdraws.is_empty() {
            self.changed.send_modify(|count| *count += 1);
        }
        Ok(())
    }
}
