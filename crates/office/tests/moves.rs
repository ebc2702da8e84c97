//! Bases that get another place in the tree (R1–R5), and the root's word on it that comes from below (H2).

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use causal::BaseId;
use common::{TestClock, base_id, join, new_base, open, put, round};
use office::{Filtering, KeptStatement, Office, OfficeError};
use schema::Schema;
use serde_json::json;
use sync::parent::Incoming;

const START: u64 = 1_795_276_800_000;
const MINUTE: u64 = 60_000;

/// A city, two districts and a street beneath the first, all joined.
struct Four {
    folders: Vec<tempfile::TempDir>,
    schema: Arc<Schema>,
    clock: TestClock,
    city: Office,
    first: Office,
    second: Office,
    street: Office,
}

async fn four() -> Four {
    let folders: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let schema = Arc::new(Schema::embedded().clone());
    let clock = TestClock::default();
    clock.set(START);
    let [c, d, e, s] = ["c", "d", "e", "s"].map(|code| base_id(&schema, code));
    let city = open(folders[0].path(), &schema, c, &clock).await;
    for (code, above) in [("c", None), ("d", Some(c)), ("e", Some(c)), ("s", Some(d))] {
        city.register_base(&new_base(code, above)).await.unwrap();
    }
    let first = open(folders[1].path(), &schema, d, &clock).await;
    let second = open(folders[2].path(), &schema, e, &clock).await;
    let street = open(folders[3].path(), &schema, s, &clock).await;
    for (child, parent) in [(&first, &city), (&second, &city), (&street, &first)] {
        join(child, parent).await;
        round(child, parent).await.unwrap();
    }
    Four { folders, schema, clock, city, first, second, street }
}

impl Four {
    fn id(&self, code: &str) -> BaseId {
        base_id(&self.schema, code)
    }

    async fn street_group(&self, name: &str) {
        let group = json!({
            "name": name, "category": "文体类", "community": "440303001001", "leader": "李小明", "members": 9
        });
        self.street.put(put("recorded_group", group)).await.unwrap();
    }

    async fn district_notice(&self) {
        let notice = json!({"title": "区内通知", "body": "仅区内", "sort": "通知"});
        self.first.put(put("notice", notice)).await.unwrap();
    }

    async fn settle(&self) {
        for (child, parent) in
            [(&self.street, &self.first), (&self.first, &self.city), (&self.second, &self.city)]
        {
            round(child, parent).await.unwrap();
        }
    }
}

async fn count(office: &Office, kind: &str) -> u64 {
    let kind = Filtering { kind: kind.into(), ..Filtering::default() };
    office.list(&kind).await.unwrap().total
}

async fn bases(office: &Office) -> Vec<Incoming> {
    let (_, rows) = office.to_be_signed().await.unwrap().unwrap();
    rows.into_iter().map(|row| Incoming { id: row.id, kind: row.kind, state: row.state }).collect()
}

#[tokio::test]
async fn a_moved_street_takes_its_unsent_work_along_and_leaves_the_old_districts_papers_behind() {
    let four = four().await;
    four.street_group("早先的舞蹈队").await;
    four.district_notice().await;
    four.settle().await;
    round(&four.street, &four.first).await.unwrap();
    assert_eq!(count(&four.street, "notice").await, 1);
    four.street_group("还没有上报的合唱队").await;
    four.city.move_base(four.id("s"), four.id("e"), "admin").await.unwrap();
    round(&four.second, &four.city).await.unwrap();
    round(&four.first, &four.city).await.unwrap();
    assert_eq!(count(&four.first, "recorded_group").await, 0, "what is the street's own left with it");
    assert_eq!(count(&four.second, "recorded_group").await, 1, "what had arrived at the city came down");

    // The old district refuses; the street hears the root's word and goes where it belongs.
    let refused = round(&four.street, &four.first).await;
    assert!(matches!(refused, Err(OfficeError::NotAdmitted { .. })), "{refused:?}");
    let word = KeptStatement { at_ms: START + MINUTE, bytes: b"signed".to_vec() };
    assert!(four.street.hear_root(&word, &bases(&four.city).await).await.unwrap());
    assert_eq!(four.street.parent(), Some(four.id("e")));
    assert_eq!(
        count(&four.street, "notice").await,
        0,
        "papers of the old district are dropped before anything goes up"
    );

    round(&four.street, &four.second).await.unwrap();
    round(&four.second, &four.city).await.unwrap();
    for office in [&four.street, &four.second, &four.city] {
        assert_eq!(count(office, "recorded_group").await, 2);
    }
    assert_eq!(count(&four.second, "notice").await, 0, "nothing internal of the old district leaks");
    let again = round(&four.street, &four.second).await.unwrap();
    assert_eq!(again, (0, 0, 0), "everything is told once");
}

#[tokio::test]
async fn late_work_that_comes_by_the_old_district_is_taken() {
    let four = four().await;
    four.street_group("舞蹈队").await;
    round(&four.street, &four.first).await.unwrap();
    // The district is cut off; meanwhile the city moves the street.
    four.city.move_base(four.id("s"), four.id("e"), "admin").await.unwrap();
    let (pushed, _, refused) = round(&four.first, &four.city).await.unwrap();
    assert!(pushed > 0);
    assert_eq!(refused, 0);
    assert_eq!(count(&four.city, "recorded_group").await, 1);
    assert_eq!(count(&four.first, "recorded_group").await, 0, "and the district gives it up");
    round(&four.second, &four.city).await.unwrap();
    assert_eq!(count(&four.second, "recorded_group").await, 1);
}

#[tokio::test]
async fn a_base_that_left_and_came_back_unseen_sends_everything_again() {
    let four = four().await;
    four.settle().await;
    for to in ["e", "d"] {
        four.city.move_base(four.id("s"), four.id(to), "admin").await.unwrap();
        round(&four.first, &four.city).await.unwrap();
    }
    let (hello, digest) = four.street.hello("test").await.unwrap();
    let session = four.first.handshake(four.id("s"), &hello, &digest).await.unwrap();
    assert!(session.welcome.resync, "the parent alone saw it leave and come back");
}

#[tokio::test]
async fn a_place_that_makes_no_sense_is_refused_in_words() {
    let four = four().await;
    for (base, to) in [("d", "s"), ("d", "d"), ("d", "nowhere")] {
        let moved = four.city.move_base(four.id(base), four.id(to), "admin").await;
        assert!(matches!(moved, Err(OfficeError::Invalid { .. })), "{base} to {to}: {moved:?}");
    }
    let below = four.first.move_base(four.id("s"), four.id("e"), "admin").await;
    assert!(matches!(below, Err(OfficeError::RootOnly { .. })), "{below:?}");
}

#[tokio::test]
async fn a_restored_root_hears_of_its_bases_from_below() {
    let four = four().await;
    // The city's disk dies; what comes back knows the city alone.
    let folder = tempfile::tempdir().unwrap();
    let city = open(folder.path(), &four.schema, four.id("c"), &four.clock).await;
    city.register_base(&new_base("c", None)).await.unwrap();
    let refused = round(&four.first, &city).await;
    assert!(matches!(refused, Err(OfficeError::NotAdmitted { .. })), "{refused:?}");

    let word = KeptStatement { at_ms: START, bytes: b"signed".to_vec() };
    assert!(city.hear_root(&word, &bases(&four.first).await).await.unwrap());
    assert!(!city.hear_root(&word, &bases(&four.first).await).await.unwrap(), "no news twice");
    round(&four.first, &city).await.unwrap();
    assert_eq!(city.tree().len(), 4);
    assert_eq!(city.status().await.unwrap().unsent, 0, "the root waits for nobody");
    assert!(four.folders.len() == 4);
}
