//! Figures and delivery ticks say what has arrived, and no more.

use federation_tests::{Federation, Node};
use serde_json::Value;

use super::service;

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
