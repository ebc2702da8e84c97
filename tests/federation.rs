//! Federations of real processes on loopback: what goes up, what comes down, what two people may do at once, what a
//! cut, a crash or a modified program must not do. Everything is seen from outside: answers, and database files.

#![allow(clippy::unwrap_used, reason = "these are tests")]

#[path = "federation/comparing.rs"]
mod comparing;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::uscc;
use federation_tests::forge::{Edit, new_id, plant};
use federation_tests::older::{KIND_OF_NEW_FIELD, NEW_FIELD, NEW_KIND};
use federation_tests::peer::{put_batch, services};
use federation_tests::wait::until;
use federation_tests::{Federation, Node};
use serde_json::Value;

/// Registers a body at the root; returns its id.
fn organization(city: &Node, seed: u64) -> String {
    let code = format!("uscc={}", uscc::make("53", "440300", seed));
    city.put(&["organization", &code, "name=春苗社工服务中心", "class=社会服务机构", "status=正常"])
}

fn profile(street: &Node, organization: &str) -> String {
    let fields = [format!("organization={organization}"), format!("base={}", street.base)];
    street.put(&[
        "organization_profile",
        &fields[0],
        &fields[1],
        "name=春苗",
        "contact=李小明",
        "--user",
        "小李",
    ])
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

/// Syncs until nothing is left to say, which must be soon.
#[track_caller]
fn settle(nodes: &[&Node]) {
    const ROUNDS_MAX: usize = 6;
    for _ in 0..ROUNDS_MAX {
        let reports: Vec<Value> = nodes.iter().map(|node| node.sync()).collect();
        if reports.iter().all(|report| report["pushed"] == 0 && report["pulled"] == 0) {
            return;
        }
    }
    panic!("still something to send after {ROUNDS_MAX} rounds");
}

/// The values of a disputed field: text, base, user, shown.
fn values(record: &Value, field: &str) -> Vec<(String, String, String, bool)> {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    let disputed = record["disputed"].as_array().unwrap().iter().find(|disputed| disputed["field"] == field);
    let values = disputed.map(|disputed| disputed["values"].as_array().unwrap().clone()).unwrap_or_default();
    let mut values: Vec<_> = values
        .iter()
        .map(|value| {
            assert!(value["saved_at_ms"].as_u64().unwrap() > 0, "each value says when it was saved");
            let shown = value["shown"].as_bool().unwrap();
            (text(value, "text"), text(value, "base_name"), text(value, "user"), shown)
        })
        .collect();
    values.sort();
    values
}

/// What waits for a person at a node: field, mark, and the number of each base's value.
fn waiting(node: &Node, kind: &str, id: &str) -> Vec<(String, String, BTreeMap<String, u64>)> {
    let answer = node.ok(&["conflicts", kind, id]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let numbers = |conflict: &Value| {
        let claims = conflict["claims"].as_array().unwrap().iter();
        claims.map(|c| (text(&c["base_name"]), c["number"].as_u64().unwrap())).collect()
    };
    let conflicts = answer["records"][0]["conflicts"].as_array().unwrap().iter();
    conflicts.map(|c| (text(&c["field"]), text(&c["mark"]), numbers(c))).collect()
}

// Wrong: a decision that settles what its maker never saw, that only its own node hears of, or that loses what lost.
#[test]
fn a_conflict_of_two_nodes_is_decided_at_one_and_gone_at_all() {
    let (_federation, [city, district, street]) = Federation::small();
    let body = organization(&city, 1);
    let profile = profile(&street, &body);
    settle(&[&street, &district, &street]);
    street.ok(&["put", "organization_profile", &profile, "name=春苗一", "--user", "王芳"]);
    district.ok(&["put", "organization_profile", &profile, "name=春苗二", "--user", "李明"]);
    settle(&[&street, &district, &street]);
    assert_eq!(city.ok(&["status"])["disputed"], 1);
    let all = city.ok(&["conflicts"]);
    assert_eq!((&all["total"], &all["records"][0]["id"]), (&1.into(), &profile.as_str().into()));
    let words = city.folder.words(&["conflicts"]);
    for part in
        ["“", "桂园街道 王芳", "罗湖区 李明", "由“春苗”改为“春苗二”", "其余的值已保留", "共 1 条记录等人裁定"]
    {
        assert!(words.contains(part), "{part}: {words}");
    }
    let [(field, mark, numbers)] = waiting(&city, "organization_profile", &profile).try_into().unwrap();
    let number = numbers["罗湖区"].to_string();
    let resolve = ["resolve", "organization_profile", &profile, &field, "--seen"];
    let stale = city.fails(6, &[&resolve[..], &["00000000", "--keep", "罗湖区"]].concat());
    assert!(stale.message().contains("又有变化"), "{}", stale.message());
    assert_eq!(waiting(&city, "organization_profile", &profile).len(), 1);
    let done = city.ok(&[&resolve[..], &[&mark, "--keep", &number, "--user", "张主任"]].concat());
    assert_eq!((&done["text"], &done["settled"]), (&"春苗二".into(), &2.into()));
    settle(&[&district, &street]);
    for node in [&city, &district, &street] {
        assert_eq!(waiting(node, "organization_profile", &profile), [], "{}", node.name);
        let record = node.get("organization_profile", &profile);
        assert_eq!(
            (&record["fields"]["name"], &record["fields"]["contact"]),
            (&"春苗二".into(), &"李小明".into())
        );
    }
    let edits = city.ok(&["history", "organization_profile", &profile])["edits"].to_string();
    assert!(edits.contains("春苗一") && edits.contains("张主任"), "{edits}");
    let nothing = city.fails(6, &["resolve", "organization_profile", &profile, &field, "--keep", "1"]);
    assert!(nothing.message().contains("没有并存的值"), "{}", nothing.message());
}

// Wrong: a city that waits for every rung to be online at once, or a street that reads its neighbour's contacts.
#[test]
fn records_go_up_in_two_rounds_and_never_sideways() {
    let (federation, [city, district, street]) = Federation::small();
    federation.register(
        &city,
        &[
            ["440303002", "东门街道", "street", "440303"],
            ["440304", "福田区", "district", "440300"],
            ["440304001", "园岭街道", "street", "440304"],
        ],
    );
    settle(&[&district, &street]);
    let sibling = federation.join(&district, "东门街道", "440303002");
    let other_district = federation.join(&city, "福田区", "440304");
    other_district.serve();
    let cousin = federation.join(&other_district, "园岭街道", "440304001");
    [&sibling, &cousin].into_iter().for_each(Node::serve);

    let body = organization(&city, 1);
    let profile = profile(&street, &body);
    assert!(!district.has("organization_profile", &profile));
    street.sync();
    assert!(district.has("organization_profile", &profile), "one round up");
    assert!(!city.has("organization_profile", &profile), "not yet two");
    district.sync();
    assert_eq!(city.get("organization_profile", &profile)["fields"]["contact"], "李小明");

    for node in [&sibling, &other_district, &cousin, &sibling] {
        node.sync();
    }
    for node in [&sibling, &other_district, &cousin] {
        assert_eq!(node.database().state(&profile), None, "{} does not even hold its bytes", node.name);
        let fragments = format!("SELECT count(*) FROM revision WHERE record = x'{profile}'");
        assert_eq!(node.database().number(&fragments), 0, "nor its history");
    }
    assert!(cousin.has("organization", &body), "the public register reaches everybody");
}

// Wrong: a decision of the city that stays at the city, or reaches only the first rung.
#[test]
fn notices_and_shared_halls_come_down() {
    let (_federation, [city, district, street]) = Federation::small();
    let notice = city.put(&["notice", "title=孵化基地年度评估", "sort=通知", "body=请于月底前自查。"]);
    let hall =
        city.put(&["shared_resource", "name=市民广场报告厅", "sort=场地", "availability=开放", "reach=全市"]);
    settle(&[&district, &street]);
    assert_eq!(street.get("notice", &notice)["fields"]["title"], "孵化基地年度评估");
    assert_eq!(street.get("shared_resource", &hall)["fields"]["name"], "市民广场报告厅");
    let found = street.ok(&["list", "shared_resource", "报告"]);
    assert_eq!(found["total"], 1, "found by two characters below too");

    // Of a street's own notice the bases beneath it are the audience; those above see it, since it lies in their tree.
    let own = street.put(&["notice", "title=会议室停用", "sort=通知", "body=装修。"]);
    street.sync();
    assert!(district.has("notice", &own));
}

// Wrong: of two people who edit one record while cut off, one loses the work without being told.
#[test]
fn edits_of_both_sides_of_a_cut_are_kept() {
    let (_federation, [city, district, street]) = Federation::small();
    let body = organization(&city, 2);
    settle(&[&district, &street]);
    let id = profile(&street, &body);
    settle(&[&street, &district, &street]);

    street.up().cut();
    street.fails(7, &["sync"]);
    street.put(&["organization_profile", &id, "contact=王芳", "name=春苗社工", "--user", "小李"]);
    district.put(&["organization_profile", &id, "office=人民南路1号", "name=春苗中心", "--user", "老陈"]);
    street.up().heal();
    settle(&[&street, &district, &street]);

    let expected = [
        ("春苗中心".to_owned(), "罗湖区".to_owned(), "老陈".to_owned(), false),
        ("春苗社工".to_owned(), "桂园街道".to_owned(), "小李".to_owned(), true),
    ];
    for node in [&street, &district, &city] {
        let record = node.get("organization_profile", &id);
        let fields = &record["fields"];
        assert_eq!(
            (&fields["contact"], &fields["office"]),
            (&"王芳".into(), &"人民南路1号".into()),
            "{record}"
        );
        assert_eq!(fields["name"], "春苗社工", "{}: the home's value is shown", node.name);
        assert_eq!(values(&record, "name"), expected, "{}: both are kept", node.name);
        assert_eq!(record["disputed"].as_array().unwrap().len(), 1, "other fields merged silently");
        assert_eq!(node.ok(&["list", "organization_profile", "--disputed"])["total"], 1);
    }
    let states = |node: &Node| node.database().states("organization_profile");
    assert_eq!(states(&street), states(&district));
    assert_eq!(states(&district), states(&city));

    district.put(&["organization_profile", &id, "name=春苗社会工作服务中心", "--user", "老陈"]);
    settle(&[&street, &district, &street]);
    for node in [&street, &district, &city] {
        let record = node.get("organization_profile", &id);
        assert_eq!(record["fields"]["name"], "春苗社会工作服务中心", "{}", node.name);
        assert_eq!(record["disputed"], Value::Array(vec![]), "a write that saw both settles them");
        let history = node.ok(&["history", "organization_profile", &id]).to_string();
        assert!(history.contains("春苗中心") && history.contains("老陈"), "{}: {history}", node.name);
    }
}

/// A city, a district, and two streets of it, all being served.
fn two_streets() -> (Federation, [Node; 4]) {
    let (federation, [city, district, street]) = Federation::small();
    federation.register(&city, &[["440303002", "东门街道", "street", "440303"]]);
    settle(&[&district, &street]);
    let sibling = federation.join(&district, "东门街道", "440303002");
    sibling.serve();
    (federation, [city, district, street, sibling])
}

// Wrong: two streets that register one body while offline make two, or the second one's work is refused.
#[test]
fn two_offline_creations_under_one_code_are_one_record() {
    let (_federation, [city, district, street, sibling]) = two_streets();
    [&street, &sibling].into_iter().for_each(|node| node.up().cut());
    let code = format!("uscc={}", uscc::make("52", "440303", 9));
    let enter = |node: &Node, name: &str| {
        node.put(&["organization", &code, name, "class=社会服务机构", "status=正常", "--user", "小李"])
    };
    let id = enter(&street, "name=晨光社工服务中心");
    assert_eq!(enter(&sibling, "name=晨光社会工作服务中心"), id, "the code gives the id");
    [&street, &sibling].into_iter().for_each(|node| node.up().heal());
    settle(&[&street, &sibling, &district, &street, &sibling]);
    for node in [&street, &sibling, &district, &city] {
        let record = node.get("organization", &id);
        let names: Vec<(String, String)> =
            values(&record, "name").into_iter().map(|value| (value.0, value.1)).collect();
        let expected = [("晨光社会工作服务中心", "东门街道"), ("晨光社工服务中心", "桂园街道")];
        assert_eq!(names, expected.map(|(a, b)| (a.to_owned(), b.to_owned())), "{}: {record}", node.name);
        assert_eq!(record["refused"], "", "{}", node.name);
        assert_eq!(node.database().state(&id), city.database().state(&id), "{}", node.name);
    }
    assert_eq!(city.figure("organization")["total"], 1);
}

// Wrong: a record that one side deletes while the other works on it is gone, with the work.
#[test]
fn an_edit_beside_a_deletion_is_not_lost() {
    let (_federation, [city, district, street]) = Federation::small();
    let body = organization(&city, 6);
    settle(&[&district, &street]);
    let id = profile(&street, &body);
    settle(&[&street, &district, &street]);
    street.up().cut();
    district.put(&["organization_profile", &id, "--delete", "--user", "老陈"]);
    street.put(&["organization_profile", &id, "contact=王芳", "--user", "小李"]);
    street.up().heal();
    settle(&[&street, &district, &street]);
    for node in [&street, &district, &city] {
        let record = node.get("organization_profile", &id);
        assert_eq!(record["fields"]["contact"], "王芳", "{}: {record}", node.name);
        let history = node.ok(&["history", "organization_profile", &id]).to_string();
        assert!(history.contains("老陈") && history.contains("小李"), "{}: {history}", node.name);
    }
    let states = |node: &Node| node.database().states("organization_profile");
    assert!(states(&street) == states(&district) && states(&district) == states(&city));
}

// Wrong: what is shared by mistake stays with the neighbour for ever, or the neighbour's own words in it are lost.
#[test]
fn what_is_no_longer_shared_is_taken_back() {
    let (_federation, [city, district, street, sibling]) = two_streets();
    let body = organization(&city, 5);
    settle(&[&district, &street, &sibling]);
    let id = profile(&street, &body);
    street.put(&["organization_profile", &id, "--audience", "东门街道"]);
    settle(&[&street, &district, &sibling]);
    assert_eq!(sibling.get("organization_profile", &id)["fields"]["contact"], "李小明");

    street.put(&["organization_profile", &id, "--audience", "桂园街道"]);
    street.sync();
    // The district takes back from below only what those above it know already (L5).
    district.sync();
    assert_eq!(sibling.sync()["withdrawn"], 1);
    assert!(!sibling.has("organization_profile", &id));
    assert_eq!(sibling.database().state(&id), None, "its bytes are gone too");
    settle(&[&street, &district, &sibling]);
    assert!([&street, &district, &city].iter().all(|node| node.has("organization_profile", &id)));
    assert_eq!(sibling.database().state(&id), None, "and do not come back");
}

// Wrong: a form that was opened in the morning silently overwrites what a colleague saved at noon.
#[test]
fn a_stale_form_gives_an_alternative() {
    let federation = Federation::new();
    let city = federation.root("市基地", "441900");
    let id = organization(&city, 3);
    let seen = city.get("organization", &id)["version"].as_str().unwrap().to_owned();
    let save = |address: &str, user: &str| {
        city.put(&["organization", &id, &format!("address={address}"), "--seen", &seen, "--user", user]);
    };
    save("红荔路1号", "小李");
    save("红荔路2号", "小王");
    let record = city.get("organization", &id);
    let texts: Vec<String> = values(&record, "address").into_iter().map(|value| value.0).collect();
    assert_eq!(texts, ["红荔路1号", "红荔路2号"]);
    city.put(&["organization", &id, "address=红荔路3号"]);
    assert_eq!(city.get("organization", &id)["disputed"], Value::Array(vec![]));
}

fn arrived(node: &Node, id: &str) -> Vec<(String, bool)> {
    let record = node.get("service_record", id);
    let deliveries = record["deliveries"].as_array().unwrap().iter();
    deliveries
        .map(|d| (d["base_name"].as_str().unwrap().to_owned(), d["arrived"].as_bool().unwrap()))
        .collect()
}

// Wrong: a street that believes the city has what only the district holds.
#[test]
fn ticks_tell_where_a_record_has_arrived() {
    let (_federation, [_city, district, street]) = Federation::small();
    let id = service(&street, "送教上门");
    let expect = |district_has, city_has| {
        let expected = [("桂园街道", true), ("罗湖区", district_has), ("市基地", city_has)]
            .map(|(n, a)| (n.to_owned(), a));
        assert_eq!(arrived(&street, &id), expected);
    };
    expect(false, false);
    street.sync();
    expect(true, false);
    district.sync();
    expect(true, false);
    street.sync();
    expect(true, true);
    street.put(&["service_record", &id, "--delete"]);
    expect(false, false);
}

fn watermark(city: &Node) -> (Value, Value) {
    let figure = city.figure("service_record");
    (figure["total"].clone(), figure["watermark"].clone())
}

fn names(bases: &Value) -> Vec<&str> {
    bases.as_array().unwrap().iter().map(|base| base["name"].as_str().unwrap()).collect()
}

// Wrong: a figure that looks complete while a street has not reported, or claims more than it holds.
#[test]
fn a_figure_says_how_complete_it_is() {
    let (_federation, [city, district, street]) = Federation::small();
    service(&street, "第一场");
    let (total, mark) = watermark(&city);
    assert_eq!((total, names(&mark["never"])), (0.into(), vec!["罗湖区", "桂园街道"]), "{mark}");
    assert_eq!(mark["complete_up_to_ms"], 0);
    assert!(mark["sentence"].as_str().unwrap().contains("从未上报"), "{mark}");

    district.sync();
    let (_, mark) = watermark(&city);
    assert_eq!(names(&mark["never"]), ["桂园街道"], "a report of the district is none of the street's");
    street.sync();
    district.sync();
    let (total, mark) = watermark(&city);
    assert_eq!((total, names(&mark["never"])), (1.into(), vec![]), "{mark}");
    let before = city.report_of(&street)["sealed_up_to_ms"].as_u64().unwrap();
    assert_eq!(mark["complete_up_to_ms"].as_u64().unwrap(), before, "as far as the street reported");

    street.up().cut();
    let late = service(&street, "第二场");
    let saved_at =
        street.ok(&["history", "service_record", &late])["edits"][0]["saved_at_ms"].as_u64().unwrap();
    street.fails(7, &["sync"]);
    district.sync();
    let (total, mark) = watermark(&city);
    assert_eq!((total, &mark["complete_up_to_ms"]), (1.into(), &before.into()), "nothing more is claimed");
    assert!(before < saved_at, "the claim ends before what is missing");

    street.up().heal();
    street.sync();
    district.sync();
    let (total, mark) = watermark(&city);
    assert_eq!(total, 2);
    assert!(mark["complete_up_to_ms"].as_u64().unwrap() > saved_at, "{mark}");
}

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

// Wrong: a street's modified program changes what is the city's, or one bad record stops all others.
#[test]
fn a_hostile_street_is_refused_in_words_and_the_rest_goes_on() {
    const SITE: &str = "demonstration_site";
    let (_federation, [city, district, street]) = Federation::small();
    let body = organization(&city, 4);
    let organization = format!("organization={body}");
    let site = city.put(&[SITE, "plaque_no=SZ-001", "name=南山书房", "field=社区治理", &organization]);
    settle(&[&district, &street]);
    let before = street.database().state(&site).expect("an award reaches everybody");

    street.stop();
    let removed = Edit::by(&street.base).step(SITE, "status", Some(1), 5).over(Some(&before));
    plant(&street.database(), SITE, site.parse().unwrap(), &removed);
    let fake = new_id();
    let notice = Edit::by(&city.base)
        .home(&city.base, &[&city.base])
        .set("notice", "title", "假的通知")
        .set("notice", "sort", "通知")
        .set("notice", "body", "请汇款。");
    plant(&street.database(), "notice", fake, &notice.over(None));
    let honest = service(&street, "照常工作");
    street.serve();

    let report = street.sync();
    assert_eq!(report["refused"], 1, "{report}");
    assert!(district.has("service_record", &honest), "the stream goes on");
    assert!(!district.has("notice", &fake.to_string()));
    for node in [&district, &street] {
        let status = &node.get(SITE, &site)["fields"]["status"];
        assert_eq!(status["to"], "STATUS_SHOWING", "the award stands as it stood at {}", node.name);
    }
    // What the street wrote over is not lost: it is a wish that the city decides.
    settle(&[&district, &street]);
    for node in [&street, &district, &city] {
        let wishes = node.ok(&["list", "correction_request"]);
        let wish = &wishes["records"][0]["fields"];
        assert_eq!((&wishes["total"], &wish["automatic"]), (&1.into(), &true.into()), "{wishes}");
        assert_eq!((&wish["field_label"], &wish["decider"]), (&"状态".into(), &city.base.as_str().into()));
        assert_eq!(node.get(SITE, &site)["disputed"], serde_json::json!([]), "{}", node.name);
    }

    let words = street.get("notice", &fake.to_string())["refused"].as_str().unwrap().to_owned();
    assert!(words.contains("未接收"), "{words}");
    let kept: Vec<String> = district.database().column("SELECT reason FROM quarantine WHERE inbound = 1");
    assert_eq!(kept, ["unverified"]);
    assert_eq!(district.ok(&["status"])["quarantined"], 1);

    let again = street.sync();
    // What could not be verified waits at the district, which looks at it again by itself.
    assert_eq!((&again["pushed"], &again["refused"]), (&0.into(), &0.into()), "{again}");
    assert_eq!(district.figure(SITE)["watermark"]["quarantined"], 1);
    district.sync();
    let mark = &city.figure(SITE)["watermark"];
    assert_eq!(mark["quarantined"], 1, "counted at the city too: {mark}");
    assert!(mark["sentence"].as_str().unwrap().contains("隔离区"), "{mark}");
}

// Wrong: a district that was not upgraded drops what newer programs above and below say to each other.
#[test]
fn what_is_not_known_is_relayed_byte_for_byte() {
    let (_federation, [city, district, street]) = Federation::small();
    settle(&[&street]);
    street.stop();
    let own = || Edit::by(&street.base).home(&street.base, &[]);
    let planted: BTreeMap<String, (&str, Vec<u8>)> = [
        ("future_kind", own().unknown(1, "以后才有的类别").unknown(2_000, "x")),
        (
            "service_record",
            own()
                .set("service_record", "date", "2026-11-20")
                .set("service_record", "sort", "财务指导")
                .set("service_record", "topic", "记账")
                .unknown(15_999, "以后才有的字段"),
        ),
    ]
    .into_iter()
    .map(|(kind, edit)| (new_id().to_string(), (kind, edit.over(None))))
    .collect();
    for (id, (kind, state)) in &planted {
        plant(&street.database(), kind, id.parse().unwrap(), state);
    }
    street.serve();
    let report = street.sync();
    assert_eq!((&report["pushed"], &report["refused"]), (&2.into(), &0.into()), "{report}");
    district.restart();
    district.sync();
    for (id, (kind, state)) in &planted {
        for node in [&district, &city] {
            assert_eq!(node.database().state(id).as_ref(), Some(state), "{kind} at {}", node.name);
        }
    }
    let known = planted.iter().find(|(_, (kind, _))| *kind == "service_record").unwrap().0;
    assert_eq!(city.get("service_record", known)["fields"]["topic"], "记账");
    let deleted = street.put(&["service_record", known, "--delete"]);
    settle(&[&street, &district]);
    let state = city.database().state(&deleted).unwrap();
    assert!(String::from_utf8_lossy(&state).contains("以后才有的字段"), "an edit of other fields keeps it");
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

// Wrong: a new field of the city's that nobody sees until every office in between has been upgraded.
#[test]
fn an_older_district_is_sent_the_citys_contract_and_hands_it_on() {
    let federation = Federation::new();
    let city = federation.root("市基地", "440300");
    let streets = ["440303001", "440303002"];
    federation.register(
        &city,
        &[
            ["440303", "罗湖区", "district", "440300"],
            [streets[0], "桂园街道", "street", "440303"],
            [streets[1], "黄贝街道", "street", "440303"],
        ],
    );
    let district = federation.join(&city, "罗湖区", "440303");
    federation.make_older(&district);
    district.serve();
    let street = federation.join(&district, "桂园街道", streets[0]);
    street.serve();
    let older = federation.join(&district, "黄贝街道", streets[1]);
    federation.make_older(&older);
    older.serve();
    let knows = |node: &Node| {
        let kinds = node.ok(&["schema"])["kinds"].as_array().unwrap().clone();
        kinds.iter().any(|kind| kind["name"] == NEW_KIND)
    };

    settle(&[&street]);
    let record = "7".repeat(32);
    let wish = street.put(&[
        NEW_KIND,
        "target_kind=organization_profile",
        &format!("target_record={record}"),
        "field_number=3",
        "field_label=常用名称",
        "wanted_text=荷塘社工",
        "decider=440300",
    ]);
    let new_field = format!("{NEW_FIELD}=社区调解");
    let body = format!("organization={record}");
    let about = street.put(&[KIND_OF_NEW_FIELD, &body, "base=440303001", &new_field]);
    assert_eq!(street.sync()["pushed"], 2);
    assert!(!knows(&district) && !knows(&older));
    assert!(district.get(KIND_OF_NEW_FIELD, &about)["fields"][NEW_FIELD].is_null());
    let states = |node: &Node| [&wish, &about].map(|id| node.database().state(id).unwrap());
    let relayed = states(&district);

    district.sync();
    assert!(knows(&district), "while it is being served");
    assert_eq!(states(&district), relayed, "byte for byte");
    assert_eq!(states(&city), relayed, "byte for byte");
    assert_eq!(district.get(NEW_KIND, &wish)["fields"]["wanted_text"], "荷塘社工");
    assert_eq!(district.get(KIND_OF_NEW_FIELD, &about)["fields"][NEW_FIELD], "社区调解");
    assert_eq!(district.ok(&["list", NEW_KIND])["records"].as_array().unwrap().len(), 1);
    older.sync();
    assert!(knows(&older), "from a district whose own program does not have it");
    district.restart();
    assert!(knows(&district), "it is kept");
}
