//! What a modified program would send: bytes of records made by hand, and planted in the database of a node that does
//! not run, which then pushes them with its own certificate.
//!
//! The few rules of the encoding that this takes are written down here once more, since this crate does not know the
//! engine: a state is version, context, groups, the latter two with their counts before them; the context has a number
//! for each replica, sorted; a group is one edit. See `causal/src/codec.rs`.

use std::path::Path;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::error::DemoError;

/// The replica in whose name is forged: sorts behind every real one, so that groups keep their numbers.
const REPLICA: [u8; 8] = [0xff; 8];
/// Bytes of the id of a base or record.
const ID: usize = 16;

/// A record as it is to lie in the database.
pub(crate) struct Forged {
    /// The record whose kind and columns it takes.
    pub like: String,
    /// Its id; that of `like` writes over it.
    pub id: String,
    /// Its bytes.
    pub state: Vec<u8>,
}

/// A state with one more edit in it: `base` sets the text of a field beside what stands there.
///
/// Answers nothing when the bytes are no state.
pub(crate) fn with_edit(state: &[u8], base: &str, field: u8, text: &str) -> Option<Vec<u8>> {
    let (count, start) = varint(state, 1)?;
    let end = (0..count).try_fold(start, |at, _| Some(varint(state, at + REPLICA.len())?.1))?;
    let mut forged = vec![*state.first()?];
    put_varint(&mut forged, count + 1);
    forged.extend_from_slice(&state[start..end]);
    forged.extend_from_slice(&REPLICA);
    put_varint(&mut forged, 1);
    let (groups, first) = varint(state, end)?;
    put_varint(&mut forged, groups + 1);
    forged.extend_from_slice(&state[first..]);
    // flags, the replica's place in the context, its first edit, the time
    [0, count, 1, crate::story::now_ms()].into_iter().for_each(|number| put_varint(&mut forged, number));
    forged.extend_from_slice(&unhex(base)?);
    put_block(&mut forged, "改过的程序".as_bytes());
    forged.extend_from_slice(&[7; 8]);
    let mut raw = vec![field << 3 | 2];
    put_block(&mut raw, text.as_bytes());
    put_block(&mut forged, &raw);
    // neither elements, nor cleared fields, nor removed elements
    forged.extend_from_slice(&[0; 3]);
    Some(forged)
}

/// A state in which another base stands wherever `base` stood, from the `first` place on: the first is the writer.
pub(crate) fn renamed(state: &[u8], base: &str, other: &str, first: usize) -> Option<Vec<u8>> {
    let (base, other) = (unhex(base)?, unhex(other)?);
    let places = (0..state.len().saturating_sub(ID - 1)).filter(|at| state[*at..at + ID] == base[..]);
    let mut forged = state.to_vec();
    for at in places.skip(first) {
        forged[at..at + ID].copy_from_slice(&other);
    }
    (forged != state).then_some(forged)
}

/// Puts records into the database of a node that does not run, to be pushed with the next round.
pub(crate) async fn plant(database: &Path, all: &[Forged]) -> Result<(), DemoError> {
    let failed = |source| DemoError::Database { path: database.to_owned(), source };
    let options = SqliteConnectOptions::new().filename(database);
    let mut db = SqliteConnection::connect_with(&options).await.map_err(failed)?;
    for forged in all {
        plant_one(&mut db, forged).await.map_err(failed)?;
    }
    db.close().await.map_err(failed)
}

async fn plant_one(db: &mut SqliteConnection, forged: &Forged) -> Result<(), sqlx::Error> {
    const FORGET: &str = "DELETE FROM unsent WHERE seq = (SELECT seq FROM record WHERE id = $1)";
    const COUNT: &str = "UPDATE counter SET n = n + 1 WHERE name = 'seq'";
    const PUT: &str = "INSERT INTO record (id, kind, seq, home, hidden, refused, deleted, alternatives, title, place, \
                       class, step, natural_key, words, body, state) SELECT $1, kind, (SELECT n FROM counter WHERE \
                       name = 'seq'), home, 0, 0, 0, 0, title, place, class, step, natural_key, words, body, $2 \
                       FROM record WHERE id = $3 ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, \
                       state = excluded.state";
    const SEND: &str = "INSERT INTO unsent (seq, resend, n) SELECT seq, 0, n FROM record WHERE id = $1";
    let (id, like) = (unhex(&forged.id).unwrap_or_default(), unhex(&forged.like).unwrap_or_default());
    sqlx::query(FORGET).bind(&id).execute(&mut *db).await?;
    sqlx::query(COUNT).execute(&mut *db).await?;
    sqlx::query(PUT).bind(&id).bind(&forged.state).bind(&like).execute(&mut *db).await?;
    sqlx::query(SEND).bind(&id).execute(&mut *db).await.map(drop)
}

fn unhex(id: &str) -> Option<Vec<u8>> {
    let byte = |at: usize| u8::from_str_radix(id.get(at * 2..at * 2 + 2)?, 16).ok();
    (0..ID).map(byte).collect()
}

/// A number, and where it ends.
fn varint(bytes: &[u8], mut at: usize) -> Option<(u64, usize)> {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = *bytes.get(at)?;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        (at, shift) = (at + 1, shift + 7);
        if byte < 0x80 {
            return Some((value, at));
        }
    }
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_block(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_added_behind_the_others() {
        // Version, one replica with 300 edits, and a group that nobody looks into.
        let state = [&[1, 1][..], &[5; 8], &[0xac, 2], &[1], b"group"].concat();
        let forged = with_edit(&state, &"0a".repeat(16), 2, "假").unwrap();
        let context = [&[1, 2][..], &[5; 8], &[0xac, 2], &[0xff; 8], &[1, 2], b"group"].concat();
        assert_eq!(forged[..context.len()], context);
        let field = [&[5, 2 << 3 | 2, 3][..], "假".as_bytes(), &[0; 3]].concat();
        assert!(forged.ends_with(&field), "{forged:?}");
        assert_eq!(with_edit(&[1, 9], &"0a".repeat(16), 2, "假"), None);
    }

    #[test]
    fn bases_are_renamed_from_a_place_on() {
        let [one, two] = [[3_u8; 16], [4; 16]];
        let state = [&b"x"[..], &one, b"y", &one].concat();
        let hex = |byte: &str| byte.repeat(16);
        assert_eq!(
            renamed(&state, &hex("03"), &hex("04"), 1).unwrap(),
            [&b"x"[..], &one, b"y", &two].concat()
        );
        assert_eq!(renamed(&state, &hex("05"), &hex("04"), 0), None);
    }
}
