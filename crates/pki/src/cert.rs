//! Reading and writing certificates: PEM, parsing without leftovers, the few facts that others ask for.

use base64::Engine;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::OID_SIG_ECDSA_WITH_SHA256;
use x509_parser::prelude::FromDer;

use crate::name::DEPTH_MAX;
use crate::{PkiError, hex};

/// A leaf, the issuing CAs above it, the root.
const CHAIN_LENGTH_MAX: usize = DEPTH_MAX + 2;

/// Ours have some 700 bytes.
pub(crate) const CERTIFICATE_BYTES_MAX: usize = 8 * 1024;

/// A chain in PEM: base64 takes four thirds, its frame and its line ends stay below another third.
const CHAIN_PEM_BYTES_MAX: usize = CHAIN_LENGTH_MAX * CERTIFICATE_BYTES_MAX * 5 / 3;

/// Reads one or more certificates from PEM.
pub(crate) fn chain_from_pem(
    pem: &str,
    what: &'static str,
) -> Result<Vec<CertificateDer<'static>>, PkiError> {
    let unreadable = PkiError::Certificate { what };
    if pem.len() > CHAIN_PEM_BYTES_MAX {
        return Err(unreadable);
    }
    match CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>() {
        Ok(chain) if !chain.is_empty() && chain.len() <= CHAIN_LENGTH_MAX => Ok(chain),
        _ => Err(unreadable),
    }
}

/// Reads the root, which stands alone.
pub(crate) fn root_from_pem(pem: &str) -> Result<CertificateDer<'static>, PkiError> {
    let what = "the root certificate";
    match chain_from_pem(pem, what)?.as_slice() {
        [root] => Ok(root.clone()),
        _ => Err(PkiError::Certificate { what }),
    }
}

/// Writes certificates as PEM, one after the other.
pub(crate) fn chain_to_pem<'a>(chain: impl IntoIterator<Item = &'a CertificateDer<'static>>) -> String {
    const LINE: usize = 64;
    let mut pem = String::new();
    for der in chain {
        let body = base64::engine::general_purpose::STANDARD.encode(der);
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        for start in (0..body.len()).step_by(LINE) {
            pem.push_str(&body[start..body.len().min(start + LINE)]);
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

/// Parses a certificate; leftovers, an extension that is not readable or a repeated one are errors.
pub(crate) fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    if der.len() > CERTIFICATE_BYTES_MAX {
        return None;
    }
    let (rest, cert) = X509Certificate::from_der(der).ok()?;
    let readable = cert.extensions().iter().all(|extension| extension.parsed_extension().error().is_none());
    (rest.is_empty() && readable && cert.extensions_map().is_ok()).then_some(cert)
}

/// The certificate's serial number, as the registry keeps it.
pub(crate) fn serial_hex(cert: &X509Certificate<'_>) -> String {
    let raw = cert.raw_serial();
    let significant = raw.iter().position(|byte| *byte != 0).unwrap_or(raw.len());
    hex::encode(&raw[significant..])
}

/// The end of the certificate's validity.
pub(crate) fn not_after(cert: &X509Certificate<'_>) -> OffsetDateTime {
    cert.validity().not_after.to_datetime()
}

/// The beginning of the certificate's validity.
pub(crate) fn not_before(cert: &X509Certificate<'_>) -> OffsetDateTime {
    cert.validity().not_before.to_datetime()
}

/// The one name of a certificate that has exactly one, and that is a DNS name; else how many names it has.
pub(crate) fn sole_dns_name<'a>(cert: &'a X509Certificate<'_>) -> Result<&'a str, usize> {
    let names = match cert.subject_alternative_name() {
        Ok(Some(extension)) => extension.value.general_names.as_slice(),
        _ => &[],
    };
    match names {
        [GeneralName::DNSName(name)] => Ok(name),
        _ => Err(names.len()),
    }
}

/// Checks that `issuer` signed `cert`. Dates, names and constraints are not looked at.
pub(crate) fn is_issued_by(cert: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    let key = &issuer.public_key().subject_public_key.data;
    cert.issuer().as_raw() == issuer.subject().as_raw()
        && cert.signature_algorithm.algorithm == OID_SIG_ECDSA_WITH_SHA256
        && UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key)
            .verify(cert.tbs_certificate.as_ref(), &cert.signature_value.data)
            .is_ok()
}
