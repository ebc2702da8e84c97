//! The shown body of a record as JSON: for people as a tree, for storage as SQLite's binary JSONB.
//!
//! Both have one shape. Fields go by name in the order of their numbers, enums by the name of their value, 64-bit
//! integers as numbers, bytes as hexadecimal, groups and steps as objects. What this program does not know, or
//! cannot read, is kept under `_unknown`: field number → hexadecimal of the raw field; bytes that are no field
//! at all have the number 0.

mod jsonb;
mod tree;

pub use jsonb::to_jsonb;
pub use tree::to_json;

use crate::model::{Field, find};
use crate::raw::{RawField, fields};
use crate::value::{Scalar, scalar};

/// Under which name the unknown is kept.
const UNKNOWN: &str = "_unknown";

/// The fields of a body grouped by number, and what could not be read.
struct Body<'a> {
    fields: Vec<RawField<'a>>,
    unreadable: &'a [u8],
}

impl<'a> Body<'a> {
    fn split(body: &'a [u8]) -> Body<'a> {
        let mut iterator = fields(body);
        let mut found: Vec<RawField<'a>> = Vec::with_capacity(32);
        found.extend(iterator.by_ref().map_while(Result::ok));
        if !found.is_sorted_by_key(|field| field.number) {
            found.sort_by_key(|field| field.number);
        }
        Body { fields: found, unreadable: iterator.rest() }
    }

    fn groups(&self) -> impl Iterator<Item = &[RawField<'a>]> {
        self.fields.chunk_by(|a, b| a.number == b.number)
    }

    /// The unknown numbers with their raw fields, and the unreadable bytes under the number 0.
    fn unknown(&self, known: &[Field]) -> impl Iterator<Item = (u32, impl Iterator<Item = &'a [u8]>)> {
        let groups = self.groups().filter(|group| known_field(known, group).is_none());
        let groups = groups.map(|group| (group[0].number, group));
        let rest = (!self.unreadable.is_empty()).then_some((0, &[][..]));
        rest.into_iter().chain(groups).map(|(number, group): (u32, &[RawField<'a>])| {
            let rest = if number == 0 { self.unreadable } else { &[][..] };
            (number, group.iter().map(|field| field.raw).chain([rest]))
        })
    }
}

/// The field of a group, if this program knows it and can read every value of it.
fn known_field<'s>(known: &'s [Field], group: &[RawField<'_>]) -> Option<&'s Field> {
    let field = find(known, group[0].number)?;
    group.iter().all(|raw| scalar(field, raw.value).is_some()).then_some(field)
}

/// The values of a group to be shown: all of a repeated field, else the last, as protobuf has it.
fn values<'g, 'a>(field: &'g Field, group: &'g [RawField<'a>]) -> impl Iterator<Item = Scalar<'a>> + 'g {
    let skip = if field.repeated { 0 } else { group.len() - 1 };
    group.iter().skip(skip).filter_map(|raw| scalar(field, raw.value))
}
