//! From the child to the parent: exporting, and taking what a child exported.

use std::sync::Arc;

use causal::BaseId;
use office::{Brought, Receipt};
use pki::BACKDATE;
use sync::carried::BYTES;
use sync::parent::{Hello, Verdict};
use time::OffsetDateTime;
use wire::bundle::{BundleReport, ExportReport, Up};
use wire::sync::{self as pb, PushBatch};
use wire::{Invalid, put_message, take_message};

use super::letter::{Letter, Reader, write};
use super::{BundleError, down};
use crate::error::NodeError;
use crate::gate;
use crate::greeting::hello_message;
use crate::node::{Node, VERSION};
use crate::round::push_batch;
use crate::scheduler::due_request;
use crate::service::enrolment;
use crate::service::pushed::pushed_batch;
use crate::service::replication::settle;
use crate::statement;

/// Batches in a file: ten times what its limit of bytes holds of full ones.
const BATCHES_MAX: u32 = 1_000;
/// What all batches may hold after decompression: the states, as much history, and the framing.
const RAW_BYTES_MAX: u64 = 3 * BYTES as u64;

/// Exports what waits for the parent; only beside no round.
///
/// # Errors
/// [`NodeError`] at the root, or while the parent's key is not known, or when the store fails.
pub(crate) async fn export(node: &Arc<Node>) -> Result<(ExportReport, Vec<u8>), NodeError> {
    let _one = node.round.lock().await;
    let office = &node.office;
    let parent = office.parent().ok_or(NodeError::NoParent)?;
    let key = node.folder.parent_letter(parent)?.ok_or(BundleError::NoParentKey)?;
    let export = office.export(VERSION, certified_ms(node)).await?;
    let sealed_up_to_ms = export.batches.last().into_iter().flat_map(|b| &b.seals);
    let sealed_up_to_ms = sealed_up_to_ms.filter(|s| s.base == office.me().base).map(|s| s.at_ms).max();
    let batches = export.batches.len() as u32;
    let (statement_at_ms, statement) = statement::latest(node).await?;
    let hello = hello_message(office, export.hello, export.registry_digest, office.now_ms());
    let hello = Some(pb::Hello { statement_at_ms, ..hello });
    let mut content = Vec::new();
    let renew = due_request(node, OffsetDateTime::now_utc())?;
    put_message(&mut content, "bundle.up", &Up { hello, batches, renew, statement: Some(statement) })?;
    for batch in export.batches {
        put_message(&mut content, "bundle.batch", &push_batch(export.id, batch)?)?;
    }
    let file = write(node, &Reader { base: parent, key }, export.id, false, &content)?;
    let report = ExportReport {
        bundle: export.id,
        reader_name: office.tree().name(parent),
        records: export.records,
        left: export.left,
        outstanding: export.outstanding,
        sealed_up_to_ms: sealed_up_to_ms.unwrap_or(0),
        bytes: file.len() as u64,
    };
    Ok((report, file))
}

/// When the parent issued this node's certificate, by the parent's clock: at the latest now.
fn certified_ms(node: &Node) -> u64 {
    let issued = node.identity.current().not_before() + BACKDATE;
    u64::try_from(issued.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}

/// Takes what a child exported, and writes the receipt.
///
/// # Errors
/// [`NodeError`] when the child is not let in, or the content makes no sense: then nothing of it was kept.
pub(super) async fn take(node: &Arc<Node>, letter: Letter) -> Result<(BundleReport, Vec<u8>), NodeError> {
    let office = &node.office;
    let mut content = letter.content.as_slice();
    let up: Up = take_message(&mut content, "bundle.up").map_err(BundleError::from)?;
    // The root's word counts whoever brings it, and before it is asked whether that is a child (H2).
    statement::hear(node, &up.statement.clone().unwrap_or_default()).await?;
    let child = gate::check_node(office, &letter.chain)?;
    let said = up.hello.clone().unwrap_or_default();
    let told = down::Told { protocol: settle(&said)?, statement_at_ms: said.statement_at_ms };
    let brought = read(&up, content, child).map_err(BundleError::from)?;
    let renewed = match &up.renew {
        Some(asked) => Some(enrolment::renewed(node, asked, child).await?),
        None => None,
    };
    let receipt = office.take_carried(child, brought, VERSION).await?;
    let mut report = report(&letter, &receipt);
    let content = down::content(node, letter.header.bundle, receipt, renewed, told).await?;
    let file = write(node, &Reader { base: child, key: letter.key }, letter.header.bundle, true, &content)?;
    report.bytes = file.len() as u64;
    Ok((report, file))
}

/// Everything is read and within its limits before anything is applied.
fn read(up: &Up, mut content: &[u8], child: BaseId) -> Result<Brought, Invalid> {
    let said = up.hello.clone().unwrap_or_default();
    if said.base != child.0 || up.batches > BATCHES_MAX {
        return Err(Invalid { field: "bundle.up" });
    }
    let (mut batches, mut raw_bytes) = (Vec::new(), 0);
    for _ in 0..up.batches {
        let batch: PushBatch = take_message(&mut content, "bundle.batch")?;
        raw_bytes += batch.records.as_ref().map_or(0, |packed| u64::from(packed.raw_bytes));
        if raw_bytes > RAW_BYTES_MAX {
            return Err(Invalid { field: "bundle.batch" });
        }
        batches.push(pushed_batch(batch)?);
    }
    Ok(Brought { hello: Hello::try_from(&said)?, registry_digest: said.registry_digest, batches })
}

fn report(letter: &Letter, receipt: &Receipt) -> BundleReport {
    let verdicts = || receipt.acks.iter().flat_map(|(_, verdicts)| verdicts.iter().map(|(_, v)| v));
    let count = |wanted: fn(&Verdict) -> bool| verdicts().filter(|v| wanted(v)).count() as u64;
    BundleReport {
        bundle: letter.header.bundle,
        writer_name: letter.header.writer_name.clone(),
        made_at_ms: letter.header.made_at_ms,
        records: verdicts().count() as u64,
        refused: count(|v| matches!(v, Verdict::Quarantined(..))),
        withdrawn: count(|v| *v == Verdict::Withdraw),
        sealed: receipt.sealed,
        resync: receipt.welcome.resync,
        down: receipt.pages.iter().map(|(_, page)| page.rows.len() as u64).sum(),
        more: !receipt.pages.last().is_some_and(|(_, page)| page.end),
        bytes: 0,
    }
}
