//! Opening a database: the lock, the connections, the layout, the timeline, the views.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::Duration;

use schema::Schema;
use sqlx::Connection as _;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection, SqlitePool};

use super::values::{Bound, fetch};
use super::{dialect, meta};
use crate::error::{Doing, StoreError};
use crate::schema_edge;

/// The database in the data folder.
pub(super) const DATABASE: &str = "shuniu.db";

/// The file whose lock says that the database is in use.
const LOCK: &str = "lock";

/// Larger than SQLite's own choice: a record with its body fills a good part of a small page (1.3 times the rate).
const PAGE_BYTES: u32 = 8192;

/// How long a write waits for another one: longer than the longest transaction by far.
const WRITE_WAIT: Duration = Duration::from_secs(60);

/// Snapshots at a time: pages, pushes to the parent and pulls of some children; more of them wait.
pub(crate) const READERS: u32 = 12;

/// Pages that the writer keeps in memory, in KiB: the inner pages of the indexes of a million records.
const WRITER_CACHE_KIB: u32 = 64 * 1024;

/// Pages that each reader keeps in memory, in KiB.
const READER_CACHE_KIB: u32 = 8 * 1024;

/// How large the write-ahead log's file may stay once its content has been copied.
const LOG_BYTES_KEPT: u64 = 64 * 1024 * 1024;

/// Prepared statements that each connection keeps: all of this crate's, and some of its lists.
const STATEMENTS: usize = 200;

/// A data folder that nobody else can open until this is dropped.
#[derive(Debug)]
pub struct FolderLock(#[expect(dead_code, reason = "held, not read")] File);

impl FolderLock {
    /// Takes the folder for this process alone, without opening its database.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another process has it.
    pub fn take(folder: &Path) -> Result<FolderLock, StoreError> {
        lock(folder).map(FolderLock)
    }
}

/// The newest layout that this program knows.
pub(super) fn newest_layout() -> i64 {
    LAYOUTS.iter().map(|layout| layout.version).max().unwrap_or(0)
}

/// All layouts, oldest first.
static LAYOUTS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/sqlite");

/// Brings a rename in the file's folder to disk; only Unix lets a program say so.
pub(super) fn sync_folder(file: &Path) -> std::io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Takes the folder for this process alone.
pub(super) fn lock(folder: &Path) -> Result<File, StoreError> {
    let failed = |source| StoreError::Folder { folder: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    let options = File::options().create(true).truncate(false).write(true).open(folder.join(LOCK));
    let file = options.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn options(folder: &Path, cache_kib: u32) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(folder.join(DATABASE))
        .create_if_missing(true)
        .page_size(PAGE_BYTES)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(false)
        .statement_cache_capacity(STATEMENTS)
        .pragma("wal_autocheckpoint", "0")
        .pragma("journal_size_limit", LOG_BYTES_KEPT.to_string())
        .pragma("cache_size", format!("-{cache_kib}"))
        .pragma("temp_store", "memory")
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(WRITE_WAIT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // SQLite rolls back by itself when the disk is full; the pool then still believes in the transaction, and such a
        // connection would refuse every later one. It is given up, and a new one opened.
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
}

/// The one connection that writes; whoever holds it is alone.
pub(super) async fn writer(folder: &Path) -> Result<SqlitePool, StoreError> {
    let options = options(folder, WRITER_CACHE_KIB);
    pool(1).connect_with(options).await.doing("opening the database")
}

/// The connections that read.
pub(super) fn readers(folder: &Path) -> SqlitePool {
    pool(READERS).connect_lazy_with(options(folder, READER_CACHE_KIB))
}

/// A connection for a purpose of its own, which waits for no reader: it copies the log into the database, or reads for the
/// writer.
pub(super) fn alone(folder: &Path) -> SqlitePool {
    pool(1).connect_lazy_with(options(folder, READER_CACHE_KIB))
}

/// Brings the layout up to date.
pub(super) async fn migrate(writer: &SqlitePool) -> Result<(), StoreError> {
    let done = LAYOUTS.run(writer).await;
    done.map_err(|error| match error {
        MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => {
            StoreError::TooNew { version }
        }
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
            StoreError::of("migrating the database", source)
        }
        source => StoreError::Migration { source },
    })
}

/// Under which name the node remembers the views it made.
const VIEWS: &str = "views";

/// Makes each kind an ordinary table for whoever reads the database with a tool of their own, unless the views
/// are those already.
pub(super) async fn make_views(conn: &mut SqliteConnection, schema: &Schema) -> Result<(), StoreError> {
    let views = schema_edge::views(schema);
    let wanted = views.iter().map(|(name, sql)| format!("{name}\0{sql}")).collect::<Vec<_>>().join("\0");
    let before = meta::get(conn, VIEWS).await?.unwrap_or_default();
    if before == wanted.as_bytes() {
        return Ok(());
    }
    let before = String::from_utf8_lossy(&before).into_owned();
    let held = names(conn, dialect::VIEWS).await?;
    for name in before.split('\0').step_by(2).filter(|name| held.iter().any(|view| view == name)) {
        execute(conn, format!("DROP VIEW \"{}\"", name.replace('"', "\"\""))).await?;
    }
    let taken = names(conn, dialect::TABLES_AND_VIEWS).await?;
    for (name, sql) in views {
        if taken.contains(&name) {
            tracing::warn!(kind = name, "the name is taken, so this kind has no view");
        } else {
            execute(conn, sql).await?;
        }
    }
    meta::put(conn, VIEWS, wanted.as_bytes()).await
}

async fn names(conn: &mut SqliteConnection, sql: &'static str) -> Result<Vec<String>, StoreError> {
    fetch(conn, "reading the layout", sql, Bound::default(), |row| row.try_get(0)).await
}

async fn execute(conn: &mut SqliteConnection, sql: String) -> Result<(), StoreError> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.doing("making the views of the kinds").map(drop)
}
