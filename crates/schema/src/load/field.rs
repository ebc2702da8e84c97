//! The fields of a message.

use prost_reflect::{Cardinality, FieldDescriptor, Kind as Proto, MessageDescriptor};

use super::enums;
use super::options::{Extensions, Options};
use crate::error::SchemaError;
use crate::limits::{FIELD_NUMBER_END, GROUP_DEPTH_MAX, MULTILINE_CHARS_MAX, TEXT_CHARS_MAX};
use crate::model::{EnumDef, Field, FieldType};
use crate::options::{Column, CorrectionRole, Format, Privacy, RegistryRole, Rule, Who};

/// The message that the value of a workflow field is.
const STEP: &str = "shuniu.schema.v1.Step";

/// Where the reader is: for errors, and for what a part inherits from its group.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub extensions: &'a Extensions,
    pub kind: &'a str,
    /// The message of the kind itself: names in options mean its fields.
    pub message: &'a MessageDescriptor,
    group: Option<Inherited>,
    depth: usize,
}

/// What the parts of a group have from it.
#[derive(Clone, Copy)]
struct Inherited {
    rule: Rule,
    owner: Who,
    privacy: Privacy,
    stays_home: bool,
}

/// All fields of a kind, ascending by number.
pub(super) fn read_all(
    extensions: &Extensions,
    kind: &str,
    message: &MessageDescriptor,
) -> Result<Vec<Field>, SchemaError> {
    let place = Place { extensions, kind, message, group: None, depth: 0 };
    read_message(place, message)
}

fn read_message(place: Place<'_>, message: &MessageDescriptor) -> Result<Vec<Field>, SchemaError> {
    let mut fields =
        message.fields().map(|field| Reader::new(place, &field)?.read()).collect::<Result<Vec<_>, _>>()?;
    fields.sort_by_key(|field| field.number);
    Ok(fields)
}

/// One field being read.
pub(super) struct Reader<'a> {
    pub place: Place<'a>,
    pub field: &'a FieldDescriptor,
    pub options: Options,
}

impl<'a> Reader<'a> {
    fn new(place: Place<'a>, field: &'a FieldDescriptor) -> Result<Reader<'a>, SchemaError> {
        place.extensions.count()?;
        let options = place.extensions.of_field(&field.options()).ok_or(SchemaError::FieldWithout {
            kind: place.kind.to_owned(),
            field: field.name().to_owned(),
            option: if place.group.is_some() { "label" } else { "rule" },
        })?;
        Ok(Reader { place, field, options })
    }

    pub fn kind(&self) -> String {
        self.place.kind.to_owned()
    }

    pub fn name(&self) -> String {
        self.field.name().to_owned()
    }

    fn without(&self, option: &'static str) -> SchemaError {
        SchemaError::FieldWithout { kind: self.kind(), field: self.name(), option }
    }

    fn read(&self) -> Result<Field, SchemaError> {
        self.check_shape()?;
        let inherited = self.inherited()?;
        let format = self.word("format", Format::from_number)?;
        let workflow = self.workflow(inherited.rule)?;
        let step = self.step(workflow.as_ref(), inherited)?;
        Ok(Field {
            number: self.field.number(),
            name: self.name(),
            label: self.options.some_text("label").ok_or_else(|| self.without("label"))?,
            label_en: self.options.some_text("label_en").ok_or_else(|| self.without("label_en"))?,
            help: self.options.text("help"),
            rule: inherited.rule,
            owner: inherited.owner,
            owner_field: self.owner_field(inherited.owner)?,
            required: self.options.flag("required"),
            unique: self.options.flag("unique"),
            searchable: self.options.flag("searchable"),
            listed: self.options.flag("listed"),
            attachment: self.options.flag("attachment"),
            stays_home: inherited.stays_home,
            format,
            reference: self.options.some_text("ref"),
            due: self.options.some_text("due"),
            sealed_until: self.options.some_text("sealed_until"),
            explains: self.explains()?,
            number_series: self.options.some_text("number_series"),
            privacy: inherited.privacy,
            column: self.optional_word("column", Column::from_number)?,
            registry: self.optional_word("registry", RegistryRole::from_number)?,
            correction: self.optional_word("correction", CorrectionRole::from_number)?,
            aliases: self.options.texts("alias"),
            max_chars: self.max_chars(format),
            repeated: self.field.is_list(),
            ty: self.ty(inherited)?,
            workflow,
            step,
        })
    }

    fn check_shape(&self) -> Result<(), SchemaError> {
        let number = self.field.number();
        if number >= FIELD_NUMBER_END {
            return Err(SchemaError::FieldNumber { kind: self.kind(), field: self.name(), number });
        }
        if self.field.cardinality() != Cardinality::Repeated && !self.field.supports_presence() {
            return Err(SchemaError::NotOptional { kind: self.kind(), field: self.name() });
        }
        if self.field.is_packed() {
            return Err(SchemaError::Packed { kind: self.kind(), field: self.name() });
        }
        let oneof = self.field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic());
        if self.field.is_map() || self.field.is_group() || oneof {
            return Err(self.unsupported());
        }
        Ok(())
    }

    fn unsupported(&self) -> SchemaError {
        let ty = match self.field.kind() {
            _ if self.field.is_map() => "map".to_owned(),
            _ if self.field.is_group() => "group".to_owned(),
            _ if self.field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) => {
                "oneof".to_owned()
            }
            other => format!("{other:?}"),
        };
        SchemaError::FieldType { kind: self.kind(), field: self.name(), ty }
    }

    /// Rule, owner and privacy: the field's own, or those of the group that it is part of.
    fn inherited(&self) -> Result<Inherited, SchemaError> {
        let Some(group) = self.place.group else { return self.own() };
        let part_has = |option| SchemaError::PartHas { kind: self.kind(), field: self.name(), option };
        if let Some(option) = ["rule", "owner", "column", "registry", "correction"]
            .into_iter()
            .find(|name| self.options.choice(name) != 0)
        {
            return Err(part_has(option));
        }
        if self.options.flag("stays_home") {
            return Err(part_has("stays_home"));
        }
        let privacy = self.word("privacy", Privacy::from_number)?.max(group.privacy);
        Ok(Inherited { privacy, ..group })
    }

    fn own(&self) -> Result<Inherited, SchemaError> {
        let rule = self.optional_word("rule", Rule::from_number)?.ok_or_else(|| self.without("rule"))?;
        Ok(Inherited {
            rule,
            owner: self.optional_word("owner", Who::from_number)?.unwrap_or(rule.default_owner()),
            privacy: self.word("privacy", Privacy::from_number)?,
            stays_home: self.options.flag("stays_home"),
        })
    }

    /// An option that always has a meaning, also with the number zero.
    fn word<T>(&self, option: &'static str, read: fn(i32) -> Option<T>) -> Result<T, SchemaError> {
        let number = self.options.choice(option);
        read(number).ok_or_else(|| SchemaError::UnknownOption {
            kind: self.kind(),
            field: self.name(),
            option,
            number,
        })
    }

    /// An option that is absent with the number zero.
    fn optional_word<T>(
        &self,
        option: &'static str,
        read: fn(i32) -> Option<T>,
    ) -> Result<Option<T>, SchemaError> {
        if self.options.choice(option) == 0 { Ok(None) } else { self.word(option, read).map(Some) }
    }

    fn explains(&self) -> Result<Option<u32>, SchemaError> {
        self.options.some_text("explains").map(|name| self.number_of("explains", &name)).transpose()
    }

    fn owner_field(&self, owner: Who) -> Result<Option<u32>, SchemaError> {
        match self.options.some_text("owner_field") {
            Some(name) => self.number_of("owner_field", &name).map(Some),
            None if owner == Who::Named && self.place.group.is_none() => {
                Err(SchemaError::OwnerFieldMissing { kind: self.kind(), field: self.name() })
            }
            None => Ok(None),
        }
    }

    /// The number of the field of this kind that an option names.
    pub fn number_of(&self, option: &'static str, name: &str) -> Result<u32, SchemaError> {
        let found = self.place.message.get_field_by_name(name);
        found.map(|field| field.number()).ok_or_else(|| SchemaError::UnknownField {
            kind: self.kind(),
            field: self.name(),
            option,
            name: name.to_owned(),
        })
    }

    fn max_chars(&self, format: Format) -> usize {
        match self.options.number("max_chars") as usize {
            0 if format == Format::Multiline => MULTILINE_CHARS_MAX,
            0 => TEXT_CHARS_MAX,
            own => own,
        }
    }

    fn workflow(&self, rule: Rule) -> Result<Option<EnumDef>, SchemaError> {
        let is_step = matches!(self.field.kind(), Proto::Message(message) if message.full_name() == STEP);
        let wanted = rule == Rule::Workflow && self.place.group.is_none();
        if is_step != wanted || is_step && self.field.is_list() {
            return Err(SchemaError::StepMisfit { kind: self.kind(), field: self.name() });
        }
        if is_step { enums::states(self).map(Some) } else { Ok(None) }
    }

    /// The parts of a step, where `from` and `to` are values of the enum of states.
    fn step(&self, states: Option<&EnumDef>, inherited: Inherited) -> Result<Vec<Field>, SchemaError> {
        let (Some(states), Proto::Message(message)) = (states, self.field.kind()) else {
            return Ok(Vec::new());
        };
        let mut parts = self.parts(&message, inherited)?;
        for part in parts.iter_mut().filter(|part| part.name == "from" || part.name == "to") {
            part.ty = FieldType::Enum(states.clone());
        }
        Ok(parts)
    }

    fn ty(&self, inherited: Inherited) -> Result<FieldType, SchemaError> {
        Ok(match self.field.kind() {
            Proto::String => FieldType::Text,
            Proto::Bytes => FieldType::Bytes,
            Proto::Bool => FieldType::Bool,
            Proto::Int32 => FieldType::Int32,
            Proto::Int64 => FieldType::Int64,
            Proto::Uint32 => FieldType::UInt32,
            Proto::Uint64 => FieldType::UInt64,
            Proto::Double => FieldType::Double,
            Proto::Enum(values) => FieldType::Enum(enums::read(self, &values)?),
            Proto::Message(message) if message.full_name() == STEP => FieldType::Step,
            Proto::Message(message) => FieldType::Message(self.parts(&message, inherited)?),
            _ => return Err(self.unsupported()),
        })
    }

    fn parts(&self, message: &MessageDescriptor, group: Inherited) -> Result<Vec<Field>, SchemaError> {
        let depth = self.place.depth + 1;
        if depth > GROUP_DEPTH_MAX {
            return Err(SchemaError::TooDeep { kind: self.kind(), field: self.name(), max: GROUP_DEPTH_MAX });
        }
        read_message(Place { group: Some(group), depth, ..self.place }, message)
    }
}
