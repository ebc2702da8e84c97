//! From the parent to the child: the receipt, and taking it.

use std::sync::Arc;

use office::{Receipt, Session};
use sync::carried::TIMELINES_TOLD;
use sync::{Timeline, TimelineId, Timelines, parent};
use time::OffsetDateTime;
use wire::bundle::{Down, Page, ReceiptReport};
use wire::enrolment::RenewAnswer;
use wire::sync::{PushAck, Welcome};
use wire::{Invalid, put_message, take_message};

use super::BundleError;
use super::letter::Letter;
use crate::error::NodeError;
use crate::greeting::settled;
use crate::node::Node;
use crate::round::{acked, pulled_page, registry_rows};
use crate::scheduler::adopt;
use crate::service::pushed::push_ack;
use crate::service::replication::{pull_batch, welcome_message};
use crate::statement;

/// Pages in a receipt, and acknowledgements: more than the limits of bytes let a parent write.
const PARTS_MAX: u32 = 100_000;

/// What the child told that the answer depends on.
pub(super) struct Told {
    /// The version of the protocol that both speak.
    pub protocol: u32,
    /// The time of the root's word that it holds.
    pub statement_at_ms: u64,
}

/// The content of a receipt. The root's word goes with it when it is later than the child's.
pub(super) async fn content(
    node: &Node,
    bundle: u64,
    receipt: Receipt,
    renewed: Option<RenewAnswer>,
    told: Told,
) -> Result<Vec<u8>, NodeError> {
    let (statement_at_ms, statement) = statement::latest(node).await?;
    let statement = (statement_at_ms > told.statement_at_ms).then_some(statement);
    let Receipt { welcome, registry, answered_at_ms, .. } = receipt;
    let session = Session { id: bundle, welcome, spread_ms: 0, registry, heard_more: false };
    let welcome = welcome_message(&node.office, &session, None, answered_at_ms)?;
    let timeline = |t: &Timeline| wire::bundle::Timeline { id: t.id.0, start_seq: t.start_seq };
    let down = Down {
        welcome: Some(Welcome { protocol: told.protocol, statement_at_ms, statement, ..welcome }),
        acks: receipt.acks.len() as u32,
        pages: receipt.pages.len() as u32,
        sealed: receipt.sealed,
        past: receipt.past.all.iter().map(timeline).collect(),
        past_seq: receipt.past.seq,
        renewed,
    };
    let mut content = Vec::new();
    put_message(&mut content, "receipt.down", &down)?;
    for (index, ack) in (0..).zip(&receipt.acks) {
        put_message(&mut content, "receipt.ack", &push_ack(bundle, index, ack))?;
    }
    for (index, (from, page)) in (0..).zip(receipt.pages) {
        let page = Page { from, batch: Some(pull_batch(bundle, index, page)?) };
        put_message(&mut content, "receipt.page", &page)?;
    }
    Ok(content)
}

/// Takes a receipt; only beside no round.
///
/// # Errors
/// [`NodeError`] when another node than the parent wrote it, or it makes no sense: then nothing of it was kept.
pub(super) async fn take(node: &Arc<Node>, letter: Letter) -> Result<ReceiptReport, NodeError> {
    let _one = node.round.lock().await;
    let header = letter.header;
    let Some(parent) = node.upstream().filter(|up| up.name == letter.writer) else {
        return Err(BundleError::NotFromParent { writer: header.writer_name }.into());
    };
    let mut content = letter.content.as_slice();
    let down: Down = take_message(&mut content, "receipt.down").map_err(BundleError::from)?;
    settled(down.welcome.as_ref().map_or(0, |welcome| welcome.protocol))?;
    let receipt = read(&down, content).map_err(BundleError::from)?;
    let taken = node.office.take_receipt(header.bundle, receipt).await?;
    if taken.settled {
        node.folder.keep_parent_letter(parent.base, &letter.key.to_bytes())?;
    }
    renew(node, down.renewed.as_ref())?;
    // What the receipt says comes from the parent of until now; the root's word may name another.
    if let Some(signed) = down.welcome.as_ref().and_then(|w| w.statement.as_ref()) {
        statement::hear(node, signed).await?;
    }
    node.follow()?;
    node.wake.notify_one();
    Ok(ReceiptReport {
        bundle: header.bundle,
        writer_name: header.writer_name,
        made_at_ms: header.made_at_ms,
        repeated: taken.repeated,
        known: taken.known,
        settled: taken.settled,
        resync: taken.resync,
        acknowledged: taken.acknowledged,
        refused: taken.refused,
        pulled: taken.pulled,
        withdrawn: taken.withdrawn,
        complete: taken.complete,
        waiting: node.office.unsent().await?,
    })
}

/// Uses the new certificates in a receipt, unless later ones are in use already.
fn renew(node: &Node, renewed: Option<&RenewAnswer>) -> Result<(), NodeError> {
    let Some(renewed) = renewed else { return Ok(()) };
    let new = node.folder.identity_with(&renewed.leaf_chain_pem)?;
    if new.not_after() > node.identity.current().not_after() {
        new.verify(OffsetDateTime::now_utc())?;
        adopt(node, renewed)?;
    }
    Ok(())
}

/// Everything is read and within its limits before anything is applied.
fn read(down: &Down, mut content: &[u8]) -> Result<Receipt, Invalid> {
    let said = down.welcome.clone().unwrap_or_default();
    if down.acks > PARTS_MAX || down.pages > PARTS_MAX || down.past.len() > TIMELINES_TOLD {
        return Err(Invalid { field: "receipt.down" });
    }
    let mut acks = Vec::new();
    for _ in 0..down.acks {
        let ack: PushAck = take_message(&mut content, "receipt.ack")?;
        acks.push(acked(ack)?);
    }
    let mut pages = Vec::new();
    for _ in 0..down.pages {
        let page: Page = take_message(&mut content, "receipt.page")?;
        pages.push((page.from, pulled_page(page.batch.unwrap_or_default())?));
    }
    let timeline = |t: &wire::bundle::Timeline| Timeline { id: TimelineId(t.id), start_seq: t.start_seq };
    Ok(Receipt {
        welcome: parent::Welcome::try_from(&said)?,
        answered_at_ms: said.answered_at_ms,
        registry: registry_rows(&said)?,
        acks,
        sealed: down.sealed,
        pages,
        past: Timelines { all: down.past.iter().map(timeline).collect(), seq: down.past_seq },
        version: said.version,
    })
}
