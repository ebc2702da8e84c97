//! Writing: how one edit changes a state.

use crate::context::Context;
use crate::ids::Stamp;
use crate::state::{Entry, Group, State};

/// The outcome of [`write()`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written<'a> {
    /// The state after the edit.
    pub state: State<'a>,
    /// What the edit replaced, grouped by the edits that had written it: for the history.
    pub replaced: Vec<Group<'a>>,
}

/// Applies one edit. In each register written it replaces the entries whose edits the writer had `seen`, and no
/// others: a stale form yields alternatives, never a silent overwrite.
///
/// `stamp.dot` must be new (its replica never re-uses a tick, and `before` has not seen it). A value must be raw
/// fields of its register's number, in their shortest form; that of an element is the element itself. Of two
/// writes to one register the first counts; no writes change nothing.
pub fn write<'a>(before: &State<'a>, stamp: Stamp<'a>, seen: &Context, writes: &[Entry<'a>]) -> Written<'a> {
    let mut entries = writes.to_vec();
    entries.sort_by(|a, b| a.register.cmp(&b.register));
    entries.dedup_by(|a, b| a.register == b.register);
    if entries.is_empty() {
        return Written { state: before.clone(), replaced: Vec::new() };
    }
    let written = Group { stamp, entries };
    let mut groups = Vec::with_capacity(before.groups.len() + 1);
    let mut replaced = Vec::new();
    for group in &before.groups {
        let goes = |e: &Entry<'a>| seen.has(group.stamp.dot) && written.entry(e.register).is_some();
        let (gone, kept): (Vec<_>, Vec<_>) = group.entries.iter().copied().partition(goes);
        push(&mut groups, group.stamp, kept);
        push(&mut replaced, group.stamp, gone);
    }
    let mut context = before.context.clone();
    context.see(stamp.dot);
    let at = groups.partition_point(|g: &Group<'a>| g.stamp.dot < stamp.dot);
    groups.insert(at, written);
    Written { state: State { context, groups }, replaced }
}

fn push<'a>(groups: &mut Vec<Group<'a>>, stamp: Stamp<'a>, entries: Vec<Entry<'a>>) {
    if !entries.is_empty() {
        groups.push(Group { stamp, entries });
    }
}
