//! Judging and writing some of the records that a child pushed.

use std::collections::BTreeMap;
use std::task::Poll;

use causal::RecordId;
use record::Tree;
use store::{Applied, Engine, Read};
use sync::NewRow;
use sync::parent::{Desk, Incoming, Received};

use crate::corrector::ForTransaction;
use crate::down::{Asked, handed_on};
use crate::quarantine::leave_out_dropped;
use crate::{Office, OfficeError};

/// Records judged between two looks at the store: it must not wait long for its next statement.
const LOOK_AFTER: usize = 4;

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
    /// What the pure desk says of records that a child pushed, by what `reader` holds.
    pub(crate) async fn judge<R: Read>(
        &self,
        reader: &mut R,
        tree: &Tree,
        asked: Asked,
        corrector: &ForTransaction<'_, E>,
        pushed: &[Incoming],
    ) -> Result<Received, OfficeError> {
        if pushed.is_empty() {
            return Ok(Received::default());
        }
        let ids: Vec<RecordId> = pushed.iter().map(|incoming| incoming.id).collect();
        let existing: BTreeMap<_, _> =
            reader.rows(&ids).await?.into_iter().map(|row| (row.id, row)).collect();
        let quarantined = self.in_quarantine(reader, asked.child).await?;
        let handed = handed_on(reader, pushed, &existing).await?;
        let replicas = self.replicas();
        let live = self.mint().last();
        let desk = Desk {
            schema: self.schema(),
            tree,
            me: self.me.base,
            child: asked.child,
            now_ms: self.now_ms(),
            own_tag: &|id, stamp: &causal::Stamp<'_>| self.secret.made(id, stamp),
            replicas: &replicas,
            live,
            quarantined: &quarantined,
            corrector,
            handed: &handed,
            again: asked.again,
        };
        let mut intake = desk.intake(existing);
        for some in pushed.chunks(LOOK_AFTER) {
            some.iter().for_each(|incoming| desk.judge(&mut intake, incoming, asked.claims));
            give_way().await;
        }
        Ok(intake.done())
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
