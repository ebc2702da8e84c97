//! An engine in memory, for tests of the crates above: plain sorted maps, and the same laws.
//!
//! A transaction works on a copy and replaces the whole at commit. Nothing is on disk, so nothing survives the
//! last clone; [`Memory::reopen`] stands for a restart.

mod apply;
mod ask;
mod data;

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock};

use causal::{BaseId, RecordId};
use record::{Scope, Shown};
use schema::Schema;
use sync::{
    Changes, Handed, Link, Quarantined, Replica, Revision, Row, Seal, Tick, Timeline, Timelines, Withdraw,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::engine::{Applied, Changed, Engine, Opening, Read, Write};
use crate::error::StoreError;
use crate::model::{Certificate, Decision, Exported, Invite, InviteState};
use crate::query::{FigureQuery, FigureRow, Page, Query};
use data::Data;

/// A database in memory. Cheap to clone; all clones are the same database.
#[derive(Clone, Debug)]
pub struct Memory {
    schema: Arc<RwLock<Arc<Schema>>>,
    committed: Arc<RwLock<Arc<Data>>>,
    writer: Arc<Mutex<()>>,
}

impl Memory {
    /// An empty database.
    pub fn open(schema: Arc<Schema>, opening: Opening) -> Memory {
        let schema = Arc::new(RwLock::new(schema));
        let memory = Memory { schema, committed: Arc::default(), writer: Arc::default() };
        memory.begin_timeline(opening);
        memory
    }

    /// A database with the same content as this one at present, as after a restart, or as a clone of the disk.
    pub fn reopen(&self, opening: Opening) -> Memory {
        let memory = self.copy();
        memory.begin_timeline(opening);
        memory
    }

    /// What this database holds at present, on its own from now on: a backup.
    pub fn copy(&self) -> Memory {
        let committed = Arc::new(RwLock::new(self.now()));
        let schema = Arc::new(RwLock::new(self.schema()));
        Memory { schema, committed, writer: Arc::default() }
    }

    fn begin_timeline(&self, opening: Opening) {
        let mut data = Data::clone(&self.now());
        let start_seq = data.timelines.seq;
        data.timelines.all.push(Timeline { id: opening.timeline, start_seq });
        self.replace(Arc::new(data));
    }

    fn schema(&self) -> Arc<Schema> {
        self.schema.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn now(&self) -> Arc<Data> {
        self.committed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, data: Arc<Data>) {
        *self.committed.write().unwrap_or_else(PoisonError::into_inner) = data;
    }
}

impl Engine for Memory {
    type Snapshot = Session<ReadOnly>;
    type Tx = Session<Writing>;

    async fn snapshot(&self) -> Result<Self::Snapshot, StoreError> {
        Ok(Session { memory: self.clone(), data: self.now(), alone: None, mode: PhantomData })
    }

    async fn begin(&self) -> Result<Self::Tx, StoreError> {
        let alone = Some(self.writer.clone().lock_owned().await);
        Ok(Session { memory: self.clone(), data: self.now(), alone, mode: PhantomData })
    }

    async fn before(&self, _: &mut Self::Tx) -> Result<Self::Snapshot, StoreError> {
        self.snapshot().await
    }

    async fn adopt(&self, schema: Arc<Schema>) -> Result<(), StoreError> {
        *self.schema.write().unwrap_or_else(PoisonError::into_inner) = schema;
        Ok(())
    }
}

/// Marks a session that only reads.
#[derive(Debug)]
pub enum ReadOnly {}

/// Marks a session that writes.
#[derive(Debug)]
pub enum Writing {}

/// A snapshot, or a transaction.
#[derive(Debug)]
pub struct Session<M> {
    memory: Memory,
    data: Arc<Data>,
    alone: Option<OwnedMutexGuard<()>>,
    mode: PhantomData<fn() -> M>,
}

impl Session<Writing> {
    fn data(&mut self) -> &mut Data {
        Arc::make_mut(&mut self.data)
    }
}

impl<M> Read for Session<M> {
    async fn rows(&mut self, ids: &[RecordId]) -> Result<Vec<Row>, StoreError> {
        Ok(ids.iter().filter_map(|id| self.data.records.get(id)).map(|held| self.data.row(held)).collect())
    }

    async fn of_kind(&mut self, kind: &str) -> Result<Vec<Row>, StoreError> {
        let of_kind = self.data.records.values().filter(|held| held.row.kind == kind);
        Ok(of_kind.map(|held| self.data.row(held)).collect())
    }

    async fn timelines(&mut self) -> Result<Timelines, StoreError> {
        Ok(self.data.timelines.clone())
    }

    async fn unsent(
        &mut self,
        after_seq: u64,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let mut bytes = 0;
        let mut all: Vec<Row> = Vec::new();
        for held in self.data.by_seq(after_seq) {
            let waits = self.data.unsent.contains_key(&held.row.seq) && !held.row.refused;
            if !waits {
                continue;
            }
            bytes += held.row.state.len();
            if all.len() == max_rows || bytes > max_bytes && !all.is_empty() {
                break;
            }
            all.push(self.data.row(held));
        }
        Ok(all)
    }

    async fn unsent_count(&mut self) -> Result<u64, StoreError> {
        Ok(self.data.unsent.len() as u64)
    }

    async fn revisions(
        &mut self,
        records: &[RecordId],
        only_unsent: bool,
        limit: usize,
    ) -> Result<Vec<Revision>, StoreError> {
        let all = self.data.revisions.values();
        let wanted = all.filter(|r| records.contains(&r.record) && (r.unsent || !only_unsent));
        Ok(wanted.take(limit).cloned().collect())
    }

    async fn history(&mut self, record: RecordId) -> Result<Vec<Revision>, StoreError> {
        self.revisions(&[record], false, usize::MAX).await
    }

    async fn by_id(
        &mut self,
        after: Option<RecordId>,
        upto: RecordId,
        limit: usize,
    ) -> Result<Vec<(Row, Scope)>, StoreError> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        if after.is_some_and(|after| after >= upto) {
            return Ok(Vec::new());
        }
        let above = self.data.records.range((after.map_or(Unbounded, Excluded), Included(upto)));
        Ok(above.take(limit).map(|(_, held)| (self.data.row(held), held.shown.scope.clone())).collect())
    }

    async fn changes_among(
        &mut self,
        homes: &[BaseId],
        after_seq: u64,
        limit: usize,
        wanted: impl Fn(u64) -> bool + Send,
    ) -> Result<Changed, StoreError> {
        let is_among = |scope: &Scope| {
            !scope.audience.is_empty() || !matches!(scope.homes.as_slice(), [one] if !homes.contains(one))
        };
        let all = self.data.by_seq(after_seq).into_iter();
        let among = all.filter(|held| !held.row.hidden && is_among(&held.shown.scope)).take(limit);
        let mut found: Vec<_> = among.map(|held| (self.data.row(held), held.shown.scope.clone())).collect();
        let upto = found.last().filter(|_| found.len() == limit).map(|(row, _)| row.seq);
        found.retain(|(row, _)| wanted(row.seq));
        Ok(Changed { rows: found, upto })
    }

    async fn withdraws(
        &mut self,
        child: BaseId,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<Withdraw>, StoreError> {
        let of_child = self.data.withdraws.iter().filter(|((to, _), seq)| *to == child && **seq > after_seq);
        let mut all: Vec<Withdraw> = of_child
            .map(|((child, record), seq)| Withdraw { child: *child, record: *record, seq: *seq })
            .collect();
        all.sort_unstable_by_key(|withdraw| withdraw.seq);
        all.truncate(limit);
        Ok(all)
    }

    async fn links(&mut self) -> Result<Vec<Link>, StoreError> {
        Ok(self.data.links.values().cloned().collect())
    }

    async fn seals(&mut self) -> Result<Vec<Seal>, StoreError> {
        Ok(self.data.seals.values().cloned().collect())
    }

    async fn ticks(&mut self) -> Result<Vec<Tick>, StoreError> {
        Ok(self.data.ticks.values().copied().collect())
    }

    async fn quarantined(&mut self, limit: usize) -> Result<Vec<Quarantined>, StoreError> {
        let mut all: Vec<_> = self.data.quarantine.values().cloned().collect();
        all.sort_by_key(|q| std::cmp::Reverse(q.at_ms));
        all.truncate(limit);
        Ok(all)
    }

    async fn quarantine_counts(&mut self) -> Result<Vec<(BaseId, u64)>, StoreError> {
        let inbound = self.data.quarantine.values().filter(|q| q.inbound);
        let records: BTreeSet<(BaseId, RecordId)> = inbound.map(|q| (q.home, q.record)).collect();
        let homes: Vec<BaseId> = records.into_iter().map(|(home, _)| home).collect();
        Ok(homes.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64)).collect())
    }

    async fn replicas(&mut self) -> Result<Vec<Replica>, StoreError> {
        Ok(self.data.replicas.values().copied().collect())
    }

    async fn handed(&mut self, records: &[RecordId]) -> Result<Vec<Handed>, StoreError> {
        Ok(records.iter().filter_map(|id| self.data.handed.get(id)).cloned().collect())
    }

    async fn unattested(&mut self) -> Result<Vec<RecordId>, StoreError> {
        Ok(self.data.handed.values().filter(|h| h.unattested).map(|h| h.record).collect())
    }

    async fn forgotten(&mut self) -> Result<u64, StoreError> {
        Ok(self.data.forgotten)
    }

    async fn list(&mut self, query: &Query) -> Result<Page, StoreError> {
        ask::list(&self.data, self.memory.schema().kind(&query.kind), query)
    }

    async fn figure(&mut self, query: &FigureQuery) -> Result<Vec<FigureRow>, StoreError> {
        ask::figure(&self.data, self.memory.schema().kind(&query.kind), query)
    }

    async fn meta(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.data.meta.get(key).cloned())
    }

    async fn exported(&mut self, id: u64) -> Result<Option<Exported>, StoreError> {
        Ok(self.data.exported.get(&id).cloned())
    }

    async fn exported_waiting(&mut self) -> Result<Vec<u64>, StoreError> {
        let waiting = self.data.exported.values().filter(|e| e.settled_at_ms.is_none());
        let mut times: Vec<u64> = waiting.map(|e| e.made_at_ms).collect();
        times.sort_unstable();
        Ok(times)
    }

    async fn invites(&mut self) -> Result<Vec<Invite>, StoreError> {
        let mut all: Vec<_> = self.data.invites.values().cloned().collect();
        all.sort_by_key(|invite| std::cmp::Reverse(invite.issued_at_ms));
        Ok(all)
    }

    async fn certificates(&mut self) -> Result<Vec<Certificate>, StoreError> {
        let mut all: Vec<_> = self.data.certificates.values().cloned().collect();
        all.sort_by_key(|certificate| std::cmp::Reverse(certificate.issued_at_ms));
        Ok(all)
    }

    async fn decisions(&mut self, limit: usize) -> Result<Vec<Decision>, StoreError> {
        Ok(self.data.decisions.iter().rev().take(limit).cloned().collect())
    }

    async fn dropped(&mut self, records: &[RecordId]) -> Result<Vec<(RecordId, [u8; 32])>, StoreError> {
        let of_these = self.data.decisions.iter().filter(|d| records.contains(&d.record));
        let mut found: Vec<_> = of_these.filter_map(|d| Some((d.record, d.dropped?))).collect();
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

impl Write for Session<Writing> {
    async fn apply(&mut self, changes: &Changes) -> Result<Applied, StoreError> {
        let first_seq = apply::apply(self.data(), changes)?;
        Ok(Applied { first_seq, position: self.data.timelines.now() })
    }

    async fn saved_at(&mut self, now_ms: u64) -> Result<u64, StoreError> {
        let data = self.data();
        data.saved_at = now_ms.max(data.saved_at + 1);
        Ok(data.saved_at)
    }

    async fn set_back(&mut self, now_ms: u64, ahead_ms: u64) -> Result<bool, StoreError> {
        let data = self.data();
        let far = data.saved_at > now_ms.saturating_add(ahead_ms);
        if far {
            data.saved_at = now_ms;
        }
        Ok(far)
    }

    async fn reshow(&mut self, shown: &[(RecordId, Shown)]) -> Result<(), StoreError> {
        for (id, shown) in shown {
            if let Some(held) = self.data().records.get_mut(id) {
                held.shown = shown.clone();
            }
        }
        Ok(())
    }

    async fn put_meta(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.data().meta.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    async fn put_exported(&mut self, exported: &Exported, keep: usize) -> Result<(), StoreError> {
        let all = &mut self.data().exported;
        all.insert(exported.id, exported.clone());
        let mut latest: Vec<(std::cmp::Reverse<u64>, i64)> =
            all.values().map(|e| (std::cmp::Reverse(e.made_at_ms), e.id as i64)).collect();
        latest.sort_unstable();
        for (_, id) in latest.into_iter().skip(keep) {
            all.remove(&(id as u64));
        }
        Ok(())
    }

    async fn put_invite(&mut self, invite: &Invite) -> Result<(), StoreError> {
        self.data().invites.insert(invite.code_hash, invite.clone());
        Ok(())
    }

    async fn take_invite(&mut self, code_hash: &[u8; 32], now_ms: u64) -> Result<InviteState, StoreError> {
        let Some(invite) = self.data().invites.get_mut(code_hash) else { return Ok(InviteState::Unknown) };
        if invite.used_at_ms.is_some() {
            return Ok(InviteState::Used(invite.clone()));
        }
        if invite.expires_at_ms <= now_ms {
            return Ok(InviteState::Expired(invite.clone()));
        }
        invite.used_at_ms = Some(now_ms);
        Ok(InviteState::Taken(invite.clone()))
    }

    async fn put_certificate(&mut self, certificate: &Certificate) -> Result<(), StoreError> {
        self.data().certificates.insert(certificate.serial.clone(), certificate.clone());
        Ok(())
    }

    async fn put_decision(&mut self, decision: &Decision) -> Result<(), StoreError> {
        self.data().decisions.push(decision.clone());
        Ok(())
    }

    async fn commit(self) -> Result<(), StoreError> {
        debug_assert!(self.alone.is_some());
        self.memory.replace(self.data);
        Ok(())
    }
}
