//! Performing the changes of one transaction, set by set.

use causal::RecordId;
use schema::Schema;
use sqlx::sqlite::SqliteConnection;
use sync::Changes;

use super::basics::Basics;
use super::{counter, handed, link, quarantine, record, replica, revision, seal, tick, unsent, withdraw};
use crate::error::StoreError;

/// Performs the changes; gives back the first and the last number given out. `before` tells the last one before them, and
/// the time that edits are stamped with.
///
/// What concerns old numbers (acknowledgements, refusals, drops) comes before new ones are given out.
pub(super) async fn apply(
    conn: &mut SqliteConnection,
    schema: &Schema,
    changes: &Changes,
    before: Basics,
) -> Result<(u64, u64), StoreError> {
    refuse_twice(changes)?;
    apply_to_old(conn, changes).await?;
    let count = (changes.rows.len() + changes.withdraws.len()) as u64;
    let last = match count {
        0 => before.seq,
        _ => counter::take(conn, count, before.saved_at).await?,
    };
    let first = last + 1 - count;
    record::upsert(conn, schema, &changes.rows, first).await?;
    unsent::add(conn, &changes.rows, first).await?;
    withdraw::add(conn, &changes.withdraws, first + changes.rows.len() as u64).await?;
    apply_beside(conn, changes).await?;
    Ok((first, last))
}

async fn apply_to_old(conn: &mut SqliteConnection, changes: &Changes) -> Result<(), StoreError> {
    if changes.resend_all {
        unsent::resend_all(conn).await?;
    }
    unsent::acknowledge(conn, &changes.acknowledged).await?;
    let mut gone = changes.clean.clone();
    gone.extend(changes.refused.iter().map(|(_, seq)| *seq));
    gone.extend(changes.rows.iter().map(|new| new.row.seq).filter(|seq| *seq > 0));
    unsent::remove(conn, &gone).await?;
    record::refuse(conn, &changes.refused).await?;
    record::hide(conn, &changes.hide).await?;
    if !changes.drops.is_empty() {
        record::remove(conn, &changes.drops).await?;
        counter::forget(conn).await?;
    }
    revision::sent(conn, &changes.revisions_sent).await?;
    quarantine::release(conn, &changes.release).await?;
    link::forget_up(conn, &changes.forget_links).await?;
    if changes.clear_ticks {
        tick::clear(conn).await?;
    }
    Ok(())
}

async fn apply_beside(conn: &mut SqliteConnection, changes: &Changes) -> Result<(), StoreError> {
    revision::add(conn, &changes.revisions).await?;
    quarantine::put(conn, &changes.quarantine).await?;
    link::put(conn, &changes.links).await?;
    seal::put(conn, &changes.seals).await?;
    tick::put(conn, &changes.ticks).await?;
    replica::put(conn, &changes.replicas).await?;
    handed::put(conn, &changes.handed).await
}

/// A record written twice would leave the first of its two numbers among the unsent for ever.
pub(crate) fn refuse_twice(changes: &Changes) -> Result<(), StoreError> {
    let mut ids: Vec<RecordId> = changes.rows.iter().map(|new| new.row.id).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(StoreError::Twice { record: pair[0] }),
        None => Ok(()),
    }
}

/// About how many bytes the changes add to the write-ahead log: states, bodies and words, and the index pages
/// that a record at a random place touches.
pub(super) fn weight(changes: &Changes) -> u64 {
    const PER_ROW: usize = 1_500;
    changes.rows.iter().map(|new| (new.row.state.len() * 3 + PER_ROW) as u64).sum()
}
