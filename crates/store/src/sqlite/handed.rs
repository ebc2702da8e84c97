//! The table `handed`: what this base handed over or dropped, and must account for until it is seen elsewhere.

use std::collections::BTreeMap;

use causal::{Context, RecordId};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sync::Handed;

use super::values::{Bound, fetch, fetch_with, flag, insert, record_id};
use crate::error::StoreError;

pub(super) async fn of_records(
    conn: &mut SqliteConnection,
    records: &[RecordId],
) -> Result<Vec<Handed>, StoreError> {
    const SQL: &str =
        "SELECT h.record, h.unattested, h.context FROM w CROSS JOIN handed h ON h.record = w.id";
    fetch_with(
        conn,
        "reading what was handed over",
        SQL,
        records,
        |b, id| {
            b.bytes(&id.0);
        },
        read,
    )
    .await
}

fn read(row: &SqliteRow) -> Result<Handed, sqlx::Error> {
    let context = Context::from_bytes(row.try_get(2)?).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(Handed { record: record_id(row, 0)?, unattested: flag(row, 1)?, context })
}

pub(super) async fn unattested(conn: &mut SqliteConnection) -> Result<Vec<RecordId>, StoreError> {
    const SQL: &str = "SELECT record FROM handed WHERE unattested = 1 ORDER BY record";
    fetch(conn, "reading what was handed over", SQL, Bound::default(), |row| record_id(row, 0)).await
}

/// Remembers records; what their states had seen joins what is remembered of them already. A mark that nobody has
/// confirmed them stays until something arrives that has seen all of it (D1).
pub(super) async fn put(conn: &mut SqliteConnection, handed: &[Handed]) -> Result<(), StoreError> {
    const HEAD: &str = "INSERT INTO handed (record, unattested, context)";
    const TAIL: &str =
        "ON CONFLICT (record) DO UPDATE SET unattested = excluded.unattested, context = excluded.context";
    let ids: Vec<RecordId> = handed.iter().map(|h| h.record).collect();
    let before = of_records(conn, &ids).await?.into_iter().map(|h| (h.record, h));
    let mut joined: BTreeMap<RecordId, Handed> = before.collect();
    for new in handed {
        let entry = joined.entry(new.record).or_insert_with(|| new.clone());
        entry.unattested = new.unattested || (entry.unattested && !new.context.covers(&entry.context));
        entry.context.join(&new.context);
    }
    let joined: Vec<Handed> = joined.into_values().collect();
    insert(conn, "writing what was handed over", HEAD, 3, TAIL, &joined, |b, h| {
        b.bytes(&h.record.0).flag(h.unattested).add(h.context.to_bytes());
    })
    .await
}
