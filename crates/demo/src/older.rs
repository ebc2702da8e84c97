//! The contract of an older program.

/// Its descriptor set: the present one without [`NEW_KIND`] and [`NEW_FIELD`].
pub const CONTRACT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/older.bin"));
/// A kind that it does not have.
pub const NEW_KIND: &str = "correction_request";
/// The kind that lacks a field.
pub const KIND_OF_NEW_FIELD: &str = "organization_profile";
/// The field that it lacks.
pub const NEW_FIELD: &str = "introduction";
