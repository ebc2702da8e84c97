//! Reaching the node in a folder: the running server over its loopback admin port, or the files themselves.

use std::path::Path;

use tonic::transport::Channel;
use wire::admin::admin_client::AdminClient;
use wire::record::records_client::RecordsClient;

use crate::error::NodeError;

/// A connection to the node in a folder, made by [`attach()`].
pub struct Attached {
    channel: Channel,
}

/// Connects to the node in `folder`. Beside a running server this talks to its admin port; else the database is
/// opened here and served in this process for as long as the [`Attached`] lives.
///
/// # Errors
/// [`NodeError`] when there is no node, or it cannot be opened.
pub async fn attach(folder: &Path) -> Result<Attached, NodeError> {
    Err(NodeError::NoNode { folder: folder.into() })
}

impl Attached {
    /// A client of the record service; every call carries the token.
    pub fn records(&self) -> RecordsClient<Channel> {
        RecordsClient::new(self.channel.clone())
    }

    /// A client of the admin service; every call carries the token.
    pub fn admin(&self) -> AdminClient<Channel> {
        AdminClient::new(self.channel.clone())
    }

    /// Closes the database cleanly when it was opened here.
    pub async fn close(self) {}
}
