//! Records that were moved, or created elsewhere, before an edit arrives.

use causal::{BaseId, Register, State};
use record::{Base, HOME, Tree};
use sync::moves::{Desk, Reach};
use sync::parent::{Incoming, Verdict};
use sync::{Reason, Row};

use crate::contract::{CITY, EAST, S4, S5, S6, TITLE, WEST, schema, text, tree};
use crate::make::{dot, edit, incoming, note, open_note, parent, row, say};

/// A street that hears late that its record is another's by now would be told off for what it had a right to do.
#[test]
fn an_edit_made_before_the_writer_heard_of_a_move_is_taken() {
    let mine = note(dot(1, 1), S4);
    let moved = edit(&mine, dot(2, 1), WEST, |d| d.home(S5));
    let late = say(&mine, dot(1, 2), S4, TITLE, "春日义卖会");
    let received = parent(WEST, S4).receives(&[row(&moved)], &[incoming(&late)]);
    assert_eq!(received.verdicts, [Verdict::Withdraw]);
    let stranger = say(&moved, dot(3, 1), S6, TITLE, "抢注");
    parent(EAST, S6).refuses(&[row(&moved)], &incoming(&stranger), Reason::Illegal);
}

/// Moved on before the next tier ever heard of it, it would be refused there for ever.
#[test]
fn a_record_moved_away_before_its_first_push_is_taken() {
    let moved = edit(&note(dot(1, 1), S4), dot(2, 1), WEST, |d| d.home(S6));
    let received = parent(CITY, WEST).receives(&[], &[incoming(&moved)]);
    assert_eq!((received.verdicts, received.changes.rows.len()), (vec![Verdict::Withdraw], 1));
}

/// Two streets that enter one body offline would lose one of the two, or never agree.
#[test]
fn a_second_creation_under_one_key_stands_beside_the_first() {
    let body = |replica, home| {
        edit(&[], dot(replica, 1), home, |d| {
            d.set(schema().kind("body").unwrap(), 1, text(1, "甲"));
            d.home(home);
            d.audience(&[CITY]);
        })
    };
    let first = Row { kind: "body".into(), ..row(&body(1, S4)) };
    let second = Incoming { kind: "body".into(), ..incoming(&body(2, S5)) };
    let received = parent(WEST, S5).receives(&[first], &[second]);
    assert_eq!(received.verdicts, [Verdict::Ok]);
    let both = State::decode(&received.changes.rows[0].row.state).unwrap();
    assert_eq!(both.entries(Register::whole(HOME)).count(), 2);
    // A kind without a key has no second creation: that is somebody else's record.
    let known = open_note(dot(1, 1), S4, &[CITY]);
    parent(WEST, S5).refuses(&[row(&known)], &incoming(&note(dot(2, 1), S5)), Reason::Illegal);
}

/// A base that is set up anywhere would have every node go through all that it holds, in the transaction that brings it.
#[test]
fn a_change_of_the_tree_reaches_no_further_than_it_must() {
    let (before, new) = (tree(), BaseId([77; 16]));
    let seated = |base, parent| Base { id: base, parent: Some(parent), ..Base::default() };
    let with = |base: Base| {
        let others = before.iter().filter(|b| b.id != base.id).cloned();
        others.chain([base.clone()]).collect::<Tree>()
    };
    let reach = |me, after: &Tree| Desk { schema: schema(), before: &before, after, me }.reach();
    let added = with(seated(new, WEST));
    assert_eq!(reach(CITY, &added), Reach::Homes(vec![new]));
    assert_eq!(reach(EAST, &added), Reach::Homes(vec![new]));
    assert_eq!(reach(S4, &added), Reach::Nothing, "nobody is beneath a street");
    assert_eq!(reach(S4, &with(seated(new, S4))), Reach::Homes(vec![new]), "but now somebody is");
    let moved = with(seated(S4, EAST));
    assert_eq!(reach(CITY, &moved), Reach::Homes(vec![S4]));
    assert_eq!(reach(S4, &moved), Reach::Everything, "it drops what it may no longer see");
    assert_eq!(reach(S5, &moved), Reach::Nothing);
    let renamed = with(Base { name: "新名".into(), ..before.get(S4).unwrap().clone() });
    assert_eq!(reach(CITY, &renamed), Reach::Nothing);
}

/// Whoever stands beneath a base that is moved moves along.
#[test]
fn a_moved_district_takes_its_streets_along() {
    let before = tree();
    let west = Base { parent: Some(EAST), ..before.get(WEST).unwrap().clone() };
    let after: Tree = before.iter().filter(|b| b.id != WEST).cloned().chain([west]).collect();
    let reach = Desk { schema: schema(), before: &before, after: &after, me: CITY }.reach();
    let Reach::Homes(homes) = reach else { panic!("{reach:?}") };
    assert!(homes.contains(&WEST) && homes.contains(&S4) && !homes.contains(&EAST) && !homes.contains(&CITY));
}
