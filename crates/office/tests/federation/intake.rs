//! Large pushes: many batches in one transaction, judged in parts while others are being written.

use std::collections::{BTreeMap, VecDeque};

use causal::{BaseId, RecordId};
use office::{Acknowledged, Office, PushedBatch, Put, Round};
use schema::Schema;
use serde_json::json;
use store::memory::Memory;
use sync::parent::Verdict;

use super::common::{join, new_base};
use super::nodes::{Node, Session, opening, settled, sync, two};
use super::{Three, put, round, three};

/// More than are judged at once, and not a multiple of it.
const COUNT: usize = 2_300;
/// The one that is spoilt on the way: in the second part.
const SPOILT: usize = 1_234;

/// Opens a round of the street with its district, and all its batches.
async fn begin(three: &Three) -> (Round<store::Store>, u64, Vec<PushedBatch>) {
    super::begin(&three.street, &three.district).await
}

async fn total(office: &Office) -> u64 {
    office.list(&super::all("notice")).await.unwrap().total
}

fn notices(count: usize) -> Vec<Put> {
    let notice = |n| json!({ "title": format!("第{n}号"), "sort": 1, "body": "开放时间调整" });
    (0..count).map(|n| put("notice", notice(n))).collect()
}

#[tokio::test]
async fn a_large_push_is_one_transaction_with_a_verdict_for_each_record() {
    let three = three(&std::sync::Arc::new(Schema::embedded().clone())).await;
    round(&three.street, &three.district).await.unwrap();
    three.street.put_all(&notices(COUNT)).await.unwrap();

    let (mut sent, session, mut batches) = begin(&three).await;
    let spoilt = batches.iter_mut().flat_map(|batch| &mut batch.records).nth(SPOILT).unwrap();
    spoilt.state.truncate(9);
    let spoilt = spoilt.id;
    let sizes: Vec<usize> = batches.iter().map(|batch| batch.records.len()).collect();
    let acked = three.district.receive(three.street.me().base, session, batches).await.unwrap();
    assert_eq!(acked.iter().map(|(_, verdicts)| verdicts.len()).collect::<Vec<_>>(), sizes);
    assert!(acked.windows(2).all(|pair| pair[0].0 == pair[1].0), "all of it was made durable at once");
    let refused = |verdict: &Verdict| matches!(verdict, Verdict::Quarantined(..));
    let verdicts: Vec<_> = acked.iter().flat_map(|(_, verdicts)| verdicts).collect();
    let out: Vec<_> = verdicts.iter().filter(|(_, verdict)| refused(verdict)).map(|(id, _)| *id).collect();
    assert_eq!(out, [spoilt]);
    assert_eq!(verdicts[SPOILT].0, spoilt, "verdicts are in order");
    assert_eq!(total(&three.district).await, COUNT as u64 - 1);

    let acks = (0..).zip(acked).map(|(index, (ack, verdicts))| {
        let verdicts: BTreeMap<_, _> = verdicts.into_iter().filter(|(_, v)| *v != Verdict::Ok).collect();
        Acknowledged { session, index, ack, verdicts }
    });
    three.street.acknowledge_all(&mut sent, acks.collect()).await.unwrap();
    assert_eq!((sent.pushed, sent.refused), (COUNT as u64 - 1, 1));
    let cursor = sent.cursor();
    let page = three.district.page(three.street.me().base, session, cursor).await.unwrap();
    assert!(page.end && page.rows.is_empty(), "nothing of what was pushed comes back in this session");

    let (_, _, nothing) = begin(&three).await;
    let left: Vec<_> = nothing.iter().flat_map(|batch| &batch.records).map(|record| record.id).collect();
    assert_eq!(left, [], "what was refused is not offered again, the rest is acknowledged");
}

/// What comes while a transaction is written goes into it, as if those before it had been durable already.
#[tokio::test]
async fn portions_of_one_transaction_build_on_one_another() {
    let three = three(&std::sync::Arc::new(Schema::embedded().clone())).await;
    three.street.put_all(&notices(5)).await.unwrap();
    let (_, session, batches) = begin(&three).await;
    let [good] = batches.as_slice() else { panic!("{} batches", batches.len()) };
    let mut spoilt = PushedBatch { last: false, seals: Vec::new(), ..good.clone() };
    spoilt.records[2].state.truncate(9);
    let good = PushedBatch { index: 1, ..good.clone() };
    let mut coming = VecDeque::from([vec![spoilt], vec![good]]);
    let acked = three.district.receive_coming(three.street.me().base, session, &mut coming).await.unwrap();
    let [(first, early), (second, late)] = acked.as_slice() else { panic!("{} answers", acked.len()) };
    assert_eq!(first, second, "both were made durable at once");
    assert!(matches!(early[2].1, Verdict::Quarantined(..)) && late.iter().all(|(_, v)| *v == Verdict::Ok));
    assert_eq!(total(&three.district).await, 5);
    assert_eq!(
        three.district.quarantine(0, 0).await.unwrap().total,
        0,
        "the good copy has settled the bad one"
    );
    assert!(has_reported(&three).await);
}

/// A city that lost its newest base, which its district still has, and a record of that base.
async fn with_a_lost_base() -> (Node, Node, RecordId, RecordId) {
    let (mut city, district) = two().await;
    let old = city.backup();
    let d = district.office.me().base;
    let new = city.office.register_base(&new_base("s", Some(d))).await.unwrap();
    sync(&district, &city).await;
    let street = Node::on(Memory::open(city.schema.clone(), opening()), new, &city.schema, &city.clock).await;
    join(&street.office, &district.office).await;
    let record = street.enter(0..1).await[0].id;
    sync(&street, &district).await;
    city.put_back(&old).await;
    (city, district, RecordId(new.0), record)
}

/// Wrong: its record belongs to a base that does not exist, itself, and so do all that belong to it.
#[tokio::test]
async fn a_root_that_lost_its_newest_base_gets_it_back_from_below() {
    let (city, district, base, record) = with_a_lost_base().await;
    sync(&district, &city).await;
    settled(&district, &city).await;
    let held = city.states().await;
    assert!(held.contains_key(&base) && held.contains_key(&record));
    assert_eq!(city.office.quarantine(0, 0).await.unwrap().total, 0);
    assert!(city.office.tree().get(BaseId(base.0)).is_some());
}

/// Wrong: what comes after the base is judged by the tree that stood before it.
#[tokio::test]
async fn what_changes_the_tree_counts_for_what_comes_after_it() {
    let (city, district, base, record) = with_a_lost_base().await;
    let d = district.office.me().base;
    let mut session = Session::begin(&district, &city).await;
    let mut pushed = Vec::new();
    while let Some(batch) = district.office.next_batch(&mut session.round).await.unwrap() {
        pushed.extend(PushedBatch::from(batch).records);
    }
    let only = |id| pushed.iter().find(|one| one.id == id).cloned().into_iter().collect::<Vec<_>>();
    let portions = (0..).zip([only(base), only(record)]);
    let mut coming: VecDeque<_> = portions
        .map(|(index, records)| vec![PushedBatch { index, records, ..PushedBatch::default() }])
        .collect();
    let acked = city.office.receive_coming(d, session.id, &mut coming).await.unwrap();
    let verdicts: Vec<_> = acked.into_iter().flat_map(|(_, verdicts)| verdicts).collect();
    assert_eq!(verdicts, [(base, Verdict::Ok), (record, Verdict::Ok)]);
}

/// Whether the district counts the street as having reported.
async fn has_reported(three: &Three) -> bool {
    let filtering = office::Filtering { kind: "notice".into(), ..office::Filtering::default() };
    let figure = three.district.figure(&filtering, &[]).await.unwrap();
    let street = three.street.me().base;
    figure.watermark.bases.iter().any(|base| base.base == street && !base.never)
}

/// The last batch once more, or before the others: its seals would speak for records that are not here.
#[tokio::test]
async fn seals_count_when_every_batch_before_them_was_taken() {
    let three = three(&std::sync::Arc::new(Schema::embedded().clone())).await;
    three.street.put_all(&notices(1_200)).await.unwrap();
    let (_, session, batches) = begin(&three).await;
    let base = three.street.me().base;
    let (last, before) = batches.split_last().unwrap();
    assert!(before.len() > 1 && last.last);
    three.district.receive(base, session, vec![last.clone()]).await.unwrap();
    three.district.receive(base, session, vec![before[0].clone(), last.clone()]).await.unwrap();
    assert!(!has_reported(&three).await, "batches are missing");
    three.district.receive(base, session, before[1..].to_vec()).await.unwrap();
    three.district.receive(base, session, vec![last.clone()]).await.unwrap();
    assert!(has_reported(&three).await);
}

/// Wrong: a round that was cut off and the next one seal different things under one count.
#[tokio::test]
async fn a_count_of_seals_is_given_out_once() {
    let three = three(&std::sync::Arc::new(Schema::embedded().clone())).await;
    let mut counts = Vec::new();
    for n in 0..3 {
        three.street.put_all(&notices(n)).await.unwrap();
        let (_, _, batches) = begin(&three).await;
        let seals = &batches[batches.len() - 1].seals;
        counts.push(seals.iter().find(|seal| seal.base == three.street.me().base).unwrap().n);
    }
    assert!(counts.windows(2).all(|pair| pair[0] < pair[1]), "{counts:?}");
}

/// An acknowledgement of the first round would settle what the second one sends.
#[tokio::test]
async fn a_round_is_not_begun_twice_with_one_answer() {
    let three = three(&std::sync::Arc::new(Schema::embedded().clone())).await;
    let (street, district) = (&three.street, &three.district);
    let (hello, digest) = street.hello("test").await.unwrap();
    let session = district.handshake(street.me().base, &hello, &digest).await.unwrap();
    let begin = || street.begin_round(session.id, &session.welcome, district.now_ms(), 0, "test", &[]);
    assert!(begin().await.is_ok());
    assert!(begin().await.is_err());
}

#[tokio::test]
async fn an_acknowledgement_of_another_session_settles_nothing_of_those_beside_it() {
    let three = three(&std::sync::Arc::new(Schema::embedded().clone())).await;
    round(&three.street, &three.district).await.unwrap();
    three.street.put_all(&notices(700)).await.unwrap();
    let (mut sent, session, batches) = begin(&three).await;
    assert!(batches.len() > 1);
    let acked = three.district.receive(three.street.me().base, session, batches).await.unwrap();
    let ack = |index, session| Acknowledged {
        session,
        index,
        ack: acked[index as usize].0,
        verdicts: BTreeMap::new(),
    };
    let foreign = three.street.acknowledge_all(&mut sent, vec![ack(0, session), ack(1, session + 1)]).await;
    assert!(foreign.is_err());
    let (_, _, left) = begin(&three).await;
    assert_eq!(left.iter().map(|batch| batch.records.len()).sum::<usize>(), 700);
}

#[tokio::test]
async fn a_record_that_comes_twice_in_a_large_push_waits_once_for_the_next_level() {
    let three = three(&std::sync::Arc::new(Schema::embedded().clone())).await;
    three.up().await;
    three.street.put_all(&notices(COUNT)).await.unwrap();
    let (_, session, mut batches) = begin(&three).await;
    let twice = batches[0].records[3].clone();
    let last = batches.len() - 1;
    batches[last].records.push(twice);
    three.district.receive(three.street.me().base, session, batches).await.unwrap();
    assert_eq!(total(&three.district).await, COUNT as u64);
    let (pushed, _, refused) = round(&three.district, &three.city).await.unwrap();
    assert_eq!((pushed, refused), (COUNT as u64, 0));
    assert_eq!(round(&three.district, &three.city).await.unwrap().0, 0, "nothing waits for ever");
}
