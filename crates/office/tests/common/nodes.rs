//! Nodes over the engine in memory: a disk that can be copied and put back, and rounds step by step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use causal::{BaseId, RecordId};
use office::{Above, Me, Office, OfficeError, Outside, Round, Saved, Secret, Settings};
use schema::Schema;
use serde_json::json;
use store::memory::Memory;
use store::{Engine as _, Opening, Read as _};
use sync::compare::{RangesAsked, RangesTold, RowsAsked, RowsTold};
use sync::parent::{Hello, Incoming, Verdict, Welcome};
use sync::{Position, TimelineId};

use crate::common::{Direct, TestClock, base_id, join, new_base, put};

pub const KIND: &str = "recorded_group";

/// A node whose disk can be copied and put back.
pub struct Node {
    pub office: Office<Memory>,
    pub disk: Memory,
    pub schema: Arc<Schema>,
    pub clock: TestClock,
}

pub fn opening() -> Opening {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Opening { now_ms: 1_795_276_800_000, timeline: TimelineId(NEXT.fetch_add(1, Ordering::SeqCst)) }
}

impl Node {
    pub async fn on(disk: Memory, base: BaseId, schema: &Arc<Schema>, clock: &TestClock) -> Node {
        let me = Me { base, federation: "测试".into() };
        let secret = Secret::new(&[7; 32]);
        let outside = Outside::at(clock.clone());
        let settings = Settings::default();
        let office =
            Office::with_engine(disk.clone(), schema.clone(), me, settings, secret, outside).await.unwrap();
        Node { office, disk, schema: schema.clone(), clock: clock.clone() }
    }

    /// A copy of the disk.
    pub fn backup(&self) -> Memory {
        self.disk.reopen(opening())
    }

    /// The same node on another disk.
    pub async fn put_back(&mut self, disk: &Memory) {
        let base = self.office.me().base;
        *self = Node::on(disk.reopen(opening()), base, &self.schema, &self.clock).await;
    }

    pub async fn enter(&self, names: std::ops::Range<usize>) -> Vec<Saved> {
        let one = |n: usize| put(KIND, fields(&format!("第{n}书画社")));
        self.office.put_all(&names.map(one).collect::<Vec<_>>()).await.unwrap()
    }

    pub async fn edit(&self, saved: &Saved, name: &str) {
        let seen = Some(self.office.get(KIND, &saved.id.to_string()).await.unwrap().view.version);
        self.office
            .put(office::Put { id: Some(saved.id), seen, ..put(KIND, json!({ "name": name })) })
            .await
            .unwrap();
    }

    pub async fn name(&self, id: RecordId) -> String {
        self.office.get(KIND, &id.to_string()).await.unwrap().view.title
    }

    pub async fn states(&self) -> BTreeMap<RecordId, Vec<u8>> {
        let mut snapshot = self.disk.snapshot().await.unwrap();
        let rows = snapshot.by_id(None, sync::compare::LAST, usize::MAX).await.unwrap();
        rows.into_iter().map(|(row, _)| (row.id, row.state)).collect()
    }

    pub async fn waiting(&self) -> u64 {
        self.disk.snapshot().await.unwrap().unsent_count().await.unwrap()
    }
}

pub fn fields(name: &str) -> serde_json::Value {
    json!({"名称": name, "类别": "文体类", "活动社区": "440303001001", "负责人": "李小明"})
}

/// A city and a district beneath it, which have synced.
pub async fn two() -> (Node, Node) {
    let mut nodes = grow(&Arc::new(Schema::embedded().clone()), &[("c", None), ("d", Some("c"))]).await;
    let district = nodes.pop().unwrap();
    (nodes.pop().unwrap(), district)
}

/// A federation, the root first, each base with a node that has synced with the one above it.
pub async fn grow(schema: &Arc<Schema>, bases: &[(&str, Option<&str>)]) -> Vec<Node> {
    let clock = TestClock::default();
    clock.set(1_795_276_800_000);
    let id = |code: &str| base_id(schema, code);
    let mut nodes: Vec<Node> = Vec::new();
    for (code, _) in bases {
        nodes.push(Node::on(Memory::open(schema.clone(), opening()), id(code), schema, &clock).await);
    }
    for (code, parent) in bases {
        nodes[0].office.register_base(&new_base(code, parent.map(id))).await.unwrap();
    }
    for (at, (_, parent)) in bases.iter().enumerate().skip(1) {
        let above = bases.iter().position(|(code, _)| Some(*code) == *parent).unwrap();
        join(&nodes[at].office, &nodes[above].office).await;
        sync(&nodes[at], &nodes[above]).await;
    }
    nodes
}

/// What travelled in a round.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    pub resync: bool,
    pub pushed: usize,
    pub pulled: usize,
    pub ranges: usize,
    pub rows: usize,
    pub questions: usize,
}

impl Traffic {
    pub fn records(&self) -> (usize, usize) {
        (self.pushed, self.pulled)
    }
}

/// Counts what a comparison asks; fails when it is told to.
pub struct Meter<'p> {
    pub direct: Direct<'p, Memory>,
    pub traffic: Traffic,
    pub broken: bool,
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
pub struct Session<'n> {
    pub child: &'n Node,
    pub parent: &'n Node,
    pub id: u64,
    pub welcome: Welcome,
    pub round: Round<Memory>,
    pub traffic: Traffic,
}

pub async fn greet(child: &Node, parent: &Node) -> (u64, Welcome, Vec<Incoming>) {
    let (hello, digest): (Hello, _) = child.office.hello("test").await.unwrap();
    let session = parent.office.handshake(child.office.me().base, &hello, &digest).await.unwrap();
    let incoming =
        |row: &sync::Row| Incoming { id: row.id, kind: row.kind.clone(), state: row.state.clone() };
    (session.id, session.welcome.clone(), session.registry.iter().map(incoming).collect())
}

impl<'n> Session<'n> {
    pub async fn begin(child: &'n Node, parent: &'n Node) -> Session<'n> {
        let (id, welcome, registry) = greet(child, parent).await;
        let now = parent.office.now_ms();
        let round = child.office.begin_round(id, &welcome, now, 0, "test", &registry).await.unwrap();
        let traffic = Traffic { resync: welcome.resync, ..Traffic::default() };
        Session { child, parent, id, welcome, round, traffic }
    }

    pub async fn compare(&mut self, broken: bool) -> Result<(), OfficeError> {
        let direct =
            Direct { parent: &self.parent.office, child: self.child.office.me().base, session: self.id };
        let mut meter = Meter { direct, traffic: self.traffic, broken };
        let done = self.child.office.spare(&mut self.round, &mut meter).await;
        self.traffic = meter.traffic;
        done
    }

    pub async fn push(&mut self) {
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

    pub async fn pull(&mut self) {
        let mut cursor: Position = self.round.cursor();
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

pub async fn sync(child: &Node, parent: &Node) -> Traffic {
    let mut session = Session::begin(child, parent).await;
    session.compare(false).await.unwrap();
    session.push().await;
    session.pull().await;
    session.traffic
}

/// Both hold the same, and the next round has nothing to do.
pub async fn settled(child: &Node, parent: &Node) {
    assert_eq!(child.states().await, parent.states().await);
    assert_eq!(child.waiting().await, 0);
    let idle = sync(child, parent).await;
    assert_eq!(idle, Traffic::default(), "nothing is left");
}
