//! Every engine passes the contract suite.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::sync::Arc;

use schema::Schema;
use store::contract::{Bench, check_all};
use store::memory::Memory;
use store::{Opening, Store};
use sync::TimelineId;
use tempfile::TempDir;

fn opening(timeline: TimelineId) -> Opening {
    Opening { now_ms: 1_700_000_000_000, timeline }
}

fn schema() -> Arc<Schema> {
    Arc::new(Schema::embedded().clone())
}

struct InMemory;

impl Bench for InMemory {
    type Engine = Memory;

    async fn open(&self) -> Memory {
        Memory::open(schema(), opening(TimelineId(1)))
    }

    async fn reopen(&self, engine: Memory, timeline: TimelineId) -> Memory {
        engine.reopen(opening(timeline))
    }

    async fn settle(&self, _engine: &Memory) {}

    fn schema(&self) -> Arc<Schema> {
        schema()
    }
}

/// Keeps the folders until the end; each database has one named after the order of opening.
struct OnDisk {
    folder: TempDir,
    opened: std::sync::atomic::AtomicUsize,
}

impl OnDisk {
    async fn open_at(&self, n: usize, timeline: TimelineId) -> Store {
        let folder = self.folder.path().join(n.to_string());
        Store::open(&folder, schema(), opening(timeline)).await.unwrap()
    }
}

impl Bench for OnDisk {
    type Engine = Store;

    async fn open(&self) -> Store {
        let n = self.opened.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.open_at(n, TimelineId(1)).await
    }

    async fn reopen(&self, engine: Store, timeline: TimelineId) -> Store {
        engine.close().await;
        let n = self.opened.load(std::sync::atomic::Ordering::Relaxed) - 1;
        self.open_at(n, timeline).await
    }

    async fn settle(&self, engine: &Store) {
        engine.index_words().await.unwrap();
    }

    fn schema(&self) -> Arc<Schema> {
        schema()
    }
}

#[tokio::test]
async fn the_engine_in_memory() {
    check_all(&InMemory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    check_all(&OnDisk { folder, opened: Default::default() }).await;
}
