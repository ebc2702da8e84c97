//! Names of things: bases, records, replicas, and the dot that names one edit.

use std::fmt;
use std::str::FromStr;

/// Length of the keyed tag that lets a base recognise its own edits.
pub const TAG_BYTES: usize = 8;

macro_rules! id16 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(pub [u8; 16]);

        // As the bytes are ordered, but as one number: maps by id are what the receiver of a push asks most.
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                u128::from_be_bytes(self.0).cmp(&u128::from_be_bytes(other.0))
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_hex16(text).map($name)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = ParseIdError;

            fn try_from(bytes: &[u8]) -> Result<Self, ParseIdError> {
                bytes.try_into().map($name).map_err(|_| ParseIdError)
            }
        }
    };
}

id16! {
    /// A base (基地): a place in the tree.
    BaseId
}
id16! {
    /// A record; unique over all kinds.
    RecordId
}

/// Text or bytes that are not a 16-byte id (32 hexadecimal digits, hyphens allowed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("编号应为32位十六进制 / an id has 32 hexadecimal digits")]
pub struct ParseIdError;

fn parse_hex16(text: &str) -> Result<[u8; 16], ParseIdError> {
    let mut out = [0; 16];
    let mut digits = text.bytes().filter(|b| *b != b'-');
    for byte in &mut out {
        *byte = hex_digit(digits.next())? << 4 | hex_digit(digits.next())?;
    }
    if digits.next().is_some() { Err(ParseIdError) } else { Ok(out) }
}

fn hex_digit(byte: Option<u8>) -> Result<u8, ParseIdError> {
    match byte {
        Some(b @ b'0'..=b'9') => Ok(b - b'0'),
        Some(b @ b'a'..=b'f') => Ok(b - b'a' + 10),
        Some(b @ b'A'..=b'F') => Ok(b - b'A' + 10),
        _ => Err(ParseIdError),
    }
}

/// One opening of one database: a random number, minted at the first write after the opening.
///
/// A restored backup, a cloned disk or a second copy opens the database again and so can never re-use a dot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ReplicaId(pub u64);

impl fmt::Debug for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Names one edit: the `tick`-th of a replica, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Dot {
    /// Who counts.
    pub replica: ReplicaId,
    /// The count, from 1.
    pub tick: u64,
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}:{}", self.replica, self.tick)
    }
}

/// What is known of an edit beside the values it wrote.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stamp<'a> {
    /// The edit's name.
    pub dot: Dot,
    /// When it was saved, by the writer's clock, in UTC milliseconds. Shown to people and the last tie-break
    /// between concurrent values; never decides whether values are concurrent.
    pub saved_at_ms: u64,
    /// The base in whose name it was made.
    pub base: BaseId,
    /// The user who made it.
    pub user: &'a str,
    /// Keyed tag over (record, dot) with a secret of the base, so that the base knows its own edits again.
    pub tag: [u8; TAG_BYTES],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back() {
        let id = RecordId([0xA5; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("a5a5a5a5-a5a5-a5a5-a5a5-a5a5a5a5a5a5".parse(), Ok(id));
        for bad in ["", "a5", "zz", "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"] {
            assert_eq!(bad.parse::<RecordId>(), Err(ParseIdError), "{bad}");
        }
    }
}
