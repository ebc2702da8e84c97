//! The table `tick`: how far up a base's records are held. Replaced by what comes back, never maximised: a holder
//! that was restored from a backup holds less than it did.

use sqlx::sqlite::SqliteConnection;
use sync::{Tick, TimelineId};

use super::values::{Bound, base_id, fetch, insert, number, run};
use crate::error::StoreError;

pub(super) async fn all(conn: &mut SqliteConnection) -> Result<Vec<Tick>, StoreError> {
    const SQL: &str = "SELECT holder, base, timeline, n FROM tick ORDER BY holder, base";
    fetch(conn, "reading delivery ticks", SQL, Bound::default(), |row| {
        let timeline = TimelineId(number(row, 2)?);
        Ok(Tick { holder: base_id(row, 0)?, base: base_id(row, 1)?, timeline, n: number(row, 3)? })
    })
    .await
}

pub(super) async fn put(conn: &mut SqliteConnection, ticks: &[Tick]) -> Result<(), StoreError> {
    const HEAD: &str = "INSERT INTO tick (holder, base, timeline, n)";
    const TAIL: &str =
        "ON CONFLICT (holder, base) DO UPDATE SET timeline = excluded.timeline, n = excluded.n";
    insert(conn, "writing delivery ticks", HEAD, 4, TAIL, ticks, |b, tick| {
        b.bytes(&tick.holder.0).bytes(&tick.base.0).number(tick.timeline.0).number(tick.n);
    })
    .await
}

pub(super) async fn clear(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    run(conn, "forgetting delivery ticks", "DELETE FROM tick", Bound::default()).await.map(drop)
}
