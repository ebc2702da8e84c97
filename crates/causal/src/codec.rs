//! The canonical bytes of a state: what travels and what is stored. Equal states are equal bytes.
//!
//! ```text
//! state   = version(1) context count(varint) group*
//! context = count(varint) { replica(8, big endian) tick(varint) }*            sorted by replica
//! group   = flags(varint, 0) replica(varint, index into the context) tick(varint) saved_at_ms(varint)
//!           base(16) user(block) tag(8)
//!           whole(block)     raw fields, by field number, occurrences together
//!           elements(block)  raw fields, each a register of its own, by number and bytes
//!           cleared(block)   field numbers (varint), ascending
//!           removed(block)   raw fields: the elements that this edit removed
//! block   = length(varint) bytes
//! ```
//! Flags other than 0 are reserved for sealed (encrypted) values.

use crate::bytes::{Reader, field_number, put_block, put_varint};
use crate::context::Context;
use crate::ids::{BaseId, Dot, Stamp};
use crate::state::{Entry, Group, Register, State};

/// The encoding described above.
const VERSION: u8 = 1;

/// The largest state that is accepted or made: a record is a form, not a file (attachments travel apart).
pub const MAX_STATE_BYTES: usize = 256 * 1024;

/// A user name longer than this is not a name.
const MAX_USER_BYTES: usize = 128;

/// Four numbers, base, user, tag, four blocks, and at least one byte of an entry: bounds what a count may claim
/// before anything is allocated.
const MIN_GROUP_BYTES: usize = 4 + 16 + 1 + 8 + 4 + 1;

/// Bytes that are not a state in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// Ends too early, or a length points past the end.
    #[error("record bytes end too early")]
    Truncated,
    /// A number that is too large or not in its shortest form.
    #[error("record bytes hold a malformed number")]
    Number,
    /// Not a protobuf field.
    #[error("record bytes hold a malformed field")]
    Field,
    /// Parts out of their canonical order, or twice.
    #[error("record bytes are not in canonical order")]
    Order,
    /// An edit that its own context does not cover.
    #[error("record bytes hold an edit outside their own context")]
    Context,
    /// A user name that is not text, or too long.
    #[error("record bytes hold a malformed user name")]
    User,
    /// Bytes after the end.
    #[error("record bytes go on after their end")]
    Trailing,
    /// Larger than [`MAX_STATE_BYTES`].
    #[error("record is larger than {} KiB", MAX_STATE_BYTES / 1024)]
    TooLarge,
    /// Written by a newer program.
    #[error("record was written by a newer version of the program")]
    Version,
}

impl<'a> State<'a> {
    /// Reads a state; slices point into `bytes`.
    ///
    /// # Errors
    /// [`Corrupt`] for anything but the canonical bytes of a state.
    pub fn decode(bytes: &'a [u8]) -> Result<State<'a>, Corrupt> {
        if bytes.len() > MAX_STATE_BYTES {
            return Err(Corrupt::TooLarge);
        }
        let mut reader = Reader::new(bytes);
        if reader.take(1)?[0] != VERSION {
            return Err(Corrupt::Version);
        }
        let context = Context::read(&mut reader)?;
        let count = reader.size()?;
        if count > reader.remaining() / MIN_GROUP_BYTES {
            return Err(Corrupt::Truncated);
        }
        let mut groups: Vec<Group<'a>> = Vec::with_capacity(count);
        for _ in 0..count {
            let group = read_group(&mut reader, &context)?;
            if groups.last().is_some_and(|last| last.stamp.dot >= group.stamp.dot) {
                return Err(Corrupt::Order);
            }
            groups.push(group);
        }
        if reader.is_empty() { Ok(State { context, groups }) } else { Err(Corrupt::Trailing) }
    }

    /// The canonical bytes. They may be more than [`MAX_STATE_BYTES`], which nobody could read again: whoever
    /// stores or sends them checks.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        self.context.put(&mut out);
        put_varint(&mut out, self.groups.len() as u64);
        let mut scratch = Vec::new();
        for group in &self.groups {
            put_group(&mut out, &mut scratch, group, &self.context);
        }
        out
    }
}

fn read_group<'a>(reader: &mut Reader<'a>, context: &Context) -> Result<Group<'a>, Corrupt> {
    if reader.varint()? != 0 {
        return Err(Corrupt::Version);
    }
    let (replica, seen) = context.at(reader.size()?).ok_or(Corrupt::Context)?;
    let tick = reader.varint()?;
    if tick == 0 || tick > seen {
        return Err(Corrupt::Context);
    }
    let saved_at_ms = reader.varint()?;
    let base = BaseId(reader.array()?);
    let user = reader.block()?;
    let user = std::str::from_utf8(user).ok().filter(|u| u.len() <= MAX_USER_BYTES).ok_or(Corrupt::User)?;
    let tag = reader.array()?;
    let stamp = Stamp { dot: Dot { replica, tick }, saved_at_ms, base, user, tag };
    let entries = read_entries(reader)?;
    Ok(Group { stamp, entries })
}

fn read_entries<'a>(reader: &mut Reader<'a>) -> Result<Vec<Entry<'a>>, Corrupt> {
    let whole = reader.block()?;
    let elements = reader.block()?;
    let cleared = reader.block()?;
    let removed = reader.block()?;
    let mut entries = Vec::with_capacity(32);
    read_whole(whole, &mut entries)?;
    read_elements(elements, true, &mut entries)?;
    read_cleared(cleared, &mut entries)?;
    read_elements(removed, false, &mut entries)?;
    if entries.is_empty() {
        return Err(Corrupt::Order);
    }
    entries.sort_unstable_by(|a, b| a.register.cmp(&b.register));
    let twice = entries.windows(2).any(|pair| pair[0].register == pair[1].register);
    if twice { Err(Corrupt::Order) } else { Ok(entries) }
}

fn read_whole<'a>(block: &'a [u8], entries: &mut Vec<Entry<'a>>) -> Result<(), Corrupt> {
    let mut reader = Reader::new(block);
    let mut open: Option<(u32, usize)> = None;
    loop {
        let at = block.len() - reader.remaining();
        let next = if reader.is_empty() { None } else { Some(reader.raw_field()?.0) };
        match (open, next) {
            (Some((field, _)), Some(number)) if field == number => continue,
            (Some((field, _)), Some(number)) if number < field => return Err(Corrupt::Order),
            (Some((field, start)), _) => {
                entries.push(Entry { register: Register::whole(field), value: &block[start..at] });
            }
            (None, _) => {}
        }
        match next {
            Some(number) => open = Some((number, at)),
            None => return Ok(()),
        }
    }
}

/// Reads a block of elements: those that the edit added, or those that it removed.
fn read_elements<'a>(block: &'a [u8], present: bool, entries: &mut Vec<Entry<'a>>) -> Result<(), Corrupt> {
    let mut reader = Reader::new(block);
    let mut last: Option<Register<'a>> = None;
    while !reader.is_empty() {
        let (number, raw) = reader.raw_field()?;
        let register = Register::element(number, raw);
        if last.is_some_and(|l| l >= register) {
            return Err(Corrupt::Order);
        }
        last = Some(register);
        entries.push(Entry { register, value: if present { raw } else { &[] } });
    }
    Ok(())
}

fn read_cleared(block: &[u8], entries: &mut Vec<Entry<'_>>) -> Result<(), Corrupt> {
    let mut reader = Reader::new(block);
    let mut last = 0;
    while !reader.is_empty() {
        let number = field_number(reader.varint()?)?;
        if number <= last {
            return Err(Corrupt::Order);
        }
        last = number;
        entries.push(Entry { register: Register::whole(number), value: &[] });
    }
    Ok(())
}

fn put_group(out: &mut Vec<u8>, scratch: &mut Vec<u8>, group: &Group<'_>, context: &Context) {
    let stamp = &group.stamp;
    // A group outside its context breaks the invariant of State; the reader refuses the index that results.
    let index = context.find(stamp.dot.replica).unwrap_or(context.len());
    put_varint(out, 0);
    put_varint(out, index as u64);
    put_varint(out, stamp.dot.tick);
    put_varint(out, stamp.saved_at_ms);
    out.extend_from_slice(&stamp.base.0);
    put_block(out, stamp.user.as_bytes());
    out.extend_from_slice(&stamp.tag);
    for (element, present) in [(false, true), (true, true), (false, false), (true, false)] {
        scratch.clear();
        let of_section = |e: &&Entry<'_>| e.register.is_element() == element && e.value.is_empty() != present;
        for entry in group.entries.iter().filter(of_section) {
            match (element, present) {
                (false, false) => put_varint(scratch, u64::from(entry.register.field)),
                (true, false) => scratch.extend_from_slice(entry.register.element),
                _ => scratch.extend_from_slice(entry.value),
            }
        }
        put_block(out, scratch);
    }
}
