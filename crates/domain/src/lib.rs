//! Codes, divisions, calendars and cleaning rules of Chinese social-organisation work.
//!
//! What a clerk's file or form says, read the way the bureau means it: unified codes with their check digits,
//! division codes, civil dates in Asia/Shanghai, money in fen, names and authorities. Every refusal is a typed
//! error whose `Display` is a Chinese sentence that says what is wrong and what to do.
//!
//! What this crate must never know: records, schemas, storage, the network, the clock, randomness. It reads no
//! file; the division table is compiled in.
//!
//! Begin with [`uscc`] and [`clean`]; [`sample`] makes the dirty files that the rules are tested with.

pub mod clean;
pub mod date;
pub mod division;
pub mod divisions;
pub mod money;
pub mod plan;
pub mod programmes;
pub mod sample;
pub mod text;
pub mod uscc;
