//! A city with two districts and a street, and a forge that signs what an authority would not.

use pki::{Authority, BaseId, Identity, LEAF_DAYS, NodeKey, NodeName};
use rcgen::{
    CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::{Duration, OffsetDateTime};

pub const CITY: BaseId = [0xc1; 16];
pub const DISTRICT: BaseId = [0xd1; 16];
pub const SIBLING: BaseId = [0xd2; 16];
pub const STREET: BaseId = [0x51; 16];

/// rustls reads the real clock, so these tests live in the present.
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

pub struct Federation {
    pub city: Authority,
    pub district: Authority,
    pub sibling: Authority,
}

impl Federation {
    pub fn new() -> Self {
        Self::founded(now())
    }

    pub fn founded(at: OffsetDateTime) -> Self {
        let city = Authority::new_root(CITY, "东莞市社会组织孵化基地", at).unwrap();
        let district = sub_authority(&city, DISTRICT, at);
        let sibling = sub_authority(&city, SIBLING, at);
        Self { city, district, sibling }
    }

    pub fn street_name(&self) -> NodeName {
        self.district.name().child(STREET).unwrap()
    }

    pub fn street(&self) -> Identity {
        node(&self.district, STREET, now())
    }

    pub fn district_node(&self) -> Identity {
        node(&self.city, DISTRICT, now())
    }
}

pub fn sub_authority(above: &Authority, base: BaseId, at: OffsetDateTime) -> Authority {
    let key = NodeKey::generate().unwrap();
    let chain = above.issue_authority(&key.csr_der().unwrap(), base, at).unwrap();
    Authority::load(&chain, &key.to_pem(), &above.root_pem()).unwrap()
}

pub fn node(above: &Authority, base: BaseId, at: OffsetDateTime) -> Identity {
    let key = NodeKey::generate().unwrap();
    let leaf = above.issue_leaf(&key.csr_der().unwrap(), base, at, LEAF_DAYS).unwrap();
    Identity::load(&leaf.chain_pem, &key.to_pem(), &above.root_pem()).unwrap()
}

pub fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().unwrap()
}

/// A chain and its key, however wrong.
pub struct Forged {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: NodeKey,
}

impl Forged {
    pub fn of_pem(chain_pem: &str, key_pem: &str) -> Self {
        Self { chain: certificates(chain_pem), key: NodeKey::from_pem(key_pem).unwrap() }
    }
}

/// What a node's certificate contains; cases change one thing.
pub fn leaf_params(dns: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = now() - Duration::days(1);
    params.not_after = now() + Duration::days(90);
    params.is_ca = rcgen::IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = dns.iter().map(|name| SanType::DnsName((*name).try_into().unwrap())).collect();
    params
}

/// Signs anything with the key of an authority.
pub fn forge(authority: &Authority, params: &CertificateParams) -> Forged {
    let chain = certificates(&authority.chain_pem());
    let without_root = &chain[..chain.len() - 1];
    forge_with(&chain[0], &authority.key_pem(), without_root, params)
}

/// Signs anything with any certificate and key; `above` is sent along.
pub fn forge_with(
    issuer: &CertificateDer<'static>,
    issuer_key_pem: &str,
    above: &[CertificateDer<'static>],
    params: &CertificateParams,
) -> Forged {
    let issuer = Issuer::from_ca_cert_der(issuer, KeyPair::from_pem(issuer_key_pem).unwrap()).unwrap();
    let key = NodeKey::generate().unwrap();
    let pair = KeyPair::from_pem(&key.to_pem()).unwrap();
    let leaf = params.signed_by(&pair, &issuer).unwrap().der().clone();
    Forged { chain: [vec![leaf], above.to_vec()].concat(), key }
}
