//! The table `meta`: values of the node itself, by name.

use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use super::values::{Bound, fetch, run};
use crate::error::StoreError;

pub(super) async fn get(conn: &mut SqliteConnection, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut bound = Bound::default();
    bound.add(key);
    let sql = "SELECT value FROM meta WHERE name = $1";
    let mut found = fetch(conn, "reading a setting", sql, bound, |row| row.try_get(0)).await?;
    Ok(found.pop())
}

pub(super) async fn put(conn: &mut SqliteConnection, key: &str, value: &[u8]) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO meta (name, value) VALUES ($1, $2) \
                       ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    let mut bound = Bound::default();
    bound.add(key).bytes(value);
    run(conn, "writing a setting", SQL, bound).await.map(drop)
}
