//! What of a record waits for a person: registers in which people disagree, and edits after a deletion.

use causal::{Context, Dot, Preference, Register, Stamp, State, deciding};
use schema::raw::{self, Value as Raw};
use schema::{Kind, Rule};

use crate::engine_field::{DELETED, is_engine_field};
use crate::rule::preferences;
use crate::shown::{Value, candidates, home_of, rule_of, values};
use crate::tree::Tree;

/// One question that a person should decide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict<'a> {
    /// Where.
    pub register: Register<'a>,
    /// What stands there, in order of edits; for a deletion also what was edited beside or after it.
    pub sides: Vec<Side<'a>>,
    /// Index of the one that is shown.
    pub shown: usize,
    /// The rule that picked it.
    pub rule: Rule,
    /// By which of the rule's preferences it was picked; `None`: as the latest.
    pub decided_by: Option<Preference>,
}

/// One of the answers that people gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side<'a> {
    /// A value in the register.
    Value(Stamp<'a>, &'a [u8]),
    /// An edit that the deletion had not seen; its fields are in the state's group of that name.
    EditedSince(Stamp<'a>),
}

impl<'a> Side<'a> {
    /// The edit that it stands for.
    pub fn stamp(&self) -> &Stamp<'a> {
        let (Side::Value(stamp, _) | Side::EditedSince(stamp)) = self;
        stamp
    }
}

impl Conflict<'_> {
    /// The edits that were looked at when this was shown: whoever settles the question names them, so that nothing that
    /// came later is settled unseen.
    pub fn dots(&self) -> impl Iterator<Item = Dot> + '_ {
        self.sides.iter().map(|side| side.stamp().dot)
    }
}

/// All that a person should decide about a record, in order of registers; as many as [`crate::Shown`] counts.
pub fn conflicts<'a>(kind: Option<&Kind>, tree: &Tree, state: &State<'a>) -> Vec<Conflict<'a>> {
    values(kind, tree, state).iter().filter_map(|value| conflict(kind, tree, state, value)).collect()
}

fn conflict<'a>(
    kind: Option<&Kind>,
    tree: &Tree,
    state: &State<'a>,
    value: &Value<'a>,
) -> Option<Conflict<'a>> {
    let number = value.register.field;
    let deleted = number == DELETED && !value.raw().is_empty();
    let since = if deleted { edited_since(state, value) } else { Vec::new() };
    if !value.disputed() && since.is_empty() {
        return None;
    }
    let field = kind.and_then(|k| k.field(number));
    let rule = rule_of(field, number);
    let entries = value.entries.iter().map(|(stamp, raw)| Side::Value(*stamp, raw));
    Some(Conflict {
        register: value.register,
        sides: entries.chain(since.into_iter().map(Side::EditedSince)).collect(),
        shown: value.shown,
        rule,
        decided_by: decided_by(field, tree, state, value, rule),
    })
}

/// Against the best of those that say something else.
fn decided_by(
    field: Option<&schema::Field>,
    tree: &Tree,
    state: &State<'_>,
    value: &Value<'_>,
    rule: Rule,
) -> Option<Preference> {
    let entries = value.entries.iter().map(|(stamp, raw)| (stamp, *raw));
    let all = candidates(field, tree, state, home_of(tree, state), entries);
    let others: Vec<_> =
        all.iter().zip(&value.entries).filter(|(_, e)| e.1 != value.raw()).map(|(c, _)| *c).collect();
    let best = causal::pick(preferences(rule), &others)?;
    deciding(preferences(rule), &all[value.shown], &others[best])
}

/// The edits of a record's own fields that no deletion had seen, whether made before it elsewhere or after it.
pub(crate) fn edited_since<'a>(state: &State<'a>, deletion: &Value<'a>) -> Vec<Stamp<'a>> {
    let mut seen = Context::default();
    for (stamp, raw) in &deletion.entries {
        seen.see(stamp.dot);
        seen.join(&seen_by(raw));
    }
    let unseen = state.groups.iter().filter(|group| !seen.has(group.stamp.dot));
    let edits = unseen.filter(|group| group.entries.iter().any(|e| !is_engine_field(e.register.field)));
    edits.map(|group| group.stamp).collect()
}

/// What whoever deleted a record had seen of it; nothing where that cannot be read.
fn seen_by(raw_value: &[u8]) -> Context {
    let first = raw::fields(raw_value).next().and_then(Result::ok);
    match first.map(|field| field.value) {
        Some(Raw::Bytes(context)) => Context::from_bytes(context).unwrap_or_default(),
        _ => Context::default(),
    }
}
