//! Handshakes that must fail, each for its reason.

use std::sync::Arc;

use pki::{Authority, DOMAIN, client_config, server_config, server_name};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use time::Duration;

use crate::federation::{
    DISTRICT, Federation, Forged, SIBLING, STREET, certificates, forge, forge_with, leaf_params, now,
};
use crate::handshake::meet;

fn roots(authority: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(certificates(&authority.root_pem()).remove(0)).unwrap();
    Arc::new(roots)
}

fn private(forged: &Forged) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(forged.key.to_pem().as_bytes()).unwrap()
}

/// A client made without our care, with whatever certificate.
fn raw_client(
    root: &Authority,
    with: Option<&Forged>,
    version: &'static SupportedProtocolVersion,
) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots(root));
    let mut config = match with {
        Some(forged) => builder.with_client_auth_cert(forged.chain.clone(), private(forged)).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// A server made without our care: the ordinary chain check only, and whatever certificate.
fn raw_server(
    root: &Authority,
    with: &Forged,
    version: &'static SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(roots(root), provider.clone()).build().unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(with.chain.clone(), private(with))
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

fn changed(dns: &[&str], change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = leaf_params(dns);
    change(&mut params);
    params
}

fn self_signed(dns: &str) -> Forged {
    let key = pki::NodeKey::generate().unwrap();
    let pair = KeyPair::from_pem(&key.to_pem()).unwrap();
    Forged { chain: vec![leaf_params(&[dns]).self_signed(&pair).unwrap().der().clone()], key }
}

/// Certificates that are wrong whoever shows them, and what the other side says.
fn wrong_certificates(federation: &Federation) -> Vec<(&'static str, Forged, &'static str)> {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, CodeSigning, ServerAuth};
    let name = federation.street_name();
    let name = name.as_str();
    let sibling_street = federation.sibling.name().child(STREET).unwrap();
    let (district, elsewhere) = (&federation.district, Federation::new());
    let stranger = Authority::new_root([7; 16], "另一个联盟", now()).unwrap();
    let two = [name, district.name().as_str()];
    let by_district =
        |dns: &[&str], change: fn(&mut CertificateParams)| forge(district, &changed(dns, change));
    let san = |san: SanType| forge(district, &changed(&[], |params| params.subject_alt_names = vec![san]));
    let ca_params = |dns: &str| {
        changed(&[dns], |params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        })
    };
    let foreign_ca = forge(district, &ca_params(federation.sibling.name().as_str()));
    let street_node = forge(district, &leaf_params(&[name]));
    let uri = SanType::URI(format!("https://{name}").try_into().unwrap());
    vec![
        (
            "of a federation with the same ids",
            forge(&elsewhere.district, &leaf_params(&[name])),
            "BadSignature",
        ),
        ("of another federation", forge(&stranger, &leaf_params(&[name])), "UnknownIssuer"),
        ("self-signed", self_signed(name), "UnknownIssuer"),
        (
            "expired",
            by_district(&[name], |params| {
                params.not_before = now() - Duration::days(90);
                params.not_after = now() - Duration::hours(1);
            }),
            "expired",
        ),
        (
            "not yet valid",
            by_district(&[name], |params| params.not_before = now() + Duration::hours(1)),
            "not valid yet",
        ),
        (
            "outside of the issuing CA's subtree",
            forge(district, &leaf_params(&[sibling_street.as_str()])),
            "NameConstraintViolation",
        ),
        (
            "of the root",
            forge(district, &leaf_params(&[federation.city.name().as_str()])),
            "NameConstraintViolation",
        ),
        (
            "through a CA outside of the issuing CA's subtree",
            forge_with(
                &foreign_ca.chain[0],
                &foreign_ca.key.to_pem(),
                &foreign_ca.chain,
                &leaf_params(&[sibling_street.as_str()]),
            ),
            "NameConstraintViolation",
        ),
        (
            "signed by a leaf",
            forge_with(
                &street_node.chain[0],
                &street_node.key.to_pem(),
                &street_node.chain,
                &leaf_params(&[name]),
            ),
            "EndEntityUsedAsCa",
        ),
        ("of a CA", Forged::of_pem(&district.chain_pem(), &district.key_pem()), "CaUsedAsEndEntity"),
        ("of a new CA with a leaf's purposes", forge(district, &ca_params(name)), "CaUsedAsEndEntity"),
        ("without a name", by_district(&[], |_| ()), "NotOneName { count: 0 }"),
        (
            "with a common name only",
            forge(
                district,
                &changed(&[], |params| params.distinguished_name.push(rcgen::DnType::CommonName, name)),
            ),
            "NotOneName { count: 0 }",
        ),
        ("with two names", by_district(&two, |_| ()), "NotOneName { count: 2 }"),
        (
            "with an address as its name",
            san(SanType::IpAddress([10, 0, 0, 1].into())),
            "NotOneName { count: 1 }",
        ),
        ("with a URI as its name", san(uri), "NotOneName { count: 1 }"),
        (
            "with a wildcard",
            by_district(&[&format!("*.{}", district.name())], |_| ()),
            "Name(Label { position: 0 })",
        ),
        (
            "with a short label",
            by_district(&[&format!("www.{}", district.name())], |_| ()),
            "Name(Label { position: 0 })",
        ),
        (
            "with capital letters",
            by_district(&[&name.replace(DOMAIN, "SHUNIU.internal")], |_| ()),
            "Name(Domain)",
        ),
        (
            "for any purpose",
            by_district(&[name], |params| params.extended_key_usages = vec![Any]),
            "extended key usage",
        ),
        ("for no purpose", by_district(&[name], |params| params.extended_key_usages.clear()), "Purpose"),
        (
            "for more purposes",
            by_district(&[name], |params| {
                params.extended_key_usages = vec![ServerAuth, ClientAuth, CodeSigning]
            }),
            "Purpose",
        ),
        ("that may not sign", by_district(&[name], |params| params.key_usages.clear()), "Purpose"),
    ]
}

fn assert_refused(case: &str, outcome: Result<impl Sized, String>, reason: &str) {
    match outcome {
        Ok(_) => panic!("accepted: a certificate {case}"),
        Err(error) => assert!(error.contains(reason), "{case}: {error}"),
    }
}

#[tokio::test]
async fn clients_with_wrong_certificates() {
    let federation = Federation::new();
    let district = federation.district_node();
    let server = server_config(&district).unwrap();
    for (case, forged, reason) in wrong_certificates(&federation) {
        let client = raw_client(&federation.city, Some(&forged), &TLS13);
        let met = meet(server.clone(), client, server_name(district.name())).await;
        assert_refused(case, met.accepted, reason);
        assert!(met.answered.is_err(), "{case}");
    }
    let by_server_only = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    let forged = forge(&federation.district, &changed(&[federation.street_name().as_str()], by_server_only));
    let client = raw_client(&federation.city, Some(&forged), &TLS13);
    assert_refused(
        "for servers",
        meet(server, client, server_name(district.name())).await.accepted,
        "client authentication",
    );
}

#[tokio::test]
async fn a_client_without_a_certificate_connects_and_gets_no_answer() {
    let federation = Federation::new();
    let district = federation.district_node();
    let client = raw_client(&federation.city, None, &TLS13);
    let met = meet(server_config(&district).unwrap(), client, server_name(district.name())).await;
    assert_eq!(met.connected, Ok(()));
    assert_refused("(none)", met.answered, "CertificateRequired");
    assert_refused("(none)", met.accepted, "peer sent no certificates");
}

#[tokio::test]
async fn servers_with_wrong_certificates() {
    let federation = Federation::new();
    let client = client_config(&federation.district_node()).unwrap();
    let street = federation.street_name();
    for (case, forged, _) in wrong_certificates(&federation) {
        let server = raw_server(&federation.city, &forged, &TLS13);
        let met = meet(server, client.clone(), server_name(&street)).await;
        assert_refused(case, met.connected, "invalid peer certificate");
    }
    let expires = now() + Duration::days(1);
    let invite = federation.district.issue_invite(STREET, now(), expires).unwrap();
    let invite = Forged::of_pem(&invite.chain_pem, &invite.key_pem);
    let both = |params: &mut CertificateParams| {
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    };
    let greedy = forge(&federation.district, &changed(&[&format!("invite.{street}")], both));
    let other = forge(&federation.city, &leaf_params(&[federation.sibling.name().as_str()]));
    for (case, forged, name) in [
        ("of an invite", &invite, format!("invite.{street}")),
        ("of an invite, shown by a server of its base", &invite, street.to_string()),
        ("of an invite that may serve", &greedy, format!("invite.{street}")),
        ("of another node", &other, street.to_string()),
    ] {
        let server = raw_server(&federation.city, forged, &TLS13);
        let met = meet(server, client.clone(), name.try_into().unwrap()).await;
        assert_refused(case, met.connected, "invalid peer certificate");
    }
}

/// Shows why our own check of the leaf is needed: the ordinary one lets these in.
#[tokio::test]
async fn the_ordinary_chain_check_alone_would_accept_a_leaf_without_a_name() {
    let federation = Federation::new();
    let district = forge(&federation.city, &leaf_params(&[federation.district.name().as_str()]));
    let nameless = forge(&federation.sibling, &leaf_params(&[]));
    let server = raw_server(&federation.city, &district, &TLS13);
    let client = raw_client(&federation.city, Some(&nameless), &TLS13);
    let met = meet(server, client, server_name(federation.district.name())).await;
    assert_eq!(pki::peer(&met.accepted.unwrap()), Err(pki::PeerError::NotOneName { count: 0 }));
}

#[tokio::test]
async fn tls_1_2_is_refused_by_both_sides() {
    let federation = Federation::new();
    let district = federation.district_node();
    let good =
        forge(&federation.city, &leaf_params(&[federation.city.name().child(SIBLING).unwrap().as_str()]));
    let name = server_name(district.name());
    let old = raw_client(&federation.city, Some(&good), &TLS12);
    let met = meet(server_config(&district).unwrap(), old, name.clone()).await;
    assert_refused("of a client with TLS 1.2", met.accepted, "Tls12NotOffered");
    let served =
        forge(&federation.city, &leaf_params(&[federation.city.name().child(DISTRICT).unwrap().as_str()]));
    let old = raw_server(&federation.city, &served, &TLS12);
    let met = meet(old, client_config(&district).unwrap(), name).await;
    assert_refused("of a server with TLS 1.2", met.connected, "ProtocolVersion");
}

#[tokio::test]
async fn an_expired_issuing_ca_ends_its_subtree() {
    let founded = now() - Duration::days(pki::AUTHORITY_DAYS + 1);
    let federation = Federation::founded(founded);
    // The root still stands; what the district's CA signs today does not.
    let server = crate::federation::node(&federation.city, DISTRICT, now());
    let late = forge(&federation.district, &leaf_params(&[federation.street_name().as_str()]));
    let client = raw_client(&federation.city, Some(&late), &TLS13);
    let met = meet(server_config(&server).unwrap(), client, server_name(server.name())).await;
    assert_refused("below an expired CA", met.accepted, "expired");
}
