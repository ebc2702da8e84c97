//! The merge of two states of one record.

use std::cmp::Ordering;

use crate::context::Context;
use crate::ids::Dot;
use crate::state::{Group, State};

/// Two states hold different things under one dot: one of them is forged, or a database was copied in a way
/// that no opening noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("two different edits carry the same name {dot:?}")]
pub struct Clash {
    /// The name that both carry.
    pub dot: Dot,
}

/// Merges two states: an entry stays if the other state has it too, or has not seen its edit; contexts take the
/// pointwise maximum.
///
/// Commutative, associative and idempotent; the result covers both inputs.
///
/// # Errors
/// [`Clash`] when both hold one dot with different values.
pub fn merge<'a>(a: &State<'a>, b: &State<'a>) -> Result<State<'a>, Clash> {
    let mut groups = Vec::with_capacity(a.groups.len() + b.groups.len());
    let (mut left, mut right) = (a.groups.iter().peekable(), b.groups.iter().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some(l), Some(r)) => l.stamp.dot.cmp(&r.stamp.dot),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        match order {
            Ordering::Less => groups.extend(left.next().filter(|g| unseen(g, &b.context)).cloned()),
            Ordering::Greater => groups.extend(right.next().filter(|g| unseen(g, &a.context)).cloned()),
            Ordering::Equal => {
                if let (Some(l), Some(r)) = (left.next(), right.next()) {
                    groups.extend(common(l, r)?);
                }
            }
        }
    }
    if planted::on!(LoserDropped) {
        drop_losers(&mut groups);
    }
    let mut context = a.context.clone();
    context.join(&b.context);
    Ok(State { context, groups })
}

/// Planted: of the values in a register only the latest is kept.
fn drop_losers(groups: &mut Vec<Group<'_>>) {
    let of_group = |group: &Group<'_>| (group.stamp.saved_at_ms, group.stamp.dot);
    let all = groups.clone();
    for group in &mut *groups {
        let later = |other: &&Group<'_>| of_group(other) > of_group(group);
        let later: Vec<_> = all.iter().filter(later).collect();
        group.entries.retain(|entry| !later.iter().any(|other| other.entry(entry.register).is_some()));
    }
    groups.retain(|group| !group.entries.is_empty());
}

fn unseen(group: &Group<'_>, context: &Context) -> bool {
    !context.has(group.stamp.dot)
}

/// What both hold of one edit: a register that only one still holds has been overwritten at the other.
fn common<'a>(a: &Group<'a>, b: &Group<'a>) -> Result<Option<Group<'a>>, Clash> {
    let clash = Clash { dot: a.stamp.dot };
    if a.stamp != b.stamp {
        return Err(clash);
    }
    let mut entries = Vec::with_capacity(a.entries.len().min(b.entries.len()));
    for entry in &a.entries {
        match b.entry(entry.register) {
            Some(other) if other.value != entry.value => return Err(clash),
            Some(_) => entries.push(*entry),
            None => {}
        }
    }
    Ok((!entries.is_empty()).then_some(Group { stamp: a.stamp, entries }))
}
