//! What a modified or a newer program would write: edits made by hand and planted in a database, to be pushed by the
//! node whose database it is.

use causal::{BaseId, Dot, Entry, RecordId, Register, ReplicaId, Stamp, State, write};
use record::{AUDIENCE, HOME, put_base};
use schema::{Schema, raw, text};

use crate::database::{Bind, Database};

/// One edit, in the making.
#[derive(Debug, Clone)]
pub struct Edit {
    base: BaseId,
    replica: u64,
    fields: Vec<(u32, Vec<u8>)>,
}

impl Edit {
    /// An edit in the name of a base, by its id in hexadecimal.
    pub fn by(base: &str) -> Edit {
        let base: BaseId = base.parse().unwrap();
        let replica = u64::from_be_bytes(record_id_seed());
        Edit { base, replica, fields: Vec::new() }
    }

    /// Gives the record to a base and opens it to others.
    pub fn home(self, home: &str, audience: &[&str]) -> Edit {
        let mut value = Vec::new();
        put_base(&mut value, HOME, home.parse().unwrap());
        let mut opened = Vec::new();
        audience.iter().for_each(|base| put_base(&mut opened, AUDIENCE, base.parse().unwrap()));
        self.raw(HOME, value).raw(AUDIENCE, opened)
    }

    /// Sets a field by its name, as people write its value.
    pub fn set(self, kind: &str, field: &str, value: &str) -> Edit {
        let field = Schema::embedded().kind(kind).unwrap().field_named(field).unwrap();
        self.raw(field.number, text::parse_text(field, value).unwrap())
    }

    /// Sets a step of a workflow, from the number of one state to that of another.
    pub fn step(self, kind: &str, field: &str, from: Option<i64>, to: i64) -> Edit {
        let field = Schema::embedded().kind(kind).unwrap().field_named(field).unwrap();
        let mut body = Vec::new();
        if let Some(from) = from {
            raw::put_int(&mut body, 1, from);
        }
        raw::put_int(&mut body, 2, to);
        let mut value = Vec::new();
        raw::put_bytes(&mut value, field.number, &body);
        self.raw(field.number, value)
    }

    /// Sets a text under a field number that this program's contract does not have.
    pub fn unknown(self, number: u32, value: &str) -> Edit {
        let mut bytes = Vec::new();
        raw::put_text(&mut bytes, number, value);
        self.raw(number, bytes)
    }

    fn raw(mut self, number: u32, value: Vec<u8>) -> Edit {
        self.fields.push((number, value));
        self
    }

    /// The state after this edit of one that has seen all of `before`; without it the record begins here.
    pub fn over(&self, before: Option<&[u8]>) -> Vec<u8> {
        let before = before.map(|bytes| State::decode(bytes).unwrap()).unwrap_or_default();
        let stamp = Stamp {
            dot: Dot { replica: ReplicaId(self.replica), tick: 1 },
            saved_at_ms: 1_790_000_000_000,
            base: self.base,
            user: "改过的程序",
            tag: [7; 8],
        };
        let entries: Vec<Entry<'_>> = self
            .fields
            .iter()
            .map(|(number, value)| Entry { register: Register::whole(*number), value })
            .collect();
        write(&before, stamp, &before.context.clone(), &entries).state.encode()
    }
}

fn record_id_seed() -> [u8; 8] {
    new_id().0[..8].try_into().unwrap()
}

/// An id that no other record has.
pub fn new_id() -> RecordId {
    use std::hash::{BuildHasher as _, RandomState};
    let half = || RandomState::new().hash_one(0_u8).to_be_bytes();
    RecordId([half(), half()].concat().try_into().unwrap())
}

/// Plants a notice in the name of another base, and tells its id.
pub fn plant_notice(database: &Database, pretended: &str) -> String {
    let id = new_id();
    let notice = Edit::by(pretended)
        .home(pretended, &[pretended])
        .set("notice", "title", "假的通知")
        .set("notice", "sort", "通知")
        .set("notice", "body", "请汇款。");
    plant(database, "notice", id, &notice.over(None));
    id.to_string()
}

/// Puts a state into the database of a node that does not run, to be pushed with the next round.
pub fn plant(database: &Database, kind: &str, id: RecordId, state: &[u8]) {
    let home = record::scope_of(&State::decode(state).unwrap()).homes.first().copied().unwrap_or_default();
    let this = [Bind::Bytes(&id.0)];
    database.write("DELETE FROM unsent WHERE seq = (SELECT seq FROM record WHERE id = $1)", &this);
    database.write("UPDATE counter SET n = n + 1 WHERE name = 'seq'", &[]);
    database.write(
        "INSERT INTO record (id, kind, seq, home, hidden, refused, deleted, alternatives, title, place, class, \
         step, natural_key, words, state) VALUES ($1, $2, (SELECT n FROM counter WHERE name = 'seq'), $3, 0, 0, 0, \
         0, '', '', 0, 0, '', '', $4) ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, state = excluded.state",
        &[this[0], Bind::Text(kind), Bind::Bytes(&home.0), Bind::Bytes(state)],
    );
    database.write("INSERT INTO unsent (seq, resend, n) SELECT seq, 0, n FROM record WHERE id = $1", &this);
}
