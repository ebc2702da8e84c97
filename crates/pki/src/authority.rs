//! An issuing CA: the root's or a base's, and what it issues.

use std::fmt;

use rcgen::{Certificate, CertificateParams, Issuer, PublicKeyData, SerialNumber};
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use crate::profile::{self, Validity};
use crate::{BaseId, NodeKey, NodeName, PkiError, cert, csr, hex};

/// An issuing CA: its certificate, those above it up to the root, and its key.
pub struct Authority {
    name: NodeName,
    /// Own certificate first, root last.
    chain: Vec<CertificateDer<'static>>,
    key: NodeKey,
    not_after: OffsetDateTime,
}

/// A node's certificate, freshly issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedLeaf {
    /// The certificate and the issuing CAs above it, without the root.
    pub chain_pem: String,
    /// The certificate's serial number, 32 hexadecimal digits.
    pub serial_hex: String,
    /// The name that was certified.
    pub name: NodeName,
    /// When it expires.
    pub not_after: OffsetDateTime,
}

/// What goes into an invite: a certificate for calling the parent once, and its key.
#[derive(Clone)]
pub struct InviteCredential {
    /// The certificate and the issuing CAs above it, without the root.
    pub chain_pem: String,
    /// The private key.
    pub key_pem: String,
    /// The certificate's serial number, 32 hexadecimal digits.
    pub serial_hex: String,
    /// When it expires.
    pub not_after: OffsetDateTime,
}

impl fmt::Debug for InviteCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InviteCredential({})", self.serial_hex)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.name)
    }
}

impl Authority {
    /// Founds a federation: a new key and its self-signed root certificate. `federation` is shown to people who
    /// look at the certificate.
    pub fn new_root(base: BaseId, federation: &str, now: OffsetDateTime) -> Result<Self, PkiError> {
        let (name, key) = (NodeName::root(base), NodeKey::generate()?);
        let params = profile::root(&name, federation, now)?;
        let root = params.self_signed(key.pair())?.der().clone();
        Ok(Self { name, chain: vec![root], key, not_after: params.not_after })
    }

    /// Loads an authority from what [`Authority::chain_pem`] and [`Authority::key_pem`] gave, or from the chain
    /// that the parent issued. The root is what this node was told to trust, whatever the chain says.
    pub fn load(chain_pem: &str, key_pem: &str, root_pem: &str) -> Result<Self, PkiError> {
        let chain = cert::chain_from_pem(chain_pem, "the chain of the authority")?;
        let root = cert::root_from_pem(root_pem)?;
        let key = NodeKey::from_pem(key_pem)?;
        if chain.last() != Some(&root) {
            return Err(PkiError::Chain { what: "it does not end in the federation's root" });
        }
        let (name, not_after) = check_chain(&chain, &key)?;
        Ok(Self { name, chain, key, not_after })
    }

    /// Issues a node's certificate to the base beneath this one, or to the root's own node. Of the request only
    /// the public key counts. It ends with the issuing chain if that ends before.
    pub fn issue_leaf(
        &self,
        csr_der: &[u8],
        base: BaseId,
        now: OffsetDateTime,
        days: i64,
    ) -> Result<IssuedLeaf, PkiError> {
        let public_key = csr::public_key(csr_der)?;
        let name = if base == self.name.base() { self.own_name()? } else { self.name.child(base)? };
        let validity = self.validity(now, days_after(now, days), profile::LEAF_DAYS_MAX)?;
        let params = profile::leaf(&name, &validity)?;
        let certificate = self.sign(&params, &public_key)?;
        Ok(IssuedLeaf {
            chain_pem: self.tls_chain_pem(&certificate),
            serial_hex: serial_hex(&params),
            name,
            not_after: validity.not_after,
        })
    }

    /// Issues an issuing CA to the base beneath this one, good for that base's subtree. Returns its chain, root
    /// included, as [`Authority::load`] takes it.
    pub fn issue_authority(
        &self,
        csr_der: &[u8],
        base: BaseId,
        now: OffsetDateTime,
    ) -> Result<String, PkiError> {
        let public_key = csr::public_key(csr_der)?;
        let name = self.name.child(base)?;
        let end = days_after(now, profile::AUTHORITY_DAYS);
        let validity = self.validity(now, end, profile::AUTHORITY_DAYS)?;
        let certificate = self.sign(&profile::authority(&name, &validity)?, &public_key)?;
        Ok(cert::chain_to_pem([certificate.der()].into_iter().chain(&self.chain)))
    }

    /// Issues the certificate for an invite of the base beneath this one, with a key of its own.
    pub fn issue_invite(
        &self,
        base: BaseId,
        now: OffsetDateTime,
        expires: OffsetDateTime,
    ) -> Result<InviteCredential, PkiError> {
        let name = self.name.child(base)?;
        let validity = self.validity(now, expires, profile::INVITE_DAYS_MAX)?;
        let params = profile::invite(&name, &validity)?;
        let key = NodeKey::generate()?;
        let certificate = self.sign(&params, key.pair())?;
        Ok(InviteCredential {
            chain_pem: self.tls_chain_pem(&certificate),
            key_pem: key.to_pem(),
            serial_hex: serial_hex(&params),
            not_after: validity.not_after,
        })
    }

    /// The name of the base whose subtree this authority certifies.
    pub fn name(&self) -> &NodeName {
        &self.name
    }

    /// When the first certificate of the chain expires.
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// The chain, own certificate first, root last.
    pub fn chain_pem(&self) -> String {
        cert::chain_to_pem(&self.chain)
    }

    /// The private key. Write it with [`crate::write_secret_file`].
    pub fn key_pem(&self) -> String {
        self.key.to_pem()
    }

    /// The root certificate of the federation.
    pub fn root_pem(&self) -> String {
        cert::chain_to_pem(self.chain.last())
    }

    pub(crate) fn key(&self) -> &NodeKey {
        &self.key
    }

    fn own_name(&self) -> Result<NodeName, PkiError> {
        if self.name.issuer().is_some() { Err(PkiError::OwnBase) } else { Ok(self.name.clone()) }
    }

    fn validity(
        &self,
        now: OffsetDateTime,
        end: OffsetDateTime,
        days_max: i64,
    ) -> Result<Validity, PkiError> {
        Validity::until(now, end, days_max, self.not_after)
    }

    fn sign(&self, params: &CertificateParams, key: &impl PublicKeyData) -> Result<Certificate, PkiError> {
        let issuer = Issuer::from_ca_cert_der(&self.chain[0], self.key.pair())?;
        Ok(params.signed_by(key, &issuer)?)
    }

    /// What a TLS peer is sent: it has the root already.
    fn tls_chain_pem(&self, certificate: &Certificate) -> String {
        let above = &self.chain[..self.chain.len() - 1];
        cert::chain_to_pem([certificate.der()].into_iter().chain(above))
    }
}

/// Absurd numbers of days must not overflow; the profile refuses them afterwards.
fn days_after(now: OffsetDateTime, days: i64) -> OffsetDateTime {
    const DAYS_SANE: i64 = 100 * 366;
    now + Duration::days(days.clamp(-DAYS_SANE, DAYS_SANE))
}

fn serial_hex(params: &CertificateParams) -> String {
    params.serial_number.as_ref().map(SerialNumber::as_ref).map(hex::encode).unwrap_or_default()
}

/// Checks that the key is that of the first certificate and that each certificate was signed by the next one, for
/// the base directly beneath it. Returns the name of the first and the earliest expiry.
fn check_chain(
    chain: &[CertificateDer<'static>],
    key: &NodeKey,
) -> Result<(NodeName, OffsetDateTime), PkiError> {
    let unreadable = PkiError::Certificate { what: "the chain of the authority" };
    let parsed: Option<Vec<_>> = chain.iter().map(|der| cert::parse(der)).collect();
    let parsed = parsed.filter(|parsed| !parsed.is_empty()).ok_or(unreadable)?;
    if parsed[0].public_key().raw != key.public_key_info() {
        return Err(PkiError::KeyMismatch);
    }
    let mut above: Option<NodeName> = None;
    let mut not_after = cert::not_after(&parsed[0]);
    for at in (0..parsed.len()).rev() {
        let (own, issuer) = (&parsed[at], &parsed[(at + 1).min(parsed.len() - 1)]);
        if !cert::is_issued_by(own, issuer) {
            return Err(PkiError::Chain { what: "a certificate is not signed by the one above it" });
        }
        above = Some(check_link(own, above)?);
        not_after = not_after.min(cert::not_after(own));
    }
    above.map(|name| (name, not_after)).ok_or(PkiError::Chain { what: "it is empty" })
}

/// Checks one CA certificate against the name of the base above it; returns its own name.
fn check_link(own: &X509Certificate<'_>, above: Option<NodeName>) -> Result<NodeName, PkiError> {
    let wrong = |what| PkiError::Chain { what };
    let signs = own.key_usage().is_ok_and(|usage| usage.is_some_and(|usage| usage.value.key_cert_sign()));
    if !own.is_ca() || !signs {
        return Err(wrong("a certificate is not that of an issuing CA"));
    }
    let dns = cert::sole_dns_name(own).map_err(|_| wrong("a certificate does not have exactly one name"))?;
    let name = NodeName::parse(dns)?;
    if name.parent() != above {
        return Err(wrong("a certificate is not for the base beneath the one that signed it"));
    }
    if above.is_some() && !is_constrained_to(own, &name) {
        return Err(wrong("a certificate is not constrained to the subtree of its base"));
    }
    // The signing library cannot read a subject in which one level has several attributes.
    if own.subject().iter().any(|level| level.iter().count() != 1) {
        return Err(wrong("a subject is of an unknown shape"));
    }
    Ok(name)
}

fn is_constrained_to(own: &X509Certificate<'_>, name: &NodeName) -> bool {
    let Ok(Some(constraints)) = own.name_constraints() else { return false };
    let permitted = constraints.value.permitted_subtrees.as_deref();
    matches!(permitted, Some([only]) if matches!(only.base, GeneralName::DNSName(dns) if dns == name.as_str()))
}
