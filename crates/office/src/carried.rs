//! Carried by hand: the same batches in a file, for nodes between which there is no line.
//!
//! The child exports what it would push ([`Office::export`]); the parent takes it and answers with a [`Receipt`]
//! ([`Office::take_carried`]); the child takes the receipt ([`Office::take_receipt`]). A file may be lost, come twice,
//! or come in another order: each export holds all that waits, data merges, and `sync::carried` says what a receipt may
//! settle. What can be done live is done by the same code as live.

mod answer;
mod export;
mod memory;
mod receipt;

use sync::parent::{Hello, Welcome};
use sync::{Row, Timelines};

use crate::down::PulledPage;
use crate::taking::{Acked, PushedBatch};
use crate::up::Outgoing;

pub use receipt::Taken;

/// What a child has exported.
#[derive(Debug, Clone, Default)]
pub struct Export {
    /// Its random name; the receipt names it again.
    pub id: u64,
    /// What the child says of itself (H1).
    pub hello: Hello,
    /// The digest of the tree of bases that it knows.
    pub registry_digest: Vec<u8>,
    /// The batches, seals in the last one if nothing was left out.
    pub batches: Vec<Outgoing>,
    /// Records in it.
    pub records: u64,
    /// Records that still wait and did not fit.
    pub left: u64,
    /// Earlier exports whose receipts have not come.
    pub outstanding: u64,
}

/// What an export brings to the parent.
#[derive(Debug, Clone, Default)]
pub struct Brought {
    /// What the child says of itself.
    pub hello: Hello,
    /// The digest of the tree of bases that it knows.
    pub registry_digest: Vec<u8>,
    /// The batches.
    pub batches: Vec<PushedBatch>,
}

/// The parent's answer to an export.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// Where the parent stood when it began to take the export, and whether everything must be sent again.
    pub welcome: Welcome,
    /// The parent's clock, UTC milliseconds.
    pub answered_at_ms: u64,
    /// The bases' records, when the child's differ from the parent's.
    pub registry: Vec<Row>,
    /// One acknowledgement for each batch, in order.
    pub acks: Vec<Acked>,
    /// The seals of the export were taken with its data.
    pub sealed: bool,
    /// The parent's changes for the child; each page with the number after which it begins.
    pub pages: Vec<(u64, PulledPage)>,
    /// The parent's past at the end, as far back as is told.
    pub past: Timelines,
    /// The parent's program version.
    pub version: String,
}
