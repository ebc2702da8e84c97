//! The search index: filled after the fact, so that the arrival of records does not wait for it.
//!
//! A search takes what the index finds and, unindexed, every row above the number up to which the index is
//! complete *in its own snapshot*; each candidate is compared with the words themselves. The answer is therefore
//! exact whatever the index lacks, and only slower.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::dialect;
use super::values::{Bound, fetch, insert, number, run};
use crate::error::StoreError;
use crate::text::pairs;

/// Rows indexed in one transaction: some 30 ms, which is how long a save may have to wait for it.
pub(super) const STRETCH: usize = 1_000;

/// How many numbers the index may lag before it is worth catching up.
pub(super) const LAG: u64 = 200;

/// Up to which number the index is complete.
pub(super) async fn searched(conn: &mut SqliteConnection) -> Result<u64, StoreError> {
    const SQL: &str = "SELECT seq FROM searched";
    let found =
        fetch(conn, "reading the state of the search index", SQL, Bound::default(), |row| number(row, 0))
            .await?;
    Ok(found.first().copied().unwrap_or(0))
}

/// Sets up to which number the index is complete.
async fn set_searched(conn: &mut SqliteConnection, seq: u64) -> Result<(), StoreError> {
    let mut bound = Bound::default();
    bound.number(seq);
    run(conn, "writing the state of the search index", "UPDATE searched SET seq = $1", bound).await.map(drop)
}

/// Rows with this number and later ones are to be indexed again.
pub(super) async fn forget_from(conn: &mut SqliteConnection, seq: u64) -> Result<(), StoreError> {
    let before = searched(conn).await?;
    if seq <= before { set_searched(conn, seq.saturating_sub(1)).await } else { Ok(()) }
}

/// Indexes the next rows; gives back whether there may be more.
pub(super) async fn catch_up(conn: &mut SqliteConnection) -> Result<bool, StoreError> {
    const NEXT: &str = "SELECT n, seq, words FROM record WHERE seq > $1 ORDER BY seq LIMIT $2";
    let mut bound = Bound::default();
    bound.number(searched(conn).await?).number(STRETCH as u64);
    let read = |row: &SqliteRow| Ok((number(row, 0)?, number(row, 1)?, row.try_get::<String, _>(2)?));
    let rows = fetch(conn, "reading what to index", NEXT, bound, read).await?;
    let Some((_, last, _)) = rows.last() else { return Ok(false) };
    let last = *last;
    insert(conn, "indexing words", dialect::SEARCH_PUT, 2, "", &rows, |b, (n, _, words)| {
        b.number(*n).add(pairs(words).into_iter().collect::<Vec<_>>().join(" "));
    })
    .await?;
    set_searched(conn, last).await?;
    Ok(rows.len() == STRETCH)
}
