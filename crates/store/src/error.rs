//! What can go wrong in a store.

use std::io;
use std::path::PathBuf;

use causal::RecordId;

/// Why a store could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the database open.
    #[error("数据目录 {} 正被另一个程序使用 / the data folder is in use by another process", folder.display())]
    InUse {
        /// The data folder.
        folder: PathBuf,
    },
    /// The data folder cannot be used.
    #[error("数据目录 {} 无法使用 / the data folder cannot be used", folder.display())]
    Folder {
        /// The data folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No room is left; nothing of the transaction was kept.
    #[error("磁盘空间已满,本次未保存 / the disk is full, nothing was saved ({doing})")]
    DiskFull {
        /// What was being done.
        doing: &'static str,
        /// What the engine said.
        #[source]
        source: sqlx::Error,
    },
    /// What is stored cannot be read; a backup is needed.
    #[error("数据库内容已损坏,请从备份恢复 / the database is damaged: {what}")]
    Corrupt {
        /// Where.
        what: String,
    },
    /// A newer program has changed the database's layout.
    #[error("数据库由更新版本的程序建立(版本{version}),请升级程序 / the database is of a newer program")]
    TooNew {
        /// The newest migration it holds.
        version: i64,
    },
    /// The database's layout could not be brought up to date.
    #[error("数据库升级失败 / the database could not be migrated")]
    Migration {
        /// Why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// Somebody else wrote for longer than anybody should.
    #[error("数据库正忙,请稍后再试 / the database is busy ({doing})")]
    Busy {
        /// What was being done.
        doing: &'static str,
    },
    /// The store was closed.
    #[error("数据库已关闭 / the database has been closed")]
    Closed,
    /// A statement failed for another reason.
    #[error("数据库操作失败 / the database failed while {doing}")]
    Query {
        /// What was being done.
        doing: &'static str,
        /// What the engine said.
        #[source]
        source: sqlx::Error,
    },
    /// A list or figure was asked for that makes no sense.
    #[error("{words}")]
    BadQuery {
        /// What is wrong with it, for the person who asked.
        words: String,
    },
    /// A file that is to be written is there already.
    #[error("文件 {} 已经存在,没有覆盖:请换一个文件名 / the file exists, it was not overwritten", file.display())]
    Exists {
        /// Which file.
        file: PathBuf,
    },
    /// A file that is no backup.
    #[error("文件 {} 不是枢纽的备份 / this is not a backup", file.display())]
    NotBackup {
        /// Which file.
        file: PathBuf,
    },
    /// A file outside the data folder cannot be read or written.
    #[error("文件 {} 不能读写:{source} / the file cannot be used", file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// One transaction was to write a record twice: a mistake of the program.
    #[error("一次写入中记录 {record} 出现了两次 / one transaction writes a record twice")]
    Twice {
        /// The record.
        record: RecordId,
    },
}

/// SQLite's primary result codes that a person can do something about, <https://sqlite.org/rescode.html>.
mod code {
    pub const BUSY: i32 = 5;
    pub const LOCKED: i32 = 6;
    pub const CORRUPT: i32 = 11;
    pub const FULL: i32 = 13;
    pub const NOT_A_DATABASE: i32 = 26;
    /// The file of the shared index could not grow: the disk is full, too.
    pub const SHM_SIZE: i32 = 4874;
}

impl StoreError {
    pub(crate) fn of(doing: &'static str, source: sqlx::Error) -> StoreError {
        let extended = result_code(&source);
        match extended.map(|c| c & 0xFF) {
            _ if extended == Some(code::SHM_SIZE) => StoreError::DiskFull { doing, source },
            Some(code::FULL) => StoreError::DiskFull { doing, source },
            Some(code::CORRUPT | code::NOT_A_DATABASE) => {
                StoreError::Corrupt { what: format!("{doing}: {source}") }
            }
            Some(code::BUSY | code::LOCKED) => StoreError::Busy { doing },
            _ => StoreError::of_other(doing, source),
        }
    }

    fn of_other(doing: &'static str, source: sqlx::Error) -> StoreError {
        match source {
            sqlx::Error::PoolTimedOut => StoreError::Busy { doing },
            sqlx::Error::PoolClosed => StoreError::Closed,
            sqlx::Error::Io(ref io) if io.kind() == io::ErrorKind::StorageFull => {
                StoreError::DiskFull { doing, source }
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                StoreError::Corrupt { what: format!("{doing}: {source}") }
            }
            source => StoreError::Query { doing, source },
        }
    }

    /// A disk that is full, for who stands in for one.
    #[cfg(feature = "memory")]
    pub fn no_room(doing: &'static str) -> StoreError {
        let source = sqlx::Error::Io(std::io::ErrorKind::StorageFull.into());
        StoreError::DiskFull { doing, source }
    }

    pub(crate) fn corrupt(what: impl Into<String>) -> StoreError {
        StoreError::Corrupt { what: what.into() }
    }

    pub(crate) fn bad_query(words: impl Into<String>) -> StoreError {
        StoreError::BadQuery { words: words.into() }
    }
}

fn result_code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// Names what was being done when a statement failed.
pub(crate) trait Doing<T> {
    fn doing(self, what: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::of(what, source))
    }
}
