//! The table `revision`: what edits replaced.

use causal::{Dot, RecordId};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sync::Revision;

use super::values::{Bound, fetch_with, flag, insert, number, record_id, replica_id, run_with};
use crate::error::StoreError;

pub(super) async fn of_records(
    conn: &mut SqliteConnection,
    records: &[RecordId],
    only_unsent: bool,
    limit: usize,
) -> Result<Vec<Revision>, StoreError> {
    const COLUMNS: &str = "SELECT v.record, v.of_replica, v.of_tick, v.by_replica, v.by_tick, v.unsent, v.fragment \
                           FROM w CROSS JOIN revision v ON v.record = w.id";
    let mut wanted = records.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let sql = if only_unsent { format!("{COLUMNS} WHERE v.unsent = 1") } else { COLUMNS.to_owned() };
    let mut all = fetch_with(
        conn,
        "reading history",
        &sql,
        &wanted,
        |b, id| {
            b.bytes(&id.0);
        },
        read,
    )
    .await?;
    all.sort_unstable();
    all.truncate(limit);
    Ok(all)
}

fn read(row: &SqliteRow) -> Result<Revision, sqlx::Error> {
    let dot = |at| Ok::<_, sqlx::Error>(Dot { replica: replica_id(row, at)?, tick: number(row, at + 1)? });
    Ok(Revision {
        record: record_id(row, 0)?,
        of: dot(1)?,
        by: dot(3)?,
        unsent: flag(row, 5)?,
        fragment: row.try_get(6)?,
    })
}

/// Adds history. Of two accounts of the same replacement the longer is kept; what the parent has already is not
/// queued again.
pub(super) async fn add(conn: &mut SqliteConnection, revisions: &[Revision]) -> Result<(), StoreError> {
    const HEAD: &str =
        "INSERT INTO revision (record, of_replica, of_tick, by_replica, by_tick, unsent, fragment)";
    const TAIL: &str = "ON CONFLICT (record, of_replica, of_tick, by_replica, by_tick) DO UPDATE SET \
                        fragment = excluded.fragment, \
                        unsent = CASE WHEN excluded.unsent = 1 THEN 1 ELSE revision.unsent END \
                        WHERE length(excluded.fragment) > length(revision.fragment)";
    insert(conn, "writing history", HEAD, 7, TAIL, revisions, |b, revision| {
        key(b, &(revision.record, revision.of, revision.by));
        b.flag(revision.unsent).bytes(&revision.fragment);
    })
    .await
}

/// Marks history as sent.
pub(super) async fn sent(
    conn: &mut SqliteConnection,
    keys: &[(RecordId, Dot, Dot)],
) -> Result<(), StoreError> {
    const COLUMNS: [&str; 5] = ["record", "of_replica", "of_tick", "by_replica", "by_tick"];
    const SQL: &str = "UPDATE revision SET unsent = 0 WHERE (record, of_replica, of_tick, by_replica, by_tick) IN \
                       (SELECT record, of_replica, of_tick, by_replica, by_tick FROM w)";
    run_with(conn, "marking history as sent", &COLUMNS, SQL, keys, key).await
}

fn key(bound: &mut Bound, (record, of, by): &(RecordId, Dot, Dot)) {
    bound.bytes(&record.0);
    for dot in [of, by] {
        bound.number(dot.replica.0).number(dot.tick);
    }
}
