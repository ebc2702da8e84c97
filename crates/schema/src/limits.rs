//! Limits on what a schema and its values may hold.

/// Field numbers from here on are the engine's own: home, audience, deletion and the like are registers too.
pub const FIELD_NUMBER_END: u32 = 19_000;

/// Bytes of a descriptor set: twenty times the present contract.
pub const DESCRIPTOR_BYTES_MAX: usize = 1 << 20;

/// Kinds of a contract; every one is a view and an entry of menus.
pub const KINDS_MAX: usize = 300;

/// Fields and values of enums of a contract, each counted wherever it is used: small descriptors that nest wide groups
/// in one another would fill the memory.
pub const ITEMS_MAX: usize = 100_000;

/// Columns of a kind's view; SQLite takes 2,000.
pub const VIEW_COLUMNS_MAX: usize = 1_000;

/// How deep groups may be nested: enough for a list of addresses, and a bound for recursive messages.
pub const GROUP_DEPTH_MAX: usize = 3;

/// Characters of a text where the contract says nothing: a long title or address fits, a pasted document does not.
pub const TEXT_CHARS_MAX: usize = 500;

/// Characters of a text of several lines: some 20 pages, 60 KB of the 256 KiB that a record may have.
pub const MULTILINE_CHARS_MAX: usize = 20_000;

/// Elements of a set: every division code of a large city's villages would be too many, every street is not.
pub const ELEMENTS_MAX: usize = 1_000;

/// Bytes of a `bytes` field that is not an id: a digest or a small signature, never a file.
pub const BYTES_MAX: usize = 4_096;
