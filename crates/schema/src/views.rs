//! SQL views: each kind as an ordinary table for analysts, with named, typed columns.
//!
//! Masked in them is what pages mask, since a query gives no reason for looking; what stays home is left out.

use crate::model::{EnumDef, Field, FieldType, Kind};
use crate::options::{Format, Privacy};

/// One column of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewColumn {
    /// Its name.
    pub name: String,
    /// The SQL that computes it from a row of `record`.
    pub sql: String,
}

/// `CREATE VIEW` of a kind over the table `record`, for SQLite.
pub fn view_sql(kind: &Kind) -> String {
    let columns: Vec<String> = columns(kind)
        .iter()
        .map(|column| format!("  {} AS {}", column.sql, identifier(&column.name)))
        .collect();
    format!(
        "CREATE VIEW {} AS SELECT\n{}\nFROM record\nWHERE kind = {} AND hidden = 0 AND deleted = 0",
        identifier(&kind.name),
        columns.join(",\n"),
        literal(&kind.name),
    )
}

/// The columns of a kind's view: id, home and seq, then its fields in the order of their numbers.
pub fn columns(kind: &Kind) -> Vec<ViewColumn> {
    let mut columns = vec![
        column("id", "lower(hex(id))".to_owned()),
        column("home", "lower(hex(home))".to_owned()),
        column("seq", "seq".to_owned()),
    ];
    for field in kind.fields.iter().filter(|field| !field.stays_home) {
        add(&mut columns, field, &field.name, &format!("$.{}", field.name));
    }
    columns
}

fn column(name: &str, sql: String) -> ViewColumn {
    ViewColumn { name: name.to_owned(), sql }
}

fn add(columns: &mut Vec<ViewColumn>, field: &Field, name: &str, path: &str) {
    let path_sql = literal(path);
    if field.repeated && field.privacy == Privacy::Personal {
        return;
    }
    if field.repeated {
        columns.push(column(name, format!("body -> {path_sql}")));
        return;
    }
    match &field.ty {
        FieldType::Message(parts) => {
            for part in parts {
                add(columns, part, &format!("{name}_{}", part.name), &format!("{path}.{}", part.name));
            }
        }
        FieldType::Step => add_step(columns, field, name, path),
        FieldType::Enum(values) => add_enum(columns, values, name, path),
        _ => columns.push(column(name, typed(field, format!("body ->> {path_sql}")))),
    }
}

fn add_step(columns: &mut Vec<ViewColumn>, field: &Field, name: &str, path: &str) {
    if let Some(states) = &field.workflow {
        add_enum(columns, states, name, &format!("{path}.to"));
    }
    let at = literal(&format!("{path}.at_ms"));
    columns.push(column(&format!("{name}_at_ms"), format!("CAST(body ->> {at} AS INTEGER)")));
}

fn add_enum(columns: &mut Vec<ViewColumn>, values: &EnumDef, name: &str, path: &str) {
    let value = format!("body ->> {}", literal(path));
    columns.push(column(name, value.clone()));
    let whens: String = values
        .values
        .iter()
        .map(|value| format!(" WHEN {} THEN {}", literal(&value.name), literal(&value.label)))
        .collect();
    if !whens.is_empty() {
        columns.push(column(&format!("{name}_label"), format!("CASE {value}{whens} END")));
    }
}

fn typed(field: &Field, value: String) -> String {
    match &field.ty {
        _ if field.privacy == Privacy::Personal => masked(field, &value),
        FieldType::Bool | FieldType::Int32 | FieldType::Int64 | FieldType::UInt32 | FieldType::UInt64 => {
            format!("CAST({value} AS INTEGER)")
        }
        FieldType::Double => format!("CAST({value} AS REAL)"),
        _ => value,
    }
}

/// As [`crate::text::mask`].
fn masked(field: &Field, value: &str) -> String {
    let short = format!("substr({value}, 1, 1) || '*'");
    if field.format != Format::Phone {
        return short;
    }
    let phone = format!("substr({value}, 1, 3) || '****' || substr({value}, -4)");
    format!("CASE WHEN length({value}) >= 11 THEN {phone} ELSE {short} END")
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
