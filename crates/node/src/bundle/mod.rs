//! Files that are carried by hand between this node and its parent or its children.
//!
//! [`letter`] is the outside: who wrote it, for whom, is it whole. [`up`] and [`down`] are the two directions, each with
//! both its ends; what a file does is decided in `office`.

mod down;
mod error;
mod letter;
mod up;

use std::sync::Arc;

use wire::bundle::{BundleReport, ReceiptReport};

pub use error::BundleError;
pub(crate) use up::export;

use crate::error::NodeError;
use crate::node::Node;

/// What became of a file.
pub(crate) enum Imported {
    /// It was a child's bundle; the receipt is to be carried back.
    Bundle(BundleReport, Vec<u8>),
    /// It was the receipt of a bundle of this node.
    Receipt(ReceiptReport),
}

/// Takes a file, whichever it is.
///
/// # Errors
/// [`NodeError`] when it is refused; then nothing of it was kept.
pub(crate) async fn import(node: &Arc<Node>, file: &[u8]) -> Result<Imported, NodeError> {
    let letter = letter::open(node, file)?;
    if letter.header.receipt {
        let report = down::take(node, letter).await?;
        let (settled, acknowledged, pulled) = (report.settled, report.acknowledged, report.pulled);
        tracing::info!(settled, acknowledged, pulled, "took a receipt that was carried here");
        Ok(Imported::Receipt(report))
    } else {
        let child = letter.writer.to_string();
        let (report, receipt) = up::take(node, letter).await?;
        let (records, refused) = (report.records, report.refused);
        tracing::info!(child, records, refused, "took a bundle that was carried here");
        Ok(Imported::Bundle(report, receipt))
    }
}
