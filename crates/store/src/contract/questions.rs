//! Lists, searches and figures.

use std::sync::Arc;

use causal::RecordId;
use schema::Schema;
use sync::{Changes, NewRow};

use super::fixture::{Sample, base, record};
use super::{Bench, commit, put};
use crate::{Engine, FigureQuery, GroupBy, LIMIT_MAX, Op, OrderBy, Query, Read, StoreError, Write};

const KIND: &str = "shared_resource";

/// Five resources: rooms and experts of two bases.
fn resources(schema: &Schema) -> Vec<NewRow> {
    let one = |n, home, name, sort, place, capacity: &str| {
        let sample = Sample::new(schema, KIND, n).home(base(home)).with("name", name).with("sort", sort);
        let sample = sample.with("place", place).with("capacity", capacity);
        sample.with("address", if n == 1 { "莞太路１４７号A座" } else { "" }).build()
    };
    vec![
        one(1, 1, "东城街道会议室", "场地", "441900003000", "50"),
        one(2, 1, "东城舞蹈室", "场地", "441900003000", "9"),
        one(3, 2, "法律专家张老师", "专家", "441900004000", ""),
        one(4, 2, "社会服务机构会议室", "场地", "441900004000", "120"),
        one(5, 2, "投影仪", "设备", "440300000000", "9"),
    ]
}

async fn stocked<B: Bench>(bench: &B) -> B::Engine {
    let engine = bench.open().await;
    put(&engine, resources(&bench.schema())).await;
    engine
}

/// Which records a question finds, as numbers, ascending.
async fn found(engine: &impl Engine, query: Query) -> Vec<u64> {
    let mut numbers = in_order(engine, query).await;
    numbers.sort_unstable();
    numbers
}

async fn in_order(engine: &impl Engine, query: Query) -> Vec<u64> {
    let asked = Query { kind: KIND.into(), limit: query.limit.max(100), ..query };
    let page = engine.snapshot().await.unwrap().list(&asked).await.unwrap();
    assert_eq!(page.total as usize, page.items.len());
    page.items.iter().map(|item| number(item.row.id)).collect()
}

fn number(id: RecordId) -> u64 {
    (0..100).find(|n| record(*n) == id).unwrap()
}

pub(super) async fn columns_narrow_a_list(bench: &impl Bench) {
    let engine = stocked(bench).await;
    let any = Query::default;
    for (query, expected) in [
        (any(), vec![1, 2, 3, 4, 5]),
        (Query { homes: Some(vec![base(1), base(7)]), ..any() }, vec![1, 2]),
        (Query { homes: Some(vec![]), ..any() }, vec![]),
        (Query { place_prefix: Some("4419".into()), ..any() }, vec![1, 2, 3, 4]),
        (Query { place_prefix: Some("441900003".into()), ..any() }, vec![1, 2]),
        (Query { place_prefix: Some(String::new()), ..any() }, vec![1, 2, 3, 4, 5]),
        (Query { class: Some(1), ..any() }, vec![1, 2, 4]),
        (Query { class: Some(1), place_prefix: Some("441900004".into()), ..any() }, vec![4]),
        (Query { state: Some(3), ..any() }, vec![]),
        (Query { disputed_only: true, ..any() }, vec![]),
    ] {
        assert_eq!(found(&engine, query.clone()).await, expected, "{query:?}");
    }
    let mut snapshot = engine.snapshot().await.unwrap();
    let query = Query { kind: KIND.into(), class: Some(3), limit: 1, ..any() };
    let item = snapshot.list(&query).await.unwrap().items.pop().unwrap();
    assert_eq!((item.title.as_str(), item.place.as_str(), item.class), ("法律专家张老师", "441900004000", 3));
    assert_eq!((item.home, item.state, item.alternatives, item.deleted), (base(2), 0, 0, false));
    assert_eq!(item.row, snapshot.rows(&[record(3)]).await.unwrap().pop().unwrap());
    let other = Query { kind: "no_such_kind".into(), limit: 1, ..any() };
    assert_eq!(snapshot.list(&other).await.unwrap().total, 0);
}

/// Most edits leave a record where it stands in lists; in some one thing moves it, and some records are new.
pub(super) async fn rows_that_stay_in_lists_and_rows_that_move_are_written_together(bench: &impl Bench) {
    let engine = stocked(bench).await;
    let schema = bench.schema();
    let again = |n, home, name, sort, place| {
        let sample = Sample::new(&schema, KIND, n).home(base(home)).with("name", name).with("sort", sort);
        sample.with("place", place).with("capacity", "60").with("address", "").again(n)
    };
    let rows = vec![
        again(1, 1, "东城街道会议室", "场地", "441900003000").build(),
        again(2, 1, "东城舞蹈室", "场地", "440300000000").build(),
        again(3, 2, "法律专家李老师", "专家", "441900004000").build(),
        again(4, 2, "社会服务机构会议室", "场地", "441900004000").deleted().build(),
        again(5, 1, "投影仪", "设备", "440300000000").build(),
        again(0, 1, "南城会议室", "场地", "441900003000").build(),
    ];
    let applied = put(&engine, rows).await;
    let of_place = |place: &str| Query { place_prefix: Some(place.into()), ..Query::default() };
    assert_eq!(found(&engine, of_place("4419")).await, [0, 1, 3], "moved away, deleted, new");
    assert_eq!(found(&engine, of_place("4403")).await, [2, 5], "moved here");
    let of_home = |home| Query { homes: Some(vec![base(home)]), ..Query::default() };
    assert_eq!(found(&engine, of_home(1)).await, [0, 1, 2, 5], "given to another base");
    let by_title = Query { order: vec![(OrderBy::Title, false)], ..of_home(2) };
    let page = Query { kind: KIND.into(), limit: 9, ..by_title };
    let listed = engine.snapshot().await.unwrap().list(&page).await.unwrap();
    assert_eq!(listed.items.iter().map(|item| item.title.as_str()).collect::<Vec<_>>(), ["法律专家李老师"]);
    let larger = Query { fields: vec![("capacity".into(), Op::Eq, "60".into())], ..Query::default() };
    assert_eq!(found(&engine, larger).await, [0, 1, 2, 3, 5], "the new content of what stays, too");
    let mut snapshot = engine.snapshot().await.unwrap();
    let homes = [base(1), base(2)];
    let changed = snapshot.changes_among(&homes, applied.first_seq - 1, 10, |_| true).await.unwrap();
    let changed: Vec<_> =
        changed.rows.iter().map(|(row, _)| (number(row.id), row.seq - applied.first_seq)).collect();
    assert_eq!(changed, [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (0, 5)], "numbered in their order");
    assert_eq!(engine.snapshot().await.unwrap().of_kind(KIND).await.unwrap().len(), 6);
}

pub(super) async fn fields_narrow_a_list(bench: &impl Bench) {
    let engine = stocked(bench).await;
    for (name, op, value, expected) in [
        ("capacity", Op::Eq, "9", vec![2, 5]),
        ("capacity", Op::Ne, "9", vec![1, 3, 4]),
        ("capacity", Op::Gt, "9", vec![1, 4]),
        ("capacity", Op::Ge, "50", vec![1, 4]),
        ("capacity", Op::Lt, "50", vec![2, 5]),
        ("capacity", Op::Le, "50", vec![1, 2, 5]),
        ("capacity", Op::Empty, "", vec![3]),
        ("name", Op::Eq, "投影仪", vec![5]),
        ("name", Op::Contains, "会议室", vec![1, 4]),
        ("name", Op::Empty, "", vec![]),
        ("sort", Op::Eq, "场地", vec![1, 2, 4]),
        ("sort", Op::Eq, "SORT_EXPERT", vec![3]),
        ("sort", Op::Eq, "expert", vec![3]),
        ("sort", Op::Ne, "1", vec![3, 5]),
        ("sort", Op::Ge, "设备", vec![3, 5]),
        ("address", Op::Contains, "' OR 1=1 --", vec![]),
    ] {
        let query = Query { fields: vec![(name.into(), op, value.into())], ..Query::default() };
        assert_eq!(found(&engine, query).await, expected, "{name} {op:?} {value}");
    }
    let both = [("capacity", Op::Gt, "9"), ("name", Op::Contains, "东城")];
    let fields = both.map(|(name, op, value)| (name.to_owned(), op, value.to_owned())).into();
    assert_eq!(found(&engine, Query { fields, ..Query::default() }).await, [1]);
}

pub(super) async fn sets_are_compared_by_element(bench: &impl Bench) {
    let (engine, schema) = (bench.open().await, bench.schema());
    let base_of = |n, codes| Sample::new(&schema, "base", n).with("jurisdiction", codes).build();
    put(&engine, vec![base_of(1, "441900003000,441900004000"), base_of(2, "441900004000"), base_of(3, "")])
        .await;
    for (op, value, expected) in [
        (Op::Eq, "441900003000", 1),
        (Op::Eq, "441900004000", 2),
        (Op::Ne, "441900003000", 2),
        (Op::Contains, "900004", 2),
        (Op::Empty, "", 1),
    ] {
        let fields = vec![("jurisdiction".to_owned(), op, value.to_owned())];
        let query = Query { kind: "base".into(), fields, ..Query::default() };
        let page = engine.snapshot().await.unwrap().list(&query).await.unwrap();
        assert_eq!((page.total, page.items.len()), (expected, 0), "{op:?} {value}");
    }
    let query = FigureQuery {
        kind: "base".into(),
        group_by: vec![GroupBy::Field("jurisdiction".into())],
        ..FigureQuery::default()
    };
    let rows = engine.snapshot().await.unwrap().figure(&query).await.unwrap();
    let counts: Vec<_> = rows.iter().map(|row| (row.keys[0].as_str(), row.count)).collect();
    assert_eq!(counts, [("", 1), ("441900003000", 1), ("441900004000", 2)]);
}

pub(super) async fn lists_are_ordered_and_paged(bench: &impl Bench) {
    let engine = stocked(bench).await;
    let by = |order: Vec<(OrderBy, bool)>| Query { order, ..Query::default() };
    let field = |name: &str| OrderBy::Field(name.into());
    for (order, expected) in [
        (vec![], vec![5, 4, 3, 2, 1]),
        (vec![(OrderBy::Seq, false)], vec![1, 2, 3, 4, 5]),
        (vec![(OrderBy::Place, false), (OrderBy::Seq, true)], vec![5, 2, 1, 4, 3]),
        (vec![(OrderBy::Class, true), (OrderBy::Seq, false)], vec![3, 5, 1, 2, 4]),
        (vec![(field("capacity"), true), (OrderBy::Seq, false)], vec![4, 1, 2, 5, 3]),
        (vec![(field("sort"), false), (OrderBy::Title, false)], vec![2, 1, 4, 5, 3]),
    ] {
        assert_eq!(in_order(&engine, by(order.clone())).await, expected, "{order:?}");
    }
    let mut snapshot = engine.snapshot().await.unwrap();
    for (limit, offset, expected) in [(2, 0, vec![5, 4]), (2, 4, vec![1]), (2, 9, vec![]), (0, 0, vec![])] {
        let query = Query { kind: KIND.into(), limit, offset, ..Query::default() };
        let page = snapshot.list(&query).await.unwrap();
        let numbers: Vec<_> = page.items.iter().map(|item| number(item.row.id)).collect();
        assert_eq!((page.total, numbers), (5, expected), "{limit} {offset}");
    }
}

pub(super) async fn words_are_found(bench: &impl Bench) {
    let engine = stocked(bench).await;
    let search = |text: &str| Query { text: Some(text.into()), ..Query::default() };
    let cases = [
        ("会议", vec![1, 4]),
        ("东城", vec![1, 2]),
        ("东城 会议", vec![1]),
        ("会议室 ", vec![1, 4]),
        ("议会", vec![]),
        ("师", vec![3]),
        ("147号a座", vec![1]),
        ("１４７", vec![1]),
        ("7", vec![1]),
        ("民办非企业单位", vec![4]),
        ("  ", vec![1, 2, 3, 4, 5]),
        ("\"东城\" OR *", vec![]),
        ("东_", vec![]),
        ("%", vec![]),
    ];
    for indexed in [false, true] {
        for (text, expected) in &cases {
            assert_eq!(found(&engine, search(text)).await, *expected, "{text}, indexed: {indexed}");
        }
        bench.settle(&engine).await;
    }
    // What changes after it was indexed is found by its new words, and not by its old ones.
    let schema = bench.schema();
    let changed = Sample::new(&schema, KIND, 1).with("name", "琴房").again(1).build();
    let added = Sample::new(&schema, KIND, 6).with("name", "东城琴房").build();
    let drops = vec![record(2)];
    commit(&engine, &Changes { rows: vec![changed, added], drops, ..Changes::default() }).await;
    for indexed in [false, true] {
        for (text, expected) in [("会议", vec![4]), ("琴房", vec![1, 6]), ("东城", vec![6]), ("舞蹈", vec![])]
        {
            let found = found(&engine, search(text)).await;
            assert_eq!(found, expected, "{text}, after a change, indexed: {indexed}");
        }
        bench.settle(&engine).await;
    }
}

pub(super) async fn hidden_and_deleted_are_left_out(bench: &impl Bench) {
    let engine = stocked(bench).await;
    let schema = bench.schema();
    let deleted = Sample::new(&schema, KIND, 1).with("name", "东城").again(1).deleted().build();
    let hide = vec![(record(2), true)];
    commit(&engine, &Changes { rows: vec![deleted], hide, ..Changes::default() }).await;
    let any = Query::default;
    assert_eq!(found(&engine, any()).await, [3, 4, 5]);
    assert_eq!(found(&engine, Query { deleted: true, ..any() }).await, [1, 3, 4, 5]);
    assert_eq!(found(&engine, Query { text: Some("东城".into()), ..any() }).await, [0u64; 0]);
    let query = FigureQuery { kind: KIND.into(), ..FigureQuery::default() };
    let rows = engine.snapshot().await.unwrap().figure(&query).await.unwrap();
    assert_eq!(rows.iter().map(|row| (row.home, row.count)).collect::<Vec<_>>(), [(base(2), 3)]);
}

pub(super) async fn figures_count_by_home_and_more(bench: &impl Bench) {
    let engine = stocked(bench).await;
    let any = || FigureQuery { kind: KIND.into(), ..FigureQuery::default() };
    let by = |group_by: Vec<GroupBy>| FigureQuery { group_by, ..any() };
    let field = |name: &str| GroupBy::Field(name.into());
    let contains = vec![("name".to_owned(), Op::Contains, "会议".to_owned())];
    for (query, expected) in [
        (any(), "1 2|2 3"),
        (by(vec![GroupBy::Class]), "1 1 2|2 1 1|2 2 1|2 3 1"),
        (
            by(vec![GroupBy::Place, GroupBy::State]),
            "1 441900003000 0 2|2 440300000000 0 1|2 441900004000 0 2",
        ),
        (by(vec![field("sort")]), "1 SORT_VENUE 2|2 SORT_EQUIPMENT 1|2 SORT_EXPERT 1|2 SORT_VENUE 1"),
        (by(vec![field("capacity")]), "1 50 1|1 9 1|2  1|2 120 1|2 9 1"),
        (FigureQuery { distinct: Some("sort".into()), ..any() }, "1 1|2 3"),
        (FigureQuery { distinct: Some("capacity".into()), ..any() }, "1 2|2 2"),
        (FigureQuery { distinct: Some("capacity".into()), over_homes: true, ..any() }, "0 3"),
        (FigureQuery { over_homes: true, ..any() }, "0 5"),
        (FigureQuery { over_homes: true, group_by: vec![GroupBy::Class], ..any() }, "0 1 3|0 2 1|0 3 1"),
        (FigureQuery { over_homes: true, state: Some(9), ..any() }, ""),
        (FigureQuery { homes: Some(vec![base(2)]), class: Some(1), ..any() }, "2 1"),
        (FigureQuery { place_prefix: Some("4403".into()), ..any() }, "2 1"),
        (FigureQuery { text: Some("会议".into()), ..any() }, "1 1|2 1"),
        (FigureQuery { fields: contains, ..any() }, "1 1|2 1"),
        (FigureQuery { state: Some(9), ..any() }, ""),
    ] {
        let rows = engine.snapshot().await.unwrap().figure(&query).await.unwrap();
        let lines = rows.iter().map(|row| {
            let keys: String = row.keys.iter().map(|key| format!("{key} ")).collect();
            format!("{} {keys}{}", row.home.0[0], row.count)
        });
        assert_eq!(lines.collect::<Vec<_>>().join("|"), expected, "{query:?}");
    }
}

pub(super) async fn nonsense_is_refused(bench: &impl Bench) {
    let engine = stocked(bench).await;
    let mut snapshot = engine.snapshot().await.unwrap();
    for (name, op, value) in [
        ("no_such_field", Op::Eq, "1"),
        ("name') OR 1=1 --", Op::Eq, "1"),
        ("", Op::Empty, ""),
        ("name.part", Op::Empty, ""),
        ("capacity", Op::Eq, "many"),
        ("sort", Op::Eq, "no such sort"),
    ] {
        let fields = vec![(name.to_owned(), op, value.to_owned())];
        let query = Query { kind: KIND.into(), fields: fields.clone(), limit: 1, ..Query::default() };
        assert!(matches!(snapshot.list(&query).await, Err(StoreError::BadQuery { .. })), "{name} {value}");
        let query = FigureQuery { kind: KIND.into(), fields, ..FigureQuery::default() };
        assert!(matches!(snapshot.figure(&query).await, Err(StoreError::BadQuery { .. })), "{name} {value}");
    }
    let group_by = vec![GroupBy::Class; 5];
    let query = FigureQuery { kind: KIND.into(), group_by, ..FigureQuery::default() };
    assert!(matches!(snapshot.figure(&query).await, Err(StoreError::BadQuery { .. })));
    let order = vec![(OrderBy::Field("no_such".into()), false)];
    let query = Query { kind: KIND.into(), order, limit: 1, ..Query::default() };
    assert!(matches!(snapshot.list(&query).await, Err(StoreError::BadQuery { .. })));
}

pub(super) async fn what_is_shown_can_be_written_anew(bench: &impl Bench) {
    let engine = stocked(bench).await;
    let search = |text: &str| Query { text: Some(text.into()), ..Query::default() };
    bench.settle(&engine).await;
    assert_eq!(found(&engine, search("投影")).await, [5]);
    let schema = bench.schema();
    let other = Sample::new(&schema, KIND, 5).home(base(3)).with("name", "银幕").with("sort", "资金").build();
    let mut tx = engine.begin().await.unwrap();
    tx.reshow(&[(record(5), other.shown.clone()), (record(77), other.shown)]).await.unwrap();
    tx.commit().await.unwrap();
    for _indexed in [false, true] {
        assert_eq!(found(&engine, search("投影")).await, [0u64; 0]);
        assert_eq!(found(&engine, search("银幕")).await, [5]);
        bench.settle(&engine).await;
    }
    assert_eq!(
        found(&engine, Query { class: Some(4), homes: Some(vec![base(3)]), ..Query::default() }).await,
        [5]
    );
    let row = engine.snapshot().await.unwrap().rows(&[record(5)]).await.unwrap().pop().unwrap();
    assert_eq!(row.seq, 5, "it keeps its number");
}

/// What was there before a kind's field was known is found by it once it is shown anew.
pub(super) async fn another_contract_is_taken_while_open(bench: &impl Bench) {
    let engine = stocked(bench).await;
    let mut newer = Schema::clone(&bench.schema());
    let kind = newer.kinds.iter_mut().find(|kind| kind.name == KIND).unwrap();
    kind.fields.iter_mut().find(|field| field.name == "capacity").unwrap().name = "seats".into();
    let seats = || Query { fields: vec![("seats".into(), Op::Eq, "9".into())], ..Query::default() };
    let unknown =
        engine.snapshot().await.unwrap().list(&Query { kind: KIND.into(), limit: 9, ..seats() }).await;
    assert!(matches!(unknown, Err(StoreError::BadQuery { .. })), "{unknown:?}");
    engine.adopt(Arc::new(newer)).await.unwrap();
    let shown = resources(&bench.schema()).into_iter().map(|new| (new.row.id, new.shown));
    let mut tx = engine.begin().await.unwrap();
    tx.reshow(&shown.collect::<Vec<_>>()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(found(&engine, seats()).await, [2, 5]);
}

/// More than a few chunks, so that full ones and a rest are written and read.
pub(super) async fn many_records(bench: &impl Bench) {
    const COUNT: u64 = 2_345;
    let (engine, schema) = (bench.open().await, bench.schema());
    let named = |n: u64| format!("第{n}号资源");
    let rows = (0..COUNT).map(|n| Sample::new(&schema, KIND, n).with("name", &named(n)).build()).collect();
    assert_eq!(put(&engine, rows).await.position.seq, COUNT);
    let ids: Vec<_> = (0..COUNT + 10).map(record).collect();
    let mut snapshot = engine.snapshot().await.unwrap();
    assert_eq!(snapshot.rows(&ids).await.unwrap().len() as u64, COUNT);
    assert_eq!(snapshot.unsent(0, usize::MAX, usize::MAX).await.unwrap().len() as u64, COUNT);
    let query = Query { kind: KIND.into(), limit: u32::MAX, ..Query::default() };
    let page = snapshot.list(&query).await.unwrap();
    assert_eq!((page.total, page.items.len() as u32), (COUNT, LIMIT_MAX));
    let query = Query { kind: KIND.into(), text: Some("第1234号".into()), limit: 5, ..Query::default() };
    let page = snapshot.list(&query).await.unwrap();
    assert_eq!(page.items.iter().map(|item| item.row.seq).collect::<Vec<_>>(), [1_235]);
    drop(snapshot);
    commit(&engine, &Changes { clean: (1..=COUNT).step_by(2).collect(), ..Changes::default() }).await;
    assert_eq!(engine.snapshot().await.unwrap().unsent_count().await.unwrap(), COUNT / 2);
}
