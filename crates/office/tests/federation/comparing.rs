//! Comparing by digests between two offices over the engine in memory: RESYNC sends only what differs, and `verify`
//! names what is not the same. Each figure is counted: records that travelled, questions, and rows named in them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use causal::{BaseId, RecordId};
use office::{Above, Me, Office, OfficeError, Outside, Round, Saved, Secret, Settings, Verified};
use schema::Schema;
use serde_json::json;
use store::memory::Memory;
use store::{Engine as _, Opening, Read as _};
use sync::compare::{Place, RANGE_ROWS, RangesAsked, RangesTold, RowsAsked, RowsTold, Why};
use sync::parent::{Hello, Incoming, Verdict, Welcome};
use sync::{Position, TimelineId, Unsent};

use crate::common::{Direct, TestClock, base_id, join, new_base, put};

const KIND: &str = "recorded_group";

/// A node whose disk can be copied and put back.
struct Node {
    office: Office<Memory>,
    disk: Memory,
    schema: Arc<Schema>,
    clock: TestClock,
}

fn opening() -> Opening {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Opening { now_ms: 1_795_276_800_000, timeline: TimelineId(NEXT.fetch_add(1, Ordering::SeqCst)) }
}

impl Node {
    async fn on(disk: Memory, base: BaseId, schema: &Arc<Schema>, clock: &TestClock) -> Node {
        let me = Me { base, federation: "测试".into() };
        let secret = Secret::new(&[7; 32]);
        let outside = Outside::at(clock.clone());
        let settings = Settings::default();
        let office =
            Office::with_engine(disk.clone(), schema.clone(), me, settings, secret, outside).await.unwrap();
        Node { office, disk, schema: schema.clone(), clock: clock.clone() }
    }

    /// A copy of the disk.
    fn backup(&self) -> Memory {
        self.disk.reopen(opening())
    }

    /// The same node on another disk.
    async fn put_back(&mut self, disk: &Memory) {
        let base = self.office.me().base;
        *self = Node::on(disk.reopen(opening()), base, &self.schema, &self.clock).await;
    }

    async fn enter(&self, names: std::ops::Range<usize>) -> Vec<Saved> {
        let one = |n: usize| put(KIND, fields(&format!("第{n}书画社")));
        self.office.put_all(&names.map(one).collect::<Vec<_>>()).await.unwrap()
    }

    async fn edit(&self, saved: &Saved, name: &str) {
        let seen = Some(self.office.get(KIND, &saved.id.to_string()).await.unwrap().view.version);
        self.office
            .put(office::Put { id: Some(saved.id), seen, ..put(KIND, json!({ "name": name })) })
            .await
            .unwrap();
    }

    async fn name(&self, id: RecordId) -> String {
        self.office.get(KIND, &id.to_string()).await.unwrap().view.title
    }

    async fn states(&self) -> BTreeMap<RecordId, Vec<u8>> {
        let mut snapshot = self.disk.snapshot().await.unwrap();
        let rows = snapshot.by_id(None, sync::compare::LAST, usize::MAX).await.unwrap();
        rows.into_iter().map(|(row, _)| (row.id, row.state)).collect()
    }

    async fn waiting(&self) -> u64 {
        self.disk.snapshot().await.unwrap().unsent_count().await.unwrap()
    }
}

fn fields(name: &str) -> serde_json::Value {
    json!({"名称": name, "类别": "文体类", "活动社区": "440303001001", "负责人": "李小明"})
}

/// A city and a district beneath it, which have synced.
async fn two() -> (Node, Node) {
    let schema = Arc::new(Schema::embedded().clone());
    let clock = TestClock::default();
    clock.set(1_795_276_800_000);
    let ids = ["c", "d"].map(|code| base_id(&schema, code));
    let memory = || Memory::open(schema.clone(), opening());
    let city = Node::on(memory(), ids[0], &schema, &clock).await;
    city.office.register_base(&new_base("c", None)).await.unwrap();
    city.office.register_base(&new_base("d", Some(ids[0]))).await.unwrap();
    let district = Node::on(memory(), ids[1], &schema, &clock).await;
    join(&district.office, &city.office).await;
    sync(&district, &city).await;
    (city, district)
}

/// What travelled in a round.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Traffic {
    resync: bool,
    pushed: usize,
    pulled: usize,
    ranges: usize,
    rows: usize,
    questions: usize,
}

impl Traffic {
    fn records(&self) -> (usize, usize) {
        (self.pushed, self.pulled)
    }
}

/// Counts what a comparison asks; fails when it is told to.
struct Meter<'p> {
    direct: Direct<'p, Memory>,
    traffic: Traffic,
    broken: bool,
}

impl Above for Meter<'_> {
    type Error = OfficeError;

    async fn ranges(&mut self, asked: &RangesAsked) -> Result<RangesTold, OfficeError> {
        if self.broken {
            return Err(OfficeError::SessionEnded);
        }
        self.traffic.questions += 1;
        self.traffic.ranges += asked.ranges.len();
        self.direct.ranges(asked).await
    }

    async fn rows(&mut self, asked: &RowsAsked) -> Result<RowsTold, OfficeError> {
        self.traffic.questions += 1;
        self.traffic.rows += asked.spans.iter().map(|span| span.rows.len()).sum::<usize>();
        self.direct.rows(asked).await
    }
}

/// A round that is open, step by step.
struct Session<'n> {
    child: &'n Node,
    parent: &'n Node,
    id: u64,
    welcome: Welcome,
    round: Round<Memory>,
    traffic: Traffic,
}

async fn greet(child: &Node, parent: &Node) -> (u64, Welcome, Vec<Incoming>) {
    let (hello, digest): (Hello, _) = child.office.hello("test").await.unwrap();
    let session = parent.office.handshake(child.office.me().base, &hello, &digest).await.unwrap();
    let incoming =
        |row: &sync::Row| Incoming { id: row.id, kind: row.kind.clone(), state: row.state.clone() };
    (session.id, session.welcome.clone(), session.registry.iter().map(incoming).collect())
}

impl<'n> Session<'n> {
    async fn begin(child: &'n Node, parent: &'n Node) -> Session<'n> {
        let (id, welcome, registry) = greet(child, parent).await;
        let now = parent.office.now_ms();
        let round = child.office.begin_round(id, &welcome, now, 0, "test", &registry).await.unwrap();
        let traffic = Traffic { resync: welcome.resync, ..Traffic::default() };
        Session { child, parent, id, welcome, round, traffic }
    }

    async fn compare(&mut self, broken: bool) -> Result<(), OfficeError> {
        let direct =
            Direct { parent: &self.parent.office, child: self.child.office.me().base, session: self.id };
        let mut meter = Meter { direct, traffic: self.traffic, broken };
        let done = self.child.office.spare(&mut self.round, &mut meter).await;
        self.traffic = meter.traffic;
        done
    }

    async fn push(&mut self) {
        while let Some(batch) = self.child.office.next_batch(&mut self.round).await.unwrap() {
            self.traffic.pushed += batch.rows.len();
            let (index, me) = (batch.index, self.child.office.me().base);
            let acked = self.parent.office.receive(me, self.id, vec![batch.into()]).await.unwrap();
            for (position, verdicts) in acked {
                let named = verdicts.into_iter().filter(|(_, v)| *v != Verdict::Ok).collect();
                let round = &mut self.round;
                self.child.office.acknowledge(round, self.id, index, position, named).await.unwrap();
            }
        }
    }

    async fn pull(&mut self) {
        let mut cursor: Position = self.child.office.cursor(&self.round).await.unwrap();
        loop {
            let me = self.child.office.me().base;
            let page = self.parent.office.page(me, self.id, cursor).await.unwrap();
            self.traffic.pulled += page.rows.len();
            let outcome = self.child.office.receive_page(&mut self.round, page).await.unwrap();
            cursor = outcome.cursor;
            if outcome.end {
                return;
            }
        }
    }
}

async fn sync(child: &Node, parent: &Node) -> Traffic {
    let mut session = Session::begin(child, parent).await;
    session.compare(false).await.unwrap();
    session.push().await;
    session.pull().await;
    session.traffic
}

/// Both hold the same, and the next round has nothing to do.
async fn settled(child: &Node, parent: &Node) {
    assert_eq!(child.states().await, parent.states().await);
    assert_eq!(child.waiting().await, 0);
    let idle = sync(child, parent).await;
    assert_eq!(idle, Traffic::default(), "nothing is left");
}

async fn verify(child: &Node, parent: &Node) -> Verified {
    let (session, welcome, _) = greet(child, parent).await;
    let mut direct = Direct { parent: &parent.office, child: child.office.me().base, session };
    child.office.verify(&welcome, &mut direct, &mut |_| {}).await.unwrap()
}

const MANY: usize = 1_050;

#[tokio::test]
async fn a_plain_restart_sends_nothing() {
    let (mut city, mut district) = two().await;
    district.enter(0..50).await;
    sync(&district, &city).await;
    let (city_disk, district_disk) = (city.disk.clone(), district.disk.clone());
    city.put_back(&city_disk).await;
    district.put_back(&district_disk).await;
    settled(&district, &city).await;
}

#[tokio::test]
async fn the_first_copy_asks_nothing() {
    let (city, district) = two().await;
    district.enter(0..50).await;
    let first = sync(&district, &city).await;
    assert_eq!((first.records(), first.questions), ((50, 0), 0));
    settled(&district, &city).await;
}

// Wrong: a restored parent takes all records of all its children again, and sends them all theirs.
#[tokio::test]
async fn a_restored_parent_gets_what_it_lost_and_nothing_else() {
    let (mut city, district) = two().await;
    let saved = district.enter(0..MANY).await;
    sync(&district, &city).await;
    let backup = city.backup();
    district.enter(MANY..MANY + 7).await;
    district.edit(&saved[3], "改名书画社").await;
    sync(&district, &city).await;
    city.put_back(&backup).await;
    let again = sync(&district, &city).await;
    assert!(again.resync);
    // The register of bases is compared with the rest.
    assert_eq!(again.records(), (8, 0), "{again:?}");
    assert!(again.ranges <= (MANY + 20).div_ceil(RANGE_ROWS) + 1, "{again:?}");
    assert!(again.rows <= 3 * RANGE_ROWS, "only ranges that differ are gone into: {again:?}");
    settled(&district, &city).await;
}

#[tokio::test]
async fn resync_of_equal_records_moves_only_digests() {
    let (mut city, district) = two().await;
    district.enter(0..MANY).await;
    sync(&district, &city).await;
    let backup = city.backup();
    // Something the backup has not seen, which is gone again: an acknowledgement beyond it.
    let extra = district.enter(MANY..MANY + 1).await;
    sync(&district, &city).await;
    city.put_back(&backup).await;
    let again = sync(&district, &city).await;
    assert_eq!((again.resync, again.records()), (true, (1, 0)), "{again:?}");
    assert_eq!(again.questions, 2, "{again:?}");
    assert_eq!(city.name(extra[0].id).await, "第1050书画社");
    // The link's two ends agree; now the child forgets nothing, and the parent comes back once more, unchanged.
    settled(&district, &city).await;
}

#[tokio::test]
async fn a_restored_child_gets_its_own_lost_edits_back() {
    let (city, mut district) = two().await;
    let saved = district.enter(0..MANY).await;
    sync(&district, &city).await;
    let backup = district.backup();
    district.edit(&saved[5], "恢复前改的名").await;
    let newer = district.enter(MANY..MANY + 4).await;
    sync(&district, &city).await;
    district.put_back(&backup).await;
    let again = sync(&district, &city).await;
    assert!(!again.resync, "what it remembers of the parent is still the parent's past");
    assert_eq!(again.records(), (0, 5), "{again:?}");
    assert_eq!(district.name(saved[5].id).await, "恢复前改的名");
    assert_eq!(district.name(newer[0].id).await, "第1050书画社");
    settled(&district, &city).await;
}

// Wrong: two old disks that meet send each other everything, or each believes the other to hold what neither does.
#[tokio::test]
async fn both_restored_exchange_what_either_lacks() {
    let (mut city, mut district) = two().await;
    let saved = district.enter(0..MANY).await;
    sync(&district, &city).await;
    let old_district = district.backup();
    let in_the_city = city.office.put(put(KIND, fields("市级书画社"))).await.unwrap();
    district.edit(&saved[0], "区里改的").await;
    sync(&district, &city).await;
    let old_city = city.backup();
    district.enter(MANY..MANY + 3).await;
    sync(&district, &city).await;
    city.put_back(&old_city).await;
    district.put_back(&old_district).await;
    district.edit(&saved[1], "恢复后改的").await;
    let again = sync(&district, &city).await;
    assert!(again.pushed <= 2 && again.pulled <= 2, "{again:?}");
    assert_eq!(district.name(saved[0].id).await, "区里改的");
    assert_eq!(city.name(saved[1].id).await, "恢复后改的");
    assert!(district.office.get(KIND, &in_the_city.id.to_string()).await.is_err(), "not in its scope");
    assert_eq!(sync(&district, &city).await, Traffic::default());
}

// Wrong: only the pull's position is compared, and what was acknowledged after the backup is missing for ever.
#[tokio::test]
async fn a_parent_restored_behind_an_acknowledgement_but_ahead_of_the_cursor() {
    let (mut city, district) = two().await;
    district.enter(0..MANY).await;
    sync(&district, &city).await;
    let backup = city.backup();
    let lost = district.enter(MANY..MANY + 2).await;
    let mut session = Session::begin(&district, &city).await;
    session.compare(false).await.unwrap();
    session.push().await;
    // The cable is pulled before the pull: the cursor is still where it was at the backup.
    city.put_back(&backup).await;
    assert!(city.office.get(KIND, &lost[0].id.to_string()).await.is_err());
    let again = sync(&district, &city).await;
    assert_eq!((again.resync, again.records()), (true, (2, 0)), "{again:?}");
    settled(&district, &city).await;
}

// Wrong: what a comparison settled leaves no trace of where the parent stood, and its restore goes unnoticed.
#[tokio::test]
async fn a_parent_restored_behind_a_comparison_gets_everything_back() {
    let (mut city, district) = two().await;
    district.enter(0..20).await;
    sync(&district, &city).await;
    let before = city.backup();
    let lost = district.enter(20..25).await;
    sync(&district, &city).await;
    // The parent forgets the epoch of the link: RESYNC, of which only the comparison comes through.
    let middle = city.backup();
    district.enter(25..26).await;
    sync(&district, &city).await;
    city.put_back(&middle).await;
    let mut session = Session::begin(&district, &city).await;
    assert!(session.welcome.resync);
    session.compare(false).await.unwrap();
    assert_eq!(district.waiting().await, 1, "all but the last are settled");
    city.put_back(&before).await;
    let again = sync(&district, &city).await;
    assert!(again.resync, "the comparison was at a place that this parent does not know");
    assert_eq!(again.records(), (6, 0), "{again:?}");
    assert_eq!(city.name(lost[0].id).await, "第20书画社");
    settled(&district, &city).await;
}

// Wrong: a cable pulled after the comparison makes the parent send everything in the next session.
#[tokio::test]
async fn a_resync_that_was_cut_off_compares_again() {
    let (mut city, district) = two().await;
    district.enter(0..MANY).await;
    sync(&district, &city).await;
    let backup = city.backup();
    district.enter(MANY..MANY + 1).await;
    sync(&district, &city).await;
    city.put_back(&backup).await;
    let mut session = Session::begin(&district, &city).await;
    session.compare(false).await.unwrap();
    let again = sync(&district, &city).await;
    assert_eq!((again.resync, again.records()), (false, (1, 0)), "{again:?}");
    settled(&district, &city).await;
}

// Wrong: an edit that was made while the comparison was under way counts as sent.
#[tokio::test]
async fn an_edit_during_the_comparison_still_goes_up() {
    let (mut city, district) = two().await;
    let saved = district.enter(0..20).await;
    sync(&district, &city).await;
    let backup = city.backup();
    district.enter(20..21).await;
    sync(&district, &city).await;
    city.put_back(&backup).await;
    let mut session = Session::begin(&district, &city).await;
    district.edit(&saved[2], "核对时改的").await;
    session.compare(false).await.unwrap();
    district.edit(&saved[3], "核对后改的").await;
    session.push().await;
    session.pull().await;
    assert_eq!(session.traffic.records(), (2, 0));
    assert_eq!(city.name(saved[2].id).await, "核对时改的");
    assert_eq!(sync(&district, &city).await.records(), (1, 0));
    assert_eq!(city.name(saved[3].id).await, "核对后改的");
    settled(&district, &city).await;
}

// Wrong: the rule rests on the digests. They only spare traffic.
#[tokio::test]
async fn without_a_comparison_everything_is_sent() {
    let (mut city, district) = two().await;
    district.enter(0..30).await;
    sync(&district, &city).await;
    let backup = city.backup();
    district.enter(30..31).await;
    sync(&district, &city).await;
    city.put_back(&backup).await;
    let mut session = Session::begin(&district, &city).await;
    assert!(session.compare(true).await.is_err());
    session.push().await;
    session.pull().await;
    // Two bases and 31 records; the parent need not send back what it was pushed and held as it was.
    assert_eq!(session.traffic.pushed, 33);
    settled(&district, &city).await;
}

#[tokio::test]
async fn an_ended_session_compares_nothing() {
    let (city, district) = two().await;
    let (old, ..) = greet(&district, &city).await;
    let (new, ..) = greet(&district, &city).await;
    let asked = RangesAsked { after: None, ranges: sync::compare::ranges(&[], Some(sync::compare::LAST)) };
    let me = district.office.me().base;
    assert!(city.office.compare_ranges(me, new, &asked).await.is_ok());
    assert!(matches!(city.office.compare_ranges(me, old, &asked).await, Err(OfficeError::SessionEnded)));
    let unsound = RangesAsked::default();
    let refused = city.office.compare_ranges(me, new, &unsound).await;
    assert!(matches!(refused, Err(OfficeError::Comparison(_))));
}

// Wrong: a comparison tells a child of records that it may not see.
#[tokio::test]
async fn a_comparison_tells_nothing_outside_the_scope() {
    let (city, district) = two().await;
    city.office.put(put(KIND, fields("市级书画社"))).await.unwrap();
    sync(&district, &city).await;
    let verified = verify(&district, &city).await;
    assert_eq!((verified.found.len(), verified.equal), (0, 2), "{verified:?}");
}

#[tokio::test]
async fn verify_says_that_both_hold_the_same() {
    let (city, district) = two().await;
    district.enter(0..MANY).await;
    sync(&district, &city).await;
    let verified = verify(&district, &city).await;
    assert_eq!((verified.equal, verified.in_flight(), verified.amiss()), (MANY as u64 + 2, 0, 0));
    assert_eq!(sync(&district, &city).await, Traffic::default(), "it changed nothing");
}

#[tokio::test]
async fn verify_names_what_is_under_way_apart_from_what_is_amiss() {
    let (city, district) = two().await;
    let saved = district.enter(0..10).await;
    sync(&district, &city).await;
    // Waits to go up, new and changed; waits to come down.
    let new = district.enter(10..11).await;
    district.edit(&saved[1], "区里改的").await;
    city.edit(&saved[2], "市里改的").await;
    // And one that the parent lost without a trace.
    let mut tx = city.disk.begin().await.unwrap();
    let drops = vec![saved[3].id];
    store::Write::apply(&mut tx, &sync::Changes { drops, ..sync::Changes::default() }).await.unwrap();
    store::Write::commit(tx).await.unwrap();
    let verified = verify(&district, &city).await;
    let of = |id: RecordId| verified.found.iter().find(|f| f.id == id).map(|f| (f.place, f.why));
    assert_eq!(of(new[0].id), Some((Place::OnlyHere, Why::WaitsUp)));
    assert_eq!(of(saved[1].id), Some((Place::Differs, Why::WaitsUp)));
    assert_eq!(of(saved[2].id), Some((Place::Differs, Why::WaitsDown)));
    assert_eq!(of(saved[3].id), Some((Place::OnlyHere, Why::Unexplained)));
    assert_eq!((verified.equal, verified.in_flight(), verified.amiss()), (9, 3, 1), "{verified:?}");
    let titles: Vec<_> = verified.found.iter().map(|f| f.title.as_str()).collect();
    assert!(titles.contains(&"区里改的") && titles.contains(&"第3书画社"), "{titles:?}");
    let waiting = district.disk.snapshot().await.unwrap().rows(&[saved[1].id]).await.unwrap();
    assert_eq!(waiting[0].unsent, Unsent::Unpushed, "verify settles nothing");
}

#[tokio::test]
async fn verify_finds_what_only_the_parent_has() {
    let (city, district) = two().await;
    let saved = district.enter(0..10).await;
    sync(&district, &city).await;
    let mut tx = district.disk.begin().await.unwrap();
    let drops = vec![saved[4].id];
    store::Write::apply(&mut tx, &sync::Changes { drops, ..sync::Changes::default() }).await.unwrap();
    store::Write::commit(tx).await.unwrap();
    let verified = verify(&district, &city).await;
    let found: Vec<_> = verified.found.iter().map(|f| (f.id, f.place, f.kind.as_str())).collect();
    assert_eq!(found, [(saved[4].id, Place::OnlyAbove, KIND)]);
    assert_eq!(verified.amiss(), u64::from(verified.found[0].why == Why::Unexplained), "{verified:?}");
}
