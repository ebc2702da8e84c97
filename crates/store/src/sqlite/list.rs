//! Lists: a page of records of one kind.

use std::collections::BTreeMap;

use schema::Kind;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::filter::{self, Filter, Source, in_order};
use super::record::{ROW_WIDTH, read_row, row_columns};
use super::values::{base_id, fetch_made, fetch_with, flag, number};
use super::{dialect, search};
use crate::error::StoreError;
use crate::field_path::FieldPath;
use crate::query::{Item, LIMIT_MAX, OrderBy, Page, Query};

pub(super) async fn list(
    conn: &mut SqliteConnection,
    kind: Option<&Kind>,
    query: &Query,
) -> Result<Page, StoreError> {
    let searched = if query.text.is_some() { search::searched(conn).await? } else { 0 };
    let source = filter::source(&Filter::of_list(query), kind, searched)?;
    let total = count(conn, source.clone()).await?;
    let places = places(conn, kind, query, source).await?;
    Ok(Page { items: items(conn, &places).await?, total })
}

async fn count(conn: &mut SqliteConnection, source: Source) -> Result<u64, StoreError> {
    let sql = format!("{}SELECT count(*) FROM {} WHERE {}", source.with, source.from, source.conditions);
    let found =
        fetch_made(conn, "counting a list", sql.into(), true, source.bound, |row| number(row, 0)).await?;
    Ok(found.first().copied().unwrap_or(0))
}

/// The rows of the page in order, by their place in the table: sorting must not carry whole records about.
async fn places(
    conn: &mut SqliteConnection,
    kind: Option<&Kind>,
    query: &Query,
    mut source: Source,
) -> Result<Vec<u64>, StoreError> {
    if query.limit == 0 {
        return Ok(Vec::new());
    }
    let order = order(kind, query)?;
    let sql = format!(
        "{}SELECT r.n FROM {} WHERE {} ORDER BY {order} LIMIT ? OFFSET ?",
        source.with, source.from, source.conditions
    );
    source.bound.number(u64::from(query.limit.min(LIMIT_MAX))).number(u64::from(query.offset));
    fetch_made(conn, "reading a list", sql.into(), true, source.bound, |row| number(row, 0)).await
}

fn order(kind: Option<&Kind>, query: &Query) -> Result<String, StoreError> {
    let mut parts = Vec::new();
    for (by, descending) in &query.order {
        let column = match by {
            OrderBy::Title => "r.title".to_owned(),
            OrderBy::Place => "r.place".to_owned(),
            OrderBy::State => "r.step".to_owned(),
            OrderBy::Class => "r.class".to_owned(),
            OrderBy::Seq => "r.seq".to_owned(),
            OrderBy::Field(name) => {
                let field = FieldPath::resolve(kind, name)?;
                in_order(&field, &dialect::json_value("r.body", &field.path))
            }
        };
        parts.push(if *descending { format!("{column} DESC") } else { column });
    }
    if parts.is_empty() {
        parts.push("r.seq DESC".to_owned());
    }
    parts.push("r.id".to_owned());
    Ok(parts.join(", "))
}

async fn items(conn: &mut SqliteConnection, places: &[u64]) -> Result<Vec<Item>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        row_columns!(),
        ", r.title, r.place, r.class, r.step, r.home, r.alternatives, r.deleted, r.natural_key, r.n",
        " FROM w CROSS JOIN record r ON r.n = w.id LEFT JOIN unsent u ON u.seq = r.seq"
    );
    let read = |row: &SqliteRow| Ok((number(row, ROW_WIDTH + 8)?, read_item(row)?));
    let found = fetch_with(
        conn,
        "reading a list",
        SQL,
        places,
        |b, n| {
            b.number(*n);
        },
        read,
    )
    .await?;
    let mut found: BTreeMap<u64, Item> = found.into_iter().collect();
    Ok(places.iter().filter_map(|n| found.remove(n)).collect())
}

fn read_item(row: &SqliteRow) -> Result<Item, sqlx::Error> {
    let at = |n| ROW_WIDTH + n;
    let alternatives: i64 = row.try_get(at(5))?;
    Ok(Item {
        row: read_row(row)?,
        title: row.try_get(at(0))?,
        place: row.try_get(at(1))?,
        class: row.try_get(at(2))?,
        state: row.try_get(at(3))?,
        home: base_id(row, at(4))?,
        alternatives: u32::try_from(alternatives).unwrap_or(u32::MAX),
        deleted: flag(row, at(6))?,
        natural_key: row.try_get(at(7))?,
    })
}
