//! What is carried by hand: who can read it, and whose signature counts.

use pki::{Authority, LEAF_DAYS, LetterKey, LetterRecipient, NodeKey, PkiError, signer};
use rustls_pki_types::CertificateDer;
use time::Duration;

use crate::federation::{CITY, DISTRICT, Federation, STREET, certificates, now};

#[test]
fn only_the_recipient_reads_it_and_only_as_it_was_written() {
    let (key, other) = (LetterKey::generate(), LetterKey::generate());
    let sealed = key.recipient().encrypt(b"from a to b", b"content").unwrap();
    assert_eq!(key.decrypt(b"from a to b", &sealed).unwrap(), b"content");
    assert!(!sealed.windows(7).any(|part| part == b"content"));
    let kept = LetterKey::from_bytes(&key.to_bytes()).unwrap();
    assert_eq!(kept.decrypt(b"from a to b", &sealed).unwrap(), b"content");
    assert_eq!(kept.recipient(), key.recipient());

    let refused = |key: &LetterKey, about: &[u8], sealed: &[u8]| {
        assert!(matches!(key.decrypt(about, sealed), Err(PkiError::Decrypt)), "{}", sealed.len());
    };
    refused(&other, b"from a to b", &sealed);
    refused(&key, b"from c to b", &sealed);
    for at in [0, 31, 32, 40, sealed.len() - 1] {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        refused(&key, b"from a to b", &changed);
    }
    for length in [0, 31, 32, sealed.len() - 1] {
        refused(&key, b"from a to b", &sealed[..length]);
    }
    assert_eq!(format!("{key:?}"), "LetterKey(secret)");
}

#[test]
fn a_key_that_is_none_is_refused() {
    assert_eq!(LetterRecipient::from_bytes(&[1; 31]), None);
    assert!(LetterKey::from_bytes(&[1; 31]).is_err());
    // The point at infinity would give everybody the same secret.
    let nowhere = LetterRecipient::from_bytes(&[0; 32]).unwrap();
    assert!(matches!(nowhere.encrypt(b"", b"content"), Err(PkiError::Recipient)));
}

struct Writer {
    key: NodeKey,
    chain: Vec<CertificateDer<'static>>,
}

impl Writer {
    fn of(above: &Authority, base: pki::BaseId, days_ago: i64) -> Writer {
        let key = NodeKey::generate().unwrap();
        let issued = now() - Duration::days(days_ago);
        let leaf = above.issue_leaf(&key.csr_der().unwrap(), base, issued, LEAF_DAYS).unwrap();
        Writer { key, chain: certificates(&leaf.chain_pem) }
    }
}

#[test]
fn a_signature_counts_for_its_writer_its_sort_and_its_bytes() {
    let federation = Federation::new();
    let root = certificates(&federation.city.root_pem()).remove(0);
    let street = Writer::of(&federation.district, STREET, 0);
    let signature = street.key.sign("bundle", b"content").unwrap();
    let check = |chain: &[CertificateDer<'static>], context: &str, bytes: &[u8]| {
        signer(&root, chain, now(), context, bytes, &signature)
    };
    assert_eq!(check(&street.chain, "bundle", b"content").unwrap(), federation.street_name());
    assert!(matches!(check(&street.chain, "bundlec", b"ontent"), Err(PkiError::Signature)));
    assert!(matches!(check(&street.chain, "bundle", b"contents"), Err(PkiError::Signature)));
    let other = Writer::of(&federation.city, DISTRICT, 0);
    assert!(matches!(check(&other.chain, "bundle", b"content"), Err(PkiError::Signature)));
    assert!(check(&[], "bundle", b"content").is_err());
}

#[test]
fn certificates_of_others_out_of_date_or_of_invites_do_not_count() {
    let federation = Federation::founded(now() - Duration::days(200));
    let root = certificates(&federation.city.root_pem()).remove(0);
    let check = |writer: &Writer, at| {
        let signature = writer.key.sign("bundle", b"content").unwrap();
        signer(&root, &writer.chain, at, "bundle", b"content", &signature)
    };
    let old = Writer::of(&federation.district, STREET, LEAF_DAYS + 5);
    assert!(check(&old, now()).unwrap_err().is_about_time());
    assert!(check(&old, now() - Duration::days(10)).is_ok());
    assert!(check(&old, now() - Duration::days(150)).unwrap_err().is_about_time(), "not valid yet");

    let foreign = Authority::new_root(CITY, "别的联邦", now()).unwrap();
    let stranger = Writer::of(&foreign, CITY, 0);
    let refused = check(&stranger, now()).unwrap_err();
    assert!(matches!(refused, PkiError::Verify(_)) && !refused.is_about_time());

    let invite = federation.city.issue_invite(DISTRICT, now(), now() + Duration::days(1)).unwrap();
    let guest =
        Writer { key: NodeKey::from_pem(&invite.key_pem).unwrap(), chain: certificates(&invite.chain_pem) };
    assert!(matches!(check(&guest, now()), Err(PkiError::WrongSort { .. })));
}
