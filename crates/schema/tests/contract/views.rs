//! The SQL of views.

use schema::Schema;
use schema::views::{columns, view_sql};

fn sql_of(kind: &str, column: &str) -> Option<String> {
    let kind = Schema::embedded().kind(kind).unwrap();
    columns(kind).into_iter().find(|found| found.name == column).map(|found| found.sql)
}

#[test]
fn columns_are_typed_and_flat() {
    for (kind, column, expected) in [
        ("organization", "id", "lower(hex(id))"),
        ("organization", "name", "body ->> '$.name'"),
        ("organization", "capital_fen", "CAST(body ->> '$.capital_fen' AS INTEGER)"),
        ("organization", "certificate_validity_from", "body ->> '$.certificate_validity.from'"),
        ("organization", "status", "body ->> '$.status'"),
        (
            "organization",
            "status_label",
            "CASE body ->> '$.status' WHEN 'STATUS_NORMAL' THEN '正常' WHEN 'STATUS_CANCELLED' THEN '注销' WHEN 'STATUS_REVOKED' THEN '撤销' END",
        ),
        ("booking", "state", "body ->> '$.state.to'"),
        ("booking", "state_at_ms", "CAST(body ->> '$.state.at_ms' AS INTEGER)"),
        ("base", "area_m2", "CAST(body ->> '$.area_m2' AS REAL)"),
        ("base", "jurisdiction", "body -> '$.jurisdiction'"),
        ("recorded_group", "leader", "substr(body ->> '$.leader', 1, 1) || '*'"),
    ] {
        assert_eq!(sql_of(kind, column).as_deref(), Some(expected), "{kind}.{column}");
    }
}

#[test]
fn what_stays_home_is_left_out() {
    assert_eq!(sql_of("organization_profile", "contact_home"), None);
}

#[test]
fn a_view_is_one_statement() {
    let sql = view_sql(Schema::embedded().kind("notice").unwrap());
    assert!(sql.starts_with("CREATE VIEW \"notice\" AS SELECT\n  lower(hex(id)) AS \"id\",\n"), "{sql}");
    assert!(sql.ends_with("FROM record\nWHERE kind = 'notice' AND hidden = 0 AND deleted = 0"), "{sql}");
}
