//! The child writes down what it would push.

use store::{Engine, Exported, Read, Write};
use sync::TimelineId;
use sync::carried::{BYTES, EXPORTS_KEPT};

use super::Export;
use super::memory::Memory;
use crate::up::{Minted, Outgoing};
use crate::{Office, OfficeError};

/// The parent's clock in the latest receipt.
pub(super) const META_PARENT_CLOCK: &str = "receipt_clock_ms";

impl<E: Engine> Office<E> {
    /// Exports all that waits for the parent, as a round would push it: seals first, then one snapshot (P1). It is
    /// remembered before it is handed out, so that its receipt can be told from any other (A1).
    ///
    /// `known_ms` is a time of the parent's clock that has certainly passed, such as when it issued this node's
    /// certificate. There is no handshake to tell the parent's time, and this node's own clock may be wrong: the seals
    /// claim no more than the latest time that the parent itself has told.
    ///
    /// # Errors
    /// [`OfficeError`] at the root, or when the store fails.
    pub async fn export(&self, version: &str, known_ms: u64) -> Result<Export, OfficeError> {
        let parent = self.parent_or_fail()?;
        let (hello, registry_digest) = self.hello(version).await?;
        let mut tx = self.store.begin().await?;
        let at_ms = self.parent_clock(&mut tx, known_ms).await?;
        let seals = self.mint_seals(&mut tx, at_ms).await?;
        self.keep_seals(&mut tx, &seals).await?;
        tx.commit().await?;

        let id = self.outside.chance.u64();
        let presumed = hello.ack.map_or(TimelineId(0), |ack| ack.timeline);
        let mut round =
            self.round_of(self.store.snapshot().await?, id, presumed, parent, Minted::default()).await?;
        let mut export = Export { id, hello, registry_digest, left: round.to_push, ..Export::default() };
        let mut bytes = 0;
        while bytes < BYTES
            && let Some(batch) = self.next_batch(&mut round).await?
        {
            bytes += size(&batch);
            export.records += batch.rows.len() as u64;
            export.batches.push(batch);
        }
        export.left = export.left.saturating_sub(export.records);
        let (sent, seals) = round.into_sent();
        let memory = Memory::of(parent, &export.hello, &sent, &seals);
        export.outstanding = self.remember(id, &memory).await?;
        Ok(export)
    }

    /// The latest time that the parent is known to have told: at a handshake, which own seals carry, or in a receipt.
    async fn parent_clock(&self, tx: &mut E::Tx, known_ms: u64) -> Result<u64, OfficeError> {
        let mine = tx.seals().await?.into_iter().filter(|s| s.base == self.me.base);
        let told = tx.meta(META_PARENT_CLOCK).await?.and_then(|b| b.try_into().ok()).map(u64::from_be_bytes);
        Ok(mine.map(|s| s.at_ms).chain(told).fold(known_ms, u64::max))
    }

    /// Remembers an export; tells how many earlier ones have had no receipt.
    async fn remember(&self, id: u64, memory: &Memory) -> Result<u64, OfficeError> {
        let mut tx = self.store.begin().await?;
        let outstanding = tx.exported_waiting().await?.len() as u64;
        let content = memory.encode();
        let exported = Exported { id, made_at_ms: self.now_ms(), settled_at_ms: None, content };
        tx.put_exported(&exported, EXPORTS_KEPT).await?;
        tx.commit().await?;
        Ok(outstanding)
    }
}

fn size(batch: &Outgoing) -> usize {
    let rows = batch.rows.iter().map(|row| row.state.len());
    rows.chain(batch.revisions.iter().map(|r| r.fragment.len())).sum()
}
