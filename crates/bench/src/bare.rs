//! The floor: the same rows with the same indexes, written straight into bare SQLite by one connection, with the same
//! durability and page size; nothing is checked, merged or sent.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

/// Rows in one transaction: as many as a node gathers at most.
const TRANSACTION_ROWS: usize = 8_000;
/// Pages of the log after which SQLite copies it: 64 MiB, so that copying is rare.
const LOG_PAGES: u32 = 8_000;

/// Rows as they stand in a table.
#[derive(Debug, Default)]
pub struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Opens a node's database for looking only.
pub fn look(database: &Path) -> anyhow::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(database, flags).with_context(|| format!("opening {}", database.display()))
}

/// Counts the rows for which a condition holds.
pub fn count(database: &Path, table_and_condition: &str) -> anyhow::Result<u64> {
    let sql = format!("SELECT count(*) FROM {table_and_condition}");
    Ok(look(database)?.query_row(&sql, [], |row| row.get::<_, i64>(0))?.try_into()?)
}

/// The rows of a node's table for which a condition holds, in the order in which they were written.
pub fn rows(database: &Path, table: &str, condition: &str) -> anyhow::Result<Rows> {
    let connection = look(database)?;
    let mut statement =
        connection.prepare(&format!("SELECT * FROM {table} WHERE {condition} ORDER BY rowid"))?;
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let read = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|at| row.get(at)).collect();
    let rows = statement.query_map([], read)?.collect::<Result<_, _>>()?;
    Ok(Rows { columns, rows })
}

/// A bare database.
#[derive(Debug)]
pub struct Bare {
    connection: Connection,
}

impl Bare {
    /// An empty one at `path`, with tables and indexes laid out as in a node's database.
    pub fn like(database: &Path, path: &Path) -> anyhow::Result<Bare> {
        let bare = Bare { connection: Connection::open(path).context("making a bare database")? };
        bare.pragma("page_size", "8192")?;
        bare.pragma("journal_mode", "WAL")?;
        bare.pragma("synchronous", "FULL")?;
        bare.pragma("cache_size", "-65536")?;
        bare.pragma("wal_autocheckpoint", &LOG_PAGES.to_string())?;
        let node = look(database)?;
        let layout =
            "SELECT sql FROM sqlite_schema WHERE tbl_name IN ('record', 'revision', 'seal') AND sql NOT NULL";
        let mut layout = node.prepare(layout)?;
        let statements =
            layout.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
        for sql in statements {
            bare.connection.execute_batch(&sql).context("laying out a bare database")?;
        }
        Ok(bare)
    }

    fn pragma(&self, name: &str, value: &str) -> anyhow::Result<()> {
        // Some of them answer with a row, others do not.
        Ok(self.connection.pragma_update_and_check(None, name, value, |_| Ok(())).or_else(
            |error| match error {
                rusqlite::Error::QueryReturnedNoRows => Ok(()),
                other => Err(other),
            },
        )?)
    }

    /// Writes rows into `table`, in transactions as large as a node's; what is there already is replaced. Says how
    /// long that took.
    pub fn write(&mut self, table: &str, rows: &Rows) -> anyhow::Result<Duration> {
        self.write_in(table, rows, TRANSACTION_ROWS)
    }

    /// As [`Bare::write`], with so many rows in a transaction.
    pub fn write_in(&mut self, table: &str, rows: &Rows, rows_each: usize) -> anyhow::Result<Duration> {
        let columns = rows.columns.join(", ");
        let places = vec!["?"; rows.columns.len()].join(", ");
        let set: Vec<String> = rows.columns.iter().map(|c| format!("{c} = excluded.{c}")).collect();
        let conflict = if table == "record" {
            format!("ON CONFLICT (id) DO UPDATE SET {}", set.join(", "))
        } else {
            String::new()
        };
        let sql = format!("INSERT INTO {table} ({columns}) VALUES ({places}) {conflict}");
        let began = Instant::now();
        for chunk in rows.rows.chunks(rows_each) {
            let transaction = self.connection.transaction()?;
            let mut statement = transaction.prepare_cached(&sql)?;
            for row in chunk {
                statement.execute(params_from_iter(row))?;
            }
            drop(statement);
            transaction.commit()?;
        }
        Ok(began.elapsed())
    }

    /// Writes rows one by one, each durable; how long each took.
    pub fn write_each(&mut self, table: &str, rows: &Rows) -> anyhow::Result<Vec<Duration>> {
        let one = |row: &Vec<Value>| {
            let one = Rows { columns: rows.columns.clone(), rows: vec![row.clone()] };
            self.write(table, &one)
        };
        rows.rows.iter().map(one).collect()
    }

    /// How long a query takes that gives one number.
    pub fn ask(&self, sql: &str) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            row.get_ref(0)?;
        }
        Ok(began.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(path: &Path) {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE record (n INTEGER PRIMARY KEY, id BLOB UNIQUE, seq INTEGER, state BLOB);
                 CREATE INDEX record_seq ON record (seq);
                 CREATE TABLE other (x);
                 INSERT INTO record (id, seq, state) VALUES (x'02', 1, x'0A'), (x'01', 2, x'0B');",
            )
            .unwrap();
    }

    #[test]
    fn the_same_rows_with_the_same_indexes() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("node.db"), folder.path().join("bare.db"));
        node(&from);
        let all = rows(&from, "record", "true").unwrap();
        assert_eq!(all.len(), 2);
        let mut bare = Bare::like(&from, &to).unwrap();
        bare.write("record", &all).unwrap();
        bare.write("record", &rows(&from, "record", "seq = 2").unwrap()).unwrap();
        assert_eq!(count(&to, "record").unwrap(), 2, "what is there is replaced");
        assert_eq!(count(&to, "sqlite_schema WHERE name = 'record_seq'").unwrap(), 1);
        assert_eq!(count(&to, "sqlite_schema WHERE name = 'other'").unwrap(), 0);
        assert_eq!(bare.write_each("record", &all).unwrap().len(), 2);
        bare.ask("SELECT count(*) FROM record").unwrap();
    }
}
