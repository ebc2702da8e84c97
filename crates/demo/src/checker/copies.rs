//! Whether all copies agree, and nobody holds what is not theirs.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Book, Finding, Row, Tree};

/// SHA-256 over records in the order of their ids, as hexadecimal digits, and how many there are.
pub fn digest<'r>(rows: impl IntoIterator<Item = &'r Row>) -> (String, usize) {
    let mut rows: Vec<&Row> = rows.into_iter().collect();
    rows.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    let mut hash = Sha256::new();
    for row in &rows {
        hash.update(row.id.as_bytes());
        hash.update((row.state.len() as u64).to_be_bytes());
        hash.update(&row.state);
    }
    let digest = hash.finalize();
    (digest.iter().map(|byte| format!("{byte:02x}")).collect(), rows.len())
}

/// Whether every node holds the same records of a kind, byte for byte, and at least `least` of them.
pub fn everywhere(books: &[Book], kind: &str, least: usize) -> Finding {
    let Some((first, others)) = books.split_first() else { return Finding::new(false, "没有节点") };
    let (expected, count) = digest(first.of_kind(kind));
    let differs = |book: &&Book| digest(book.of_kind(kind)) != (expected.clone(), count);
    let faults: Vec<String> = others.iter().filter(differs).map(|book| book.name().to_owned()).collect();
    if count < least {
        return Finding::new(false, format!("只有 {count} 条，应不少于 {least} 条"));
    }
    Finding::none_of(&faults, format!("{} 个节点各有 {count} 条，摘要都是 {}", books.len(), short(&expected)))
}

/// Whether each node and the one above it hold equal bytes of what both must hold: everything that belongs to the
/// node's subtree, and everything the node may see of the rest. One line per link for the reader comes back too.
pub fn links(books: &[Book], tree: &Tree) -> (Finding, Vec<String>) {
    let by_base: BTreeMap<&str, &Book> = books.iter().map(|book| (book.base.as_str(), book)).collect();
    let (mut lines, mut faults) = (Vec::new(), Vec::new());
    for book in books {
        let above = tree.get(&book.base).and_then(|base| base.parent.as_deref()).map(|id| tree.node_of(id));
        let Some(parent) = above.and_then(|id| by_base.get(id)) else { continue };
        let (down, count_down) = digest(shared(book, &book.base, tree));
        let (up, count_up) = digest(shared(parent, &book.base, tree));
        let equal = (&down, count_down) == (&up, count_up);
        let pair = format!("{} ↔ {}", book.name(), parent.name());
        if !equal {
            faults.push(format!("{pair}（{count_down} 条，上级 {count_up} 条）"));
        }
        let sign = if equal { "=" } else { "≠" };
        lines.push(format!("{pair}：{count_down} 条，{} {sign} {}", short(&down), short(&up)));
    }
    (Finding::none_of(&faults, format!("{} 条上下级连接，两端摘要逐一相等", lines.len())), lines)
}

/// What a node's database holds of what `base` may see.
fn shared<'b>(book: &'b Book, base: &'b str, tree: &'b Tree) -> impl Iterator<Item = &'b Row> {
    book.rows.values().filter(move |row| !row.hidden && tree.may_see(base, &row.homes, &row.audience))
}

/// Whether each node holds exactly what it may see of everything that any node holds: nothing lacks, nothing is too
/// much, and every copy of a record is the same.
pub fn exactly_in_scope(books: &[Book], tree: &Tree) -> Finding {
    let mut all: BTreeMap<&str, &Row> = BTreeMap::new();
    let mut faults = Vec::new();
    for row in books.iter().flat_map(|book| book.rows.values()) {
        if all.entry(&row.id).or_insert(row).state != row.state {
            faults.push(format!("{} {} 有不同的副本", row.kind, row.id));
        }
    }
    let mut copies = 0;
    for book in books {
        for row in all.values() {
            let (held, due) = (book.rows.get(&row.id), tree.may_see(&book.base, &row.homes, &row.audience));
            copies += usize::from(held.is_some());
            let what = || format!("{} {}（属地 {}）", row.kind, row.id, tree.name(&row.home));
            match (held, due) {
                (None, true) => faults.push(format!("{}缺 {}", book.name(), what())),
                (Some(_), false) => faults.push(format!("{}不该有 {}", book.name(), what())),
                (Some(held), true) if held.hidden => faults.push(format!("{}藏着 {}", book.name(), what())),
                _ => {}
            }
        }
    }
    Finding::none_of(
        &faults,
        format!("{} 条记录共 {copies} 份副本，该有的都有且相同，不该有的一份没有", all.len()),
    )
}

/// Whether nothing waits to be sent, nothing is in quarantine and nothing was refused.
pub fn nothing_waits(books: &[Book]) -> Finding {
    let fault = |book: &Book| {
        let refused = book.rows.values().filter(|row| row.refused).count();
        let (unsent, kept) = (book.unsent, book.quarantined);
        let clean = unsent == 0 && kept == 0 && refused == 0;
        (!clean).then(|| format!("{}：未上报 {unsent}，隔离 {kept}，被退回 {refused}", book.name()))
    };
    let faults: Vec<String> = books.iter().filter_map(fault).collect();
    Finding::none_of(&faults, format!("{} 个节点都没有未上报、隔离或被退回的记录", books.len()))
}

/// Enough of a digest for a person to compare.
fn short(digest: &str) -> &str {
    &digest[..digest.len().min(12)]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
    use sqlx::{AssertSqlSafe, Connection};

    use super::*;

    const CITY: &str = "c1000000000000000000000000000000";
    const NORTH: &str = "a1000000000000000000000000000000";
    const SOUTH: &str = "a2000000000000000000000000000000";
    const PROFILE: &str = "e1000000000000000000000000000000";

    /// The columns that the checker reads, as a node lays them out.
    const TABLES: &str = "
        CREATE TABLE meta (name TEXT, value BLOB);
        CREATE TABLE unsent (seq INTEGER);
        CREATE TABLE quarantine (record BLOB);
        CREATE TABLE seal (base BLOB, timeline INTEGER, n INTEGER, at_ms INTEGER);
        CREATE TABLE record (id BLOB, kind TEXT, seq INTEGER, home BLOB, scope BLOB, hidden INTEGER,
          refused INTEGER, deleted INTEGER, alternatives INTEGER, body BLOB, state BLOB);";

    async fn change(file: &Path, sql: &str) {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let mut db = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
    }

    fn record(id: &str, kind: &str, home: &str, open_to: &str, body: &str) -> String {
        let scope = if open_to.is_empty() { "NULL".to_owned() } else { format!("x'01{home}{open_to}'") };
        format!(
            "INSERT INTO record VALUES (x'{id}', '{kind}', 1, x'{home}', {scope}, 0, 0, 0, 0, jsonb('{body}'), x'0102');"
        )
    }

    fn base(id: &str, parent: &str) -> String {
        record(id, "base", id, CITY, &format!(r#"{{"code":"{id}","name":"{id}","parent":"{parent}"}}"#))
    }

    /// A database of a base that holds the tree and, if it may, the north's profile.
    async fn database(file: &Path, of: &str, profile: bool) {
        let mut sql = format!("{TABLES} INSERT INTO meta VALUES ('base', x'{of}');");
        sql += &[base(CITY, ""), base(NORTH, CITY), base(SOUTH, CITY)].concat();
        if profile {
            sql += &record(PROFILE, "organization_profile", NORTH, "", r#"{"name":"甲"}"#);
        }
        change(file, &sql).await;
    }

    /// Three databases that agree, then changed by `sql` in the one of `at`; whether the copies pass, and the links.
    async fn check(at: usize, sql: &str) -> (Finding, Finding) {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = ["c", "n", "s"].map(|name| folder.path().join(name)).into();
        for (file, (base, profile)) in files.iter().zip([(CITY, true), (NORTH, true), (SOUTH, false)]) {
            database(file, base, profile).await;
        }
        change(&files[at], sql).await;
        let mut books = Vec::new();
        for file in &files {
            books.push(Book::read(file).await.unwrap());
        }
        (exactly_in_scope(&books, &books[0].tree), links(&books, &books[0].tree).0)
    }

    #[tokio::test]
    async fn copies_that_agree() {
        let (copies, links) = check(0, "").await;
        assert!(copies.held && links.held, "{copies:?} {links:?}");
    }

    #[tokio::test]
    async fn a_changed_byte_is_noticed() {
        let (copies, links) =
            check(0, &format!("UPDATE record SET state = x'0103' WHERE id = x'{PROFILE}'")).await;
        assert!(!copies.held && !links.held, "{copies:?} {links:?}");
        assert!(copies.detail.contains("不同的副本"), "{}", copies.detail);
    }

    #[tokio::test]
    async fn a_copy_that_lacks_is_noticed() {
        let (copies, links) = check(0, &format!("DELETE FROM record WHERE id = x'{PROFILE}'")).await;
        assert!(
            !copies.held && !links.held && copies.detail.contains("缺 organization_profile"),
            "{copies:?}"
        );
    }

    #[tokio::test]
    async fn a_copy_where_it_must_not_be_is_noticed() {
        let leaked = record(PROFILE, "organization_profile", NORTH, "", r#"{"name":"甲"}"#);
        let (copies, _) = check(2, &leaked).await;
        assert!(!copies.held && copies.detail.contains("不该有"), "{copies:?}");
    }

    #[tokio::test]
    async fn a_hidden_copy_is_noticed() {
        let (copies, _) = check(1, &format!("UPDATE record SET hidden = 1 WHERE id = x'{PROFILE}'")).await;
        assert!(!copies.held && copies.detail.contains("藏着"), "{copies:?}");
    }

    #[tokio::test]
    async fn what_waits_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("n");
        database(&file, NORTH, true).await;
        assert!(nothing_waits(&[Book::read(&file).await.unwrap()]).held);
        change(&file, "INSERT INTO unsent VALUES (1)").await;
        let book = Book::read(&file).await.unwrap();
        assert!(book.rows[PROFILE].waits && !nothing_waits(&[book]).held);
    }
}
