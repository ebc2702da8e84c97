//! The parent's side of replication.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use causal::BaseId;
use office::{Acked, Office, PulledPage, PushedBatch, Session};
use sync::conduct::Deed;
use sync::parent::Hello;
use sync::{Position, Seal, Tick, limits};
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc};
use tokio::time::Instant;
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
use crate::service::{conduct, watch};
use crate::statement;

/// A child that sends nothing for this long while it pushes, or does not read what it pulls, is let go.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// A group that is neither full nor at its end waits this long for more: two transactions cost more than one.
const PATIENCE: Duration = Duration::from_millis(15);
/// Pages prepared ahead of a child that pulls.
const PAGES_AHEAD: usize = 2;

/// The node, and the word that it stops.
pub(crate) struct Desk(pub Arc<Node>, pub tokio::sync::watch::Receiver<bool>);

type Answers<T> = ReceiverStream<Result<T, Status>>;

/// Answers of which the first is there: it goes out together with the response's head, and with its end if it is the only
/// one.
type Begun<T> =
    tokio_stream::adapters::Chain<tokio_stream::Iter<std::option::IntoIter<Result<T, Status>>>, Answers<T>>;

type RoundAnswers = Pin<Box<dyn Stream<Item = Result<pb::RoundDown, Status>> + Send>>;

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
        let first = tokio::time::timeout(IDLE_MAX, words.message()).await.map_err(|_| fell_silent())??;
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

/// Whether a stream ended because of what came over it, and not because of the line.
fn is_broken(failure: &Status) -> bool {
    use tonic::Code::{Internal, InvalidArgument, OutOfRange, ResourceExhausted};
    matches!(failure.code(), Internal | InvalidArgument | OutOfRange | ResourceExhausted)
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

/// The right to write what a child pushed.
struct Turn {
    /// Nobody else's push is written meanwhile.
    hub: OwnedMutexGuard<()>,
    /// The child's last group has been answered: one that does not read its answers holds up nobody else.
    child: OwnedMutexGuard<()>,
}

/// Waits for the turn of one child's stream, of which `own` is the lock.
async fn turn(own: Arc<Mutex<()>>, intake: Arc<Mutex<()>>) -> Turn {
    let child = own.lock_owned().await;
    Turn { hub: intake.lock_owned().await, child }
}

fn fell_silent() -> Status {
    status("unreachable", "下级长时间没有发来内容 / the child fell silent")
}

/// Takes what a child pushes, and tells what became of it.
fn take_push(
    node: &Arc<Node>,
    child: BaseId,
    batches: impl Stream<Item = Result<PushBatch, Status>> + Send + Unpin + 'static,
) -> mpsc::Receiver<Result<PushAck, Status>> {
    let (answers, acks) = mpsc::channel(limits::TRANSACTION_RECORDS / limits::BATCH_RECORDS * 2);
    let node = node.clone();
    tokio::spawn(async move {
        let (groups, gathered) = mpsc::channel(1);
        let gathering = async {
            if let Err(failure) = gather(batches, node.intake.clone(), groups).await {
                if is_broken(&failure) {
                    node.note(child, Deed::Broken);
                }
                answers.send(Err(failure)).await.unwrap_or_default();
            }
        };
        tokio::join!(gathering, apply(&node, child, gathered, answers.clone()));
    });
    acks
}

/// Batches of one session, to be applied in one transaction.
struct Group {
    session: u64,
    records: usize,
    batches: Vec<PushedBatch>,
    /// Nothing comes after it.
    last: bool,
    /// More of it is waited for until then.
    until: Instant,
    /// Where the pull starts that follows the last of them.
    pull_after: Option<Position>,
}

impl Group {
    /// Counted in batches too, for each may be large however few records it holds.
    fn is_full(&self) -> bool {
        self.records + limits::BATCH_RECORDS > limits::TRANSACTION_RECORDS
            || self.batches.len() >= limits::TRANSACTION_RECORDS / limits::BATCH_RECORDS
    }
}

/// Reads batches until it is this child's turn to be written; what has come by then goes into one transaction, up to
/// its limit. So a slow disk or many children make transactions larger, and the last batch never waits.
async fn gather(
    mut batches: impl Stream<Item = Result<PushBatch, Status>> + Unpin,
    intake: Arc<Mutex<()>>,
    groups: mpsc::Sender<(Group, Turn)>,
) -> Result<(), Status> {
    let mut waiting: Option<Group> = None;
    let own = Arc::new(Mutex::new(()));
    let mut next = Box::pin(turn(own.clone(), intake.clone()));
    let ended = loop {
        let full = waiting.as_ref().is_some_and(Group::is_full);
        let until = waiting.as_ref().filter(|group| !(full || group.last)).map(|group| group.until);
        let until = until.filter(|until| *until > Instant::now());
        tokio::select! {
            // The loop looks again.
            () = tokio::time::sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {}
            // Asked only while something waits: a turn that is given must be taken.
            turn_now = &mut next, if waiting.is_some() && until.is_none() => {
                let Some(group) = waiting.take() else { return Ok(()) };
                if groups.send((group, turn_now)).await.is_err() {
                    return Ok(());
                }
                next.set(turn(own.clone(), intake.clone()));
            },
            batch = tokio::time::timeout(IDLE_MAX, batches.next()), if !full => {
                let failure = match batch {
                    Ok(Some(Ok(batch))) => match take(&mut waiting, batch) {
                        Ok(()) => continue,
                        Err(failure) => failure,
                    },
                    Ok(Some(Err(failure))) => failure,
                    Ok(None) => break Ok(()),
                    Err(_) => fell_silent(),
                };
                break Err(failure);
            }
        }
    };
    if let Some(group) = waiting {
        groups.send((group, next.await)).await.unwrap_or_default();
    }
    ended
}

fn take(waiting: &mut Option<Group>, batch: PushBatch) -> Result<(), Status> {
    let session = batch.session;
    let pull_after = batch.cursor.filter(|_| batch.last).map(Position::from);
    let batch = pushed_batch(batch).map_err(invalid_status)?;
    let group = waiting.get_or_insert(Group {
        session,
        records: 0,
        batches: Vec::new(),
        last: false,
        until: Instant::now() + PATIENCE,
        pull_after: None,
    });
    if group.session != session {
        return Err(status("invalid", "一次上报里混有两个会话 / two sessions in one push"));
    }
    group.records += batch.records.len();
    group.last |= batch.last;
    group.batches.push(batch);
    group.pull_after = pull_after;
    Ok(())
}

/// A batch within its limits, whatever the message claims.
pub(crate) fn pushed_batch(batch: PushBatch) -> Result<PushedBatch, wire::Invalid> {
    let unpacked = match &batch.records {
        Some(packed) => wire::unpack(packed)?,
        None => wire::Unpacked::default(),
    };
    if batch.seals.len() > limits::SEALS {
        return Err(wire::Invalid { field: "batch.seals" });
    }
    Ok(PushedBatch {
        index: batch.index,
        records: unpacked.records,
        revisions: unpacked.revisions,
        last: batch.last,
        seals: batch.seals.into_iter().map(Seal::try_from).collect::<Result<_, _>>()?,
    })
}

async fn apply(
    node: &Node,
    child: BaseId,
    mut groups: mpsc::Receiver<(Group, Turn)>,
    answers: mpsc::Sender<Result<PushAck, Status>>,
) {
    while let Some((group, Turn { hub, child: _answered })) = groups.recv().await {
        let indexes: Vec<u32> = group.batches.iter().map(|b| b.index).collect();
        let corrected = node.office.corrections_of(child);
        let received = node.office.receive(child, group.session, group.batches).await;
        drop(hub);
        match received {
            Ok(acked) => {
                let corrected = node.office.corrections_of(child).saturating_sub(corrected);
                let verdicts = acked.iter().flat_map(|(_, verdicts)| verdicts).map(|(_, verdict)| verdict);
                conduct::judged(node, child, verdicts, corrected);
                let ack = |(index, acked)| push_ack(group.session, index, &acked);
                let mut acks: Vec<PushAck> = indexes.into_iter().zip(acked).map(ack).collect();
                if let (Some(cursor), Some(last)) = (group.pull_after, acks.last_mut()) {
                    last.below = whole_pull(node, child, group.session, cursor).await;
                }
                for ack in acks {
                    if answers.send(Ok(ack)).await.is_err() {
                        return;
                    }
                }
                if group.last {
                    return;
                }
                // What was answered is settled; the rest of the push waits for the next round.
                if let Err(slowed) = conduct::go_on(node, child) {
                    answers.send(Err(slowed)).await.unwrap_or_default();
                    return;
                }
            }
            Err(error) => {
                answers.send(Err(office_status(error))).await.unwrap_or_default();
                return;
            }
        }
    }
}

/// What a pull would bring, where one batch is all; mostly it is nothing, and the child is spared the question.
async fn whole_pull(node: &Node, child: BaseId, session: u64, cursor: Position) -> Option<PullBatch> {
    // Why it cannot be told now is told to the child that asks for it.
    let page = conduct::timed(node, child, node.office.whole_pull(child, session, cursor)).await.ok()??;
    pull_batch(session, 0, page).ok()
}

/// The acknowledgement of a batch; records that were simply taken are not named.
pub(crate) fn push_ack(session: u64, index: u32, (position, verdicts): &Acked) -> PushAck {
    let said = verdicts.iter().filter_map(|(id, v)| pb::Verdict::of(*id, v)).collect();
    PushAck { session, index, position: Some((*position).into()), verdicts: said, below: None }
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
