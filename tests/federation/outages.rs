//! Restarts, power cuts, slow lines: nothing acknowledged is lost, nothing is sent twice, and a node goes on by itself.

use std::time::Duration;

use federation_tests::peer::{put_batch, services};
use federation_tests::wait::until;
use federation_tests::{Federation, Node};

use super::{service, settle};

// Wrong: every restart of a hub makes thirty streets send everything again.
#[test]
fn a_plain_restart_of_both_ends_sends_nothing() {
    let (_federation, [city, district, street]) = Federation::small();
    service(&street, "第一场");
    settle(&[&street, &district, &street]);
    let quiet = |node: &Node, why: &str| {
        let report = node.sync();
        assert_eq!((&report["pushed"], &report["pulled"]), (&0.into(), &0.into()), "{why}: {report}");
        assert_eq!(report["resync"], false, "{why}: {report}");
    };
    quiet(&street, "a second round");
    [&street, &district, &city].into_iter().for_each(Node::restart);
    quiet(&street, "after restarts");
    quiet(&district, "after restarts");
    [&street, &district].into_iter().for_each(Node::kill);
    [&district, &street].into_iter().for_each(Node::serve);
    quiet(&street, "after a power cut");
}

// Wrong: thirty streets on metered lines tell their parents the same every quarter of an hour, and are told it.
#[test]
fn a_round_with_nothing_new_is_one_short_call() {
    let (_federation, [_city, district, street]) = Federation::small();
    settle(&[&street]);
    let round = || {
        let before = (street.up().up_bytes(), street.up().down_bytes());
        street.sync();
        (street.up().up_bytes() - before.0, street.up().down_bytes() - before.1)
    };
    let short = |why: &str| {
        let (up, down) = round();
        assert!(up < 350 && down < 200, "{why}: {up} bytes up, {down} down");
    };
    short("parents that have met");
    district.restart();
    let (up, down) = round();
    assert!(up > 350 && down > 200, "who answers may be another program: {up} bytes up, {down} down");
    short("they have met again");
}

/// All of a base's service records arrived, each once and byte for byte the same.
#[track_caller]
fn same_services(below: &Node, above: &Node, count: usize) {
    let (sent, held) = (below.database().states("service_record"), above.database().states("service_record"));
    assert_eq!(sent.len(), count);
    assert_eq!(held.len(), count);
    assert!(sent == held, "states differ");
    assert_eq!(below.database().number("SELECT count(*) FROM unsent"), 0);
    assert_eq!(above.database().number("SELECT count(*) FROM quarantine"), 0);
    assert_eq!(above.figure("service_record")["total"], count);
}

/// What the child believes to be acknowledged is in the parent's file.
#[track_caller]
fn acknowledged_is_held(below: &Node, above: &Node) {
    let held = above.database().states("service_record");
    let settled: Vec<String> = below.database().column(
        "SELECT lower(hex(id)) FROM record WHERE kind = 'service_record' AND seq NOT IN (SELECT seq FROM unsent)",
    );
    assert!(settled.iter().all(|id| held.contains_key(id)), "acknowledged, and not held");
}

// Wrong: a hub that loses power while a street reports forgets what it acknowledged, or counts it twice.
#[test]
fn killing_the_parent_in_a_push_loses_and_doubles_nothing() {
    const RECORDS: usize = 4_000;
    let (_federation, [_city, district, street]) = Federation::small();
    settle(&[&street]);
    put_batch(&street, services(RECORDS));
    let mut cuts = 0;
    for bytes in [5_000, 40_000, 250_000, 600_000] {
        let killer = district.killer();
        street.up().trap(bytes, move || killer.kill());
        // All may have been said before: then the trap has not sprung.
        let answer = street.run(&["sync"]);
        let sprung = street.up().is_cut();
        assert!(!sprung || answer.code == 7, "after {bytes} bytes: {} {}", answer.code, answer.words);
        acknowledged_is_held(&street, &district);
        if sprung {
            district.serve();
            cuts += 1;
        }
        street.up().heal();
    }
    assert!(cuts >= 2, "the push was long enough to be cut in several places");
    settle(&[&street]);
    same_services(&street, &district, RECORDS);
}

// Wrong: a street whose computer is switched off in the middle of a report forgets what was not sent yet.
#[test]
fn killing_the_child_in_a_push_loses_and_doubles_nothing() {
    const RECORDS: usize = 3_000;
    let (_federation, [_city, district, street]) = Federation::small();
    settle(&[&street]);
    put_batch(&street, services(RECORDS));
    let mut cuts = 0;
    for bytes in [30_000, 300_000] {
        let killer = street.killer();
        street.up().trap(bytes, move || killer.kill());
        let answer = street.run(&["sync"]);
        let sprung = street.up().is_cut();
        assert!(!sprung || answer.code != 0, "after {bytes} bytes: {}", answer.words);
        acknowledged_is_held(&street, &district);
        if sprung {
            street.serve();
            cuts += 1;
        }
        street.up().heal();
    }
    assert_eq!(cuts, 2, "cut in two places");
    settle(&[&street]);
    same_services(&street, &district, RECORDS);
}

// Wrong: a slow line on which a round never ends, or ends before all is there.
#[test]
fn a_slow_line_only_takes_longer() {
    let (_federation, [_city, district, street]) = Federation::small();
    put_batch(&street, services(300));
    street.up().delay(Duration::from_millis(20));
    street.sync();
    same_services(&street, &district, 300);
}

// Wrong: a service manager that stops a node right after its start kills it, although the node said that it was ready.
#[test]
fn a_server_that_says_ready_can_be_stopped() {
    const STARTS: usize = 12;
    let federation = Federation::new();
    let city = federation.root("市基地", "441900");
    // Each stop asserts that the process ended by itself, with exit code 0.
    (0..STARTS).for_each(|_| city.restart());
}

// Wrong: reports that go up only when somebody remembers to press a button.
#[test]
fn a_node_syncs_by_itself() {
    let (_federation, [_city, district, street]) = Federation::small();
    street.stop();
    let id = service(&street, "夜里录入");
    street.configure_sync(&street.up().address(), 60);
    street.up().cut();
    street.serve();
    until("the first attempt failed", || street.log().contains("sync failed").then_some(()));
    street.up().heal();
    until("it tries again by itself", || district.has("service_record", &id).then_some(()));
    until("it says when it will sync next", || {
        let status = street.ok(&["status"]);
        (status["next_sync_at_ms"].as_u64() > status["now_ms"].as_u64()).then_some(())
    });
}
