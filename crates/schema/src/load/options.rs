//! Reading custom options of a descriptor.

use std::cell::Cell;

use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, Value};

use crate::error::SchemaError;
use crate::limits::ITEMS_MAX;

/// Where the contract tells its version.
const OPTIONS_FILE: &str = "shuniu/schema/v1/options.proto";

/// The extensions of `options.proto`, and how much has been read with them.
pub(super) struct Extensions {
    kind: ExtensionDescriptor,
    field: ExtensionDescriptor,
    value: ExtensionDescriptor,
    enumeration: ExtensionDescriptor,
    version: Option<ExtensionDescriptor>,
    items: Cell<usize>,
}

impl Extensions {
    pub fn find(pool: &DescriptorPool) -> Result<Extensions, SchemaError> {
        let find = |name: &str| {
            let name = format!("shuniu.schema.v1.{name}");
            let extension = pool.get_extension_by_name(&name);
            let message = |found: &ExtensionDescriptor| found.kind().as_message().is_some();
            extension.filter(message).ok_or(SchemaError::OptionsMissing { name })
        };
        Ok(Extensions {
            kind: find("kind")?,
            field: find("field")?,
            value: find("value")?,
            enumeration: find("enumeration")?,
            version: pool.get_extension_by_name("shuniu.schema.v1.contract_version"),
            items: Cell::new(0),
        })
    }

    /// Counts one more field or value.
    pub fn count(&self) -> Result<(), SchemaError> {
        self.items.set(self.items.get() + 1);
        match self.items.get() > ITEMS_MAX {
            true => Err(SchemaError::TooLarge { what: "fields and values", max: ITEMS_MAX }),
            false => Ok(()),
        }
    }

    /// Version of the contract; the first one did not tell it yet.
    pub fn version(&self, pool: &DescriptorPool) -> u32 {
        let told = |extension: &ExtensionDescriptor| {
            let options = pool.get_file_by_name(OPTIONS_FILE)?.options();
            match options.get_extension(extension).into_owned() {
                Value::U32(version) => Some(version),
                _ => None,
            }
        };
        self.version.as_ref().and_then(told).unwrap_or_default().max(1)
    }

    pub fn of_kind(&self, options: &DynamicMessage) -> Option<Options> {
        Options::read(options, &self.kind)
    }

    pub fn of_field(&self, options: &DynamicMessage) -> Option<Options> {
        Options::read(options, &self.field)
    }

    pub fn of_value(&self, options: &DynamicMessage) -> Option<Options> {
        Options::read(options, &self.value)
    }

    pub fn of_enum(&self, options: &DynamicMessage) -> Option<Options> {
        Options::read(options, &self.enumeration)
    }
}

/// One options message; what is absent reads as empty, false or zero.
pub(super) struct Options(DynamicMessage);

impl Options {
    fn read(options: &DynamicMessage, extension: &ExtensionDescriptor) -> Option<Options> {
        if !options.has_extension(extension) {
            return None;
        }
        match options.get_extension(extension).into_owned() {
            Value::Message(message) => Some(Options(message)),
            _ => None,
        }
    }

    /// An older contract may not have the option yet.
    fn get(&self, name: &str) -> Option<Value> {
        self.0.get_field_by_name(name).map(|value| value.into_owned())
    }

    pub fn text(&self, name: &str) -> String {
        match self.get(name) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        }
    }

    /// The text, or nothing when it is empty.
    pub fn some_text(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    pub fn texts(&self, name: &str) -> Vec<String> {
        let Some(Value::List(values)) = self.get(name) else { return Vec::new() };
        values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
    }

    pub fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Bool(true)))
    }

    pub fn number(&self, name: &str) -> u32 {
        match self.get(name) {
            Some(Value::U32(number)) => number,
            _ => 0,
        }
    }

    pub fn choice(&self, name: &str) -> i32 {
        match self.get(name) {
            Some(Value::EnumNumber(number)) => number,
            _ => 0,
        }
    }

    pub fn list(&self, name: &str) -> Vec<Options> {
        let Some(Value::List(values)) = self.get(name) else { return Vec::new() };
        let message = |value| match value {
            Value::Message(message) => Some(Options(message)),
            _ => None,
        };
        values.into_iter().filter_map(message).collect()
    }
}
