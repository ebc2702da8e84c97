//! What authorities issue, and what they refuse.

use pki::{Authority, Identity, LEAF_DAYS, NameError, NodeKey, Peer, PkiError, peer};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::federation::{
    CITY, DISTRICT, Federation, STREET, certificates, forge, leaf_params, now, sub_authority,
};

const THEN: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));

fn csr() -> Vec<u8> {
    NodeKey::generate().unwrap().csr_der().unwrap()
}

#[test]
fn a_leaf_is_what_the_authority_says_whatever_the_request_asks_for() {
    let federation = Federation::founded(THEN);
    let mut greedy = CertificateParams::default();
    greedy.distinguished_name.push(DnType::CommonName, federation.city.name().as_str());
    greedy.subject_alt_names = vec![SanType::DnsName(federation.city.name().as_str().try_into().unwrap())];
    greedy.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    greedy.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    greedy.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0])];
    let key = NodeKey::generate().unwrap();
    let request = greedy.serialize_request(&KeyPair::from_pem(&key.to_pem()).unwrap()).unwrap();
    let leaf = federation.district.issue_leaf(request.der(), STREET, THEN, LEAF_DAYS).unwrap();

    let chain = certificates(&leaf.chain_pem);
    assert_eq!(chain.len(), 2, "the leaf and the district's CA, without the root");
    assert_eq!(peer(&chain), Ok(Peer::Node(federation.street_name())));
    let (_, cert) = X509Certificate::from_der(&chain[0]).unwrap();
    assert_eq!(cert.validity().not_before.timestamp(), (THEN - pki::BACKDATE).unix_timestamp());
    assert_eq!(cert.validity().not_after.timestamp(), (THEN + Duration::days(90)).unix_timestamp());
    assert_eq!(leaf.not_after, THEN + Duration::days(90));
    assert_eq!(cert.extensions().len(), 6, "name, two usages, two key ids, not a CA: nothing of the request");
    assert_eq!(pki::leaf_serial_hex(&chain), Ok(leaf.serial_hex.clone()));
    assert_eq!(leaf.serial_hex.len(), 32);

    let identity = Identity::load(&leaf.chain_pem, &key.to_pem(), &federation.city.root_pem()).unwrap();
    assert_eq!((identity.name(), identity.not_after()), (&federation.street_name(), leaf.not_after));
    identity.verify(THEN).unwrap();
    for at in [THEN - Duration::days(2), THEN + Duration::days(91)] {
        assert!(matches!(identity.verify(at), Err(PkiError::Verify(_))));
    }
}

#[test]
fn serials_differ() {
    let federation = Federation::founded(THEN);
    let request = csr();
    let issue = || federation.district.issue_leaf(&request, STREET, THEN, LEAF_DAYS).unwrap().serial_hex;
    assert_ne!(issue(), issue());
}

#[test]
fn requests_that_prove_nothing_are_refused() {
    let city = Authority::new_root(CITY, "城市", THEN).unwrap();
    let request = csr();
    let with = |change: fn(&mut Vec<u8>)| {
        let mut request = request.clone();
        change(&mut request);
        request
    };
    let of_kind = |algorithm| {
        let key = KeyPair::generate_for(algorithm).unwrap();
        CertificateParams::default().serialize_request(&key).unwrap().der().to_vec()
    };
    let other_key = NodeKey::generate().unwrap();
    let swapped = {
        // The public key of another node in a request that this one signed.
        let point = KeyPair::from_pem(&other_key.to_pem()).unwrap().public_key_raw().to_vec();
        let at = request.windows(2).position(|two| two == [0x00, 0x04]).unwrap() + 1;
        let mut swapped = request.clone();
        swapped[at..at + point.len()].copy_from_slice(&point);
        swapped
    };
    type Expected = fn(&PkiError) -> bool;
    let malformed: Expected = |error| matches!(error, PkiError::CsrMalformed);
    let signature: Expected = |error| matches!(error, PkiError::CsrSignature);
    let key_type: Expected = |error| matches!(error, PkiError::CsrKeyType);
    let cases: [(&str, Vec<u8>, Expected); 8] = [
        ("signature changed", with(|csr| *csr.last_mut().unwrap() ^= 1), signature),
        ("key of somebody else", swapped, signature),
        ("P-384", of_kind(&rcgen::PKCS_ECDSA_P384_SHA384), key_type),
        ("Ed25519", of_kind(&rcgen::PKCS_ED25519), key_type),
        ("empty", Vec::new(), malformed),
        ("cut", with(|csr| csr.truncate(100)), malformed),
        ("more behind", with(|csr| csr.push(0)), malformed),
        ("too long", with(|csr| csr.resize(1 << 20, 0)), malformed),
    ];
    for (case, request, expected) in cases {
        let error = city.issue_leaf(&request, DISTRICT, THEN, LEAF_DAYS).unwrap_err();
        assert!(expected(&error), "{case}: {error:?}");
        assert!(expected(&city.issue_authority(&request, DISTRICT, THEN).unwrap_err()), "{case}");
    }
    let (_, parsed) = X509CertificationRequest::from_der(&request).unwrap();
    let signed = parsed.certification_request_info.raw;
    let start = request.windows(signed.len()).position(|part| part == signed).unwrap();
    for at in start..start + signed.len() {
        let mut request = request.clone();
        request[at] ^= 0x20;
        assert!(city.issue_leaf(&request, DISTRICT, THEN, LEAF_DAYS).is_err(), "byte {at} changed");
    }
}

#[test]
fn only_the_root_names_itself_and_nobody_its_ancestors() {
    let federation = Federation::founded(THEN);
    let own = federation.city.issue_leaf(&csr(), CITY, THEN, LEAF_DAYS).unwrap();
    assert_eq!(&own.name, federation.city.name());
    let leaf = |base| federation.district.issue_leaf(&csr(), base, THEN, LEAF_DAYS);
    assert!(matches!(leaf(DISTRICT), Err(PkiError::OwnBase)));
    assert!(matches!(leaf(CITY), Err(PkiError::Name(NameError::Loop))));
    let expires = THEN + Duration::days(1);
    assert!(federation.city.issue_invite(CITY, THEN, expires).is_err());
    assert!(federation.city.issue_authority(&csr(), CITY, THEN).is_err());
}

#[test]
fn validity_is_bounded_and_never_outlives_the_issuer() {
    let federation = Federation::founded(THEN);
    let district = &federation.district;
    let leaf = |at, days| district.issue_leaf(&csr(), STREET, at, days);
    for days in [0, -1, i64::MIN, pki::LEAF_DAYS_MAX + 1, i64::MAX] {
        assert!(matches!(leaf(THEN, days), Err(PkiError::Validity { .. })), "{days}");
    }
    let invite = |expires| district.issue_invite(STREET, THEN, expires);
    for expires in [THEN, THEN - Duration::days(1), THEN + Duration::days(31)] {
        assert!(matches!(invite(expires), Err(PkiError::Validity { .. })));
    }
    assert_eq!(invite(THEN + Duration::days(30)).unwrap().not_after, THEN + Duration::days(30));
    assert_eq!(district.not_after(), THEN + Duration::days(pki::AUTHORITY_DAYS));
    let late = district.not_after() - Duration::days(10);
    assert_eq!(leaf(late, LEAF_DAYS).unwrap().not_after, district.not_after());
    assert!(matches!(leaf(district.not_after(), LEAF_DAYS), Err(PkiError::AuthorityExpired)));
    let street = sub_authority(district, STREET, late);
    assert_eq!(street.not_after(), district.not_after());
}

#[test]
fn a_deep_tree_is_certified_down_to_its_last_level() {
    let mut authority = Authority::new_root([0; 16], "城市", now()).unwrap();
    for level in 1..pki::DEPTH_MAX as u8 - 1 {
        authority = sub_authority(&authority, [level; 16], now());
    }
    let last = crate::federation::node(&authority, [99; 16], now());
    assert_eq!(last.name().path().len(), pki::DEPTH_MAX);
    last.verify(now()).unwrap();
}

#[test]
fn an_authority_loads_only_from_what_belongs_together() {
    let federation = Federation::founded(THEN);
    let (city, district, elsewhere) = (&federation.city, &federation.district, Federation::founded(THEN));
    let (chain, key, root) = (district.chain_pem(), district.key_pem(), city.root_pem());
    let loaded = Authority::load(&chain, &key, &root).unwrap();
    assert_eq!((loaded.name(), loaded.not_after()), (district.name(), district.not_after()));
    assert_eq!((loaded.chain_pem(), loaded.root_pem()), (chain.clone(), root.clone()));
    Authority::load(&city.chain_pem(), &city.key_pem(), &root).unwrap();

    let street = sub_authority(district, STREET, THEN);
    let without_middle = {
        let middle = one_certificate(&chain, 0);
        street.chain_pem().replace(&middle, "")
    };
    let mut unconstrained = leaf_params(&[district.name().as_str()]);
    unconstrained.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    unconstrained.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let unconstrained = forge(city, &unconstrained);
    let leaf = forge(city, &leaf_params(&[district.name().as_str()]));
    let cases = [
        ("key of another", chain.clone(), city.key_pem(), root.clone()),
        ("another root", chain.clone(), key.clone(), elsewhere.city.root_pem()),
        (
            "root of another at its end",
            one_certificate(&chain, 0) + &elsewhere.city.root_pem(),
            key.clone(),
            elsewhere.city.root_pem(),
        ),
        ("no root", one_certificate(&chain, 0), key.clone(), root.clone()),
        ("a link missing", without_middle, street.key_pem(), root.clone()),
        ("unconstrained", pem(&unconstrained.chain) + &root, unconstrained.key.to_pem(), root.clone()),
        ("a leaf", pem(&leaf.chain) + &root, leaf.key.to_pem(), root.clone()),
        ("nothing", String::new(), key.clone(), root.clone()),
        ("no key", chain.clone(), String::new(), root.clone()),
        ("cut", chain[..200].to_owned(), key.clone(), root.clone()),
    ];
    for (case, chain, key, root) in cases {
        assert!(Authority::load(&chain, &key, &root).is_err(), "{case}");
    }
}

#[test]
fn an_identity_loads_only_with_its_own_key() {
    let federation = Federation::founded(THEN);
    let (key, root) = (NodeKey::generate().unwrap(), federation.city.root_pem());
    let request = key.csr_der().unwrap();
    let leaf = federation.district.issue_leaf(&request, STREET, THEN, LEAF_DAYS).unwrap();
    let other = NodeKey::generate().unwrap().to_pem();
    assert!(matches!(Identity::load(&leaf.chain_pem, &other, &root), Err(PkiError::KeyMismatch)));
    let elsewhere = Federation::founded(THEN).city.root_pem();
    let of_another_root = Identity::load(&leaf.chain_pem, &key.to_pem(), &elsewhere).unwrap();
    assert!(matches!(of_another_root.verify(THEN), Err(PkiError::Verify(_))));
    let invite = federation.district.issue_invite(STREET, THEN, THEN + Duration::days(1)).unwrap();
    let as_identity = Identity::load(&invite.chain_pem, &invite.key_pem, &root);
    assert!(matches!(as_identity, Err(PkiError::WrongSort { .. })));
}

fn pem(chain: &[rustls_pki_types::CertificateDer<'static>]) -> String {
    chain.iter().map(|der| pem_of(der)).collect()
}

fn pem_of(der: &[u8]) -> String {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
}

/// The PEM of one certificate in a chain.
fn one_certificate(chain_pem: &str, at: usize) -> String {
    const END: &str = "-----END CERTIFICATE-----\n";
    chain_pem.split_inclusive(END).nth(at).unwrap().to_owned()
}
