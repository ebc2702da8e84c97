//! Judging and writing what a child pushed, in parts: while the store writes one part, the next is judged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::Poll;

use causal::{Dot, RecordId, ReplicaId};
use record::Tree;
use store::{Applied, Engine, Read};
use sync::parent::{Claims, Desk, Incoming, Intake, Received, checked_revisions};
use sync::{Changes, Handed, NewRow, Replica, Revision, Row};

use crate::corrector::ForTransaction;
use crate::down::{Asked, handed_on};
use crate::quarantine::leave_out_dropped;
use crate::{Office, OfficeError};

/// Batches to a part: while the store writes one half of it, the other half is made ready for it.
const PART_BATCHES: usize = 2;
/// The first part is smaller by so much: nothing is written while it is judged.
const FIRST_PART: usize = 8;
/// Records judged between two looks at the store: it must not wait long for its next statement.
const LOOK_AFTER: usize = 4;

/// What the desk has to know of the moment in which it judges.
pub(crate) struct Known<'o, E: Engine> {
    quarantined: BTreeSet<RecordId>,
    corrector: ForTransaction<'o, E>,
    replicas: Arc<BTreeMap<ReplicaId, Replica>>,
    live: Option<Dot>,
    handed: BTreeMap<RecordId, Handed>,
    asked: Asked,
}

/// One part, written.
pub(crate) struct Part {
    /// What was written of it; of the rows only what is told of them later.
    pub received: Received,
    /// Where.
    pub applied: Applied,
    /// Records of it that an administrator has put aside for good.
    pub dropped: Vec<RecordId>,
}

impl<E: Engine> Office<E> {
    /// Judges and writes what a child pushed, with what was said beside it; all in the caller's transaction. There is
    /// one part at least.
    pub(crate) async fn take_parts(
        &self,
        tx: &mut E::Tx,
        tree: &Tree,
        asked: Asked,
        pushed: &[Incoming],
        history: Vec<Revision>,
        beside: Changes,
    ) -> Result<Vec<Part>, OfficeError> {
        if pushed.is_empty() {
            let changes = Changes { seals: beside.seals, links: beside.links, ..Changes::default() };
            let only = Received { changes, ..Received::default() };
            return Ok(vec![self.write_part(tx, tree, only).await?]);
        }
        let ids: Vec<RecordId> = pushed.iter().map(|p| p.id).collect();
        let existing: BTreeMap<_, _> = tx.rows(&ids).await?.into_iter().map(|row| (row.id, row)).collect();
        let known = self.known(tx, asked, pushed, &existing).await?;
        let own_tag = |id, stamp: &causal::Stamp<'_>| self.secret.made(id, stamp);
        let desk = self.intake_desk(tree, &known, &own_tag);
        let size =
            if self.is_plain(pushed) { PART_BATCHES * self.settings.batch_records } else { usize::MAX };
        let (intake, first) = (desk.intake(existing), size / FIRST_PART);
        let mut parts = Parts { intake, desk, waiting: pushed, claims: asked.claims, size: first.max(1) };
        let mut next = parts.judge().await;
        parts.size = size;
        let lasting = tree.parent(self.me.base).is_some();
        next.changes.revisions.extend(checked_revisions(pushed, history, lasting));
        let mut written = Vec::new();
        while !parts.waiting.is_empty() {
            let (part, judged) = tokio::join!(self.write_part(tx, tree, next), parts.judge());
            written.push(part?);
            next = judged;
        }
        next.changes.seals.extend(beside.seals);
        next.changes.links.extend(beside.links);
        written.push(self.write_part(tx, tree, next).await?);
        Ok(written)
    }

    /// What the desk has to know of this moment.
    pub(crate) async fn known(
        &self,
        tx: &mut E::Tx,
        asked: Asked,
        pushed: &[Incoming],
        existing: &BTreeMap<RecordId, Row>,
    ) -> Result<Known<'_, E>, OfficeError> {
        let quarantined = self.in_quarantine(tx, asked.child).await?;
        let handed = handed_on(tx, pushed, existing).await?;
        let corrector = self.corrector(tx).await?;
        let live = self.mint().last();
        Ok(Known { quarantined, corrector, replicas: self.replicas(), live, handed, asked })
    }

    /// The pure desk for what a child pushed.
    pub(crate) fn intake_desk<'d>(
        &'d self,
        tree: &'d Tree,
        known: &'d Known<'_, E>,
        own_tag: &'d (dyn Fn(RecordId, &causal::Stamp<'_>) -> bool + Sync),
    ) -> Desk<'d> {
        Desk {
            schema: self.schema(),
            tree,
            me: self.me.base,
            child: known.asked.child,
            now_ms: self.now_ms(),
            own_tag,
            replicas: &known.replicas,
            live: known.live,
            quarantined: &known.quarantined,
            corrector: &known.corrector,
            handed: &known.handed,
            again: known.asked.again,
        }
    }

    /// Whether parts can be judged one after the other: no record comes twice, and none changes the tree by which the
    /// others are judged.
    fn is_plain(&self, pushed: &[Incoming]) -> bool {
        let registry = self.schema().registry().map(|kind| kind.name.as_str());
        let mut ids: Vec<RecordId> = pushed.iter().map(|incoming| incoming.id).collect();
        ids.sort_unstable();
        let twice = ids.windows(2).any(|pair| pair[0] == pair[1]);
        !twice && pushed.iter().all(|incoming| Some(incoming.kind.as_str()) != registry)
    }

    /// Writes what was judged.
    pub(crate) async fn write_part(
        &self,
        tx: &mut E::Tx,
        tree: &Tree,
        mut received: Received,
    ) -> Result<Part, OfficeError> {
        let changes = &mut received.changes;
        changes.rows.extend(not_held(tx, std::mem::take(&mut received.requests)).await?);
        let dropped = leave_out_dropped(tx, &mut changes.quarantine).await?;
        self.thin(changes);
        self.attest(tx, changes).await?;
        let applied = self.perform(tx, tree, changes).await?;
        changes.rows.iter_mut().for_each(|new| {
            // What is told of it after the commit is whom it concerns, not what it says.
            new.row.state = Vec::new();
            (new.shown.body, new.shown.search) = (Vec::new(), String::new());
        });
        Ok(Part { received, applied, dropped })
    }
}

/// The correction requests that are not held here.
async fn not_held(
    tx: &mut impl Read,
    mut made: BTreeMap<RecordId, NewRow>,
) -> Result<impl Iterator<Item = NewRow>, OfficeError> {
    if !made.is_empty() {
        let ids: Vec<RecordId> = made.keys().copied().collect();
        tx.rows(&ids).await?.iter().for_each(|held| drop(made.remove(&held.id)));
    }
    Ok(made.into_values())
}

/// What is still to be judged of a push.
struct Parts<'d> {
    desk: Desk<'d>,
    intake: Intake,
    waiting: &'d [Incoming],
    claims: Claims,
    size: usize,
}

impl Parts<'_> {
    /// Judges the next part.
    async fn judge(&mut self) -> Received {
        loop {
            let (now, later) = self.waiting.split_at(self.waiting.len().min(LOOK_AFTER));
            now.iter().for_each(|incoming| self.desk.judge(&mut self.intake, incoming, self.claims));
            self.waiting = later;
            let full = self.intake.judged() >= self.size && self.intake.is_separable();
            if full || later.is_empty() {
                return self.intake.part();
            }
            give_way().await;
        }
    }
}

/// Lets what else the task waits for go on.
async fn give_way() {
    let mut asked = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
