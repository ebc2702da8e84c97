//! What SQLite says otherwise than PostgreSQL would. Everything else is meant to run on both.

/// Begins a transaction that will write: a deferred one that reads first and then writes fails at once when
/// somebody else wrote in between, whatever the time-out.
pub(super) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// Begins a snapshot; the first read fixes it.
pub(super) const BEGIN_READ: &str = "BEGIN DEFERRED";

/// Writes a copy of the database as of one moment into a file that is empty or not there.
pub(super) const COPY: &str = "VACUUM INTO $1";

/// Looks for damage: the structure of all pages, and that each index says what its table says.
pub(super) const CHECK_ALL: &str = "PRAGMA integrity_check";

/// As [`CHECK_ALL`], without comparing indexes with their tables: many times faster.
pub(super) const CHECK_QUICKLY: &str = "PRAGMA quick_check";

/// What is deleted afterwards leaves no traces in the file.
pub(super) const BLANK_WHAT_IS_DELETED: &str = "PRAGMA secure_delete = ON";

/// `count` rows of `width` placeholders.
///
/// Not numbered, unlike those of short statements: SQLite takes `$1` for a name, and looks each name up from the
/// beginning of its list at every execution, which is quadratic in thousands of them.
pub(super) fn values(count: usize, width: usize) -> String {
    let row = format!("({})", vec!["?"; width].join(","));
    vec![row; count].join(",")
}

/// The value of a JSON field as text or number.
pub(super) fn json_value(column: &str, path: &[&str]) -> String {
    let last = path.len().saturating_sub(1);
    let steps = path.iter().enumerate();
    let arrows = steps.map(|(at, name)| format!(" {} '{name}'", if at == last { "->>" } else { "->" }));
    format!("({column}{})", arrows.collect::<String>())
}

/// A table of the elements of a JSON array: its one column of interest is `value`.
pub(super) fn json_elements(column: &str, path: &[&str]) -> String {
    format!("json_each({column}, '$.{}')", path.join("."))
}

/// Whether text occurs in text.
pub(super) fn occurs(text: &str, part: &str) -> String {
    format!("instr({text}, {part}) > 0")
}

/// A value as text, so that numbers and words compare alike.
pub(super) fn as_text(value: &str) -> String {
    format!("CAST({value} AS TEXT)")
}

/// Candidates of a search, as the table `hit`: what the index finds for `?`, and every row of the kind `?` above the number
/// `?`.
pub(super) const SEARCH_HITS: &str = "WITH hit(n) AS (SELECT rowid FROM record_search WHERE record_search MATCH ? \
                                      UNION SELECT n FROM record WHERE kind = ? AND seq > ?) ";

/// Indexes the pairs of rows, in place of what was indexed of them before.
pub(super) const SEARCH_PUT: &str = "INSERT OR REPLACE INTO record_search (rowid, pairs)";

/// Takes the records `w(id)` out of the index; before they are deleted, since their places are given out again.
pub(super) const SEARCH_REMOVE: &str =
    "DELETE FROM record_search WHERE rowid IN (SELECT r.n FROM w CROSS JOIN record r ON r.id = w.id)";

/// What the index is asked for: any of the wordings, of each all pairs.
pub(super) fn search_expression(wordings: &[Vec<String>]) -> String {
    let quoted =
        |pairs: &Vec<String>| pairs.iter().map(|p| format!("\"{p}\"")).collect::<Vec<_>>().join(" AND ");
    let all: Vec<String> = wordings.iter().map(|pairs| format!("({})", quoted(pairs))).collect();
    all.join(" OR ")
}

/// Copies the log without waiting for anybody; answers how many pages there are, and how many were copied.
pub(super) const COPY_LOG: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// Copies the log and empties its file, as far as readers allow.
pub(super) const EMPTY_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// All names that a view cannot have.
pub(super) const TABLES_AND_VIEWS: &str = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')";

/// The names of all views.
pub(super) const VIEWS: &str = "SELECT name FROM sqlite_schema WHERE type = 'view'";
