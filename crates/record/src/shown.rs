//! What is shown of a record: for each register the value its rule picks, and what follows for lists.

use causal::{BaseId, Candidate, Entry, Register, Stamp, State, pick};
use schema::raw::{self, Value as Raw};
use schema::{Column, Field, FieldType, Kind, Rule, Who};

use crate::conflict::edited_since;
use crate::engine_field::{DELETED, HOME, audience_bases, is_engine_field};
use crate::rule::{owner_of, preferences};
use crate::scope::{Scope, scope_of};
use crate::tree::Tree;

/// One register of a record: everything in it, and which of it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value<'a> {
    /// Where.
    pub register: Register<'a>,
    /// All that no known edit has replaced, in order of dot; never empty.
    pub entries: Vec<(Stamp<'a>, &'a [u8])>,
    /// Index of the one that is shown.
    pub shown: usize,
}

impl<'a> Value<'a> {
    /// The raw bytes that are shown.
    pub fn raw(&self) -> &'a [u8] {
        self.entries[self.shown].1
    }

    /// Whether people disagree: concurrent entries with different values. Who deletes says by it what had been seen,
    /// each something else; of a deletion it only matters whether there is one.
    pub fn disputed(&self) -> bool {
        let same = |a: &[u8], b: &[u8]| match self.register.field {
            DELETED => a.is_empty() == b.is_empty(),
            _ => a == b,
        };
        self.entries.iter().any(|e| !same(e.1, self.entries[0].1))
    }
}

/// What lists, filters, figures and scope need of a record, derived from its state; never replicated.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Shown {
    /// The base it belongs to.
    pub home: BaseId,
    /// Who may see it.
    pub scope: Scope,
    /// Whether it is shown as deleted.
    pub deleted: bool,
    /// How many questions wait for a person, see [`crate::conflicts`].
    pub alternatives: u32,
    /// Its title, for lists.
    pub title: String,
    /// Division code of where it is; empty when there is none.
    pub place: String,
    /// Number of its class in the class's enum; 0 when there is none.
    pub class: i64,
    /// Number of its workflow state, or of its status; 0 when there is none.
    pub state: i64,
    /// The parts of its natural key, as people write them, joined by a space.
    pub natural_key: String,
    /// The text that search looks through.
    pub search: String,
    /// The shown values as one protobuf message of its kind, unknown fields included.
    pub body: Vec<u8>,
}

/// All registers of a state in order, with what is shown of each. Of a kind that is not known here the latest is
/// shown.
pub fn values<'a>(kind: Option<&Kind>, tree: &Tree, state: &State<'a>) -> Vec<Value<'a>> {
    let home = home_of(tree, state);
    let all = state.by_register();
    let of_register = all.chunk_by(|a, b| a.1.register == b.1.register);
    of_register.map(|entries| value(kind, tree, state, home, entries)).collect()
}

fn value<'a>(
    kind: Option<&Kind>,
    tree: &Tree,
    state: &State<'a>,
    home: BaseId,
    entries: &[(&Stamp<'a>, &Entry<'a>)],
) -> Value<'a> {
    let register = entries[0].1.register;
    let owned = entries.iter().map(|(stamp, entry)| (**stamp, entry.value)).collect();
    let shown = match entries.len() {
        1 => 0,
        _ => pick_among(kind.and_then(|k| k.field(register.field)), tree, state, home, entries),
    };
    Value { register, entries: owned, shown }
}

fn pick_among<'a>(
    field: Option<&Field>,
    tree: &Tree,
    state: &State<'a>,
    home: BaseId,
    entries: &[(&Stamp<'a>, &Entry<'a>)],
) -> usize {
    let rule = rule_of(field, entries[0].1.register.field);
    let all = entries.iter().map(|(stamp, entry)| (*stamp, entry.value));
    pick(preferences(rule), &candidates(field, tree, state, home, all)).unwrap_or(0)
}

/// The rule of a register; the engine's own are settled by people, and of what is not known here the latest is shown.
pub(crate) fn rule_of(field: Option<&Field>, number: u32) -> Rule {
    if is_engine_field(number) { Rule::Manual } else { field.map_or(Rule::Latest, |f| f.rule) }
}

/// What a rule compares of the entries of one register.
pub(crate) fn candidates<'s>(
    field: Option<&Field>,
    tree: &Tree,
    state: &State<'_>,
    home: BaseId,
    entries: impl Iterator<Item = (&'s Stamp<'s>, &'s [u8])>,
) -> Vec<Candidate> {
    let who = field.map_or(Who::Home, |f| f.owner);
    let named = field.and_then(|f| f.owner_field).and_then(|number| named_base(state, number));
    let candidate = |(stamp, value): (&Stamp<'_>, &[u8])| Candidate {
        owner: owner_of(tree, who, home, named, stamp.base),
        tier: tree.tier(stamp.base),
        order: field.map_or(0, |f| order(f, value)),
        present: !value.is_empty(),
        saved_at_ms: stamp.saved_at_ms,
        dot: stamp.dot,
    };
    entries.map(candidate).collect()
}

/// The base that a naming field holds; the lowest id while it has alternatives, so that all nodes agree.
pub(crate) fn named_base(state: &State<'_>, number: u32) -> Option<BaseId> {
    state.entries(Register::whole(number)).flat_map(|(_, entry)| audience_bases(entry.value)).min()
}

/// The home that is shown: among alternatives the higher tier's word, then the latest.
pub(crate) fn home_of(tree: &Tree, state: &State<'_>) -> BaseId {
    let mut entries = state.entries(Register::whole(HOME));
    let Some(first) = entries.next() else { return BaseId::default() };
    let others: Vec<_> = entries.collect();
    let shown = if others.is_empty() {
        first
    } else {
        let all: Vec<_> = std::iter::once(first).chain(others).collect();
        all[pick_among(None, tree, state, BaseId::default(), &all)]
    };
    audience_bases(shown.1.value).next().unwrap_or_default()
}

/// Where a value stands in its enum or workflow.
pub(crate) fn order(field: &Field, raw_value: &[u8]) -> i64 {
    let first = raw::fields(raw_value).next().and_then(Result::ok);
    match (&field.ty, first.map(|f| f.value)) {
        (FieldType::Step, Some(Raw::Bytes(step))) => step_numbers(step).1.map_or(0, i64::from),
        (_, Some(Raw::Varint(number))) => number as i64,
        _ => 0,
    }
}

/// The state in which a workflow value stands.
pub fn step_to(raw_value: &[u8]) -> Option<i32> {
    match raw::fields(raw_value).next()?.ok()?.value {
        Raw::Bytes(step) => step_numbers(step).1,
        _ => None,
    }
}

/// `from` and `to` of a workflow step (fields 1 and 2 of `shuniu.schema.v1.Step`).
pub(crate) fn step_numbers(step: &[u8]) -> (Option<i32>, Option<i32>) {
    let mut numbers = (None, None);
    for field in raw::fields(step).map_while(Result::ok) {
        match (field.number, field.value) {
            (1, Raw::Varint(v)) => numbers.0 = i32::try_from(v).ok(),
            (2, Raw::Varint(v)) => numbers.1 = i32::try_from(v).ok(),
            _ => {}
        }
    }
    numbers
}

/// The body of a state that holds what one edit wrote, as most do: there is nothing to choose among. `None` for any
/// other, and for one that is deleted.
fn lone_body(state: &State<'_>) -> Option<Vec<u8>> {
    let [only] = state.groups.as_slice() else { return None };
    if only.entry(Register::whole(DELETED)).is_some() {
        return None;
    }
    let own = only.entries.iter().filter(|entry| !is_engine_field(entry.register.field));
    let mut body = Vec::with_capacity(own.clone().map(|entry| entry.value.len()).sum());
    own.for_each(|entry| body.extend_from_slice(entry.value));
    Some(body)
}

impl Shown {
    /// Works out what is shown of a state.
    pub fn of(kind: Option<&Kind>, tree: &Tree, state: &State<'_>) -> Shown {
        let mut shown = Shown { scope: scope_of(state), home: home_of(tree, state), ..Shown::default() };
        let lone = lone_body(state);
        let values = if lone.is_some() { Vec::new() } else { values(kind, tree, state) };
        shown.body = lone.unwrap_or_default();
        for value in values {
            shown.alternatives += u32::from(value.disputed());
            match value.register.field {
                DELETED => {
                    shown.deleted = !value.raw().is_empty();
                    let undecided = shown.deleted && !value.disputed();
                    shown.alternatives += u32::from(undecided && !edited_since(state, &value).is_empty());
                }
                number if is_engine_field(number) => {}
                _ => shown.body.extend_from_slice(value.raw()),
            }
        }
        if let Some(kind) = kind {
            shown.fill_columns(kind);
        }
        shown
    }

    fn fill_columns(&mut self, kind: &Kind) {
        let body = std::mem::take(&mut self.body);
        for occurrence in raw::fields(&body).map_while(Result::ok) {
            let Some(field) = kind.field(occurrence.number) else { continue };
            match (field.column, occurrence.value) {
                (Some(Column::Title), Raw::Bytes(text)) => self.title = lossy(text),
                (Some(Column::Place), Raw::Bytes(text)) => self.place = lossy(text),
                (Some(Column::Class), _) => self.class = order(field, occurrence.raw),
                (Some(Column::State), _) => self.state = order(field, occurrence.raw),
                _ => {}
            }
            if field.searchable
                && let Raw::Bytes(text) = occurrence.value
            {
                self.search.reserve(text.len() + SEARCH_AHEAD);
                self.search.push_str(&String::from_utf8_lossy(text));
                self.search.push('\n');
            }
        }
        self.natural_key = natural_key(kind, &body).unwrap_or_default().join(" ");
        self.body = body;
    }
}

/// Room for what a record's further fields add to the text that search looks through.
const SEARCH_AHEAD: usize = 128;

/// The parts of a record's natural key as people write them; `None` while one of them is missing or the kind has
/// no natural key.
pub(crate) fn natural_key(kind: &Kind, body: &[u8]) -> Option<Vec<String>> {
    let part = |number: &u32| {
        let field = kind.field(*number)?;
        let found = raw::fields(body).map_while(Result::ok).find(|f| f.number == *number)?;
        Some(schema::text::show_text(field, found.raw)).filter(|text| !text.is_empty())
    };
    if kind.natural_key.is_empty() { None } else { kind.natural_key.iter().map(part).collect() }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
