//! What the contract in `proto/` says about the data, as plain typed tables.
//!
//! A kind is one protobuf message. Its labels, owners, rules and formats are options of the contract; this crate
//! reads them once and offers them as ordinary structs, together with everything that follows from them alone:
//! splitting raw bytes, converting between people's text and bytes, JSON, SQL views, the rule table.
//!
//! It never knows a single kind by name, and never does I/O: adding a field or a kind is an edit in `proto/`.
//!
//! Begin reading at [`Schema`] in `model.rs`, then [`raw`], then [`text`].

mod check;
mod civil;
mod error;
pub mod json;
pub mod limits;
mod load;
mod model;
pub mod options;
pub mod raw;
mod successor;
pub mod table;
pub mod text;
pub mod value;
pub mod views;

use std::sync::OnceLock;

pub use error::SchemaError;
pub use model::{EnumDef, EnumValue, Field, FieldType, Kind, Schema, Transition, Turn};
pub use options::{AudienceDefault, Column, CorrectionRole, Format, Privacy, RegistryRole, Rule, Who};
pub use successor::NotAdditive;

/// The contract this program was built with.
const EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

impl Schema {
    /// The schema this program was built with.
    ///
    /// # Panics
    /// If the embedded contract is wrong, which a test of this crate would have shown.
    pub fn embedded() -> &'static Schema {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        SCHEMA.get_or_init(|| match Schema::from_descriptors(EMBEDDED) {
            Ok(schema) => schema,
            Err(error) => panic!("the embedded contract is wrong: {error}"),
        })
    }
}
