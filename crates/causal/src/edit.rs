//! Writing: how one edit changes a state.

use crate::context::Context;
use crate::ids::{Dot, Stamp};
use crate::state::{Entry, Group, Register, State};

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

/// Applies one edit that overrules others: it replaces exactly the entries of the edits `gone` names in each register,
/// and nothing else that their replicas wrote before. The entries overruled are given back for the history.
///
/// As in [`write()`], `stamp.dot` must be new.
pub fn overrule<'a>(
    before: &State<'a>,
    stamp: Stamp<'a>,
    gone: &[(Dot, Register<'_>)],
    writes: &[Entry<'a>],
) -> Written<'a> {
    let unseen = Context::default();
    let mut written = write(before, stamp, &unseen, writes);
    let mut groups = Vec::with_capacity(written.state.groups.len());
    for group in written.state.groups {
        let goes = |e: &Entry<'a>| gone.contains(&(group.stamp.dot, e.register));
        let (overruled, kept): (Vec<_>, Vec<_>) = group.entries.iter().copied().partition(goes);
        push(&mut groups, group.stamp, kept);
        push(&mut written.replaced, group.stamp, overruled);
    }
    Written { state: State { context: written.state.context, groups }, replaced: written.replaced }
}
