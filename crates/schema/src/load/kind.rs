//! A message with the option `kind`.

use prost_reflect::MessageDescriptor;

use super::field;
use super::options::{Extensions, Options};
use crate::error::SchemaError;
use crate::model::{Field, Kind};
use crate::options::{AudienceDefault, Who};

/// The kind that this message is, if it is one.
pub(super) fn read(
    extensions: &Extensions,
    message: &MessageDescriptor,
) -> Result<Option<Kind>, SchemaError> {
    let Some(options) = extensions.of_kind(&message.options()) else { return Ok(None) };
    let name = short_name(message)?;
    let without = |option| SchemaError::KindWithout { kind: name.clone(), option };
    let fields = field::read_all(extensions, &name, message)?;
    Ok(Some(Kind {
        message: message.full_name().to_owned(),
        label: options.some_text("label").ok_or_else(|| without("label"))?,
        label_en: options.some_text("label_en").ok_or_else(|| without("label_en"))?,
        help: options.text("help"),
        creator: who(&options, "creator").ok_or_else(|| without("creator"))?,
        natural_key: numbers(&name, "natural_key", &options.texts("natural_key"), &fields)?,
        append_only: options.flag("append_only"),
        audience_default: AudienceDefault::from_number(options.choice("audience_default"))
            .ok_or_else(|| without("audience_default"))?,
        widen: who(&options, "widen").unwrap_or(Who::Home),
        registry: options.flag("registry"),
        code_table: options.flag("code_table"),
        correction: options.flag("correction"),
        figure_distinct: numbers(
            &name,
            "figure_distinct",
            options.some_text("figure_distinct").as_slice(),
            &fields,
        )?
        .first()
        .copied(),
        fields,
        name,
    }))
}

fn who(options: &Options, name: &str) -> Option<Who> {
    Who::from_number(options.choice(name))
}

/// `organization` of `shuniu.organization.v1`.
fn short_name(message: &MessageDescriptor) -> Result<String, SchemaError> {
    let wrong = || SchemaError::Package { message: message.full_name().to_owned() };
    let path: Vec<&str> = message.package_name().split('.').collect();
    match path.as_slice() {
        ["shuniu", kind, version] if version.starts_with('v') => Ok((*kind).to_owned()),
        _ => Err(wrong()),
    }
}

fn numbers(
    kind: &str,
    option: &'static str,
    names: &[String],
    fields: &[Field],
) -> Result<Vec<u32>, SchemaError> {
    let number = |name: &String| {
        let found = fields.iter().find(|field| field.name == *name).map(|field| field.number);
        found.ok_or_else(|| SchemaError::KindNamesUnknownField {
            kind: kind.to_owned(),
            option,
            field: name.clone(),
        })
    };
    names.iter().map(number).collect()
}
