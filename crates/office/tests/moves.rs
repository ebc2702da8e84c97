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

/// A city, a district and two streets beneath it, all joined.
struct Pair {
    _folders: Vec<tempfile::TempDir>,
    city: Office,
    district: Office,
    ends: Office,
    follows: Office,
}

async fn pair() -> Pair {
    let folders: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let schema = Arc::new(Schema::embedded().clone());
    let clock = TestClock::default();
    clock.set(START);
    let [c, d, s, t] = ["c", "d", "s", "t"].map(|code| base_id(&schema, code));
    let city = open(folders[0].path(), &schema, c, &clock).await;
    for (code, above) in [("c", None), ("d", Some(c)), ("s", Some(d)), ("t", Some(d))] {
        city.register_base(&new_base(code, above)).await.unwrap();
    }
    let district = open(folders[1].path(), &schema, d, &clock).await;
    let ends = open(folders[2].path(), &schema, s, &clock).await;
    let follows = open(folders[3].path(), &schema, t, &clock).await;
    for (child, parent) in [(&district, &city), (&ends, &district), (&follows, &district)] {
        join(child, parent).await;
        round(child, parent).await.unwrap();
    }
    Pair { _folders: folders, city, district, ends, follows }
}

impl Pair {
    /// The district tells the city what it has, and both streets hear of it.
    async fn spread(&self) {
        for _ in 0..2 {
            round(&self.district, &self.city).await.unwrap();
        }
        round(&self.follows, &self.district).await.unwrap();
    }
}

async fn group(office: &Office, name: &str) -> causal::RecordId {
    let group = json!({
        "name": name, "category": "文体类", "community": "440303001001", "leader": "李小明", "members": 9
    });
    office.put(put("recorded_group", group)).await.unwrap().id
}

async fn service(office: &Office, topic: &str) {
    let service = json!({"date": "2026-11-20", "sort": "培训", "topic": topic});
    office.put(put("service_record", service)).await.unwrap();
}

async fn rename(office: &Office, id: causal::RecordId, name: &str) {
    let seen = Some(office.get("recorded_group", &id.to_string()).await.unwrap().view.version);
    let edit = office::Put { id: Some(id), seen, ..put("recorded_group", json!({ "name": name })) };
    office.put(edit).await.unwrap();
}

// Wrong: two streets become one, and what the one that ends had not sent is refused, or overwrites, or is lost.
#[tokio::test]
async fn a_street_that_is_merged_loses_nothing_that_it_had_not_sent() {
    let all = pair().await;
    let Pair { city, district, ends, follows, .. } = &all;
    let dance = group(ends, "舞蹈队").await;
    service(ends, "早先的服务").await;
    round(ends, district).await.unwrap();
    all.spread().await;
    // Not sent when the streets are merged: an edit, a new group, a service.
    rename(ends, dance, "舞蹈一队").await;
    group(ends, "合唱队").await;
    service(ends, "还没有上报的服务").await;

    let [s, t] = [ends, follows].map(|office| office.me().base);
    let merged = city.merge_base(s, t, "张主任").await.unwrap();
    assert_eq!((merged.moved, merged.kept, merged.left.len()), (1, 1, 0), "{merged:?}");
    all.spread().await;
    assert_eq!(follows.get("recorded_group", &dance.to_string()).await.unwrap().view.home, t);
    assert_eq!(count(follows, "service_record").await, 1, "what is never changed is seen by who follows");
    rename(follows, dance, "舞蹈二队").await;
    round(follows, district).await.unwrap();

    let (pushed, _, refused) = round(ends, district).await.unwrap();
    assert_eq!((pushed, refused), (3, 0), "what is late is taken");
    all.spread().await;
    all.spread().await;
    for office in [city, district, follows] {
        assert_eq!(count(office, "recorded_group").await, 2);
        assert_eq!(count(office, "service_record").await, 2);
        let look = office.get("recorded_group", &dance.to_string()).await.unwrap();
        assert_eq!(look.view.title, "舞蹈二队", "the new home's word is shown");
        assert_eq!(look.disputed.len(), 1, "and the other is kept beside it");
    }
    let groups = Filtering { kind: "recorded_group".into(), limit: 9, ..Filtering::default() };
    let homes: Vec<_> = city.list(&groups).await.unwrap().views.into_iter().map(|view| view.home).collect();
    assert_eq!(homes, [t, t], "what came late belongs to who follows, too");

    let refused =
        ends.put(put("service_record", json!({"date": "2026-11-20", "sort": "培训", "topic": "不"}))).await;
    assert!(matches!(refused, Err(OfficeError::Retired { .. })), "{refused:?}");
    let figure = city.figure(&groups, &["base".into()]).await.unwrap();
    assert!(figure.watermark.bases.iter().all(|base| base.base != s), "nobody waits for it");
    assert!(city.tree().get(t).unwrap().jurisdiction.iter().all(|code| code == "440300000000"));
    let again = city.merge_base(s, t, "张主任").await.unwrap();
    assert_eq!((again.codes, again.moved), (0, 0), "it is done once");
}

#[tokio::test]
async fn a_merger_that_makes_no_sense_is_refused_in_words() {
    let Pair { city, district, ends, follows, .. } = &pair().await;
    let [d, s, t] = [district, ends, follows].map(|office| office.me().base);
    for (from, into) in [(d, s), (s, s), (d, t), (s, BaseId([9; 16]))] {
        let merged = city.merge_base(from, into, "admin").await;
        assert!(matches!(merged, Err(OfficeError::Invalid { .. })), "{merged:?}");
    }
    let below = district.merge_base(s, t, "admin").await;
    assert!(matches!(below, Err(OfficeError::RootOnly { .. })), "{below:?}");
}
