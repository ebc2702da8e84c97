//! What a record means, table by table.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod contract;
mod draft;
mod federation;
mod push;
mod rules;
mod shown;
mod tree;
