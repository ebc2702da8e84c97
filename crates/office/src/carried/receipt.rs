//! The child takes a receipt.

use std::collections::BTreeSet;

use causal::{BaseId, RecordId};
use store::{Engine, Exported, Read, Write};
use sync::carried::{EXPORTS_KEPT, Use, Worth, page_use, row_by_row, worth};
use sync::child::{Sent, resync, ticks_of};
use sync::parent::{Incoming, Verdict};
use sync::{Changes, Link, Row, limits};

use super::Receipt;
use super::export::META_PARENT_CLOCK;
use super::memory::Memory;
use crate::down::PulledPage;
use crate::taking::Acked;
use crate::up::{QUARANTINE_LOOK, up_link};
use crate::{Office, OfficeError};

/// What a receipt did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// It was taken before; nothing was done.
    pub repeated: bool,
    /// The export that it answers is remembered by this database.
    pub known: bool,
    /// Its acknowledgements counted.
    pub settled: bool,
    /// Everything is to be sent again, with the next export or round.
    pub resync: bool,
    /// Records acknowledged.
    pub acknowledged: u64,
    /// Records that the parent did not take.
    pub refused: u64,
    /// Records that came down.
    pub pulled: u64,
    /// Records that the parent withdrew.
    pub withdrawn: u64,
    /// All that the parent had for this node has come; else more waits there.
    pub complete: bool,
}

impl<E: Engine> Office<E> {
    /// Takes the receipt of the export `id`, in whatever order and however often receipts come. Whoever calls this has
    /// made sure that the parent wrote it. Several transactions; when one fails, the same receipt can be taken again.
    ///
    /// # Errors
    /// [`OfficeError`] at the root, or when the store fails.
    pub async fn take_receipt(&self, id: u64, receipt: Receipt) -> Result<Taken, OfficeError> {
        let parent = self.parent_or_fail()?;
        let mut taken = Taken::default();
        let exported = self.open_receipt(parent, id, &receipt, &mut taken).await?;
        if taken.repeated {
            return Ok(taken);
        }
        let memory = exported.as_ref().and_then(|e| Memory::decode(&e.content));
        let Receipt { registry, acks, pages, .. } = &receipt;
        if self.is_news(parent, &receipt, taken.known).await? {
            let registry: Vec<Incoming> = registry.iter().cloned().map(incoming).collect();
            self.learn_registry(parent, &registry).await?;
        }
        if let Some(memory) = &memory {
            for (ack, sent) in acks.iter().zip(memory.sent()) {
                self.settle_batch(parent, memory, &receipt, ack, &sent, &mut taken).await?;
            }
            self.settle_seals(parent, memory, &receipt, &mut taken).await?;
        }
        for (from, page) in pages {
            self.take_page(parent, &receipt, *from, page, &mut taken).await?;
        }
        self.close_receipt(parent, exported, &receipt, taken).await?;
        Ok(taken)
    }

    /// Looks the export up, performs RESYNC where the receipt asks for it, and lets go of what the parent no longer keeps
    /// aside.
    async fn open_receipt(
        &self,
        parent: BaseId,
        id: u64,
        receipt: &Receipt,
        taken: &mut Taken,
    ) -> Result<Option<Exported>, OfficeError> {
        let mut tx = self.store.begin().await?;
        let exported = tx.exported(id).await?;
        taken.repeated = exported.as_ref().is_some_and(|e| e.settled_at_ms.is_some());
        let presumed = exported.as_ref().and_then(|e| Memory::decode(&e.content)).map(|m| m.presumed());
        taken.known = taken.repeated || presumed.as_ref().is_some_and(|p| p.parent == parent);
        let link = up_link(&mut tx, parent).await?;
        let worth = worth(&link, presumed.as_ref(), &receipt.welcome, &receipt.past);
        if taken.repeated || worth == Worth::Nothing {
            return Ok(exported);
        }
        if worth == Worth::AfterResync {
            taken.resync = true;
            tx.apply(&resync(&link, &receipt.welcome)).await?;
        }
        self.let_go(&mut tx, parent, &receipt.welcome.quarantined).await?;
        tx.commit().await?;
        if taken.resync {
            self.acked_seals().clear();
        }
        Ok(exported)
    }

    /// Whether the receipt tells more of the parent than is known here: an old tree of bases is no news.
    async fn is_news(&self, parent: BaseId, receipt: &Receipt, known: bool) -> Result<bool, OfficeError> {
        let mut snapshot = self.store.snapshot().await?;
        let cursor = up_link(&mut snapshot, parent).await?.cursor;
        let of = |(from, page): &(u64, PulledPage)| {
            page_use(cursor, &receipt.past, *from, page.position, known) != Use::Nothing
        };
        Ok(receipt.pages.iter().any(of))
    }

    /// What the acknowledgement of one batch settles; whether it counts is asked in the same transaction (A1).
    async fn settle_batch(
        &self,
        parent: BaseId,
        memory: &Memory,
        receipt: &Receipt,
        (position, verdicts): &Acked,
        sent: &Sent,
        taken: &mut Taken,
    ) -> Result<(), OfficeError> {
        let mut tx = self.store.begin().await?;
        if !self.counts(&mut tx, parent, memory, receipt).await? {
            return Ok(());
        }
        let refused_before: BTreeSet<RecordId> = tx
            .quarantined(QUARANTINE_LOOK)
            .await?
            .into_iter()
            .filter(|q| !q.inbound)
            .map(|q| q.record)
            .collect();
        let verdicts = verdicts.iter().filter(|(_, v)| *v != Verdict::Ok).cloned().collect();
        let mut changes = self.settled(&mut tx, parent, sent, &verdicts, *position, &refused_before).await?;
        row_by_row(&mut changes, sent);
        tx.apply(&changes).await?;
        tx.commit().await?;
        let refused = verdicts.values().filter(|v| matches!(v, Verdict::Quarantined(..))).count() as u64;
        taken.settled = true;
        taken.refused += refused;
        taken.acknowledged += (sent.rows.len() as u64).saturating_sub(refused);
        self.committed(&changes).await
    }

    /// The parent holds the data under the seals of the export: so the ticks say.
    async fn settle_seals(
        &self,
        parent: BaseId,
        memory: &Memory,
        receipt: &Receipt,
        taken: &mut Taken,
    ) -> Result<(), OfficeError> {
        let seals = memory.seals();
        let mut tx = self.store.begin().await?;
        let sealed = receipt.sealed && !seals.is_empty();
        if !(sealed && self.counts(&mut tx, parent, memory, receipt).await?) {
            return Ok(());
        }
        taken.settled = true;
        tx.apply(&Changes { ticks: ticks_of(parent, &seals), ..Changes::default() }).await?;
        tx.commit().await?;
        self.note_acked_seals(&seals);
        Ok(())
    }

    /// Whether the acknowledgements count as things stand; RESYNC has been done by now. They do not for a node that the
    /// tree has given another parent meanwhile: everything goes to that one (R3).
    async fn counts(
        &self,
        tx: &mut E::Tx,
        parent: BaseId,
        memory: &Memory,
        receipt: &Receipt,
    ) -> Result<bool, OfficeError> {
        let tree = self.tree_in(tx).await?;
        let link = up_link(tx, parent).await?;
        let worth = worth(&link, Some(&memory.presumed()), &receipt.welcome, &receipt.past);
        Ok(self.still_above(&tree, parent).is_ok() && worth == Worth::Counts)
    }

    async fn take_page(
        &self,
        parent: BaseId,
        receipt: &Receipt,
        from: u64,
        page: &PulledPage,
        taken: &mut Taken,
    ) -> Result<(), OfficeError> {
        let mut tx = self.store.begin().await?;
        let tree = self.tree_in(&mut tx).await?;
        // A page may have given this node another parent: then it was the last one taken from this one (L4).
        if self.still_above(&tree, parent).is_err() {
            return Ok(());
        }
        let link = up_link(&mut tx, parent).await?;
        let whole = match page_use(link.cursor, &receipt.past, from, page.position, taken.known) {
            Use::Nothing => return Ok(()),
            Use::Records => false,
            Use::Whole => true,
        };
        let pulled: Vec<Incoming> = page.rows.iter().cloned().map(incoming).collect();
        let withdrawn = if whole { page.withdrawn.as_slice() } else { &[] };
        let mut changes = self.merge_pulled(&mut tx, &tree, parent, &pulled, withdrawn).await?;
        if whole {
            changes.links.push(Link { cursor: Some(page.position), ..link });
            changes.ticks.extend(page.ticks.iter().copied());
        }
        self.perform(&mut tx, &tree, &changes).await?;
        let regained = self.recheck(&mut tx).await?;
        tx.commit().await?;
        taken.pulled += pulled.len() as u64;
        taken.withdrawn += withdrawn.len() as u64;
        taken.complete = whole && page.end;
        self.committed(&changes).await?;
        self.committed(&regained).await
    }

    /// A receipt that counted is done with; its export is remembered as settled, so that a second copy is known.
    async fn close_receipt(
        &self,
        parent: BaseId,
        exported: Option<Exported>,
        receipt: &Receipt,
        taken: Taken,
    ) -> Result<(), OfficeError> {
        let Some(exported) = exported.filter(|_| taken.settled) else { return Ok(()) };
        let mut tx = self.store.begin().await?;
        let now_ms = self.now_ms();
        // What it carried is of no more use.
        let exported = Exported { settled_at_ms: Some(now_ms), content: Vec::new(), ..exported };
        tx.put_exported(&exported, EXPORTS_KEPT).await?;
        tx.put_meta(META_PARENT_CLOCK, &receipt.answered_at_ms.to_be_bytes()).await?;
        let tree = self.tree_in(&mut tx).await?;
        if self.still_above(&tree, parent).is_ok() {
            let peer_version = receipt.version.chars().take(limits::TEXT_BYTES / 4).collect();
            let link = Link { last_success_ms: now_ms, peer_version, ..up_link(&mut tx, parent).await? };
            tx.apply(&Changes { links: vec![link], ..Changes::default() }).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

fn incoming(row: Row) -> Incoming {
    Incoming { id: row.id, kind: row.kind, state: row.state }
}
