//! The parent's side of replication.

use std::sync::Arc;
use std::time::Duration;

use causal::BaseId;
use office::{Office, PulledPage, PushedBatch};
use sync::parent::Hello;
use sync::{Position, Seal, Tick, limits};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use wire::sync::sync_server::Sync as SyncService;
use wire::sync::{
    self as pb, ContractRequest, PullBatch, PullRequest, PushAck, PushBatch, SignedContract, Welcome,
};
use wire::{Outdated, Versions};

use crate::error::{invalid_status, node_status, office_status, status};
use crate::gate::Caller;
use crate::node::{Node, VERSION};
use crate::statement;

/// A child that sends nothing for this long while it pushes, or does not read what it pulls, is let go.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// Pages prepared ahead of a child that pulls.
const PAGES_AHEAD: usize = 2;

pub(crate) struct Desk(pub Arc<Node>);

type Answers<T> = ReceiverStream<Result<T, Status>>;

fn caller<T>(request: &Request<T>) -> Result<BaseId, Status> {
    let missing = || status("not_allowed", "没有出示证书 / no certificate was presented");
    request.extensions().get().map(|Caller(base)| *base).ok_or_else(missing)
}

#[tonic::async_trait]
impl SyncService for Desk {
    type PushStream = Answers<PushAck>;
    type PullStream = Answers<PullBatch>;

    async fn handshake(&self, request: Request<pb::Hello>) -> Result<Response<Welcome>, Status> {
        let office = &self.0.office;
        let received_at_ms = office.now_ms();
        let child = caller(&request)?;
        let said = request.into_inner();
        let theirs = Versions::told(said.protocol, said.protocol_oldest);
        let protocol = wire::OURS.settle(theirs).map_err(outdated)?;
        if said.base != child.0 {
            return Err(status("not_allowed", "证书与所报基地不符 / the certificate is another base's"));
        }
        let hello = Hello::try_from(&said).map_err(invalid_status)?;
        let session = office.handshake(child, &hello, &said.registry_digest).await.map_err(office_status)?;
        let (statement_at_ms, statement) = statement::latest(&self.0).await.map_err(node_status)?;
        Ok(Response::new(Welcome {
            protocol,
            session: session.id,
            position: Some(session.welcome.position.into()),
            epoch: session.welcome.epoch,
            resync: session.welcome.resync,
            received_at_ms,
            answered_at_ms: office.now_ms(),
            version: VERSION.into(),
            schema_digest: office.schema().digest.to_vec(),
            contract_version: office.schema().version,
            signed_contract: self.0.contract.version(),
            spread_ms: session.spread_ms,
            registry: wire::pack_all(&session.registry).map_err(invalid_status)?,
            quarantined: session.welcome.quarantined.iter().map(|id| id.0.to_vec()).collect(),
            statement_at_ms,
            statement: (statement_at_ms > said.statement_at_ms).then_some(statement),
        }))
    }

    async fn push(
        &self,
        request: Request<Streaming<PushBatch>>,
    ) -> Result<Response<Self::PushStream>, Status> {
        let child = caller(&request)?;
        let (answers, stream) = mpsc::channel(limits::TRANSACTION_RECORDS / limits::BATCH_RECORDS * 2);
        let office = self.0.office.clone();
        tokio::spawn(async move {
            let (groups, gathered) = mpsc::channel(1);
            let gathering = gather(request.into_inner(), groups, answers.clone());
            tokio::join!(gathering, apply(office, child, gathered, answers));
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn compare_ranges(
        &self,
        request: Request<pb::RangesAsked>,
    ) -> Result<Response<pb::RangesTold>, Status> {
        let child = caller(&request)?;
        let asked = request.into_inner();
        let ranges = (&asked).try_into().map_err(invalid_status)?;
        let told = self.0.office.compare_ranges(child, asked.session, &ranges).await;
        Ok(Response::new(pb::RangesTold::of(asked.session, &told.map_err(office_status)?)))
    }

    async fn compare_rows(&self, request: Request<pb::RowsAsked>) -> Result<Response<pb::RowsTold>, Status> {
        let child = caller(&request)?;
        let asked = request.into_inner();
        let rows = (&asked).try_into().map_err(invalid_status)?;
        let told = self.0.office.compare_rows(child, asked.session, &rows).await;
        Ok(Response::new(pb::RowsTold::of(asked.session, &told.map_err(office_status)?)))
    }

    async fn pull(&self, request: Request<PullRequest>) -> Result<Response<Self::PullStream>, Status> {
        let child = caller(&request)?;
        let asked = request.into_inner();
        let cursor = Position::from(asked.cursor.unwrap_or_default());
        let (pages, stream) = mpsc::channel(PAGES_AHEAD);
        let office = self.0.office.clone();
        tokio::spawn(async move {
            if let Err(failure) = send_pages(&office, child, asked.session, cursor, &pages).await {
                // A child that has gone needs no answer.
                pages.send(Err(failure)).await.unwrap_or_default();
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn contract(&self, request: Request<ContractRequest>) -> Result<Response<SignedContract>, Status> {
        caller(&request)?;
        let none = || status("not_found", "本节点没有市级签发的数据约定 / no signed contract here");
        Ok(Response::new(self.0.contract.newest().ok_or_else(none)?.message.clone()))
    }
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

/// Batches of one session, to be applied in one transaction.
struct Group {
    session: u64,
    records: usize,
    batches: Vec<PushedBatch>,
}

/// Reads batches while the one before is being applied; what has come by then goes into one transaction, up to its
/// limit. So a slow disk makes transactions larger, and a single batch never waits for another.
async fn gather(
    mut stream: Streaming<PushBatch>,
    groups: mpsc::Sender<Group>,
    answers: mpsc::Sender<Result<PushAck, Status>>,
) {
    let mut waiting: Option<Group> = None;
    loop {
        let full =
            waiting.as_ref().is_some_and(|g| g.records + limits::BATCH_RECORDS > limits::TRANSACTION_RECORDS);
        tokio::select! {
            permit = groups.reserve(), if waiting.is_some() => match (permit, waiting.take()) {
                (Ok(permit), Some(group)) => permit.send(group),
                _ => return,
            },
            batch = tokio::time::timeout(IDLE_MAX, stream.next()), if !full => {
                let failure = match batch {
                    Ok(Some(Ok(batch))) => match take(&mut waiting, batch) {
                        Ok(()) => continue,
                        Err(failure) => failure,
                    },
                    Ok(Some(Err(failure))) => failure,
                    Ok(None) => break,
                    Err(_) => status("unreachable", "下级长时间没有发来内容 / the child fell silent"),
                };
                answers.send(Err(failure)).await.unwrap_or_default();
                break;
            }
        }
    }
    if let Some(group) = waiting {
        groups.send(group).await.unwrap_or_default();
    }
}

fn take(waiting: &mut Option<Group>, batch: PushBatch) -> Result<(), Status> {
    let unpacked = match &batch.records {
        Some(packed) => wire::unpack(packed).map_err(invalid_status)?,
        None => wire::Unpacked::default(),
    };
    if batch.seals.len() > limits::SEALS {
        return Err(status("invalid", "封存点太多 / too many seals"));
    }
    let seals =
        batch.seals.into_iter().map(Seal::try_from).collect::<Result<_, _>>().map_err(invalid_status)?;
    let group = waiting.get_or_insert(Group { session: batch.session, records: 0, batches: Vec::new() });
    if group.session != batch.session {
        return Err(status("invalid", "一次上报里混有两个会话 / two sessions in one push"));
    }
    group.records += unpacked.records.len();
    group.batches.push(PushedBatch {
        index: batch.index,
        records: unpacked.records,
        revisions: unpacked.revisions,
        last: batch.last,
        seals,
    });
    Ok(())
}

async fn apply(
    office: Arc<Office>,
    child: BaseId,
    mut groups: mpsc::Receiver<Group>,
    answers: mpsc::Sender<Result<PushAck, Status>>,
) {
    while let Some(group) = groups.recv().await {
        let indexes: Vec<u32> = group.batches.iter().map(|b| b.index).collect();
        match office.receive(child, group.session, group.batches).await {
            Ok(acked) => {
                for (index, (position, verdicts)) in indexes.into_iter().zip(acked) {
                    let said = verdicts.iter().filter_map(|(id, v)| pb::Verdict::of(*id, v)).collect();
                    let position = Some(position.into());
                    let ack = PushAck { session: group.session, index, position, verdicts: said };
                    if answers.send(Ok(ack)).await.is_err() {
                        return;
                    }
                }
            }
            Err(error) => {
                answers.send(Err(office_status(error))).await.unwrap_or_default();
                return;
            }
        }
    }
}

async fn send_pages(
    office: &Office,
    child: BaseId,
    session: u64,
    mut cursor: Position,
    pages: &mpsc::Sender<Result<PullBatch, Status>>,
) -> Result<(), Status> {
    for index in 0.. {
        let page = office.page(child, session, cursor).await.map_err(office_status)?;
        cursor = page.position;
        let end = page.end;
        let batch = pull_batch(session, index, page)?;
        match tokio::time::timeout(IDLE_MAX, pages.send(Ok(batch))).await {
            Ok(Ok(())) if !end => {}
            _ => return Ok(()),
        }
    }
    Ok(())
}

fn pull_batch(session: u64, index: u32, page: PulledPage) -> Result<PullBatch, Status> {
    let packed = (!page.rows.is_empty()).then(|| wire::pack(&page.rows, &[]));
    Ok(PullBatch {
        session,
        index,
        position: Some(page.position.into()),
        records: packed.transpose().map_err(invalid_status)?,
        withdrawn: page.withdrawn.iter().map(|id| id.0.to_vec()).collect(),
        end: page.end,
        ticks: page.ticks.iter().map(|t: &Tick| t.into()).collect(),
    })
}
