//! From a question to SQL: the conditions that lists and figures share.

use causal::BaseId;
use schema::{Column, Kind};

use super::dialect;
use super::values::Bound;
use crate::error::StoreError;
use crate::field_path::{Compared, FieldPath};
use crate::query::{FigureQuery, Op, Query};
use crate::text::{Wanted, pairs};

/// Most homes of one question: more than a province has bases.
const HOMES_MAX: usize = 5_000;

/// What lists and figures have in common.
pub(super) struct Filter<'a> {
    kind_name: &'a str,
    homes: Option<&'a [BaseId]>,
    place_prefix: Option<&'a str>,
    class: Option<i64>,
    state: Option<i64>,
    wanted: Option<Wanted>,
    fields: &'a [(String, Op, String)],
    deleted: bool,
    disputed_only: bool,
}

impl<'a> Filter<'a> {
    pub fn of_list(query: &'a Query) -> Filter<'a> {
        Filter {
            kind_name: &query.kind,
            homes: query.homes.as_deref(),
            place_prefix: query.place_prefix.as_deref(),
            class: query.class,
            state: query.state,
            wanted: Wanted::of(query.text.as_deref()),
            fields: &query.fields,
            deleted: query.deleted,
            disputed_only: query.disputed_only,
        }
    }

    pub fn of_figure(query: &'a FigureQuery) -> Filter<'a> {
        Filter {
            kind_name: &query.kind,
            homes: query.homes.as_deref(),
            place_prefix: query.place_prefix.as_deref(),
            class: query.class,
            state: query.state,
            wanted: Wanted::of(query.text.as_deref()),
            fields: &query.fields,
            deleted: false,
            disputed_only: false,
        }
    }
}

/// Parts of a statement over `record r`, and its first arguments.
#[derive(Clone)]
pub(super) struct Source {
    /// `WITH …`, or nothing.
    pub with: String,
    /// The tables.
    pub from: String,
    /// The conditions.
    pub conditions: String,
    /// The arguments of all three.
    pub bound: Bound,
}

/// Builds the parts. `searched` is the number up to which the search index is complete in this snapshot; it matters only
/// where text is searched for.
pub(super) fn source(filter: &Filter<'_>, kind: Option<&Kind>, searched: u64) -> Result<Source, StoreError> {
    let mut source = Source {
        with: String::new(),
        from: "record r".into(),
        conditions: String::new(),
        bound: Bound::default(),
    };
    if let Some(expression) = filter.wanted.as_ref().and_then(match_expression) {
        source.with = dialect::SEARCH_HITS.into();
        source.from = "hit CROSS JOIN record r ON r.n = hit.n".into();
        source.bound.add(expression).add(filter.kind_name).number(searched);
    }
    source.also("r.kind = ?").bound.add(filter.kind_name);
    source.also("r.hidden = 0");
    if !filter.deleted {
        source.also("r.deleted = 0");
    }
    if filter.disputed_only {
        source.also("r.alternatives > 0");
    }
    source.add_columns(filter)?;
    for (name, op, value) in filter.fields {
        let field = FieldPath::resolve(kind, name)?;
        if *op == Op::Eq && is_place(kind, name) {
            source.add_place(&field, value)?;
        }
        source.add_field(&field, *op, value)?;
    }
    if let Some(wanted) = &filter.wanted {
        source.add_words(wanted);
    }
    Ok(source)
}

impl Source {
    /// Adds a condition; its arguments follow.
    fn also(&mut self, condition: &str) -> &mut Self {
        if !self.conditions.is_empty() {
            self.conditions.push_str(" AND ");
        }
        self.conditions.push_str(condition);
        self
    }

    fn add_columns(&mut self, filter: &Filter<'_>) -> Result<(), StoreError> {
        if let Some(homes) = filter.homes {
            if homes.len() > HOMES_MAX {
                return Err(StoreError::bad_query("一次查询的基地太多 / too many bases in one query"));
            }
            self.also(&format!("r.home IN ({})", vec!["?"; homes.len()].join(",")));
            homes.iter().for_each(|home| {
                self.bound.bytes(&home.0);
            });
        }
        if let Some(prefix) = filter.place_prefix.filter(|p| !p.is_empty()) {
            // A range instead of LIKE, so that the index is used on every engine.
            self.also("r.place >= ? AND r.place < ?").bound.add(prefix).add(format!("{prefix}\u{10FFFF}"));
        }
        if let Some(class) = filter.class {
            self.also("r.class = ?").bound.add(class);
        }
        if let Some(state) = filter.state {
            self.also("r.step = ?").bound.add(state);
        }
        Ok(())
    }

    /// The same value stands in a column of its own, so that the index finds the few rows whose bodies are looked into.
    fn add_place(&mut self, field: &FieldPath<'_>, value: &str) -> Result<(), StoreError> {
        if let (Compared::Text(place), false) = (field.compared(Op::Eq, value)?, field.repeated)
            && !place.is_empty()
        {
            self.also("r.place = ?").bound.add(place);
        }
        Ok(())
    }

    fn add_field(&mut self, field: &FieldPath<'_>, op: Op, value: &str) -> Result<(), StoreError> {
        if op == Op::Empty {
            let text = dialect::as_text(&dialect::json_value("r.body", &field.path));
            self.also(&format!("COALESCE({text}, '') IN ('', '[]')"));
            return Ok(());
        }
        let compared = field.compared(op, value)?;
        if !field.repeated {
            let condition = comparison(&plain(field, &compared), op);
            self.also(&condition);
        } else {
            let elements = dialect::json_elements("r.body", &field.path);
            let inner = if op == Op::Ne { Op::Eq } else { op };
            let exists = if op == Op::Ne { "NOT EXISTS" } else { "EXISTS" };
            let condition = comparison(&numbered(field, &compared, "e.value"), inner);
            self.also(&format!("{exists} (SELECT 1 FROM {elements} e WHERE {condition})"));
        }
        bind(&mut self.bound, compared);
        Ok(())
    }

    fn add_words(&mut self, wanted: &Wanted) {
        let wording = |words: &Vec<String>| vec![dialect::occurs("r.words", "?"); words.len()].join(" AND ");
        let any: Vec<String> = wanted.wordings.iter().map(wording).collect();
        self.also(&format!("(({}))", any.join(") OR (")));
        wanted.wordings.iter().flatten().for_each(|word| {
            self.bound.add(word.as_str());
        });
    }
}

/// Whether a field fills the column of places.
fn is_place(kind: Option<&Kind>, name: &str) -> bool {
    kind.and_then(|kind| kind.column(Column::Place)).is_some_and(|field| field.name == name)
}

fn bind(bound: &mut Bound, compared: Compared) {
    match compared {
        Compared::Text(text) => bound.add(text),
        Compared::Int(number) => bound.add(number),
        Compared::Real(number) => bound.add(number),
    };
}

fn plain(field: &FieldPath<'_>, compared: &Compared) -> String {
    numbered(field, compared, &dialect::json_value("r.body", &field.path))
}

/// The value as it is compared: an enum by its number where order matters.
fn numbered(field: &FieldPath<'_>, compared: &Compared, value: &str) -> String {
    match (field.enumeration, compared) {
        (Some(_), Compared::Int(_)) => in_order(field, value),
        _ => value.to_owned(),
    }
}

/// What a field is ordered by: an enum by its numbers, anything else by itself.
pub(super) fn in_order(field: &FieldPath<'_>, value: &str) -> String {
    let Some(values) = field.enumeration else { return value.to_owned() };
    // Names of enum values are identifiers of the contract's language: no quote can be in them.
    let whens =
        values.values.iter().map(|v| format!(" WHEN '{}' THEN {}", v.name.replace('\'', ""), v.number));
    format!("CASE {value}{} ELSE {value} END", whens.collect::<String>())
}

fn comparison(value: &str, op: Op) -> String {
    match op {
        Op::Eq => format!("{value} = ?"),
        Op::Ne => format!("{value} IS DISTINCT FROM ?"),
        Op::Lt => format!("NULLIF({value}, '') < ?"),
        Op::Le => format!("NULLIF({value}, '') <= ?"),
        Op::Gt => format!("NULLIF({value}, '') > ?"),
        Op::Ge => format!("NULLIF({value}, '') >= ?"),
        Op::Contains => dialect::occurs(&dialect::as_text(value), "?"),
        Op::Empty => format!("COALESCE({value}, '') = ''"),
    }
}

/// What the search index is asked for; `None` when a wording has no pair of characters to look up, so that all
/// records of the kind must be gone through.
fn match_expression(wanted: &Wanted) -> Option<String> {
    let of_wording = |words: &Vec<String>| words.iter().flat_map(|word| pairs(word)).collect::<Vec<_>>();
    let wordings: Vec<Vec<String>> = wanted.wordings.iter().map(of_wording).collect();
    let complete = wordings.iter().all(|pairs| !pairs.is_empty());
    complete.then(|| dialect::search_expression(&wordings))
}
