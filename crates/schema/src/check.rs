//! Checks that need more than one field, or more than one kind.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::SchemaError;
use crate::limits::VIEW_COLUMNS_MAX;
use crate::model::{EnumDef, Field, FieldType, Kind, Schema};
use crate::options::{Column, CorrectionRole, Format, RegistryRole, Rule};
use crate::views;

/// Roles without which the engine cannot walk the tree of bases.
const REGISTRY_NEEDS: &[RegistryRole] = &[
    RegistryRole::Parent,
    RegistryRole::FormerParents,
    RegistryRole::Name,
    RegistryRole::Jurisdiction,
    RegistryRole::Hosted,
    RegistryRole::Standing,
];

pub(crate) fn schema(schema: &Schema) -> Result<(), SchemaError> {
    for pair in schema.kinds.windows(2) {
        if pair[0].name == pair[1].name {
            return Err(SchemaError::KindTwice { kind: pair[0].name.clone() });
        }
    }
    only_one(schema, "registry", |kind| kind.registry)?;
    only_one(schema, "code_table", |kind| kind.code_table)?;
    only_one(schema, "correction", |kind| kind.correction)?;
    for kind in &schema.kinds {
        check_kind(kind)?;
        check_columns(kind)?;
        for field in &kind.fields {
            check_rule(kind, field)?;
            check_field(schema, kind, field)?;
        }
    }
    Ok(())
}

fn only_one(schema: &Schema, option: &'static str, marked: fn(&Kind) -> bool) -> Result<(), SchemaError> {
    let mut found = schema.kinds.iter().filter(|kind| marked(kind));
    match (found.next(), found.next()) {
        (Some(first), Some(second)) => {
            Err(SchemaError::MarkedTwice { option, first: first.name.clone(), second: second.name.clone() })
        }
        _ => Ok(()),
    }
}

fn check_kind(kind: &Kind) -> Result<(), SchemaError> {
    for &column in Column::ALL {
        not_shared(kind, column.word(), |field| field.column == Some(column))?;
    }
    for &role in RegistryRole::ALL {
        not_shared(kind, role.word(), |field| field.registry == Some(role))?;
    }
    for &role in CorrectionRole::ALL {
        not_shared(kind, role.word(), |field| field.correction == Some(role))?;
    }
    check_roles(kind)?;
    if kind.code_table && (kind.natural_key.len() != 1 || kind.column(Column::Title).is_none()) {
        return Err(SchemaError::CodeTable { kind: kind.name.clone() });
    }
    Ok(())
}

/// The engine reads and fills these kinds by their roles, so that none of them may be missing.
fn check_roles(kind: &Kind) -> Result<(), SchemaError> {
    let missing = |option, role| SchemaError::RoleMissing { kind: kind.name.clone(), option, role };
    let registry = REGISTRY_NEEDS.iter().find(|&&role| kind.registry_field(role).is_none());
    if let (true, Some(role)) = (kind.registry, registry) {
        return Err(missing("registry", role.word()));
    }
    let correction = CorrectionRole::ALL.iter().find(|&&role| kind.correction_field(role).is_none());
    if let (true, Some(role)) = (kind.correction, correction) {
        return Err(missing("correction", role.word()));
    }
    Ok(())
}

fn not_shared(kind: &Kind, option: &str, has: impl Fn(&Field) -> bool) -> Result<(), SchemaError> {
    let mut found = kind.fields.iter().filter(|field| has(field));
    match (found.next(), found.next()) {
        (Some(first), Some(second)) => Err(SchemaError::FieldsShare {
            kind: kind.name.clone(),
            option: option.to_owned(),
            first: first.name.clone(),
            second: second.name.clone(),
        }),
        _ => Ok(()),
    }
}

fn check_columns(kind: &Kind) -> Result<(), SchemaError> {
    let mut seen = BTreeSet::new();
    let columns = views::columns(kind);
    if columns.len() > VIEW_COLUMNS_MAX {
        return Err(SchemaError::ViewTooWide { kind: kind.name.clone(), max: VIEW_COLUMNS_MAX });
    }
    for column in columns {
        if !seen.insert(column.name.to_lowercase()) {
            return Err(SchemaError::ViewColumnTwice { kind: kind.name.clone(), column: column.name });
        }
    }
    Ok(())
}

fn check_rule(kind: &Kind, field: &Field) -> Result<(), SchemaError> {
    let (kind, name) = (kind.name.clone(), field.name.clone());
    let ordered = matches!(field.ty, FieldType::Enum(_) | FieldType::Bool) && !field.repeated;
    match field.rule {
        Rule::Union if !field.repeated => Err(SchemaError::UnionOnSingle { kind, field: name }),
        Rule::Strictest if !ordered => Err(SchemaError::StrictestOnUnordered { kind, field: name }),
        _ => Ok(()),
    }
}

/// Checks a field, or a part of a group.
fn check_field(schema: &Schema, kind: &Kind, field: &Field) -> Result<(), SchemaError> {
    let (kind_name, name) = (kind.name.clone(), field.name.clone());
    if !fits(field) {
        return Err(SchemaError::FormatMisfit { kind: kind_name, field: name, format: field.format.word() });
    }
    if let Some(reference) = field.reference.clone().filter(|reference| schema.kind(reference).is_none()) {
        return Err(SchemaError::UnknownReference { kind: kind_name, field: name, reference });
    }
    if let Some(values) = field.enumeration() {
        check_words(kind, field, values)?;
        check_turns(kind, field, values)?;
    }
    field.parts().iter().try_for_each(|part| check_field(schema, kind, part))
}

fn fits(field: &Field) -> bool {
    use FieldType::{Bytes, Double, Int32, Int64, Text, UInt32, UInt64};
    match field.format {
        Format::Plain => true,
        Format::Uscc | Format::Division | Format::Phone | Format::Date | Format::Multiline => {
            field.ty == Text
        }
        Format::Fen | Format::Instant => field.ty == Int64,
        Format::Base => matches!(field.ty, Text | Bytes),
        Format::Record => matches!(field.ty, Text | Bytes) && field.reference.is_some(),
        Format::Percent => matches!(field.ty, Int32 | Int64 | UInt32 | UInt64 | Double),
    }
}

/// No word of an import file may mean two values.
fn check_words(kind: &Kind, field: &Field, values: &EnumDef) -> Result<(), SchemaError> {
    let mut seen = BTreeMap::<String, i32>::new();
    for value in &values.values {
        let own = [&value.label, &value.label_en, &value.name, &value.code];
        for word in own.into_iter().chain(&value.aliases).filter(|word| !word.is_empty()) {
            if seen.insert(word.to_lowercase(), value.number).is_some_and(|number| number != value.number) {
                return Err(SchemaError::ValueWordTwice {
                    kind: kind.name.clone(),
                    field: field.name.clone(),
                    word: word.clone(),
                });
            }
        }
    }
    Ok(())
}

fn check_turns(kind: &Kind, field: &Field, values: &EnumDef) -> Result<(), SchemaError> {
    match values.values.iter().find(|value| !value.leads_to.is_empty() && value.turn.is_none()) {
        Some(value) => Err(SchemaError::TurnMissing {
            kind: kind.name.clone(),
            field: field.name.clone(),
            state: value.name.clone(),
        }),
        None => Ok(()),
    }
}
