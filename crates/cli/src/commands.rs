//! One file per command: its arguments, the calls it makes, the words it answers with.

pub mod backup;
pub mod bundle;
pub mod conflicts;
pub mod demo;
pub mod doctor;
pub mod export;
pub mod figure;
pub mod get;
pub mod history;
pub mod import;
pub mod init;
pub mod invite;
pub mod join;
pub mod list;
pub mod move_base;
pub mod put;
pub mod quarantine;
pub mod registry;
pub mod resolve;
pub mod restore;
pub mod revoke;
pub mod schema;
pub mod serve;
pub mod status;
pub mod sync;
pub mod topic;
pub mod urge;
pub mod verify;

use std::path::PathBuf;

use crate::output::Output;

/// What every command is given.
pub struct Context {
    /// The folder of the node.
    pub folder: PathBuf,
    /// How to answer.
    pub out: Output,
}
