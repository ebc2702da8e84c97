//! The parent's side of replication.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use causal::BaseId;
use office::{Office, PulledPage, Session};
use sync::parent::Hello;
use sync::{Position, Tick};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};
use wire::sync::sync_server::Sync as SyncService;
use wire::sync::{
    self as pb, ContractRequest, PullBatch, PullRequest, PushAck, PushBatch, SignedContract, Welcome,
};
use wire::{Outdated, Versions};

use crate::error::{invalid_status, node_status, office_status, status};
use crate::gate::{self, Caller};
use crate::node::{Node, VERSION};
use crate::service::pushed::{fell_silent, take_push};
use crate::service::{conduct, watch};
use crate::statement;

/// A child that sends nothing for this long while it pushes, or does not read what it pulls, is let go.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(60);
/// Pages prepared ahead of a child that pulls.
const PAGES_AHEAD: usize = 2;

/// The node, and the word that it stops.
pub(crate) struct Desk(pub Arc<Node>, pub tokio::sync::watch::Receiver<bool>);

type RoundAnswers = Pin<Box<dyn Stream<Item = Result<pb::RoundDown, Status>> + Send>>;
type Answers<T> = ReceiverStream<Result<T, Status>>;

/// Answers of which the first is there: it goes out together with the response's head, and with its end if it is the only
/// one.
type Begun<T> =
    tokio_stream::adapters::Chain<tokio_stream::Iter<std::option::IntoIter<Result<T, Status>>>, Answers<T>>;

async fn begun<T>(mut answers: mpsc::Receiver<Result<T, Status>>) -> Begun<T> {
    let first = answers.recv().await;
    tokio_stream::iter(first).chain(ReceiverStream::new(answers))
}

fn caller<T>(request: &Request<T>) -> Result<BaseId, Status> {
    let missing = || status("not_allowed", "没有出示证书 / no certificate was presented");
    request.extensions().get().map(|Caller(base)| *base).ok_or_else(missing)
}

#[tonic::async_trait]
impl SyncService for Desk {
    type PushStream = Begun<PushAck>;
    type RoundStream = RoundAnswers;
    type PullStream = Begun<PullBatch>;
    type WatchStream = Answers<pb::WatchDown>;

    async fn handshake(&self, request: Request<pb::Hello>) -> Result<Response<Welcome>, Status> {
        let received_at_ms = self.0.office.now_ms();
        let child = caller(&request)?;
        let said = request.into_inner();
        if said.base != child.0 {
            return Err(status("not_allowed", "证书与所报基地不符 / the certificate is another base's"));
        }
        Ok(Response::new(greet(&self.0, child, &said, received_at_ms).await?))
    }

    async fn push(
        &self,
        request: Request<Streaming<PushBatch>>,
    ) -> Result<Response<Self::PushStream>, Status> {
        let child = caller(&request)?;
        conduct::stream(&self.0, child)?;
        let acks = take_push(&self.0, child, request.into_inner());
        Ok(Response::new(begun(acks).await))
    }

    async fn round(
        &self,
        request: Request<Streaming<pb::RoundUp>>,
    ) -> Result<Response<Self::RoundStream>, Status> {
        let received_at_ms = self.0.office.now_ms();
        let child = caller(&request)?;
        let mut words = request.into_inner();
        let first = tokio::time::timeout(IDLE_MAX, words.message()).await.map_err(|_| fell_silent())?;
        let first = first.map_err(|failure| conduct::ended(&self.0, child, failure))?;
        let said = first.unwrap_or_default().into_hello(&child.0);
        let said = said.map_err(|invalid| conduct::broken(&self.0, child, invalid))?;
        let welcome = greet(&self.0, child, &said, received_at_ms).await?;
        conduct::stream(&self.0, child)?;
        let (session, timeline) = (welcome.session, welcome.position.unwrap_or_default().timeline);
        let batch = move |word: pb::RoundUp| word.into_batch(session, timeline).map_err(invalid_status);
        let acks = take_push(&self.0, child, words.map(move |word| word.and_then(batch)));
        let acks = ReceiverStream::new(acks).map(move |ack| Ok(pb::RoundDown::ack(ack?, timeline)));
        let first = tokio_stream::iter(Some(Ok(pb::RoundDown::welcome(welcome))));
        let answers: RoundAnswers = Box::pin(first.chain(acks));
        Ok(Response::new(answers))
    }

    async fn compare_ranges(
        &self,
        request: Request<pb::RangesAsked>,
    ) -> Result<Response<pb::RangesTold>, Status> {
        let child = caller(&request)?;
        conduct::go_on(&self.0, child)?;
        let asked = request.into_inner();
        let ranges = (&asked).try_into().map_err(|invalid| conduct::broken(&self.0, child, invalid))?;
        let told = self.0.office.compare_ranges(child, asked.session, &ranges);
        let told = conduct::timed(&self.0, child, told).await;
        Ok(Response::new(pb::RangesTold::of(asked.session, &told.map_err(office_status)?)))
    }

    async fn compare_rows(&self, request: Request<pb::RowsAsked>) -> Result<Response<pb::RowsTold>, Status> {
        let child = caller(&request)?;
        conduct::go_on(&self.0, child)?;
        let asked = request.into_inner();
        let rows = (&asked).try_into().map_err(|invalid| conduct::broken(&self.0, child, invalid))?;
        let told = self.0.office.compare_rows(child, asked.session, &rows);
        let told = conduct::timed(&self.0, child, told).await;
        Ok(Response::new(pb::RowsTold::of(asked.session, &told.map_err(office_status)?)))
    }

    async fn pull(&self, request: Request<PullRequest>) -> Result<Response<Self::PullStream>, Status> {
        let child = caller(&request)?;
        conduct::stream(&self.0, child)?;
        let asked = request.into_inner();
        let cursor = Position::from(asked.cursor.unwrap_or_default());
        let (pages, stream) = mpsc::channel(PAGES_AHEAD);
        let node = self.0.clone();
        tokio::spawn(async move {
            if let Err(failure) = send_pages(&node, child, asked.session, cursor, &pages).await {
                // A child that has gone needs no answer.
                pages.send(Err(failure)).await.unwrap_or_default();
            }
        });
        Ok(Response::new(begun(stream).await))
    }

    async fn contract(&self, request: Request<ContractRequest>) -> Result<Response<SignedContract>, Status> {
        conduct::go_on(&self.0, caller(&request)?)?;
        let none = || status("not_found", "本节点没有市级签发的数据约定 / no signed contract here");
        Ok(Response::new(self.0.contract.newest().ok_or_else(none)?.message.clone()))
    }

    async fn watch(
        &self,
        request: Request<Streaming<pb::WatchUp>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let child = caller(&request)?;
        let serial = gate::serial(&request)?;
        let line = self.0.office.watch_open(child, &serial).map_err(office_status)?;
        let (told, stream) = mpsc::channel(watch::WORDS_AHEAD);
        let (office, stopped) = (self.0.office.clone(), self.1.clone());
        tokio::spawn(watch::attend(office, line, request.into_inner(), told, stopped));
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

/// Opens a session for a child that says who it is and where it stands.
async fn greet(node: &Node, child: BaseId, said: &pb::Hello, received_at_ms: u64) -> Result<Welcome, Status> {
    let office = &node.office;
    conduct::begin(node, child)?;
    let protocol = settle(said)?;
    let told = Hello::try_from(said).map_err(|invalid| conduct::broken(node, child, invalid))?;
    let hello = Hello { clock_offset_ms: clock_offset(received_at_ms, said.sent_at_ms), ..told };
    let stands = hello.heartbeat.map(|beat| beat.position);
    let session = office.handshake(child, &hello, &said.registry_digest).await.map_err(office_status)?;
    if session.heard_more {
        tokio::spawn(keep_heartbeat(office.clone(), child, session.id));
    }
    let (statement_at_ms, statement) = statement::latest(node).await.map_err(node_status)?;
    let statement = (statement_at_ms > said.statement_at_ms).then_some(statement);
    let welcome = welcome_message(office, &session, stands, office.now_ms()).map_err(invalid_status)?;
    let welcome = Welcome {
        protocol,
        received_at_ms,
        letter_key: node.letter_key.recipient().to_bytes().to_vec(),
        signed_contract: node.contract.version(),
        statement_at_ms,
        statement,
        ..welcome
    };
    Ok(welcome.without_known(said.facts))
}

/// What a child told of itself is kept with what it delivers, mostly within a moment; after this long without that it is
/// kept by itself.
const HEARTBEAT_KEPT_AFTER: Duration = Duration::from_secs(2);

async fn keep_heartbeat(office: Arc<Office>, child: BaseId, session: u64) {
    tokio::time::sleep(HEARTBEAT_KEPT_AFTER).await;
    if let Err(error) = office.keep_heartbeat(child, session).await {
        tracing::warn!(%error, %child, "what a child told of itself is not kept");
    }
}

/// This node's clock minus the child's, the way through the network included; none when the child does not tell its.
fn clock_offset(received_at_ms: u64, sent_at_ms: u64) -> Option<i64> {
    let signed = |ms| i64::try_from(ms).unwrap_or(i64::MAX);
    (sent_at_ms > 0).then(|| signed(received_at_ms) - signed(sent_at_ms))
}

/// The version of the protocol to use with a child.
pub(crate) fn settle(said: &pb::Hello) -> Result<u32, Status> {
    let theirs = Versions::told(said.protocol, said.protocol_oldest);
    wire::OURS.settle(theirs).map_err(outdated)
}

/// Who has to be upgraded, in words for the person at the child.
fn outdated(outdated: Outdated) -> Status {
    let words = match outdated {
        Outdated::Theirs => {
            "本节点的程序太旧,上级已不再支持:请升级本节点的程序 / this node's program is too old, upgrade it"
        }
        Outdated::Ours => {
            "上级的程序太旧,不能与本节点同步:请上级升级程序 / the parent's program is too old, have it upgraded"
        }
    };
    status("conflict", format!("{words}。已录入的内容都在本机,没有丢失"))
}

/// The answer to a handshake of a child that says where it stands, but for what only a live one tells.
pub(crate) fn welcome_message(
    office: &Office,
    session: &Session,
    stands: Option<Position>,
    answered_at_ms: u64,
) -> Result<Welcome, wire::Invalid> {
    Ok(Welcome {
        protocol: wire::PROTOCOL,
        session: session.id,
        position: Some(session.welcome.position.into()),
        epoch: session.welcome.epoch,
        resync: session.welcome.resync,
        received_at_ms: answered_at_ms,
        answered_at_ms,
        version: VERSION.into(),
        contract_version: office.schema().version,
        signed_contract: 0,
        spread_ms: session.spread_ms,
        registry: wire::pack_all(&session.registry)?,
        quarantined: session.welcome.quarantined.iter().map(|id| id.0.to_vec()).collect(),
        letter_key: Vec::new(),
        // A child that still stands there learns nothing from it.
        stood: session.welcome.stood.filter(|stood| Some(*stood) != stands).map(Into::into),
        clone: session.welcome.clone,
        statement_at_ms: 0,
        statement: None,
        facts: 0,
    })
}

async fn send_pages(
    node: &Node,
    child: BaseId,
    session: u64,
    mut cursor: Position,
    pages: &mpsc::Sender<Result<PullBatch, Status>>,
) -> Result<(), Status> {
    for index in 0.. {
        let page = conduct::timed(node, child, node.office.page(child, session, cursor)).await;
        let page = page.map_err(office_status)?;
        cursor = page.position;
        let end = page.end;
        let batch = pull_batch(session, index, page).map_err(invalid_status)?;
        match tokio::time::timeout(IDLE_MAX, pages.send(Ok(batch))).await {
            Ok(Ok(())) if !end => {}
            _ => return Ok(()),
        }
    }
    Ok(())
}

pub(crate) fn pull_batch(session: u64, index: u32, page: PulledPage) -> Result<PullBatch, wire::Invalid> {
    let packed = (!page.rows.is_empty()).then(|| wire::pack(&page.rows, &[]));
    Ok(PullBatch {
        session,
        index,
        position: Some(page.position.into()),
        records: packed.transpose()?,
        withdrawn: page.withdrawn.iter().map(|id| id.0.to_vec()).collect(),
        end: page.end,
        ticks: page.ticks.iter().map(|t: &Tick| t.into()).collect(),
    })
}
