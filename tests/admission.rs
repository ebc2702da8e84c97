//! Who is let in: certificates and invites, seen from outside by programs that hold the wrong ones.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::Path;

use causal::BaseId;
use federation_tests::peer::{Papers, authority, call, handshake, hello, identity, sync_client};
use federation_tests::wait::{block_on, until};
use federation_tests::{Federation, Folder, Node};
use pki::{Authority, InviteCode, InviteFile, NodeKey};
use time::{Duration, OffsetDateTime};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use wire::PROTOCOL;
use wire::sync::{ContractRequest, Hello, PullRequest, PushBatch};

/// A city, two districts, a street under each; only the districts and the city are needed as servers.
fn tree() -> (Federation, Node, [Node; 2], [Node; 2]) {
    let federation = Federation::new();
    let city = federation.root("市基地", "440300");
    federation.register(
        &city,
        &[
            ["440303", "罗湖区", "district", "440300"],
            ["440304", "福田区", "district", "440300"],
            ["440303001", "桂园街道", "street", "440303"],
            ["440304001", "园岭街道", "street", "440304"],
        ],
    );
    let districts = [("罗湖区", "440303"), ("福田区", "440304")].map(|(name, code)| {
        let district = federation.join(&city, name, code);
        district.serve();
        district
    });
    let street = federation.join(&districts[0], "桂园街道", "440303001");
    let cousin = federation.join(&districts[1], "园岭街道", "440304001");
    (federation, city, districts, [street, cousin])
}

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

fn batch(session: u64, index: u32, last: bool) -> PushBatch {
    PushBatch { session, index, last, ..PushBatch::default() }
}

/// Calls everything that the port for children offers.
fn try_everything(node: &Node, papers: Option<&Papers>, base: &str) -> Vec<Result<(), Status>> {
    let mut client = sync_client(node, papers);
    block_on(async {
        let greeted = client.handshake(hello(base)).await.map(drop);
        let pushed = match client.push(tokio_stream::iter([batch(1, 0, true)])).await {
            Ok(answers) => answers.into_inner().message().await.map(drop),
            Err(refused) => Err(refused),
        };
        let pulled = match client.pull(PullRequest { session: 1, cursor: None }).await {
            Ok(pages) => pages.into_inner().message().await.map(drop),
            Err(refused) => Err(refused),
        };
        let contract = client.contract(ContractRequest {}).await.map(drop);
        vec![greeted, pushed, pulled, contract]
    })
}

fn refusals(node: &Node) -> usize {
    node.log().matches("refused a connection").count()
}

/// Nothing gets as far as HTTP: the handshake of TLS fails.
#[track_caller]
fn refused_by_tls(node: &Node, papers: Option<&Papers>, base: &str, why: &str) {
    let (links, before) = (node.database().links(), refusals(node));
    for answer in try_everything(node, papers, base) {
        let refused = answer.expect_err(why);
        assert!(!refused.metadata().contains_key("shuniu-code"), "{why}: no handler answered: {refused:?}");
    }
    // One connection or several: the client decides.
    until(why, || (refusals(node) > before).then_some(()));
    assert_eq!(node.database().links(), links, "{why}");
}

/// The certificate is a real one, and its holder has no business here.
#[track_caller]
fn refused_by_the_gate(node: &Node, papers: &Papers, base: &str, words: &str) {
    let links = node.database().links();
    for answer in try_everything(node, Some(papers), base) {
        let refused = answer.expect_err(words);
        let code = refused.metadata().get("shuniu-code").and_then(|code| code.to_str().ok());
        assert_eq!(code, Some("not_allowed"), "{refused:?}");
        assert!(refused.message().contains(words), "{words}: {}", refused.message());
    }
    assert_eq!(node.database().links(), links, "{words}");
}

// Wrong: anybody who reaches the port from the network of the street office reads the city's records.
#[test]
fn certificates_that_prove_nothing_are_refused_in_the_handshake() {
    let (_federation, city, [district, _], [street, _]) = tree();
    let own = Papers::of(&street);
    assert!(call(&district, Some(&own), &street.base).is_ok(), "the street itself is let in");

    refused_by_tls(&district, None, &street.base, "none at all");

    let id = |base: &str| base.parse::<BaseId>().unwrap().0;
    let foreign_root = Authority::new_root(id(&city.base), "别的联邦", now()).unwrap();
    let key = NodeKey::generate().unwrap();
    let chain = foreign_root.issue_authority(&key.csr_der().unwrap(), id(&district.base), now()).unwrap();
    let foreign = Authority::load(&chain, &key.to_pem(), &foreign_root.root_pem()).unwrap();
    let papers = Papers::issued(&foreign, &street.base, now(), 30);
    refused_by_tls(&district, Some(&papers), &street.base, "another federation with the same names");

    let name = identity(street.folder.path()).name().as_str().to_owned();
    let made = rcgen::generate_simple_self_signed([name]).unwrap();
    let papers = Papers::of_pem(&made.cert.pem(), &made.signing_key.serialize_pem());
    refused_by_tls(&district, Some(&papers), &street.base, "self-signed");

    let long_ago = now() - Duration::days(100);
    let papers = Papers::issued(&authority(&district), &street.base, long_ago, 30);
    refused_by_tls(&district, Some(&papers), &street.base, "expired");
}

// Wrong: a street of one district talks to another district, which then sends it what is not its own.
#[test]
fn real_certificates_of_others_are_refused_before_any_handler() {
    let (federation, city, [district, sibling], [street, cousin]) = tree();
    refused_by_the_gate(&district, &Papers::of(&cousin), &cousin.base, "上级节点不是本节点");
    refused_by_the_gate(&district, &Papers::of(&sibling), &sibling.base, "上级节点不是本节点");
    refused_by_the_gate(&city, &Papers::of(&street), &street.base, "上级节点不是本节点");

    let forged = Papers::issued(&authority(&sibling), &street.base, now(), 30);
    refused_by_the_gate(&district, &forged, &street.base, "签发");
    refused_by_the_gate(&sibling, &forged, &street.base, "上级节点不是本节点");

    let file = federation.invite(&district, &street, "440303001");
    let invite = InviteFile::read(fs::read(file).unwrap(), now()).unwrap();
    let guest = Papers::of_pem(&invite.chain_pem, &invite.key_pem);
    refused_by_the_gate(&district, &guest, &street.base, "邀请只能用来加入");

    let own = Papers::of(&street);
    let refused = call(&district, Some(&own), &cousin.base).unwrap_err();
    assert!(refused.message().contains("证书与所报基地不符"), "{}", refused.message());
}

// Wrong: somebody who stands between a street and its district collects the street's records.
#[test]
fn a_street_refuses_a_parent_that_is_not_its_own() {
    let (_federation, _city, [_, sibling], [street, _]) = tree();
    street.put(&["service_record", "date=2026-11-20", "sort=培训", "topic=急救培训"]);
    let (links, before) =
        (sibling.database().links(), street.database().number("SELECT count(*) FROM unsent"));
    street.up().lead_to(sibling.door.clone());
    street.fails(7, &["sync"]);
    assert_eq!(sibling.database().links(), links);
    assert_eq!(sibling.database().number("SELECT count(*) FROM record WHERE kind = 'service_record'"), 0);
    assert_eq!(street.database().number("SELECT count(*) FROM unsent"), before, "nothing counts as sent");
}

// Wrong: a stolen computer goes on reading until its certificate ends, or until its connection breaks.
#[test]
fn a_revoked_base_is_out_at_once_also_on_an_open_connection() {
    let (_federation, _city, [district, _], [street, _]) = tree();
    street.serve();
    street.sync();
    let papers = Papers::of(&street);
    let mut held = sync_client(&district, Some(&papers));
    let session = handshake(&mut held, &street.base).unwrap().session;
    let (batches, stream) = mpsc::channel(4);
    batches.try_send(batch(session, 0, false)).unwrap();
    let mut pushing = held.clone();
    let mut answers = block_on(pushing.push(ReceiverStream::new(stream))).unwrap().into_inner();
    assert_eq!(block_on(answers.message()).unwrap().unwrap().index, 0, "the stream is open and works");

    let answer = district.ok(&["revoke", "桂园街道", "--reason", "设备遗失"]);
    assert_eq!(answer["base_name"], "桂园街道");
    let links = district.database().links();
    batches.try_send(batch(session, 1, true)).unwrap();
    let refused = block_on(answers.message()).unwrap_err();
    assert!(refused.message().contains("停用"), "on the open stream: {}", refused.message());
    let refused = handshake(&mut held, &street.base).unwrap_err();
    assert!(refused.message().contains("停用"), "on the open connection: {}", refused.message());
    refused_by_the_gate(&district, &papers, &street.base, "停用");
    let answer = street.fails(5, &["sync"]);
    assert!(answer.message().contains("停用"), "the street learns why: {}", answer.message());
    assert_eq!(district.database().links(), links, "no session came about");
    district.restart();
    refused_by_the_gate(&district, &papers, &street.base, "停用");
}

// Wrong: a street whose computer was lost and replaced stays out for ever, although `revoke` says how it comes back.
#[test]
fn a_revoked_base_comes_back_with_a_new_invite() {
    let (federation, _city, [district, _], [street, _]) = tree();
    street.sync();
    let stolen = Papers::of(&street);
    district.ok(&["revoke", "桂园街道", "--reason", "设备遗失"]);
    let new =
        Node::new(Path::new(&federation.path("new")), "桂园街道", "440303001", Some(street.up().clone()));
    let invite = federation.invite(&district, &new, "440303001");
    new.configure(&street.up().address());
    new.ok(&["join", &invite]);
    new.sync();
    assert!(
        call(&district, Some(&stolen), &street.base).is_err(),
        "the certificate of the stolen computer stays barred"
    );
}

// Wrong: a base that the city has revoked goes on at its district, which was not told.
#[test]
fn the_root_revokes_everywhere() {
    let (_federation, city, [district, _], [street, _]) = tree();
    street.sync();
    city.ok(&["revoke", "桂园街道", "--reason", "撤销"]);
    district.sync();
    street.fails(5, &["sync"]);
    district.fails(5, &["revoke", "福田区", "--reason", "不归本区管"]);
}

/// A folder beside the others that holds no node.
fn empty(federation: &Federation, name: &str) -> Folder {
    let folder = Folder(federation.path(name).into());
    fs::create_dir_all(folder.path()).unwrap();
    folder
}

#[track_caller]
fn cannot_join(folder: &Folder, invite: &str, code: i32, words: &str) {
    let answer = folder.fails(code, &["join", invite]);
    assert!(answer.message().contains(words), "{words}: {}", answer.message());
    assert!(!folder.path().join("node.json").exists(), "{words}: no node was made");
    folder.fails(11, &["status"]);
}

fn write(federation: &Federation, name: &str, content: &[u8]) -> String {
    let path = federation.path(name);
    fs::write(&path, content).unwrap();
    path
}

// Wrong: an invite that was copied, kept too long, or changed on its way still opens the door.
#[test]
fn invites_are_good_once_in_time_and_unchanged() {
    let (federation, _city, [district, sibling], [street, _]) = tree();
    let file = federation.invite(&district, &street, "440303001");
    let text = fs::read_to_string(&file).unwrap();
    let folder = empty(&federation, "guest");

    for (name, content) in [
        ("changed", text.replacen("桂园街道", "桂圆街道", 1)),
        ("cut", text[..text.len() / 2].to_owned()),
        ("retyped", text.replacen("\"version\": 1", "\"version\": 2", 1)),
    ] {
        cannot_join(&folder, &write(&federation, name, content.as_bytes()), 10, "邀请文件不完整");
    }
    for (name, content) in
        [("picture", &b"\x89PNG\r\n\x1a\n"[..]), ("empty", b""), ("other.json", b"{\"a\": 1}")]
    {
        let path = write(&federation, name, content);
        let answer = folder.run(&["join", &path]);
        assert!([4, 10].contains(&answer.code), "{name}: {} {}", answer.code, answer.words);
        assert!(!folder.path().join("node.json").exists());
    }
    folder.fails(3, &["join", &federation.path("nowhere.invite")]);

    let invite = InviteFile::read(&text, now()).unwrap();
    let again =
        |name: &str, changed: InviteFile| write(&federation, name, changed.to_text().unwrap().as_bytes());
    let late = again("late", InviteFile { expires_at_ms: 1_700_000_000_000, ..invite.clone() });
    cannot_join(&folder, &late, 10, "过期");
    let guessed = again("guessed", InviteFile { code: InviteCode::generate().unwrap(), ..invite.clone() });
    cannot_join(&folder, &guessed, 10, "没有发过");

    let elsewhere = sibling.door.lock().unwrap().unwrap().to_string();
    let misled = again("misled", InviteFile { parent_address: elsewhere, ..invite });
    cannot_join(&folder, &misled, 7, "上级");

    let stored = "UPDATE invite SET expires_at_ms = 1 WHERE used_at_ms IS NULL";
    district.database().write(stored, &[]);
    cannot_join(&folder, &file, 10, "过期");
    let stored = "UPDATE invite SET expires_at_ms = 4000000000000 WHERE used_at_ms IS NULL";
    district.database().write(stored, &[]);
    folder.ok(&["join", &file]);
    cannot_join(&empty(&federation, "second"), &file, 10, "用过");
}

// Wrong: an invite of one federation that lets a node into another one.
#[test]
fn an_invite_of_another_federation_is_refused() {
    let (federation, city, [district, _], [street, _]) = tree();
    let foreign = Federation::new();
    let other = foreign.root("别的市", "440300");
    foreign.register(&other, &[["440303", "罗湖区", "district", "440300"]]);
    let file = foreign.invite(&other, &street, "440303");
    let invite = InviteFile::read(fs::read(&file).unwrap(), now()).unwrap();
    assert_eq!(BaseId(invite.base).to_string(), district.base, "the same codes give the same ids");
    let address = city.door.lock().unwrap().unwrap().to_string();
    let misled = InviteFile { parent_address: address, ..invite }.to_text().unwrap();
    let before = city.database().links();
    cannot_join(&empty(&federation, "guest"), &write(&federation, "foreign", misled.as_bytes()), 7, "上级");
    assert_eq!(city.database().links(), before);
}

// Wrong: a second `join` or `init` in the same folder replaces the keys of a node that has data.
#[test]
fn a_folder_with_a_node_stays_as_it_is() {
    let (federation, _city, [district, _], [street, _]) = tree();
    let invite = federation.invite(&district, &street, "440303001");
    let files = ["node.json", "pki/node.pem", "pki/node.key", "pki/root.pem", "secret.key", "shuniu.toml"];
    let content = || files.map(|name| fs::read(street.folder.path().join(name)).unwrap());
    let before = content();
    street.fails(6, &["join", &invite]);
    street.fails(
        6,
        &["init", "--federation", "新", "--name", "新", "--code", "1", "--jurisdiction", "440300000000"],
    );
    assert_eq!(content(), before);
    empty(&federation, "guest").ok(&["join", &invite]);
}

// Wrong: a network that fails while joining costs the invite, or leaves half a node that blocks the folder.
#[test]
fn joining_again_after_a_failure_works() {
    let (federation, _city, [district, _], [street, _]) = tree();
    let new =
        Node::new(Path::new(&federation.path("new")), "桂园街道", "440303001", Some(street.up().clone()));
    let invite = federation.invite(&district, &new, "440303001");
    new.up().cut();
    cannot_join(&new.folder, &invite, 7, "连不上上级");
    new.up().heal();
    new.up().trap(1_500, || ());
    assert_ne!(new.run(&["join", &invite]).code, 0, "cut in the middle of the handshake");
    assert!(!new.folder.path().join("node.json").exists());
    new.up().heal();
    new.ok(&["join", &invite]);
    new.sync();
    assert!(new.has("base", "440300"), "the tree of bases is there");
}

// Wrong: a district invites what is not its own, and an invite goes to a base that nobody registered.
#[test]
fn only_the_parent_invites() {
    let (federation, city, [district, _], _) = tree();
    let out = federation.path("x.invite");
    let address = "127.0.0.1:1";
    let invite = |node: &Node, base: &str, code| {
        node.fails(code, &["invite", base, "--address", address, "--out", &out]);
        assert!(!Path::new(&out).exists(), "nothing was written");
    };
    invite(&district, "园岭街道", 5);
    invite(&district, "市基地", 5);
    invite(&city, "桂园街道", 5);
    invite(&city, "没有的街道", 3);
    let new =
        ["invite", "440303009", "--name", "新街道", "--rung", "street", "--jurisdiction", "440303009000"];
    district.fails(5, &[&new[..], &["--address", address, "--out", &out]].concat());
    assert!(!district.has("base", "440303009"));
}

// Wrong: a street that was upgraded a week before its district, or a week after, and cannot report in between.
#[test]
fn programs_of_neighbouring_versions_talk_and_others_are_told_who_must_upgrade() {
    let (_federation, [_city, district, street]) = Federation::small();
    let own = Papers::of(&street);
    let say = |newest, oldest| {
        let mut client = sync_client(&district, Some(&own));
        let said = Hello { protocol: newest, protocol_oldest: oldest, ..hello(&street.base) };
        block_on(client.handshake(said)).map(|answer| (client, answer.into_inner()))
    };
    let (mut client, welcome) = say(PROTOCOL - 1, 0).unwrap();
    assert_eq!(welcome.protocol, PROTOCOL - 1, "the lower one is used");
    block_on(async {
        let pushed = client.push(tokio_stream::iter([batch(welcome.session, 0, true)])).await.unwrap();
        assert_eq!(pushed.into_inner().message().await.unwrap().unwrap().session, welcome.session);
        let asked = PullRequest { session: welcome.session, cursor: None };
        let page = client.pull(asked).await.unwrap().into_inner().message().await.unwrap().unwrap();
        assert_eq!(page.session, welcome.session);
    });
    assert_eq!(say(PROTOCOL + 1, PROTOCOL).unwrap().1.protocol, PROTOCOL);
    for (newest, oldest, words) in [
        (PROTOCOL - 2, 0, "请升级本节点的程序"),
        (PROTOCOL + 1, PROTOCOL + 1, "请上级升级程序"),
        (PROTOCOL + 1, 0, "请上级升级程序"),
    ] {
        let refused = say(newest, oldest).map(|_| ()).unwrap_err();
        assert!(refused.message().contains(words), "{newest} down to {oldest}: {refused}");
    }
}
