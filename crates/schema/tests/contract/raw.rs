//! Splitting and writing raw fields.

use proptest::prelude::*;
use schema::raw::{RawError, Value, fields, put_bytes, put_double, put_fixed32, put_int, put_uint, varint};

#[test]
fn what_is_written_is_read() {
    let mut out = Vec::new();
    put_uint(&mut out, 1, 300);
    put_int(&mut out, 2, -1);
    put_bytes(&mut out, 300, "街道".as_bytes());
    put_double(&mut out, 4, 1.5);
    put_fixed32(&mut out, 536_870_911, 7);
    let read: Vec<_> =
        fields(&out).map(|field| field.map(|field| (field.number, field.value)).unwrap()).collect();
    assert_eq!(
        read,
        [
            (1, Value::Varint(300)),
            (2, Value::Varint(u64::MAX)),
            (300, Value::Bytes("街道".as_bytes())),
            (4, Value::Fixed64(1.5f64.to_bits())),
            (536_870_911, Value::Fixed32(7)),
        ]
    );
    let raw: Vec<u8> = fields(&out).flat_map(|field| field.unwrap().raw.to_vec()).collect();
    assert_eq!(raw, out);
}

#[test]
fn what_is_not_canonical_is_refused() {
    for (bytes, expected) in [
        (&[0x08][..], RawError::Truncated),
        (&[0x0a, 5, b'x'], RawError::Truncated),
        (&[0x0d, 1, 2, 3], RawError::Truncated),
        (&[0x09, 1, 2, 3, 4, 5, 6, 7], RawError::Truncated),
        (&[0x88], RawError::Truncated),
        (&[0x08, 0x80, 0x00], RawError::NotMinimal),
        (&[0x88, 0x00, 0x01], RawError::NotMinimal),
        (&[0x0a, 0x81, 0x00, 0x01], RawError::NotMinimal),
        (&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], RawError::Overlong),
        (&[0x00, 0x01], RawError::Number { number: 0 }),
        (&[0x80, 0x80, 0x80, 0x80, 0x10, 0x01], RawError::Number { number: 1 << 29 }),
        (&[0x0b], RawError::WireType { number: 1, wire: 3 }),
        (&[0x0c], RawError::WireType { number: 1, wire: 4 }),
        (&[0x0f], RawError::WireType { number: 1, wire: 7 }),
        (&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], RawError::Truncated),
    ] {
        let mut iterator = fields(bytes);
        assert_eq!(iterator.next(), Some(Err(expected)), "{bytes:x?}");
        assert_eq!((iterator.next(), iterator.rest()), (None, bytes));
    }
}

proptest! {
    #[test]
    fn random_bytes_split_into_themselves(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut iterator = fields(&bytes);
        let mut read = Vec::new();
        for field in iterator.by_ref().map_while(Result::ok) {
            read.extend_from_slice(field.raw);
        }
        read.extend_from_slice(iterator.rest());
        prop_assert_eq!(read, bytes);
    }

    #[test]
    fn a_varint_has_one_spelling(number in any::<u64>()) {
        let mut out = Vec::new();
        schema::raw::put_varint(&mut out, number);
        prop_assert_eq!(varint(&out), Ok((number, &[][..])));
    }
}
