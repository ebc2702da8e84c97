//! What the tests of this crate share: raw protobuf fields and edits to write.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use causal::{BaseId, Dot, ReplicaId, Stamp, put_varint};

/// A raw field of wire type 0.
pub fn number_field(number: u32, value: u64) -> Vec<u8> {
    let mut raw = Vec::new();
    put_varint(&mut raw, u64::from(number) << 3);
    put_varint(&mut raw, value);
    raw
}

/// A raw field of wire type 2.
pub fn text_field(number: u32, text: &str) -> Vec<u8> {
    let mut raw = Vec::new();
    put_varint(&mut raw, u64::from(number) << 3 | 2);
    put_varint(&mut raw, text.len() as u64);
    raw.extend_from_slice(text.as_bytes());
    raw
}

pub fn dot(replica: u64, tick: u64) -> Dot {
    Dot { replica: ReplicaId(replica), tick }
}

/// An edit by a base of its replica's name.
pub fn stamp(dot: Dot, saved_at_ms: u64) -> Stamp<'static> {
    let base = BaseId([dot.replica.0 as u8; 16]);
    Stamp { dot, saved_at_ms, base, user: "王小明", tag: [dot.tick as u8; 8] }
}
