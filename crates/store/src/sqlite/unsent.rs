//! The table `unsent`: which numbers the parent lacks, and where their rows stand in the table of records. Narrow, since an
//! edit takes a new number and so needs no comparison to be found again.

use sqlx::sqlite::SqliteConnection;
use sync::{NewRow, Row, Unsent};

use super::record::{read_row, row_columns};
use super::values::{self, Bound, fetch, run};
use crate::error::StoreError;

/// Rows fetched at a time: what stands beyond the limit of bytes was read for nothing.
const STRETCH: usize = 128;

pub(super) async fn unsent(
    conn: &mut SqliteConnection,
    after_seq: u64,
    max_rows: usize,
    max_bytes: usize,
) -> Result<Vec<Row>, StoreError> {
    let mut all: Vec<Row> = Vec::new();
    let mut bytes = 0;
    let mut after = after_seq;
    while all.len() < max_rows {
        let asked = STRETCH.min(max_rows - all.len());
        let stretch = stretch(conn, after, asked).await?;
        let got = stretch.len();
        for row in stretch {
            bytes += row.state.len();
            if bytes > max_bytes && !all.is_empty() {
                return Ok(all);
            }
            after = row.seq;
            all.push(row);
        }
        if got < asked {
            break;
        }
    }
    Ok(all)
}

async fn stretch(conn: &mut SqliteConnection, after: u64, limit: usize) -> Result<Vec<Row>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        row_columns!(),
        " FROM unsent u CROSS JOIN record r ON r.n = u.n",
        " WHERE u.seq > $1 AND r.seq = u.seq AND r.refused = 0 ORDER BY u.seq LIMIT $2"
    );
    let mut bound = Bound::default();
    bound.number(after).number(limit as u64);
    fetch(conn, "reading what the parent lacks", SQL, bound, read_row).await
}

pub(super) async fn count(conn: &mut SqliteConnection) -> Result<u64, StoreError> {
    const SQL: &str = "SELECT count(*) FROM unsent";
    let counts =
        fetch(conn, "counting what the parent lacks", SQL, Bound::default(), |row| values::number(row, 0))
            .await?;
    Ok(counts.first().copied().unwrap_or(0))
}

/// Takes out the ranges that the parent acknowledged.
pub(super) async fn acknowledge(
    conn: &mut SqliteConnection,
    ranges: &[(u64, u64)],
) -> Result<(), StoreError> {
    for (after, last) in ranges {
        let mut bound = Bound::default();
        bound.number(*after).number(*last);
        run(conn, "taking an acknowledgement", "DELETE FROM unsent WHERE seq > $1 AND seq <= $2", bound)
            .await?;
    }
    Ok(())
}

/// Takes out single numbers.
pub(super) async fn remove(conn: &mut SqliteConnection, seqs: &[u64]) -> Result<(), StoreError> {
    const SQL: &str = "DELETE FROM unsent WHERE seq IN (SELECT seq FROM w)";
    values::run_with(conn, "marking rows as sent", &["seq"], SQL, seqs, |b, seq| {
        b.number(*seq);
    })
    .await
}

/// Puts in the rows just written, numbered from `first_seq`.
pub(super) async fn add(
    conn: &mut SqliteConnection,
    rows: &[NewRow],
    first_seq: u64,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO unsent (seq, resend, n) \
                       SELECT w.seq, w.resend, r.n FROM w CROSS JOIN record r ON r.id = w.id";
    let numbered = (first_seq..).zip(rows).map(|(seq, new)| (seq, &new.row));
    let waiting: Vec<(u64, &Row)> = numbered.filter(|(_, row)| row.unsent != Unsent::Clean).collect();
    let bind = |b: &mut Bound, (seq, row): &(u64, &Row)| {
        b.number(*seq).flag(row.unsent == Unsent::Resend).bytes(&row.id.0);
    };
    values::run_with(conn, "queueing rows", &["seq", "resend", "id"], SQL, &waiting, bind).await
}

/// RESYNC: every row waits again; what is hidden holds something that the parent never acknowledged.
pub(super) async fn resend_all(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    for sql in [
        "UPDATE record SET refused = 0 WHERE refused = 1",
        "INSERT INTO unsent (seq, resend, n) SELECT seq, 1 - hidden, n FROM record WHERE true \
         ON CONFLICT (seq) DO UPDATE SET resend = excluded.resend",
        "UPDATE revision SET unsent = 1 WHERE unsent = 0",
        "UPDATE handed SET unattested = 1 WHERE unattested = 0",
    ] {
        run(conn, "queueing every row again", sql, Bound::default()).await?;
    }
    Ok(())
}
