//! What a child pushes: batches are gathered until it is their turn, taken in one transaction, and answered.

use std::sync::Arc;
use std::time::Duration;

use causal::BaseId;
use office::{Acked, PushedBatch};
use sync::{Position, Seal, limits};
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc};
use tokio::time::Instant;
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;
use wire::sync::{self as pb, PullBatch, PushAck, PushBatch};

use crate::error::{invalid_status, office_status, status};
use crate::node::Node;
use crate::service::conduct;
use crate::service::replication::{IDLE_MAX, pull_batch};

/// A group that is neither full nor at its end waits this long for more: two transactions cost more than one.
const PATIENCE: Duration = Duration::from_millis(15);

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

pub(crate) fn fell_silent() -> Status {
    status("unreachable", "下级长时间没有发来内容 / the child fell silent")
}

/// Takes what a child pushes, and tells what became of it.
pub(crate) fn take_push(
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
                answers.send(Err(conduct::ended(&node, child, failure))).await.unwrap_or_default();
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
