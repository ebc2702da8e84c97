//! Reading and writing the bytes of a state without the engine's code: what the oracle knows of a copy it has from
//! here. Written after the description in `causal/src/codec.rs`, lenient where the engine is strict.

use std::collections::BTreeMap;

/// Names one edit: replica and tick.
pub type Dot = (u64, u64);
/// A register: the field, and the element of a set (empty for a field as a whole).
pub type Place = (u32, Vec<u8>);

/// What is left of one edit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Part {
    pub dot: Dot,
    pub saved_at_ms: u64,
    pub base: [u8; 16],
    pub user: Vec<u8>,
    pub tag: [u8; 8],
    pub values: BTreeMap<Place, Vec<u8>>,
}

/// A state.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Copy {
    pub context: BTreeMap<u64, u64>,
    pub parts: Vec<Part>,
}

impl Copy {
    /// The edits that stand in each register.
    pub fn standing(&self) -> BTreeMap<&Place, Vec<Dot>> {
        let mut standing: BTreeMap<&Place, Vec<Dot>> = BTreeMap::new();
        for part in &self.parts {
            part.values.keys().for_each(|place| standing.entry(place).or_default().push(part.dot));
        }
        standing
    }

    /// All values in the register of a whole field.
    pub fn values(&self, field: u32) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().filter_map(move |p| p.values.get(&(field, Vec::new()))).map(Vec::as_slice)
    }

    /// The bases in all values of a field.
    pub fn bases(&self, field: u32) -> Vec<[u8; 16]> {
        self.values(field).flat_map(bases_of).collect()
    }
}

/// The bases that a value names.
pub fn bases_of(value: &[u8]) -> Vec<[u8; 16]> {
    let mut reader = Reader(value);
    std::iter::from_fn(|| reader.field()).filter_map(|field| field.bytes.try_into().ok()).collect()
}

/// The number in a value, or in the field `number` of the message in it.
pub fn number_of(value: &[u8], inside: Option<u32>) -> Option<u64> {
    let field = Reader(value).field()?;
    let Some(number) = inside else { return Some(field.number) };
    let mut inner = Reader(field.bytes);
    std::iter::from_fn(|| inner.field()).find(|f| f.id == number).map(|f| f.number)
}

struct Reader<'a>(&'a [u8]);

struct Field<'a> {
    id: u32,
    number: u64,
    bytes: &'a [u8],
    raw: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn block(&mut self) -> Option<&'a [u8]> {
        let length = self.varint()?;
        self.take(usize::try_from(length).ok()?)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// One protobuf field.
    fn field(&mut self) -> Option<Field<'a>> {
        let start = self.0;
        let key = self.varint()?;
        let (mut number, mut bytes): (u64, &[u8]) = (0, &[]);
        match key & 7 {
            0 => number = self.varint()?,
            1 => bytes = self.take(8)?,
            2 => bytes = self.block()?,
            5 => bytes = self.take(4)?,
            _ => return None,
        }
        let raw = &start[..start.len() - self.0.len()];
        Some(Field { id: u32::try_from(key >> 3).ok()?, number, bytes, raw })
    }
}

/// Reads a state; `None` for anything else.
pub fn decode(bytes: &[u8]) -> Option<Copy> {
    let mut reader = Reader(bytes);
    if reader.take(1)? != [1] {
        return None;
    }
    let mut replicas = Vec::new();
    let mut copy = Copy::default();
    for _ in 0..reader.varint()? {
        let replica = u64::from_be_bytes(reader.array()?);
        replicas.push(replica);
        copy.context.insert(replica, reader.varint()?);
    }
    for _ in 0..reader.varint()? {
        copy.parts.push(part(&mut reader, &replicas)?);
    }
    reader.0.is_empty().then_some(copy)
}

fn part(reader: &mut Reader<'_>, replicas: &[u64]) -> Option<Part> {
    reader.varint()?;
    let replica = *replicas.get(usize::try_from(reader.varint()?).ok()?)?;
    let mut part = Part { dot: (replica, reader.varint()?), ..Part::default() };
    part.saved_at_ms = reader.varint()?;
    part.base = reader.array()?;
    part.user = reader.block()?.to_vec();
    part.tag = reader.array()?;
    let (whole, elements) = (reader.block()?, reader.block()?);
    let (cleared, removed) = (reader.block()?, reader.block()?);
    let mut fields = Reader(whole);
    while let Some(field) = fields.field() {
        part.values.entry((field.id, Vec::new())).or_default().extend_from_slice(field.raw);
    }
    for (block, present) in [(elements, true), (removed, false)] {
        let mut fields = Reader(block);
        while let Some(field) = fields.field() {
            let value = if present { field.raw.to_vec() } else { Vec::new() };
            part.values.insert((field.id, field.raw.to_vec()), value);
        }
    }
    let mut numbers = Reader(cleared);
    while let Some(number) = numbers.varint() {
        part.values.insert((u32::try_from(number).ok()?, Vec::new()), Vec::new());
    }
    Some(part)
}

/// The bytes of a state: what a modified program would send.
pub fn encode(copy: &Copy) -> Vec<u8> {
    let mut out = vec![1];
    put_varint(&mut out, copy.context.len() as u64);
    for (replica, tick) in &copy.context {
        out.extend_from_slice(&replica.to_be_bytes());
        put_varint(&mut out, *tick);
    }
    let mut parts: Vec<&Part> = copy.parts.iter().filter(|p| !p.values.is_empty()).collect();
    parts.sort_by_key(|part| part.dot);
    put_varint(&mut out, parts.len() as u64);
    for part in parts {
        let index =
            copy.context.keys().position(|replica| *replica == part.dot.0).unwrap_or(copy.context.len());
        put_varint(&mut out, 0);
        put_varint(&mut out, index as u64);
        put_varint(&mut out, part.dot.1);
        put_varint(&mut out, part.saved_at_ms);
        out.extend_from_slice(&part.base);
        put_block(&mut out, &part.user);
        out.extend_from_slice(&part.tag);
        let (mut whole, mut elements, mut cleared, mut removed) = (vec![], vec![], vec![], vec![]);
        for ((field, element), value) in &part.values {
            match (element.is_empty(), value.is_empty()) {
                (true, false) => whole.extend_from_slice(value),
                (true, true) => put_varint(&mut cleared, u64::from(*field)),
                (false, false) => elements.extend_from_slice(element),
                (false, true) => removed.extend_from_slice(element),
            }
        }
        [whole, elements, cleared, removed].iter().for_each(|block| put_block(&mut out, block));
    }
    out
}

/// A field that holds bytes.
pub fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, u64::from(number) << 3 | 2);
    put_block(&mut out, bytes);
    out
}

fn put_block(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
