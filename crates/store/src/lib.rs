//! Storage on SQLite: the only crate that knows sqlx.
//!
//! It performs what the pure crates decided: a [`sync::Changes`] is one transaction, and every read is of a set of
//! records within one snapshot. It never decides what a record means, who may see it, or what is sent.
//!
//! Architecture invariants:
//! - Numbers are given out under one lock that is held until commit, so a reader never sees number n + 1 before n.
//! - What is stored of a record is exactly what travels; everything else in its row follows from it.
//! - No SQL outside this crate; what differs between engines stands in `sqlite/dialect.rs`.
//!
//! Begin with [`Engine`], [`Read`] and [`Write`]; then `sqlite/apply.rs`. The feature `memory` adds an engine in
//! memory, the feature `contract` the suite that every engine has to pass.

#[cfg(feature = "contract")]
pub mod contract;
mod engine;
mod error;
mod field_path;
#[cfg(feature = "memory")]
pub mod memory;
mod model;
mod query;
mod schema_edge;
mod sqlite;
mod text;

pub use engine::{Applied, Changed, Engine, Opening, Read, Write};
pub use error::StoreError;
pub use model::{Act, Certificate, Decision, Exported, Invite, InviteState};
pub use query::{FigureQuery, FigureRow, GroupBy, Item, LIMIT_MAX, Op, OrderBy, Page, Query};
pub use sqlite::{Backup, Copied, FolderLock, KeptFile, Snapshot, Store, Tx};
