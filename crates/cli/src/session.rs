//! The connection of one command to the node in the folder.

use std::path::Path;

use node::{AdminChannel, Attached};
use wire::admin::admin_client::AdminClient;
use wire::bundle::bundles_client::BundlesClient;
use wire::record::records_client::RecordsClient;

/// The node in the folder.
pub struct Node {
    attached: Attached,
}

impl Node {
    /// A client of the record service.
    pub fn records(&self) -> RecordsClient<AdminChannel> {
        self.attached.records()
    }

    /// A client of the admin service.
    pub fn admin(&self) -> AdminClient<AdminChannel> {
        self.attached.admin()
    }

    /// A client of the service for files carried by hand.
    pub fn bundles(&self) -> BundlesClient<AdminChannel> {
        self.attached.bundles()
    }
}

/// Does some work with the node in the folder and closes it cleanly, whether the work succeeded or not.
///
/// # Errors
/// Those of the work, and of reaching the node.
pub async fn with_node<T>(
    folder: &Path,
    work: impl AsyncFnOnce(&Node) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let node = Node { attached: node::attach(folder).await? };
    let done = work(&node).await;
    node.attached.close().await;
    done
}
