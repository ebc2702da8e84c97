//! The engine on SQLite: one file, one writer, snapshots beside it.

mod apply;
mod backup;
mod basics;
mod certificate;
mod checkpoint;
mod counter;
mod decision;
mod dialect;
mod exported;
mod figure;
mod filter;
mod handed;
mod invite;
mod link;
mod list;
mod meta;
mod open;
mod quarantine;
mod record;
mod replica;
mod revision;
mod seal;
mod search;
mod session;
mod tick;
mod unsent;
mod values;
mod withdraw;

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use schema::Schema;
use sqlx::SqlitePool;
use sync::{Timeline, TimelineId};

#[cfg(feature = "memory")]
pub(crate) use apply::refuse_twice;
pub use backup::{Backup, Copied, KeptFile};
#[cfg(feature = "memory")]
pub(crate) use figure::GROUPS_MAX;
pub use open::FolderLock;
#[cfg(feature = "contract")]
pub(crate) use open::READERS;
pub use session::{Snapshot, Tx};

use crate::engine::{Engine, Opening};
use crate::error::{Doing, StoreError};
use checkpoint::Log;

/// How long closing waits for those who still read.
const CLOSE_WAIT: Duration = Duration::from_secs(10);

/// A database on SQLite. Cheap to clone; all clones are the same database.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    timeline: TimelineId,
    /// All stretches of this database's life; only an opening begins one.
    timelines: Vec<Timeline>,
    schema: RwLock<Arc<Schema>>,
    writer: SqlitePool,
    readers: SqlitePool,
    /// The one connection that reads for whoever writes.
    before: SqlitePool,
    checkpointer: SqlitePool,
    log: Log,
    indexing: AtomicBool,
    lock: Mutex<Option<File>>,
}

impl Store {
    /// Opens the database in `folder`, or makes it. The opening begins a timeline.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another process has it open, [`StoreError::TooNew`] when a newer program has
    /// changed its layout; else what the disk or the engine says.
    pub async fn open(folder: &Path, schema: Arc<Schema>, opening: Opening) -> Result<Store, StoreError> {
        let lock = open::lock(folder)?;
        let writer = open::writer(folder).await?;
        open::migrate(&writer).await?;
        let mut tx = writer.begin_with(dialect::BEGIN_WRITE).await.doing("opening the database")?;
        counter::open(&mut tx, opening).await?;
        let timelines = counter::timelines(&mut tx).await?;
        open::make_views(&mut tx, &schema).await?;
        tx.commit().await.doing("opening the database")?;
        let inner = Inner {
            timeline: opening.timeline,
            timelines,
            schema: RwLock::new(schema),
            writer,
            readers: open::readers(folder),
            before: open::alone(folder),
            checkpointer: open::alone(folder),
            log: Log::default(),
            indexing: AtomicBool::new(false),
            lock: Mutex::new(Some(lock)),
        };
        Ok(Store { inner: Arc::new(inner) })
    }

    /// The contract that records are read with.
    pub fn schema(&self) -> Arc<Schema> {
        self.inner.schema.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Copies the log into the database, as far as readers allow; before a backup of the file, or on demand.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        self.inner.log.empty(&self.inner.writer).await
    }

    /// Brings the search index up to date, in transactions short enough for saves to pass between them. A search
    /// does not depend on it, but is faster after it.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn index_words(&self) -> Result<(), StoreError> {
        loop {
            let begun = self.inner.writer.begin_with(dialect::BEGIN_WRITE).await;
            let mut tx = begun.doing("indexing words")?;
            let more = search::catch_up(&mut tx, &self.schema()).await?;
            tx.commit().await.doing("indexing words")?;
            self.committed(0);
            if !more {
                return Ok(());
            }
        }
    }

    /// Closes the database; what other clones hold fails from now on with [`StoreError::Closed`].
    pub async fn close(self) {
        let Inner { writer, readers, before, checkpointer, lock, .. } = &*self.inner;
        let all = async {
            readers.close().await;
            before.close().await;
            checkpointer.close().await;
            writer.close().await;
        };
        if tokio::time::timeout(CLOSE_WAIT, all).await.is_err() {
            tracing::warn!("the database was closed while somebody still read or wrote");
        }
        lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    async fn read_with(&self, connections: &SqlitePool) -> Result<Snapshot, StoreError> {
        let begun = connections.begin_with(dialect::BEGIN_READ).await;
        Snapshot::begin(self.clone(), begun.doing("beginning to read")?).await
    }

    /// Takes note of a commit, and has the log copied beside it when it is time.
    fn committed(&self, bytes: u64) {
        if !self.inner.log.committed(bytes) {
            return;
        }
        let inner = self.inner.clone();
        tokio::spawn(async move {
            if let Err(error) = inner.log.copy(&inner.checkpointer, &inner.writer).await {
                tracing::debug!(%error, "the log was not copied");
            }
        });
    }

    /// Has the search index caught up beside the reader who noticed that it lags.
    fn index_words_soon(&self) {
        if self.inner.indexing.swap(true, Ordering::AcqRel) {
            return;
        }
        let store = self.clone();
        tokio::spawn(async move {
            if let Err(error) = store.index_words().await {
                tracing::debug!(%error, "the search index was not brought up to date");
            }
            store.inner.indexing.store(false, Ordering::Release);
        });
    }
}

impl Engine for Store {
    type Snapshot = Snapshot;
    type Tx = Tx;

    async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.read_with(&self.inner.readers).await
    }

    async fn begin(&self) -> Result<Tx, StoreError> {
        let begun = self.inner.writer.begin_with(dialect::BEGIN_WRITE).await;
        Tx::begin(self.clone(), begun.doing("beginning to write")?).await
    }

    async fn before(&self, _: &mut Tx) -> Result<Snapshot, StoreError> {
        self.read_with(&self.inner.before).await
    }

    /// The views follow at once.
    async fn adopt(&self, schema: Arc<Schema>) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin_with(dialect::BEGIN_WRITE).await.doing("taking a contract")?;
        open::make_views(&mut tx, &schema).await?;
        tx.commit().await.doing("taking a contract")?;
        *self.inner.schema.write().unwrap_or_else(PoisonError::into_inner) = schema;
        Ok(())
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("timeline", &self.inner.timeline).finish_non_exhaustive()
    }
}
