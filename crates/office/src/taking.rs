//! Taking what a child pushes: batches as they come, in one transaction.

use std::collections::{BTreeSet, VecDeque};

use causal::{BaseId, RecordId};
use record::Tree;
use store::{Applied, Engine, Read, Write};
use sync::parent::{Claims, Incoming, Received, Verdict, checked_seals};
use sync::{Changes, Link, Position, Revision, Seal};

use crate::arrived::{Arrived, Beside};
use crate::down::Asked;
use crate::intake::Part;
use crate::quarantine::told_dropped;
use crate::{Office, OfficeError};

/// One batch of a push.
#[derive(Debug, Clone, Default)]
pub struct PushedBatch {
    /// Its number in the session.
    pub index: u32,
    /// The records.
    pub records: Vec<Incoming>,
    /// Their history.
    pub revisions: Vec<Revision>,
    /// Nothing comes after it.
    pub last: bool,
    /// With the last one: seals of bases beneath.
    pub seals: Vec<Seal>,
}

/// What is said of a batch: where this node stands, and a verdict for each record in order.
pub type Acked = (Position, Vec<(RecordId, Verdict)>);

/// Batches of one push, of which some may still be on their way.
pub trait Coming: Send {
    /// Those that have come and are to go into this transaction.
    fn here(&mut self) -> Vec<PushedBatch>;

    /// The next ones, one at least; none when no more are to go into this transaction. Nobody else writes while they
    /// are waited for.
    fn next(&mut self) -> impl Future<Output = Vec<PushedBatch>> + Send;
}

/// All that there is, in the portions in which it came.
impl Coming for VecDeque<Vec<PushedBatch>> {
    fn here(&mut self) -> Vec<PushedBatch> {
        self.pop_front().unwrap_or_default()
    }

    async fn next(&mut self) -> Vec<PushedBatch> {
        self.here()
    }
}

/// A child's push in one transaction.
struct Push {
    child: BaseId,
    claims: Claims,
    /// Of the session, if it is the current one.
    link: Option<Link>,
    /// The first batch of the session that has not been taken.
    next: u32,
    /// This node has a parent, for whom the history is kept too.
    lasting: bool,
    /// The last batch has come.
    whole: bool,
    /// The records of each batch.
    batches: Vec<Vec<RecordId>>,
    arrived: Arrived,
    parts: Vec<Part>,
}

impl Push {
    fn put(&mut self, batches: Vec<PushedBatch>) {
        for batch in batches {
            self.batches.push(batch.records.iter().map(|incoming| incoming.id).collect());
            self.whole |= batch.last;
            self.arrived.put(batch, self.lasting);
        }
    }

    /// What batches of a current session say beside their records: with the last one, seals, and that all has come. One that
    /// comes sooner than the one before it, or without it, is data; its seals would speak for rows that are not here (P8).
    fn said_beside(&mut self, tree: &Tree, now: u64, batches: Vec<PushedBatch>) -> Changes {
        let (next, mut said) = (&mut self.next, Changes::default());
        let Some(link) = &self.link else { return said };
        for batch in batches {
            *next += u32::from(batch.index == *next);
            if (batch.last && batch.index < *next) || planted::on!(SealInFirstBatch) {
                let seals = checked_seals(tree, link.peer, batch.seals).into_iter();
                // A claim that reaches into the future would outshine every later one: it is cut to what can be true.
                said.seals.extend(seals.map(|seal| Seal { at_ms: seal.at_ms.min(now), ..seal }));
                said.links.push(Link { last_success_ms: now, peer_unsent: 0, ..link.clone() });
            }
        }
        said
    }
}

impl<E: Engine> Office<E> {
    /// Takes batches that a child pushed, all in one transaction; answers once it is durable. Batches of an ended
    /// session still merge, but their seals do not count (P2).
    ///
    /// # Errors
    /// [`OfficeError`] when the child is not let in, or the transaction fails; then nothing of it was kept.
    pub async fn receive(
        &self,
        child: BaseId,
        session: u64,
        batches: Vec<PushedBatch>,
    ) -> Result<Vec<Acked>, OfficeError> {
        self.receive_coming(child, session, &mut VecDeque::from([batches])).await
    }

    /// As [`Office::receive`], of batches that come while others are written; an answer for each of them.
    ///
    /// # Errors
    /// As [`Office::receive`].
    pub async fn receive_coming(
        &self,
        child: BaseId,
        session: u64,
        coming: &mut impl Coming,
    ) -> Result<Vec<Acked>, OfficeError> {
        let acked = self.take_in(child, session, coming, Claims::Checked).await?;
        self.take_over_late(child).await?;
        Ok(acked)
    }

    /// As [`Office::receive_coming`], where an administrator may answer for what cannot be proved.
    pub(crate) async fn take_in(
        &self,
        child: BaseId,
        session: u64,
        coming: &mut impl Coming,
        claims: Claims,
    ) -> Result<Vec<Acked>, OfficeError> {
        self.admit(child)?;
        let mut tx = self.store.begin().await?;
        let timelines = tx.timelines().await?;
        let registry = self.schema().registry().map(|kind| kind.name.clone());
        let mut push = Push {
            child,
            claims,
            link: self.current(child, session, timelines.current()),
            next: self.first_missing(child, session),
            lasting: self.tree_in(&mut tx).await?.parent(self.me.base).is_some(),
            whole: false,
            batches: Vec::new(),
            arrived: Arrived::new(self.settings.batch_records, registry),
            parts: Vec::new(),
        };
        self.take_all(&mut tx, &mut push, coming).await?;
        let regained = if push.whole { self.recheck(&mut tx).await? } else { Changes::default() };
        match tx.commit().await {
            Err(_) if planted::on!(AckBeforeCommit) => {}
            done => done?,
        }
        self.note_push(session, &push, &regained).await?;
        Ok(answers(push))
    }

    /// Judges and writes all that comes, in parts. While the store writes one, the next is looked up and judged as of the
    /// moment before the transaction; what depends on the transaction itself is not, but waits until that is written.
    async fn take_all(
        &self,
        tx: &mut E::Tx,
        push: &mut Push,
        coming: &mut impl Coming,
    ) -> Result<(), OfficeError> {
        let asked = Asked { child: push.child, claims: push.claims, again: false };
        let (mut snapshot, mut corrector, mut may_precede) = (None, None, true);
        let mut tree = self.tree_in(tx).await?;
        let mut ready: Option<Received> = None;
        loop {
            push.put(coming.here());
            let Some(received) = ready.take() else {
                if push.arrived.is_empty() {
                    push.put(coming.next().await);
                }
                tree = self.tree_in(tx).await?;
                let Some(cut) = push.arrived.cut() else { return Ok(()) };
                if !cut.records.is_empty() {
                    corrector = Some(self.corrector(tx).await?);
                }
                let judged = match &corrector {
                    Some(corrector) => self.judge(tx, &tree, asked, corrector, &cut.records).await?,
                    None => Received::default(),
                };
                ready = Some(self.with_beside(push, &tree, judged, cut.beside));
                continue;
            };
            push.arrived.note_made(received.requests.keys());
            // By another tree the next ones would be judged otherwise.
            may_precede &= !self.changes_registry(&received.changes);
            let by = corrector.as_ref().filter(|_| may_precede);
            let next = by.and_then(|corrector| Some((corrector, push.arrived.cut_unseen()?)));
            let next = match (next, &mut snapshot) {
                (None, _) => None,
                (Some(next), Some(reader)) => Some((next, reader)),
                (Some(next), none) => Some((next, none.insert(self.store.before(tx).await?))),
            };
            let ahead = async {
                let Some(((corrector, cut), reader)) = next else { return Ok(None) };
                let judged = self.judge(reader, &tree, asked, corrector, &cut.records).await?;
                Ok::<_, OfficeError>(Some((judged, cut.beside)))
            };
            let (part, judged) = tokio::join!(self.write_part(tx, &tree, received), ahead);
            push.parts.push(part?);
            ready = judged?.map(|(judged, beside)| self.with_beside(push, &tree, judged, beside));
        }
    }

    fn with_beside(&self, push: &mut Push, tree: &Tree, mut judged: Received, beside: Beside) -> Received {
        let said = push.said_beside(tree, self.now_ms(), beside.ended);
        judged.changes.revisions.extend(beside.history);
        judged.changes.seals.extend(said.seals);
        judged.changes.links.extend(said.links);
        judged
    }

    /// Takes note of a push that is durable, and tells whom it concerns.
    async fn note_push(&self, session: u64, push: &Push, regained: &Changes) -> Result<(), OfficeError> {
        let Push { child, link, whole, parts, .. } = push;
        self.note_taken(*child, session, push.next);
        let heard = *whole && link.is_some();
        if heard {
            self.note_heartbeat_kept(*child, session);
        }
        for part in parts {
            self.note_corrections(&part.received.corrected);
            self.note_echoes(*child, session, &part.received, part.applied.first_seq);
            self.committed(&part.received.changes).await?;
        }
        self.committed(regained).await?;
        for part in parts {
            self.tell(&part.received.changes, &part.applied, Some((*child, &part.received.echoes)));
        }
        let Some(position) = parts.last().map(|part| part.applied.position) else { return Ok(()) };
        self.tell(regained, &Applied { first_seq: position.seq, position }, None);
        if heard {
            self.live_visited(*child, true);
        }
        Ok(())
    }
}

/// What is said of each batch.
fn answers(push: Push) -> Vec<Acked> {
    let Some(position) = push.parts.last().map(|part| part.applied.position) else { return Vec::new() };
    let dropped: BTreeSet<RecordId> =
        push.parts.iter().flat_map(|part| part.dropped.iter().copied()).collect();
    let mut verdicts = push.parts.into_iter().flat_map(|part| part.received.verdicts);
    let mut told = |id| {
        let verdict = verdicts.next()?;
        Some((id, told_dropped(verdict, dropped.contains(&id))))
    };
    push.batches.into_iter().map(|ids| (position, ids.into_iter().map_while(&mut told).collect())).collect()
}
