//! Federations of real processes, for the tests of this package.
//!
//! A test makes a [`Federation`], gives it nodes, and talks to them as a person or a program would: by the command
//! line, over the admin port, over TLS, or by looking into the database files. Nothing here calls the engine in the
//! process of the test; `causal`, `record` and `schema` only serve to forge what a modified program would send.
//!
//! Begin with [`node`]; [`relay`] stands for the network between two nodes.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test, which is what it is for")]

pub mod database;
pub mod forge;
pub mod node;
pub mod older;
pub mod peer;
pub mod program;
pub mod relay;
pub mod wait;

pub use database::Database;
pub use node::{Federation, Node};
pub use program::{Answer, Folder};
pub use relay::Relay;
