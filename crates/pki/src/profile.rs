//! The four sorts of certificates: what each contains and how long it lasts.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, KeyUsagePurpose, NameConstraints, SanType, SerialNumber,
};
use ring::rand::{SecureRandom, SystemRandom};
use time::{Duration, OffsetDateTime};

use crate::name::label;
use crate::{NodeName, PkiError};

/// How long a root lasts: replacing it means visiting every node.
pub const ROOT_DAYS: i64 = 20 * 365 + 5;
/// How long an issuing CA lasts; the node asks its parent for the next one long before.
pub const AUTHORITY_DAYS: i64 = 5 * 365 + 1;
/// How long a node's certificate lasts; it renews itself, and a node may be off-line for weeks.
pub const LEAF_DAYS: i64 = 90;
/// The longest validity of a node's certificate that an authority agrees to.
pub const LEAF_DAYS_MAX: i64 = 366;
/// The longest validity of an invite: long enough for a file that travels with a colleague over the holidays.
pub const INVITE_DAYS_MAX: i64 = 30;
/// How far back a certificate's validity begins, for nodes whose clock is behind.
pub const BACKDATE: Duration = Duration::days(1);

/// The common name and the names of organisations have an upper bound of 64 characters in X.520.
const SUBJECT_CHARS_MAX: usize = 64;

/// What a certificate's validity is reckoned from.
pub(crate) struct Validity {
    pub(crate) now: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
}

impl Validity {
    /// From `now` to `end`, but never beyond what the issuing chain allows.
    pub(crate) fn until(
        now: OffsetDateTime,
        end: OffsetDateTime,
        days_max: i64,
        limit: OffsetDateTime,
    ) -> Result<Self, PkiError> {
        let wanted = end - now;
        if wanted <= Duration::ZERO || wanted > Duration::days(days_max) {
            return Err(PkiError::Validity { days: wanted.whole_days().max(0), days_max });
        }
        if limit <= now {
            return Err(PkiError::AuthorityExpired);
        }
        // Certificates count whole seconds.
        let not_after = end.min(limit).replace_nanosecond(0).unwrap_or(end);
        Ok(Self { now, not_after })
    }
}

/// The self-signed root of a federation.
pub(crate) fn root(
    name: &NodeName,
    federation: &str,
    now: OffsetDateTime,
) -> Result<CertificateParams, PkiError> {
    let end = now + Duration::days(ROOT_DAYS);
    let mut params = authority_params(name, &Validity::until(now, end, ROOT_DAYS, end)?)?;
    let organization: String = federation.chars().take(SUBJECT_CHARS_MAX).collect();
    params.distinguished_name.push(DnType::OrganizationName, organization);
    Ok(params)
}

/// An issuing CA, good for the subtree of its base and nothing else.
pub(crate) fn authority(name: &NodeName, validity: &Validity) -> Result<CertificateParams, PkiError> {
    let mut params = authority_params(name, validity)?;
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(name.to_string())],
        excluded_subtrees: Vec::new(),
    });
    Ok(params)
}

/// A node's certificate, for both ends of a link.
pub(crate) fn leaf(name: &NodeName, validity: &Validity) -> Result<CertificateParams, PkiError> {
    let mut params = leaf_params("node", name, name.as_str(), validity)?;
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

/// The certificate in an invite, with which a new node may only call.
pub(crate) fn invite(name: &NodeName, validity: &Validity) -> Result<CertificateParams, PkiError> {
    let mut params = leaf_params("invite", name, &name.invite_dns(), validity)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

fn authority_params(name: &NodeName, validity: &Validity) -> Result<CertificateParams, PkiError> {
    let mut params = params("ca", name, name.as_str(), validity)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn leaf_params(
    sort: &str,
    name: &NodeName,
    dns: &str,
    validity: &Validity,
) -> Result<CertificateParams, PkiError> {
    let mut params = params(sort, name, dns, validity)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn params(
    sort: &str,
    name: &NodeName,
    dns: &str,
    validity: &Validity,
) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::default();
    // The subject differs between the sorts of certificate of one base: chains are built by subject.
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("{sort} {}", label(&name.base())));
    params.subject_alt_names = vec![SanType::DnsName(dns.try_into()?)];
    params.serial_number = Some(serial()?);
    params.not_before = validity.now - BACKDATE;
    params.not_after = validity.not_after;
    Ok(params)
}

/// 126 random bits; the first byte is kept in 0x40..=0x7f, so that every serial is positive and has 16 bytes.
fn serial() -> Result<SerialNumber, PkiError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| PkiError::Random)?;
    bytes[0] = bytes[0] & 0x3f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}
