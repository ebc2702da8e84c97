//! Live changes over real processes: nobody runs `sync`, and no schedule does. Everything is seen from outside.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::process::{Child, ChildStderr, Command, Stdio};

use federation_tests::program::binary;
use federation_tests::wait::until;
use federation_tests::{Federation, Node};

/// A city, a district and a street, all live.
fn live() -> (Federation, [Node; 3]) {
    let (federation, nodes) = Federation::small();
    for node in &nodes {
        node.configure_live();
        node.restart();
    }
    (federation, nodes)
}

fn service(node: &Node, topic: &str) -> String {
    node.put(&[
        "service_record",
        "date=2026-11-20",
        "sort=政策解读",
        &format!("topic={topic}"),
        "--user",
        "小王",
    ])
}

fn arrives(node: &Node, kind: &str, id: &str) {
    until(&format!("{kind} at {}", node.name), || node.database().state(id));
}

// Wrong: what a street enters is seen at the city a quarter of an hour later, or only after somebody asked for it.
#[test]
fn an_edit_goes_up_by_itself() {
    let (_federation, [city, district, street]) = live();
    let id = service(&street, "送教上门");
    for node in [&district, &city] {
        arrives(node, "service_record", &id);
    }
    assert_eq!(city.get("service_record", &id)["fields"]["topic"], "送教上门");
}

// Wrong: a notice of the city waits until each street happens to ask.
#[test]
fn a_notice_comes_down_by_itself() {
    let (_federation, [city, district, street]) = live();
    let notice = city.put(&["notice", "title=台风停工", "sort=通知", "body=今日停工。"]);
    for node in [&district, &street] {
        arrives(node, "notice", &notice);
    }
}

/// What a node says of its link to a peer: whether its live line is open.
fn is_live(node: &Node, peer: &Node) -> bool {
    let status = node.ok(&["status"]);
    let link = status["links"].as_array().unwrap().iter().find(|link| link["base"] == peer.base).cloned();
    link.is_some_and(|link| link["live"] == true)
}

/// `urge` as a person sees it, line by line, until `enough`.
struct Urging {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    seen: Vec<String>,
}

impl Urging {
    fn by(node: &Node, args: &[&str]) -> Urging {
        let mut command = Command::new(binary());
        command.arg("--folder").arg(node.folder.path()).arg("urge").args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Urging { child, lines, seen: Vec::new() }
    }

    /// Reads on until each of these has been said; the command's own time-out ends a wait in vain.
    fn until(&mut self, words: &[&str]) {
        while !words.iter().all(|words| self.seen.iter().any(|line| line.contains(words))) {
            let line = self.lines.next().unwrap_or_else(|| panic!("{words:?} not in {:#?}", self.seen));
            self.seen.push(line.unwrap());
        }
    }

    fn said(&self, words: &str) -> bool {
        self.seen.iter().any(|line| line.contains(words))
    }

    /// The exit code and the answer.
    fn end(self) -> (Option<i32>, String) {
        let mut child = self.child;
        let mut answer = String::new();
        child.stdout.take().unwrap().read_to_string(&mut answer).unwrap();
        (child.wait().unwrap().code(), answer)
    }
}

// Wrong: the city calls and learns nothing; or a street that is off when it is called is never called.
#[test]
fn the_call_reaches_everybody_and_who_sleeps_when_it_wakes() {
    let (federation, [city, district, street]) = live();
    federation.register(&city, &[["440303002", "东门街道", "street", "440303"]]);
    until("the register at the district", || {
        district.run(&[
            "invite",
            "440303002",
            "--address",
            "127.0.0.1:1",
            "--out",
            &federation.path("probe"),
        ]);
        std::path::Path::new(&federation.path("probe")).exists().then_some(())
    });
    let sleeper = federation.join(&district, "东门街道", "440303002");
    sleeper.configure_live();
    let mut urging = Urging::by(&city, &["--reason", "月底报表", "--wait", "60"]);
    urging.until(&["罗湖区：已报，", "桂园街道：已报，", "东门街道：未连线"]);
    assert!(!urging.said("东门街道：已"), "{:#?}", urging.seen);
    sleeper.serve();
    urging.until(&["东门街道：已收到催报", "东门街道：已报，"]);
    let seen = urging.seen.clone();
    let (code, answer) = urging.end();
    assert_eq!(code, Some(0), "{answer}");
    assert!(answer.contains("应报 3 个节点，已报 3 个。全部报齐。"), "{answer}");
    let order = |name: &str| {
        let told = seen.iter().filter(|line| line.starts_with(name));
        told.map(|line| line.split('：').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(order("桂园街道").last().unwrap().starts_with("已报，"), "done is the last word: {seen:#?}");
    assert_eq!(order("东门街道").first().unwrap(), "未连线，上线即催", "{seen:#?}");
    drop(street);
}

// Wrong: a call that says "all have reported" while one has not.
#[test]
fn a_call_with_somebody_missing_does_not_end_well() {
    let (_federation, [city, _district, street]) = live();
    street.stop();
    let answer = city.run(&["urge", "桂园街道", "--wait", "0"]);
    assert_ne!(answer.code, 0);
    assert_eq!(answer.json["complete"], false, "{}", answer.json);
    assert_eq!(answer.json["nodes"].as_array().unwrap().len(), 1, "only who was meant: {}", answer.json);
    city.fails(5, &["urge", "440300"]);
    street.fails(7, &["urge"]);
}

// Wrong: a caller that restarts has forgotten whom it called; and who is called never learns by whom, and why.
#[test]
fn a_call_outlives_the_callers_restart_and_tells_its_reason() {
    const WORDS: &str = "“市基地”催报，原因：月底报表。";
    let (_federation, [city, district, street]) = live();
    street.stop();
    let answer = city.run(&["urge", "--reason", "月底报表", "--wait", "0"]);
    assert_eq!(answer.code, 15, "{}", answer.words);
    city.restart();
    let list = || city.run(&["urge", "--list"]);
    let listed = list();
    assert_eq!(listed.code, 15, "{}", listed.words);
    let call = &listed.json["calls"][0];
    assert_eq!((&call["reason"], &call["called"]), (&"月底报表".into(), &2.into()), "{}", listed.json);
    let shown = |node: &Node| node.folder.words(&["status"]);
    until("the district's part", || shown(&district).contains(&format!("{WORDS}本节点：已报")).then_some(()));
    assert!(list().json["calls"][0]["outstanding"].to_string().contains("桂园街道"), "{}", list().json);
    assert!(shown(&city).contains("本节点催报，原因：月底报表"), "{}", shown(&city));
    street.serve();
    until("the end of the call", || (list().code == 0).then_some(()));
    assert!(shown(&street).contains(&format!("{WORDS}本节点：已报")), "{}", shown(&street));
}

// Wrong: a node that was barred goes on listening over the line it had.
#[test]
fn the_line_of_a_revoked_base_ends() {
    let (_federation, [_city, district, street]) = live();
    until("a live line", || is_live(&district, &street).then_some(()));
    // Each end takes note of its line by itself.
    until("the same line at the street", || is_live(&street, &district).then_some(()));
    district.ok(&["revoke", "桂园街道", "--reason", "试验"]);
    until("the end of the line at the district", || (!is_live(&district, &street)).then_some(()));
    until("the end of the line at the street", || (!is_live(&street, &district)).then_some(()));
    let notice = district.put(&["notice", "title=内部", "sort=通知", "body=不给停用的节点。"]);
    street.fails(5, &["sync"]);
    assert!(!street.has("notice", &notice));
}

// Wrong: each round wakes the other side again, for ever.
#[test]
fn all_is_quiet_when_all_is_told() {
    const EDITS: i64 = 20;
    let (_federation, [city, district, street]) = live();
    for n in 0..EDITS {
        let id = service(&street, &format!("第{n}场"));
        arrives(&city, "service_record", &id);
    }
    for node in [&street, &district] {
        let rounds = node.database().number(&format!(
            "SELECT coalesce(max(n), 0) FROM seal WHERE base = x'{}' AND timeline = \
             (SELECT id FROM timeline ORDER BY n DESC LIMIT 1)",
            node.base
        ));
        assert!(rounds > 0, "{} has synced", node.name);
        assert!(rounds <= 3 * EDITS + 10, "{}: {rounds} rounds for {EDITS} edits", node.name);
    }
}
