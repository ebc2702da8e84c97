//! The parent takes an export and answers.

use causal::BaseId;
use store::{Engine, Read};
use sync::carried::{BYTES, TIMELINES_TOLD, is_whole};
use sync::{Position, Timelines, limits};

use super::{Brought, Receipt};
use crate::down::{PulledPage, Session};
use crate::taking::{Acked, PushedBatch};
use crate::{Office, OfficeError};

/// Batches that go into one transaction: as many as the records of a transaction fill.
const TRANSACTION_BATCHES: usize = limits::TRANSACTION_RECORDS / limits::BATCH_RECORDS;

impl<E: Engine> Office<E> {
    /// Takes what a child exported: handshake, push and pull in one go, by the code that serves a child on the line.
    /// Whoever calls this has made sure who the child is.
    ///
    /// # Errors
    /// [`OfficeError`] when the child is not let in, or the store fails. What was committed by then stays, and the same
    /// export can be taken again.
    pub async fn take_carried(
        &self,
        child: BaseId,
        brought: Brought,
        version: &str,
    ) -> Result<Receipt, OfficeError> {
        let session = self.handshake(child, &brought.hello, &brought.registry_digest).await?;
        let receipt = self.answer(child, session.clone(), brought, version).await;
        self.end_session(child, session.id);
        receipt
    }

    async fn answer(
        &self,
        child: BaseId,
        session: Session,
        brought: Brought,
        version: &str,
    ) -> Result<Receipt, OfficeError> {
        let (hello, mut batches) = (brought.hello, brought.batches);
        let whole = is_whole(hello.cursor, hello.ack, &session.welcome);
        let sealed = whole && batches.iter().any(|b| b.last);
        if !whole {
            batches
                .iter_mut()
                .for_each(|b| *b = PushedBatch { last: false, seals: vec![], ..std::mem::take(b) });
        }
        let acks = self.take_batches(child, session.id, batches).await?;
        let cursor = if session.welcome.resync { None } else { hello.cursor };
        let pages = self.pages(child, session.id, cursor).await?;
        let past = self.past(session.welcome.position).await?;
        Ok(Receipt {
            welcome: session.welcome,
            answered_at_ms: self.now_ms(),
            registry: session.registry,
            acks,
            sealed,
            pages,
            past,
            version: version.to_owned(),
        })
    }

    async fn take_batches(
        &self,
        child: BaseId,
        session: u64,
        mut batches: Vec<PushedBatch>,
    ) -> Result<Vec<Acked>, OfficeError> {
        let mut acks = Vec::with_capacity(batches.len());
        while !batches.is_empty() {
            let later = batches.split_off(batches.len().min(TRANSACTION_BATCHES));
            acks.extend(self.receive(child, session, std::mem::replace(&mut batches, later)).await?);
        }
        Ok(acks)
    }

    /// The changes for a child after a position; what exceeds the limit comes with the next receipt.
    async fn pages(
        &self,
        child: BaseId,
        session: u64,
        cursor: Option<Position>,
    ) -> Result<Vec<(u64, PulledPage)>, OfficeError> {
        let mut cursor = cursor.unwrap_or_default();
        let (mut pages, mut bytes): (Vec<(u64, PulledPage)>, usize) = (Vec::new(), 0);
        while bytes < BYTES {
            let page = self.page(child, session, cursor).await?;
            let (from, end) = (cursor.seq, page.end);
            cursor = page.position;
            bytes += page.rows.iter().map(|row| row.state.len()).sum::<usize>();
            pages.push((from, page));
            if end {
                break;
            }
        }
        Ok(pages)
    }

    /// This database's past, as far back as a receipt tells it. A new opening in between means that commits may have
    /// been lost: then there is no receipt.
    async fn past(&self, begun: Position) -> Result<Timelines, OfficeError> {
        let mut past = self.store.snapshot().await?.timelines().await?;
        if past.current() != begun.timeline {
            return Err(OfficeError::SessionEnded);
        }
        let older = past.all.len().saturating_sub(TIMELINES_TOLD);
        past.all.drain(..older);
        Ok(past)
    }
}
