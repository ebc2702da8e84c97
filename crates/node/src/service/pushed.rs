//! What a child pushes: batches are read ahead, taken when it is their turn, many in one transaction, and answered.

use std::sync::Arc;
use std::time::Duration;

use causal::BaseId;
use office::{Acked, Coming, PushedBatch};
use sync::{Position, Seal, limits};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;
use wire::sync::{self as pb, PullBatch, PushAck, PushBatch};

use crate::error::{invalid_status, office_status, status};
use crate::node::Node;
use crate::service::conduct;
use crate::service::replication::{IDLE_MAX, pull_batch};

/// So long in all a transaction waits for batches that are on their way: two transactions cost more than one, and nobody else
/// writes meanwhile.
const PATIENCE: Duration = Duration::from_millis(30);
/// Batches of one transaction, and those that are read while another one is written.
const GROUP_BATCHES: usize = limits::TRANSACTION_RECORDS / limits::BATCH_RECORDS;

/// A batch, or why no more of them come.
type Arrived = Result<Batch, Status>;

/// One batch as it arrived.
struct Batch {
    session: u64,
    batch: PushedBatch,
    /// Where the pull starts that follows it, if it is the last.
    pull_after: Option<Position>,
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
    let (answers, acks) = mpsc::channel(GROUP_BATCHES * 2);
    let node = node.clone();
    tokio::spawn(async move {
        let (inbox, arrived) = mpsc::channel(GROUP_BATCHES);
        tokio::join!(read(batches, inbox), apply(&node, child, arrived, answers));
    });
    acks
}

/// Reads batches ahead of the transactions that take them.
async fn read(
    mut batches: impl Stream<Item = Result<PushBatch, Status>> + Unpin,
    inbox: mpsc::Sender<Arrived>,
) {
    let mut session = None;
    loop {
        let arrived = match tokio::time::timeout(IDLE_MAX, batches.next()).await {
            Ok(Some(batch)) => batch.and_then(|batch| arrived(*session.get_or_insert(batch.session), batch)),
            Ok(None) => return,
            Err(_) => Err(fell_silent()),
        };
        let failed = arrived.is_err();
        if inbox.send(arrived).await.is_err() || failed {
            return;
        }
    }
}

fn arrived(session: u64, batch: PushBatch) -> Arrived {
    if batch.session != session {
        return Err(status("invalid", "一次上报里混有两个会话 / two sessions in one push"));
    }
    let pull_after = batch.cursor.filter(|_| batch.last).map(Position::from);
    Ok(Batch { session, batch: pushed_batch(batch).map_err(invalid_status)?, pull_after })
}

/// Batches that go into one transaction: those that have come when it is this child's turn, and, while they are written,
/// those that come after them. So a slow disk or many children make transactions larger, and the last batch never waits.
struct Group<'i> {
    session: u64,
    first: Option<Batch>,
    inbox: &'i mut mpsc::Receiver<Arrived>,
    patience: Duration,
    records: usize,
    indexes: Vec<u32>,
    /// Nothing comes after it.
    last: bool,
    pull_after: Option<Position>,
    /// Why nothing more comes.
    failure: Option<Status>,
}

impl<'i> Group<'i> {
    fn beginning(first: Batch, inbox: &'i mut mpsc::Receiver<Arrived>) -> Group<'i> {
        Group {
            session: first.session,
            first: Some(first),
            inbox,
            patience: PATIENCE,
            records: 0,
            indexes: Vec::new(),
            last: false,
            pull_after: None,
            failure: None,
        }
    }

    /// Counted in batches too, for each may be large however few records it holds.
    fn is_over(&self) -> bool {
        let full = self.records + limits::BATCH_RECORDS > limits::TRANSACTION_RECORDS;
        full || self.indexes.len() >= GROUP_BATCHES || self.last || self.failure.is_some()
    }

    /// What comes next, as far as patience reaches.
    async fn wait(&mut self) -> Option<Arrived> {
        let began = Instant::now();
        let arrived = tokio::time::timeout(self.patience, self.inbox.recv()).await;
        self.patience = self.patience.saturating_sub(began.elapsed());
        arrived.ok().flatten()
    }

    fn put(&mut self, arrived: Batch) -> PushedBatch {
        let Batch { batch, pull_after, .. } = arrived;
        self.records += batch.records.len();
        self.indexes.push(batch.index);
        self.last = batch.last;
        self.pull_after = pull_after;
        batch
    }
}

impl Coming for Group<'_> {
    fn here(&mut self) -> Vec<PushedBatch> {
        let mut here = Vec::new();
        while !self.is_over() {
            match self.first.take().map_or_else(|| self.inbox.try_recv().ok(), |first| Some(Ok(first))) {
                None => break,
                Some(Ok(batch)) => here.push(self.put(batch)),
                Some(Err(failure)) => self.failure = Some(failure),
            }
        }
        here
    }

    async fn next(&mut self) -> Vec<PushedBatch> {
        if self.is_over() {
            return Vec::new();
        }
        match self.wait().await {
            None => return Vec::new(),
            Some(Ok(batch)) => self.first = Some(batch),
            Some(Err(failure)) => self.failure = Some(failure),
        }
        self.here()
    }
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
    mut inbox: mpsc::Receiver<Arrived>,
    answers: mpsc::Sender<Result<PushAck, Status>>,
) {
    let end = loop {
        let first = match inbox.recv().await {
            None => return,
            Some(Ok(first)) => first,
            Some(Err(failure)) => break conduct::ended(node, child, failure),
        };
        let mut group = Group::beginning(first, &mut inbox);
        let acks = match take_group(node, child, &mut group).await {
            Ok(acks) => acks,
            Err(failure) => break failure,
        };
        // The turn has been given back: a child that does not read its answers holds up nobody else.
        for ack in acks {
            if answers.send(Ok(ack)).await.is_err() {
                return;
            }
        }
        if group.last {
            return;
        }
        if let Some(failure) = group.failure {
            break conduct::ended(node, child, failure);
        }
        // What was answered is settled; the rest of the push waits for the next round.
        if let Err(slowed) = conduct::go_on(node, child) {
            break slowed;
        }
    };
    // A child that has gone needs no answer.
    answers.send(Err(end)).await.unwrap_or_default();
}

/// Takes one transaction's batches when it is their turn, and answers them once it is durable.
async fn take_group(node: &Node, child: BaseId, group: &mut Group<'_>) -> Result<Vec<PushAck>, Status> {
    let turn = node.intake.lock().await;
    let corrected = node.office.corrections_of(child);
    let received = node.office.receive_coming(child, group.session, group).await;
    drop(turn);
    let acked = received.map_err(office_status)?;
    let corrected = node.office.corrections_of(child).saturating_sub(corrected);
    let verdicts = acked.iter().flat_map(|(_, verdicts)| verdicts).map(|(_, verdict)| verdict);
    conduct::judged(node, child, verdicts, corrected);
    let ack = |(index, acked): (&u32, Acked)| push_ack(group.session, *index, &acked);
    let mut acks: Vec<PushAck> = group.indexes.iter().zip(acked).map(ack).collect();
    if let (Some(cursor), Some(last)) = (group.pull_after, acks.last_mut()) {
        last.below = whole_pull(node, child, group.session, cursor).await;
    }
    Ok(acks)
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
