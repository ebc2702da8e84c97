//! An engine that obeys until it is told not to: it fails a commit, as a full disk does, or dies before or after one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causal::{BaseId, RecordId};
use schema::Schema;
use store::{
    Applied, Certificate, Changed, Decision, Engine, Exported, FigureQuery, FigureRow, Invite, InviteState,
    Page, Query, Read, StoreError, Write,
};
use sync::{Changes, Handed, Link, Quarantined, Replica, Revision, Row, Seal, Tick, Timelines, Withdraw};

/// What is to happen to a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// The process dies before it.
    CrashBefore,
    /// The process dies after it, before anybody hears of it.
    CrashAfter,
    /// No room is left.
    Full,
}

#[derive(Debug, Default)]
struct Plan {
    /// Commits that still go well, and what happens then.
    next: Option<(u32, Fate)>,
    dead: bool,
}

/// An engine with a fate.
#[derive(Clone, Debug)]
pub struct Faulty<E> {
    engine: E,
    plan: Arc<Mutex<Plan>>,
}

impl<E> Faulty<E> {
    /// An engine to which nothing happens for now.
    pub fn new(engine: E) -> Faulty<E> {
        Faulty { engine, plan: Arc::default() }
    }

    /// Lets something happen at the commit after the next `pass` ones; takes an earlier plan back.
    pub fn plan(&self, next: Option<(u32, Fate)>) {
        self.lock().next = next;
    }

    /// Whether the process has died.
    pub fn is_dead(&self) -> bool {
        self.lock().dead
    }

    /// The engine without a fate: for who looks from outside.
    pub fn plain(&self) -> &E {
        &self.engine
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive(&self) -> Result<(), StoreError> {
        if self.is_dead() { Err(StoreError::Closed) } else { Ok(()) }
    }

    fn fate(&self) -> Option<Fate> {
        let mut plan = self.lock();
        let (pass, fate) = plan.next?;
        plan.next = if pass > 0 { Some((pass - 1, fate)) } else { None };
        plan.dead |= pass == 0 && fate != Fate::Full;
        (pass == 0).then_some(fate)
    }
}

impl<E: Engine> Engine for Faulty<E> {
    type Snapshot = E::Snapshot;
    type Tx = FaultyTx<E>;

    async fn snapshot(&self) -> Result<E::Snapshot, StoreError> {
        self.alive()?;
        self.engine.snapshot().await
    }

    async fn begin(&self) -> Result<FaultyTx<E>, StoreError> {
        self.alive()?;
        Ok(FaultyTx { tx: self.engine.begin().await?, of: self.clone() })
    }

    async fn before(&self, tx: &mut FaultyTx<E>) -> Result<E::Snapshot, StoreError> {
        self.alive()?;
        self.engine.before(&mut tx.tx).await
    }

    async fn adopt(&self, schema: Arc<Schema>) -> Result<(), StoreError> {
        self.alive()?;
        self.engine.adopt(schema).await
    }
}

/// A transaction with a fate.
pub struct FaultyTx<E: Engine> {
    tx: E::Tx,
    of: Faulty<E>,
}

macro_rules! pass_on {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $out:ty;)*) => {
        $(async fn $name(&mut self, $($arg: $ty),*) -> Result<$out, StoreError> {
            self.tx.$name($($arg),*).await
        })*
    };
}

impl<E: Engine> Read for FaultyTx<E> {
    pass_on! {
        rows(ids: &[RecordId]) -> Vec<Row>;
        of_kind(kind: &str) -> Vec<Row>;
        timelines() -> Timelines;
        unsent(after_seq: u64, max_rows: usize, max_bytes: usize) -> Vec<Row>;
        unsent_count() -> u64;
        revisions(records: &[RecordId], only_unsent: bool, limit: usize) -> Vec<Revision>;
        history(record: RecordId) -> Vec<Revision>;
        changes_among(homes: &[BaseId], after_seq: u64, limit: usize, wanted: impl Fn(u64) -> bool + Send)
            -> Changed;
        by_id(after: Option<RecordId>, upto: RecordId, limit: usize) -> Vec<(Row, record::Scope)>;
        withdraws(child: BaseId, after_seq: u64, limit: usize) -> Vec<Withdraw>;
        links() -> Vec<Link>;
        seals() -> Vec<Seal>;
        ticks() -> Vec<Tick>;
        quarantined(limit: usize) -> Vec<Quarantined>;
        quarantine_counts() -> Vec<(BaseId, u64)>;
        replicas() -> Vec<Replica>;
        handed(records: &[RecordId]) -> Vec<Handed>;
        unattested() -> Vec<RecordId>;
        forgotten() -> u64;
        list(query: &Query) -> Page;
        figure(query: &FigureQuery) -> Vec<FigureRow>;
        meta(key: &str) -> Option<Vec<u8>>;
        invites() -> Vec<Invite>;
        certificates() -> Vec<Certificate>;
        exported(number: u64) -> Option<Exported>;
        exported_waiting() -> Vec<u64>;
        decisions(limit: usize) -> Vec<Decision>;
        dropped(records: &[RecordId]) -> Vec<(RecordId, [u8; 32])>;
    }
}

impl<E: Engine> Write for FaultyTx<E> {
    pass_on! {
        apply(changes: &Changes) -> Applied;
        saved_at(now_ms: u64) -> u64;
        set_back(now_ms: u64, ahead_ms: u64) -> bool;
        reshow(shown: &[(RecordId, record::Shown)]) -> ();
        put_meta(key: &str, value: &[u8]) -> ();
        put_invite(invite: &Invite) -> ();
        take_invite(code_hash: &[u8; 32], now_ms: u64) -> InviteState;
        put_certificate(certificate: &Certificate) -> ();
        put_exported(exported: &Exported, keep: usize) -> ();
        put_decision(decision: &Decision) -> ();
    }

    async fn commit(self) -> Result<(), StoreError> {
        match self.of.fate() {
            None => self.tx.commit().await,
            Some(Fate::Full) => Err(StoreError::no_room("committing")),
            Some(Fate::CrashBefore) => Err(StoreError::Closed),
            Some(Fate::CrashAfter) => {
                self.tx.commit().await?;
                Err(StoreError::Closed)
            }
        }
    }
}
