//! One node's database, read from outside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row as _};

use super::tree::{Base, Tree};
use crate::error::DemoError;

/// One record, as its columns tell it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// Its id, 32 hexadecimal digits.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// The base that it is shown to belong to.
    pub home: String,
    /// All its homes; more than one while that is disputed.
    pub homes: Vec<String>,
    /// Bases to whose subtrees it is opened.
    pub audience: Vec<String>,
    /// Kept out of sight.
    pub hidden: bool,
    /// The parent lacks something of it.
    pub waits: bool,
    /// The parent did not take it.
    pub refused: bool,
    /// Deleted.
    pub deleted: bool,
    /// Registers with more than one value.
    pub alternatives: i64,
    /// The shown values.
    pub body: Value,
    /// The bytes that travel.
    pub state: Vec<u8>,
}

/// How far a base is known to be complete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seal {
    /// The stretch of the base's database that made it.
    pub timeline: i64,
    /// Its number in that stretch.
    pub n: i64,
    /// Up to when.
    pub at_ms: u64,
}

/// Everything the checker needs of one database, read at one moment.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// The base that the database says it is of.
    pub base: String,
    /// Its records by id.
    pub rows: BTreeMap<String, Row>,
    /// Records that the parent lacks.
    pub unsent: i64,
    /// Records kept aside.
    pub quarantined: i64,
    /// The furthest seal of each base.
    pub seals: BTreeMap<String, Seal>,
    /// The tree of bases.
    pub tree: Tree,
}

impl Book {
    /// Reads a database that another process may be writing to.
    ///
    /// # Errors
    /// [`DemoError::Database`] when it cannot be read.
    pub async fn read(path: &Path) -> Result<Book, DemoError> {
        let failed = |source| DemoError::Database { path: PathBuf::from(path), source };
        read(path).await.map_err(failed)
    }

    /// The node's own name.
    pub fn name(&self) -> &str {
        self.tree.name(&self.base)
    }

    /// Records of a kind that are neither hidden nor deleted.
    pub fn of_kind<'b>(&'b self, kind: &'b str) -> impl Iterator<Item = &'b Row> {
        self.rows.values().filter(move |row| row.kind == kind && !row.hidden && !row.deleted)
    }
}

async fn read(path: &Path) -> Result<Book, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut db = SqliteConnection::connect_with(&options).await?;
    // One moment for all questions.
    let mut tx = db.begin().await?;
    let base: Vec<u8> =
        sqlx::query_scalar("SELECT value FROM meta WHERE name = 'base'").fetch_one(&mut *tx).await?;
    let book = Book {
        base: hex(&base),
        rows: rows(&mut tx).await?,
        unsent: sqlx::query_scalar("SELECT count(*) FROM unsent").fetch_one(&mut *tx).await?,
        quarantined: sqlx::query_scalar("SELECT count(*) FROM quarantine").fetch_one(&mut *tx).await?,
        seals: seals(&mut tx).await?,
        tree: Tree::default(),
    };
    tx.rollback().await?;
    db.close().await?;
    let tree = tree(&book);
    Ok(Book { tree, ..book })
}

async fn rows(db: &mut SqliteConnection) -> Result<BTreeMap<String, Row>, sqlx::Error> {
    const SQL: &str = "SELECT id, kind, home, scope, hidden, refused, deleted, alternatives, state, \
                       json(body) AS body, EXISTS (SELECT 1 FROM unsent u WHERE u.seq = r.seq) AS waits \
                       FROM record r";
    let mut rows = BTreeMap::new();
    for row in sqlx::query(SQL).fetch_all(db).await? {
        let home = hex(row.try_get("home")?);
        let scope: Option<&[u8]> = row.try_get("scope")?;
        let alone = || (vec![home.clone()], Vec::new());
        let (homes, audience) = scope.and_then(scope_of).unwrap_or_else(alone);
        let body: Option<&str> = row.try_get("body")?;
        let body = body.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let read = Row {
            id: hex(row.try_get("id")?),
            kind: row.try_get("kind")?,
            homes,
            audience,
            hidden: row.try_get("hidden")?,
            waits: row.try_get("waits")?,
            refused: row.try_get("refused")?,
            deleted: row.try_get("deleted")?,
            alternatives: row.try_get("alternatives")?,
            body,
            state: row.try_get("state")?,
            home,
        };
        rows.insert(read.id.clone(), read);
    }
    Ok(rows)
}

/// The column `scope`: how many homes, then 16 bytes for each home and each base of the audience.
fn scope_of(bytes: &[u8]) -> Option<(Vec<String>, Vec<String>)> {
    let (count, ids) = bytes.split_first()?;
    let ids: Vec<String> = ids.chunks(16).map(hex).collect();
    let homes = usize::from(*count);
    (homes <= ids.len()).then(|| (ids[..homes].to_vec(), ids[homes..].to_vec()))
}

async fn seals(db: &mut SqliteConnection) -> Result<BTreeMap<String, Seal>, sqlx::Error> {
    const SQL: &str = "SELECT base, timeline, n, at_ms FROM seal ORDER BY at_ms, n";
    let mut seals = BTreeMap::new();
    for row in sqlx::query(SQL).fetch_all(db).await? {
        let at_ms: i64 = row.try_get("at_ms")?;
        let seal = Seal {
            timeline: row.try_get("timeline")?,
            n: row.try_get("n")?,
            at_ms: u64::try_from(at_ms).unwrap_or(0),
        };
        seals.insert(hex(row.try_get("base")?), seal);
    }
    Ok(seals)
}

fn tree(book: &Book) -> Tree {
    let text = |row: &Row, name: &str| row.body[name].as_str().unwrap_or_default().to_owned();
    Tree::new(book.of_kind("base").map(|row| {
        let parent = Some(text(row, "parent")).filter(|parent| !parent.is_empty());
        let hosted = row.body["hosted"].as_bool().unwrap_or(false);
        (row.id.clone(), Base { code: text(row, "code"), name: text(row, "name"), parent, hosted })
    }))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
