//! Secrets: the one-use code of an invite, and how secrets are compared.

use std::fmt;
use std::hint::black_box;

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{PkiError, hex};

/// Compares two secrets in a time that depends on their lengths only.
pub fn secrets_equal(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0, |sum, (a, b)| black_box(sum | (a ^ b)));
    a.len() == b.len() && black_box(difference) == 0
}

/// The one-use secret of an invite, 128 random bits. The inviting node keeps only [`InviteCode::digest`].
#[derive(Clone)]
pub struct InviteCode([u8; 16]);

impl InviteCode {
    /// Makes a new code.
    pub fn generate() -> Result<Self, PkiError> {
        let mut bytes = [0; 16];
        SystemRandom::new().fill(&mut bytes).map_err(|_| PkiError::Random)?;
        Ok(Self(bytes))
    }

    /// Reads a code from its 32 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }

    /// The code as 32 hexadecimal digits. It is a secret.
    pub fn to_text(&self) -> String {
        hex::encode(&self.0)
    }

    /// SHA-256 of the code. With 128 random bits nothing slower is needed.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&self.0)
    }

    /// Tells whether this is the code whose digest was kept.
    pub fn matches(&self, kept_digest: &[u8]) -> bool {
        secrets_equal(&self.digest(), kept_digest)
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

impl PartialEq for InviteCode {
    fn eq(&self, other: &Self) -> bool {
        secrets_equal(&self.0, &other.0)
    }
}

impl Eq for InviteCode {}

impl fmt::Debug for InviteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteCode(secret)")
    }
}

impl Serialize for InviteCode {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for InviteCode {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).ok_or_else(|| de::Error::custom("not the code of an invite"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_equal_only_when_all_bytes_are() {
        for (a, b, equal) in [
            (&b""[..], &b""[..], true),
            (b"abc", b"abc", true),
            (b"abc", b"abd", false),
            (b"bbc", b"abc", false),
            (b"abc", b"ab", false),
            (b"", b"a", false),
        ] {
            assert_eq!(secrets_equal(a, b), equal, "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_code_is_recognised_by_its_digest() {
        let (code, other) = (InviteCode::generate().unwrap(), InviteCode::generate().unwrap());
        assert!(InviteCode::parse(&code.to_text()).unwrap().matches(&code.digest()));
        assert!(!other.matches(&code.digest()) && !code.matches(&[]));
        assert_eq!(format!("{code:?}"), "InviteCode(secret)");
    }
}
