//! Correction requests that come of overruled writes, where the request and the write come by different ways.

use std::collections::VecDeque;
use std::sync::Arc;

use office::{Office, PushedBatch, Put};
use schema::{Rule, Schema, Who};
use serde_json::{Value, json};
use sync::parent::Incoming;

use super::{Three, all, begin, put, round, three_of};

const PROFILE: &str = "organization_profile";
const REQUEST: &str = "correction_request";

/// A contract by which the number of staff is the city's to write.
fn stricter() -> Arc<Schema> {
    let mut schema = Schema::embedded().clone();
    let profile = schema.kinds.iter_mut().find(|kind| kind.name == PROFILE).unwrap();
    let staff = profile.fields.iter_mut().find(|field| field.name == "staff").unwrap();
    (staff.rule, staff.owner) = (Rule::OwnerOnly, Who::Root);
    Arc::new(schema)
}

/// A street whose program allows what the others do not.
struct Overruled {
    three: Three,
    /// The record with the street's illegal write, as the street pushes it.
    write: Incoming,
    /// The request that the district made of it.
    request: Incoming,
}

async fn overruled() -> Overruled {
    let (lax, strict) = (Arc::new(Schema::embedded().clone()), stricter());
    let three = three_of([&strict, &strict, &lax]).await;
    let fields = json!({"organization": "5".repeat(32), "base": "s"});
    let saved = three.street.put(put(PROFILE, fields)).await.unwrap();
    three.up().await;
    let wrong = put(PROFILE, json!({"staff": 3}));
    let wrong = Put { id: Some(saved.id), seen: Some(saved.version.clone()), ..wrong };
    three.street.put(wrong).await.unwrap();

    let (_, session, batches) = begin(&three.street, &three.district).await;
    let write = only(&batches, PROFILE);
    three.district.receive(three.street.me().base, session, batches).await.unwrap();
    let (_, _, batches) = begin(&three.district, &three.city).await;
    let request = only(&batches, REQUEST);
    Overruled { three, write, request }
}

/// The only record of a kind that is pushed.
fn only(batches: &[PushedBatch], kind: &str) -> Incoming {
    let records = batches.iter().flat_map(|batch| &batch.records);
    let of_kind: Vec<_> = records.filter(|record| record.kind == kind).collect();
    let [one] = of_kind.as_slice() else { panic!("{}: {of_kind:?}", of_kind.len()) };
    (*one).clone()
}

fn batch(index: u32, records: Vec<Incoming>) -> Vec<PushedBatch> {
    vec![PushedBatch { index, records, ..PushedBatch::default() }]
}

fn in_portions(count: usize, records: Vec<Incoming>) -> VecDeque<Vec<PushedBatch>> {
    match count {
        1 => VecDeque::from([batch(0, records)]),
        _ => (0..).zip(records).map(|(index, record)| batch(index, vec![record])).collect(),
    }
}

async fn progress(office: &Office, request: &Incoming) -> Value {
    let look = office.get(REQUEST, &request.id.to_string()).await.unwrap();
    assert!(look.disputed.is_empty(), "{:?}", look.disputed);
    look.view.fields["state"]["to"].clone()
}

/// Wrong: the request that the city makes itself is written over the one that came before, and its answer is gone.
#[tokio::test]
async fn a_request_that_is_held_already_keeps_its_answer() {
    let Overruled { three, write, request } = overruled().await;
    let district = three.district.me().base;
    let (_, session, _) = begin(&three.district, &three.city).await;
    three.city.receive(district, session, batch(0, vec![request.clone()])).await.unwrap();
    let look = three.city.get(REQUEST, &request.id.to_string()).await.unwrap();
    let answer = put(REQUEST, json!({"state": "数源核实"}));
    three.city.put(Put { id: Some(request.id), seen: Some(look.view.version), ..answer }).await.unwrap();

    three.city.receive(district, session, batch(1, vec![write.clone()])).await.unwrap();
    assert_eq!(three.city.corrections_of(district), 1, "the write was overruled here, too");
    assert_eq!(progress(&three.city, &request).await, "STATE_VERIFYING");
    round(&three.district, &three.city).await.unwrap();
    round(&three.district, &three.city).await.unwrap();
    for office in [&three.city, &three.district] {
        assert_eq!(progress(office, &request).await, "STATE_VERIFYING");
        assert_eq!(office.list(&all(REQUEST)).await.unwrap().total, 1);
    }
}

/// The same within one transaction, in two portions of it and in one.
#[tokio::test]
async fn a_request_that_comes_beside_the_write_is_made_once() {
    for portions in [1, 2] {
        // The write first: then both hands wrote it, and neither is lost.
        let Overruled { three, write, request } = overruled().await;
        let district = three.district.me().base;
        let (_, session, _) = begin(&three.district, &three.city).await;
        let mut coming = in_portions(portions, vec![write, request.clone()]);
        three.city.receive_coming(district, session, &mut coming).await.unwrap();
        assert_eq!(progress(&three.city, &request).await, "STATE_FILED");
        let look = three.city.get(REQUEST, &request.id.to_string()).await.unwrap();
        assert_eq!(look.view.version.len(), 2, "{portions}");

        let Overruled { three, write, request } = overruled().await;
        let district = three.district.me().base;
        let (_, session, _) = begin(&three.district, &three.city).await;
        let mut coming = in_portions(portions, vec![request.clone(), write]);
        three.city.receive_coming(district, session, &mut coming).await.unwrap();
        assert_eq!(three.city.corrections_of(district), 1);
        assert_eq!(progress(&three.city, &request).await, "STATE_FILED");
        let (_, _, up) = begin(&three.district, &three.city).await;
        assert!(only(&up, REQUEST) == request, "the district still waits with its own");
        let mut round = begin(&three.district, &three.city).await;
        let page = three.city.page(district, round.1, round.0.cursor()).await.unwrap();
        let down: Vec<_> =
            page.rows.iter().filter(|row| row.id == request.id).map(|row| &row.state).collect();
        assert_eq!(down, [&request.state], "one hand wrote it");
        three.district.receive_page(&mut round.0, page).await.unwrap();
    }
}
