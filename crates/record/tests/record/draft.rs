//! How a form becomes an edit.

use causal::{Entry, Register};
use record::Draft;

use crate::contract::*;

fn written(before: &[u8], draft: &Draft) -> Vec<(u32, Vec<u8>)> {
    let state = read(before);
    let entries = draft.entries(&state, &state.context);
    entries.iter().map(|e: &Entry<'_>| (e.register.field, e.value.to_vec())).collect()
}

#[test]
fn what_stands_alone_is_not_written_again() {
    let before = created(HOME);
    for (field, value) in [
        (ONLY, text(ONLY, "甲")),
        (TAGS, texts(TAGS, &["a", "b"])),
        (TAGS, texts(TAGS, &["b", "a"])),
        (LATEST, Vec::new()),
    ] {
        assert_eq!(written(&before, &draft(&[(field, value)])), [], "{field}");
    }
    // Beside another value it is a decision.
    let one = |by, value: &str| edit(&before, stamp(by, 5, 20), &draft(&[(LATEST, text(LATEST, value))]));
    let both = merge(&one(HOME, "x"), &one(WEST, "y"));
    assert_eq!(written(&both, &draft(&[(LATEST, text(LATEST, "x"))])), [(LATEST, text(LATEST, "x"))]);
}

#[test]
fn clearing_is_a_write() {
    let before = created(HOME);
    assert_eq!(written(&before, &draft(&[(ONLY, Vec::new())])), [(ONLY, Vec::new())]);
    let cleared = edit(&before, stamp(HOME, 2, 20), &draft(&[(ONLY, Vec::new())]));
    assert_eq!(written(&cleared, &draft(&[(ONLY, Vec::new())])), []);
    assert_eq!(read(&cleared).entries(Register::whole(ONLY)).count(), 1, "it still shows by whom");
}

#[test]
fn the_last_word_of_a_draft_counts() {
    let draft =
        draft(&[(LATEST, text(LATEST, "x")), (LATEST, text(LATEST, "y")), (TAGS, texts(TAGS, &["c"]))]);
    assert_eq!(draft.get(LATEST), Some(&text(LATEST, "y")[..]));
    assert_eq!(draft.body(), [text(LATEST, "y"), text(TAGS, "c")].concat());
    assert!(!draft.is_empty() && Draft::default().is_empty());
    let mut engine = Draft::default();
    engine.home(HOME);
    assert!(engine.body().is_empty() && !engine.is_empty());
}

#[test]
fn a_set_adds_and_removes_what_its_form_showed() {
    let before = created(HOME);
    let wanted = draft(&[(TAGS, texts(TAGS, &["b", "c"]))]);
    assert_eq!(written(&before, &wanted), [(TAGS, text(TAGS, "c")), (TAGS, Vec::new())]);
    // Meanwhile another tag was added, which the form did not show: it stays.
    let seen = read(&before).context;
    let more = edit(&before, stamp(WEST, 1, 20), &draft(&[(TAGS, texts(TAGS, &["a", "b", "new"]))]));
    let after = edit_seen(&read(&more), stamp(HOME, 2, 21), &wanted, &seen);
    let state = read(&after);
    let standing = |tag: &str| {
        state.entries(Register::element(TAGS, &text(TAGS, tag))).any(|(_, e)| !e.value.is_empty())
    };
    assert_eq!(["a", "b", "c", "new"].map(standing), [false, true, true, true]);
}

/// A broken value would otherwise read as "nothing", and empty the set.
#[test]
fn a_malformed_set_removes_nothing() {
    let before = created(HOME);
    for bad in [vec![0x3A, 9, b'x'], vec![0x3B], text(LATEST, "of another field")] {
        assert_eq!(written(&before, &draft(&[(TAGS, bad)])), []);
    }
}

/// A stale form yields alternatives, never a silent overwrite.
#[test]
fn a_stale_form_stands_beside_what_it_did_not_show() {
    let before = created(HOME);
    let seen = read(&before).context;
    let newer = edit(&before, stamp(WEST, 1, 20), &draft(&[(LATEST, text(LATEST, "区"))]));
    let after = edit_seen(&read(&newer), stamp(HOME, 2, 21), &draft(&[(LATEST, text(LATEST, "街"))]), &seen);
    assert_eq!(read(&after).entries(Register::whole(LATEST)).count(), 2);
}
