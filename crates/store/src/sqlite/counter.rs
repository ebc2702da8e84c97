//! The tables `counter` and `timeline`: numbers that only grow, and the stretches in which they were given out.

use sqlx::sqlite::SqliteConnection;
use sync::{Timeline, TimelineId};

use super::values::{Bound, fetch, number, run};
use crate::engine::Opening;
use crate::error::StoreError;

/// Takes `count` numbers, and keeps the time that edits were stamped with; gives back the last number. The rows stay locked
/// until commit, so numbers are in commit order.
pub(super) async fn take(conn: &mut SqliteConnection, count: u64, saved_at: u64) -> Result<u64, StoreError> {
    const SQL: &str = "UPDATE counter SET n = CASE name WHEN 'seq' THEN n + $1 ELSE $2 END \
                       WHERE name IN ('seq', 'saved_at') RETURNING CASE name WHEN 'seq' THEN n ELSE 0 END";
    let mut bound = Bound::default();
    bound.number(count).number(saved_at);
    let found = fetch(conn, "giving out numbers", SQL, bound, |row| number(row, 0)).await?;
    found.into_iter().max().ok_or_else(|| StoreError::corrupt("the table of counters"))
}

/// Takes note that rows were dropped.
pub(super) async fn forget(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE counter SET n = n + 1 WHERE name = 'forget'";
    run(conn, "counting drops", SQL, Bound::default()).await.map(drop)
}

/// All stretches of this database's life, the oldest first.
pub(super) async fn timelines(conn: &mut SqliteConnection) -> Result<Vec<Timeline>, StoreError> {
    const SQL: &str = "SELECT id, start_seq FROM timeline ORDER BY n";
    fetch(conn, "reading timelines", SQL, Bound::default(), |row| {
        Ok(Timeline { id: TimelineId(number(row, 0)?), start_seq: number(row, 1)? })
    })
    .await
}

/// Begins a timeline.
pub(super) async fn open(conn: &mut SqliteConnection, opening: Opening) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO timeline (id, start_seq, opened_at_ms) \
                       SELECT $1, n, $2 FROM counter WHERE name = 'seq'";
    let mut bound = Bound::default();
    bound.number(opening.timeline.0).number(opening.now_ms);
    run(conn, "beginning a timeline", SQL, bound).await.map(drop)
}
