//! What goes up, what comes down, and what goes to nobody.

use federation_tests::{Federation, Node};

use super::{organization, profile, settle, two_streets};

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
