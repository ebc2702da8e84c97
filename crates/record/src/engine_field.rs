//! Registers that the engine itself keeps in every record.
//!
//! Their numbers lie in 19000–19999, which protobuf reserves for implementations: no kind can declare them.

use causal::BaseId;

/// 属地: the base that the record belongs to.
pub const HOME: u32 = 19001;
/// 公开范围: the bases to whose subtrees the record is opened; one register for the whole set.
pub const AUDIENCE: u32 = 19002;
/// Deletion: the context of the deleter, so that an edit made before it can be told from one made after.
pub const DELETED: u32 = 19003;

/// Most bases in an audience: more than this is a rung of the tree, which one base names.
pub const MAX_AUDIENCE: usize = 16;

/// Whether a field number belongs to the engine.
pub fn is_engine_field(number: u32) -> bool {
    (19000..20000).contains(&number)
}

/// Appends a field that holds a base.
pub fn put_base(out: &mut Vec<u8>, number: u32, base: BaseId) {
    schema::raw::put_bytes(out, number, &base.0);
}

/// The bases in a raw value of [`HOME`] or [`AUDIENCE`]; what is not a base is passed over.
pub fn audience_bases(raw: &[u8]) -> impl Iterator<Item = BaseId> + '_ {
    schema::raw::fields(raw).map_while(Result::ok).filter_map(|field| match field.value {
        schema::raw::Value::Bytes(bytes) => BaseId::try_from(bytes).ok(),
        _ => None,
    })
}
