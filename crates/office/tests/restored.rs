//! Databases that come back older than they were, and two nodes under one identity: what both ends say of it.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use causal::BaseId;
use common::{TestClock, base_id, join, new_base, open, put, round, round_apart};
use office::{Filtering, Office, Watermark};
use schema::Schema;
use serde_json::json;

const START: u64 = 1_795_276_800_000;

struct Two {
    folders: [tempfile::TempDir; 2],
    schema: Arc<Schema>,
    clock: TestClock,
    city: Office,
}

impl Two {
    async fn new() -> Two {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let schema = Arc::new(Schema::embedded().clone());
        let clock = TestClock::default();
        clock.set(START);
        let city = open(folders[0].path(), &schema, base_id(&schema, "c"), &clock).await;
        city.register_base(&new_base("c", None)).await.unwrap();
        city.register_base(&new_base("s", Some(base_id(&schema, "c")))).await.unwrap();
        let two = Two { folders, schema, clock, city };
        let street = two.street(two.folders[1].path()).await;
        join(&street, &two.city).await;
        two.round(&street).await;
        street.close().await;
        two
    }

    fn id(&self) -> BaseId {
        base_id(&self.schema, "s")
    }

    async fn street(&self, folder: &Path) -> Office {
        open(folder, &self.schema, self.id(), &self.clock).await
    }

    async fn round(&self, street: &Office) {
        round(street, &self.city).await.unwrap();
    }

    /// A copy of the street's database while nobody has it open.
    fn backup(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        for file in fs::read_dir(self.folders[1].path()).unwrap().map(|f| f.unwrap().path()) {
            fs::copy(&file, copy.path().join(file.file_name().unwrap())).unwrap();
        }
        copy
    }

    async fn watermark(&self) -> Watermark {
        let groups = Filtering { kind: "recorded_group".into(), ..Filtering::default() };
        self.city.figure(&groups, &[]).await.unwrap().watermark
    }

    async fn missing(&self) -> u64 {
        self.city.status().await.unwrap().links[0].missing
    }

    async fn clone_seen(&self) -> bool {
        self.city.status().await.unwrap().links[0].link.memory.clone_at_ms > 0
    }
}

async fn group(street: &Office, name: &str) {
    stamped(street, name).await;
}

/// Wrong: a street whose disk is lost comes back, and a figure says that everything it saved is in.
#[tokio::test]
async fn what_only_a_lost_disk_held_is_named() {
    let two = Two::new().await;
    let backup = two.backup();
    let street = two.street(two.folders[1].path()).await;
    group(&street, "舞蹈队").await;
    two.round(&street).await;
    for name in ["合唱队", "棋社", "书画社"] {
        group(&street, name).await;
    }
    // It calls, and its line is cut before anything is sent.
    let (hello, digest) = street.hello("test").await.unwrap();
    two.city.handshake(two.id(), &hello, &digest).await.unwrap();
    assert_eq!(two.missing().await, 3, "the street calls no more");
    street.close().await;

    two.clock.set(START + 60_000);
    let restored = two.street(backup.path()).await;
    two.round(&restored).await;
    assert_eq!(two.missing().await, 3, "nobody else holds them");
    let watermark = two.watermark().await;
    let report = watermark.bases.iter().find(|b| b.base == two.id()).unwrap();
    assert!(report.restored && report.missing == 3, "{report:?}");
    for words in ["最后所知有 3 条未上报", "从备份恢复"] {
        assert!(watermark.sentence().contains(words), "{}", watermark.sentence());
    }
    let group = Filtering { kind: "recorded_group".into(), ..Filtering::default() };
    assert_eq!(restored.list(&group).await.unwrap().total, 1, "what the city had came back");
}

/// Wrong: what a street told of itself before its line was cut is forgotten when the city restarts.
#[tokio::test]
async fn what_a_child_told_of_itself_outlives_a_restart() {
    let two = Two::new().await;
    let street = two.street(two.folders[1].path()).await;
    group(&street, "舞蹈队").await;
    two.round(&street).await;
    group(&street, "合唱队").await;
    let (hello, digest) = street.hello("test").await.unwrap();
    let session = two.city.handshake(two.id(), &hello, &digest).await.unwrap();
    assert!(session.heard_more, "an ordinary call is kept a while later");
    let told = two.city.status().await.unwrap();
    two.city.close().await;
    let city = open(two.folders[0].path(), &two.schema, base_id(&two.schema, "c"), &two.clock).await;
    let kept = city.status().await.unwrap();
    assert_eq!((kept.links[0].missing, kept.links[0].link.peer_unsent), (1, 1));
    assert_eq!(kept.links, told.links);
}

/// Wrong: an ordinary restart that looks like a restore, or like a second machine.
#[tokio::test]
async fn an_ordinary_restart_is_nothing_to_report() {
    let two = Two::new().await;
    for name in ["舞蹈队", "合唱队", "棋社"] {
        let street = two.street(two.folders[1].path()).await;
        group(&street, name).await;
        two.round(&street).await;
        two.round(&street).await;
        street.close().await;
    }
    assert_eq!((two.missing().await, two.clone_seen().await), (0, false));
    assert!(two.watermark().await.bases.iter().all(|b| !b.restored), "{:?}", two.watermark().await);
}

/// Wrong: a clock that was ten years ahead for a day wins every disagreement for ten years.
#[tokio::test]
async fn a_clock_that_was_put_right_stamps_todays_time_again() {
    let two = Two::new().await;
    let street = two.street(two.folders[1].path()).await;
    let year = 365 * 24 * 3_600_000;
    two.clock.set(START + 10 * year);
    assert!(stamped(&street, "舞蹈队").await >= START + 10 * year);
    two.clock.set(START + 1_000);
    assert!(stamped(&street, "合唱队").await > START + 10 * year, "nobody has said yet which time is right");
    round_apart(&street, &two.city, 600_000).await.unwrap();
    assert!(
        stamped(&street, "读书会").await > START + 10 * year,
        "ten minutes apart: which is right is not known"
    );
    two.round(&street).await;
    assert_eq!(stamped(&street, "棋社").await, START + 1_001);
    two.clock.set(START - 10 * year);
    assert_eq!(
        stamped(&street, "书画社").await,
        START + 1_002,
        "a clock that goes back stamps nothing earlier"
    );
}

/// Saves a group, and tells the time that it is stamped with.
async fn stamped(street: &Office, name: &str) -> u64 {
    let group = json!({
        "name": name, "category": "文体类", "community": "440303001001", "leader": "李小明", "members": 9
    });
    let saved = street.put(put("recorded_group", group)).await.unwrap();
    street.history("recorded_group", &saved.id.to_string()).await.unwrap()[0].saved_at_ms
}

/// Wrong: a cloned machine that goes on for months beside the one it was copied from, and nobody is told.
#[tokio::test]
async fn two_machines_under_one_identity_are_reported_at_both_ends() {
    let two = Two::new().await;
    let copy = two.backup();
    let (first, second) = (two.street(two.folders[1].path()).await, two.street(copy.path()).await);
    two.round(&first).await;
    two.round(&second).await;
    assert!(!two.clone_seen().await, "this is how a restore looks");
    group(&first, "舞蹈队").await;
    two.round(&first).await;
    assert!(two.clone_seen().await);
    let link = &first.status().await.unwrap().links[0].link;
    assert!(link.up && link.memory.clone_at_ms > 0, "and the machine itself is told");
    group(&second, "合唱队").await;
    two.round(&second).await;
    let groups = Filtering { kind: "recorded_group".into(), ..Filtering::default() };
    assert_eq!(two.city.list(&groups).await.unwrap().total, 2, "to the data it does no harm");
}
