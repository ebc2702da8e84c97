//! Two people write the same thing: all of it is kept, one value is shown, and a person decides.

use std::collections::BTreeMap;

use domain::uscc;
use federation_tests::{Federation, Node};
use serde_json::Value;

use super::{organization, profile, settle, two_streets, values};

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
