//! The table `replica`: who writes under which number, and how far that is known.

use causal::{BaseId, ReplicaId};
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;
use sync::Replica;

use super::values::{Bound, fetch, insert, number};
use crate::error::StoreError;

pub(super) async fn all(conn: &mut SqliteConnection) -> Result<Vec<Replica>, StoreError> {
    const SQL: &str = "SELECT id, base, tick FROM replica";
    let mut replicas = fetch(conn, "reading replicas", SQL, Bound::default(), |row| {
        let base = row.try_get::<Option<&[u8]>, _>(1)?.map(BaseId::try_from).transpose();
        let base = base.map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Replica { id: ReplicaId(number(row, 0)?), base, tick: number(row, 2)? })
    })
    .await?;
    replicas.sort_unstable_by_key(|replica| replica.id);
    Ok(replicas)
}

/// Writes replicas: the higher tick wins, and a base once known stays.
pub(super) async fn put(conn: &mut SqliteConnection, replicas: &[Replica]) -> Result<(), StoreError> {
    const HEAD: &str = "INSERT INTO replica (id, base, tick)";
    const TAIL: &str = "ON CONFLICT (id) DO UPDATE SET base = COALESCE(replica.base, excluded.base), \
                        tick = CASE WHEN excluded.tick > replica.tick THEN excluded.tick ELSE replica.tick END";
    insert(conn, "writing replicas", HEAD, 3, TAIL, replicas, |b, replica| {
        b.number(replica.id.0).add(replica.base.map(|base| base.0.to_vec())).number(replica.tick);
    })
    .await
}
