//! Offices on temporary folders, and a round between two of them without a network.

#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "each test binary uses a part")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use causal::BaseId;
use office::{Above, Clock, Me, NewBase, Office, OfficeError, Outside, PulledPage, Put, Secret, Settings};
use schema::Schema;
use serde_json::{Map, Value};
use store::Engine;
use sync::compare::{RangesAsked, RangesTold, RowsAsked, RowsTold};
use sync::parent::Incoming;

/// A clock that a test sets.
#[derive(Clone, Default)]
pub struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

pub async fn open(folder: &Path, schema: &Arc<Schema>, base: BaseId, clock: &TestClock) -> Office {
    let me = Me { base, federation: "测试".into() };
    let outside = Outside::at(clock.clone());
    Office::open(folder, schema.clone(), me, Settings::default(), Secret::new(&[7; 32]), outside)
        .await
        .unwrap()
}

pub fn base_id(schema: &Schema, code: &str) -> BaseId {
    let registry = &schema.registry().unwrap().name;
    BaseId(record::derived_id(registry, &[code.to_owned()]).0)
}

pub fn new_base(code: &str, parent: Option<BaseId>) -> NewBase {
    let name = format!("{code}基地");
    NewBase {
        code: code.into(),
        name,
        rung: "1".into(),
        parent,
        jurisdiction: vec!["440300000000".into()],
        hosted: false,
    }
}

pub fn put(kind: &str, fields: Value) -> Put {
    let fields: Map<String, Value> = fields.as_object().unwrap().clone();
    Put { kind: kind.into(), fields, user: "测试员".into(), ..Put::default() }
}

/// The first tree of a node that has joined.
pub async fn join<E: Engine>(child: &Office<E>, parent: &Office<E>) {
    let session = parent.handshake(child.me().base, &sync::parent::Hello::default(), b"none").await.unwrap();
    let registry: Vec<Incoming> = session.registry.iter().map(incoming).collect();
    child.adopt_registry(parent.me().base, &registry).await.unwrap();
}

fn incoming(row: &sync::Row) -> Incoming {
    Incoming { id: row.id, kind: row.kind.clone(), state: row.state.clone() }
}

/// What a round did: pushed, pulled, refused.
pub type Counts = (u64, u64, u64);

/// The parent of an open session, asked without a network.
pub struct Direct<'p, E: Engine> {
    pub parent: &'p Office<E>,
    pub child: BaseId,
    pub session: u64,
}

impl<E: Engine> Above for Direct<'_, E> {
    type Error = OfficeError;

    async fn ranges(&mut self, asked: &RangesAsked) -> Result<RangesTold, OfficeError> {
        self.parent.compare_ranges(self.child, self.session, asked).await
    }

    async fn rows(&mut self, asked: &RowsAsked) -> Result<RowsTold, OfficeError> {
        self.parent.compare_rows(self.child, self.session, asked).await
    }
}

/// One whole round.
pub async fn round<E: Engine>(child: &Office<E>, parent: &Office<E>) -> Result<Counts, OfficeError> {
    round_apart(child, parent, 0).await
}

/// One whole round of a child whose clock is so far behind its parent's.
pub async fn round_apart<E: Engine>(
    child: &Office<E>,
    parent: &Office<E>,
    offset_ms: i64,
) -> Result<Counts, OfficeError> {
    let me = child.me().base;
    let (hello, digest) = child.hello("test").await?;
    let session = parent.handshake(me, &hello, &digest).await?;
    let registry: Vec<Incoming> = session.registry.iter().map(incoming).collect();
    let now = parent.now_ms();
    let mut round =
        child.begin_round(session.id, &session.welcome, now, offset_ms, "test", &registry).await?;
    child.spare(&mut round, &mut Direct { parent, child: me, session: session.id }).await?;
    while let Some(batch) = child.next_batch(&mut round).await? {
        let index = batch.index;
        let acked = parent.receive(me, session.id, vec![batch.into()]).await?;
        for (position, verdicts) in acked {
            let named = verdicts.into_iter().filter(|(_, v)| *v != sync::parent::Verdict::Ok);
            let named: BTreeMap<_, _> = named.collect();
            child.acknowledge(&mut round, session.id, index, position, named).await?;
        }
    }
    let mut cursor = round.cursor();
    loop {
        let page: PulledPage = parent.page(me, session.id, cursor).await?;
        let outcome = child.receive_page(&mut round, page).await?;
        cursor = outcome.cursor;
        if outcome.end {
            return Ok((round.pushed, round.pulled, round.refused));
        }
    }
}

/// A contract with one more kind, made of the real one and a file that only these tests have.
pub fn with_a_new_kind() -> Arc<Schema> {
    const KIND: &str = r#"
        syntax = "proto3";
        package shuniu.lantern.v1;
        import "shuniu/schema/v1/options.proto";
        message Lantern {
          option (schema.v1.kind) = {label: "灯会" label_en: "Lantern fair" creator: HOME audience_default: NONE widen: HOME natural_key: "number"};
          optional string number = 1 [(schema.v1.field) = {label: "编号" label_en: "Number" rule: OWNER_ONLY owner: HOME required: true}];
          optional string title = 2 [(schema.v1.field) = {label: "名称" label_en: "Title" rule: OWNER_FIRST owner: HOME required: true searchable: true listed: true column: TITLE}];
          optional int32 visitors = 3 [(schema.v1.field) = {label: "人次" label_en: "Visitors" rule: LATEST}];
          repeated string streets = 4 [(schema.v1.field) = {label: "街巷" label_en: "Lanes" rule: UNION}];
          optional string host = 5 [(schema.v1.field) = {label: "主办" label_en: "Host" rule: OWNER_ONLY owner: HOME}];
        }
    "#;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shuniu/lantern/v1/lantern.proto");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, KIND).unwrap();
    let proto = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let mut compiler = protox::Compiler::new([folder.path(), &proto]).unwrap();
    compiler.include_imports(true);
    compiler.open_files(["shuniu/lantern/v1/lantern.proto", "shuniu/base/v1/base.proto"]).unwrap();
    Arc::new(Schema::from_descriptors(&compiler.encode_file_descriptor_set()).unwrap())
}
