//! Files that are carried by hand between nodes that are processes of their own: what arrives without a line, and every
//! file that must not be taken, by message and exit code.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::process::Command;

use federation_tests::peer::{Papers, authority};
use federation_tests::program::binary;
use federation_tests::{Federation, Node};
use pki::{LEAF_DAYS, LetterRecipient, NodeKey};
use prost::Message as _;
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use wire::bundle::{Envelope, Header};
use wire::{BUNDLE_BYTES_MAX, bundle_from_file, bundle_to_file};

/// A city that is being served and two streets that joined; the line is cut before anything was said over it.
fn without_a_line() -> (Federation, Node, Node, Node) {
    let federation = Federation::new();
    let city = federation.root("市基地", "440300");
    federation.register(
        &city,
        &[["440303001", "桂园街道", "street", "440300"], ["440303002", "黄贝街道", "street", "440300"]],
    );
    let street = federation.join(&city, "桂园街道", "440303001");
    let other = federation.join(&city, "黄贝街道", "440303002");
    street.up().cut();
    other.up().cut();
    (federation, city, street, other)
}

fn service(node: &Node, topic: &str) -> String {
    let topic = format!("topic={topic}");
    node.put(&["service_record", "date=2026-11-20", "sort=政策解读", &topic, "--user", "小王"])
}

/// Exports to a file of this name.
fn export(federation: &Federation, node: &Node, name: &str) -> (String, Value) {
    let file = federation.path(name);
    let report = node.ok(&["bundle", "export", "--out", &file]);
    (file, report)
}

fn import(federation: &Federation, node: &Node, file: &str, receipt: &str) -> (String, Value) {
    let receipt = federation.path(receipt);
    let report = node.ok(&["bundle", "import", file, "--receipt", &receipt]);
    (receipt, report)
}

// Wrong: a street on a separated network cannot report at all, or believes that it has.
#[test]
fn a_street_without_a_line_reports_by_file() {
    let (federation, city, street, _) = without_a_line();
    street.serve();
    let id = service(&street, "上门走访");
    let notice = city.put(&["notice", "title=年度通知", "sort=通知", "body=请上报", "--user", "市办"]);
    street.fails(7, &["sync"]);

    let (up, exported) = export(&federation, &street, "up.bundle");
    // The record, and the address that the node has written into its own.
    assert_eq!(exported["reader_name"], "市基地");
    assert!(!city.has("service_record", &id));
    let (down, taken) = import(&federation, &city, &up, "down.bundle");
    assert_eq!(
        (&taken["records"], &taken["refused"], &taken["sealed"]),
        (&exported["records"], &0.into(), &true.into())
    );
    assert!(city.has("service_record", &id));
    assert_eq!(city.report_of(&street)["never"], false, "the seal came with it");

    let settled = street.ok(&["bundle", "import", &down]);
    assert_eq!((&settled["settled"], &settled["waiting"]), (&true.into(), &0.into()));
    assert!(street.has("notice", &notice));
    let record = street.get("service_record", &id);
    let arrived = record["deliveries"].as_array().unwrap().iter().all(|d| d["arrived"] == true);
    assert!(arrived, "{}", record["deliveries"]);
    assert_eq!(street.ok(&["bundle", "import", &down])["repeated"], true);

    // A line that works again has nothing to add.
    street.up().heal();
    let report = street.sync();
    assert_eq!((&report["pushed"], &report["resync"]), (&0.into(), &false.into()));
}

/// What a command says to people.
fn words(node: &Node, args: &[&str]) -> String {
    let mut command = Command::new(binary());
    command.arg("--folder").arg(node.folder.path()).args(args).env_remove("SHUNIU_FOLDER");
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn people_are_told_where_to_carry_what() {
    let (federation, city, street, _) = without_a_line();
    service(&street, "上门走访");
    let up = federation.path("up.bundle");
    let exported = words(&street, &["bundle", "export", "--out", &up]);
    assert!(exported.contains("已导出 1 条") && exported.contains("请把文件带到“市基地”"), "{exported}");
    let status = words(&street, &["status"]);
    assert!(status.contains("有 1 份导出文件还没有收到回执"), "{status}");
    let taken = words(&city, &["bundle", "import", &up]);
    let beside = federation.path("up-回执.bundle");
    assert!(taken.contains("收下 1 条") && taken.contains("请把回执文件带回“桂园街道”"), "{taken}");
    assert!(taken.contains(&beside), "without --receipt it lies beside: {taken}");
    let settled = words(&street, &["bundle", "import", &beside]);
    assert!(settled.contains("上级确认 1 条"), "{settled}");
    assert!(!words(&street, &["status"]).contains("回执"));
    assert!(words(&street, &["bundle", "import", &beside]).contains("没有改动任何内容"));
}

#[test]
fn what_a_district_got_by_file_goes_on_by_line_and_back() {
    let (federation, [city, district, street]) = Federation::small();
    street.up().cut();
    let id = service(&street, "上门走访");
    let (up, _) = export(&federation, &street, "up.bundle");
    let (down, _) = import(&federation, &district, &up, "down.bundle");
    district.sync();
    assert!(city.has("service_record", &id));
    street.ok(&["bundle", "import", &down]);
    let (up, _) = export(&federation, &street, "up2.bundle");
    let (down, _) = import(&federation, &district, &up, "down2.bundle");
    street.ok(&["bundle", "import", &down]);
    let record = street.get("service_record", &id);
    let arrived: Vec<_> = record["deliveries"].as_array().unwrap().iter().map(|d| &d["arrived"]).collect();
    assert_eq!(arrived, [true, true, true], "saved here, at the district, at the city");
}

/// What a person is told of a file that is refused; nothing of it may be kept.
#[track_caller]
fn refused(node: &Node, file: &str, code: i32, words: &str) {
    let links = node.database().links();
    let receipt = format!("{file}.receipt");
    let answer = node.fails(code, &["bundle", "import", file, "--receipt", &receipt]);
    assert!(answer.message().contains(words), "{words}: {}", answer.message());
    assert!(answer.message().contains("没有导入") || code == 5, "{}", answer.message());
    assert!(!fs::exists(&receipt).unwrap(), "no receipt is written");
    assert_eq!(node.database().links(), links);
}

#[test]
fn damaged_files_are_refused_in_words() {
    let (federation, city, street, _) = without_a_line();
    let id = service(&street, "上门走访");
    let (up, _) = export(&federation, &street, "up.bundle");
    let whole = fs::read(&up).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = federation.path(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    refused(&city, &file("cut", &whole[..whole.len() / 2]), 4, "文件不完整");
    refused(&city, &file("header-only", &whole[..30]), 4, "文件不完整");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    refused(&city, &file("flipped", &flipped), 4, "文件已损坏");
    refused(&city, &file("table.xlsx", b"PK\x03\x04"), 4, "不是数据包");
    refused(&city, &file("empty", b""), 4, "不是数据包");
    let mut newer = bundle_to_file(&Envelope::default()).unwrap();
    newer[8..12].copy_from_slice(&7_u32.to_be_bytes());
    // The checksum covers version and length, and here nothing else.
    let sum = ring::digest::digest(&ring::digest::SHA256, &newer[8..20]);
    newer[20..52].copy_from_slice(sum.as_ref());
    refused(&city, &file("newer", &newer), 4, "第 7 版");
    let large = federation.path("large");
    fs::File::create(&large).unwrap().set_len(BUNDLE_BYTES_MAX as u64 + 1).unwrap();
    let answer = city.fails(4, &["bundle", "import", &large]);
    assert!(answer.message().contains("MiB"), "{}", answer.message());
    city.fails(3, &["bundle", "import", &federation.path("nowhere")]);
    assert!(!city.has("service_record", &id));
    // And the whole file is still good.
    import(&federation, &city, &up, "down.bundle");
    assert!(city.has("service_record", &id));
}

#[test]
fn files_of_and_for_others_are_refused_in_words() {
    let (federation, city, street, other) = without_a_line();
    service(&street, "上门走访");
    let (up, _) = export(&federation, &street, "up.bundle");
    refused(&street, &up, 4, "写给“市基地”的");
    let (down, _) = import(&federation, &city, &up, "down.bundle");
    refused(&other, &down, 4, "写给“桂园街道”的");

    let elsewhere = Federation::new();
    let foreign = elsewhere.root("市基地", "440300");
    elsewhere.register(&foreign, &[["440303001", "桂园街道", "street", "440300"]]);
    let foreign_street = elsewhere.join(&foreign, "桂园街道", "440303001");
    service(&foreign_street, "别处");
    let (up, _) = export(&elsewhere, &foreign_street, "up.bundle");
    refused(&city, &up, 5, "另一个联邦");
}

/// The file with another header, and signed by whomever.
fn rewritten(file: &str, change: impl FnOnce(&mut Header), key: &NodeKey) -> Vec<u8> {
    let Envelope { header, content, .. } = bundle_from_file(&fs::read(file).unwrap()).unwrap();
    let mut header = Header::decode(header.as_slice()).unwrap();
    change(&mut header);
    signed(header.encode_to_vec(), content, key)
}

fn signed(header: Vec<u8>, content: Vec<u8>, key: &NodeKey) -> Vec<u8> {
    let all = [&(header.len() as u64).to_be_bytes(), header.as_slice(), content.as_slice()].concat();
    let signature = key.sign("shuniu bundle 1", &all).unwrap();
    bundle_to_file(&Envelope { header, content, signature }).unwrap()
}

fn leaf_key(node: &Node) -> NodeKey {
    NodeKey::from_pem(&node.folder.read("pki/node.key")).unwrap()
}

// Wrong: a street puts its own name under what another wrote, or another's name under its own.
#[test]
fn nobody_writes_in_anothers_name() {
    let (federation, city, street, other) = without_a_line();
    let id = service(&street, "上门走访");
    let (up, _) = export(&federation, &street, "up.bundle");
    let file = |name: &str, bytes: &[u8]| {
        let path = federation.path(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let named = rewritten(&up, |h| h.writer_name = "市基地".into(), &leaf_key(&other));
    refused(&city, &file("named", &named), 5, "不能证明");
    let papers = Papers::of(&other);
    let chain: Vec<Vec<u8>> = papers.chain.iter().map(|c| c.to_vec()).collect();
    let under_anothers_name = rewritten(&up, |h| h.chain = chain.clone(), &leaf_key(&other));
    refused(&city, &file("chain", &under_anothers_name), 5, "不能证明");
    let other_base: causal::BaseId = other.base.parse().unwrap();
    let own_name = |h: &mut Header| {
        h.chain = chain.clone();
        h.writer = other_base.0.to_vec();
    };
    refused(&city, &file("own", &rewritten(&up, own_name, &leaf_key(&other))), 5, "解不开");
    assert!(!city.has("service_record", &id));
}

// Wrong: any member of the federation settles what waits at a street, or hands it records, with a receipt of its own.
#[test]
fn a_receipt_of_another_than_the_parent_is_refused() {
    let (federation, _city, street, other) = without_a_line();
    service(&street, "上门走访");
    let (up, _) = export(&federation, &street, "up.bundle");
    let Envelope { header, .. } = bundle_from_file(&fs::read(&up).unwrap()).unwrap();
    let asked = Header::decode(header.as_slice()).unwrap();
    let base = |node: &Node| node.base.parse::<causal::BaseId>().unwrap().0.to_vec();
    let header = Header {
        receipt: true,
        writer: base(&other),
        writer_name: "黄贝街道".into(),
        reader: base(&street),
        chain: Papers::of(&other).chain.iter().map(|c| c.to_vec()).collect(),
        ..asked.clone()
    };
    let header = header.encode_to_vec();
    let content = LetterRecipient::from_bytes(&asked.letter_key).unwrap().encrypt(&header, b"").unwrap();
    let file = federation.path("forged");
    fs::write(&file, signed(header, content, &leaf_key(&other))).unwrap();
    refused(&street, &file, 5, "而它不是本节点的上级");
    assert_eq!(street.ok(&["status"])["unsent"], 1);
}

#[test]
fn who_may_not_sync_may_not_carry_either() {
    let (federation, city, street, other) = without_a_line();
    let id = service(&street, "上门走访");
    let (up, _) = export(&federation, &street, "up.bundle");
    city.ok(&["revoke", "440303001", "--reason", "设备遗失"]);
    refused(&city, &up, 5, "停用");
    assert!(!city.has("service_record", &id));

    service(&other, "走访");
    let long_ago = OffsetDateTime::now_utc() - Duration::days(LEAF_DAYS + 10);
    let csr = leaf_key(&other).csr_der().unwrap();
    let base: causal::BaseId = other.base.parse().unwrap();
    let leaf = authority(&city).issue_leaf(&csr, base.0, long_ago, LEAF_DAYS).unwrap();
    fs::write(other.folder.path().join("pki/node.pem"), leaf.chain_pem).unwrap();
    let (up, _) = export(&federation, &other, "expired.bundle");
    refused(&city, &up, 5, "证书已过期");
}

// Wrong: a street that never has a line is locked out after 90 days.
#[test]
fn a_certificate_is_renewed_by_file() {
    let (federation, city, street, _) = without_a_line();
    let until = |node: &Node| node.ok(&["status"])["certificate_until_ms"].as_u64().unwrap();
    let (issued, csr) =
        (OffsetDateTime::now_utc() - Duration::days(50), leaf_key(&street).csr_der().unwrap());
    let base: causal::BaseId = street.base.parse().unwrap();
    let leaf = authority(&city).issue_leaf(&csr, base.0, issued, LEAF_DAYS).unwrap();
    fs::write(street.folder.path().join("pki/node.pem"), leaf.chain_pem).unwrap();
    let before = until(&street);
    let (up, _) = export(&federation, &street, "up.bundle");
    let (late, _) = import(&federation, &city, &up, "late.bundle");
    let (up, _) = export(&federation, &street, "up1.bundle");
    let (down, _) = import(&federation, &city, &up, "down.bundle");
    street.ok(&["bundle", "import", &down]);
    let renewed = until(&street);
    assert!(renewed > before, "{renewed} {before}");
    let certificate = street.folder.read("pki/node.pem");
    for earlier in [&down, &late] {
        street.ok(&["bundle", "import", earlier]);
        assert_eq!(street.folder.read("pki/node.pem"), certificate, "an earlier one comes too late");
    }
    let (up, _) = export(&federation, &street, "up2.bundle");
    import(&federation, &city, &up, "down2.bundle");
}

#[test]
fn there_is_nothing_to_export_at_the_root_and_nothing_is_overwritten() {
    let (federation, city, street, _) = without_a_line();
    let answer = city.fails(4, &["bundle", "export", "--out", &federation.path("x")]);
    assert!(answer.message().contains("最上级"), "{}", answer.message());
    let (up, _) = export(&federation, &street, "up.bundle");
    let before = fs::read(&up).unwrap();
    street.fails(2, &["bundle", "export", "--out", &up]);
    city.fails(2, &["bundle", "import", &up, "--receipt", &up]);
    assert_eq!(fs::read(&up).unwrap(), before);
    fs::remove_file(street.folder.path().join(format!("pki/letter-{}.pub", city.base))).unwrap();
    let answer = street.fails(4, &["bundle", "export", "--out", &federation.path("y")]);
    assert!(answer.message().contains("联网同步一次"), "{}", answer.message());
    street.up().heal();
    street.sync();
    export(&federation, &street, "z");
}
