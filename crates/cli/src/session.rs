//! The connection of one command to the node in the folder.

use std::path::Path;

use node::Attached;
use wire::admin::admin_client::AdminClient;
use wire::record::records_client::RecordsClient;

/// Largest answer taken from the node on this machine: a page of a thousand records of ordinary size is some 4 MiB,
/// and a few very long ones must not make a list unreadable.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The node in the folder.
pub struct Node {
    attached: Attached,
}

impl Node {
    /// A client of the record service.
    pub fn records(&self) -> RecordsClient<node::AdminChannel> {
        self.attached.records().max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// A client of the admin service.
    pub fn admin(&self) -> AdminClient<node::AdminChannel> {
        self.attached.admin().max_decoding_message_size(ANSWER_BYTES_MAX)
    }
}

/// Does some work with the node in the folder and closes it cleanly, whether the work succeeded or not.
///
/// # Errors
/// Those of the work, and of reaching the node.
pub async fn with_node<T>(folder: &Path, work: impl AsyncFnOnce(&Node) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let node = Node { attached: node::attach(folder).await? };
    let done = work(&node).await;
    node.attached.close().await;
    done
}
