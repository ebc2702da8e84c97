//! Directed tests of the protocol's pure decisions: one rule each, and what goes wrong without it.
#![allow(clippy::unwrap_used)]

#[path = "directed/comparing.rs"]
mod comparing;
#[path = "directed/contract.rs"]
mod contract;
#[path = "directed/correcting.rs"]
mod correcting;
#[path = "directed/handshake.rs"]
mod handshake;
#[path = "directed/make.rs"]
mod make;
#[path = "directed/moving.rs"]
mod moving;
#[path = "directed/pulling.rs"]
mod pulling;
#[path = "directed/pushing.rs"]
mod pushing;
#[path = "directed/refusing.rs"]
mod refusing;
#[path = "directed/settling.rs"]
mod settling;
