//! The table `withdraw`: the word to a child that it may no longer see a record.

use causal::BaseId;
use sqlx::sqlite::SqliteConnection;
use sync::{NewWithdraw, Withdraw};

use super::values::{Bound, fetch, insert, number, record_id};
use crate::error::StoreError;

pub(super) async fn of_child(
    conn: &mut SqliteConnection,
    child: BaseId,
    after_seq: u64,
    limit: usize,
) -> Result<Vec<Withdraw>, StoreError> {
    const SQL: &str = "SELECT record, seq FROM withdraw WHERE child = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    let mut bound = Bound::default();
    bound.bytes(&child.0).number(after_seq).number(limit as u64);
    fetch(conn, "reading withdraws", SQL, bound, |row| {
        Ok(Withdraw { child, record: record_id(row, 0)?, seq: number(row, 1)? })
    })
    .await
}

/// Adds withdraws, numbered from `first_seq`.
pub(super) async fn add(
    conn: &mut SqliteConnection,
    withdraws: &[NewWithdraw],
    first_seq: u64,
) -> Result<(), StoreError> {
    const HEAD: &str = "INSERT INTO withdraw (child, record, seq)";
    const TAIL: &str = "ON CONFLICT (child, record) DO UPDATE SET seq = excluded.seq";
    let numbered: Vec<_> = (first_seq..).zip(withdraws).collect();
    insert(conn, "writing withdraws", HEAD, 3, TAIL, &numbered, |b, (seq, withdraw)| {
        b.bytes(&withdraw.child.0).bytes(&withdraw.record.0).number(*seq);
    })
    .await
}
