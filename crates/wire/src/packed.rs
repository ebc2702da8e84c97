//! Records compressed for the wire.

use ::sync::parent::Incoming;
use ::sync::{Revision, Row, limits};
use causal::{Dot, RecordId, ReplicaId};
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use crate::convert::{Invalid, array};
use crate::sync as pb;

/// Fast and close to the stronger levels on records of one kind.
const ZSTD_LEVEL: i32 = 1;

/// What a batch may hold before compression: the records, their history, and the framing.
const RAW_BYTES_MAX: usize = 3 * limits::BATCH_BYTES;

/// Compresses records with their history.
///
/// # Errors
/// [`Invalid`] when compression fails, which it does only for want of memory.
pub fn pack(rows: &[Row], revisions: &[Revision]) -> Result<pb::Packed, Invalid> {
    let states: usize = rows.iter().map(|row| row.state.len() + FRAMING_BYTES).sum();
    let mut raw = Vec::with_capacity(states);
    rows.iter().for_each(|row| put_record(&mut raw, row));
    // Messages put one after another are one message (protobuf's rule of concatenation).
    let history = pb::Records { records: Vec::new(), revisions: revisions.iter().map(revision).collect() };
    raw.extend_from_slice(&history.encode_to_vec());
    let zstd = zstd::bulk::compress(&raw, ZSTD_LEVEL).map_err(|_| Invalid::new("packed.zstd"))?;
    Ok(pb::Packed { zstd, raw_bytes: raw.len() as u32 })
}

/// A record's id, kind and framing, about.
const FRAMING_BYTES: usize = 64;

/// Writes a record as [`pb::Records`] holds it, straight from the row: the generated code would copy each state into a
/// message first.
fn put_record(out: &mut Vec<u8>, row: &Row) {
    let parts = [row.kind.as_bytes(), &row.id.0, &row.state];
    let tagged = |part: &[u8]| 1 + encoded_len_varint(part.len() as u64) + part.len();
    put_head(out, 1, parts.iter().map(|part| tagged(part)).sum());
    for (number, part) in (1..).zip(parts) {
        put_head(out, number, part.len());
        out.extend_from_slice(part);
    }
}

/// The tag and length of a field of bytes.
fn put_head(out: &mut Vec<u8>, number: u32, length: usize) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(length as u64, out);
}

/// Compresses any number of records, as many batches as it takes.
///
/// # Errors
/// As [`pack`].
pub fn pack_all(rows: &[Row]) -> Result<Vec<pb::Packed>, Invalid> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, row) in rows.iter().enumerate() {
        if at > start
            && (at - start == limits::BATCH_RECORDS || bytes + row.state.len() > limits::BATCH_BYTES)
        {
            batches.push(pack(&rows[start..at], &[])?);
            (start, bytes) = (at, 0);
        }
        bytes += row.state.len();
    }
    if start < rows.len() {
        batches.push(pack(&rows[start..], &[])?);
    }
    Ok(batches)
}

/// What a [`pb::Packed`] held.
#[derive(Default)]
pub struct Unpacked {
    /// The records.
    pub records: Vec<Incoming>,
    /// Their history.
    pub revisions: Vec<Revision>,
}

/// Decompresses and decodes, within the limits of a batch whatever the message claims.
///
/// # Errors
/// [`Invalid`] for anything that is not what [`pack`] makes, or larger than a batch may be.
pub fn unpack(packed: &pb::Packed) -> Result<Unpacked, Invalid> {
    let raw_bytes = packed.raw_bytes as usize;
    if raw_bytes > RAW_BYTES_MAX {
        return Err(Invalid::new("packed.raw_bytes"));
    }
    let raw = zstd::bulk::decompress(&packed.zstd, raw_bytes).map_err(|_| Invalid::new("packed.zstd"))?;
    let records = pb::Records::decode(raw.as_slice()).map_err(|_| Invalid::new("packed.records"))?;
    if records.records.len() > limits::BATCH_RECORDS {
        return Err(Invalid::new("packed.records"));
    }
    if records.revisions.len() > limits::BATCH_REVISIONS {
        return Err(Invalid::new("packed.revisions"));
    }
    Ok(Unpacked {
        records: records.records.into_iter().map(incoming).collect::<Result<_, _>>()?,
        revisions: records.revisions.into_iter().map(incoming_revision).collect::<Result<_, _>>()?,
    })
}

fn incoming(record: pb::Record) -> Result<Incoming, Invalid> {
    Ok(Incoming { id: RecordId(array("record.id", &record.id)?), kind: record.kind, state: record.state })
}

fn revision(revision: &Revision) -> pb::Revision {
    let dot = |d: Dot| Some(pb::Dot { replica: d.replica.0, tick: d.tick });
    pb::Revision {
        record: revision.record.0.to_vec(),
        of: dot(revision.of),
        by: dot(revision.by),
        fragment: revision.fragment.clone(),
    }
}

fn incoming_revision(revision: pb::Revision) -> Result<Revision, Invalid> {
    let dot = |d: Option<pb::Dot>| {
        d.map(|d| Dot { replica: ReplicaId(d.replica), tick: d.tick }).unwrap_or_default()
    };
    Ok(Revision {
        record: RecordId(array("revision.record", &revision.record)?),
        of: dot(revision.of),
        by: dot(revision.by),
        fragment: revision.fragment,
        unsent: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: u8) -> Row {
        Row { id: RecordId([n; 16]), kind: "k".into(), state: vec![n; 700], ..Row::default() }
    }

    #[test]
    fn what_is_packed_unpacks() {
        let packed = pack(&[row(1), row(2)], &[]).unwrap();
        let back = unpack(&packed).unwrap();
        assert_eq!(back.records.len(), 2);
        assert_eq!(back.records[1].state, vec![2; 700]);
        assert!(packed.zstd.len() < 200);
    }

    #[test]
    fn records_are_written_as_the_generated_code_writes_them() {
        let rows = [row(1), Row { kind: "k".repeat(200), state: vec![7; 20_000], ..row(2) }];
        let message = |row: &Row| pb::Record {
            kind: row.kind.clone(),
            id: row.id.0.to_vec(),
            state: row.state.clone(),
        };
        let records = pb::Records { records: rows.iter().map(message).collect(), revisions: Vec::new() };
        let mut raw = Vec::new();
        rows.iter().for_each(|row| put_record(&mut raw, row));
        assert_eq!(raw, records.encode_to_vec());
    }

    #[test]
    fn a_bomb_is_refused_before_it_unfolds() {
        let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 19).unwrap();
        let claim = |raw_bytes| pb::Packed { zstd: bomb.clone(), raw_bytes };
        assert!(bomb.len() < 100_000);
        for raw_bytes in [0, 1000, RAW_BYTES_MAX as u32, u32::MAX] {
            assert!(unpack(&claim(raw_bytes)).is_err(), "{raw_bytes}");
        }
    }

    #[test]
    fn too_many_records_are_refused() {
        let rows: Vec<_> =
            (0..=limits::BATCH_RECORDS).map(|n| Row { state: vec![], ..row(n as u8) }).collect();
        assert_eq!(unpack(&pack(&rows, &[]).unwrap()).err(), Some(Invalid::new("packed.records")));
    }
}
