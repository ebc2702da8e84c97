//! The rule table in the documentation is the one of the contract.

use schema::Schema;
use schema::table::rule_table_markdown;

#[test]
fn the_rule_table_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rules.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let fresh = rule_table_markdown(Schema::embedded());
    assert!(
        written == fresh,
        "docs/rules.md is stale; run `cargo run -p schema --example rules > docs/rules.md` and commit it"
    );
}
