//! What a record means: the tree of bases, who may see and write what, which value is shown, and how an edit
//! becomes a state. The one place where merge states meet the schema.
//!
//! What this crate must never know: clocks, randomness, storage, the network, and the name of any kind.
//!
//! Begin with [`Tree`], then [`Shown`], [`judge()`] and [`Draft`].

mod authority;
mod conflict;
mod correction;
mod draft;
mod engine_field;
mod identity;
mod past;
mod rule;
mod scope;
mod shown;
mod tree;

pub use authority::{Fault, Illegal, decider, default_audience, judge, judge_entries, named_bases, vanished};
pub use conflict::{Conflict, Side, conflicts};
pub use correction::Overruled;
pub use draft::Draft;
pub use engine_field::{AUDIENCE, DELETED, HOME, MAX_AUDIENCE, audience_bases, is_engine_field, put_base};
pub use identity::derived_id;
pub use rule::{owner_of, preferences};
pub use scope::{Scope, scope_of};
pub use shown::{Shown, Value, step_to, values};
pub use tree::{Base, MAX_DEPTH, Standing, Tree};
