//! Reading and writing within one transaction: each method asks the module of its table.

use std::marker::PhantomData;
use std::sync::Arc;

use causal::{BaseId, RecordId};
use record::{Scope, Shown};
use schema::Schema;
use sqlx::{Sqlite, Transaction};
use sync::{
    Changes, Handed, Link, Position, Quarantined, Replica, Revision, Row, Seal, Tick, Timelines, Withdraw,
};

use super::basics::Basics;
use super::{
    Store, apply, certificate, counter, decision, exported, figure, handed, invite, link, list, meta,
    quarantine, replica, revision, seal, search, tick, unsent, withdraw,
};
use crate::engine::{Applied, Changed, Read, Write};
use crate::error::{Doing, StoreError};
use crate::model::{Certificate, Decision, Exported, Invite, InviteState};
use crate::query::{FigureQuery, FigureRow, Page, Query};

/// Reads as of one moment.
pub type Snapshot = Session<ReadOnly>;

/// Reads and writes as one; dropped without a commit it leaves nothing.
pub type Tx = Session<Writing>;

/// Marks a session that only reads.
#[derive(Debug)]
pub enum ReadOnly {}

/// Marks a session that writes.
#[derive(Debug)]
pub enum Writing {}

/// A transaction of the database.
pub struct Session<M> {
    store: Store,
    schema: Arc<Schema>,
    tx: Transaction<'static, Sqlite>,
    /// Kept up with what the session itself writes.
    basics: Basics,
    /// Once they were asked for, and until the session writes one; so are the seals.
    links: Option<Vec<Link>>,
    seals: Option<Vec<Seal>>,
    /// An edit was stamped with a time that is not kept yet.
    stamped: bool,
    written: u64,
    mode: PhantomData<fn() -> M>,
}

impl<M> Session<M> {
    /// A session over a transaction that has just begun; a snapshot is of this moment.
    pub(super) async fn begin(
        store: Store,
        mut tx: Transaction<'static, Sqlite>,
    ) -> Result<Session<M>, StoreError> {
        let basics = Basics::read(&mut tx).await?;
        Ok(Session {
            schema: store.schema(),
            store,
            tx,
            basics,
            links: None,
            seals: None,
            stamped: false,
            written: 0,
            mode: PhantomData,
        })
    }

    /// Has the search index caught up afterwards, if this search had much to go through without it.
    async fn note_lag(&mut self, text: Option<&str>) -> Result<(), StoreError> {
        if text.is_some_and(|t| !t.trim().is_empty()) {
            let lag = self.basics.seq.saturating_sub(search::searched(&mut self.tx).await?);
            if lag > search::LAG {
                self.store.index_words_soon();
            }
        }
        Ok(())
    }
}

impl<M> Read for Session<M> {
    async fn rows(&mut self, ids: &[RecordId]) -> Result<Vec<Row>, StoreError> {
        super::record::rows(&mut self.tx, ids).await
    }

    async fn of_kind(&mut self, kind: &str) -> Result<Vec<Row>, StoreError> {
        super::record::of_kind(&mut self.tx, kind).await
    }

    async fn timelines(&mut self) -> Result<Timelines, StoreError> {
        Ok(Timelines { all: self.store.inner.timelines.clone(), seq: self.basics.seq })
    }

    async fn unsent(
        &mut self,
        after_seq: u64,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<Row>, StoreError> {
        if self.basics.unsent == Some(0) {
            return Ok(Vec::new());
        }
        unsent::unsent(&mut self.tx, after_seq, max_rows, max_bytes).await
    }

    async fn unsent_count(&mut self) -> Result<u64, StoreError> {
        match self.basics.unsent {
            Some(few) => Ok(few),
            None => unsent::count(&mut self.tx).await,
        }
    }

    async fn revisions(
        &mut self,
        records: &[RecordId],
        only_unsent: bool,
        limit: usize,
    ) -> Result<Vec<Revision>, StoreError> {
        revision::of_records(&mut self.tx, records, only_unsent, limit).await
    }

    async fn history(&mut self, record: RecordId) -> Result<Vec<Revision>, StoreError> {
        revision::of_records(&mut self.tx, &[record], false, usize::MAX).await
    }

    async fn by_id(
        &mut self,
        after: Option<RecordId>,
        upto: RecordId,
        limit: usize,
    ) -> Result<Vec<(Row, Scope)>, StoreError> {
        super::record::by_id(&mut self.tx, after, upto, limit).await
    }

    async fn changes_among(
        &mut self,
        homes: &[BaseId],
        after_seq: u64,
        limit: usize,
        wanted: impl Fn(u64) -> bool + Send,
    ) -> Result<Changed, StoreError> {
        let between = (after_seq, self.basics.seq);
        let found = super::record::numbers_among(&mut self.tx, homes, between, limit).await?;
        let upto = found.last().filter(|_| found.len() == limit).map(|(seq, _)| *seq);
        let places: Vec<u64> = found.iter().filter(|(seq, _)| wanted(*seq)).map(|(_, n)| *n).collect();
        Ok(Changed { rows: super::record::at_places(&mut self.tx, &places).await?, upto })
    }

    async fn withdraws(
        &mut self,
        child: BaseId,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<Withdraw>, StoreError> {
        if !self.basics.withdraws || after_seq >= self.basics.seq {
            return Ok(Vec::new());
        }
        withdraw::of_child(&mut self.tx, child, after_seq, limit).await
    }

    async fn links(&mut self) -> Result<Vec<Link>, StoreError> {
        if let Some(links) = &self.links {
            return Ok(links.clone());
        }
        let links = link::all(&mut self.tx).await?;
        Ok(self.links.insert(links).clone())
    }

    async fn seals(&mut self) -> Result<Vec<Seal>, StoreError> {
        if let Some(seals) = &self.seals {
            return Ok(seals.clone());
        }
        let seals = seal::all(&mut self.tx).await?;
        Ok(self.seals.insert(seals).clone())
    }

    async fn ticks(&mut self) -> Result<Vec<Tick>, StoreError> {
        tick::all(&mut self.tx).await
    }

    async fn quarantined(&mut self, limit: usize) -> Result<Vec<Quarantined>, StoreError> {
        if !self.basics.aside {
            return Ok(Vec::new());
        }
        quarantine::latest(&mut self.tx, limit).await
    }

    async fn quarantine_counts(&mut self) -> Result<Vec<(BaseId, u64)>, StoreError> {
        if !self.basics.aside {
            return Ok(Vec::new());
        }
        quarantine::counts(&mut self.tx).await
    }

    async fn replicas(&mut self) -> Result<Vec<Replica>, StoreError> {
        replica::all(&mut self.tx).await
    }

    async fn handed(&mut self, records: &[RecordId]) -> Result<Vec<Handed>, StoreError> {
        handed::of_records(&mut self.tx, records).await
    }

    async fn unattested(&mut self) -> Result<Vec<RecordId>, StoreError> {
        if !self.basics.unattested {
            return Ok(Vec::new());
        }
        handed::unattested(&mut self.tx).await
    }

    async fn forgotten(&mut self) -> Result<u64, StoreError> {
        Ok(self.basics.forgotten)
    }

    async fn list(&mut self, query: &Query) -> Result<Page, StoreError> {
        let page = list::list(&mut self.tx, self.schema.kind(&query.kind), query).await?;
        self.note_lag(query.text.as_deref()).await?;
        Ok(page)
    }

    async fn figure(&mut self, query: &FigureQuery) -> Result<Vec<FigureRow>, StoreError> {
        let rows = figure::figure(&mut self.tx, self.schema.kind(&query.kind), query).await?;
        self.note_lag(query.text.as_deref()).await?;
        Ok(rows)
    }

    async fn meta(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        meta::get(&mut self.tx, key).await
    }

    async fn exported(&mut self, id: u64) -> Result<Option<Exported>, StoreError> {
        exported::get(&mut self.tx, id).await
    }

    async fn exported_waiting(&mut self) -> Result<Vec<u64>, StoreError> {
        exported::waiting(&mut self.tx).await
    }

    async fn invites(&mut self) -> Result<Vec<Invite>, StoreError> {
        invite::all(&mut self.tx).await
    }

    async fn certificates(&mut self) -> Result<Vec<Certificate>, StoreError> {
        certificate::all(&mut self.tx).await
    }

    async fn decisions(&mut self, limit: usize) -> Result<Vec<Decision>, StoreError> {
        decision::latest(&mut self.tx, limit).await
    }

    async fn dropped(&mut self, records: &[RecordId]) -> Result<Vec<(RecordId, [u8; 32])>, StoreError> {
        decision::dropped(&mut self.tx, records).await
    }
}

impl Write for Tx {
    async fn apply(&mut self, changes: &Changes) -> Result<Applied, StoreError> {
        let (first_seq, last) = apply::apply(&mut self.tx, &self.schema, changes, self.basics).await?;
        self.stamped &= last == self.basics.seq;
        self.basics = self.basics.after(changes, last);
        if !(changes.links.is_empty() && changes.forget_links.is_empty()) {
            self.links = None;
        }
        if !changes.seals.is_empty() {
            self.seals = None;
        }
        self.written += apply::weight(changes);
        Ok(Applied { first_seq, position: Position { timeline: self.store.inner.timeline, seq: last } })
    }

    async fn saved_at(&mut self, now_ms: u64) -> Result<u64, StoreError> {
        self.basics.saved_at = now_ms.max(self.basics.saved_at + 1);
        self.stamped = true;
        Ok(self.basics.saved_at)
    }

    async fn set_back(&mut self, now_ms: u64, ahead_ms: u64) -> Result<bool, StoreError> {
        if self.basics.saved_at <= now_ms.saturating_add(ahead_ms) {
            return Ok(false);
        }
        self.basics.saved_at = now_ms;
        self.stamped = true;
        Ok(true)
    }

    async fn reshow(&mut self, shown: &[(RecordId, Shown)]) -> Result<(), StoreError> {
        match super::record::reshow(&mut self.tx, &self.schema, shown).await? {
            Some(lowest) => search::forget_from(&mut self.tx, lowest).await,
            None => Ok(()),
        }
    }

    async fn put_meta(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        meta::put(&mut self.tx, key, value).await
    }

    async fn put_exported(&mut self, exported: &Exported, keep: usize) -> Result<(), StoreError> {
        exported::put(&mut self.tx, exported, keep).await
    }

    async fn put_invite(&mut self, invite: &Invite) -> Result<(), StoreError> {
        invite::put(&mut self.tx, invite).await
    }

    async fn take_invite(&mut self, code_hash: &[u8; 32], now_ms: u64) -> Result<InviteState, StoreError> {
        invite::take(&mut self.tx, code_hash, now_ms).await
    }

    async fn put_certificate(&mut self, certificate: &Certificate) -> Result<(), StoreError> {
        certificate::put(&mut self.tx, certificate).await
    }

    async fn put_decision(&mut self, decision: &Decision) -> Result<(), StoreError> {
        decision::put(&mut self.tx, decision).await
    }

    async fn commit(mut self) -> Result<(), StoreError> {
        if self.stamped {
            counter::take(&mut self.tx, 0, self.basics.saved_at).await?;
        }
        self.tx.commit().await.doing("making it durable")?;
        self.store.committed(self.written);
        Ok(())
    }
}

impl<M> std::fmt::Debug for Session<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("store", &self.store).finish_non_exhaustive()
    }
}
