//! What nearly every session asks, in one statement: each one wakes SQLite's thread and is waited for, and most answers are
//! that there is nothing.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sync::Changes;

use super::values::{Bound, fetch, flag, number};
use crate::error::StoreError;

/// The counters, and which tables may hold anything that is asked for. A table that is said to be empty is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Basics {
    /// The last number given out.
    pub seq: u64,
    /// The last time that an edit was stamped with.
    pub saved_at: u64,
    /// How often rows were dropped.
    pub forgotten: u64,
    /// How many rows the parent lacks, where that is known: few, and nothing has changed since.
    pub unsent: Option<u64>,
    /// There may be records in quarantine, of either direction.
    pub aside: bool,
    /// There may be records handed over that nobody has confirmed.
    pub unattested: bool,
    /// There may be withdraws.
    pub withdraws: bool,
}

/// As many rows are counted with the rest; to count a whole first copy takes a while.
const COUNTED_MAX: u64 = 64;

impl Basics {
    /// Reads them; as the first statement of a snapshot it fixes the moment.
    pub(super) async fn read(conn: &mut SqliteConnection) -> Result<Basics, StoreError> {
        const SQL: &str = "SELECT (SELECT n FROM counter WHERE name = 'seq'), \
                           (SELECT n FROM counter WHERE name = 'saved_at'), (SELECT n FROM counter WHERE name = 'forget'), \
                           (SELECT count(*) FROM (SELECT 1 FROM unsent LIMIT 65)), \
                           EXISTS (SELECT 1 FROM quarantine), \
                           EXISTS (SELECT 1 FROM handed WHERE unattested = 1), EXISTS (SELECT 1 FROM withdraw)";
        let found = fetch(conn, "reading the counters", SQL, Bound::default(), read).await?;
        found.first().copied().ok_or_else(|| StoreError::corrupt("the table of counters"))
    }

    /// What is known after these changes, of which `last` is the last number.
    pub(super) fn after(self, changes: &Changes, last: u64) -> Basics {
        Basics {
            seq: last,
            saved_at: self.saved_at,
            forgotten: self.forgotten + u64::from(!changes.drops.is_empty()),
            unsent: self.unsent.filter(|few| *few == 0 && changes.rows.is_empty() && !changes.resend_all),
            aside: self.aside || !changes.quarantine.is_empty(),
            unattested: self.unattested || !changes.handed.is_empty() || changes.resend_all,
            withdraws: self.withdraws || !changes.withdraws.is_empty(),
        }
    }
}

fn read(row: &SqliteRow) -> Result<Basics, sqlx::Error> {
    Ok(Basics {
        seq: number(row, 0)?,
        saved_at: number(row, 1)?,
        forgotten: number(row, 2)?,
        unsent: Some(number(row, 3)?).filter(|few| *few <= COUNTED_MAX),
        aside: flag(row, 4)?,
        unattested: flag(row, 5)?,
        withdraws: flag(row, 6)?,
    })
}
