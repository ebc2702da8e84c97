//! The key pair of a node.

use std::fmt;
use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::PkiError;

/// A node's key pair, ECDSA P-256. It is made on the node and never leaves it; only [`NodeKey::csr_der`] does.
#[derive(Clone)]
pub struct NodeKey(Arc<KeyPair>);

impl NodeKey {
    /// Makes a new key pair.
    pub fn generate() -> Result<Self, PkiError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|_| PkiError::Random)?;
        Ok(Self(Arc::new(key)))
    }

    /// Reads a key pair from PKCS#8 PEM.
    pub fn from_pem(pem: &str) -> Result<Self, PkiError> {
        // The cause is dropped on purpose: it could quote the secret.
        let key = KeyPair::from_pkcs8_pem_and_sign_algo(pem, &PKCS_ECDSA_P256_SHA256);
        key.map(|key| Self(Arc::new(key))).map_err(|_| PkiError::Key)
    }

    /// Writes the key pair as PKCS#8 PEM, private part included.
    pub fn to_pem(&self) -> String {
        self.0.serialize_pem()
    }

    /// Makes a certificate request: the public key, signed with the private one. It asks for no name, since the
    /// authority takes none from it.
    pub fn csr_der(&self) -> Result<Vec<u8>, PkiError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        Ok(params.serialize_request(&*self.0)?.der().to_vec())
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.0
    }

    pub(crate) fn public_key_info(&self) -> Vec<u8> {
        self.0.subject_public_key_info()
    }

    pub(crate) fn private_der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.0.serialize_der()).into()
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeKey(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_shows_nothing() {
        let key = NodeKey::generate().unwrap();
        let read = NodeKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(key.public_key_info(), read.public_key_info());
        assert_eq!(format!("{key:?}"), "NodeKey(secret)");
    }

    #[test]
    fn keys_of_another_kind_are_refused() {
        let other = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem();
        let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem();
        for pem in [other.as_str(), p384.as_str(), "", "-----BEGIN PRIVATE KEY-----"] {
            assert!(matches!(NodeKey::from_pem(pem), Err(PkiError::Key)));
        }
    }
}
