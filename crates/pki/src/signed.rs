//! Statements of the root: bytes that every node can check against the root certificate alone, whoever carries them.

use rcgen::SigningKey;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

use crate::{Authority, Identity, PkiError, cert};

impl Authority {
    /// Signs a statement with the root's key. `context` says what sort of statement it is: a signature is good for that
    /// sort only.
    ///
    /// # Errors
    /// [`PkiError::NotRoot`] at every other authority: their word does not reach beyond their subtree.
    pub fn sign_statement(&self, context: &str, statement: &[u8]) -> Result<Vec<u8>, PkiError> {
        if self.name().issuer().is_some() {
            return Err(PkiError::NotRoot);
        }
        Ok(self.key().pair().sign(&framed(context, statement))?)
    }
}

impl Identity {
    /// Checks that the root of this node's federation made a statement of the sort `context`.
    ///
    /// # Errors
    /// [`PkiError::Statement`] when it did not.
    pub fn check_statement(&self, context: &str, statement: &[u8], signature: &[u8]) -> Result<(), PkiError> {
        let root = cert::parse(self.root()).ok_or(PkiError::Certificate { what: "the root certificate" })?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &root.public_key().subject_public_key.data);
        key.verify(&framed(context, statement), signature).map_err(|_| PkiError::Statement)
    }
}

/// The length in front keeps one sort of statement from being read as another.
pub(crate) fn framed(context: &str, statement: &[u8]) -> Vec<u8> {
    let mut framed = (context.len() as u64).to_be_bytes().to_vec();
    framed.extend_from_slice(context.as_bytes());
    framed.extend_from_slice(statement);
    framed
}
