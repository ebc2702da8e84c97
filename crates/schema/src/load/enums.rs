//! Enums, and the states of workflows.

use prost_reflect::{EnumDescriptor, EnumValueDescriptor};

use super::field::Reader;
use super::options::Options;
use crate::error::SchemaError;
use crate::model::{EnumDef, EnumValue, Transition, Turn};
use crate::options::Who;

/// An enum as it is, without a look at its steps.
pub(super) fn read(reader: &Reader<'_>, descriptor: &EnumDescriptor) -> Result<EnumDef, SchemaError> {
    let options = reader.place.extensions.of_enum(&descriptor.options());
    let initial = options.as_ref().and_then(|options| options.some_text("initial"));
    let mut values = Vec::new();
    for value in descriptor.values() {
        values.extend(read_value(reader, descriptor, &value)?);
    }
    values.sort_by_key(|value: &EnumValue| value.number);
    Ok(EnumDef {
        name: descriptor.name().to_owned(),
        label: options.map(|options| options.text("label")).unwrap_or_default(),
        initial: initial.and_then(|name| descriptor.get_value_by_name(&name)).map(|value| value.number()),
        values,
    })
}

/// The enum that a workflow field names, with an initial state.
pub(super) fn states(reader: &Reader<'_>) -> Result<EnumDef, SchemaError> {
    let (kind, field) = (reader.kind(), reader.name());
    let name = reader.options.some_text("states").ok_or_else(|| SchemaError::FieldWithout {
        kind: kind.clone(),
        field: field.clone(),
        option: "states",
    })?;
    let full = format!("{}.{name}", reader.place.message.package_name());
    let Some(descriptor) = reader.place.message.parent_pool().get_enum_by_name(&full) else {
        return Err(SchemaError::StatesUnknown { kind, field, name });
    };
    let states = read(reader, &descriptor)?;
    match states.initial {
        Some(initial) if states.value(initial).is_some() => Ok(states),
        _ => Err(SchemaError::InitialUnknown { kind, field, name }),
    }
}

fn read_value(
    reader: &Reader<'_>,
    parent: &EnumDescriptor,
    value: &EnumValueDescriptor,
) -> Result<Option<EnumValue>, SchemaError> {
    reader.place.extensions.count()?;
    let options = reader.place.extensions.of_value(&value.options());
    let Some((options, label)) =
        options.and_then(|options| options.some_text("label").map(|label| (options, label)))
    else {
        return unlabelled(reader, value);
    };
    Ok(Some(EnumValue {
        number: value.number(),
        name: value.name().to_owned(),
        code: code(parent.name(), value.name()),
        label,
        label_en: options.text("label_en"),
        aliases: options.texts("alias"),
        turn: turn(reader, value.name(), &options)?,
        leads_to: transitions(reader, parent, value.name(), &options)?,
    }))
}

/// Only the zero that proto3 demands, which stands for "nothing", may go without a label.
fn unlabelled<T>(reader: &Reader<'_>, value: &EnumValueDescriptor) -> Result<Option<T>, SchemaError> {
    if value.number() == 0 {
        return Ok(None);
    }
    Err(SchemaError::ValueWithoutLabel {
        kind: reader.kind(),
        field: reader.name(),
        value: value.name().to_owned(),
    })
}

/// `normal` of `STATUS_NORMAL` in the enum `Status`.
fn code(parent: &str, name: &str) -> String {
    let mut prefix = String::new();
    for (at, letter) in parent.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            prefix.push('_');
        }
        prefix.push(letter.to_ascii_uppercase());
    }
    let bare = name.strip_prefix(&prefix).and_then(|rest| rest.strip_prefix('_'));
    bare.unwrap_or(name).to_ascii_lowercase()
}

fn turn(reader: &Reader<'_>, state: &str, options: &Options) -> Result<Option<Turn>, SchemaError> {
    let number = options.choice("turn");
    if number == 0 {
        return Ok(None);
    }
    let (kind, name) = (reader.kind(), reader.name());
    let Some(who) = Who::from_number(number) else {
        return Err(SchemaError::UnknownOption { kind, field: name, option: "turn", number });
    };
    let field = match options.some_text("turn_field") {
        Some(named) => Some(reader.number_of("turn_field", &named)?),
        None if who == Who::Named => {
            return Err(SchemaError::TurnFieldMissing { kind, field: name, state: state.to_owned() });
        }
        None => None,
    };
    Ok(Some(Turn { who, field, role: options.text("role"), all_of: options.flag("all_of") }))
}

fn transitions(
    reader: &Reader<'_>,
    parent: &EnumDescriptor,
    state: &str,
    options: &Options,
) -> Result<Vec<Transition>, SchemaError> {
    options.list("leads_to").iter().map(|step| transition(reader, parent, state, step)).collect()
}

fn transition(
    reader: &Reader<'_>,
    parent: &EnumDescriptor,
    state: &str,
    step: &Options,
) -> Result<Transition, SchemaError> {
    let (kind, field, state) = (reader.kind(), reader.name(), state.to_owned());
    let to = step.text("to");
    let Some(value) = parent.get_value_by_name(&to) else {
        return Err(SchemaError::TransitionUnknown { kind, field, state, to });
    };
    Ok(Transition {
        to: value.number(),
        label: step.text("label"),
        guards: step.texts("guard"),
        reactions: step.texts("reaction"),
    })
}
