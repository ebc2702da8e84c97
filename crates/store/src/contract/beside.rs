//! The tables beside the records.

use causal::{Context, Dot, ReplicaId};
use sync::{
    Changes, Handed, Heartbeat, Link, Memory, NewWithdraw, Position, Quarantined, Reason, Replica, Revision,
    Seal, Tick, TimelineId,
};

use super::fixture::{base, record};
use super::{Bench, commit};
use crate::{Act, Certificate, Decision, Engine, Exported, Invite, InviteState, Read, Write};

fn dot(replica: u64, tick: u64) -> Dot {
    Dot { replica: ReplicaId(replica), tick }
}

pub(super) async fn withdraws_replace_each_other(bench: &impl Bench) {
    let engine = bench.open().await;
    let new = |child, n| NewWithdraw { child: base(child), record: record(n) };
    let first = vec![new(2, 1), new(3, 1), new(2, 2)];
    commit(&engine, &Changes { withdraws: first, ..Changes::default() }).await;
    commit(&engine, &Changes { withdraws: vec![new(2, 1)], ..Changes::default() }).await;
    let mut snapshot = engine.snapshot().await.unwrap();
    for (child, after, limit, expected) in [
        (2, 0, 10, vec![(record(2), 3), (record(1), 4)]),
        (2, 3, 10, vec![(record(1), 4)]),
        (2, 0, 1, vec![(record(2), 3)]),
        (3, 0, 10, vec![(record(1), 2)]),
        (4, 0, 10, vec![]),
    ] {
        let found = snapshot.withdraws(base(child), after, limit).await.unwrap();
        assert_eq!(found.iter().map(|w| (w.record, w.seq)).collect::<Vec<_>>(), expected);
        assert!(found.iter().all(|w| w.child == base(child)));
    }
}

pub(super) async fn history_keeps_the_longer_fragment(bench: &impl Bench) {
    let engine = bench.open().await;
    let new = |n, tick, fragment: &str, unsent| Revision {
        record: record(n),
        of: dot(u64::MAX, tick),
        by: dot(2, tick + 1),
        fragment: fragment.into(),
        unsent,
    };
    let add = async |revisions| commit(&engine, &Changes { revisions, ..Changes::default() }).await;
    add(vec![new(1, 1, "long", true), new(1, 2, "x", true), new(2, 1, "y", false)]).await;
    let revisions_sent = vec![(record(1), dot(u64::MAX, 1), dot(2, 2))];
    commit(&engine, &Changes { revisions_sent, ..Changes::default() }).await;
    // The same again is no news; a shorter account neither; a longer one is.
    add(vec![new(1, 1, "long", true), new(1, 2, "", false), new(2, 1, "longer", true)]).await;
    let mut snapshot = engine.snapshot().await.unwrap();
    let history = snapshot.history(record(1)).await.unwrap();
    assert_eq!(history, [new(1, 1, "long", false), new(1, 2, "x", true)]);
    let both = [record(2), record(1), record(2)];
    let unsent = snapshot.revisions(&both, true, 10).await.unwrap();
    let mut expected = vec![new(1, 2, "x", true), new(2, 1, "longer", true)];
    expected.sort();
    assert_eq!(unsent, expected);
    assert_eq!(snapshot.revisions(&both, false, 2).await.unwrap().len(), 2);
    drop(snapshot);
    commit(&engine, &Changes { resend_all: true, ..Changes::default() }).await;
    let all = engine.snapshot().await.unwrap().revisions(&both, true, 10).await.unwrap();
    assert_eq!(all.len(), 3, "history is sent again, too");
    commit(&engine, &Changes { drops: vec![record(1)], ..Changes::default() }).await;
    assert_eq!(engine.snapshot().await.unwrap().history(record(1)).await.unwrap(), []);
}

pub(super) async fn the_higher_seal_wins(bench: &impl Bench) {
    let engine = bench.open().await;
    let seal = |b, timeline, n| Seal {
        base: base(b),
        timeline: TimelineId(timeline),
        n,
        at_ms: 1_000 + n,
        unsent: n + 1,
        quarantined: n + 2,
        exceptions: (0..n).map(record).collect(),
        restored: n == 2,
        covers_seq: n + 3,
    };
    for seals in
        [vec![seal(1, 7, 2), seal(1, u64::MAX, 1), seal(2, 7, 5)], vec![seal(1, 7, 1), seal(2, 7, 6)]]
    {
        commit(&engine, &Changes { seals, ..Changes::default() }).await;
    }
    let held = engine.snapshot().await.unwrap().seals().await.unwrap();
    assert_eq!(held, [seal(1, 7, 2), seal(1, u64::MAX, 1), seal(2, 7, 6)]);
}

pub(super) async fn ticks_are_replaced(bench: &impl Bench) {
    let engine = bench.open().await;
    let tick = |holder, b, n| Tick { holder: base(holder), base: base(b), timeline: TimelineId(n), n };
    let put = async |ticks, clear_ticks| {
        commit(&engine, &Changes { ticks, clear_ticks, ..Changes::default() }).await;
        engine.snapshot().await.unwrap().ticks().await.unwrap()
    };
    assert_eq!(put(vec![tick(1, 2, 9), tick(1, 3, 4)], false).await, [tick(1, 2, 9), tick(1, 3, 4)]);
    assert_eq!(put(vec![tick(1, 2, 8)], false).await, [tick(1, 2, 8), tick(1, 3, 4)], "a lower one, too");
    assert_eq!(put(vec![tick(4, 2, 1)], true).await, [tick(4, 2, 1)]);
}

pub(super) async fn quarantine_keeps_one_per_record_and_sender(bench: &impl Bench) {
    let engine = bench.open().await;
    let refused = |n, inbound, home, at_ms, reason: Reason| Quarantined {
        record: record(n),
        kind: "organization".into(),
        from: base(9),
        home: base(home),
        reason,
        detail: reason.words().into(),
        state: vec![1, 2, at_ms as u8],
        at_ms,
        inbound,
    };
    let quarantine = vec![
        refused(1, true, 2, 10, Reason::Illegal),
        refused(1, false, 2, 20, Reason::Scope),
        refused(2, true, 2, 30, Reason::Clash),
        refused(3, true, 4, 40, Reason::Kind),
    ];
    commit(&engine, &Changes { quarantine, ..Changes::default() }).await;
    let quarantine = vec![refused(1, true, 2, 50, Reason::Unverified)];
    commit(&engine, &Changes { quarantine, ..Changes::default() }).await;
    let mut snapshot = engine.snapshot().await.unwrap();
    let held = snapshot.quarantined(10).await.unwrap();
    assert_eq!(held[0], refused(1, true, 2, 50, Reason::Unverified));
    assert_eq!(held.iter().map(|q| q.at_ms).collect::<Vec<_>>(), [50, 40, 30, 20], "the latest first");
    assert_eq!(snapshot.quarantined(1).await.unwrap().len(), 1);
    assert_eq!(snapshot.quarantine_counts().await.unwrap(), [(base(2), 2), (base(4), 1)]);
    drop(snapshot);
    let again = Quarantined { at_ms: 90, detail: "又一次".into(), ..held[0].clone() };
    commit(&engine, &Changes { quarantine: vec![again.clone()], ..Changes::default() }).await;
    let held = engine.snapshot().await.unwrap().quarantined(1).await.unwrap();
    assert_eq!(held, [Quarantined { at_ms: 50, ..again }], "the same content is there since it first came");
    let other = Quarantined { from: base(8), ..held[0].clone() };
    commit(&engine, &Changes { quarantine: vec![other.clone()], ..Changes::default() }).await;
    assert_eq!(engine.snapshot().await.unwrap().quarantined(10).await.unwrap().len(), 5, "two brought it");
    assert_eq!(
        engine.snapshot().await.unwrap().quarantine_counts().await.unwrap()[0],
        (base(2), 2),
        "of one record"
    );
    let release =
        vec![other.key(), (record(1), Some(base(9))), (record(3), Some(base(9))), (record(3), None)];
    commit(&engine, &Changes { release, ..Changes::default() }).await;
    let held = engine.snapshot().await.unwrap().quarantined(10).await.unwrap();
    assert_eq!(
        held.iter().map(|q| (q.record, q.inbound)).collect::<Vec<_>>(),
        [(record(2), true), (record(1), false)]
    );
}

pub(super) async fn links_are_kept_whole(bench: &impl Bench) {
    let engine = bench.open().await;
    let full = Link {
        peer: base(1),
        up: true,
        cursor: Some(Position { timeline: TimelineId(u64::MAX), seq: 7 }),
        ack: Some(Position { timeline: TimelineId(3), seq: 8 }),
        epoch: 2,
        last_success_ms: 3,
        last_failure_ms: 4,
        last_failure: "连接超时".into(),
        clock_offset_ms: -5,
        peer_unsent: 6,
        peer_version: "0.1.0".into(),
        memory: Memory {
            last: Some(Heartbeat {
                position: Position { timeline: TimelineId(u64::MAX), seq: 9 },
                head: dot(u64::MAX, 10),
            }),
            former: Some(TimelineId(11)),
            owed: Some(dot(12, 13)),
            clone_at_ms: 14,
        },
    };
    let empty = Link { peer: base(2), ..Link::default() };
    commit(&engine, &Changes { links: vec![empty.clone(), full.clone()], ..Changes::default() }).await;
    assert_eq!(engine.snapshot().await.unwrap().links().await.unwrap(), [full.clone(), empty.clone()]);
    let changed = Link { ack: None, last_failure: String::new(), ..full };
    commit(&engine, &Changes { links: vec![changed.clone()], ..Changes::default() }).await;
    assert_eq!(engine.snapshot().await.unwrap().links().await.unwrap(), [changed, empty]);
}

pub(super) async fn replicas_only_grow(bench: &impl Bench) {
    let engine = bench.open().await;
    let replica = |id, b: Option<u8>, tick| Replica { id: ReplicaId(id), base: b.map(base), tick };
    for replicas in [
        vec![replica(u64::MAX, None, 5), replica(1, Some(2), 9)],
        vec![replica(u64::MAX, Some(3), 4), replica(1, None, 10)],
    ] {
        commit(&engine, &Changes { replicas, ..Changes::default() }).await;
    }
    let held = engine.snapshot().await.unwrap().replicas().await.unwrap();
    assert_eq!(held, [replica(1, Some(2), 10), replica(u64::MAX, Some(3), 5)]);
}

pub(super) async fn what_was_handed_over_is_remembered(bench: &impl Bench) {
    let engine = bench.open().await;
    let context = |dots: &[Dot]| dots.iter().copied().collect::<Context>();
    let handed = |n, context, unattested| Handed { record: record(n), context, unattested };
    let first = vec![handed(1, context(&[dot(1, 5)]), false), handed(2, Context::default(), true)];
    commit(&engine, &Changes { handed: first, ..Changes::default() }).await;
    let second = vec![handed(1, context(&[dot(1, 3), dot(2, 1)]), true)];
    commit(&engine, &Changes { handed: second, ..Changes::default() }).await;
    let mut snapshot = engine.snapshot().await.unwrap();
    let joined = handed(1, context(&[dot(1, 5), dot(2, 1)]), true);
    assert_eq!(snapshot.handed(&[record(1), record(9)]).await.unwrap(), [joined]);
    let mut both = vec![record(1), record(2)];
    both.sort();
    assert_eq!(snapshot.unattested().await.unwrap(), both);
    drop(snapshot);
    let too_little = vec![handed(1, context(&[dot(1, 5)]), false)];
    commit(&engine, &Changes { handed: too_little, ..Changes::default() }).await;
    let unattested = engine.snapshot().await.unwrap().unattested().await.unwrap();
    assert_eq!(unattested, both, "what has not seen all of it confirms nothing");
    let seen = context(&[dot(1, 7), dot(2, 1)]);
    let attested = vec![handed(2, Context::default(), false), handed(1, seen, false)];
    commit(&engine, &Changes { handed: attested, ..Changes::default() }).await;
    assert_eq!(engine.snapshot().await.unwrap().unattested().await.unwrap(), []);
    commit(&engine, &Changes { resend_all: true, ..Changes::default() }).await;
    assert_eq!(engine.snapshot().await.unwrap().unattested().await.unwrap(), both);
}

pub(super) async fn settings_are_kept(bench: &impl Bench) {
    let engine = bench.open().await;
    for value in [&b"one"[..], b"", b"two"] {
        let mut tx = engine.begin().await.unwrap();
        tx.put_meta("key", value).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(engine.snapshot().await.unwrap().meta("key").await.unwrap().as_deref(), Some(value));
    }
    assert_eq!(engine.snapshot().await.unwrap().meta("other").await.unwrap(), None);
}

pub(super) async fn exported_files_are_remembered_up_to_a_limit(bench: &impl Bench) {
    let engine = bench.open().await;
    let exported =
        |id, made_at_ms, settled_at_ms| Exported { id, made_at_ms, settled_at_ms, content: vec![7; 3] };
    let put = async |new: &Exported| {
        let mut tx = engine.begin().await.unwrap();
        tx.put_exported(new, 3).await.unwrap();
        tx.commit().await.unwrap();
    };
    for (id, made) in [(u64::MAX, 10), (2, 30), (1, 20)] {
        put(&exported(id, made, None)).await;
    }
    put(&exported(2, 30, Some(35))).await;
    let mut snapshot = engine.snapshot().await.unwrap();
    assert_eq!(snapshot.exported(2).await.unwrap(), Some(exported(2, 30, Some(35))));
    assert_eq!(snapshot.exported(u64::MAX).await.unwrap(), Some(exported(u64::MAX, 10, None)));
    assert_eq!(snapshot.exported(9).await.unwrap(), None);
    assert_eq!(snapshot.exported_waiting().await.unwrap(), [10, 20]);
    drop(snapshot);
    put(&exported(4, 40, None)).await;
    let mut snapshot = engine.snapshot().await.unwrap();
    assert_eq!(snapshot.exported(u64::MAX).await.unwrap(), None, "the oldest is forgotten");
    assert_eq!(snapshot.exported_waiting().await.unwrap(), [20, 40]);
}

pub(super) async fn an_invite_is_good_once(bench: &impl Bench) {
    let engine = bench.open().await;
    let invite = |n: u8, used_at_ms| Invite {
        code_hash: [n; 32],
        base: base(n),
        issued_by: "李四".into(),
        issued_at_ms: u64::from(n),
        expires_at_ms: 1_000,
        used_at_ms,
    };
    let mut tx = engine.begin().await.unwrap();
    tx.put_invite(&invite(1, None)).await.unwrap();
    tx.put_invite(&invite(2, None)).await.unwrap();
    tx.commit().await.unwrap();
    for (n, now, expected) in [
        (3, 500, InviteState::Unknown),
        (1, 500, InviteState::Taken(invite(1, Some(500)))),
        (1, 501, InviteState::Used(invite(1, Some(500)))),
        (2, 1_000, InviteState::Expired(invite(2, None))),
        (2, 999, InviteState::Taken(invite(2, Some(999)))),
    ] {
        let mut tx = engine.begin().await.unwrap();
        assert_eq!(tx.take_invite(&[n; 32], now).await.unwrap(), expected);
        tx.commit().await.unwrap();
    }
    let listed = engine.snapshot().await.unwrap().invites().await.unwrap();
    assert_eq!(listed, [invite(2, Some(999)), invite(1, Some(500))]);
}

pub(super) async fn certificates_are_listed(bench: &impl Bench) {
    let engine = bench.open().await;
    let certificate = |n: u8| Certificate {
        serial: vec![n; 20],
        base: base(n),
        not_after_ms: 90,
        issued_at_ms: u64::from(n),
    };
    let mut tx = engine.begin().await.unwrap();
    for n in [1, 2, 1] {
        tx.put_certificate(&certificate(n)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let listed = engine.snapshot().await.unwrap().certificates().await.unwrap();
    assert_eq!(listed, [certificate(2), certificate(1)]);
}

pub(super) async fn decisions_are_kept(bench: &impl Bench) {
    let engine = bench.open().await;
    let decision = |n, act, at_ms, dropped: Option<u8>| Decision {
        at_ms,
        act,
        record: record(n),
        kind: "organization".into(),
        detail: "尚未核实".into(),
        user: "张主任".into(),
        reason: format!("理由{at_ms}"),
        dropped: dropped.map(|byte| [byte; 32]),
    };
    let all = [
        decision(1, Act::Drop, 30, Some(7)),
        decision(1, Act::Resolve, 20, None),
        decision(2, Act::Vouch, 20, None),
        decision(1, Act::Drop, 10, Some(3)),
        decision(1, Act::Drop, 40, Some(7)),
        decision(3, Act::Release, 50, Some(9)),
    ];
    let mut tx = engine.begin().await.unwrap();
    for one in &all {
        tx.put_decision(one).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut snapshot = engine.snapshot().await.unwrap();
    let latest: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(snapshot.decisions(10).await.unwrap(), latest, "in the order in which they were made");
    assert_eq!(snapshot.decisions(2).await.unwrap(), latest[..2]);
    let dropped = snapshot.dropped(&[record(2), record(1), record(9)]).await.unwrap();
    assert_eq!(dropped, [(record(1), [3; 32]), (record(1), [7; 32])], "each once");
    assert_eq!(snapshot.dropped(&[]).await.unwrap(), []);
}
