//! The protocol over plain maps: one rule at a time, and a whole federation of them at random.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a failed test panics, and tells its seed")]

mod bench;
mod contract;
mod database;
mod federation;
mod from_above;
mod from_below;
mod node;
mod oracle;
mod positions;
