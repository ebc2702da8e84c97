//! Two and three offices that sync, each with a database of its own, on the embedded contract and on one with a kind
//! that no Rust code knows.

#![allow(clippy::unwrap_used)]

#[path = "federation/aside.rs"]
mod aside;
mod common;
#[path = "federation/comparing.rs"]
mod comparing;
#[path = "federation/deciding.rs"]
mod deciding;
#[path = "federation/intake.rs"]
mod intake;
#[path = "federation/losing_nothing.rs"]
mod losing_nothing;
#[path = "common/nodes.rs"]
mod nodes;
#[path = "federation/overruled.rs"]
mod overruled;
#[path = "federation/travelling.rs"]
mod travelling;

use std::sync::Arc;

use common::{Counts, TestClock, base_id, join, new_base, open, put, round, with_a_new_kind};
use office::{Filtering, Office, PushedBatch, Round};
use schema::Schema;
use serde_json::json;

const HOUR: u64 = 3_600_000;
const START: u64 = 1_795_276_800_000;

/// A city, a district and a street, each joined, the street's first round not yet run.
struct Three {
    _folders: [tempfile::TempDir; 3],
    clock: TestClock,
    city: Office,
    district: Office,
    street: Office,
}

async fn three(schema: &Arc<Schema>) -> Three {
    three_of([schema; 3]).await
}

/// City, district and street, each with a contract of its own.
async fn three_of(schemas: [&Arc<Schema>; 3]) -> Three {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let clock = TestClock::default();
    clock.set(START);
    let ids = ["c", "d", "s"].map(|code| base_id(schemas[0], code));
    let city = open(folders[0].path(), schemas[0], ids[0], &clock).await;
    city.register_base(&new_base("c", None)).await.unwrap();
    city.register_base(&new_base("d", Some(ids[0]))).await.unwrap();
    city.register_base(&new_base("s", Some(ids[1]))).await.unwrap();
    let district = open(folders[1].path(), schemas[1], ids[1], &clock).await;
    join(&district, &city).await;
    round(&district, &city).await.unwrap();
    let street = open(folders[2].path(), schemas[2], ids[2], &clock).await;
    join(&street, &district).await;
    Three { _folders: folders, clock, city, district, street }
}

impl Three {
    async fn up(&self) -> (Counts, Counts) {
        let street = round(&self.street, &self.district).await.unwrap();
        (street, round(&self.district, &self.city).await.unwrap())
    }
}

/// Opens a round of a child with its parent, and all its batches.
async fn begin(child: &Office, parent: &Office) -> (Round<store::Store>, u64, Vec<PushedBatch>) {
    let (hello, digest) = child.hello("test").await.unwrap();
    let session = parent.handshake(child.me().base, &hello, &digest).await.unwrap();
    let now = parent.now_ms();
    let mut round = child.begin_round(session.id, &session.welcome, now, 0, "test", &[]).await.unwrap();
    let mut batches = Vec::new();
    while let Some(batch) = child.next_batch(&mut round).await.unwrap() {
        batches.push(batch.into());
    }
    (round, session.id, batches)
}

fn all(kind: &str) -> Filtering {
    Filtering { kind: kind.into(), ..Filtering::default() }
}

#[tokio::test]
async fn a_kind_that_no_code_knows_is_saved_listed_counted_imported_and_merged() {
    let schema = with_a_new_kind();
    let three = three(&schema).await;
    let saved = three
        .street
        .put(put("lantern", json!({"编号": "1", "名称": "元宵灯会", "街巷": "东巷、西巷"})))
        .await;
    let saved = saved.unwrap();
    three.up().await;
    let there = three.city.list(&Filtering { text: "灯会".into(), ..all("lantern") }).await.unwrap();
    assert_eq!((there.total, there.views[0].title.as_str()), (1, "元宵灯会"));
    assert_eq!(there.views[0].fields["streets"], json!(["东巷", "西巷"]));

    let edit = |fields, seen: &causal::Context| office::Put {
        id: Some(saved.id),
        seen: Some(seen.clone()),
        ..put("lantern", fields)
    };
    three.street.put(edit(json!({"visitors": 10, "街巷": "东巷、北巷"}), &saved.version)).await.unwrap();
    three
        .district
        .put(edit(json!({"visitors": 20, "街巷": "东巷、西巷、南巷"}), &saved.version))
        .await
        .unwrap();
    three.up().await;
    round(&three.street, &three.district).await.unwrap();
    for office in [&three.street, &three.district, &three.city] {
        let look = office.get("lantern", "1").await.unwrap();
        assert_eq!(
            look.view.fields["streets"],
            json!(["东巷", "北巷", "南巷"]),
            "sets merge element by element"
        );
        let values: Vec<_> = look.disputed[0].values.iter().map(|v| v.text.as_str()).collect();
        assert_eq!((look.disputed[0].field.as_str(), values.len()), ("visitors", 2), "{values:?}");
    }

    let table = sheet::read_bytes(
        "灯会.csv",
        "编号,名称,人次\n1,元宵灯会,10\n2,中秋灯会,30\n".as_bytes(),
        sheet::Limits::PEOPLE,
    );
    let options = office::ImportOptions { kind: "lantern".into(), ..office::ImportOptions::default() };
    let report = three.street.import(&table.unwrap(), &options, |_, _| {}).await.unwrap();
    assert_eq!((report.created, report.refused.len()), (1, 0), "{report:?}");
    let figure = three.street.figure(&all("lantern"), &["base".into()]).await.unwrap();
    assert_eq!((figure.total, figure.rows[0].0[0].as_str()), (2, "s基地"));
}

#[tokio::test]
async fn a_round_with_nothing_new_and_a_plain_restart_send_nothing() {
    let schema = Arc::new(Schema::embedded().clone());
    let mut three = three(&schema).await;
    three.up().await;
    assert_eq!(three.up().await, ((0, 0, 0), (0, 0, 0)));
    let (base, folder) = (three.street.me().base, three._folders[2].path().to_owned());
    three.street.close().await;
    three.street = open(&folder, &schema, base, &three.clock).await;
    let (base, folder) = (three.district.me().base, three._folders[1].path().to_owned());
    three.district.close().await;
    three.district = open(&folder, &schema, base, &three.clock).await;
    assert_eq!(three.up().await, ((0, 0, 0), (0, 0, 0)));
}

#[tokio::test]
async fn a_figure_says_who_never_reported_and_who_is_late() {
    let schema = Arc::new(Schema::embedded().clone());
    let three = three(&schema).await;
    let watermark = |figure: office::Figure| figure.watermark;
    let before = watermark(three.city.figure(&all("base"), &[]).await.unwrap());
    assert_eq!(before.complete_up_to_ms, 0);
    assert!(before.sentence().contains("从未上报:s基地"), "{}", before.sentence());
    three.up().await;
    let after = watermark(three.city.figure(&all("base"), &[]).await.unwrap());
    assert_eq!(after.complete_up_to_ms, START);
    three.clock.set(START + 30 * HOUR);
    round(&three.district, &three.city).await.unwrap();
    let late = watermark(three.city.figure(&all("base"), &[]).await.unwrap());
    assert_eq!(late.complete_up_to_ms, START, "the street's seal decides");
    assert!(late.sentence().contains("迟报:s基地"), "{}", late.sentence());
}

#[tokio::test]
async fn nobody_is_let_in_who_is_not_a_child() {
    let schema = Arc::new(Schema::embedded().clone());
    let three = three(&schema).await;
    let street = three.street.me().base;
    let hello = sync::parent::Hello::default();
    assert!(three.city.handshake(street, &hello, &[]).await.is_err(), "the district's child");
    let session = three.district.handshake(street, &hello, &[]).await.unwrap();
    three.district.revoke_base(street, "admin").await.unwrap();
    assert!(
        three.district.receive(street, session.id, vec![]).await.is_err(),
        "a session does not outlive the word"
    );
    assert!(three.district.handshake(street, &hello, &[]).await.is_err());
}

#[tokio::test]
async fn delivery_ticks_tell_how_far_a_record_has_come() {
    let schema = Arc::new(Schema::embedded().clone());
    let three = three(&schema).await;
    let kind = three.street.schema().kinds.iter().find(|k| k.append_only).unwrap().name.clone();
    three.up().await;
    let fields = json!({"sort": 1, "date": "2026-11-22", "topic": "测试"});
    let saved = three.street.put(put(&kind, fields)).await.unwrap();
    let arrived = async || {
        let look = three.street.get(&kind, &saved.id.to_string()).await.unwrap();
        look.deliveries.iter().map(|d| d.arrived).collect::<Vec<_>>()
    };
    assert_eq!(arrived().await, [true, false, false]);
    round(&three.street, &three.district).await.unwrap();
    assert_eq!(arrived().await, [true, true, false]);
    round(&three.district, &three.city).await.unwrap();
    round(&three.street, &three.district).await.unwrap();
    assert_eq!(arrived().await, [true, true, true]);
}
