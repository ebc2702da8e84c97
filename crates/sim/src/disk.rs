//! What a machine keeps when its process dies: memory that stands for a disk, or a folder with a real database.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use schema::Schema;
use store::memory::Memory;
use store::{Engine, Opening, Store, StoreError};
use tempfile::TempDir;

/// A disk: what survives a process, can be copied, and put back.
pub trait Disk: Sized {
    /// The database on it.
    type Engine: Engine;

    /// Opens the database, or makes it.
    fn open(
        &mut self,
        schema: Arc<Schema>,
        opening: Opening,
    ) -> impl Future<Output = Result<Self::Engine, StoreError>>;

    /// Closes the database as a program that ends.
    fn close(engine: Self::Engine) -> impl Future<Output = ()>;

    /// All that is durable now: a backup, a clone, or what a crash leaves behind.
    fn copy(&self) -> Result<Self, String>;
}

/// A disk in memory.
#[derive(Default)]
pub struct InMemory(Option<Memory>);

impl Disk for InMemory {
    type Engine = Memory;

    async fn open(&mut self, schema: Arc<Schema>, opening: Opening) -> Result<Memory, StoreError> {
        let opened = match &self.0 {
            None => Memory::open(schema, opening),
            Some(memory) => memory.reopen(opening),
        };
        self.0 = Some(opened.clone());
        Ok(opened)
    }

    async fn close(_: Memory) {}

    fn copy(&self) -> Result<InMemory, String> {
        Ok(InMemory(self.0.as_ref().map(Memory::copy)))
    }
}

/// A folder with an SQLite database.
pub struct Folder(TempDir);

/// The database and its log; the index of the log is made anew.
const FILES: [&str; 2] = ["shuniu.db", "shuniu.db-wal"];

impl Folder {
    /// An empty folder; in memory where the system offers that, since nobody pulls the plug of this machine.
    pub fn new() -> Result<Folder, String> {
        let room = [PathBuf::from("/dev/shm"), std::env::temp_dir()].into_iter().find(|path| path.is_dir());
        let room = room.ok_or("there is no folder for temporary files")?;
        TempDir::with_prefix_in("sim-", room).map(Folder).map_err(|error| error.to_string())
    }
}

impl Disk for Folder {
    type Engine = Store;

    async fn open(&mut self, schema: Arc<Schema>, opening: Opening) -> Result<Store, StoreError> {
        Store::open(self.0.path(), schema, opening).await
    }

    async fn close(engine: Store) {
        engine.close().await;
    }

    fn copy(&self) -> Result<Folder, String> {
        let copy = Folder::new()?;
        for file in FILES {
            let (from, to) = (self.0.path().join(file), copy.0.path().join(file));
            if from.exists() {
                std::fs::copy(from, to).map_err(|error| error.to_string())?;
            }
        }
        Ok(copy)
    }
}
