//! How a node is doing.

use store::{Engine, Read};
use sync::Link;

use crate::registry::read_tree;
use crate::{BaseReport, Office, OfficeError};

/// How a node is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Its links.
    pub links: Vec<LinkStatus>,
    /// What each base beneath has reported.
    pub beneath: Vec<BaseReport>,
    /// Records held.
    pub records: u64,
    /// Records that wait for the parent.
    pub unsent: u64,
    /// Records kept aside, in either direction.
    pub quarantined: u64,
    /// Records with alternatives.
    pub disputed: u64,
    /// When files were made that were to be carried up by hand, and of which no receipt has come.
    pub exports_waiting_ms: Vec<u64>,
}

/// How one link is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkStatus {
    /// What is remembered of it.
    pub link: Link,
    /// How many changes wait to go down over it: an upper bound, 0 for the link up.
    pub waiting_down: u64,
    /// Edits that the child is known to have made and that have never arrived; of a lost disk nobody else holds them.
    pub missing: u64,
}

/// More than this in quarantine is counted as this many.
const QUARANTINE_COUNT: usize = 100_000;

impl<E: Engine> Office<E> {
    /// Records that wait for the parent.
    ///
    /// # Errors
    /// [`OfficeError`] when the store cannot be read.
    pub async fn unsent(&self) -> Result<u64, OfficeError> {
        Ok(self.store.snapshot().await?.unsent_count().await?)
    }

    /// How this node is doing, as of one moment.
    ///
    /// # Errors
    /// [`OfficeError`] when the store cannot be read.
    pub async fn status(&self) -> Result<Status, OfficeError> {
        let mut snapshot = self.store.snapshot().await?;
        let tree = read_tree(self.schema(), &mut snapshot).await?;
        let watermark = self.watermark(&tree, &mut snapshot).await?;
        let seq = snapshot.timelines().await?.seq;
        let waiting =
            |link: &Link| if link.up { 0 } else { seq - self.cursor_of(link).map_or(0, |c| c.seq.min(seq)) };
        let replicas = self.replicas();
        let known = |id| replicas.get(&id).map_or(0, |replica| replica.tick);
        let one = |link: Link| {
            let link = self.as_told(link);
            let (waiting_down, missing) = (waiting(&link), link.memory.missing(known));
            LinkStatus { link, waiting_down, missing }
        };
        let links = snapshot.links().await?.into_iter().map(one).collect();
        let mut status = Status { links, beneath: watermark.bases, ..Status::default() };
        status.unsent = snapshot.unsent_count().await?;
        status.exports_waiting_ms = snapshot.exported_waiting().await?;
        status.quarantined = snapshot.quarantined(QUARANTINE_COUNT).await?.len() as u64;
        for kind in &self.schema().kinds {
            let all = store::Query { kind: kind.name.clone(), deleted: true, ..store::Query::default() };
            status.records += snapshot.list(&all).await?.total;
            let disputed = store::Query { disputed_only: true, ..all };
            status.disputed += snapshot.list(&disputed).await?.total;
        }
        Ok(status)
    }
}
