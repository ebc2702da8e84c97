//! A street that is given to another district, over real processes: with its line, with a file when its old district is
//! dead, and what comes of a root that forgot its bases. Two streets that become one, of one district or of two; a base that gets a node of its own.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;

use federation_tests::{Federation, Node};

/// A city, two districts, and a street of the first.
fn four() -> (Federation, [Node; 4]) {
    let (federation, [city, first, street]) = Federation::small();
    federation.register(&city, &[["440304", "福田区", "district", "440300"]]);
    let second = federation.join(&city, "福田区", "440304");
    second.serve();
    (federation, [city, first, second, street])
}

/// Says in the registry where a node listens at present.
fn tell_address(node: &Node) {
    let address = format!("node_address={}", node.door.lock().unwrap().unwrap());
    node.ok(&["put", "base", &node.base, &address]);
}

fn group(street: &Node, name: &str) -> String {
    let name = format!("name={name}");
    street.put(&[
        "recorded_group",
        &name,
        "category=文体类",
        "community=440303001001",
        "leader=李小明",
        "members=9",
        "--user",
        "王芳",
    ])
}

// Wrong: a street that dials its old district for ever, that loses what it had not sent, or that takes the old district's
// papers along.
#[test]
fn a_street_follows_the_city_s_word_to_its_new_district() {
    let (_federation, [city, first, second, street]) = four();
    let paper = first.put(&["notice", "title=区内通知", "sort=通知", "body=仅区内"]);
    street.sync();
    assert!(street.has("notice", &paper));
    let unsent = group(&street, "和平社区书画社");
    tell_address(&second);
    second.sync();
    let moved = city.ok(&["move", "440303001", "--to", "福田区"]);
    assert_eq!((&moved["from_name"], &moved["to_name"]), (&"罗湖区".into(), &"福田区".into()));
    for district in [&first, &second] {
        district.sync();
    }
    // The old district answers with the root's word, and the same round goes to the new one.
    let report = street.sync();
    assert_eq!((&report["resync"], &report["refused"]), (&true.into(), &0.into()), "{report}");
    second.sync();
    assert!(second.has("recorded_group", &unsent) && city.has("recorded_group", &unsent));
    assert!(!street.has("notice", &paper), "the old district's papers stay there");
    assert!(!first.has("recorded_group", &unsent));
    assert!(!second.has("notice", &paper));
    let figure = city.figure("recorded_group");
    assert_eq!(
        (&figure["total"], &figure["watermark"]["late"]),
        (&1.into(), &serde_json::json!([])),
        "{figure}"
    );

    // Its certificate now says where it sits, and it still finds its way after a restart.
    street.restart();
    let later = group(&street, "罗湖合唱团");
    street.sync();
    assert!(second.has("recorded_group", &later));
}

// Wrong: a dead district that keeps its streets, or a file that anybody could have written.
#[test]
fn the_root_s_file_moves_a_street_whose_district_is_dead() {
    let (federation, [city, first, second, street]) = four();
    let unsent = group(&street, "和平社区书画社");
    tell_address(&second);
    second.sync();
    first.stop();
    city.ok(&["move", "440303001", "--to", "440304"]);
    second.sync();
    let file = federation.path("名录.signed");
    let written = city.ok(&["registry", "export", "--out", &file]);
    assert_eq!(written["bases"], 4);

    let mut forged = fs::read(&file).unwrap();
    let middle = forged.len() / 2;
    forged[middle] ^= 1;
    let bad = federation.path("改过.signed");
    fs::write(&bad, &forged).unwrap();
    let refused = street.run(&["registry", "import", &bad]);
    assert!([4, 5].contains(&refused.code), "{} {}", refused.code, refused.words);
    assert!(refused.message().contains("没有改动任何内容"), "{}", refused.message());

    let taken = street.ok(&["registry", "import", &file]);
    assert_eq!((&taken["moved"], &taken["parent_name"]), (&true.into(), &"福田区".into()));
    assert_eq!(street.ok(&["registry", "import", &file])["news"], false, "no news twice");
    street.sync();
    assert!(second.has("recorded_group", &unsent));
}

// Wrong: a city that is restored from before its districts were registered, and refuses them for ever.
#[test]
fn a_restored_city_hears_of_its_districts_from_them() {
    let federation = Federation::new();
    let city = federation.root("市基地", "440300");
    city.stop();
    let backup = federation.path("backup.db");
    fs::copy(city.folder.path().join("shuniu.db"), &backup).unwrap();
    city.serve();
    federation.register(&city, &[["440303", "罗湖区", "district", "440300"]]);
    let district = federation.join(&city, "罗湖区", "440303");
    district.serve();
    district.sync();
    let saved = district.put(&["notice", "title=区内通知", "sort=通知", "body=区"]);
    district.sync();
    assert!(city.has("notice", &saved));

    city.stop();
    for old in ["shuniu.db-wal", "shuniu.db-shm"] {
        drop(fs::remove_file(city.folder.path().join(old)));
    }
    fs::copy(&backup, city.folder.path().join("shuniu.db")).unwrap();
    city.serve();
    assert!(!city.has("base", &district.base), "it was registered after the backup");
    let report = district.sync();
    assert_eq!(report["resync"], true);
    assert!(city.has("base", &district.base) && city.has("notice", &saved));
}

/// A group that both streets changed and one that came late are of the street that follows, at it and at those above; tells
/// the figure of the city, which stands first among them.
fn belongs_to(follows: &Node, above: [&Node; 2], changed: &str, late: &str) -> serde_json::Value {
    for node in above.into_iter().chain([follows]) {
        let group = node.get("recorded_group", changed);
        assert_eq!(
            (&group["home"], group["disputed"].as_array().unwrap().len()),
            (&follows.base.as_str().into(), 1),
            "{}: {group}",
            node.name
        );
        assert_eq!(node.get("recorded_group", late)["home"], follows.base.as_str(), "{}", node.name);
    }
    let figure = above[0].ok(&["figure", "recorded_group", "--by", "base"]);
    assert_eq!(
        (&figure["rows"][0]["keys"][0], &figure["total"]),
        (&follows.name.as_str().into(), &2.into()),
        "{figure}"
    );
    figure
}

// Wrong: two streets are merged, and what the one that ends had not sent is refused, lost, or shown as somebody else's.
#[test]
fn a_street_that_is_merged_into_another_delivers_what_it_had() {
    let (federation, [city, district, ends]) = Federation::small();
    federation.register(&city, &[["440303002", "黄贝街道", "street", "440303"]]);
    district.sync();
    let follows = federation.join(&district, "黄贝街道", "440303002");
    follows.serve();
    let dance = group(&ends, "舞蹈队");
    ends.sync();
    let late = group(&ends, "还没有上报的合唱队");
    ends.ok(&["put", "recorded_group", &dance, "members=20"]);
    district.sync();

    let merged = city.ok(&["move", "440303001", "--into", "黄贝街道"]);
    assert_eq!((&merged["codes"], &merged["moved"], &merged["kept"]), (&1.into(), &1.into(), &0.into()));
    assert_eq!(merged["left"], serde_json::json!([]));
    district.sync();
    follows.sync();
    follows.ok(&["put", "recorded_group", &dance, "members=30"]);
    follows.sync();

    // The node of the street that ends still delivers; nothing new is written in its name.
    let report = ends.sync();
    assert_eq!((&report["pushed"], &report["refused"]), (&2.into(), &0.into()), "{report}");
    let refused = ends.fails(5, &["put", "recorded_group", "name=新的", "category=文体类", "leader=甲"]);
    assert!(refused.message().contains("已撤并到“黄贝街道”"), "{}", refused.message());
    district.sync();
    // The city has given over what was late; that comes down with the next round.
    district.sync();
    follows.sync();
    let figure = belongs_to(&follows, [&city, &district], &dance, &late);
    assert_eq!(figure["watermark"]["expected"], 3, "nobody waits for the one that ended: {figure}");

    city.ok(&["revoke", "440303001", "--reason", "撤并"]);
    district.sync();
    ends.fails(5, &["sync"]);
}

// Wrong: a street that is merged into one of another district goes on dialling its old district, or leaves there what it had
// not sent, or takes the old district's papers along.
#[test]
fn a_street_that_is_merged_into_one_of_another_district_delivers_there() {
    let (federation, [city, first, second, ends]) = four();
    federation.register(&city, &[["440304009", "华强北街道", "street", "440304"]]);
    second.sync();
    let follows = federation.join(&second, "华强北街道", "440304009");
    follows.serve();
    let paper = first.put(&["notice", "title=区内通知", "sort=通知", "body=仅区内"]);
    let dance = group(&ends, "舞蹈队");
    ends.sync();
    first.sync();
    let late = group(&ends, "还没有上报的合唱队");
    ends.ok(&["put", "recorded_group", &dance, "members=20"]);
    tell_address(&second);
    second.sync();

    let merged = city.ok(&["move", "440303001", "--into", "华强北街道"]);
    assert_eq!((&merged["codes"], &merged["moved"], &merged["kept"]), (&1.into(), &1.into(), &0.into()));
    for district in [&first, &second] {
        district.sync();
    }
    follows.sync();
    assert!(!first.has("recorded_group", &dance), "it belongs to another district now");
    follows.ok(&["put", "recorded_group", &dance, "members=30"]);
    follows.sync();

    let report = ends.sync();
    assert_eq!(report["refused"], 0, "{report}");
    assert!(!ends.has("notice", &paper), "the old district's papers stay there");
    second.sync();
    // The city has given over what was late; that comes down with the next round.
    second.sync();
    follows.sync();
    belongs_to(&follows, [&city, &second], &dance, &late);
    assert!(!second.has("notice", &paper) && !follows.has("notice", &paper), "and do not come along");
}

// Wrong: a base that was served by its district gets a machine, and begins empty, or what it enters is refused.
#[test]
fn a_hosted_base_gets_a_node_of_its_own() {
    let (federation, [city, district, _street]) = Federation::small();
    federation.register(&city, &[["440303002", "黄贝街道", "street", "440303"]]);
    let base = city.ok(&["list", "base", "黄贝街道"])["records"][0]["id"].as_str().unwrap().to_owned();
    city.ok(&["put", "base", &base, "hosted=是"]);
    district.sync();
    let fields =
        ["name=黄贝书画社", "category=文体类", "community=440303002001", "leader=李小明", "members=9"];
    let hosted = district.put(&[&["recorded_group"][..], &fields, &["--as", "440303002"]].concat());
    district.sync();
    assert_eq!(city.get("recorded_group", &hosted)["home"], base.as_str());

    city.ok(&["put", "base", &base, "hosted=否"]);
    district.sync();
    let own = federation.join(&district, "黄贝街道", "440303002");
    own.serve();
    assert_eq!(own.base, base);
    own.sync();
    assert_eq!(own.get("recorded_group", &hosted)["fields"]["name"], "黄贝书画社", "what was there has come");
    own.ok(&["put", "recorded_group", &hosted, "leader=王芳"]);
    let new = group(&own, "自己录入的书画社");
    let report = own.sync();
    assert_eq!((&report["pushed"], &report["refused"]), (&2.into(), &0.into()), "{report}");
    district.sync();
    for node in [&city, &district] {
        assert_eq!(node.get("recorded_group", &hosted)["fields"]["leader"], "王芳", "{}", node.name);
        assert_eq!(node.get("recorded_group", &new)["home"], base.as_str());
    }
    district.fails(5, &["put", "recorded_group", "name=代录", "category=文体类", "--as", "440303002"]);
    let report = district.report_of(&own);
    assert_eq!((&report["own_node"], &report["late"]), (&true.into(), &false.into()), "{report}");
}
