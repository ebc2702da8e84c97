//! What random histories rarely find, step by step: each test is one way in which an edit would be lost.

use std::sync::Arc;

use causal::RecordId;
use office::{Put, Saved};
use schema::Schema;
use serde_json::json;
use store::{Engine as _, Read as _, Write as _};
use sync::parent::Verdict;
use sync::{Changes, Quarantined, Reason, Row, Unsent};

use crate::common::put;
use crate::nodes::{KIND, Node, Session, grow, sync};

/// A city with two districts, the first of which has a street.
async fn four() -> [Node; 4] {
    let bases = [("c", None), ("d", Some("c")), ("e", Some("c")), ("s", Some("d"))];
    let nodes = grow(&Arc::new(Schema::embedded().clone()), &bases).await;
    nodes.try_into().unwrap_or_else(|_| panic!("four nodes"))
}

impl Node {
    async fn row(&self, id: RecordId) -> Option<Row> {
        self.disk.snapshot().await.unwrap().rows(&[id]).await.unwrap().pop()
    }

    /// Gives a record to another base.
    async fn move_to(&self, saved: &Saved, home: &Node) {
        let seen = Some(self.office.get(KIND, &saved.id.to_string()).await.unwrap().view.version);
        let moved =
            Put { id: Some(saved.id), seen, home: Some(home.office.me().base), ..put(KIND, json!({})) };
        self.office.put(moved).await.unwrap();
    }

    /// Every value that stands in the record's title.
    async fn names(&self, id: RecordId) -> Vec<String> {
        let look = self.office.get(KIND, &id.to_string()).await.unwrap();
        let disputed = look.disputed.iter().find(|d| d.field == "name");
        let mut names: Vec<String> = match disputed {
            Some(disputed) => disputed.values.iter().map(|value| value.text.clone()).collect(),
            None => vec![look.view.title],
        };
        names.sort();
        names
    }
}

/// A record that the city has given to the other district, and that the district edits before it learns so.
async fn withdrawn_while_edited() -> ([Node; 4], Saved) {
    let nodes = four().await;
    let [city, district, other, _] = &nodes;
    let saved = district.enter(0..1).await.remove(0);
    sync(district, city).await;
    city.move_to(&saved, other).await;
    let mut session = Session::begin(district, city).await;
    session.push().await;
    district.edit(&saved, "区里改的").await;
    session.pull().await;
    (nodes, saved)
}

// Wrong: a withdraw drops the row, and with it an edit that nobody else has.
#[tokio::test]
async fn a_withdraw_keeps_unpushed_edits_until_they_have_arrived() {
    let ([city, district, ..], saved) = withdrawn_while_edited().await;
    let kept = district.row(saved.id).await.unwrap();
    assert_eq!((kept.hidden, kept.unsent), (true, Unsent::Unpushed));
    assert_eq!(sync(&district, &city).await.pushed, 1);
    assert!(city.names(saved.id).await.contains(&"区里改的".to_owned()));
    assert_eq!(district.row(saved.id).await, None, "it has arrived, and is not the district's to see");
}

// Wrong: any acknowledgement drops a hidden row, also one of an older version of it.
#[tokio::test]
async fn a_hidden_row_is_dropped_only_when_its_last_edit_has_arrived() {
    let ([city, district, ..], saved) = withdrawn_while_edited().await;
    let mut session = Session::begin(&district, &city).await;
    let batch = session.child.office.next_batch(&mut session.round).await.unwrap().unwrap();
    assert_eq!(batch.rows.iter().map(|row| row.id).collect::<Vec<_>>(), [saved.id]);
    district.edit(&saved, "又改了一次").await;
    let (me, index) = (district.office.me().base, batch.index);
    let acked = city.office.receive(me, session.id, vec![batch.into()]).await.unwrap();
    for (position, verdicts) in acked {
        assert_eq!(verdicts, [(saved.id, Verdict::Withdraw)]);
        let verdicts = verdicts.into_iter().collect();
        let round = &mut session.round;
        district.office.acknowledge(round, session.id, index, position, verdicts).await.unwrap();
    }
    assert!(district.row(saved.id).await.is_some_and(|row| row.hidden && row.unsent == Unsent::Unpushed));
    sync(&district, &city).await;
    assert!(city.names(saved.id).await.contains(&"又改了一次".to_owned()));
    assert_eq!(district.row(saved.id).await, None);
}

// Wrong: a row that came from below counts as known above once something of it was pulled from there.
#[tokio::test]
async fn what_came_from_below_goes_on_up_although_the_parent_sent_another_version() {
    let [city, district, _, street] = four().await;
    let saved = street.enter(0..1).await.remove(0);
    sync(&street, &district).await;
    sync(&district, &city).await;
    street.edit(&saved, "街道改的").await;
    city.edit(&saved, "市里改的").await;
    let mut session = Session::begin(&district, &city).await;
    session.push().await;
    sync(&street, &district).await;
    session.pull().await;
    assert_eq!(district.row(saved.id).await.unwrap().unsent, Unsent::Unpushed);
    assert_eq!(sync(&district, &city).await.pushed, 1);
    sync(&street, &district).await;
    for node in [&city, &district, &street] {
        assert_eq!(node.names(saved.id).await, ["市里改的", "街道改的"]);
    }
}

// Wrong: after a row was dropped the process goes on with its replica; "highest tick seen" then covers what it dropped,
// and the first edit of the record that comes back reads as one that replaced the old ones.
#[tokio::test]
async fn after_a_drop_a_write_covers_nothing_that_it_has_not_seen() {
    let schema = crate::with_a_new_kind();
    let nodes = grow(&schema, &[("c", None), ("d", Some("c")), ("e", Some("c"))]).await;
    let [city, district, other] = &nodes[..] else { panic!("three nodes") };
    let lantern = |fields| put("lantern", fields);
    let first = lantern(json!({"编号": "7", "名称": "元宵灯会", "visitors": 10}));
    let saved = district.office.put(first).await.unwrap();
    sync(district, city).await;
    let seen = Some(city.office.get("lantern", "7").await.unwrap().view.version);
    let home = Some(other.office.me().base);
    city.office.put(Put { id: Some(saved.id), seen, home, ..lantern(json!({})) }).await.unwrap();
    sync(district, city).await;
    assert_eq!(district.row(saved.id).await, None, "withdrawn, and dropped");
    // The same body is entered anew, under the id that follows from its number.
    let again = lantern(json!({"编号": "7", "名称": "元宵灯会", "visitors": 20}));
    assert_eq!(district.office.put(again).await.unwrap().id, saved.id);
    sync(district, city).await;
    let look = city.office.get("lantern", "7").await.unwrap();
    let visitors = look.disputed.iter().find(|d| d.field == "visitors").expect("both values stand");
    let mut values: Vec<_> = visitors.values.iter().map(|v| v.text.as_str()).collect();
    values.sort_unstable();
    assert_eq!(values, ["10", "20"]);
}

/// A seal of a stretch that is over claims what the restored city has lost and nobody beneath holds any more.
#[tokio::test]
async fn seals_of_former_stretches_name_what_was_handed_on_and_lost() {
    let mut nodes = four().await;
    let before = nodes[0].backup();
    let saved = nodes[1].enter(0..1).await.remove(0);
    sync(&nodes[1], &nodes[0]).await;
    let disk = nodes[1].disk.clone();
    nodes[1].put_back(&disk).await;
    nodes[0].move_to(&saved, &nodes[2]).await;
    sync(&nodes[1], &nodes[0]).await;
    assert!(nodes[1].row(saved.id).await.is_none(), "handed on");
    nodes[0].put_back(&before).await;
    sync(&nodes[1], &nodes[0]).await;
    let seals = nodes[0].disk.snapshot().await.unwrap().seals().await.unwrap();
    let of_district = seals.iter().filter(|seal| seal.base == nodes[1].office.me().base).collect::<Vec<_>>();
    assert!(of_district.len() > 1, "of both stretches");
    assert!(of_district.iter().all(|seal| seal.exceptions == [saved.id]), "{of_district:?}");
}

/// What is known to be untrue would be taken after a restart, when the replica that it speaks of writes no more.
#[tokio::test]
async fn what_no_knowledge_makes_true_is_not_judged_again() {
    for (reason, taken) in [(Reason::Unverified, true), (Reason::Untrue, false), (Reason::TooOften, false)] {
        let [city, district, ..] = four().await;
        let saved = district.enter(0..1).await.remove(0);
        sync(&district, &city).await;
        let state = district.row(saved.id).await.unwrap().state;
        let from = district.office.me().base;
        let kept = Quarantined {
            record: saved.id,
            kind: KIND.into(),
            from,
            home: from,
            reason,
            detail: String::new(),
            state,
            at_ms: 1,
            inbound: true,
        };
        let mut tx = city.disk.begin().await.unwrap();
        tx.apply(&Changes { quarantine: vec![kept], ..Changes::default() }).await.unwrap();
        tx.commit().await.unwrap();
        let mut session = Session::begin(&district, &city).await;
        session.push().await;
        let left = city.disk.snapshot().await.unwrap().quarantined(1).await.unwrap();
        assert_eq!(left.is_empty(), taken, "{reason:?}");
    }
}
