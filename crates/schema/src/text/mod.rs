//! Between what people write and read, and the raw bytes of a field.
//!
//! A value is always the whole raw field with its tag, one after another when it is repeated; no bytes at all
//! stand for "nothing", so writing them clears the field.

mod bad;
mod check;
mod json;
mod parse;
mod show;
mod words;

pub use bad::BadValue;
pub use check::check_raw;
pub use json::parse_json;
pub use parse::parse_text;
pub use show::{mask, show_text};
