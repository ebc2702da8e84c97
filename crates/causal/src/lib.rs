//! The merge: dots, contexts, registers, and the preferences that pick what is shown.
//!
//! A record's replicated state is a delta-state *causal map of multi-value registers* (Almeida, Shoker,
//! Baquero, *Delta State Replicated Data Types*, 2018; dotted version vectors, Preguiça et al., 2010).
//! Every edit has a [`Dot`]; every register (a field, or an element of a set) holds the values that no known
//! edit has replaced; the [`Context`] says which edits a state has seen.
//!
//! What this crate must never know: the schema (which kinds and fields exist), clocks, randomness, storage,
//! the network. It takes raw protobuf field bytes and gives them back unchanged.
//!
//! Begin with [`State`] and [`merge`], then [`pick()`].

mod bytes;
mod codec;
mod context;
mod edit;
mod ids;
mod merge;
mod pick;
mod state;

pub use bytes::put_varint;
pub use codec::{Corrupt, MAX_STATE_BYTES};
pub use context::Context;
pub use edit::{Written, overrule, write};
pub use ids::{BaseId, Dot, ParseIdError, RecordId, ReplicaId, Stamp, TAG_BYTES};
pub use merge::{Clash, merge};
pub use pick::{Candidate, Preference, deciding, pick};
pub use state::{Entry, Group, Register, State};
