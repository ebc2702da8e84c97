//! The table `exported`: files that were made to be carried to the parent by hand.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::values::{Bound, fetch, number, run};
use crate::error::StoreError;
use crate::model::Exported;

pub(super) async fn get(conn: &mut SqliteConnection, id: u64) -> Result<Option<Exported>, StoreError> {
    const SQL: &str = "SELECT id, made_at_ms, settled_at_ms, content FROM exported WHERE id = $1";
    let mut bound = Bound::default();
    bound.number(id);
    Ok(fetch(conn, "reading what was exported", SQL, bound, read).await?.pop())
}

fn read(row: &SqliteRow) -> Result<Exported, sqlx::Error> {
    Ok(Exported {
        id: number(row, 0)?,
        made_at_ms: number(row, 1)?,
        settled_at_ms: row.try_get::<Option<i64>, _>(2)?.map(|at| at as u64),
        content: row.try_get(3)?,
    })
}

pub(super) async fn waiting(conn: &mut SqliteConnection) -> Result<Vec<u64>, StoreError> {
    const SQL: &str = "SELECT made_at_ms FROM exported WHERE settled_at_ms IS NULL ORDER BY made_at_ms";
    fetch(conn, "counting what was exported", SQL, Bound::default(), |row| number(row, 0)).await
}

pub(super) async fn put(
    conn: &mut SqliteConnection,
    exported: &Exported,
    keep: usize,
) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO exported (id, made_at_ms, settled_at_ms, content) VALUES ($1, $2, $3, $4) \
                       ON CONFLICT (id) DO UPDATE SET made_at_ms = excluded.made_at_ms, \
                       settled_at_ms = excluded.settled_at_ms, content = excluded.content";
    const TRIM: &str = "DELETE FROM exported WHERE id NOT IN \
                        (SELECT id FROM exported ORDER BY made_at_ms DESC, id LIMIT $1)";
    let mut bound = Bound::default();
    bound.number(exported.id).number(exported.made_at_ms);
    bound.add(exported.settled_at_ms.map(|at| at as i64)).bytes(&exported.content);
    run(conn, "remembering what was exported", PUT, bound).await?;
    let mut bound = Bound::default();
    bound.number(keep as u64);
    run(conn, "forgetting what was exported long ago", TRIM, bound).await.map(drop)
}
