//! Figures: counts by home, and by what else is asked for.

use schema::Kind;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use super::filter::{self, Filter};
use super::values::{base_id, fetch_made, number};
use super::{dialect, search};
use crate::error::StoreError;
use crate::field_path::FieldPath;
use crate::query::{FigureQuery, FigureRow, GroupBy};

/// Most breakdowns of one figure: a table has two sides, and each may be broken down twice.
pub(crate) const GROUPS_MAX: usize = 4;

pub(super) async fn figure(
    conn: &mut SqliteConnection,
    kind: Option<&Kind>,
    query: &FigureQuery,
) -> Result<Vec<FigureRow>, StoreError> {
    if query.group_by.len() > GROUPS_MAX {
        return Err(StoreError::bad_query("统计分组太多 / too many breakdowns"));
    }
    let searched = if query.text.is_some() { search::searched(conn).await? } else { 0 };
    let mut source = filter::source(&Filter::of_figure(query), kind, searched)?;
    // Grouped by the columns as they are, and made text afterwards: so an index can give the groups in order.
    let home = if query.over_homes { "zeroblob(16)" } else { "r.home" };
    let mut columns = vec![home.to_owned()];
    let mut groups = if query.over_homes { Vec::new() } else { columns.clone() };
    for group in &query.group_by {
        let value = key(kind, group, &mut source.from)?;
        columns.push(format!("COALESCE({}, '')", dialect::as_text(&value)));
        groups.push(value);
    }
    let count = match &query.distinct {
        None => "count(*)".to_owned(),
        Some(name) => {
            let value = dialect::as_text(&field_value(kind, name, &mut source.from)?);
            format!("count(DISTINCT NULLIF({value}, ''))")
        }
    };
    let grouped = if groups.is_empty() { String::new() } else { format!(" GROUP BY {}", groups.join(", ")) };
    let sql = format!(
        "{}SELECT {}, {count} FROM {} WHERE {}{grouped}",
        source.with,
        columns.join(", "),
        source.from,
        source.conditions,
    );
    let keys = query.group_by.len();
    let mut rows = fetch_made(conn, "working out a figure", sql.into(), true, source.bound, |row| {
        let keys = (1..=keys).map(|at| row.try_get(at)).collect::<Result<_, _>>()?;
        Ok(FigureRow { home: base_id(row, 0)?, keys, count: number(row, query.group_by.len() + 1)? })
    })
    .await?;
    // Without any group SQL counts nothing as one row of zero.
    rows.retain(|row| row.count > 0 || !groups.is_empty());
    rows.sort_unstable();
    Ok(rows)
}

fn key(kind: Option<&Kind>, group: &GroupBy, from: &mut String) -> Result<String, StoreError> {
    match group {
        GroupBy::Place => Ok("r.place".to_owned()),
        GroupBy::Class => Ok("r.class".to_owned()),
        GroupBy::State => Ok("r.step".to_owned()),
        GroupBy::Field(name) => Ok(format!("NULLIF({}, '')", field_value(kind, name, from)?)),
    }
}

/// A field; a set brings its elements into the tables.
fn field_value(kind: Option<&Kind>, name: &str, from: &mut String) -> Result<String, StoreError> {
    let field = FieldPath::resolve(kind, name)?;
    if !field.repeated {
        return Ok(dialect::json_value("r.body", &field.path));
    }
    let alias = format!("e{}", from.len());
    from.push_str(&format!(" LEFT JOIN {} {alias}", dialect::json_elements("r.body", &field.path)));
    Ok(format!("{alias}.value"))
}
