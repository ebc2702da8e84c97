//! What a child takes from above (L4, L5).

use std::collections::BTreeMap;

use sync::parent::Incoming;
use sync::{Changes, Handed, NewWithdraw, Reason, Row, Unsent};

use crate::contract::{CITY, PHONE, REMARK, S4, S5, WEST, tree};
use crate::make::{
    R, R2, child, context, dot, edit, incoming, merged, note, open_note, row, rows, say, unpushed,
};

/// The district pulls from the city.
fn pulls(held: &[Row], state: &[u8]) -> Changes {
    child(&tree(), WEST).receive(&rows(held), &[incoming(state)], &[])
}

fn withdrawn(held: &Row) -> Changes {
    child(&tree(), WEST).receive(&rows(std::slice::from_ref(held)), &[], &[held.id])
}

/// What came from above would be pushed back at once, by every base that pulled it.
#[test]
fn what_equals_the_parents_is_not_sent_back() {
    let known = note(dot(1, 1), S4);
    let more = say(&known, dot(2, 1), CITY, REMARK, "市");
    for held in [vec![], vec![row(&known)]] {
        let changes = pulls(&held, &more);
        let new = &changes.rows[0];
        assert_eq!((new.row.unsent, &new.row.state), (Unsent::Clean, &more));
        assert_eq!(new.row.seq, held.first().map_or(0, |r| r.seq));
        assert!(changes.quarantine.is_empty());
    }
}

/// A page that the store refuses as a whole, for ever, because a record is in it twice; or the later one alone is kept.
#[test]
fn what_comes_twice_in_a_page_is_merged_and_written_once() {
    let known = note(dot(1, 1), S4);
    let one = say(&known, dot(2, 1), CITY, REMARK, "市");
    let other = say(&known, dot(4, 1), S4, PHONE, "110");
    let both = merged(&one, &other);
    for held in [vec![], vec![row(&known)]] {
        for page in
            [[&one, &other, &known], [&other, &one, &other], [&known, &other, &one], [&both, &known, &one]]
        {
            let page = page.map(|state| incoming(state));
            let changes = child(&tree(), WEST).receive(&rows(&held), &page, &[]);
            assert!(changes.quarantine.is_empty());
            let [new] = &changes.rows[..] else { panic!("written once: {:?}", changes.rows) };
            assert_eq!((&new.row.state, new.row.seq), (&both, held.first().map_or(0, |row| row.seq)));
        }
        let twice = [incoming(&both), incoming(&both)];
        let changes = child(&tree(), WEST).receive(&rows(&held), &twice, &[]);
        assert_eq!((changes.rows.len(), changes.rows[0].row.unsent), (1, Unsent::Clean));
    }
}

/// An edit made here meanwhile would be taken for settled by what came from above, and never be sent.
#[test]
fn what_holds_more_than_the_parents_still_waits() {
    let known = note(dot(1, 1), S4);
    let mine = say(&known, dot(3, 1), WEST, PHONE, "110");
    let theirs = say(&known, dot(2, 1), CITY, REMARK, "市");
    for held in [row(&mine), unpushed(&mine), Row { unsent: Unsent::Resend, ..row(&mine) }] {
        let changes = pulls(&[held], &theirs);
        let new = &changes.rows[0].row;
        assert_eq!((new.unsent, &new.state), (Unsent::Unpushed, &merged(&mine, &theirs)));
    }
}

/// A parent that lost what it had acknowledged would never get it again.
#[test]
fn what_the_parent_turns_out_to_lack_waits_again() {
    let old = note(dot(1, 1), S4);
    let mine = say(&old, dot(3, 1), WEST, PHONE, "110");
    let changes = pulls(&[row(&mine)], &old);
    assert_eq!((changes.rows[0].row.unsent, &changes.rows[0].row.state), (Unsent::Unpushed, &mine));
    assert!(pulls(&[unpushed(&mine)], &old).rows.is_empty(), "it waits already, and needs no new number");
}

/// After a resync every record would travel up once more although the parent has just shown that it has it.
#[test]
fn what_comes_unchanged_is_not_sent_again() {
    let known = note(dot(1, 1), S4);
    let changes = pulls(&[Row { unsent: Unsent::Resend, ..row(&known) }], &known);
    assert_eq!((changes.clean, changes.rows.len()), (vec![5], 0));
    let changes = pulls(&[row(&known)], &known);
    assert!(changes.clean.is_empty() && changes.rows.is_empty());
}

/// Children whose cursor went by while it was hidden would never see it again.
#[test]
fn what_was_hidden_is_shown_again_under_a_new_number() {
    let known = note(dot(1, 1), S4);
    let changes = pulls(&[Row { hidden: true, ..unpushed(&known) }], &known);
    assert!(!changes.rows[0].row.hidden);
    let more = say(&known, dot(2, 1), CITY, REMARK, "市");
    assert!(!pulls(&[Row { hidden: true, ..unpushed(&known) }], &more).rows[0].row.hidden);
}

/// Streets would go on showing what the city closed to them.
#[test]
fn own_children_that_lose_sight_by_a_pull_are_told() {
    let open = open_note(dot(1, 1), S4, &[CITY]);
    let closed = edit(&open, dot(2, 1), CITY, |d| d.audience(&[]));
    assert_eq!(pulls(&[row(&open)], &closed).withdraws, [NewWithdraw { child: S5, record: R }]);
    assert_eq!(pulls(&[row(&closed)], &open).withdraws, []);
}

/// One broken record from above would stop the pull, and be merged into what is good here.
#[test]
fn what_cannot_be_taken_from_above_is_kept_aside() {
    let known = note(dot(1, 1), S4);
    let twin = edit(&[], dot(1, 1), S4, |d| d.home(S5));
    let other = Incoming { id: R2, ..incoming(&note(dot(4, 1), S5)) };
    let body = Incoming { kind: "body".into(), ..incoming(&known) };
    let cases =
        [(incoming(&twin), Reason::Clash), (incoming(&known[1..]), Reason::Malformed), (body, Reason::Kind)];
    for (bad, reason) in cases {
        let tree = tree();
        let changes = child(&tree, WEST).receive(&rows(&[row(&known)]), &[bad.clone(), other.clone()], &[]);
        let kept = &changes.quarantine[0];
        assert_eq!((kept.record, kept.from, kept.reason, kept.inbound), (R, CITY, reason, true));
        assert_eq!(changes.rows.iter().map(|n| n.row.id).collect::<Vec<_>>(), [R2]);
    }
}

/// The only copy of an edit would be lost with the record that the parent took back.
#[test]
fn a_withdraw_hides_what_is_unpushed() {
    let known = open_note(dot(1, 1), S4, &[WEST]);
    let changes = withdrawn(&unpushed(&known));
    assert_eq!(changes.hide, [(R, true)]);
    assert!(changes.drops.is_empty() && changes.handed.is_empty());
    assert_eq!(changes.withdraws, [S4, S5].map(|child| NewWithdraw { child, record: R }));
}

/// Kept, it would be shown to people who may not see it; forgotten, seals would be wrong after a restore above.
#[test]
fn a_withdraw_drops_what_the_parent_has_and_remembers_it() {
    let known = note(dot(1, 1), S4);
    for unsent in [Unsent::Clean, Unsent::Resend] {
        let changes = withdrawn(&Row { unsent, ..row(&known) });
        assert_eq!(changes.drops, [R]);
        assert_eq!(changes.handed, [Handed { record: R, context: context(&known), unattested: false }]);
        assert!(changes.hide.is_empty() && changes.rows.is_empty());
        assert_eq!(
            changes.withdraws,
            [NewWithdraw { child: S4, record: R }],
            "and not S5, which never saw it"
        );
    }
}

/// What was refused is nowhere else: dropped as if it were clean, it would be lost.
#[test]
fn a_withdraw_keeps_what_was_refused() {
    let known = note(dot(1, 1), S4);
    let changes = withdrawn(&Row { refused: true, ..row(&known) });
    assert!(changes.drops.is_empty());
    let kept = &changes.rows[0].row;
    assert_eq!((kept.hidden, kept.refused, kept.unsent), (true, false, Unsent::Unpushed));
}

/// A withdraw that comes twice, or for what never came, would break the pull.
#[test]
fn a_withdraw_of_what_is_not_there_does_nothing() {
    assert_eq!(child(&tree(), WEST).receive(&BTreeMap::new(), &[], &[R]), Changes::default());
}
