//! The search index: filled after the fact, so that the arrival of records does not wait for it.
//!
//! A search takes what the index finds and, unindexed, every row above the number up to which the index is
//! complete *in its own snapshot*; each candidate is compared with the words themselves. The answer is therefore
//! exact whatever the index lacks, and only slower.

use schema::Schema;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::basics::Basics;
use super::dialect;
use super::values::{Bound, fetch, fetch_with, insert, number, run};
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

/// Indexes the next rows; gives back whether there may be more. A record of a kind that `schema` does not know has no
/// words; once it is known, [`forget_from`] brings it back here.
pub(super) async fn catch_up(conn: &mut SqliteConnection, schema: &Schema) -> Result<bool, StoreError> {
    const WORDS: &str = "SELECT r.n, r.words FROM w CROSS JOIN record r ON r.n = w.id";
    let after = searched(conn).await?;
    let next = next(conn, schema, after).await?;
    let more = next.len() == STRETCH;
    // Numbers beyond the last row were taken by what has no words, and need not be asked about again.
    let upto = if more { next[STRETCH - 1].0 } else { Basics::read(conn).await?.seq };
    if upto == after {
        return Ok(false);
    }
    let read = |row: &SqliteRow| Ok((number(row, 0)?, row.try_get::<String, _>(1)?));
    let bind = |b: &mut Bound, (_, n): &(u64, u64)| {
        b.number(*n);
    };
    let rows = fetch_with(conn, "reading what to index", WORDS, &next, bind, read).await?;
    insert(conn, "indexing words", dialect::SEARCH_PUT, 2, "", &rows, |b, (n, words)| {
        b.number(*n).add(pairs(words).into_iter().collect::<Vec<_>>().join(" "));
    })
    .await?;
    set_searched(conn, upto).await?;
    Ok(more)
}

/// Numbers and places of the next rows to index, in order: the numbers of each kind stand together in an index.
async fn next(
    conn: &mut SqliteConnection,
    schema: &Schema,
    after: u64,
) -> Result<Vec<(u64, u64)>, StoreError> {
    const OF_KIND: &str = "SELECT seq, n FROM record WHERE kind = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    let mut all = Vec::new();
    for kind in &schema.kinds {
        let mut bound = Bound::default();
        bound.text(kind.name.as_str()).number(after).number(STRETCH as u64);
        let read = |row: &SqliteRow| Ok((number(row, 0)?, number(row, 1)?));
        all.extend(fetch(conn, "looking for what to index", OF_KIND, bound, read).await?);
    }
    all.sort_unstable();
    all.truncate(STRETCH);
    Ok(all)
}
