//! What is kept aside is told, judged again, taken on somebody's word, or dropped; and it is known later who decided.

use causal::{Dot, Entry, Register, ReplicaId, Stamp, State};
use office::{Act, OfficeError, PushedBatch, Settle, Settled};
use sync::parent::{Incoming, Verdict};

use super::*;

/// A record of the street with an edit in the city's name that nobody can prove.
fn forged(three: &Three, visitors: i64) -> Incoming {
    let schema = three.street.schema();
    let kind = schema.kind("lantern").unwrap();
    let mut draft = record::Draft::default();
    draft.home(three.street.me().base);
    draft.audience(&[]);
    for (field, text) in [("number", "9"), ("title", "灯会")] {
        let field = kind.field_named(field).unwrap();
        draft.set(kind, field.number, schema::text::parse_text(field, text).unwrap());
    }
    let stamp = |replica, base| Stamp {
        dot: Dot { replica: ReplicaId(replica), tick: 1 },
        saved_at_ms: START,
        base,
        user: "某人",
        tag: [0; 8],
    };
    let empty = State::default();
    let entries = draft.entries(&empty, &empty.context);
    let made = causal::write(&empty, stamp(71, three.street.me().base), &empty.context, &entries).state;
    let field = kind.field_named("visitors").unwrap();
    let value = schema::text::parse_text(field, &visitors.to_string()).unwrap();
    let entry = Entry { register: Register::whole(field.number), value: &value };
    let replica = 72 + visitors as u64;
    let edited = causal::write(&made, stamp(replica, three.city.me().base), &made.context, &[entry]).state;
    let id = record::derived_id("lantern", &["9".to_owned()]);
    Incoming { id, kind: "lantern".into(), state: edited.encode() }
}

async fn push(three: &Three, incoming: Incoming) -> Verdict {
    let street = three.street.me().base;
    let hello = sync::parent::Hello::default();
    let session = three.district.handshake(street, &hello, &[]).await.unwrap();
    let batch = PushedBatch { records: vec![incoming], ..PushedBatch::default() };
    let acked = three.district.receive(street, session.id, vec![batch]).await.unwrap();
    acked[0].1[0].1.clone()
}

fn settle(incoming: &Incoming, act: Act, reason: &str) -> Settle {
    Settle { record: incoming.id, inbound: None, act, user: "张主任".into(), reason: reason.into() }
}

#[tokio::test]
async fn what_cannot_be_verified_is_taken_on_an_administrators_word_alone() {
    let three = three(&with_a_new_kind()).await;
    let incoming = forged(&three, 5);
    three.clock.set(START + HOUR);
    assert!(matches!(
        push(&three, incoming.clone()).await,
        Verdict::Quarantined(sync::Reason::Unverified, _)
    ));
    three.clock.set(START + 2 * HOUR);
    push(&three, incoming.clone()).await;
    let aside = three.district.quarantine(0, 0).await.unwrap();
    let [kept] = aside.records.as_slice() else { panic!("one: {aside:?}") };
    assert_eq!((kept.title.as_str(), &kept.fields["visitors"]), ("灯会", &json!(5)));
    assert_eq!((kept.refused.from, kept.refused.inbound), (three.street.me().base, true));
    assert_eq!(kept.refused.at_ms, START + HOUR, "since it first came");
    assert!(!kept.advice.is_empty());

    let again = three.district.settle_aside(&settle(&incoming, Act::Release, "")).await.unwrap();
    assert!(!again.taken && again.words.contains("仍不能接收"), "{again:?}");
    let silent = three.district.settle_aside(&settle(&incoming, Act::Vouch, " ")).await;
    assert!(matches!(silent, Err(OfficeError::Invalid { .. })), "without a reason: {silent:?}");
    assert_eq!(three.district.quarantine(0, 0).await.unwrap().total, 1);
    let taken = three.district.settle_aside(&settle(&incoming, Act::Vouch, "已电话核实")).await.unwrap();
    assert!(matches!(taken, Settled { taken: true, .. }), "{taken:?}");
    assert_eq!(three.district.quarantine(0, 0).await.unwrap().total, 0);
    assert_eq!(three.district.get("lantern", "9").await.unwrap().view.fields["visitors"], 5);
    let decisions = three.district.decisions(0).await.unwrap();
    let told: Vec<_> = decisions.iter().map(|d| (d.act, d.reason.as_str(), d.user.as_str())).collect();
    assert_eq!(told, [(Act::Vouch, "已电话核实", "张主任"), (Act::Release, "", "张主任")]);
    let gone = three.district.settle_aside(&settle(&incoming, Act::Release, "")).await;
    assert!(matches!(gone, Err(OfficeError::NotFound { .. })), "{gone:?}");
}

#[tokio::test]
async fn what_was_dropped_stays_away_until_it_changes() {
    let three = three(&with_a_new_kind()).await;
    let incoming = forged(&three, 5);
    push(&three, incoming.clone()).await;
    assert!(three.district.settle_aside(&settle(&incoming, Act::Drop, "")).await.is_err(), "needs a reason");
    three.district.settle_aside(&settle(&incoming, Act::Drop, "重复")).await.unwrap();
    let total = async || three.district.quarantine(0, 0).await.unwrap().total;
    assert_eq!(total().await, 0);
    assert!(
        matches!(push(&three, incoming.clone()).await, Verdict::Quarantined(..)),
        "it is not taken either"
    );
    assert_eq!(total().await, 0, "the same is not listed again");
    push(&three, forged(&three, 6)).await;
    assert_eq!(total().await, 1, "another content is");
}

#[tokio::test]
async fn what_cannot_be_read_or_clashes_is_never_taken_on_a_word() {
    let three = three(&with_a_new_kind()).await;
    let good = forged(&three, 5);
    for state in [vec![0xFF; 40], vec![]] {
        let bad = Incoming { state, ..good.clone() };
        assert!(matches!(push(&three, bad.clone()).await, Verdict::Quarantined(sync::Reason::Malformed, _)));
        let refused = three.district.settle_aside(&settle(&bad, Act::Vouch, "我说了算")).await;
        assert!(matches!(refused, Err(OfficeError::Invalid { .. })), "{refused:?}");
        let aside = three.district.quarantine_of(bad.id).await.unwrap();
        assert_eq!((aside.total, aside.records[0].title.as_str()), (1, ""));
    }
}
