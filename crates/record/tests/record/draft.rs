//! How a form that was filled in over an older state becomes an edit.

use causal::{Dot, Register, ReplicaId, State};
use record::Draft;

use crate::contract::*;

/// An edit of S4 on a form that showed `seen`.
fn save_seen(before: &State<'static>, seen: &State<'_>, draft: Draft) -> State<'static> {
    save_as(before, &seen.context, Dot { replica: ReplicaId(77), tick: 1 }, S4, 30, draft)
}

#[test]
fn a_set_adds_and_removes_what_its_form_showed() {
    // Meanwhile another tag was added, which the form did not show: it stays.
    let more = save(&note(), WEST, 20, draft(&[(TAGS, set(TAGS, &["a", "b", "new"]))]));
    let after = save_seen(&more, &note(), draft(&[(TAGS, set(TAGS, &["b", "c"]))]));
    let standing = |tag: &str| {
        after.entries(Register::element(TAGS, &text(TAGS, tag))).any(|(_, e)| !e.value.is_empty())
    };
    assert_eq!(["a", "b", "c", "new"].map(standing), [false, true, true, true]);
}

/// A stale form yields alternatives, never a silent overwrite.
#[test]
fn a_stale_form_stands_beside_what_it_did_not_show() {
    let newer = save(&note(), WEST, 20, draft(&[(REMARK, text(REMARK, "区"))]));
    let after = save_seen(&newer, &note(), draft(&[(REMARK, text(REMARK, "街"))]));
    assert_eq!(after.entries(Register::whole(REMARK)).count(), 2);
}
