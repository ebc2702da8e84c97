//! The table `quarantine`: records that were refused, with the reason.

use causal::{BaseId, RecordId};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sync::{Quarantined, Reason};

use super::values::{Bound, base_id, fetch, flag, insert, number, record_id, run_with};
use crate::error::StoreError;

pub(super) async fn latest(
    conn: &mut SqliteConnection,
    limit: usize,
) -> Result<Vec<Quarantined>, StoreError> {
    const SQL: &str = "SELECT record, inbound, kind, sender, home, reason, detail, at_ms, state FROM quarantine \
                       ORDER BY at_ms DESC, record, brought_by LIMIT $1";
    let mut bound = Bound::default();
    bound.number(limit as u64);
    fetch(conn, "reading the quarantine", SQL, bound, read).await
}

fn read(row: &SqliteRow) -> Result<Quarantined, sqlx::Error> {
    let code: &str = row.try_get(5)?;
    let reason = Reason::from_code(code)
        .ok_or_else(|| sqlx::Error::Decode(format!("unknown reason of quarantine {code}").into()))?;
    Ok(Quarantined {
        record: record_id(row, 0)?,
        inbound: flag(row, 1)?,
        kind: row.try_get(2)?,
        from: base_id(row, 3)?,
        home: base_id(row, 4)?,
        reason,
        detail: row.try_get(6)?,
        at_ms: number(row, 7)?,
        state: row.try_get(8)?,
    })
}

pub(super) async fn counts(conn: &mut SqliteConnection) -> Result<Vec<(BaseId, u64)>, StoreError> {
    const SQL: &str =
        "SELECT home, count(DISTINCT record) FROM quarantine WHERE inbound = 1 GROUP BY home ORDER BY home";
    fetch(conn, "counting the quarantine", SQL, Bound::default(), |row| {
        Ok((base_id(row, 0)?, number(row, 1)?))
    })
    .await
}

/// Keeps refused records; the latest refusal of a record to whoever brought it, or by the parent, replaces the one
/// before. The same content that comes again has been there since it first came.
pub(super) async fn put(conn: &mut SqliteConnection, all: &[Quarantined]) -> Result<(), StoreError> {
    const HEAD: &str = "INSERT INTO quarantine (record, brought_by, inbound, kind, sender, home, reason, detail, at_ms, state)";
    const TAIL: &str = "ON CONFLICT (record, brought_by) DO UPDATE SET kind = excluded.kind, \
                        sender = excluded.sender, home = excluded.home, reason = excluded.reason, \
                        detail = excluded.detail, state = excluded.state, \
                        at_ms = CASE WHEN quarantine.state = excluded.state THEN quarantine.at_ms ELSE excluded.at_ms END";
    insert(conn, "writing the quarantine", HEAD, 10, TAIL, all, |b, refused| {
        let (record, brought_by) = refused.key();
        b.bytes(&record.0).bytes(brought_by_bytes(&brought_by));
        b.flag(refused.inbound).add(refused.kind.as_str());
        b.bytes(&refused.from.0).bytes(&refused.home.0).add(refused.reason.code());
        b.add(refused.detail.as_str()).number(refused.at_ms).bytes(&refused.state);
    })
    .await
}

pub(super) async fn release(
    conn: &mut SqliteConnection,
    keys: &[(RecordId, Option<BaseId>)],
) -> Result<(), StoreError> {
    const SQL: &str =
        "DELETE FROM quarantine WHERE (record, brought_by) IN (SELECT record, brought_by FROM w)";
    let columns = ["record", "brought_by"];
    run_with(conn, "emptying the quarantine", &columns, SQL, keys, |b, (record, brought_by)| {
        b.bytes(&record.0).bytes(brought_by_bytes(brought_by));
    })
    .await
}

/// Empty for what the parent refused.
fn brought_by_bytes(brought_by: &Option<BaseId>) -> &[u8] {
    brought_by.as_ref().map_or(&[], |base| &base.0)
}
