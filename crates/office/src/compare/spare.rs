//! RESYNC by digests: what both ends hold alike is settled without being sent.

use std::collections::BTreeSet;

use causal::RecordId;
use store::{Engine, Read, Write};
use sync::compare::{Settling, seen_at};
use sync::{Changes, Position, limits};

use super::{Above, Walk, alike, ask};
use crate::up::{Round, up_link};
use crate::{Office, OfficeError};

impl<E: Engine> Office<E> {
    /// Compares what waits to be sent again after RESYNC, and settles what the parent holds alike: for each such row
    /// the effect of an acknowledgement at the number that was compared. What differs goes the ordinary way; so does
    /// everything after a failure, since what was settled by then is settled.
    ///
    /// Does nothing in a round without RESYNC, nor with a parent that never acknowledged anything: it has nothing yet.
    ///
    /// # Errors
    /// What the parent, or the store, failed with.
    pub async fn spare<A: Above>(&self, round: &mut Round<E>, above: &mut A) -> Result<(), A::Error> {
        if !round.compares {
            return Ok(());
        }
        let done = self.spare_all(round, above).await;
        // The seals were minted before either snapshot: what is sent from the later one covers them too (P1).
        round.renew(self.store.snapshot().await.map_err(OfficeError::from)?).await?;
        done
    }

    async fn spare_all<A: Above>(&self, round: &mut Round<E>, above: &mut A) -> Result<(), A::Error> {
        let mut walk = Walk::<E>::over(self.store.snapshot().await.map_err(OfficeError::from)?);
        while let Some(page) = walk.next().await? {
            if page.rows.is_empty() {
                continue;
            }
            let outcome = ask(above, round.timeline, &page, None).await?;
            round.spared += self.settle_equal(round, outcome.position, &alike(&page, &outcome)).await?;
        }
        Ok(())
    }

    /// As an acknowledgement (A1–A3), in one transaction. Answers how many rows were settled.
    async fn settle_equal(
        &self,
        round: &Round<E>,
        position: Position,
        equal: &[(RecordId, u64)],
    ) -> Result<u64, OfficeError> {
        let mut tx = self.store.begin().await?;
        let tree = self.tree_in(&mut tx).await?;
        self.still_above(&tree, round.parent)?;
        let link = seen_at(&up_link(&mut tx, round.parent).await?, position);
        let link = link.ok_or(OfficeError::SessionEnded)?;
        let mut changes = Changes { links: vec![link], ..Changes::default() };
        let withdraws = self.withdraws_below(&mut tx, &tree).await?;
        let unattested: BTreeSet<RecordId> = tx.unattested().await?.into_iter().collect();
        for some in equal.chunks(limits::BATCH_RECORDS) {
            let ids: Vec<RecordId> = some.iter().map(|(id, _)| *id).collect();
            let now = tx.rows(&ids).await?.into_iter().map(|row| (row.id, row)).collect();
            let waiting: Vec<RecordId> = ids.into_iter().filter(|id| unattested.contains(id)).collect();
            let handed = tx.handed(&waiting).await?;
            let settling = Settling { now, handed, withdraws: &withdraws, refused: &round.refused_before };
            settling.settle(&mut changes, some);
        }
        tx.apply(&changes).await?;
        tx.commit().await?;
        self.committed(&changes).await?;
        Ok(changes.clean.len() as u64)
    }
}
