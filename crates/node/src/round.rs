//! One round with the parent, over gRPC.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use causal::RecordId;
use office::{Acked, Acknowledged, Office, Outgoing, PulledPage};
use sync::parent::{Hello, Incoming, Welcome};
use sync::{Row, Tick, limits};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use wire::sync::sync_client::SyncClient;
use wire::sync::{self as pb, PullRequest, PushAck, PushBatch};
use wire::{Outdated, Versions, since};

use crate::compare::Parent;
use crate::contract;
use crate::error::NodeError;
use crate::node::{Node, VERSION, lock};
use crate::scheduler::renew;
use crate::setup::unreachable;
use crate::statement;

/// Batches sent and not yet acknowledged: enough to fill the parent's largest transaction twice.
const WINDOW: usize = 32;
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
            node.office.round_failed(&error.to_string()).await?;
            Err(error)
        }
    }
}

async fn attempt(node: &Arc<Node>, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Report, NodeError> {
    let office = &node.office;
    node.follow()?;
    let (mut client, (mut round, session, clock_offset_ms)) = begin(node).await?;
    let address = &node.parent_address();
    let mut above = Parent { client: &mut client, session, address };
    if node.may_ask(since::COMPARE)
        && let Err(error) = office.spare(&mut round, &mut above).await
    {
        tracing::info!(%error, "cannot compare with the parent: what waits is sent as it is");
    }
    if !push(office, &mut client, session, &mut round, address, progress).await? {
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
async fn begin(node: &Arc<Node>) -> Result<(Client, (Round, u64, i64)), NodeError> {
    let mut first = node.sync_client()?;
    match shake_hands(node, &mut first).await {
        Ok(begun) => return Ok((first, begun)),
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
    let mut second = node.sync_client()?;
    let begun = shake_hands(node, &mut second).await?;
    Ok((second, begun))
}

/// What the parent answered to a handshake.
pub(crate) struct Greeted {
    pub answer: pb::Welcome,
    pub welcome: Welcome,
    clock_offset_ms: i64,
}

/// Opens a session.
pub(crate) async fn greet(node: &Arc<Node>, client: &mut Client) -> Result<Greeted, NodeError> {
    let office = &node.office;
    let (hello, registry_digest) = office.hello(VERSION).await?;
    let sent_at_ms = office.now_ms();
    let statement_at_ms = statement::latest(node).await?.0;
    let beat = hello.heartbeat;
    let said = pb::Hello {
        statement_at_ms,
        // Only a live call is a heartbeat: a letter that arrives late would look like a second machine.
        stands: beat.map(|beat| beat.position.into()),
        head: beat.map(|beat| pb::Dot { replica: beat.head.replica.0, tick: beat.head.tick }),
        ..hello_message(office, hello, registry_digest, sent_at_ms)
    };
    let answer = tokio::time::timeout(STUCK_AFTER, client.handshake(said)).await;
    let address = node.parent_address();
    let answer = answer.map_err(|_| silent(&address))?;
    let answer = answer.map_err(|s| unreachable(&address, s))?.into_inner();
    let clock_offset_ms =
        clock_offset(sent_at_ms, answer.received_at_ms, answer.answered_at_ms, office.now_ms());
    let welcome = Welcome::try_from(&answer)?;
    settled(answer.protocol)?;
    node.spoken.store(answer.protocol, Ordering::Relaxed);
    Ok(Greeted { answer, welcome, clock_offset_ms })
}

async fn shake_hands(node: &Arc<Node>, client: &mut Client) -> Result<(Round, u64, i64), NodeError> {
    let Greeted { answer, welcome, clock_offset_ms } = greet(node, client).await?;
    contract::follow(node, client, &answer).await;
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
    Ok((begun.await?, answer.session, clock_offset_ms))
}

/// The parent says which version of the protocol is used; it can only be one that this program speaks.
pub(crate) fn settled(protocol: u32) -> Result<(), NodeError> {
    let words = match wire::OURS.settle(Versions::told(protocol, protocol)) {
        Ok(_) => return Ok(()),
        Err(Outdated::Theirs) => "上级的程序太旧,请上级升级",
        Err(Outdated::Ours) => "上级使用的协议比本节点的程序新,请升级本节点的程序",
    };
    Err(NodeError::Protocol { words: words.into() })
}

/// What this node says of itself, but for the root's statement.
pub(crate) fn hello_message(
    office: &Office,
    hello: Hello,
    registry_digest: Vec<u8>,
    sent_at_ms: u64,
) -> pb::Hello {
    pb::Hello {
        protocol: wire::OURS.newest,
        protocol_oldest: wire::OURS.oldest,
        base: office.me().base.0.to_vec(),
        cursor: hello.cursor.map(Into::into),
        ack: hello.ack.map(Into::into),
        epoch: hello.epoch,
        unsent: hello.unsent,
        version: hello.version,
        contract_version: office.schema().version,
        sent_at_ms,
        registry_digest,
        statement_at_ms: 0,
        stands: None,
        head: None,
    }
}

/// The parent's clock minus this one's, as four timestamps tell it (RFC 5905, section 8).
fn clock_offset(sent: u64, received: u64, answered: u64, back: u64) -> i64 {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    let there = signed(received).saturating_sub(signed(sent));
    let back = signed(answered).saturating_sub(signed(back));
    there.saturating_add(back) / 2
}

pub(crate) fn silent(address: &str) -> NodeError {
    NodeError::Unreachable { address: address.into(), words: "上级长时间没有回应".into() }
}

/// Answers whether the parent sent along what a pull would bring.
async fn push(
    office: &Office,
    client: &mut Client,
    session: u64,
    round: &mut Round,
    address: &str,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<bool, NodeError> {
    let (batches, stream) = mpsc::channel(WINDOW);
    // Let go with the last batch, so that the end of the stream goes along with it.
    let mut batches = Some(batches);
    let mut in_flight = 0;
    let mut acks: Option<Streaming<PushAck>> = None;
    let mut stream = Some(stream);
    loop {
        let batch = if in_flight < WINDOW { office.next_batch(round).await? } else { None };
        match batch {
            Some(batch) => {
                let last = batch.last;
                let cursor = if last { Some(round.cursor().into()) } else { None };
                let message = PushBatch { cursor, ..push_batch(session, batch)? };
                let Some(open) = batches.take() else { return Err(silent(address)) };
                if open.send(message).await.is_err() {
                    return Err(silent(address));
                }
                batches = Some(open).filter(|_| !last);
                in_flight += 1;
                if !last && in_flight < WINDOW {
                    continue;
                }
            }
            None if in_flight == 0 => return Ok(false),
            None => {}
        }
        if let Some(stream) = stream.take() {
            let opened = tokio::time::timeout(STUCK_AFTER, client.push(ReceiverStream::new(stream))).await;
            let opened = opened.map_err(|_| silent(address))?;
            acks = Some(opened.map_err(|s| unreachable(address, s))?.into_inner());
        }
        let Some(acks) = acks.as_mut() else { return Err(silent(address)) };
        let mut arrived = arrived(acks, in_flight, address).await?;
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
async fn arrived<T>(stream: &mut Streaming<T>, max: usize, address: &str) -> Result<Vec<T>, NodeError> {
    let first = tokio::time::timeout(STUCK_AFTER, stream.message()).await.map_err(|_| silent(address))?;
    let mut all: Vec<T> = first.map_err(|s| unreachable(address, s))?.into_iter().collect();
    while !all.is_empty() && all.len() < max {
        let next = tokio::select! {
            biased;
            next = stream.message() => next.map_err(|s| unreachable(address, s))?,
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
    let opened =
        tokio::time::timeout(STUCK_AFTER, client.pull(request)).await.map_err(|_| silent(address))?;
    let mut pages = opened.map_err(|s| unreachable(address, s))?.into_inner();
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

#[cfg(test)]
mod tests {
    use super::{clock_offset, settled};

    // Wrong: a node that goes on with a version that it does not speak, because the other side said so.
    #[test]
    fn a_parent_settles_on_a_version_that_is_spoken_here() {
        for version in wire::PROTOCOL_OLDEST..=wire::PROTOCOL {
            settled(version).unwrap();
        }
        for (version, words) in
            [(wire::PROTOCOL_OLDEST - 1, "请上级升级"), (wire::PROTOCOL + 1, "请升级本节点的程序")]
        {
            let error = settled(version).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn offset_of_clocks() {
        // The parent is 5,000 ms ahead; 40 ms there, 10 ms of work, 60 ms back.
        assert_eq!(clock_offset(1_000, 6_040, 6_050, 1_110), 4_990);
        assert_eq!(clock_offset(0, 0, 0, 0), 0);
        assert_eq!(clock_offset(u64::MAX, 0, 0, u64::MAX), i64::MIN / 2, "nonsense is bounded");
    }
}
