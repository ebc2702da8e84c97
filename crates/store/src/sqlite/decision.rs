//! The table `decision`: what people decided about records on this node.

use causal::RecordId;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::values::{Bound, fetch, fetch_with, number, record_id, run};
use crate::error::StoreError;
use crate::model::{Act, Decision};

pub(super) async fn latest(conn: &mut SqliteConnection, limit: usize) -> Result<Vec<Decision>, StoreError> {
    const SQL: &str = "SELECT at_ms, act, record, kind, detail, user, reason, dropped FROM decision \
                       ORDER BY n DESC LIMIT $1";
    let mut bound = Bound::default();
    bound.number(limit as u64);
    fetch(conn, "reading decisions", SQL, bound, read).await
}

fn read(row: &SqliteRow) -> Result<Decision, sqlx::Error> {
    let code: &str = row.try_get(1)?;
    let act = Act::from_code(code)
        .ok_or_else(|| sqlx::Error::Decode(format!("unknown act of a decision {code}").into()))?;
    Ok(Decision {
        at_ms: number(row, 0)?,
        act,
        record: record_id(row, 2)?,
        kind: row.try_get(3)?,
        detail: row.try_get(4)?,
        user: row.try_get(5)?,
        reason: row.try_get(6)?,
        dropped: row.try_get::<Option<&[u8]>, _>(7)?.and_then(|bytes| bytes.try_into().ok()),
    })
}

/// The digests of what was put aside for good of these records.
pub(super) async fn dropped(
    conn: &mut SqliteConnection,
    records: &[RecordId],
) -> Result<Vec<(RecordId, [u8; 32])>, StoreError> {
    const SQL: &str = "SELECT d.record, d.dropped FROM w JOIN decision d ON d.record = w.id \
                       WHERE d.dropped IS NOT NULL";
    let read = |row: &SqliteRow| {
        let digest: &[u8] = row.try_get(1)?;
        let digest = digest.try_into().map_err(|_| sqlx::Error::Decode("a digest has 32 bytes".into()))?;
        Ok((record_id(row, 0)?, digest))
    };
    let bind = |b: &mut Bound, id: &RecordId| {
        b.bytes(&id.0);
    };
    let mut found = fetch_with(conn, "reading decisions", SQL, records, bind, read).await?;
    found.sort();
    found.dedup();
    Ok(found)
}

pub(super) async fn put(conn: &mut SqliteConnection, decision: &Decision) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO decision (at_ms, act, record, kind, detail, user, reason, dropped) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let mut bound = Bound::default();
    bound.number(decision.at_ms).add(decision.act.code()).bytes(&decision.record.0);
    bound.add(decision.kind.as_str()).add(decision.detail.as_str());
    bound.add(decision.user.as_str()).add(decision.reason.as_str());
    bound.add(decision.dropped.as_ref().map(<[u8; 32]>::as_slice));
    run(conn, "writing a decision", SQL, bound).await.map(drop)
}
