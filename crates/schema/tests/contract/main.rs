//! The contract as this crate reads it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod compile;
mod docs;
mod embedded;
mod errors;
mod json;
mod jsonb_reader;
mod new_kind;
mod raw;
mod successor;
mod text;
mod views;
