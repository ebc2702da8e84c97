//! Naming a field in a question, and reading the value it is compared with.

use schema::{EnumDef, Field, FieldType, Kind};

use crate::error::StoreError;
use crate::query::Op;

/// Deepest nesting of groups that a question names.
const DEPTH_MAX: usize = 4;

/// A field as a question names it: `name`, or `group.part`. A workflow is named as a whole and means its state.
#[derive(Debug)]
pub(crate) struct FieldPath<'a> {
    /// The names from the outside in, each checked.
    pub path: Vec<&'a str>,
    /// Whether it holds several values.
    pub repeated: bool,
    /// The enum of its value.
    pub enumeration: Option<&'a EnumDef>,
    number: Number,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Number {
    None,
    Int,
    Real,
    Bool,
}

/// What a field is compared with.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Compared {
    Text(String),
    Int(i64),
    Real(f64),
}

impl<'a> FieldPath<'a> {
    /// Looks a name up in its kind.
    pub fn resolve(kind: Option<&'a Kind>, name: &'a str) -> Result<FieldPath<'a>, StoreError> {
        let unknown = || StoreError::bad_query(format!("没有“{}”这个字段 / no such field", shortened(name)));
        let kind = kind.ok_or_else(unknown)?;
        let mut fields = kind.fields.as_slice();
        let mut found =
            FieldPath { path: Vec::new(), repeated: false, enumeration: None, number: Number::None };
        let mut parts = name.split('.').peekable();
        while let Some(part) = parts.next() {
            let field =
                fields.iter().find(|f| f.name == part).filter(|_| is_name(part)).ok_or_else(unknown)?;
            if found.repeated || found.path.len() == DEPTH_MAX {
                return Err(unknown());
            }
            found.path.push(&field.name);
            found.repeated = field.repeated;
            match (&field.ty, parts.peek()) {
                (FieldType::Message(inner), Some(_)) => fields = inner,
                (_, Some(_)) => return Err(unknown()),
                (_, None) => found.end_at(field),
            }
        }
        Ok(found)
    }

    fn end_at(&mut self, field: &'a Field) {
        self.enumeration = field.enumeration();
        self.number = match field.ty {
            FieldType::Int32 | FieldType::Int64 | FieldType::UInt32 | FieldType::UInt64 => Number::Int,
            FieldType::Double => Number::Real,
            FieldType::Bool => Number::Bool,
            _ => Number::None,
        };
        if field.ty == FieldType::Step {
            self.path.push("to");
        }
    }

    /// Reads what the field is compared with.
    pub fn compared(&self, op: Op, value: &str) -> Result<Compared, StoreError> {
        let value = value.trim();
        let bad = || StoreError::bad_query(format!("“{}”不是数字 / not a number", shortened(value)));
        let text = Compared::Text(value.to_owned());
        match (self.number, self.enumeration) {
            _ if op == Op::Contains => Ok(text),
            (Number::Int, _) => value.parse().map(Compared::Int).map_err(|_| bad()),
            (Number::Real, _) => value.parse().map(Compared::Real).map_err(|_| bad()),
            (Number::Bool, _) => truth(value),
            (Number::None, Some(values)) => enum_value(values, op, value),
            (Number::None, None) => Ok(text),
        }
    }
}

fn is_name(part: &str) -> bool {
    part.starts_with(|ch: char| ch.is_ascii_lowercase())
        && part.chars().all(|ch| ch.is_ascii_lowercase() || ch.is_ascii_digit() || ch == '_')
}

fn truth(value: &str) -> Result<Compared, StoreError> {
    match value {
        "1" | "true" | "是" => Ok(Compared::Int(1)),
        "0" | "false" | "否" => Ok(Compared::Int(0)),
        _ => Err(StoreError::bad_query("应为“是”或“否” / yes or no expected")),
    }
}

/// An enum is stored by name. Equality compares names; order compares numbers.
fn enum_value(values: &EnumDef, op: Op, value: &str) -> Result<Compared, StoreError> {
    let number = value.parse::<i32>().ok();
    let is_meant = |v: &&schema::EnumValue| {
        Some(v.number) == number || v.name == value || v.code == value || v.label == value
    };
    match (values.values.iter().find(is_meant), number, op) {
        (Some(found), _, Op::Eq | Op::Ne) => Ok(Compared::Text(found.name.clone())),
        (Some(found), _, _) => Ok(Compared::Int(i64::from(found.number))),
        (None, Some(number), _) => Ok(Compared::Int(i64::from(number))),
        (None, None, _) => Err(StoreError::bad_query(format!(
            "“{}”不是{}的选项 / no such value",
            shortened(value),
            values.label
        ))),
    }
}

/// What a person typed, at a length that can be shown back.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
