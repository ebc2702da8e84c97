//! The signed contract as bytes of a file.

use prost::Message as _;

use crate::Invalid;
use crate::sync::SignedContract;

impl SignedContract {
    /// What a file holds.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.encode_to_vec()
    }

    /// From what a file holds.
    ///
    /// # Errors
    /// [`Invalid`] when it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<SignedContract, Invalid> {
        SignedContract::decode(bytes).map_err(|_| Invalid::new("contract"))
    }
}
