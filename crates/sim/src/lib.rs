//! Simulated federations: real offices over a real engine, and a world around them that loses messages, kills
//! processes, restores old disks and lies, all of it decided by a seed.
//!
//! A run is a storm of steps with faults, then everything heals and has to drain within a bounded number of rounds;
//! twice. The oracle ([`ledger`]) knows edits as sets: who wrote what over which form. It shares no code with the
//! merge, has a decoder of its own ([`codec`]), and looks at a disk after every call that may have changed it.
//!
//! Begin with [`run::run`], then [`world::World`]; one file for each thing that happens: [`edit`], [`talk`], [`fault`],
//! [`hostile`], [`stray`], [`seats`]; and [`rest`] for what must be true when all is quiet.

#![allow(clippy::result_large_err, reason = "a failure is told once and ends the run")]
#![allow(missing_docs, reason = "a tool of this repository's own: its fields are named for what they are")]

pub mod bases;
pub mod codec;
pub mod compare;
pub mod contract;
pub mod disk;
pub mod edit;
pub mod fault;
pub mod faulty;
pub mod hostile;
pub mod ledger;
pub mod machine;
pub mod options;
pub mod random;
pub mod rest;
pub mod run;
pub mod seats;
pub mod shrink;
pub mod stray;
pub mod talk;
pub mod trace;
pub mod world;
