//! Writing and naming many rows with one statement.

use std::sync::Arc;

use causal::{BaseId, RecordId, ReplicaId};
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, Row as _, Sqlite, Type};

use super::dialect;
use crate::error::{Doing, StoreError};

/// Rows of one statement: more gain nothing. Statements of these sizes are prepared once; to prepare one costs as much as
/// to run it, and so only what is left in the end, fewer than the last of them, has one of its own.
const SIZES: [usize; 3] = [500, 100, 20];
/// Values of one statement: to prepare a larger one takes longer than any number of its runs spares.
const VALUES: usize = 2_000;

/// Rows in portions for one statement each, which takes `width` values of a row.
pub(super) fn chunks<T>(mut rows: &[T], width: usize) -> impl Iterator<Item = &[T]> {
    debug_assert!(SIZES[2] * width <= VALUES);
    std::iter::from_fn(move || {
        let fits = |size: &usize| *size <= rows.len() && size * width <= VALUES;
        let size = SIZES.into_iter().find(fits).unwrap_or(rows.len());
        let (now, later) = rows.split_at(size);
        rows = later;
        Some(now).filter(|now| !now.is_empty())
    })
}

/// Arguments of a statement.
#[derive(Clone, Default)]
pub(super) struct Bound(SqliteArguments, Option<String>);

impl Bound {
    /// None yet, with room for so many values.
    pub fn with_room(values: usize) -> Bound {
        let mut bound = Bound::default();
        bound.0.reserve(values, 0);
        bound
    }

    /// Adds one value; what cannot be encoded is told when the statement runs.
    pub fn add<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        if let Err(error) = self.0.add(value) {
            self.1.get_or_insert(error.to_string());
        }
        self
    }

    pub fn number(&mut self, value: u64) -> &mut Self {
        self.add(stored(value))
    }

    pub fn flag(&mut self, value: bool) -> &mut Self {
        self.add(i64::from(value))
    }

    /// Shared text takes one allocation instead of two, and costs the engine's thread half as much to give back.
    pub fn text(&mut self, value: impl Into<Arc<str>>) -> &mut Self {
        self.add(value.into())
    }

    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.add(value)
    }

    fn ready(self, doing: &'static str) -> Result<SqliteArguments, StoreError> {
        match self.1 {
            None => Ok(self.0),
            Some(why) => Err(StoreError::of(doing, sqlx::Error::Encode(why.into()))),
        }
    }
}

/// A number as the engines keep it: 64 bits with a sign, of which random ids use all and counts the lower half.
pub(super) fn stored(value: u64) -> i64 {
    value as i64
}

/// The counterpart of [`stored`].
pub(super) fn number(row: &SqliteRow, at: usize) -> Result<u64, sqlx::Error> {
    row.try_get::<i64, _>(at).map(|n| n as u64)
}

/// Reads a flag.
pub(super) fn flag(row: &SqliteRow, at: usize) -> Result<bool, sqlx::Error> {
    row.try_get::<i64, _>(at).map(|n| n != 0)
}

/// Reads an id.
pub(super) fn record_id(row: &SqliteRow, at: usize) -> Result<RecordId, sqlx::Error> {
    RecordId::try_from(row.try_get::<&[u8], _>(at)?).map_err(|e| sqlx::Error::Decode(e.into()))
}

/// Reads an id.
pub(super) fn base_id(row: &SqliteRow, at: usize) -> Result<BaseId, sqlx::Error> {
    BaseId::try_from(row.try_get::<&[u8], _>(at)?).map_err(|e| sqlx::Error::Decode(e.into()))
}

/// Reads an id.
pub(super) fn replica_id(row: &SqliteRow, at: usize) -> Result<ReplicaId, sqlx::Error> {
    number(row, at).map(ReplicaId)
}

/// Runs a statement.
pub(super) async fn run(
    conn: &mut SqliteConnection,
    doing: &'static str,
    sql: &'static str,
    bound: Bound,
) -> Result<u64, StoreError> {
    let done = sqlx::query_with(sql, bound.ready(doing)?).execute(conn).await.doing(doing)?;
    Ok(done.rows_affected())
}

/// Runs a statement that was put together here; `lasting` when the same text comes again.
pub(super) async fn run_made(
    conn: &mut SqliteConnection,
    doing: &'static str,
    sql: Arc<str>,
    lasting: bool,
    bound: Bound,
) -> Result<u64, StoreError> {
    let query = sqlx::query_with(AssertSqlSafe(sql), bound.ready(doing)?).persistent(lasting);
    Ok(query.execute(conn).await.doing(doing)?.rows_affected())
}

/// All rows of a statement.
pub(super) async fn fetch<T>(
    conn: &mut SqliteConnection,
    doing: &'static str,
    sql: &'static str,
    bound: Bound,
    read: impl Fn(&SqliteRow) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, StoreError> {
    let rows = sqlx::query_with(sql, bound.ready(doing)?).fetch_all(conn).await.doing(doing)?;
    rows.iter().map(read).collect::<Result<_, _>>().doing(doing)
}

/// All rows of a statement that was put together here.
pub(super) async fn fetch_made<T>(
    conn: &mut SqliteConnection,
    doing: &'static str,
    sql: Arc<str>,
    lasting: bool,
    bound: Bound,
    read: impl Fn(&SqliteRow) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, StoreError> {
    let query = sqlx::query_with(AssertSqlSafe(sql), bound.ready(doing)?).persistent(lasting);
    let rows = query.fetch_all(conn).await.doing(doing)?;
    rows.iter().map(read).collect::<Result<_, _>>().doing(doing)
}

/// Writes many rows, a chunk at a time: `head VALUES (…),(…) tail`.
pub(super) async fn insert<T>(
    conn: &mut SqliteConnection,
    doing: &'static str,
    head: &str,
    width: usize,
    tail: &str,
    rows: &[T],
    mut bind: impl FnMut(&mut Bound, &T),
) -> Result<(), StoreError> {
    for chunk in chunks(rows, width) {
        let sql = format!("{head} VALUES {} {tail}", dialect::values(chunk.len(), width));
        let mut bound = Bound::default();
        chunk.iter().for_each(|row| bind(&mut bound, row));
        run_made(conn, doing, sql.into(), is_lasting(chunk.len()), bound).await?;
    }
    Ok(())
}

/// Runs a statement for many keys, a chunk at a time: `WITH w(columns) AS (VALUES …) statement`.
pub(super) async fn run_with<T>(
    conn: &mut SqliteConnection,
    doing: &'static str,
    columns: &[&str],
    statement: &str,
    keys: &[T],
    mut bind: impl FnMut(&mut Bound, &T),
) -> Result<(), StoreError> {
    for chunk in chunks(keys, columns.len()) {
        let mut bound = Bound::default();
        chunk.iter().for_each(|key| bind(&mut bound, key));
        run_made(conn, doing, with(columns, chunk.len(), statement), is_lasting(chunk.len()), bound).await?;
    }
    Ok(())
}

/// Reads for many keys, a chunk at a time.
pub(super) async fn fetch_with<K, T>(
    conn: &mut SqliteConnection,
    doing: &'static str,
    statement: &str,
    keys: &[K],
    mut bind: impl FnMut(&mut Bound, &K),
    read: impl Fn(&SqliteRow) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::with_capacity(keys.len());
    for chunk in chunks(keys, 1) {
        let mut bound = Bound::default();
        chunk.iter().for_each(|key| bind(&mut bound, key));
        let sql = with(&["id"], chunk.len(), statement);
        all.extend(fetch_made(conn, doing, sql, is_lasting(chunk.len()), bound, &read).await?);
    }
    Ok(all)
}

fn with(columns: &[&str], count: usize, statement: &str) -> Arc<str> {
    let values = dialect::values(count, columns.len());
    format!("WITH w({}) AS (VALUES {values}) {statement}", columns.join(",")).into()
}

/// Statements of these sizes, and for the one row of an ordinary save, are kept prepared; those for the odd rest of a
/// batch would fill the cache.
pub(super) fn is_lasting(rows: usize) -> bool {
    rows == 1 || SIZES.contains(&rows)
}
