//! The tables `counter` and `timeline`: numbers that only grow, and the stretches in which they were given out.

use sqlx::sqlite::SqliteConnection;
use sync::{Timeline, TimelineId, Timelines};

use super::values::{Bound, fetch, number, run};
use crate::engine::Opening;
use crate::error::StoreError;

/// Takes `count` numbers; gives back the last. The row stays locked until commit, so numbers are in commit order.
pub(super) async fn take(conn: &mut SqliteConnection, count: u64) -> Result<u64, StoreError> {
    const SQL: &str = "UPDATE counter SET n = n + $1 WHERE name = 'seq' RETURNING n";
    one(conn, "giving out numbers", SQL, count).await
}

/// The last number given out.
pub(super) async fn last(conn: &mut SqliteConnection) -> Result<u64, StoreError> {
    one(conn, "reading the last number", "SELECT n FROM counter WHERE name = 'seq' AND n >= $1", 0).await
}

/// A time later than any before it.
pub(super) async fn saved_at(conn: &mut SqliteConnection, now_ms: u64) -> Result<u64, StoreError> {
    const SQL: &str = "UPDATE counter SET n = CASE WHEN n + 1 > $1 THEN n + 1 ELSE $1 END \
                       WHERE name = 'saved_at' RETURNING n";
    one(conn, "stamping an edit", SQL, now_ms).await
}

/// How often rows were dropped.
pub(super) async fn forgotten(conn: &mut SqliteConnection) -> Result<u64, StoreError> {
    one(conn, "reading a counter", "SELECT n FROM counter WHERE name = 'forget' AND n >= $1", 0).await
}

/// Takes note that rows were dropped.
pub(super) async fn forget(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    one(conn, "counting drops", "UPDATE counter SET n = n + $1 WHERE name = 'forget' RETURNING n", 1)
        .await
        .map(drop)
}

async fn one(
    conn: &mut SqliteConnection,
    doing: &'static str,
    sql: &'static str,
    argument: u64,
) -> Result<u64, StoreError> {
    let mut bound = Bound::default();
    bound.number(argument);
    let found = fetch(conn, doing, sql, bound, |row| number(row, 0)).await?;
    found.first().copied().ok_or_else(|| StoreError::corrupt("the table of counters"))
}

pub(super) async fn timelines(conn: &mut SqliteConnection) -> Result<Timelines, StoreError> {
    const SQL: &str = "SELECT id, start_seq FROM timeline ORDER BY n";
    let all = fetch(conn, "reading timelines", SQL, Bound::default(), |row| {
        Ok(Timeline { id: TimelineId(number(row, 0)?), start_seq: number(row, 1)? })
    })
    .await?;
    Ok(Timelines { all, seq: last(conn).await? })
}

/// Begins a timeline.
pub(super) async fn open(conn: &mut SqliteConnection, opening: Opening) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO timeline (id, start_seq, opened_at_ms) \
                       SELECT $1, n, $2 FROM counter WHERE name = 'seq'";
    let mut bound = Bound::default();
    bound.number(opening.timeline.0).number(opening.now_ms);
    run(conn, "beginning a timeline", SQL, bound).await.map(drop)
}
