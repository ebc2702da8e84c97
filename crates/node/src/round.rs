//! One round with the parent, over gRPC.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causal::RecordId;
use office::{Acked, Acknowledged, Office, Outgoing, PulledPage};
use sync::parent::Incoming;
use sync::{Row, Tick, limits};
use tonic::{Response, Status};
use wire::since;
use wire::sync::sync_client::SyncClient;
use wire::sync::{self as pb, PullRequest, PushAck, PushBatch};

use crate::compare::Parent;
use crate::contract;
use crate::error::NodeError;
use crate::greeting::{Greeted, greet, has_met, open};
use crate::line::{Answers, Line};
use crate::node::{Node, lock};
use crate::scheduler::renew;
use crate::setup::unreachable;
use crate::statement;

/// Batches sent and not yet acknowledged: enough to fill the parent's largest transaction twice.
pub(crate) const WINDOW: usize = 32;
/// Pages that are taken together: what a transaction holds at most.
const PAGES_AT_ONCE: usize = limits::TRANSACTION_RECORDS / limits::BATCH_RECORDS;
/// No acknowledgement, no page for this long: the session is given up and begun anew.
pub(crate) const STUCK_AFTER: Duration = Duration::from_secs(120);

/// How far a round is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub pushed: u64,
    pub to_push: u64,
    pub pulled: u64,
}

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub pushed: u64,
    pub pulled: u64,
    pub withdrawn: u64,
    pub refused: u64,
    pub resync: bool,
    pub spared: u64,
    pub took_ms: u64,
    pub clock_offset_ms: i64,
}

type Round = office::Round<store::Store>;

/// Runs one round; only one at a time. A failure is remembered with the link, and what was settled stays settled.
pub(crate) async fn run(
    node: &Arc<Node>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Report, NodeError> {
    let _one = node.round.lock().await;
    run_alone(node, progress).await
}

/// Runs one round if changes still ask for it once no other round is under way.
pub(crate) async fn run_if_due(node: &Arc<Node>) -> Result<Option<Report>, NodeError> {
    let _one = node.round.lock().await;
    let now_ms = node.office.now_ms();
    if node.office.live_due(&node.schedule).is_none_or(|due| due > now_ms) {
        return Ok(None);
    }
    run_alone(node, &mut |_| {}).await.map(Some)
}

async fn run_alone(
    node: &Arc<Node>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Report, NodeError> {
    let started = Instant::now();
    match attempt(node, progress).await {
        Ok(report) => {
            let took_ms = started.elapsed().as_millis() as u64;
            if node.follow()? {
                node.wake.notify_one();
            }
            // The round has succeeded all the same; the next one tries again.
            if let Err(error) = renew(node).await {
                tracing::warn!(%error, "cannot renew this node's certificate");
            }
            Ok(Report { took_ms, ..report })
        }
        Err(NodeError::NoParent) => Err(NodeError::NoParent),
        Err(error) => {
            node.hang_up();
            // Who answers next may be another program.
            *lock(&node.facts) = None;
            node.office.round_failed(&error.to_string()).await?;
            Err(error)
        }
    }
}

async fn attempt(node: &Arc<Node>, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Report, NodeError> {
    let office = &node.office;
    node.follow()?;
    let Begun { mut client, line, mut round, session, clock_offset_ms } = begin(node).await?;
    let address = &node.parent_address();
    // A comparison may take longer than a parent waits for the first batch.
    let line = line.filter(|_| !round.compares);
    let mut above = Parent { client: &mut client, session, address };
    if node.may_ask(since::COMPARE)
        && let Err(error) = office.spare(&mut round, &mut above).await
    {
        tracing::info!(%error, "cannot compare with the parent: what waits is sent as it is");
    }
    let line = line.unwrap_or_else(|| Line::of_push(&client));
    if !push(office, line, session, &mut round, address, progress).await? {
        pull(office, &mut client, session, &mut round, address, progress).await?;
    }
    Ok(Report {
        pushed: round.pushed,
        pulled: round.pulled,
        withdrawn: round.withdrawn,
        refused: round.refused,
        resync: round.resync,
        spared: round.spared,
        took_ms: 0,
        clock_offset_ms,
    })
}

pub(crate) type Client = SyncClient<tonic::transport::Channel>;

/// Shakes hands. A parent that refuses may know less of the tree than this node does, or more: the root's word is
/// exchanged, and it is tried once more, at another parent if that is what the root says.
async fn begin(node: &Arc<Node>) -> Result<Begun, NodeError> {
    match shake_hands(node, node.sync_client()?).await {
        Ok(begun) => return Ok(begun),
        Err(refused) if refused.code() == "not_allowed" => {
            let news = statement::exchange(node, node.parent()?, &node.parent_address()).await;
            // What the parent said first is the better answer when it does not exchange either.
            let news = news.unwrap_or_else(|error| {
                tracing::debug!(%error, "no exchange of statements");
                false
            });
            if !(node.follow()? || news) {
                return Err(refused);
            }
        }
        // The registry that came with the answer gave this node another parent.
        Err(ended) if !node.follow()? => return Err(ended),
        Err(_) => {}
    }
    shake_hands(node, node.sync_client()?).await
}

/// A round that has begun.
struct Begun {
    client: Client,
    /// The line on which its first words were said, if the push may follow on it.
    line: Option<Line>,
    round: Round,
    session: u64,
    clock_offset_ms: i64,
}

async fn shake_hands(node: &Arc<Node>, mut client: Client) -> Result<Begun, NodeError> {
    // A parent that was not met yet may have an older program.
    let (greeted, line) = if has_met(node) && node.may_ask(since::ROUND) {
        let (greeted, line) = open(node, &mut client).await?;
        (greeted, Some(line))
    } else {
        (greet(node, &mut client).await?, None)
    };
    let Greeted { answer, welcome, clock_offset_ms } = greeted;
    contract::follow(node, &mut client, &answer).await;
    *lock(&node.spread_ms) = answer.spread_ms;
    let said_at_ms = statement::latest(node).await?.0;
    if let Some(signed) = &answer.statement {
        statement::hear(node, signed).await?;
    } else if node.may_ask(since::STATEMENT) && said_at_ms > answer.statement_at_ms {
        statement::exchange(node, node.parent()?, &node.parent_address()).await?;
    }
    if let Some(parent) = node.upstream() {
        node.folder.keep_parent_letter(parent.base, &answer.letter_key)?;
    }
    let mut registry = Vec::new();
    for packed in &answer.registry {
        registry.extend(wire::unpack(packed)?.records);
    }
    let begun = node.office.begin_round(
        answer.session,
        &welcome,
        answer.answered_at_ms,
        clock_offset_ms,
        &answer.version,
        &registry,
    );
    Ok(Begun { client, line, round: begun.await?, session: answer.session, clock_offset_ms })
}

/// What a call answers, if the parent answers at all.
pub(crate) async fn in_time<T>(
    address: &str,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, NodeError> {
    let answer = tokio::time::timeout(STUCK_AFTER, call).await.map_err(|_| silent(address))?;
    Ok(answer.map_err(|status| unreachable(address, status))?.into_inner())
}

pub(crate) fn silent(address: &str) -> NodeError {
    NodeError::Unreachable { address: address.into(), words: "上级长时间没有回应".into() }
}

/// Answers whether the parent sent along what a pull would bring.
async fn push(
    office: &Office,
    mut line: Line,
    session: u64,
    round: &mut Round,
    address: &str,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<bool, NodeError> {
    let mut in_flight = 0;
    loop {
        let batch = if in_flight < WINDOW { office.next_batch(round).await? } else { None };
        match batch {
            Some(batch) => {
                let last = batch.last;
                let cursor = if last { Some(round.cursor().into()) } else { None };
                line.send(PushBatch { cursor, ..push_batch(session, batch)? }, address).await?;
                in_flight += 1;
                if !last && in_flight < WINDOW {
                    continue;
                }
            }
            None if in_flight == 0 => return Ok(false),
            None => {}
        }
        let mut arrived = arrived(&mut line, in_flight, address).await?;
        let Some(newest) = arrived.last_mut() else { return Err(silent(address)) };
        let below = newest.below.take().filter(|below| below.end && below.session == session);
        in_flight -= arrived.len();
        let acks = arrived.into_iter().map(acknowledged).collect::<Result<_, _>>()?;
        let all = match below {
            Some(below) if in_flight == 0 => {
                office.acknowledge_with_page(round, acks, pulled_page(below)?).await?.end
            }
            _ => {
                office.acknowledge_all(round, acks).await?;
                false
            }
        };
        progress(Progress { pushed: round.pushed, to_push: round.to_push, pulled: round.pulled });
        if all {
            return Ok(true);
        }
    }
}

pub(crate) fn push_batch(session: u64, batch: Outgoing) -> Result<PushBatch, wire::Invalid> {
    let packed = (!batch.rows.is_empty()).then(|| wire::pack(&batch.rows, &batch.revisions));
    Ok(PushBatch {
        session,
        index: batch.index,
        parent_timeline: batch.timeline.0,
        records: packed.transpose()?,
        last: batch.last,
        seals: batch.seals.iter().map(Into::into).collect(),
        cursor: None,
    })
}

/// Waits for what the parent sends next, and takes with it what has arrived as well, up to `max`: what is settled in
/// one transaction costs one commit. Nothing arrived: the stream has ended.
async fn arrived<A: Answers>(
    answers: &mut A,
    max: usize,
    address: &str,
) -> Result<Vec<A::Answer>, NodeError> {
    let first = tokio::time::timeout(STUCK_AFTER, answers.next()).await.map_err(|_| silent(address))?;
    let mut all: Vec<A::Answer> = first.map_err(|s| unreachable(address, s))?.into_iter().collect();
    while !all.is_empty() && all.len() < max {
        let next = tokio::select! {
            biased;
            next = answers.next() => next.map_err(|s| unreachable(address, s))?,
            () = std::future::ready(()) => break,
        };
        let Some(next) = next else { break };
        all.push(next);
    }
    Ok(all)
}

fn acknowledged(said: PushAck) -> Result<Acknowledged, wire::Invalid> {
    let (session, index) = (said.session, said.index);
    let (ack, verdicts) = acked(said)?;
    Ok(Acknowledged { session, index, ack, verdicts: verdicts.into_iter().collect() })
}

/// Where the parent stood, and what it said of the records that it did not simply take.
pub(crate) fn acked(ack: PushAck) -> Result<Acked, wire::Invalid> {
    let position = ack.position.unwrap_or_default().into();
    Ok((position, ack.verdicts.into_iter().map(TryFrom::try_from).collect::<Result<_, _>>()?))
}

async fn pull(
    office: &Office,
    client: &mut Client,
    session: u64,
    round: &mut Round,
    address: &str,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), NodeError> {
    let cursor = round.cursor();
    let request = PullRequest { session, cursor: Some(cursor.into()) };
    let mut pages = in_time(address, client.pull(request)).await?;
    loop {
        let arrived = arrived(&mut pages, PAGES_AT_ONCE, address).await?;
        if arrived.is_empty() {
            return Err(silent(address));
        }
        let arrived = arrived.into_iter().map(pulled_page).collect::<Result<_, _>>()?;
        let outcome = office.receive_pages(round, arrived).await?;
        progress(Progress { pushed: round.pushed, to_push: round.to_push, pulled: round.pulled });
        if outcome.end {
            return Ok(());
        }
    }
}

pub(crate) fn pulled_page(batch: pb::PullBatch) -> Result<PulledPage, wire::Invalid> {
    let records = match &batch.records {
        Some(packed) => wire::unpack(packed)?.records,
        None => Vec::new(),
    };
    let bad_id = |_| wire::Invalid { field: "pull.withdrawn" };
    let id = |bytes: &Vec<u8>| RecordId::try_from(bytes.as_slice()).map_err(bad_id);
    Ok(PulledPage {
        position: batch.position.unwrap_or_default().into(),
        rows: records.into_iter().map(as_row).collect(),
        withdrawn: batch.withdrawn.iter().map(id).collect::<Result<_, _>>()?,
        end: batch.end,
        ticks: batch.ticks.into_iter().map(Tick::try_from).collect::<Result<_, _>>()?,
    })
}

fn as_row(record: Incoming) -> Row {
    Row { id: record.id, kind: record.kind, state: record.state, ..Row::default() }
}

/// The bases' records in the parent's answer.
pub(crate) fn registry_rows(answer: &pb::Welcome) -> Result<Vec<Row>, wire::Invalid> {
    let mut rows = Vec::new();
    for packed in &answer.registry {
        rows.extend(wire::unpack(packed)?.records.into_iter().map(as_row));
    }
    Ok(rows)
}
