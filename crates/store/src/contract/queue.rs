//! What the parent lacks, and what a child is told.

use causal::RecordId;
use record::Scope;
use sync::{Changes, NewRow, Row, Unsent};

use super::fixture::{Sample, base, record};
use super::{Bench, commit, put};
use crate::{Engine, Read, Write};

async fn unsent(engine: &impl Engine) -> Vec<(u64, Unsent)> {
    let mut snapshot = engine.snapshot().await.unwrap();
    let rows = snapshot.unsent(0, 1_000, usize::MAX).await.unwrap();
    assert_eq!(snapshot.unsent_count().await.unwrap(), rows.len() as u64);
    rows.iter().map(|row| (row.seq, row.unsent)).collect()
}

async fn row(engine: &impl Engine, n: u64) -> Option<Row> {
    engine.snapshot().await.unwrap().rows(&[record(n)]).await.unwrap().pop()
}

/// An engine with the records 1 to 3 under the numbers 1 to 3, all unpushed.
async fn three<B: Bench>(bench: &B) -> (B::Engine, impl Fn(u64) -> Sample<'static> + use<B>) {
    let engine = bench.open().await;
    // The contract lives as long as the test program.
    let schema: &'static schema::Schema = Box::leak(Box::new(schema::Schema::clone(&bench.schema())));
    let sample = move |n| Sample::new(schema, "shared_resource", n).with("name", "琴房");
    put(&engine, [1, 2, 3].map(|n| sample(n).build()).into()).await;
    (engine, sample)
}

pub(super) async fn an_edit_takes_a_new_number_and_leaves_the_queue_once(bench: &impl Bench) {
    let (engine, sample) = three(bench).await;
    put(&engine, vec![sample(2).again(2).build()]).await;
    assert_eq!(unsent(&engine).await.iter().map(|u| u.0).collect::<Vec<_>>(), [1, 3, 4]);
    put(&engine, vec![sample(2).again(4).row(|row| row.unsent = Unsent::Clean).build()]).await;
    assert_eq!(unsent(&engine).await.iter().map(|u| u.0).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(row(&engine, 2).await.map(|row| (row.seq, row.unsent)), Some((5, Unsent::Clean)));
    put(&engine, vec![sample(3).again(3).row(|row| row.unsent = Unsent::Resend).build()]).await;
    assert_eq!(unsent(&engine).await, [(1, Unsent::Unpushed), (6, Unsent::Resend)]);
}

pub(super) async fn an_acknowledgement_leaves_what_changed_since(bench: &impl Bench) {
    let (engine, sample) = three(bench).await;
    put(&engine, vec![sample(2).again(2).build()]).await;
    commit(&engine, &Changes { acknowledged: vec![(0, 1), (1, 2)], ..Changes::default() }).await;
    assert_eq!(unsent(&engine).await.iter().map(|u| u.0).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(row(&engine, 1).await.map(|row| row.unsent), Some(Unsent::Clean));
    commit(&engine, &Changes { acknowledged: vec![(2, 3)], ..Changes::default() }).await;
    assert_eq!(unsent(&engine).await, [(4, Unsent::Unpushed)]);
}

pub(super) async fn what_waits_is_counted_within_a_transaction_too(bench: &impl Bench) {
    let (engine, sample) = three(bench).await;
    let mut tx = engine.begin().await.unwrap();
    assert_eq!(tx.unsent_count().await.unwrap(), 3);
    tx.apply(&Changes { clean: vec![1, 2, 3], ..Changes::default() }).await.unwrap();
    assert_eq!(tx.unsent_count().await.unwrap(), 0, "after an acknowledgement");
    tx.apply(&Changes { rows: vec![sample(4).build()], ..Changes::default() }).await.unwrap();
    assert_eq!(tx.unsent_count().await.unwrap(), 1, "after an edit");
    tx.apply(&Changes { resend_all: true, ..Changes::default() }).await.unwrap();
    assert_eq!(tx.unsent_count().await.unwrap(), 4, "after RESYNC");
    tx.commit().await.unwrap();
    put(&engine, (5..=70).map(|n| sample(n).build()).collect()).await;
    assert_eq!(unsent(&engine).await.len(), 70);
    let mut tx = engine.begin().await.unwrap();
    tx.apply(&Changes { clean: (1..=70).collect(), ..Changes::default() }).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = engine.begin().await.unwrap();
    tx.apply(&Changes { rows: vec![sample(71).build()], ..Changes::default() }).await.unwrap();
    assert_eq!(tx.unsent_count().await.unwrap(), unsent_in(&mut tx).await, "where nothing waited");
}

async fn unsent_in(reader: &mut impl Read) -> u64 {
    reader.unsent(0, 1_000, usize::MAX).await.unwrap().len() as u64
}

pub(super) async fn single_numbers_can_be_marked_as_sent(bench: &impl Bench) {
    let (engine, _) = three(bench).await;
    commit(&engine, &Changes { clean: vec![2, 77], ..Changes::default() }).await;
    assert_eq!(unsent(&engine).await.iter().map(|u| u.0).collect::<Vec<_>>(), [1, 3]);
}

pub(super) async fn a_refused_row_waits_until_it_changes(bench: &impl Bench) {
    let (engine, sample) = three(bench).await;
    put(&engine, vec![sample(2).again(2).build()]).await;
    // Record 1 as it was sent; record 2 was changed since, and so not refused.
    commit(&engine, &Changes { refused: vec![(record(1), 1), (record(2), 2)], ..Changes::default() }).await;
    assert_eq!(row(&engine, 1).await.map(|row| (row.refused, row.unsent)), Some((true, Unsent::Clean)));
    assert_eq!(row(&engine, 2).await.map(|row| (row.refused, row.unsent)), Some((false, Unsent::Unpushed)));
    assert_eq!(unsent(&engine).await.iter().map(|u| u.0).collect::<Vec<_>>(), [3, 4]);
    put(&engine, vec![sample(1).again(1).build()]).await;
    assert_eq!(row(&engine, 1).await.map(|row| (row.refused, row.unsent)), Some((false, Unsent::Unpushed)));
}

pub(super) async fn pages_are_bounded_by_rows_and_bytes(bench: &impl Bench) {
    let (engine, sample) = three(bench).await;
    let bytes = sample(1).build().row.state.len();
    let mut snapshot = engine.snapshot().await.unwrap();
    for (after, rows, bytes, expected) in [
        (0, 2, usize::MAX, vec![1, 2]),
        (1, 10, usize::MAX, vec![2, 3]),
        (0, 10, bytes * 2, vec![1, 2]),
        (0, 10, 1, vec![1]),
        (3, 10, usize::MAX, vec![]),
    ] {
        let found = snapshot.unsent(after, rows, bytes).await.unwrap();
        assert_eq!(found.iter().map(|row| row.seq).collect::<Vec<_>>(), expected, "{after} {rows} {bytes}");
    }
}

pub(super) async fn everything_is_sent_again(bench: &impl Bench) {
    let (engine, _) = three(bench).await;
    let first = Changes {
        acknowledged: vec![(0, 3)],
        hide: vec![(record(2), true)],
        refused: vec![(record(3), 3)],
        ..Changes::default()
    };
    commit(&engine, &first).await;
    assert_eq!(unsent(&engine).await, []);
    commit(&engine, &Changes { resend_all: true, ..Changes::default() }).await;
    let expected = [(1, Unsent::Resend), (2, Unsent::Unpushed), (3, Unsent::Resend)];
    assert_eq!(unsent(&engine).await, expected, "hidden ones hold something unacknowledged");
    assert_eq!(row(&engine, 3).await.map(|row| row.refused), Some(false));
    commit(&engine, &Changes { resend_all: true, ..Changes::default() }).await;
    assert_eq!(unsent(&engine).await, expected, "twice is once");
}

pub(super) async fn changes_pass_over_hidden_rows_and_tell_scope(bench: &impl Bench) {
    let (engine, sample) = three(bench).await;
    let open = sample(4).home(base(3)).open_to(&[base(5), base(6)]).build();
    put(&engine, vec![open, sample(5).row(|row| row.hidden = true).build()]).await;
    commit(&engine, &Changes { hide: vec![(record(1), true)], ..Changes::default() }).await;
    let mut snapshot = engine.snapshot().await.unwrap();
    let homes = [base(1), base(3)];
    let found = snapshot.changes_among(&homes, 0, 10, |_| true).await.unwrap();
    let alone = Scope { homes: vec![base(1)], audience: vec![] };
    let opened = Scope { homes: vec![base(3)], audience: vec![base(5), base(6)] };
    let told: Vec<_> = found.rows.into_iter().map(|(row, scope)| (row.seq, scope)).collect();
    assert_eq!(told, [(2, alone.clone()), (3, alone), (4, opened)]);
    commit(&engine, &Changes { hide: vec![(record(1), false)], ..Changes::default() }).await;
    let mut snapshot = engine.snapshot().await.unwrap();
    assert_eq!(snapshot.changes_among(&homes, 0, 10, |_| true).await.unwrap().rows.len(), 4);
}

/// No id lies after this one.
const LAST: RecordId = RecordId([0xFF; 16]);

pub(super) async fn rows_by_id_come_in_pages_with_hidden_ones_and_scope(bench: &impl Bench) {
    let (engine, sample) = three(bench).await;
    let open = sample(4).home(base(3)).open_to(&[base(5)]).build();
    put(&engine, vec![open, sample(5).row(|row| row.unsent = Unsent::Resend).build()]).await;
    commit(&engine, &Changes { hide: vec![(record(1), true)], ..Changes::default() }).await;
    let mut snapshot = engine.snapshot().await.unwrap();
    let all = snapshot.by_id(None, LAST, 10).await.unwrap();
    let mut ids: Vec<_> = (1..=5).map(record).collect();
    ids.sort_unstable();
    assert_eq!(all.iter().map(|(row, _)| row.id).collect::<Vec<_>>(), ids);
    let told = |n| all.iter().find(|(row, _)| row.id == record(n)).unwrap();
    assert!(told(1).0.hidden && !told(2).0.hidden);
    assert_eq!((told(2).0.unsent, told(5).0.unsent), (Unsent::Unpushed, Unsent::Resend));
    assert_eq!(told(4).1, Scope { homes: vec![base(3)], audience: vec![base(5)] });
    let mut paged = Vec::new();
    while let [first, ..] = snapshot.by_id(paged.last().copied(), LAST, 2).await.unwrap().as_slice() {
        paged.push(first.0.id);
    }
    assert_eq!(paged, ids, "each page begins after what it is told");
    assert_eq!(snapshot.by_id(None, LAST, 2).await.unwrap().len(), 2);
    let between = snapshot.by_id(Some(ids[0]), ids[2], 10).await.unwrap();
    assert_eq!(between.iter().map(|(row, _)| row.id).collect::<Vec<_>>(), ids[1..=2]);
    assert_eq!(snapshot.by_id(Some(ids[2]), ids[2], 10).await.unwrap(), []);
    assert_eq!(snapshot.by_id(Some(ids[3]), ids[2], 10).await.unwrap(), []);
}

pub(super) async fn changes_among_homes_are_those_that_may_concern_a_child(bench: &impl Bench) {
    let (engine, sample) = three(bench).await;
    let others = [
        sample(4).home(base(2)).build(),
        sample(5).home(base(3)).build(),
        sample(6).home(base(3)).open_to(&[base(9)]).build(),
        sample(7).home(base(2)).row(|row| row.hidden = true).build(),
    ];
    put(&engine, others.to_vec()).await;
    let mut snapshot = engine.snapshot().await.unwrap();
    let mut found = async |homes: &[u8], after, limit| {
        let homes: Vec<_> = homes.iter().map(|n| base(*n)).collect();
        let found = snapshot.changes_among(&homes, after, limit, |_| true).await.unwrap();
        (found.rows.iter().map(|(row, _)| row.seq).collect::<Vec<_>>(), found.upto)
    };
    assert_eq!(found(&[2], 0, 10).await, (vec![4, 6], None), "its own, and what is opened to whomever");
    assert_eq!(found(&[1, 2], 1, 3).await, (vec![2, 3, 4], Some(4)));
    assert_eq!(found(&[8], 0, 10).await, (vec![6], None));
    assert_eq!(found(&[8], 6, 10).await, (vec![], None));
    assert_eq!(found(&[8], 0, 1).await, (vec![6], Some(6)), "however far it lies behind others");
    let scope = Scope { homes: vec![base(3)], audience: vec![base(9)] };
    assert_eq!(snapshot.changes_among(&[base(8)], 0, 10, |_| true).await.unwrap().rows[0].1, scope);
    let wanted = snapshot.changes_among(&[base(1), base(2)], 0, 4, |seq| seq % 2 == 0).await.unwrap();
    assert_eq!(wanted.rows.iter().map(|(row, _)| row.seq).collect::<Vec<_>>(), [2, 4]);
    let none = snapshot.changes_among(&[base(1)], 0, 2, |_| false).await.unwrap();
    assert_eq!((none.rows.len(), none.upto), (0, Some(2)), "what is not wanted was looked at all the same");
}

pub(super) async fn a_dropped_record_is_gone_with_all_that_hangs_on_it(bench: &impl Bench) {
    let (engine, sample) = three(bench).await;
    let before = engine.snapshot().await.unwrap().forgotten().await.unwrap();
    let drops = vec![record(2), record(99)];
    commit(&engine, &Changes { drops, ..Changes::default() }).await;
    assert_eq!(row(&engine, 2).await, None);
    assert_eq!(unsent(&engine).await.iter().map(|u| u.0).collect::<Vec<_>>(), [1, 3]);
    let after = engine.snapshot().await.unwrap().forgotten().await.unwrap();
    assert_eq!(after, before + 1);
    let again: NewRow = sample(2).build();
    assert_eq!(put(&engine, vec![again]).await.first_seq, 4);
    assert_eq!(engine.snapshot().await.unwrap().forgotten().await.unwrap(), after);
}
