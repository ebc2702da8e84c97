//! Records to store: small ones, of kinds of the contract in `proto/`.

use causal::{BaseId, Dot, Entry, Group, RecordId, ReplicaId, Stamp, State};
use record::{Draft, Shown, Tree};
use schema::{Kind, Schema};
use sync::{NewRow, Row, Unsent};

/// A base by a small number.
pub fn base(n: u8) -> BaseId {
    BaseId([n; 16])
}

/// A record by a number; scattered over the id space, as real ids are.
pub fn record(n: u64) -> RecordId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    id[8..].copy_from_slice(&n.to_be_bytes());
    RecordId(id)
}

/// A record in the making.
#[derive(Clone, Debug)]
pub struct Sample<'a> {
    kind: &'a Kind,
    id: RecordId,
    home: BaseId,
    audience: Vec<BaseId>,
    tick: u64,
    fields: Vec<(&'a str, String)>,
    row: Row,
    deleted: bool,
}

impl<'a> Sample<'a> {
    /// A record of base 1 that the parent lacks.
    pub fn new(schema: &'a Schema, kind: &str, n: u64) -> Sample<'a> {
        let kind = schema.kind(kind).unwrap();
        let row = Row { unsent: Unsent::Unpushed, ..Row::default() };
        let (home, audience, fields) = (base(1), Vec::new(), Vec::new());
        Sample { kind, id: record(n), home, audience, tick: 1, fields, row, deleted: false }
    }

    /// Sets a field by the text that people would type; elements of a set are separated by commas.
    #[must_use]
    pub fn with(mut self, field: &'a str, text: &str) -> Self {
        self.fields.push((field, text.to_owned()));
        self
    }

    /// Sets the home.
    #[must_use]
    pub fn home(mut self, home: BaseId) -> Self {
        self.home = home;
        self
    }

    /// Opens it to bases.
    #[must_use]
    pub fn open_to(mut self, audience: &[BaseId]) -> Self {
        self.audience = audience.to_vec();
        self
    }

    /// Deletes it.
    #[must_use]
    pub fn deleted(mut self) -> Self {
        self.deleted = true;
        self
    }

    /// Changes the flags of the row, and the number it had.
    #[must_use]
    pub fn row(mut self, change: impl FnOnce(&mut Row)) -> Self {
        change(&mut self.row);
        self
    }

    /// As after another edit, over the row with number `seq`.
    #[must_use]
    pub fn again(mut self, seq: u64) -> Self {
        self.tick += 1;
        self.row.seq = seq;
        self
    }

    /// The record to write.
    pub fn build(self) -> NewRow {
        let draft = self.draft();
        let entries = entries(&draft);
        let stamp = Stamp {
            dot: Dot { replica: ReplicaId(1), tick: self.tick },
            saved_at_ms: 1_700_000_000_000 + self.tick,
            base: self.home,
            user: "张三",
            tag: [7; 8],
        };
        let state = State::of_groups(vec![Group { stamp, entries }]);
        let shown = Shown::of(Some(self.kind), &Tree::default(), &state);
        let row = Row { id: self.id, kind: self.kind.name.clone(), state: state.encode(), ..self.row };
        NewRow { row, shown }
    }

    fn draft(&self) -> Draft {
        let mut draft = Draft::default();
        draft.home(self.home);
        draft.audience(&self.audience);
        if self.deleted {
            draft.delete(&[Dot { replica: ReplicaId(1), tick: 1 }].into_iter().collect());
        }
        for (name, text) in &self.fields {
            let field = self.kind.field_named(name).unwrap();
            let parsed = schema::text::parse_text(field, text);
            let raw = parsed.unwrap_or_else(|bad| panic!("{name}={text}: {bad:?}"));
            draft.set(self.kind, field.number, raw);
        }
        draft
    }
}

fn entries(draft: &Draft) -> Vec<Entry<'_>> {
    let empty = State::default();
    let mut entries = draft.entries(&empty, &empty.context);
    entries.sort_by_key(|entry| entry.register);
    entries
}
