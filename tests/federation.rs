//! Federations of real processes on loopback: what goes up, what comes down, what two people may do at once, what a
//! cut, a crash or a modified program must not do. Everything is seen from outside: answers, and database files.

#![allow(clippy::unwrap_used, reason = "these are tests")]

#[path = "federation/comparing.rs"]
mod comparing;
#[path = "federation/complete.rs"]
mod complete;
#[path = "federation/disputes.rs"]
mod disputes;
#[path = "federation/outages.rs"]
mod outages;
#[path = "federation/scope.rs"]
mod scope;
#[path = "federation/strangers.rs"]
mod strangers;

use domain::uscc;
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

/// A city, a district, and two streets of it, all being served.
fn two_streets() -> (Federation, [Node; 4]) {
    let (federation, [city, district, street]) = Federation::small();
    federation.register(&city, &[["440303002", "东门街道", "street", "440303"]]);
    settle(&[&district, &street]);
    let sibling = federation.join(&district, "东门街道", "440303002");
    sibling.serve();
    (federation, [city, district, street, sibling])
}
