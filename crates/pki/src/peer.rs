//! Who is on the other side: what is read from a certificate whose chain has been verified.

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ExtendedKeyUsage;
use x509_parser::x509::X509Version;

use crate::name::INVITE_PREFIX;
use crate::{BaseId, NameError, NodeName, cert};

/// Who a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// A node of the federation.
    Node(NodeName),
    /// A new node that calls with its invite: it may enrol and do nothing else.
    Invite {
        /// The invited base.
        base: BaseId,
        /// The base above it, beneath which it was invited.
        issuer_path: NodeName,
        /// The serial number of the invite's certificate, by which the inviting node knows its invite.
        serial: String,
    },
}

/// Why a certificate is neither that of a node nor an invite.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// The other side presented nothing.
    #[error("no certificate was presented")]
    NoCertificate,
    /// It is not readable, or has unreadable or repeated extensions.
    #[error("the certificate is not readable")]
    Malformed,
    /// It is the certificate of an issuing CA, which never speaks itself.
    #[error("the certificate is that of an issuing CA")]
    IsAuthority,
    /// It has no name, several, or one that is not a DNS name.
    #[error("the certificate does not have exactly one DNS name ({count} names)")]
    NotOneName {
        /// How many names it has, of whatever sort.
        count: usize,
    },
    /// Its name is not that of a base.
    #[error("the certificate's name is not that of a base")]
    Name(#[source] NameError),
    /// A root cannot be invited.
    #[error("an invite needs a base above")]
    InviteOfRoot,
    /// It may be used for more or for less than certificates of its sort.
    #[error("the certificate is for another purpose")]
    Purpose,
}

/// Reads who a verified peer is. Only the first certificate is looked at; its chain must have been verified
/// against the federation's root before, as rustls does with our settings. The subject is never read.
pub fn peer(certs: &[CertificateDer<'_>]) -> Result<Peer, PeerError> {
    let der = certs.first().ok_or(PeerError::NoCertificate)?;
    let cert = cert::parse(der).ok_or(PeerError::Malformed)?;
    check_not_authority(&cert)?;
    let dns = cert::sole_dns_name(&cert).map_err(|count| PeerError::NotOneName { count })?;
    let (peer, purpose) = match dns.strip_prefix(INVITE_PREFIX) {
        None => (Peer::Node(NodeName::parse(dns).map_err(PeerError::Name)?), NODE_PURPOSE),
        Some(dns) => {
            let name = NodeName::parse(dns).map_err(PeerError::Name)?;
            let issuer_path = name.parent().ok_or(PeerError::InviteOfRoot)?;
            let serial = cert::serial_hex(&cert);
            (Peer::Invite { base: name.base(), issuer_path, serial }, INVITE_PURPOSE)
        }
    };
    if purposes(&cert)? == purpose { Ok(peer) } else { Err(PeerError::Purpose) }
}

/// The serial number of a peer's own certificate, as the registry keeps it.
pub fn leaf_serial_hex(certs: &[CertificateDer<'_>]) -> Result<String, PeerError> {
    let der = certs.first().ok_or(PeerError::NoCertificate)?;
    cert::parse(der).map(|cert| cert::serial_hex(&cert)).ok_or(PeerError::Malformed)
}

/// May be used as (server, client).
type Purpose = (bool, bool);
const NODE_PURPOSE: Purpose = (true, true);
const INVITE_PURPOSE: Purpose = (false, true);

fn check_not_authority(cert: &X509Certificate<'_>) -> Result<(), PeerError> {
    if cert.version() != X509Version::V3 {
        return Err(PeerError::Malformed);
    }
    let constraints = cert.basic_constraints().map_err(|_| PeerError::Malformed)?;
    let usage = cert.key_usage().map_err(|_| PeerError::Malformed)?.ok_or(PeerError::Purpose)?;
    if constraints.is_some_and(|constraints| constraints.value.ca) || usage.value.key_cert_sign() {
        return Err(PeerError::IsAuthority);
    }
    if usage.value.digital_signature() { Ok(()) } else { Err(PeerError::Purpose) }
}

fn purposes(cert: &X509Certificate<'_>) -> Result<Purpose, PeerError> {
    let usage = cert.extended_key_usage().map_err(|_| PeerError::Malformed)?.ok_or(PeerError::Purpose)?;
    // Named one by one, so that a purpose which the parser learns later is not overlooked.
    let ExtendedKeyUsage {
        any,
        server_auth,
        client_auth,
        code_signing,
        email_protection,
        time_stamping,
        ocsp_signing,
        other,
    } = usage.value;
    let foreign = *any || *code_signing || *email_protection || *time_stamping || *ocsp_signing;
    if foreign || !other.is_empty() {
        return Err(PeerError::Purpose);
    }
    Ok((*server_auth, *client_auth))
}
