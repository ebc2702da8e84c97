//! What a person or a program wants to change, before it becomes an edit.

use causal::{BaseId, Context, Entry, Register, State};
use schema::{Kind, Rule, raw};

use crate::engine_field::{AUDIENCE, DELETED, HOME, is_engine_field, put_base};

/// The registers that an edit sets, in raw protobuf bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Draft {
    whole: Vec<(u32, Vec<u8>)>,
    sets: Vec<(u32, Vec<u8>)>,
}

impl Draft {
    /// Sets a field to raw bytes (all occurrences, tags included); empty bytes clear it. Of a set field this names
    /// the whole set: what is missing in it and was seen is removed.
    pub fn set(&mut self, kind: &Kind, number: u32, value: Vec<u8>) {
        let is_set = kind.field(number).is_some_and(|f| f.rule == Rule::Union);
        put(if is_set { &mut self.sets } else { &mut self.whole }, number, value);
    }

    /// The raw bytes set for a field.
    pub fn get(&self, number: u32) -> Option<&[u8]> {
        self.whole.iter().chain(&self.sets).find(|(n, _)| *n == number).map(|(_, value)| value.as_slice())
    }

    /// Gives the record to a base.
    pub fn home(&mut self, home: BaseId) {
        let mut value = Vec::new();
        put_base(&mut value, HOME, home);
        put(&mut self.whole, HOME, value);
    }

    /// Opens the record to the subtrees of these bases.
    pub fn audience(&mut self, bases: &[BaseId]) {
        let mut value = Vec::new();
        bases.iter().for_each(|base| put_base(&mut value, AUDIENCE, *base));
        put(&mut self.whole, AUDIENCE, value);
    }

    /// Deletes the record as it was seen.
    pub fn delete(&mut self, seen: &Context) {
        let mut value = Vec::new();
        raw::put_bytes(&mut value, DELETED, &seen.to_bytes());
        put(&mut self.whole, DELETED, value);
    }

    /// Takes a deletion back.
    pub fn restore(&mut self) {
        put(&mut self.whole, DELETED, Vec::new());
    }

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.sets.is_empty()
    }

    /// The fields set, as one message: what a check of required fields looks at.
    pub fn body(&self) -> Vec<u8> {
        let mut fields: Vec<_> =
            self.whole.iter().chain(&self.sets).filter(|(n, _)| !is_engine_field(*n)).collect();
        fields.sort_by_key(|(number, _)| *number);
        fields.iter().flat_map(|(_, value)| value.iter().copied()).collect()
    }

    /// The entries to write over `before`, as its form was seen. What stands already, and stands alone, is not
    /// written again.
    pub fn entries<'a>(&'a self, before: &State<'a>, seen: &Context) -> Vec<Entry<'a>> {
        let mut entries = Vec::new();
        for (number, value) in &self.whole {
            let register = Register::whole(*number);
            let mut standing = before.entries(register).map(|(_, e)| e.value);
            let first = standing.next();
            let same = first.unwrap_or_default() == value.as_slice() && standing.next().is_none();
            if !same {
                entries.push(Entry { register, value });
            }
        }
        for (number, value) in &self.sets {
            entries.extend(set_entries(*number, value, before, seen));
        }
        entries
    }
}

/// Sets a register once: the last word counts.
fn put(target: &mut Vec<(u32, Vec<u8>)>, number: u32, value: Vec<u8>) {
    target.retain(|(n, _)| *n != number);
    target.push((number, value));
}

fn set_entries<'a>(number: u32, value: &'a [u8], before: &State<'a>, seen: &Context) -> Vec<Entry<'a>> {
    // A value that is not well formed names no set: nothing is added, and above all nothing removed.
    let element = |f: Result<raw::RawField<'a>, _>| f.ok().filter(|f| f.number == number).map(|f| f.raw);
    let Some(wanted) = raw::fields(value).map(element).collect::<Option<Vec<_>>>() else { return Vec::new() };
    let standing = |register: Register<'a>| before.entries(register).any(|(_, e)| !e.value.is_empty());
    let added = wanted.iter().map(|element| Register::element(number, element)).filter(|r| !standing(*r));
    let mut entries: Vec<Entry<'a>> =
        added.map(|register| Entry { register, value: register.element }).collect();
    for (stamp, entry) in before.by_register() {
        let register = entry.register;
        let of_set = register.field == number && register.is_element() && !entry.value.is_empty();
        if of_set && seen.has(stamp.dot) && !wanted.contains(&register.element) {
            entries.push(Entry { register, value: &[] });
        }
    }
    entries
}
