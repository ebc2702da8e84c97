//! Nodes for the cases: made, joined and driven through their own services.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use node::{Attached, InitOptions, JoinOptions};
use serde_json::{Map, Value};
use tokio_stream::StreamExt as _;
use wire::admin::import_event::Event as ImportEvent;
use wire::admin::{
    ImportChunk, ImportOptions, ImportReport, InviteRequest, StatusRequest, SyncNowRequest, SyncReport,
    sync_event,
};
use wire::record::{ListAnswer, ListRequest, PutBatchRequest, PutRequest};

use crate::process::Process;
use crate::records;
use crate::relay::Relay;

/// Records saved with one call while a node is filled.
const PUTS_EACH: usize = 500;
/// What one message of an import carries.
const CHUNK_BYTES: usize = 256 * 1024;

/// A node: its folder, its process, the connection to its own services.
pub struct Node {
    /// Its data folder.
    pub folder: PathBuf,
    /// Its base's id.
    pub base: String,
    listen: SocketAddr,
    /// Counts what passes to and from its parent.
    pub relay: Option<Relay>,
    running: Option<(Process, Attached)>,
}

/// Lays out a node's folder with its settings: no schedule, and unless it is `live` nothing happens by itself.
fn lay_out(folder: &Path, listen: SocketAddr, parent: &str, live: bool) -> anyhow::Result<()> {
    let text =
        format!("listen = \"{listen}\"\nparent = \"{parent}\"\n\n[sync]\nevery_minutes = 0\nlive = {live}\n");
    let made =
        std::fs::create_dir_all(folder).and_then(|()| std::fs::write(folder.join("shuniu.toml"), text));
    made.with_context(|| format!("making {}", folder.display()))
}

/// Below the ports that systems give to outgoing connections: one of those could take a node's port while it restarts.
const PORTS: std::ops::Range<u16> = 12_000..20_000;

fn free_port() -> anyhow::Result<SocketAddr> {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two benchmarks at once begin at different places.
    let first = std::process::id() as u16 % (PORTS.end - PORTS.start);
    for _ in PORTS {
        let port = PORTS.start + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % (PORTS.end - PORTS.start);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    anyhow::bail!("no free port")
}

/// Makes the root, 市级, and starts it.
pub async fn root(folder: &Path) -> anyhow::Result<Node> {
    let listen = free_port()?;
    lay_out(folder, listen, "", false)?;
    let options = InitOptions {
        federation: "性能测试".into(),
        name: "市基地".into(),
        code: "440300".into(),
        rung: "city".into(),
        jurisdiction: vec!["440300000000".into()],
        listen: listen.to_string(),
        advertise: String::new(),
    };
    let made = node::init(folder, &options).await?;
    let mut node = Node { folder: folder.to_owned(), base: made.base, listen, relay: None, running: None };
    node.start().await?;
    Ok(node)
}

/// A base to be registered and joined.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its code.
    pub code: String,
    /// Its rung: district or street.
    pub rung: &'static str,
    /// Whether the bytes between it and its parent are counted.
    pub counted: bool,
    /// Whether it watches its parent, and changes go up and come down at once.
    pub live: bool,
}

impl Plan {
    /// A street that syncs when it is told to.
    pub fn street(code: &str) -> Plan {
        Plan { code: code.into(), rung: "street", counted: false, live: false }
    }

    /// A district that syncs when it is told to.
    pub fn district(code: &str) -> Plan {
        Plan { rung: "district", ..Plan::street(code) }
    }
}

impl Node {
    /// Registers a base beneath this one, which must be the root.
    pub async fn register(&self, plan: &Plan, parent: &str) -> anyhow::Result<()> {
        let text = |value: &str| Value::from(value.to_owned());
        let fields = [
            ("code", text(&plan.code)),
            ("name", text(&format!("基地{}", plan.code))),
            ("rung", text(plan.rung)),
            ("parent", text(parent)),
            ("standing", text("active")),
            ("jurisdiction", text(&format!("{:0<12}", plan.code))),
        ];
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.put("base", vec![Put { id: String::new(), fields }]).await.map(drop)
    }

    /// Lets a registered base join beneath this node, and starts it.
    pub async fn adopt(&self, plan: &Plan, folder: &Path) -> anyhow::Result<Node> {
        let mut node = self.invite(plan, folder).await?;
        node.start().await?;
        // The first round after joining tells the registry's records once more; it is no case's.
        node.sync().await?;
        Ok(node)
    }

    /// Lets a registered base join beneath this node.
    pub async fn invite(&self, plan: &Plan, folder: &Path) -> anyhow::Result<Node> {
        let relay = if plan.counted { Some(Relay::to(self.listen).await?) } else { None };
        let parent = relay.as_ref().map_or(self.listen, Relay::address).to_string();
        let request =
            InviteRequest { base: plan.code.clone(), address: parent.clone(), ..InviteRequest::default() };
        let invite = self.services()?.admin().invite(request).await.context("inviting")?.into_inner();
        let listen = free_port()?;
        lay_out(folder, listen, &parent, plan.live)?;
        let joined = node::join(folder, &invite.file, &JoinOptions::default()).await.context("joining")?;
        Ok(Node { folder: folder.to_owned(), base: joined.base, listen, relay, running: None })
    }

    /// Starts its process.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        let process = Process::start(&self.folder).await?;
        let services = node::attach(&self.folder).await?;
        self.running = Some((process, services));
        Ok(())
    }

    /// Ends its process.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let Some((process, services)) = self.running.take() else { return Ok(()) };
        services.close().await;
        process.stop().await
    }

    /// Stops and starts it, so that what it holds in memory is only what follows.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        self.start().await
    }

    /// Its process.
    pub fn process(&self) -> anyhow::Result<&Process> {
        Ok(&self.running.as_ref().context("the node is stopped")?.0)
    }

    fn services(&self) -> anyhow::Result<&Attached> {
        Ok(&self.running.as_ref().context("the node is stopped")?.1)
    }

    /// Its database.
    pub fn database(&self) -> PathBuf {
        self.folder.join("shuniu.db")
    }

    /// How many bytes have passed between it and its parent.
    pub fn wire_bytes(&self) -> u64 {
        self.relay.as_ref().map_or(0, Relay::bytes)
    }
}

/// An edit.
#[derive(Debug, Clone)]
pub struct Put {
    /// The record; empty: a new one.
    pub id: String,
    /// The fields to set.
    pub fields: Map<String, Value>,
}

/// A round with the parent: what it did, and how long it took.
#[derive(Debug, Clone)]
pub struct Round {
    /// What the node says of it.
    pub report: SyncReport,
    /// From the request to the answer.
    pub took: Duration,
}

impl Node {
    /// Saves edits, all or none; answers with the records' ids.
    pub async fn put(&self, kind: &str, puts: Vec<Put>) -> anyhow::Result<Vec<String>> {
        let one = |put: Put| PutRequest {
            kind: kind.to_owned(),
            id: put.id,
            json: Value::Object(put.fields).to_string(),
            user: "bench".into(),
            ..PutRequest::default()
        };
        let request = PutBatchRequest { puts: puts.into_iter().map(one).collect() };
        let saved = self.services()?.records().put_batch(request).await.context("saving")?.into_inner();
        Ok(saved.answers.into_iter().map(|answer| answer.id).collect())
    }

    /// Saves `count` new records of the node's base, numbered from `first`; answers with their ids.
    pub async fn fill(&self, first: u64, count: u64) -> anyhow::Result<Vec<String>> {
        let numbers: Vec<u64> = (first..first + count).collect();
        let mut ids = Vec::with_capacity(numbers.len());
        for chunk in numbers.chunks(PUTS_EACH) {
            let new = |n: &u64| Put { id: String::new(), fields: records::profile(*n, &self.base) };
            ids.extend(self.put(records::KIND, chunk.iter().map(new).collect()).await?);
        }
        Ok(ids)
    }

    /// Edits records that exist; `who` makes the edits of two sides differ.
    pub async fn edit(&self, ids: &[String], who: &str) -> anyhow::Result<()> {
        let numbered: Vec<(u64, &String)> = (0..).zip(ids).collect();
        for chunk in numbered.chunks(PUTS_EACH) {
            let edit = |(n, id): &(u64, &String)| Put { id: (*id).clone(), fields: records::edit(*n, who) };
            self.put(records::KIND, chunk.iter().map(edit).collect()).await?;
        }
        Ok(())
    }

    /// A round with the parent, from the request to the answer.
    pub async fn sync(&self) -> anyhow::Result<Round> {
        let began = Instant::now();
        let mut events =
            self.services()?.admin().sync_now(SyncNowRequest {}).await.context("syncing")?.into_inner();
        while let Some(event) = events.next().await {
            if let Some(sync_event::Event::Done(report)) = event.context("syncing")?.event {
                return Ok(Round { report, took: began.elapsed() });
            }
        }
        anyhow::bail!("the round ended without a report")
    }

    /// A round in which everything must be taken, `count` records up; the registry's news may travel with them.
    pub async fn push(&self, count: u64) -> anyhow::Result<Round> {
        let round = self.sync().await?;
        let report = &round.report;
        ensure!(report.refused == 0, "{} records were refused", report.refused);
        ensure!(report.pushed >= count, "{} of {count} records were pushed", report.pushed);
        Ok(round)
    }

    /// How many children have completed a round.
    pub async fn children_that_came(&self) -> anyhow::Result<u64> {
        let status = self.services()?.admin().status(StatusRequest {}).await.context("asking")?.into_inner();
        Ok(status.links.iter().filter(|link| !link.up && link.last_success_ms > 0).count() as u64)
    }

    /// A page of a list.
    pub async fn list(&self, request: ListRequest) -> anyhow::Result<ListAnswer> {
        Ok(self.services()?.records().list(request).await.context("listing")?.into_inner())
    }

    /// How many records of a kind it shows; with `disputed` only those with alternatives.
    pub async fn count(&self, kind: &str, disputed: bool) -> anyhow::Result<u64> {
        let request = ListRequest { kind: kind.into(), disputed, limit: 1, ..ListRequest::default() };
        Ok(self.list(request).await?.total)
    }

    /// Imports a file.
    pub async fn import(
        &self,
        kind: &str,
        name: &str,
        bytes: &[u8],
        rows: u32,
    ) -> anyhow::Result<ImportReport> {
        let options = ImportOptions {
            kind: kind.into(),
            file_name: name.into(),
            user: "bench".into(),
            row_limit: rows,
            ..ImportOptions::default()
        };
        let mut chunks = vec![ImportChunk { options: Some(options), data: Vec::new() }];
        let piece = |data: &[u8]| ImportChunk { options: None, data: data.to_vec() };
        chunks.extend(bytes.chunks(CHUNK_BYTES).map(piece));
        let chunks = tokio_stream::iter(chunks);
        let mut events = self.services()?.admin().import(chunks).await.context("importing")?.into_inner();
        while let Some(event) = events.next().await {
            match event.context("importing")?.event {
                Some(ImportEvent::Done(report)) => return Ok(report),
                Some(ImportEvent::Refused(row)) => {
                    anyhow::bail!("row {} was refused: {}", row.line, row.reason)
                }
                _ => {}
            }
        }
        anyhow::bail!("the import ended without a report")
    }
}

/// The root, a street beneath it, and the ids of the street's records.
pub struct Pair {
    /// The root.
    pub city: Node,
    /// The street, at its own counted link.
    pub street: Node,
    /// The street's records.
    pub ids: Vec<String>,
}

/// Time of a processor that both have used.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    /// The root.
    pub city: Duration,
    /// The street.
    pub street: Duration,
}

impl Pair {
    /// A root and a street with `count` records that have not been synced.
    pub async fn filled(folder: &Path, count: u64) -> anyhow::Result<Pair> {
        let mut city = root(&folder.join("city")).await?;
        let plan = Plan { counted: true, ..Plan::street("440303001") };
        city.register(&plan, "440300").await?;
        let mut street = city.adopt(&plan, &folder.join("street")).await?;
        let ids = street.fill(0, count).await?;
        // The registry's news, and the memory that filling took, are not the case's.
        street.restart().await?;
        city.restart().await?;
        Ok(Pair { city, street, ids })
    }

    /// As [`Pair::filled`], synced.
    pub async fn synced(folder: &Path, count: u64) -> anyhow::Result<Pair> {
        let pair = Pair::filled(folder, count).await?;
        pair.street.push(count).await?;
        // What the first round brought down is acknowledged by a second one.
        pair.street.sync().await?;
        Ok(pair)
    }

    /// How much time of a processor each has used so far.
    pub fn cpu(&self) -> anyhow::Result<Cpu> {
        Ok(Cpu { city: self.city.process()?.cpu()?, street: self.street.process()?.cpu()? })
    }

    /// How much since then. Under load it is a steadier measure than the time that passed.
    pub fn cpu_since(&self, then: Cpu) -> anyhow::Result<Cpu> {
        let now = self.cpu()?;
        Ok(Cpu { city: now.city - then.city, street: now.street - then.street })
    }

    /// Ends both.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.street.stop().await?;
        self.city.stop().await
    }
}
