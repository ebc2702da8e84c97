//! The table `record`: what people entered, as it travels and as it is shown.

use std::collections::BTreeSet;
use std::sync::Arc;

use causal::{BaseId, RecordId, put_varint};
use record::{Scope, Shown};
use schema::Schema;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sync::{NewRow, Row, Unsent};

use super::dialect;
use super::values::{
    self, Bound, chunks, fetch, fetch_made, fetch_with, flag, is_lasting, number, record_id, run_made,
};
use crate::error::StoreError;
use crate::schema_edge;
use crate::text::fold;

/// The columns of a [`Row`], in the order in which [`read_row`] expects them.
macro_rules! row_columns {
    () => {
        "r.id, r.kind, r.seq, r.hidden, r.refused, u.resend, r.state"
    };
}
pub(super) use row_columns;

/// How many columns those are.
pub(super) const ROW_WIDTH: usize = 7;

/// Reads what [`row_columns`] names.
pub(super) fn read_row(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    let unsent = match row.try_get::<Option<i64>, _>(5)? {
        None => Unsent::Clean,
        Some(0) => Unsent::Unpushed,
        Some(_) => Unsent::Resend,
    };
    Ok(Row {
        id: record_id(row, 0)?,
        kind: row.try_get(1)?,
        seq: number(row, 2)?,
        hidden: flag(row, 3)?,
        refused: flag(row, 4)?,
        unsent,
        state: row.try_get(6)?,
    })
}

pub(super) async fn rows(conn: &mut SqliteConnection, ids: &[RecordId]) -> Result<Vec<Row>, StoreError> {
    // CROSS JOIN keeps the order of the tables: each id is looked up, instead of all records being gone through.
    const SQL: &str = concat!(
        "SELECT ",
        row_columns!(),
        " FROM w CROSS JOIN record r ON r.id = w.id LEFT JOIN unsent u ON u.seq = r.seq"
    );
    fetch_with(
        conn,
        "reading records",
        SQL,
        ids,
        |b, id| {
            b.bytes(&id.0);
        },
        read_row,
    )
    .await
}

pub(super) async fn of_kind(conn: &mut SqliteConnection, kind: &str) -> Result<Vec<Row>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        row_columns!(),
        " FROM record r LEFT JOIN unsent u ON u.seq = r.seq WHERE r.kind = $1 ORDER BY r.id"
    );
    let mut bound = Bound::default();
    bound.add(kind);
    fetch(conn, "reading the records of a kind", SQL, bound, read_row).await
}

pub(super) async fn by_id(
    conn: &mut SqliteConnection,
    after: Option<RecordId>,
    upto: RecordId,
    limit: usize,
) -> Result<Vec<(Row, Scope)>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        row_columns!(),
        ", r.home, r.scope FROM record r LEFT JOIN unsent u ON u.seq = r.seq",
        " WHERE r.id > $1 AND r.id <= $2 ORDER BY r.id LIMIT $3"
    );
    let mut bound = Bound::default();
    // No id is empty: every one is above that.
    bound.bytes(after.as_ref().map_or(&[], |id| id.0.as_slice())).bytes(&upto.0).number(limit as u64);
    fetch(conn, "reading records by id", SQL, bound, read_scoped).await
}

/// Numbers are gone through in stretches: the first is about what is asked for, and each after it larger by so much. What
/// is found in one has to be sorted, if there are several homes; and where little is found, few are asked for.
const STRETCH_GROWS: u64 = 4;

/// The numbers in `between` (above, up to and including), each with its row's place in the table; both conditions are read
/// from an index of their own.
pub(super) async fn numbers_among(
    conn: &mut SqliteConnection,
    homes: &[BaseId],
    between: (u64, u64),
    limit: usize,
) -> Result<Vec<(u64, u64)>, StoreError> {
    let (mut after, last) = between;
    let mut stretch = (limit as u64).saturating_mul(2);
    let mut found = Vec::new();
    while found.len() < limit && after < last {
        let upto = after.saturating_add(stretch).min(last);
        found.extend(numbers_in(conn, homes, (after, upto), limit - found.len()).await?);
        after = upto;
        stretch = stretch.saturating_mul(STRETCH_GROWS);
    }
    Ok(found)
}

async fn numbers_in(
    conn: &mut SqliteConnection,
    homes: &[BaseId],
    (after, upto): (u64, u64),
    limit: usize,
) -> Result<Vec<(u64, u64)>, StoreError> {
    let places = vec!["?"; homes.len()].join(",");
    let sql = format!(
        "SELECT seq, n FROM record WHERE hidden = 0 AND scope IS NULL AND home IN ({places}) AND seq > ? AND seq <= ? \
         UNION ALL SELECT seq, n FROM record WHERE hidden = 0 AND scope IS NOT NULL AND seq > ? AND seq <= ? \
         ORDER BY seq LIMIT ?"
    );
    let mut bound = Bound::default();
    for home in homes {
        bound.bytes(&home.0);
    }
    bound.number(after).number(upto).number(after).number(upto).number(limit as u64);
    let read = |row: &SqliteRow| Ok((number(row, 0)?, number(row, 1)?));
    fetch_made(conn, "looking for changes", sql.into(), homes.len() == 1, bound, read).await
}

/// The rows at these places of the table, by number.
pub(super) async fn at_places(
    conn: &mut SqliteConnection,
    places: &[u64],
) -> Result<Vec<(Row, Scope)>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        row_columns!(),
        ", r.home, r.scope FROM w CROSS JOIN record r ON r.n = w.id LEFT JOIN unsent u ON u.seq = r.seq"
    );
    let bind = |b: &mut Bound, n: &u64| {
        b.number(*n);
    };
    let mut rows = fetch_with(conn, "reading changes", SQL, places, bind, read_scoped).await?;
    rows.sort_by_key(|(row, _)| row.seq);
    Ok(rows)
}

fn read_scoped(row: &SqliteRow) -> Result<(Row, Scope), sqlx::Error> {
    Ok((read_row(row)?, read_scope(row, ROW_WIDTH, ROW_WIDTH + 1)?))
}

fn read_scope(row: &SqliteRow, home: usize, scope: usize) -> Result<Scope, sqlx::Error> {
    match row.try_get::<Option<&[u8]>, _>(scope)? {
        None => Ok(Scope { homes: vec![values::base_id(row, home)?], audience: Vec::new() }),
        Some(bytes) => scope_from(bytes).ok_or_else(|| sqlx::Error::Decode("malformed scope".into())),
    }
}

/// Homes and audience, where they are more than the shown home: how many homes, then all ids.
fn scope_bytes(shown: &Shown) -> Option<Vec<u8>> {
    let scope = &shown.scope;
    if scope.audience.is_empty() && scope.homes == [shown.home] {
        return None;
    }
    let mut out = Vec::with_capacity(2 + 16 * (scope.homes.len() + scope.audience.len()));
    put_varint(&mut out, scope.homes.len() as u64);
    scope.homes.iter().chain(&scope.audience).for_each(|base| out.extend_from_slice(&base.0));
    Some(out)
}

fn scope_from(bytes: &[u8]) -> Option<Scope> {
    let mut count = 0usize;
    let mut at = 0;
    loop {
        let byte = *bytes.get(at)?;
        count |= usize::from(byte & 0x7F).checked_shl(7 * at as u32)?;
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let (ids, rest) = bytes[at..].as_chunks::<16>();
    if !rest.is_empty() || count > ids.len() {
        return None;
    }
    let bases: Vec<BaseId> = ids.iter().map(|id| BaseId(*id)).collect();
    let (homes, audience) = bases.split_at(count);
    Some(Scope { homes: homes.to_vec(), audience: audience.to_vec() })
}

const UPSERT_WIDTH: usize = 17;

fn upsert_sql(count: usize) -> Arc<str> {
    let values = dialect::values(count, UPSERT_WIDTH);
    format!(
        "INSERT INTO record (id, kind, seq, home, scope, hidden, refused, deleted, alternatives, title, place, \
         class, step, natural_key, words, body, state) VALUES {values} ON CONFLICT (id) DO UPDATE SET \
         kind = excluded.kind, seq = excluded.seq, home = excluded.home, scope = excluded.scope, \
         hidden = excluded.hidden, refused = excluded.refused, deleted = excluded.deleted, \
         alternatives = excluded.alternatives, title = excluded.title, place = excluded.place, \
         class = excluded.class, step = excluded.step, natural_key = excluded.natural_key, \
         words = excluded.words, body = excluded.body, state = excluded.state"
    )
    .into()
}

/// Rewrites rows that are held, where nothing changes that lists and figures are found by: most edits. Their places in
/// those indexes, all over the file, need not be touched then. To have those rows told would cost as much again.
fn rewrite_sql(count: usize) -> Arc<str> {
    let values = dialect::values(count, UPSERT_WIDTH);
    // The plus signs keep SQLite from going through all records and looking each up among the new ones.
    format!(
        "WITH w (id, kind, seq, home, scope, hidden, refused, deleted, alternatives, title, place, class, step, \
         natural_key, words, body, state) AS (VALUES {values}) \
         UPDATE record SET seq = w.seq, scope = w.scope, refused = w.refused, alternatives = w.alternatives, \
         natural_key = w.natural_key, words = w.words, body = w.body, state = w.state FROM w \
         WHERE record.id = +w.id AND record.kind = +w.kind AND record.home = +w.home AND record.hidden = +w.hidden \
         AND record.deleted = +w.deleted AND record.title = +w.title AND record.place = +w.place \
         AND record.class IS +w.class AND record.step IS +w.step"
    )
    .into()
}

/// Writes rows, numbered from `first_seq` in their order. While the engine's thread writes one chunk, this one
/// prepares the next.
pub(super) async fn upsert(
    conn: &mut SqliteConnection,
    schema: &Schema,
    rows: &[NewRow],
    first_seq: u64,
) -> Result<(), StoreError> {
    let numbered: Vec<(u64, &NewRow)> = (first_seq..).zip(rows).collect();
    // A large statement takes long to prepare, and gains where much is new: there it comes again and again.
    let width = if rows.iter().all(|new| new.row.seq == 0) { 1 } else { UPSERT_WIDTH };
    let mut chunks = chunks(&numbered, width);
    let mut prepare = || chunks.next().map(|chunk| (bind_chunk(schema, chunk), chunk));
    let mut next = prepare();
    while let Some((bound, chunk)) = next.take() {
        let writing = write_chunk(conn, schema, bound, chunk);
        let (written, prepared) = tokio::join!(writing, async { prepare() });
        written?;
        next = prepared;
    }
    Ok(())
}

/// Writes some rows, of which `bound` holds the values: those that are held and stay where they are in lists, and then the
/// others.
async fn write_chunk(
    conn: &mut SqliteConnection,
    schema: &Schema,
    bound: Bound,
    chunk: &[(u64, &NewRow)],
) -> Result<(), StoreError> {
    let (count, lasting) = (chunk.len(), is_lasting(chunk.len()));
    if chunk.iter().all(|(_, new)| new.row.seq == 0) {
        return run_made(conn, "writing records", upsert_sql(count), lasting, bound).await.map(drop);
    }
    if run_made(conn, "writing records", rewrite_sql(count), lasting, bound).await? == count as u64 {
        return Ok(());
    }
    let ids: Vec<RecordId> = chunk.iter().map(|(_, new)| new.row.id).collect();
    let held = kinds_and_numbers(conn, &ids).await?;
    let done: BTreeSet<(RecordId, u64)> = held.into_iter().map(|(id, _, seq)| (id, seq)).collect();
    let rest: Vec<_> =
        chunk.iter().filter(|(seq, new)| !done.contains(&(new.row.id, *seq))).copied().collect();
    let bound = bind_chunk(schema, &rest);
    run_made(conn, "writing records", upsert_sql(rest.len()), is_lasting(rest.len()), bound).await.map(drop)
}

fn bind_chunk(schema: &Schema, chunk: &[(u64, &NewRow)]) -> Bound {
    let mut bound = Bound::with_room(chunk.len() * UPSERT_WIDTH);
    // Of a batch most records are of one kind: its name is shared.
    let mut kind: Arc<str> = Arc::from("");
    for (seq, new) in chunk {
        if *kind != *new.row.kind {
            kind = Arc::from(new.row.kind.as_str());
        }
        bind_row(&mut bound, schema, new, kind.clone(), *seq);
    }
    bound
}

fn bind_row(bound: &mut Bound, schema: &Schema, new: &NewRow, kind: Arc<str>, seq: u64) {
    let NewRow { row, shown } = new;
    bound.bytes(&row.id.0).add(kind).number(seq);
    bound.bytes(&shown.home.0).add(scope_bytes(shown)).flag(row.hidden).flag(row.refused);
    bind_shown(bound, schema, &row.kind, shown);
    bound.bytes(&row.state);
}

/// The columns `deleted` to `body`.
fn bind_shown(bound: &mut Bound, schema: &Schema, kind: &str, shown: &Shown) {
    bound.flag(shown.deleted).add(i64::from(shown.alternatives));
    bound.text(shown.title.as_str()).text(shown.place.as_str()).add(shown.class).add(shown.state);
    bound.text(shown.natural_key.as_str()).text(fold(&shown.search));
    bound.add(schema_edge::body(schema.kind(kind), &shown.body));
}

/// Writes anew what lists show. Gives back the lowest number among the rows, for the search index.
pub(super) async fn reshow(
    conn: &mut SqliteConnection,
    schema: &Schema,
    shown: &[(RecordId, Shown)],
) -> Result<Option<u64>, StoreError> {
    const SQL: &str = "UPDATE record SET home = $2, scope = $3, deleted = $4, alternatives = $5, title = $6, \
                       place = $7, class = $8, step = $9, natural_key = $10, words = $11, body = $12 WHERE id = $1";
    let ids: Vec<RecordId> = shown.iter().map(|(id, _)| *id).collect();
    let held = kinds_and_numbers(conn, &ids).await?;
    for (id, shown) in shown {
        let Some((_, kind, _)) = held.iter().find(|(held, _, _)| held == id) else { continue };
        let mut bound = Bound::default();
        bound.bytes(&id.0).bytes(&shown.home.0).add(scope_bytes(shown));
        bind_shown(&mut bound, schema, kind, shown);
        values::run(conn, "showing records anew", SQL, bound).await?;
    }
    Ok(held.iter().map(|(_, _, seq)| *seq).min())
}

async fn kinds_and_numbers(
    conn: &mut SqliteConnection,
    ids: &[RecordId],
) -> Result<Vec<(RecordId, String, u64)>, StoreError> {
    const SQL: &str = "SELECT r.id, r.kind, r.seq FROM w CROSS JOIN record r ON r.id = w.id";
    let read = |row: &SqliteRow| Ok((record_id(row, 0)?, row.try_get(1)?, number(row, 2)?));
    fetch_with(
        conn,
        "reading records",
        SQL,
        ids,
        |b, id| {
            b.bytes(&id.0);
        },
        read,
    )
    .await
}

/// Hides or shows records.
pub(super) async fn hide(conn: &mut SqliteConnection, hide: &[(RecordId, bool)]) -> Result<(), StoreError> {
    for wanted in [true, false] {
        let ids: Vec<RecordId> =
            hide.iter().filter(|(_, hidden)| *hidden == wanted).map(|(id, _)| *id).collect();
        let sql = format!("UPDATE record SET hidden = {} WHERE id IN (SELECT id FROM w)", i64::from(wanted));
        values::run_with(conn, "hiding records", &["id"], &sql, &ids, |b, id| {
            b.bytes(&id.0);
        })
        .await?;
    }
    Ok(())
}

/// Flags records that the parent refused, where they still have the number under which they were sent.
pub(super) async fn refuse(
    conn: &mut SqliteConnection,
    refused: &[(RecordId, u64)],
) -> Result<(), StoreError> {
    const FLAG: &str = "UPDATE record SET refused = 1 WHERE (id, seq) IN (SELECT id, seq FROM w)";
    values::run_with(conn, "flagging refused records", &["id", "seq"], FLAG, refused, |b, (id, seq)| {
        b.bytes(&id.0).number(*seq);
    })
    .await
}

/// Removes records with all that hangs on them.
pub(super) async fn remove(conn: &mut SqliteConnection, ids: &[RecordId]) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM unsent WHERE seq IN (SELECT r.seq FROM w CROSS JOIN record r ON r.id = w.id)",
        dialect::SEARCH_REMOVE,
        "DELETE FROM revision WHERE record IN (SELECT id FROM w)",
        "DELETE FROM record WHERE id IN (SELECT id FROM w)",
    ] {
        values::run_with(conn, "dropping records", &["id"], statement, ids, |b, id| {
            b.bytes(&id.0);
        })
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_read_back() {
        let base = |n| BaseId([n; 16]);
        for (homes, audience) in
            [(vec![], vec![]), (vec![base(1), base(2)], vec![]), (vec![base(1)], vec![base(3)])]
        {
            let scope = Scope { homes, audience };
            let shown = Shown { home: base(1), scope: scope.clone(), ..Shown::default() };
            assert_eq!(scope_from(&scope_bytes(&shown).unwrap()), Some(scope));
        }
        let alone = Shown {
            home: base(1),
            scope: Scope { homes: vec![base(1)], audience: vec![] },
            ..Shown::default()
        };
        assert_eq!(scope_bytes(&alone), None);
        assert_eq!(scope_from(&[]), None);
        assert_eq!(scope_from(&[2, 0]), None);
    }
}
