//! Ids that follow from what a thing is called.

use causal::RecordId;
use sha2::{Digest, Sha256};

/// The id of the record of `kind` whose natural key is `key`: the same on every node, so that two streets that
/// enter one body offline make one record. A version-8 UUID (RFC 9562) from SHA-256 over both.
pub fn derived_id(kind: &str, key: &[String]) -> RecordId {
    let mut hash = Sha256::new();
    for part in std::iter::once(kind).chain(key.iter().map(String::as_str)) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut id = [0; 16];
    id.copy_from_slice(&hash.finalize()[..16]);
    id[6] = id[6] & 0x0F | 0x80;
    id[8] = id[8] & 0x3F | 0x80;
    RecordId(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let id = |kind: &str, key: &[&str]| {
            derived_id(kind, &key.iter().map(|k| k.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(id("a", &["x"]), id("a", &["x"]));
        assert_ne!(id("a", &["xy", "z"]), id("a", &["x", "yz"]));
        assert_ne!(id("a", &["x"]), id("ax", &[]));
    }
}
