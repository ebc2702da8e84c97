//! Copies of the whole database: taken beside everything that goes on, checked, and read again.
//!
//! A backup is one file: the database as of one moment, and in a table of its own the node's other files. So that one
//! check of the database covers all of it, and nothing can be lost on the way from one medium to another.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Row as _};

use super::open::{DATABASE, newest_layout, sync_folder};
use super::values::{Bound, fetch, number, run};
use super::{Store, dialect};
use crate::error::{Doing, StoreError};

/// A file of the node that a backup carries along.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptFile {
    /// Its path within the node's folder.
    pub name: String,
    /// Its content; some are keys.
    pub content: Vec<u8>,
}

impl std::fmt::Debug for KeptFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeptFile({}, {} bytes)", self.name, self.content.len())
    }
}

/// What a backup holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Copied {
    /// Its size.
    pub bytes: u64,
    /// How many records are in it.
    pub records: u64,
}

/// A backup that has been checked from end to end.
pub struct Backup {
    file: PathBuf,
    /// The files of the node.
    pub files: Vec<KeptFile>,
    /// How many records are in it.
    pub records: u64,
}

/// Copies are rare, long, and might be asked for under one name.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const MAKE_FILES: &str = "CREATE TABLE backup_file (name TEXT PRIMARY KEY, content BLOB NOT NULL)";
const PUT_FILE: &str = "INSERT INTO backup_file (name, content) VALUES ($1, $2)";
const FILES: &str = "SELECT name, content FROM backup_file ORDER BY name";
const IS_BACKUP: &str = "SELECT count(*) FROM sqlite_schema WHERE name = 'backup_file'";
const DROP_FILES: &str = "DROP TABLE backup_file";
const RECORDS: &str = "SELECT count(*) FROM record";
const LAYOUT: &str = "SELECT ifnull(max(version), 0) FROM _sqlx_migrations";

impl Store {
    /// Writes a copy as of one moment into a new file, beside everything that goes on; `files` are carried along. The
    /// copy is checked and on disk before it gets its name.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the file is there already; else what the disk or the engine says.
    pub async fn copy_to(&self, file: &Path, files: &[KeptFile]) -> Result<Copied, StoreError> {
        let taken = || StoreError::Exists { file: file.to_owned() };
        let _one = ONE_AT_A_TIME.lock().await;
        if file.exists() {
            return Err(taken());
        }
        let beside = beside(file)?;
        let copied = self.copy_beside(&beside, files).await;
        let named = copied.and_then(|copied| {
            if file.exists() {
                return Err(taken());
            }
            let failed = |source| StoreError::File { file: file.to_owned(), source };
            fs::rename(&beside, file).and_then(|()| sync_folder(file)).map_err(failed)?;
            Ok(copied)
        });
        if named.is_err() {
            // The first error is the one to report.
            let _ = fs::remove_file(&beside);
        }
        named
    }

    async fn copy_beside(&self, beside: &Path, files: &[KeptFile]) -> Result<Copied, StoreError> {
        let failed = |source| StoreError::File { file: beside.to_owned(), source };
        // Made first and for this user alone: it will hold keys and personal data.
        private(beside).map_err(failed)?;
        let path = beside.to_str().ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
        let mut reader = self.inner.readers.acquire().await.doing("copying the database")?;
        let mut bound = Bound::default();
        bound.add(path);
        run(&mut reader, "copying the database", dialect::COPY, bound).await?;
        drop(reader);
        let mut copy = connect(beside, false).await?;
        run(&mut copy, "completing the copy", MAKE_FILES, Bound::default()).await?;
        for kept in files {
            let mut bound = Bound::default();
            bound.add(kept.name.as_str()).bytes(&kept.content);
            run(&mut copy, "completing the copy", PUT_FILE, bound).await?;
        }
        sound(&mut copy, dialect::CHECK_ALL).await?;
        let records = count(&mut copy, RECORDS).await?;
        copy.close().await.doing("completing the copy")?;
        let written = File::open(beside).and_then(|copy| copy.sync_all().and_then(|()| copy.metadata()));
        Ok(Copied { bytes: written.map_err(failed)?.len(), records })
    }

    /// Looks through the whole database for damage, beside everything that goes on; what it found, in the engine's
    /// words, and nothing when it is sound.
    ///
    /// # Errors
    /// What the engine says when it cannot even look.
    pub async fn check(&self) -> Result<Vec<String>, StoreError> {
        let mut reader = self.inner.readers.acquire().await.doing("checking the database")?;
        faults(&mut reader, dialect::CHECK_QUICKLY).await
    }
}

impl Backup {
    /// Reads and checks a backup.
    ///
    /// # Errors
    /// [`StoreError::NotBackup`], [`StoreError::Corrupt`] when it is not whole, [`StoreError::TooNew`] when a newer
    /// program made it.
    pub async fn open(file: &Path) -> Result<Backup, StoreError> {
        let failed = |source| StoreError::File { file: file.to_owned(), source };
        File::open(file).map_err(failed)?;
        let not_backup = || StoreError::NotBackup { file: file.to_owned() };
        let mut copy = connect(file, true).await.map_err(|_| not_backup())?;
        match count(&mut copy, IS_BACKUP).await {
            Ok(1..) => {}
            Ok(0) | Err(StoreError::Query { .. }) => return Err(not_backup()),
            // A file that is no database at all says so in the same words as a damaged one.
            Err(error) => return Err(if is_database(file) { error } else { not_backup() }),
        }
        sound(&mut copy, dialect::CHECK_ALL).await?;
        let layout = count(&mut copy, LAYOUT).await? as i64;
        if layout > newest_layout() {
            return Err(StoreError::TooNew { version: layout });
        }
        let files = fetch(&mut copy, "reading a backup", FILES, Bound::default(), |row| {
            Ok(KeptFile { name: row.try_get(0)?, content: row.try_get(1)? })
        });
        let files = files.await?;
        let records = count(&mut copy, RECORDS).await?;
        copy.close().await.doing("reading a backup")?;
        Ok(Backup { file: file.to_owned(), files, records })
    }

    /// Puts the database into a folder that has none. The node's other files are the caller's to write.
    ///
    /// # Errors
    /// What the disk or the engine says.
    pub async fn restore_to(&self, folder: &Path) -> Result<(), StoreError> {
        let target = folder.join(DATABASE);
        let failed = |source| StoreError::File { file: target.clone(), source };
        private(&target).map_err(failed)?;
        fs::copy(&self.file, &target).map_err(failed)?;
        private_again(&target).map_err(failed)?;
        let mut copy = connect(&target, false).await?;
        // The keys lie in files of their own now: they are blanked, not only unlinked.
        run(&mut copy, "restoring a backup", dialect::BLANK_WHAT_IS_DELETED, Bound::default()).await?;
        run(&mut copy, "restoring a backup", DROP_FILES, Bound::default()).await?;
        sound(&mut copy, dialect::CHECK_QUICKLY).await?;
        copy.close().await.doing("restoring a backup")?;
        File::open(&target).and_then(|file| file.sync_all()).map_err(failed)
    }
}

async fn connect(file: &Path, read_only: bool) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(false).read_only(read_only);
    SqliteConnection::connect_with(&options).await.doing("opening a backup")
}

async fn count(conn: &mut SqliteConnection, sql: &'static str) -> Result<u64, StoreError> {
    let found = fetch(conn, "reading a backup", sql, Bound::default(), |row| number(row, 0)).await?;
    Ok(found.first().copied().unwrap_or(0))
}

async fn faults(conn: &mut SqliteConnection, sql: &'static str) -> Result<Vec<String>, StoreError> {
    let mut said: Vec<String> =
        fetch(conn, "checking the database", sql, Bound::default(), |row| row.try_get(0)).await?;
    said.retain(|line| line != "ok");
    Ok(said)
}

async fn sound(conn: &mut SqliteConnection, sql: &'static str) -> Result<(), StoreError> {
    match faults(conn, sql).await?.into_iter().next() {
        None => Ok(()),
        Some(what) => Err(StoreError::Corrupt { what }),
    }
}

/// How every SQLite database begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

fn is_database(file: &Path) -> bool {
    use std::io::Read as _;
    let mut head = [0; MAGIC.len()];
    File::open(file).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *MAGIC
}

/// The name under which a copy grows.
fn beside(file: &Path) -> Result<PathBuf, StoreError> {
    let no_name =
        || StoreError::File { file: file.to_owned(), source: io::ErrorKind::InvalidFilename.into() };
    let mut name = std::ffi::OsString::from(".");
    name.push(file.file_name().ok_or_else(no_name)?);
    name.push(".part");
    Ok(file.with_file_name(name))
}

/// Makes an empty file that only this user can read; what an interrupted copy left under the name is replaced.
fn private(file: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?;
    private_again(file)
}

fn private_again(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}
