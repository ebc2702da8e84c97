//! The table `seal`: what bases state to be included.

use causal::RecordId;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sync::{Seal, TimelineId};

use super::values::{Bound, base_id, fetch, flag, insert, number};
use crate::error::StoreError;

pub(super) async fn all(conn: &mut SqliteConnection) -> Result<Vec<Seal>, StoreError> {
    const SQL: &str = "SELECT base, timeline, n, at_ms, unsent, quarantined, restored, covers_seq, exceptions \
                       FROM seal";
    let mut seals = fetch(conn, "reading seals", SQL, Bound::default(), read).await?;
    // Timelines are kept with a sign; their order is that of the program.
    seals.sort_unstable_by_key(|seal| (seal.base, seal.timeline));
    Ok(seals)
}

fn read(row: &SqliteRow) -> Result<Seal, sqlx::Error> {
    let (ids, rest) = row.try_get::<&[u8], _>(8)?.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(sqlx::Error::Decode("malformed exceptions of a seal".into()));
    }
    Ok(Seal {
        base: base_id(row, 0)?,
        timeline: TimelineId(number(row, 1)?),
        n: number(row, 2)?,
        at_ms: number(row, 3)?,
        unsent: number(row, 4)?,
        quarantined: number(row, 5)?,
        restored: flag(row, 6)?,
        covers_seq: number(row, 7)?,
        exceptions: ids.iter().map(|id| RecordId(*id)).collect(),
    })
}

/// Writes seals; of one base and timeline the higher count wins. With the same count what comes later says more: what is
/// kept aside on the way, and what is not confirmed, changes without a new seal.
pub(super) async fn put(conn: &mut SqliteConnection, seals: &[Seal]) -> Result<(), StoreError> {
    const HEAD: &str = "INSERT INTO seal (base, timeline, n, at_ms, unsent, quarantined, restored, covers_seq, \
                        exceptions)";
    const TAIL: &str = "ON CONFLICT (base, timeline) DO UPDATE SET n = excluded.n, at_ms = excluded.at_ms, \
                        unsent = excluded.unsent, quarantined = excluded.quarantined, \
                        restored = excluded.restored, covers_seq = excluded.covers_seq, \
                        exceptions = excluded.exceptions WHERE excluded.n >= seal.n";
    insert(conn, "writing seals", HEAD, 9, TAIL, seals, |b, seal| {
        b.bytes(&seal.base.0).number(seal.timeline.0).number(seal.n).number(seal.at_ms).number(seal.unsent);
        b.number(seal.quarantined).flag(seal.restored).number(seal.covers_seq);
        b.add(seal.exceptions.iter().flat_map(|id| id.0).collect::<Vec<u8>>());
    })
    .await
}
