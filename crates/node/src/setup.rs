//! Making a node: a root by `init`, any other by `join`.

use std::path::Path;

use crate::error::NodeError;

/// How a root node is made.
#[derive(Debug, Clone, Default)]
pub struct InitOptions {
    /// Name of the federation, for people.
    pub federation: String,
    /// Name of the root base.
    pub name: String,
    /// Code of the root base.
    pub code: String,
    /// Its rung: city, district, street, village, or the Chinese label.
    pub rung: String,
    /// Division codes it is responsible for.
    pub jurisdiction: Vec<String>,
    /// Address to listen on for children, host:port.
    pub listen: String,
    /// Address that invites name, host:port; empty: as `listen`.
    pub advertise: String,
}

/// What `init` made.
#[derive(Debug, Clone)]
pub struct InitReport {
    /// The root base's id, 32 hexadecimal digits.
    pub base: String,
    /// SHA-256 of the root certificate, hexadecimal: compare it by telephone when inviting.
    pub root_pin: String,
}

/// How a node joins.
#[derive(Debug, Clone, Default)]
pub struct JoinOptions {
    /// Address to listen on for children of its own, host:port; empty: none.
    pub listen: String,
    /// Address that its own invites name; empty: as `listen`.
    pub advertise: String,
}

/// What `join` did.
#[derive(Debug, Clone)]
pub struct JoinReport {
    /// The base's id.
    pub base: String,
    /// The base's name.
    pub base_name: String,
    /// The federation's name.
    pub federation: String,
    /// Name of the base above.
    pub parent_name: String,
}

/// Makes a root node in an empty folder.
///
/// # Errors
/// [`NodeError`] when the folder is not empty or cannot be written.
pub async fn init(folder: &Path, _options: &InitOptions) -> Result<InitReport, NodeError> {
    Err(NodeError::NoNode { folder: folder.into() })
}

/// Joins a federation with an invite file: makes the key here, redeems the invite, stores the certificate.
///
/// # Errors
/// [`NodeError`] when the invite cannot be used or the parent cannot be reached.
pub async fn join(folder: &Path, _invite: &str, _options: &JoinOptions) -> Result<JoinReport, NodeError> {
    Err(NodeError::NoNode { folder: folder.into() })
}
