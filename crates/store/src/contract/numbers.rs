//! Numbers, snapshots, transactions, openings.

use sync::{Changes, NewWithdraw, Position, TimelineId, Timelines};

use super::fixture::{Sample, base, record};
use super::{Bench, commit, put};
use crate::sqlite::READERS;
use crate::{Engine, Read, StoreError, Write};

async fn timelines(engine: &impl Engine) -> Timelines {
    engine.snapshot().await.unwrap().timelines().await.unwrap()
}

pub(super) async fn are_in_commit_order_without_gaps(bench: &impl Bench) {
    let (engine, schema) = (bench.open().await, bench.schema());
    let new = |n| Sample::new(&schema, "shared_resource", n).build();
    let first = put(&engine, vec![new(1), new(2)]).await;
    assert_eq!((first.first_seq, first.position), (1, Position { timeline: TimelineId(1), seq: 2 }));
    let withdraws = vec![NewWithdraw { child: base(9), record: record(7) }];
    let both = commit(&engine, &Changes { rows: vec![new(3)], withdraws, ..Changes::default() }).await;
    assert_eq!((both.first_seq, both.position.seq), (3, 4), "rows first, then withdraws");
    let nothing = commit(&engine, &Changes::default()).await;
    assert_eq!((nothing.first_seq, nothing.position.seq), (5, 4));

    let mut snapshot = engine.snapshot().await.unwrap();
    let rows = snapshot.rows(&[record(3), record(1), record(8), record(2)]).await.unwrap();
    let mut numbers: Vec<_> = rows.iter().map(|row| (row.seq, row.id)).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [(1, record(1)), (2, record(2)), (3, record(3))]);
    let withdrawn = snapshot.withdraws(base(9), 0, 10).await.unwrap();
    assert_eq!(withdrawn.iter().map(|w| (w.record, w.seq)).collect::<Vec<_>>(), [(record(7), 4)]);
    assert!(snapshot.rows(&[]).await.unwrap().is_empty());
    assert_eq!(snapshot.of_kind("shared_resource").await.unwrap().len(), 3);
    assert_eq!(snapshot.of_kind("base").await.unwrap(), []);
}

pub(super) async fn a_dropped_transaction_leaves_nothing(bench: &impl Bench) {
    let (engine, schema) = (bench.open().await, bench.schema());
    let mut tx = engine.begin().await.unwrap();
    let rows = vec![Sample::new(&schema, "shared_resource", 1).build()];
    tx.apply(&Changes { rows, ..Changes::default() }).await.unwrap();
    tx.put_meta("key", b"value").await.unwrap();
    assert_eq!(tx.saved_at(5_000).await.unwrap(), 5_000);
    assert_eq!(tx.rows(&[record(1)]).await.unwrap().len(), 1, "it sees itself");
    drop(tx);
    assert_eq!(timelines(&engine).await.seq, 0, "its numbers are given out again");
    let mut tx = engine.begin().await.unwrap();
    assert_eq!(tx.rows(&[record(1)]).await.unwrap(), []);
    assert_eq!(tx.meta("key").await.unwrap(), None);
    assert_eq!(tx.saved_at(10).await.unwrap(), 10);
}

pub(super) async fn a_snapshot_does_not_see_a_later_commit(bench: &impl Bench) {
    let (engine, schema) = (bench.open().await, bench.schema());
    put(&engine, vec![Sample::new(&schema, "shared_resource", 1).build()]).await;
    let mut before = engine.snapshot().await.unwrap();
    put(&engine, vec![Sample::new(&schema, "shared_resource", 1).again(1).build()]).await;
    put(&engine, vec![Sample::new(&schema, "shared_resource", 2).build()]).await;
    let mut after = engine.snapshot().await.unwrap();
    let unsent = before.unsent(0, 10, usize::MAX).await.unwrap();
    assert_eq!(unsent.iter().map(|row| row.seq).collect::<Vec<_>>(), [1]);
    assert_eq!(before.timelines().await.unwrap().seq, 1);
    let unsent = after.unsent(0, 10, usize::MAX).await.unwrap();
    assert_eq!(unsent.iter().map(|row| row.seq).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(after.timelines().await.unwrap().seq, 3);
}

pub(super) async fn writers_wait_for_each_other(bench: &impl Bench) {
    let (engine, schema) = (bench.open().await, bench.schema());
    let one = |n| {
        let (engine, row) = (engine.clone(), Sample::new(&schema, "shared_resource", n).build());
        async move {
            let mut tx = engine.begin().await.unwrap();
            let before = tx.timelines().await.unwrap().seq;
            tokio::task::yield_now().await;
            let changes = Changes { rows: vec![row], ..Changes::default() };
            let applied = tx.apply(&changes).await.unwrap();
            assert_eq!(applied.first_seq, before + 1, "nobody came between");
            tx.commit().await.unwrap();
        }
    };
    tokio::join!(one(1), one(2), one(3), one(4), one(5));
    assert_eq!(timelines(&engine).await.seq, 5);
}

/// Wrong: whoever writes waits for those who read, who wait for him.
pub(super) async fn a_transaction_has_the_moment_before_it_whoever_reads(bench: &impl Bench) {
    let (engine, schema) = (bench.open().await, bench.schema());
    let new = |n| Sample::new(&schema, "shared_resource", n).build();
    put(&engine, vec![new(1)]).await;
    let mut reading = Vec::new();
    for _ in 0..READERS {
        reading.push(engine.snapshot().await.unwrap());
    }
    for n in 2..4 {
        let mut tx = engine.begin().await.unwrap();
        tx.apply(&Changes { rows: vec![new(n)], ..Changes::default() }).await.unwrap();
        let mut before = engine.before(&mut tx).await.unwrap();
        assert_eq!(before.timelines().await.unwrap().seq, n - 1);
        let held = before.rows(&[record(n - 1), record(n)]).await.unwrap();
        assert_eq!(held.iter().map(|row| row.id).collect::<Vec<_>>(), [record(n - 1)]);
        tx.commit().await.unwrap();
    }
}

pub(super) async fn a_restart_adds_a_timeline_and_keeps_everything(bench: &impl Bench) {
    let (engine, schema) = (bench.open().await, bench.schema());
    let new = Sample::new(&schema, "shared_resource", 1).with("name", "会议室").build();
    put(&engine, vec![new.clone()]).await;
    let engine = bench.reopen(engine, TimelineId(u64::MAX)).await;
    let timelines = timelines(&engine).await;
    assert_eq!(
        timelines.all.iter().map(|t| (t.id.0, t.start_seq)).collect::<Vec<_>>(),
        [(1, 0), (u64::MAX, 1)]
    );
    let rows = engine.snapshot().await.unwrap().rows(&[record(1)]).await.unwrap();
    assert_eq!(rows, [sync::Row { seq: 1, ..new.row }]);
    let next = put(&engine, vec![Sample::new(&schema, "shared_resource", 2).build()]).await;
    assert_eq!(next.position, Position { timeline: TimelineId(u64::MAX), seq: 2 });
}

pub(super) async fn times_of_saving_only_grow(bench: &impl Bench) {
    let engine = bench.open().await;
    for (now, expected) in [(1_000, 1_000), (1_000, 1_001), (500, 1_002), (2_000, 2_000)] {
        let mut tx = engine.begin().await.unwrap();
        assert_eq!(tx.saved_at(now).await.unwrap(), expected);
        tx.commit().await.unwrap();
    }
}

pub(super) async fn times_of_saving_begin_again_after_a_clock_was_wrong(bench: &impl Bench) {
    let engine = bench.open().await;
    let mut tx = engine.begin().await.unwrap();
    tx.saved_at(90_000).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = engine.begin().await.unwrap();
    assert!(!tx.set_back(40_000, 50_000).await.unwrap(), "not that far");
    assert!(tx.set_back(1_000, 50_000).await.unwrap());
    drop(tx);
    let mut tx = engine.begin().await.unwrap();
    assert!(tx.set_back(1_000, 50_000).await.unwrap(), "what was not committed did not happen");
    tx.commit().await.unwrap();
    let mut tx = engine.begin().await.unwrap();
    assert_eq!(tx.saved_at(1_000).await.unwrap(), 1_001);
}

pub(super) async fn one_transaction_writes_a_record_once(bench: &impl Bench) {
    let (engine, schema) = (bench.open().await, bench.schema());
    let twice = || Sample::new(&schema, "shared_resource", 1).build();
    let mut tx = engine.begin().await.unwrap();
    let refused = tx.apply(&Changes { rows: vec![twice(), twice()], ..Changes::default() }).await;
    assert!(matches!(refused, Err(StoreError::Twice { record: twice }) if twice == record(1)));
}
