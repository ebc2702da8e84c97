//! Looking into a node's database from outside, and damaging it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection as _, Decode, Row as _, Sqlite, Type};

use crate::wait::block_on;

/// A node's database file.
#[derive(Debug, Clone)]
pub struct Database(PathBuf);

impl Database {
    /// That of the node in a folder.
    pub fn of(folder: &Path) -> Database {
        Database(folder.join("shuniu.db"))
    }

    /// The first column of each row, in a connection that cannot write.
    pub fn column<T>(&self, sql: &str) -> Vec<T>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite>,
    {
        let options = SqliteConnectOptions::new().filename(&self.0).read_only(true);
        block_on(async {
            let mut conn = SqliteConnection::connect_with(&options).await.unwrap();
            let rows: Vec<SqliteRow> =
                sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut conn).await.unwrap();
            conn.close().await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        })
    }

    /// A count or another single number.
    pub fn number(&self, sql: &str) -> i64 {
        self.column(sql)[0]
    }

    /// The states of all records of a kind, by id.
    pub fn states(&self, kind: &str) -> BTreeMap<String, Vec<u8>> {
        let of_kind = format!("FROM record WHERE kind = '{kind}' ORDER BY id");
        let ids: Vec<String> = self.column(&format!("SELECT lower(hex(id)) {of_kind}"));
        ids.into_iter().zip(self.column(&format!("SELECT state {of_kind}"))).collect()
    }

    /// The state of one record.
    pub fn state(&self, id: &str) -> Option<Vec<u8>> {
        self.column(&format!("SELECT state FROM record WHERE id = x'{id}'")).pop()
    }

    /// Everything that is in the table of links, as text.
    pub fn links(&self) -> Vec<String> {
        let columns = "hex(peer) || up || ' ' || ifnull(cursor_seq, '-') || ' ' || ifnull(ack_seq, '-') || ' ' || \
                       epoch || ' ' || last_success_ms || ' ' || last_failure_ms || ' ' || peer_unsent";
        self.column(&format!("SELECT {columns} FROM link ORDER BY peer, up"))
    }

    /// Writes what the program itself would not.
    pub fn write(&self, sql: &str, values: &[Bind<'_>]) {
        let options = SqliteConnectOptions::new().filename(&self.0).create_if_missing(false);
        block_on(async {
            let mut conn = SqliteConnection::connect_with(&options).await.unwrap();
            let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
            for value in values {
                query = match value {
                    Bind::Bytes(bytes) => query.bind(bytes.to_vec()),
                    Bind::Text(text) => query.bind((*text).to_owned()),
                    Bind::Number(number) => query.bind(*number),
                };
            }
            query.execute(&mut conn).await.unwrap();
            conn.close().await.unwrap();
        });
    }
}

/// A value of a statement.
#[derive(Debug, Clone, Copy)]
pub enum Bind<'v> {
    /// A blob.
    Bytes(&'v [u8]),
    /// A text.
    Text(&'v str),
    /// A number.
    Number(i64),
}
