//! The table `link`: what is remembered of the parent and of each child.

use causal::{BaseId, Dot, ReplicaId};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sync::{Heartbeat, Link, Memory, Position, TimelineId};

use super::values::{Bound, base_id, fetch, flag, insert, number, run};
use crate::error::StoreError;

pub(super) async fn all(conn: &mut SqliteConnection) -> Result<Vec<Link>, StoreError> {
    const SQL: &str = "SELECT peer, up, cursor_timeline, cursor_seq, ack_timeline, ack_seq, epoch, \
                       last_success_ms, last_failure_ms, last_failure, clock_offset_ms, peer_unsent, peer_version, \
                       peer_timeline, peer_seq, peer_replica, peer_tick, former_timeline, owed_replica, owed_tick, \
                       clone_at_ms FROM link ORDER BY peer, up";
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
        memory: memory(row, 13)?,
    })
}

fn memory(row: &SqliteRow, at: usize) -> Result<Memory, sqlx::Error> {
    let last = position(row, at)?.zip(dot(row, at + 2)?);
    let former: Option<i64> = row.try_get(at + 4)?;
    Ok(Memory {
        last: last.map(|(position, head)| Heartbeat { position, head }),
        former: former.map(|line| TimelineId(line as u64)),
        owed: dot(row, at + 5)?,
        clone_at_ms: number(row, at + 7)?,
    })
}

fn dot(row: &SqliteRow, at: usize) -> Result<Option<Dot>, sqlx::Error> {
    let replica: Option<i64> = row.try_get(at)?;
    let tick: Option<i64> = row.try_get(at + 1)?;
    Ok(replica.zip(tick).map(|(r, t)| Dot { replica: ReplicaId(r as u64), tick: t as u64 }))
}

fn position(row: &SqliteRow, at: usize) -> Result<Option<Position>, sqlx::Error> {
    let timeline: Option<i64> = row.try_get(at)?;
    let seq: Option<i64> = row.try_get(at + 1)?;
    Ok(timeline.zip(seq).map(|(t, s)| Position { timeline: TimelineId(t as u64), seq: s as u64 }))
}

pub(super) async fn put(conn: &mut SqliteConnection, links: &[Link]) -> Result<(), StoreError> {
    const HEAD: &str = "INSERT INTO link (peer, up, cursor_timeline, cursor_seq, ack_timeline, ack_seq, epoch, \
                        last_success_ms, last_failure_ms, last_failure, clock_offset_ms, peer_unsent, peer_version, \
                        peer_timeline, peer_seq, peer_replica, peer_tick, former_timeline, owed_replica, owed_tick, \
                        clone_at_ms)";
    const TAIL: &str = "ON CONFLICT (peer, up) DO UPDATE SET cursor_timeline = excluded.cursor_timeline, \
                        cursor_seq = excluded.cursor_seq, ack_timeline = excluded.ack_timeline, \
                        ack_seq = excluded.ack_seq, epoch = excluded.epoch, \
                        last_success_ms = excluded.last_success_ms, last_failure_ms = excluded.last_failure_ms, \
                        last_failure = excluded.last_failure, clock_offset_ms = excluded.clock_offset_ms, \
                        peer_unsent = excluded.peer_unsent, peer_version = excluded.peer_version, \
                        peer_timeline = excluded.peer_timeline, peer_seq = excluded.peer_seq, \
                        peer_replica = excluded.peer_replica, peer_tick = excluded.peer_tick, \
                        former_timeline = excluded.former_timeline, owed_replica = excluded.owed_replica, \
                        owed_tick = excluded.owed_tick, clone_at_ms = excluded.clone_at_ms";
    insert(conn, "writing links", HEAD, 21, TAIL, links, |b, link| {
        b.bytes(&link.peer.0).flag(link.up);
        for position in [link.cursor, link.ack] {
            b.add(position.map(|p| p.timeline.0 as i64)).add(position.map(|p| p.seq as i64));
        }
        b.number(link.epoch).number(link.last_success_ms).number(link.last_failure_ms);
        b.add(link.last_failure.as_str()).add(link.clock_offset_ms);
        b.number(link.peer_unsent).add(link.peer_version.as_str());
        let Memory { last, former, owed, clone_at_ms } = link.memory;
        let position = last.map(|beat| beat.position);
        b.add(position.map(|p| p.timeline.0 as i64)).add(position.map(|p| p.seq as i64));
        let (head, former) = (last.map(|beat| beat.head), former.map(|line| line.0 as i64));
        b.add(head.map(|d| d.replica.0 as i64)).add(head.map(|d| d.tick as i64)).add(former);
        b.add(owed.map(|d| d.replica.0 as i64)).add(owed.map(|d| d.tick as i64)).number(clone_at_ms);
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
