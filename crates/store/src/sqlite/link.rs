//! The table `link`: what is remembered of the parent and of each child.

use causal::BaseId;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sync::{Link, Position, TimelineId};

use super::values::{Bound, base_id, fetch, flag, insert, number, run};
use crate::error::StoreError;

pub(super) async fn all(conn: &mut SqliteConnection) -> Result<Vec<Link>, StoreError> {
    const SQL: &str = "SELECT peer, up, cursor_timeline, cursor_seq, ack_timeline, ack_seq, epoch, \
                       last_success_ms, last_failure_ms, last_failure, clock_offset_ms, peer_unsent, peer_version \
                       FROM link ORDER BY peer, up";
    fetch(conn, "reading links", SQL, Bound::default(), read).await
}

fn read(row: &SqliteRow) -> Result<Link, sqlx::Error> {
    Ok(Link {
        peer: base_id(row, 0)?,
        up: flag(row, 1)?,
        cursor: position(row, 2)?,
        ack: position(row, 4)?,
        epoch: number(row, 6)?,
        last_success_ms: number(row, 7)?,
        last_failure_ms: number(row, 8)?,
        last_failure: row.try_get(9)?,
        clock_offset_ms: row.try_get(10)?,
        peer_unsent: number(row, 11)?,
        peer_version: row.try_get(12)?,
    })
}

fn position(row: &SqliteRow, at: usize) -> Result<Option<Position>, sqlx::Error> {
    let timeline: Option<i64> = row.try_get(at)?;
    let seq: Option<i64> = row.try_get(at + 1)?;
    Ok(timeline.zip(seq).map(|(t, s)| Position { timeline: TimelineId(t as u64), seq: s as u64 }))
}

pub(super) async fn put(conn: &mut SqliteConnection, links: &[Link]) -> Result<(), StoreError> {
    const HEAD: &str = "INSERT INTO link (peer, up, cursor_timeline, cursor_seq, ack_timeline, ack_seq, epoch, \
                        last_success_ms, last_failure_ms, last_failure, clock_offset_ms, peer_unsent, peer_version)";
    const TAIL: &str = "ON CONFLICT (peer, up) DO UPDATE SET cursor_timeline = excluded.cursor_timeline, \
                        cursor_seq = excluded.cursor_seq, ack_timeline = excluded.ack_timeline, \
                        ack_seq = excluded.ack_seq, epoch = excluded.epoch, \
                        last_success_ms = excluded.last_success_ms, last_failure_ms = excluded.last_failure_ms, \
                        last_failure = excluded.last_failure, clock_offset_ms = excluded.clock_offset_ms, \
                        peer_unsent = excluded.peer_unsent, peer_version = excluded.peer_version";
    insert(conn, "writing links", HEAD, 13, TAIL, links, |b, link| {
        b.bytes(&link.peer.0).flag(link.up);
        for position in [link.cursor, link.ack] {
            b.add(position.map(|p| p.timeline.0 as i64)).add(position.map(|p| p.seq as i64));
        }
        b.number(link.epoch).number(link.last_success_ms).number(link.last_failure_ms);
        b.add(link.last_failure.as_str()).add(link.clock_offset_ms);
        b.number(link.peer_unsent).add(link.peer_version.as_str());
    })
    .await
}

/// Forgets the links to these parents.
pub(super) async fn forget_up(conn: &mut SqliteConnection, parents: &[BaseId]) -> Result<(), StoreError> {
    for parent in parents {
        let mut bound = Bound::default();
        bound.bytes(&parent.0);
        run(conn, "forgetting a link", "DELETE FROM link WHERE peer = $1 AND up = 1", bound).await?;
    }
    Ok(())
}
