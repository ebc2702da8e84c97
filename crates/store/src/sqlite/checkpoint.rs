//! Copying the write-ahead log into the database, beside the writer instead of within its commits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sqlx::{Row as _, SqlitePool};

use super::dialect;
use crate::error::{Doing, StoreError};

/// Bytes written, about, after which the log is copied: small enough to keep reads fast.
const COPY_AFTER_BYTES: u64 = 32 * 1024 * 1024;

/// Bytes written, about, without the log ever having been copied to its end, after which the writer waits for it:
/// under an unbroken stream of writes the log would otherwise grow for ever.
const WAIT_AFTER_BYTES: u64 = 128 * 1024 * 1024;

/// What a commit of one small record adds to the log: a page of each index and table.
const COMMIT_BYTES: u64 = 64 * 1024;

/// How much has been written since.
#[derive(Default)]
pub(super) struct Log {
    since_copy: AtomicU64,
    since_end: AtomicU64,
    copying: AtomicBool,
}

impl Log {
    /// Takes note of a commit; whether the log should be copied now, by the caller.
    pub fn committed(&self, bytes: u64) -> bool {
        let bytes = bytes + COMMIT_BYTES;
        self.since_end.fetch_add(bytes, Ordering::Relaxed);
        let since = self.since_copy.fetch_add(bytes, Ordering::Relaxed) + bytes;
        since > COPY_AFTER_BYTES && !self.copying.swap(true, Ordering::AcqRel)
    }

    /// Copies what can be copied without waiting for anybody.
    pub async fn copy(&self, checkpointer: &SqlitePool, writer: &SqlitePool) -> Result<(), StoreError> {
        self.since_copy.store(0, Ordering::Relaxed);
        let done = if self.since_end.load(Ordering::Relaxed) > WAIT_AFTER_BYTES {
            self.copy_alone(checkpointer, writer).await
        } else {
            copy(checkpointer).await
        };
        if let Ok(true) = done {
            self.since_end.store(0, Ordering::Relaxed);
        }
        self.copying.store(false, Ordering::Release);
        done.map(drop)
    }

    /// Copies while nobody writes, so that it comes to the end of the log and the next write begins it anew.
    async fn copy_alone(&self, checkpointer: &SqlitePool, writer: &SqlitePool) -> Result<bool, StoreError> {
        let alone = writer.acquire().await.doing("waiting for the writer")?;
        let done = copy(checkpointer).await;
        drop(alone);
        done
    }

    /// Copies all of it and empties the file, as far as readers allow.
    pub async fn empty(&self, writer: &SqlitePool) -> Result<(), StoreError> {
        sqlx::query(dialect::EMPTY_LOG).fetch_all(writer).await.doing("copying the log")?;
        self.since_end.store(0, Ordering::Relaxed);
        Ok(())
    }
}

/// Whether the copy came to the end of the log.
async fn copy(checkpointer: &SqlitePool) -> Result<bool, StoreError> {
    let row = sqlx::query(dialect::COPY_LOG).fetch_one(checkpointer).await.doing("copying the log")?;
    let count = |at| row.try_get::<i64, _>(at).doing("copying the log");
    Ok(count(1)? == count(2)?)
}
