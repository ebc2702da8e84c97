//! What follows from a home that moves, and ids that follow from keys.

use causal::{Register, State};
use record::{Draft, Shown, derived_id, values};

use crate::contract::*;

/// Whose word counts follows the home, also for what was written before it moved.
#[test]
fn the_owner_moves_with_the_home() {
    let phone = |by, at, value: &str| save(&note(), by, at, draft(&[(PHONE, text(PHONE, value))]));
    let shown = |state: &State<'static>| {
        let all = values(Some(kind("note")), &tree(), state);
        all.iter().find(|v| v.register == Register::whole(PHONE)).unwrap().raw().to_vec()
    };
    let state = both(&phone(S4, 9, "旧"), &phone(S5, 1, "新"));
    assert_eq!(shown(&state), text(PHONE, "旧"));
    let moved = save(&state, WEST, 20, at_home(S5, Draft::default()));
    assert_eq!(shown(&moved), text(PHONE, "新"));
    assert_eq!(Shown::of(Some(kind("note")), &tree(), &moved).home, S5);
}

#[test]
fn derived_ids_are_the_same_everywhere() {
    let id =
        |kind: &str, key: &[&str]| derived_id(kind, &key.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>());
    assert_eq!(id("body", &["甲"]), id("body", &["甲"]));
    for other in [id("body", &["乙"]), id("note", &["甲"]), id("body", &["甲", ""]), id("body甲", &[])] {
        assert_ne!(id("body", &["甲"]), other);
    }
    // A version-8 UUID, so that it is never taken for a random one. Fixed for ever: records are found by it.
    assert_eq!(id("body", &["甲"]).0[6] >> 4, 8);
    assert_eq!(id("body", &["甲"]).0[8] >> 6, 2);
    assert_eq!(id("body", &["91610104MA6TXXXX0X", "雁塔"]).to_string(), "3e780dd8ea9786f58faf1d5618a58af1");
}
