//! Lists and figures, by going through all records.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use causal::BaseId;
use schema::Kind;
use serde_json::Value;

use super::data::{Data, Held};
use crate::error::StoreError;
use crate::field_path::{Compared, FieldPath};
use crate::query::{FigureQuery, FigureRow, GroupBy, Item, LIMIT_MAX, Op, OrderBy, Page, Query};
use crate::sqlite::GROUPS_MAX;
use crate::text::{Wanted, fold};

/// A record with its shown values.
struct Candidate<'a> {
    held: &'a Held,
    body: Value,
}

/// A condition on a field.
struct Condition<'a> {
    field: FieldPath<'a>,
    op: Op,
    compared: Option<Compared>,
}

pub(super) fn list(data: &Data, kind: Option<&Kind>, query: &Query) -> Result<Page, StoreError> {
    let mut found = matching(data, kind, query)?;
    let mut order = Vec::new();
    for (by, descending) in &query.order {
        let field = match by {
            OrderBy::Field(name) => Some(FieldPath::resolve(kind, name)?),
            _ => None,
        };
        order.push((by, field, *descending));
    }
    found.sort_by(|a, b| {
        let by_parts = order.iter().map(|(by, field, descending)| {
            let ordering = compare_by(by, field.as_ref(), a, b);
            if *descending { ordering.reverse() } else { ordering }
        });
        let latest = if order.is_empty() { b.held.row.seq.cmp(&a.held.row.seq) } else { Ordering::Equal };
        by_parts.fold(latest, Ordering::then).then(a.held.row.id.cmp(&b.held.row.id))
    });
    let total = found.len() as u64;
    let page = found.iter().skip(query.offset as usize).take(query.limit.min(LIMIT_MAX) as usize);
    Ok(Page { items: page.map(|candidate| item(data, candidate.held)).collect(), total })
}

fn compare_by(by: &OrderBy, field: Option<&FieldPath<'_>>, a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
    let (left, right) = (&a.held.shown, &b.held.shown);
    match by {
        OrderBy::Title => left.title.cmp(&right.title),
        OrderBy::Place => left.place.cmp(&right.place),
        OrderBy::State => left.state.cmp(&right.state),
        OrderBy::Class => left.class.cmp(&right.class),
        OrderBy::Seq => a.held.row.seq.cmp(&b.held.row.seq),
        OrderBy::Field(_) => {
            let key = |c: &Candidate<'_>| field.and_then(|f| Some(sort_key(f, at(&c.body, f)?)));
            key(a).partial_cmp(&key(b)).unwrap_or(Ordering::Equal)
        }
    }
}

/// Numbers before texts, as SQL has it.
fn sort_key(field: &FieldPath<'_>, value: &Value) -> (u8, f64, String) {
    match comparable(field, value) {
        Compared::Int(number) => (0, number as f64, String::new()),
        Compared::Real(number) => (0, number, String::new()),
        Compared::Text(text) => (1, 0.0, text),
    }
}

fn item(data: &Data, held: &Held) -> Item {
    let shown = &held.shown;
    Item {
        row: data.row(held),
        title: shown.title.clone(),
        place: shown.place.clone(),
        class: shown.class,
        state: shown.state,
        home: shown.home,
        alternatives: shown.alternatives,
        deleted: shown.deleted,
        natural_key: shown.natural_key.clone(),
    }
}

fn matching<'a>(
    data: &'a Data,
    kind: Option<&Kind>,
    query: &Query,
) -> Result<Vec<Candidate<'a>>, StoreError> {
    let mut conditions = Vec::new();
    for (name, op, value) in &query.fields {
        let field = FieldPath::resolve(kind, name)?;
        let compared = if *op == Op::Empty { None } else { Some(field.compared(*op, value)?) };
        conditions.push(Condition { field, op: *op, compared });
    }
    let wanted = Wanted::of(query.text.as_deref());
    let by_columns = data.records.values().filter(|held| fits_columns(held, query));
    let by_words =
        by_columns.filter(|held| wanted.as_ref().is_none_or(|w| w.occurs_in(&fold(&held.shown.search))));
    let candidates = by_words.map(|held| Candidate {
        held,
        body: kind.map_or(Value::Null, |kind| Value::Object(schema::json::to_json(kind, &held.shown.body))),
    });
    Ok(candidates.filter(|candidate| conditions.iter().all(|c| fits(c, &candidate.body))).collect())
}

fn fits_columns(held: &Held, query: &Query) -> bool {
    let shown = &held.shown;
    held.row.kind == query.kind
        && !held.row.hidden
        && (query.deleted || !shown.deleted)
        && (!query.disputed_only || shown.alternatives > 0)
        && query.homes.as_ref().is_none_or(|homes| homes.contains(&shown.home))
        && query.place_prefix.as_ref().is_none_or(|prefix| shown.place.starts_with(prefix.as_str()))
        && query.class.is_none_or(|class| shown.class == class)
        && query.state.is_none_or(|state| shown.state == state)
}

fn at<'v>(body: &'v Value, field: &FieldPath<'_>) -> Option<&'v Value> {
    field.path.iter().try_fold(body, |value, name| value.get(name)).filter(|value| !value.is_null())
}

fn fits(condition: &Condition<'_>, body: &Value) -> bool {
    let value = at(body, &condition.field);
    let Some(compared) = &condition.compared else {
        return value.is_none_or(|v| matches!(text(v).as_str(), "" | "[]"));
    };
    let fits_one = |op, value| fits_value(&condition.field, op, compared, value);
    if !condition.field.repeated {
        return fits_one(condition.op, value);
    }
    let elements = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    match condition.op {
        Op::Ne => !elements.iter().any(|e| fits_one(Op::Eq, Some(e))),
        op => elements.iter().any(|e| fits_one(op, Some(e))),
    }
}

fn fits_value(field: &FieldPath<'_>, op: Op, compared: &Compared, value: Option<&Value>) -> bool {
    let Some(value) = value else { return op == Op::Ne };
    if let (Op::Contains, Compared::Text(part)) = (op, compared) {
        return text(value).contains(part.as_str());
    }
    let own = match (field.enumeration, compared) {
        (Some(_), Compared::Text(_)) => Compared::Text(text(value)),
        _ => comparable(field, value),
    };
    let ordering = match (&own, compared) {
        (Compared::Text(a), Compared::Text(b)) => Some(a.cmp(b)),
        (Compared::Int(a), Compared::Int(b)) => Some(a.cmp(b)),
        (Compared::Real(a), Compared::Real(b)) => a.partial_cmp(b),
        (Compared::Int(a), Compared::Real(b)) => (*a as f64).partial_cmp(b),
        _ => None,
    };
    let empty = own == Compared::Text(String::new());
    match op {
        Op::Eq => ordering == Some(Ordering::Equal),
        Op::Ne => ordering != Some(Ordering::Equal),
        Op::Lt => !empty && ordering == Some(Ordering::Less),
        Op::Le => !empty && ordering.is_some_and(Ordering::is_le),
        Op::Gt => !empty && ordering == Some(Ordering::Greater),
        Op::Ge => !empty && ordering.is_some_and(Ordering::is_ge),
        Op::Contains | Op::Empty => false,
    }
}

/// A value as it is compared and ordered: an enum by its number.
fn comparable(field: &FieldPath<'_>, value: &Value) -> Compared {
    let of_enum = field.enumeration.zip(value.as_str()).and_then(|(values, name)| values.value_named(name));
    match (of_enum, value) {
        (Some(found), _) => Compared::Int(i64::from(found.number)),
        (None, Value::Bool(flag)) => Compared::Int(i64::from(*flag)),
        (None, Value::Number(number)) => match number.as_i64() {
            Some(whole) => Compared::Int(whole),
            None => Compared::Real(number.as_f64().unwrap_or_default()),
        },
        (None, other) => Compared::Text(text(other)),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(flag) => u8::from(*flag).to_string(),
        other => other.to_string(),
    }
}

pub(super) fn figure(
    data: &Data,
    kind: Option<&Kind>,
    query: &FigureQuery,
) -> Result<Vec<FigureRow>, StoreError> {
    if query.group_by.len() > GROUPS_MAX {
        return Err(StoreError::bad_query("统计分组太多 / too many breakdowns"));
    }
    let distinct = query.distinct.as_deref().map(|name| FieldPath::resolve(kind, name)).transpose()?;
    let mut counts: BTreeMap<(BaseId, Vec<String>), (u64, BTreeSet<String>)> = BTreeMap::new();
    for candidate in matching(data, kind, &as_list(query))? {
        for keys in keys(kind, query, &candidate)? {
            let home = if query.over_homes { BaseId::default() } else { candidate.held.shown.home };
            let (count, values) = counts.entry((home, keys)).or_default();
            *count += 1;
            let found = distinct.as_ref().map(|field| texts(field, &candidate.body)).unwrap_or_default();
            values.extend(found.into_iter().filter(|value| !value.is_empty()));
        }
    }
    let count = |(count, values): (u64, BTreeSet<String>)| match distinct {
        None => count,
        Some(_) => values.len() as u64,
    };
    Ok(counts
        .into_iter()
        .map(|((home, keys), found)| FigureRow { home, keys, count: count(found) })
        .filter(|row| row.count > 0 || !query.over_homes || !row.keys.is_empty())
        .collect())
}

fn as_list(query: &FigureQuery) -> Query {
    Query {
        kind: query.kind.clone(),
        homes: query.homes.clone(),
        place_prefix: query.place_prefix.clone(),
        class: query.class,
        state: query.state,
        text: query.text.clone(),
        fields: query.fields.clone(),
        ..Query::default()
    }
}

/// The keys under which a record counts: several, if it is broken down by a set.
fn keys(
    kind: Option<&Kind>,
    query: &FigureQuery,
    candidate: &Candidate<'_>,
) -> Result<Vec<Vec<String>>, StoreError> {
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    for group in &query.group_by {
        let shown = &candidate.held.shown;
        let values = match group {
            GroupBy::Place => vec![shown.place.clone()],
            GroupBy::Class => vec![shown.class.to_string()],
            GroupBy::State => vec![shown.state.to_string()],
            GroupBy::Field(name) => texts(&FieldPath::resolve(kind, name)?, &candidate.body),
        };
        let with = |keys: &Vec<String>| {
            let keys = keys.clone();
            values
                .iter()
                .map(move |value| keys.iter().cloned().chain([value.clone()]).collect())
                .collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with).collect();
    }
    Ok(all)
}

/// A field as text: once, or once for each element; an empty set as one empty text.
fn texts(field: &FieldPath<'_>, body: &Value) -> Vec<String> {
    let value = at(body, field);
    match value.and_then(Value::as_array).filter(|_| field.repeated) {
        Some(elements) if !elements.is_empty() => elements.iter().map(text).collect(),
        Some(_) => vec![String::new()],
        None => vec![value.map(text).unwrap_or_default()],
    }
}
