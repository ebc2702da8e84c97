//! One node: its gRPC server and client, TLS, joining, the scheduler, the loopback admin port.
//!
//! Handlers convert in, call one use case of `office`, convert out; they never open a transaction.
//!
//! Begin with [`serve()`] and [`attach()`].

mod attach;
mod error;
mod setup;

pub use attach::{Attached, attach};
pub use error::NodeError;
pub use setup::{InitOptions, InitReport, JoinOptions, JoinReport, init, join};

use std::path::Path;

/// Where a started node can be reached.
#[derive(Debug, Clone)]
pub struct Listening {
    /// Address for children; `None` when it takes none.
    pub children: Option<std::net::SocketAddr>,
    /// The loopback admin port.
    pub admin: std::net::SocketAddr,
    /// The node's base.
    pub base_name: String,
}

/// Serves the node in `folder` until `stop` is ready; calls `ready` once it listens.
///
/// # Errors
/// [`NodeError`] when it cannot be opened, or another server runs on the folder.
pub async fn serve(
    folder: &Path,
    _ready: impl FnOnce(&Listening),
    _stop: impl Future<Output = ()>,
) -> Result<(), NodeError> {
    Err(NodeError::NoNode { folder: folder.into() })
}
