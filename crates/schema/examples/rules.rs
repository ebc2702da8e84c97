//! Prints the rule table of the contract, for `docs/rules.md`.

#[allow(clippy::print_stdout, reason = "printing is what it is for")]
fn main() {
    print!("{}", schema::table::rule_table_markdown(schema::Schema::embedded()));
}
