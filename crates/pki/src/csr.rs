//! Certificate requests: proof of possession, and the public key, which is all that is taken from one.

use rcgen::SubjectPublicKeyInfo;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_SIG_ECDSA_WITH_SHA256};
use x509_parser::prelude::FromDer;

use crate::PkiError;

/// A request with a P-256 key has some 250 bytes; what asks for names and extensions may have a little more.
const CSR_BYTES_MAX: usize = 4096;

/// Checks that the sender holds the private key, and returns the public one. Names and extensions that the
/// request asks for are not looked at.
pub(crate) fn public_key(csr_der: &[u8]) -> Result<SubjectPublicKeyInfo, PkiError> {
    if csr_der.len() > CSR_BYTES_MAX {
        return Err(PkiError::CsrMalformed);
    }
    let (rest, csr) = X509CertificationRequest::from_der(csr_der).map_err(|_| PkiError::CsrMalformed)?;
    if !rest.is_empty() {
        return Err(PkiError::CsrMalformed);
    }
    let info = &csr.certification_request_info;
    let algorithm = &info.subject_pki.algorithm;
    let curve = algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
    if algorithm.algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY
        || curve != Some(OID_EC_P256)
        || csr.signature_algorithm.algorithm != OID_SIG_ECDSA_WITH_SHA256
    {
        return Err(PkiError::CsrKeyType);
    }
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &info.subject_pki.subject_public_key.data)
        .verify(info.raw, &csr.signature_value.data)
        .map_err(|_| PkiError::CsrSignature)?;
    SubjectPublicKeyInfo::from_der(info.subject_pki.raw).map_err(|_| PkiError::CsrKeyType)
}
