//! Looking after nodes: backups and restores, what a node says of its own health, and what it keeps aside. Over real
//! processes.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::Path;

use domain::uscc;
use federation_tests::forge::{Edit, plant, plant_notice};
use federation_tests::peer::authority;
use federation_tests::{Answer, Federation, Folder, Node};
use pki::NodeKey;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

fn service(node: &Node, topic: &str) -> String {
    let topic = format!("topic={topic}");
    node.put(&["service_record", "date=2026-11-20", "sort=政策解读", &topic, "--user", "小王"])
}

/// How many records a folder holds, as its own status says; no server may run on it.
fn count(folder: &Folder) -> u64 {
    folder.ok(&["status"])["records"].as_u64().unwrap()
}

// Wrong: a copy of a database in the middle of a change, that opens and lacks the last hour; or keys for all to read.
#[test]
fn a_backup_beside_writes_is_whole_and_brings_a_node_back() {
    let (federation, [_city, district, street]) = Federation::small();
    for n in 0..20 {
        service(&street, &format!("早{n}"));
    }
    street.sync();
    let file = federation.path("street.backup");
    let report = std::thread::scope(|scope| {
        let writing =
            scope.spawn(|| (0..10).map(|n| service(&street, &format!("同时{n}"))).collect::<Vec<_>>());
        let report = street.ok(&["backup", &file]);
        assert_eq!(writing.join().unwrap().len(), 10);
        report
    });
    let held = report["records"].as_u64().unwrap();
    assert!(held >= 20 + 3, "what stood before it began is in: {report}");
    assert_eq!(report["bytes"].as_u64().unwrap(), fs::metadata(&file).unwrap().len());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let again = street.fails(6, &["backup", &file]);
    assert!(again.message().contains("没有覆盖"), "{}", again.message());
    let words = street.folder.words(&["backup", &federation.path("second.backup")]);
    assert!(words.contains("像保管密钥一样"), "{words}");

    let late = service(&street, "备份以后、上报过");
    let changed = service(&street, "另一条");
    street.sync();
    assert!(district.has("service_record", &late));
    street.kill();

    let busy = district.fails(8, &["restore", &file, "--replace"]);
    assert!(busy.message().contains("正被另一个程序使用"), "{}", busy.message());
    let here = street.folder.fails(6, &["restore", &file]);
    assert!(here.message().contains("已有节点"), "{}", here.message());
    let restored = street.folder.ok(&["restore", &file, "--replace"]);
    assert_eq!(restored["records"].as_u64().unwrap(), held);
    let aside = restored["moved"].as_str().unwrap();
    assert!(Path::new(aside).join("shuniu.db").exists(), "the old folder is kept: {aside}");
    assert_eq!(count(&street.folder), held);
    assert!(!street.has("service_record", &late), "it was made after the backup");

    street.serve();
    let round = street.sync();
    assert!(round["pulled"].as_u64().unwrap() >= 2, "it pulls from its older cursor: {round}");
    assert!(
        street.has("service_record", &late) && street.has("service_record", &changed),
        "lost edits come back"
    );
    let mine = street.database().states("service_record");
    street.sync();
    assert_eq!(mine, street.database().states("service_record"));
    assert_eq!(mine, district.database().states("service_record"), "both hold the same");
    let new = service(&street, "恢复以后");
    street.sync();
    assert!(district.has("service_record", &new));
}

// Wrong: half a file, another base's, or a newer program's becomes a node that nobody can tell from a good one.
#[test]
fn what_cannot_be_restored_is_refused_and_nothing_is_touched() {
    let (federation, [city, district, street]) = Federation::small();
    let file = federation.path("street.backup");
    street.ok(&["backup", &file]);
    let whole = fs::read(&file).unwrap();
    let cut = federation.path("cut.backup");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let new = Folder(federation.path("new").into());
    assert!(new.fails(1, &["restore", &cut]).message().contains("损坏"));
    let letter = federation.path("letter.backup");
    fs::write(&letter, "这不是备份").unwrap();
    assert!(new.fails(4, &["restore", &letter]).message().contains("不是枢纽的备份"));
    new.fails(3, &["restore", &federation.path("missing.backup")]);
    assert!(!new.path().exists(), "nothing was made");

    district.stop();
    let other = district.fails(6, &["restore", &file, "--replace"]);
    assert!(other.message().contains("不能互相替换"), "{}", other.message());
    assert!(district.folder.path().join("shuniu.db").exists());
    let full = Folder(federation.path("full").into());
    fs::create_dir_all(full.path()).unwrap();
    fs::write(full.path().join("照片.jpg"), "x").unwrap();
    assert!(full.fails(6, &["restore", &file]).message().contains("空文件夹"));

    street.stop();
    let restored = new.ok(&["restore", &file]);
    assert_eq!((&restored["base_name"], &restored["moved"]), (&"桂园街道".into(), &Value::Null));
    assert_eq!(count(&new), city.ok(&["status"])["records"].as_u64().unwrap());
}

fn found<'a>(answer: &'a Answer, subject: &str) -> &'a Value {
    let all = answer.json["findings"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
    all.iter().find(|found| found["subject"] == subject).unwrap_or_else(|| panic!("{subject}: {all:?}"))
}

#[track_caller]
fn check(answer: &Answer, subject: &str, level: &str, words: &str) {
    let found = found(answer, subject);
    assert_eq!(found["level"], level, "{found}");
    assert!(found["words"].as_str().unwrap().contains(words), "{words}: {found}");
    assert!(level == "good" || !found["advice"].as_str().unwrap().is_empty(), "{found}");
}

// Wrong: "everything is fine" at a node that has not reached its parent for a week.
#[test]
fn a_doctor_tells_what_is_wrong_and_what_to_do() {
    let (federation, [city, district, street]) = Federation::small();
    street.sync();
    let well = street.run(&["doctor"]);
    assert_eq!(well.code, 0, "{:?}", well.json);
    for subject in
        ["disk", "folder", "keys", "certificate", "server", "database", "clock", "version", "parent"]
    {
        check(&well, subject, "good", "");
    }
    check(&city.run(&["doctor"]), "database", "good", "完好");

    district.stop();
    let cut_off = street.run(&["doctor"]);
    assert_eq!((cut_off.code, &cut_off.json["well"]), (14, &false.into()));
    check(&cut_off, "parent", "bad", "");
    check(&cut_off, "database", "good", "完好");

    street.kill();
    check(&street.run(&["doctor"]), "server", "warning", "没有正常停止");
    fs::remove_file(street.folder.path().join("admin.json")).unwrap();
    let stopped = street.run(&["doctor"]);
    check(&stopped, "server", "warning", "服务没有运行");
    check(&stopped, "database", "good", "完好");

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let key = street.folder.path().join("secret.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        check(&street.run(&["doctor"]), "keys", "bad", "secret.key");
    }

    let long_ago = OffsetDateTime::now_utc() - Duration::days(100);
    let key = NodeKey::from_pem(&street.folder.read("pki/node.key")).unwrap();
    let base: causal::BaseId = street.base.parse().unwrap();
    let old = authority(&district).issue_leaf(&key.csr_der().unwrap(), base.0, long_ago, 30).unwrap();
    fs::write(street.folder.path().join("pki/node.pem"), old.chain_pem).unwrap();
    check(&street.run(&["doctor"]), "certificate", "bad", "过期");
    let refused = street.fails(5, &["sync"]);
    assert!(refused.message().contains("先核对日期和时间"), "{}", refused.message());

    fs::write(street.folder.path().join("shuniu.db"), vec![b'x'; 20_000]).unwrap();
    for name in ["shuniu.db-wal", "shuniu.db-shm"] {
        drop(fs::remove_file(street.folder.path().join(name)));
    }
    let broken = street.run(&["doctor"]);
    check(&broken, "database", "bad", "打不开");
    assert_eq!(broken.code, 14);
    Folder(federation.path("nowhere").into()).fails(11, &["doctor"]);
}

/// Records kept aside at a node: id, direction, reason, who at the other end.
fn aside(node: &Node) -> Vec<(String, bool, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = node.ok(&["quarantine"])["records"].as_array().unwrap().clone();
    let one = |r: &Value| {
        assert!(!r["advice"].as_str().unwrap().is_empty() && r["since_ms"].as_u64().unwrap() > 0, "{r}");
        (text(&r["id"]), r["inbound"].as_bool().unwrap(), text(&r["reason"]), text(&r["from_name"]))
    };
    let mut all: Vec<_> = all.iter().map(one).collect();
    all.sort();
    all
}

// Wrong: records that neither end can see, that come back after they were dropped, or that one click lets in.
#[test]
fn quarantine_is_told_at_both_ends_and_settled_by_people() {
    const PROFILE: &str = "organization_profile";
    let (_federation, [city, district, street]) = Federation::small();
    let code = format!("uscc={}", uscc::make("53", "440300", 1));
    let body = city.put(&["organization", &code, "name=春苗社工", "class=社会服务机构", "status=正常"]);
    let organization = format!("organization={body}");
    district.sync();
    street.sync();
    let profile = street.put(&[
        PROFILE,
        &organization,
        &format!("base={}", street.base),
        "name=春苗",
        "contact=李小明",
    ]);
    street.sync();
    street.stop();
    let before = street.database().state(&profile).unwrap();
    let renamed = Edit::by(&city.base).set(PROFILE, "name", "春苗二").over(Some(&before));
    plant(&street.database(), PROFILE, profile.parse().unwrap(), &renamed);
    let fake = plant_notice(&street.database(), &city.base);
    street.serve();
    assert_eq!(street.sync()["refused"], 2);

    let both = |inbound, from: &Node| {
        let row = |id: &str| (id.to_owned(), inbound, "unverified".to_owned(), from.name.clone());
        let mut both = vec![row(&profile), row(&fake)];
        both.sort();
        both
    };
    assert_eq!(aside(&district), both(true, &street));
    assert_eq!(aside(&street), both(false, &district));
    let words = district.folder.words(&["quarantine", "show", &profile]);
    assert!(words.contains("尚未核实") && words.contains("怎么办") && words.contains("春苗二"), "{words}");
    assert!(!words.contains("李小明"), "personal data is masked: {words}");

    let act = |node: &Node, words: &[&str]| node.ok(&[&["quarantine"], words].concat());
    let word = ["--on-my-word", "--reason", "已电话核实", "--user", "张主任"];
    assert_eq!(
        act(&district, &["release", &profile])["taken"],
        false,
        "judged again, it is as unproved as before"
    );
    let taken = act(&district, &[&["release", &profile][..], &word].concat());
    assert_eq!(taken["taken"], true, "{taken}");
    assert_eq!(district.get(PROFILE, &profile)["fields"]["name"], "春苗二");
    act(&district, &["drop", &fake, "--reason", "假的", "--user", "张主任"]);
    assert_eq!(aside(&district), []);

    act(&street, &["release", &fake]);
    assert_eq!(street.sync()["refused"], 1, "it is judged as before");
    assert_eq!(aside(&district), [], "what was dropped does not come back");
    assert_eq!(street.sync()["refused"], 0, "nor is it offered again with every round");
    let left = aside(&street);
    assert_eq!(
        left.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(),
        [fake.as_str()],
        "the other was taken"
    );
    assert_eq!(left[0].2, "dropped", "{left:?}");
    act(&street, &["drop", &fake, "--reason", "以上级为准"]);
    assert_eq!(aside(&street), []);
    let log = act(&district, &["log"])["decisions"].as_array().unwrap().clone();
    let acts: Vec<_> = log.iter().map(|d| d["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["drop", "vouch", "release"]);
    assert_eq!(log[0]["reason"], "假的");
    district.fails(3, &["quarantine", "show", &fake]);
}
