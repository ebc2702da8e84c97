//! The invite as a file: written, carried, damaged, read.

use pki::{INVITE_BYTES_MAX, INVITE_VERSION, InviteCode, InviteError, InviteFile, PkiError};
use time::{Duration, OffsetDateTime};

use crate::federation::{Federation, SIBLING, STREET, now};

/// An invite of the street by its district, and the serial of its certificate.
pub fn sample(federation: &Federation) -> (InviteFile, String) {
    let root_cert_pem = federation.city.root_pem();
    let expires = now().replace_nanosecond(0).unwrap() + Duration::days(7);
    let credential = federation.district.issue_invite(STREET, now(), expires).unwrap();
    let invite = InviteFile {
        version: INVITE_VERSION,
        federation: "东莞市社会组织孵化基地".to_owned(),
        root_pin_sha256: InviteFile::root_pin(&root_cert_pem).unwrap(),
        root_cert_pem,
        parent_address: "hub.example:7443".to_owned(),
        parent_name: federation.district.name().clone(),
        base: STREET,
        base_name: "东城街道".to_owned(),
        rung: "street".to_owned(),
        jurisdiction: vec!["441900003".to_owned()],
        expires_at_ms: expires.unix_timestamp() * 1000,
        code: InviteCode::generate().unwrap(),
        chain_pem: credential.chain_pem,
        key_pem: credential.key_pem,
    };
    (invite, credential.serial_hex)
}

fn read(text: &str) -> Result<InviteFile, InviteError> {
    InviteFile::read(text, now())
}

#[test]
fn an_invite_reads_back_also_after_harmless_handling() {
    let (invite, _) = sample(&Federation::new());
    let text = invite.to_text().unwrap();
    assert!(text.starts_with("{\n  \"kind\": \"shuniu-invite\",\n  \"version\": 1,"));
    assert!(text.len() < INVITE_BYTES_MAX / 10);
    let dense = serde_json::from_str::<serde_json::Value>(&text).unwrap().to_string();
    for handled in [text.clone(), format!("\u{feff}{text}\r\n"), text.replace('\n', "\r\n"), dense] {
        assert_eq!(read(&handled), Ok(invite.clone()));
    }
}

#[test]
fn any_damage_is_found() {
    let (invite, _) = sample(&Federation::new());
    let text = invite.to_text().unwrap().into_bytes();
    for length in 0..text.len() {
        assert_eq!(InviteFile::read(&text[..length], now()), Err(InviteError::Damaged), "cut to {length}");
    }
    for at in 0..text.len() {
        let mut changed = text.clone();
        changed[at] ^= 1;
        let read = InviteFile::read(&changed, now());
        let harmless = read.as_ref() == Ok(&invite) && text[at].is_ascii_whitespace();
        assert!(
            harmless || matches!(read, Err(InviteError::Damaged | InviteError::NotAnInvite)),
            "byte {at}"
        );
    }
    let text = String::from_utf8(text).unwrap();
    for (from, to) in [
        ("东城街道", "西城街道"),
        ("hub.example:7443", "hub.example:7444"),
        ("441900003", "441900004"),
        ("\"version\": 1", "\"version\": 2"),
        ("\"street\"", "\"street\", \"more\": 1"),
        ("  \"rung\": \"street\",\n", ""),
        ("\"checksum\"", "\"checksun\""),
    ] {
        assert!(text.contains(from), "{from}");
        assert_eq!(read(&text.replacen(from, to, 1)), Err(InviteError::Damaged), "{from}");
    }
}

#[test]
fn other_files_are_not_invites() {
    let long = format!("{{\"kind\":\"shuniu-invite\",\"x\":\"{}\"}}", "x".repeat(INVITE_BYTES_MAX));
    let deep = "[".repeat(INVITE_BYTES_MAX);
    for text in
        ["hello", "[]", "3", "{}", "{\"kind\":\"other\"}", "{\"kind\":7}", "PK\u{3}\u{4}", &long, &deep]
    {
        assert_eq!(read(text), Err(InviteError::NotAnInvite), "{text:.40}");
    }
    assert_eq!(InviteFile::read([0xff, 0xfe, 0x00], now()), Err(InviteError::NotAnInvite));
}

#[test]
fn an_invite_expires() {
    let (invite, _) = sample(&Federation::new());
    let text = invite.to_text().unwrap();
    let at = OffsetDateTime::from_unix_timestamp(invite.expires_at_ms / 1000).unwrap();
    assert!(InviteFile::read(&text, at - Duration::milliseconds(1)).is_ok());
    assert_eq!(InviteFile::read(&text, at), Err(InviteError::Expired { at }));
}

#[test]
fn a_newer_version_is_told_from_damage() {
    let (invite, _) = sample(&Federation::new());
    let text = with_fields(&invite.to_text().unwrap(), &[("version", 2.into()), ("new", "field".into())]);
    let error = read(&text).unwrap_err();
    assert_eq!(error, InviteError::NewerVersion { version: 2 });
    assert!(error.to_string().contains("升级"));
    for version in [serde_json::json!(0), serde_json::json!("1"), serde_json::json!(-1)] {
        let text = with_fields(&invite.to_text().unwrap(), &[("version", version)]);
        assert_eq!(read(&text), Err(InviteError::Damaged));
    }
}

#[test]
fn an_invite_whose_parts_contradict_each_other_is_not_written() {
    let federation = Federation::new();
    let (invite, _) = sample(&federation);
    let (other, _) = sample(&Federation::new());
    let leaf = federation.street();
    type Change<'a> = &'a dyn Fn(&mut InviteFile);
    let cases: [(&str, Change<'_>); 9] = [
        ("version", &|invite| invite.version = 2),
        ("another root", &|invite| invite.root_cert_pem.clone_from(&other.root_cert_pem)),
        ("another pin", &|invite| invite.root_pin_sha256.clone_from(&other.root_pin_sha256)),
        ("another base", &|invite| invite.base = SIBLING),
        ("another parent", &|invite| invite.parent_name = federation.sibling.name().clone()),
        ("another key", &|invite| invite.key_pem.clone_from(&other.key_pem)),
        ("a node's certificate", &|invite| {
            invite.chain_pem = invite.root_cert_pem.clone();
            assert_eq!(leaf.chain().len(), 2);
        }),
        ("no port", &|invite| invite.parent_address = "hub.example".to_owned()),
        ("too long", &|invite| invite.base_name = "长".repeat(INVITE_BYTES_MAX)),
    ];
    for (case, change) in cases {
        let mut invite = invite.clone();
        change(&mut invite);
        assert!(matches!(invite.to_text(), Err(PkiError::Invite { .. })), "{case}");
    }
}

/// Sets fields and makes the checksum right again, as the program of a later version would.
fn with_fields(text: &str, fields: &[(&str, serde_json::Value)]) -> String {
    let mut file: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
    for (field, value) in fields {
        file.insert((*field).to_owned(), value.clone());
    }
    let mut lines: Vec<_> = file.iter().filter(|(field, _)| *field != "checksum").collect();
    lines.sort_by_key(|(field, _)| field.as_str());
    let lines: String = lines.iter().map(|(field, value)| format!("{field}={value}\n")).collect();
    let sum = ring::digest::digest(&ring::digest::SHA256, lines.as_bytes());
    let sum: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    file.insert("checksum".to_owned(), sum.into());
    serde_json::to_string_pretty(&file).unwrap()
}
