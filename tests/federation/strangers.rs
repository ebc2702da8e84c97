//! Programs that are not like this one: modified, newer, older.

use std::collections::BTreeMap;

use federation_tests::forge::{Edit, new_id, plant, plant_notice};
use federation_tests::older::{KIND_OF_NEW_FIELD, NEW_FIELD, NEW_KIND};
use federation_tests::{Federation, Node};

use super::{organization, service, settle};

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
    let fake = plant_notice(&street.database(), &city.base);
    let honest = service(&street, "照常工作");
    street.serve();

    let report = street.sync();
    assert_eq!(report["refused"], 1, "{report}");
    assert!(district.has("service_record", &honest), "the stream goes on");
    assert!(!district.has("notice", &fake));
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

    let words = street.get("notice", &fake)["refused"].as_str().unwrap().to_owned();
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
