//! Sync carried by hand: files that are lost, come twice, or in another order, beside rounds on the line, restarts and
//! restores, on databases in memory.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use causal::{BaseId, RecordId, State};
use common::{TestClock, base_id, join, new_base, put, round, with_a_new_kind};
use office::{Brought, Export, Filtering, Me, Office, Outside, Receipt, Secret, Settings, Taken};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use schema::Schema;
use serde_json::json;
use store::memory::Memory;
use store::{Engine, Opening, Read};
use sync::parent::Verdict;
use sync::{Row, TimelineId, Unsent};

const START: u64 = 1_795_276_800_000;
const DAY: u64 = 86_400_000;

/// A node whose program can be stopped and whose disk can be put back.
struct Node {
    base: BaseId,
    memory: Memory,
    office: Office<Memory>,
}

/// Some nodes, each beneath the one before.
struct World {
    schema: Arc<Schema>,
    clock: TestClock,
    openings: AtomicU64,
    nodes: Vec<Node>,
}

const CITY: usize = 0;

impl World {
    async fn new(depth: usize) -> World {
        static SCHEMA: OnceLock<Arc<Schema>> = OnceLock::new();
        let schema = SCHEMA.get_or_init(with_a_new_kind).clone();
        let clock = TestClock::default();
        clock.set(START);
        let mut world = World { schema, clock, openings: AtomicU64::new(1), nodes: Vec::new() };
        let codes = ["c", "d", "s"];
        let codes: Vec<&str> = if depth == 2 { vec!["c", "s"] } else { codes.to_vec() };
        for code in &codes {
            let base = base_id(&world.schema, code);
            let memory = Memory::open(world.schema.clone(), world.opening());
            let office = world.open(base, &memory).await;
            world.nodes.push(Node { base, memory, office });
        }
        let mut above = None;
        for (code, node) in codes.iter().zip(&world.nodes) {
            world.nodes[CITY].office.register_base(&new_base(code, above)).await.unwrap();
            above = Some(node.base);
        }
        for pair in world.nodes.windows(2) {
            join(&pair[1].office, &pair[0].office).await;
        }
        world
    }

    fn opening(&self) -> Opening {
        let timeline = TimelineId(self.openings.fetch_add(1, Ordering::SeqCst));
        Opening { now_ms: START, timeline }
    }

    async fn open(&self, base: BaseId, memory: &Memory) -> Office<Memory> {
        let me = Me { base, federation: "测试".into() };
        let outside = Outside::at(self.clock.clone());
        let secret = Secret::new(&base.0.repeat(2).try_into().unwrap());
        let engine = memory.clone();
        let settings = Settings { batch_records: 2, ..Settings::default() };
        Office::with_engine(engine, self.schema.clone(), me, settings, secret, outside).await.unwrap()
    }

    /// Starts a node's program anew, on its own disk or on a copy that was made before.
    async fn restart(&mut self, node: usize, disk: Option<&Memory>) {
        let memory = disk.unwrap_or(&self.nodes[node].memory).reopen(self.opening());
        let office = self.open(self.nodes[node].base, &memory).await;
        let base = self.nodes[node].base;
        self.nodes[node] = Node { base, memory, office };
    }

    /// A copy of a node's disk.
    fn backup(&self, node: usize) -> Memory {
        self.nodes[node].memory.reopen(self.opening())
    }

    fn office(&self, node: usize) -> &Office<Memory> {
        &self.nodes[node].office
    }

    async fn rows(&self, node: usize) -> BTreeMap<RecordId, Row> {
        let mut snapshot = self.nodes[node].memory.snapshot().await.unwrap();
        let rows = snapshot.of_kind("lantern").await.unwrap();
        rows.into_iter().map(|row| (row.id, row)).collect()
    }

    async fn unsent(&self, node: usize) -> u64 {
        self.office(node).unsent().await.unwrap()
    }

    async fn new_record(&self, node: usize, number: u64) -> RecordId {
        let fields = json!({"number": number.to_string(), "title": format!("灯会{number}"), "visitors": 1});
        self.office(node).put(put("lantern", fields)).await.unwrap().id
    }

    async fn edit(&self, node: usize, number: u64, visitors: u64) {
        let look = self.office(node).get("lantern", &number.to_string()).await.unwrap();
        let seen = Some(look.view.version);
        let put = put("lantern", json!({"visitors": visitors}));
        self.office(node).put(office::Put { id: Some(look.view.id), seen, ..put }).await.unwrap();
    }

    async fn export(&self, child: usize) -> Export {
        self.office(child).export("test", START).await.unwrap()
    }

    /// What the parent answers to a file.
    async fn deliver(&self, child: usize, export: &Export) -> Receipt {
        let brought = Brought {
            hello: export.hello.clone(),
            registry_digest: export.registry_digest.clone(),
            batches: export.batches.iter().cloned().map(Into::into).collect(),
        };
        self.office(child - 1).take_carried(self.nodes[child].base, brought, "test").await.unwrap()
    }

    async fn answer(&self, child: usize, export: &Export, receipt: &Receipt) -> Taken {
        self.office(child).take_receipt(export.id, receipt.clone()).await.unwrap()
    }

    /// A whole exchange, undisturbed.
    async fn exchange(&self, child: usize) -> Taken {
        let export = self.export(child).await;
        let receipt = self.deliver(child, &export).await;
        self.answer(child, &export, &receipt).await
    }

    async fn complete_up_to(&self) -> u64 {
        let all = Filtering { kind: "lantern".into(), ..Filtering::default() };
        self.office(CITY).figure(&all, &[]).await.unwrap().watermark.complete_up_to_ms
    }

    /// What the child believes that its parent has, the parent has.
    async fn nothing_is_believed_that_is_not_so(&self, child: usize) -> Result<(), String> {
        let above = self.rows(child - 1).await;
        for row in self.rows(child).await.values().filter(|row| row.unsent == Unsent::Clean) {
            let mine = State::decode(&row.state).unwrap();
            let held = above
                .get(&row.id)
                .is_some_and(|theirs| State::decode(&theirs.state).unwrap().context.covers(&mine.context));
            if !held {
                return Err(format!("the parent lacks {:?}", row.id));
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn one_exchange_does_what_a_first_round_does() {
    let world = World::new(2).await;
    let id = world.new_record(1, 1).await;
    let notice = put("lantern", json!({"number": "通知", "title": "请上报"}));
    let notice = office::Put { audience: Some(vec![world.nodes[1].base]), ..notice };
    let notice = world.office(CITY).put(notice).await.unwrap().id;
    let export = world.export(1).await;
    assert_eq!((export.records, export.left, export.outstanding), (1, 0, 0));
    let receipt = world.deliver(1, &export).await;
    assert!(world.office(CITY).get("lantern", &id.to_string()).await.is_ok());
    let taken = world.answer(1, &export, &receipt).await;
    assert!(taken.known && taken.settled && taken.resync && taken.complete, "{taken:?}");
    assert_eq!((taken.acknowledged, taken.refused, world.unsent(1).await), (1, 0, 0));
    assert!(world.office(1).get("lantern", &notice.to_string()).await.is_ok());
    let look = world.office(1).get("lantern", &id.to_string()).await.unwrap();
    assert_eq!(look.deliveries.iter().map(|d| d.arrived).collect::<Vec<_>>(), [true, true]);
    let next = world.exchange(1).await;
    assert_eq!((next.acknowledged, next.pulled, next.resync), (0, 0, false), "nothing is left to say");
    assert_eq!(round(world.office(1), world.office(CITY)).await.unwrap(), (0, 0, 0), "nor on the line");
}

#[tokio::test]
async fn records_go_up_over_two_tiers_by_hand() {
    let world = World::new(3).await;
    let id = world.new_record(2, 1).await;
    world.exchange(2).await;
    world.exchange(1).await;
    assert!(world.office(CITY).get("lantern", &id.to_string()).await.is_ok());
    world.exchange(2).await;
    let look = world.office(2).get("lantern", &id.to_string()).await.unwrap();
    assert_eq!(look.deliveries.iter().map(|d| d.arrived).collect::<Vec<_>>(), [true, true, true]);
}

// Wrong: an edit that was made while the file was under way counts as sent, and never arrives.
#[tokio::test]
async fn what_changed_meanwhile_still_waits() {
    let world = World::new(2).await;
    world.new_record(1, 1).await;
    world.new_record(1, 2).await;
    let export = world.export(1).await;
    let receipt = world.deliver(1, &export).await;
    world.edit(1, 1, 50).await;
    world.answer(1, &export, &receipt).await;
    assert_eq!(world.unsent(1).await, 1);
    world.nothing_is_believed_that_is_not_so(1).await.unwrap();
    world.exchange(1).await;
    let look = world.office(CITY).get("lantern", "1").await.unwrap();
    assert_eq!((look.view.fields["visitors"].clone(), world.unsent(1).await), (json!(50), 0));
}

#[tokio::test]
async fn a_receipt_taken_twice_changes_nothing() {
    let world = World::new(2).await;
    world.new_record(1, 1).await;
    let export = world.export(1).await;
    let receipt = world.deliver(1, &export).await;
    world.answer(1, &export, &receipt).await;
    let before = world.rows(1).await;
    let again = world.answer(1, &export, &receipt).await;
    assert!(again.repeated && !again.settled);
    assert_eq!(world.rows(1).await, before);
}

// Wrong: a figure claims what was saved while the file was on its way, or after the clock of the base ran ahead.
#[tokio::test]
async fn a_seal_claims_no_more_than_the_parents_last_word() {
    let world = World::new(2).await;
    world.exchange(1).await;
    assert_eq!(world.complete_up_to().await, START);
    world.clock.set(START + DAY);
    let export = world.export(1).await;
    world.clock.set(START + 3 * DAY);
    let receipt = world.deliver(1, &export).await;
    assert_eq!(world.complete_up_to().await, START, "the parent's clock was last told at the first receipt");
    world.answer(1, &export, &receipt).await;
    world.clock.set(START + 9 * DAY);
    world.exchange(1).await;
    assert_eq!(world.complete_up_to().await, START + 3 * DAY);
}

// Wrong (P8): a parent that lost what it had acknowledged believes a seal that presumes it.
#[tokio::test]
async fn seals_count_only_where_nothing_is_presumed_that_is_lost() {
    let mut world = World::new(2).await;
    world.exchange(1).await;
    let disk = world.backup(CITY);
    world.clock.set(START + DAY);
    world.new_record(1, 1).await;
    world.exchange(1).await;
    world.restart(CITY, Some(&disk)).await;
    world.clock.set(START + 2 * DAY);
    world.new_record(1, 2).await;
    let export = world.export(1).await;
    let receipt = world.deliver(1, &export).await;
    assert!(receipt.welcome.resync && !receipt.sealed);
    assert_eq!(world.complete_up_to().await, START, "record 1 is not there");
    let taken = world.answer(1, &export, &receipt).await;
    assert!(taken.resync && taken.settled, "what was in the file is there: {taken:?}");
    assert_eq!(world.unsent(1).await, 1, "what was lost waits again");
    world.exchange(1).await;
    assert_eq!((world.rows(CITY).await.len(), world.unsent(1).await), (2, 0));
    assert!(world.complete_up_to().await > START);
}

// Wrong (S1): the district takes it for known at the city what a street once sealed, and the city never hears of it again.
#[tokio::test]
async fn a_restored_city_hears_again_how_complete_those_beneath_are() {
    let mut world = World::new(3).await;
    for child in [2, 1] {
        world.exchange(child).await;
    }
    let disk = world.backup(CITY);
    world.clock.set(START + DAY);
    world.new_record(2, 1).await;
    for child in [2, 2, 1, 1] {
        world.exchange(child).await;
    }
    let before = world.complete_up_to().await;
    assert!(before > START);
    world.restart(CITY, Some(&disk)).await;
    assert_eq!(world.complete_up_to().await, START);
    assert!(world.exchange(1).await.resync);
    world.exchange(1).await;
    assert_eq!((world.rows(CITY).await.len(), world.complete_up_to().await), (1, before));
}

// Wrong (A1): a receipt of before the parent's disk was put back settles what the parent has no more.
#[tokio::test]
async fn a_receipt_of_a_lost_past_settles_nothing() {
    let mut world = World::new(2).await;
    world.exchange(1).await;
    let disk = world.backup(CITY);
    world.new_record(1, 1).await;
    let export = world.export(1).await;
    let receipt = world.deliver(1, &export).await;
    world.restart(CITY, Some(&disk)).await;
    // The line works for a moment: the child learns of the new timeline, and its record is not taken.
    let (hello, digest) = world.office(1).hello("test").await.unwrap();
    let base = world.nodes[1].base;
    let session = world.office(CITY).handshake(base, &hello, &digest).await.unwrap();
    let mut round =
        world.office(1).begin_round(session.id, &session.welcome, START, 0, "test", &[]).await.unwrap();
    let page = world.office(CITY).page(base, session.id, hello.cursor.unwrap()).await.unwrap();
    world.office(1).receive_page(&mut round, page).await.unwrap();
    let taken = world.answer(1, &export, &receipt).await;
    assert!(taken.known && !taken.settled, "{taken:?}");
    assert_eq!(world.unsent(1).await, 1);
    world.exchange(1).await;
    assert_eq!((world.rows(CITY).await.len(), world.unsent(1).await), (1, 0));
}

// Wrong (L3): a restored child takes a page that leaves out its own lost edits, and its cursor passes them.
#[tokio::test]
async fn a_restored_child_gets_back_what_only_its_file_held() {
    let mut world = World::new(2).await;
    world.exchange(1).await;
    let disk = world.backup(1);
    let id = world.new_record(1, 1).await;
    let export = world.export(1).await;
    let receipt = world.deliver(1, &export).await;
    world.restart(1, Some(&disk)).await;
    let taken = world.answer(1, &export, &receipt).await;
    assert!(!taken.known && !taken.settled, "{taken:?}");
    world.exchange(1).await;
    assert!(world.rows(1).await.contains_key(&id));
}

// Wrong: a late receipt brings back what was withdrawn since.
#[tokio::test]
async fn a_late_receipt_brings_nothing_back_that_was_withdrawn() {
    let world = World::new(2).await;
    let id = world.new_record(1, 1).await;
    world.exchange(1).await;
    world.edit(CITY, 1, 7).await;
    let export = world.export(1).await;
    let late = world.deliver(1, &export).await;
    assert_eq!(late.pages.iter().map(|(_, p)| p.rows.len()).sum::<usize>(), 1);
    world.exchange(1).await;
    let look = world.office(1).get("lantern", "1").await.unwrap();
    let away = office::Put {
        id: Some(id),
        seen: Some(look.view.version),
        home: Some(world.nodes[CITY].base),
        ..put("lantern", json!({}))
    };
    world.office(1).put(away).await.unwrap();
    world.exchange(1).await;
    world.exchange(1).await;
    assert!(!world.rows(1).await.contains_key(&id), "withdrawn");
    world.answer(1, &export, &late).await;
    assert!(!world.rows(1).await.contains_key(&id), "and stays so");
}

#[tokio::test]
async fn refusals_come_back_with_the_receipt() {
    let world = World::new(2).await;
    world.new_record(1, 1).await;
    let export = world.export(1).await;
    let mut receipt = world.deliver(1, &export).await;
    let refused = Verdict::Quarantined(sync::Reason::Illegal, "试验".into());
    receipt.acks[0].1[0].1 = refused;
    let taken = world.answer(1, &export, &receipt).await;
    assert_eq!((taken.acknowledged, taken.refused), (0, 1));
    assert!(world.rows(1).await.values().all(|row| row.refused));
    world.edit(1, 1, 5).await;
    assert_eq!(world.export(1).await.records, 1, "it is sent again once it has changed");
}

// Wrong: a record that the parent has taken after all stays refused at the child for ever.
#[tokio::test]
async fn what_the_parent_keeps_aside_no_longer_is_let_go() {
    let world = World::new(2).await;
    world.new_record(1, 1).await;
    let export = world.export(1).await;
    let mut receipt = world.deliver(1, &export).await;
    receipt.acks[0].1[0].1 = Verdict::Quarantined(sync::Reason::Illegal, "试验".into());
    world.answer(1, &export, &receipt).await;
    assert!(world.rows(1).await.values().all(|row| row.refused));
    world.exchange(1).await;
    assert!(world.rows(1).await.values().all(|row| !row.refused), "the parent has nothing aside");
}

#[tokio::test]
async fn the_root_exports_nothing() {
    let world = World::new(2).await;
    assert!(world.office(CITY).export("test", START).await.is_err());
}

/// What may happen, in any order.
#[derive(Debug, Clone, Copy)]
enum Event {
    New,
    Edit(u8),
    EditAbove(u8),
    Export,
    Deliver(u8),
    Answer(u8),
    Live,
    RestartChild,
    RestartParent,
    BackUpParent,
    RestoreParent,
    BackUpChild,
    RestoreChild,
}

fn event(disasters: bool) -> impl Strategy<Value = Event> {
    let n = 0..8_u8;
    let usual = prop_oneof![
        4 => Just(Event::New),
        3 => n.clone().prop_map(Event::Edit),
        2 => n.clone().prop_map(Event::EditAbove),
        6 => Just(Event::Export),
        8 => n.clone().prop_map(Event::Deliver),
        8 => n.prop_map(Event::Answer),
        1 => Just(Event::Live),
        1 => Just(Event::RestartChild),
        1 => Just(Event::RestartParent),
    ];
    let disaster = prop_oneof![
        Just(Event::BackUpParent),
        Just(Event::RestoreParent),
        Just(Event::BackUpChild),
        Just(Event::RestoreChild),
    ];
    prop_oneof![8 => usual, (if disasters { 1 } else { 0 }) => disaster]
}

/// Files and disks that lie about while things happen.
#[derive(Default)]
struct Drawer {
    exports: Vec<Export>,
    receipts: Vec<(usize, Receipt)>,
    disks: BTreeMap<usize, Memory>,
    records: u64,
}

impl Drawer {
    async fn happen(&mut self, world: &mut World, event: Event) {
        let some = |n: u8, len: usize| (len > 0).then(|| usize::from(n) % len.max(1));
        match event {
            Event::New => {
                self.records += 1;
                world.new_record(1, self.records).await;
            }
            Event::Edit(n) => self.edit(world, 1, n).await,
            Event::EditAbove(n) => self.edit(world, CITY, n).await,
            Event::Export => self.exports.push(world.export(1).await),
            Event::Deliver(n) => {
                if let Some(at) = some(n, self.exports.len()) {
                    self.receipts.push((at, world.deliver(1, &self.exports[at]).await));
                }
            }
            Event::Answer(n) => {
                if let Some(at) = some(n, self.receipts.len()) {
                    let (export, receipt) = &self.receipts[at];
                    world.answer(1, &self.exports[*export], receipt).await;
                }
            }
            Event::Live => drop(round(world.office(1), world.office(CITY)).await.unwrap()),
            Event::RestartChild => world.restart(1, None).await,
            Event::RestartParent => world.restart(CITY, None).await,
            Event::BackUpParent => drop(self.disks.insert(CITY, world.backup(CITY))),
            Event::BackUpChild => drop(self.disks.insert(1, world.backup(1))),
            Event::RestoreParent => self.restore(world, CITY).await,
            Event::RestoreChild => self.restore(world, 1).await,
        }
    }

    async fn restore(&self, world: &mut World, node: usize) {
        if let Some(disk) = self.disks.get(&node) {
            world.restart(node, Some(disk)).await;
        }
    }

    async fn edit(&self, world: &World, node: usize, n: u8) {
        let rows = world.rows(node).await;
        if rows.is_empty() {
            return;
        }
        let number = (1..=self.records).cycle().skip(usize::from(n)).take(self.records as usize);
        for number in number {
            if world.office(node).get("lantern", &number.to_string()).await.is_ok() {
                return world.edit(node, number, u64::from(n) + 10).await;
            }
        }
    }
}

async fn run(events: Vec<Event>, disasters: bool) -> TestCaseResult {
    let mut world = World::new(2).await;
    let mut drawer = Drawer::default();
    for event in &events {
        drawer.happen(&mut world, *event).await;
        if !disasters {
            let believed = world.nothing_is_believed_that_is_not_so(1).await;
            prop_assert!(believed.is_ok(), "{believed:?} after {event:?}");
        }
    }
    // Something gets through: a file, its receipt, and once more for what the first receipt asked for.
    for _ in 0..4 {
        world.exchange(1).await;
    }
    let (above, below) = (world.rows(CITY).await, world.rows(1).await);
    prop_assert_eq!(world.unsent(1).await, 0, "all is settled");
    prop_assert_eq!(above.len(), below.len());
    for (id, row) in &below {
        prop_assert_eq!(&row.state, &above[id].state, "both hold the same");
    }
    if !disasters {
        prop_assert_eq!(below.len() as u64, drawer.records, "nothing is lost");
    }
    let live = round(world.office(1), world.office(CITY)).await.unwrap();
    prop_assert_eq!(live, (0, 0, 0), "a round on the line has nothing to add");
    Ok(())
}

fn block_on(future: impl Future<Output = TestCaseResult>) -> TestCaseResult {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn files_in_any_order_any_number_of_times(events in prop::collection::vec(event(false), 0..40)) {
        block_on(run(events, false))?;
    }

    #[test]
    fn files_across_restored_disks(events in prop::collection::vec(event(true), 0..40)) {
        block_on(run(events, true))?;
    }
}
