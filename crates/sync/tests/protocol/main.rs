//! The protocol over plain maps: one rule at a time, and a whole federation of them at random.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod contract;
mod database;
mod federation;
mod from_above;
mod from_below;
mod node;
mod oracle;
mod positions;
