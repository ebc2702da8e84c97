//! The contract this program was built with.

use schema::{AudienceDefault, Format, Rule, Schema, Who};

#[test]
fn a_known_rule_survived_the_build() {
    let kind = Schema::embedded().kind("organization").unwrap();
    let status = kind.field_named("status").unwrap();
    assert_eq!((status.rule, status.owner), (Rule::Strictest, Who::Home));
    assert_eq!(kind.audience_default, AudienceDefault::Everybody);
    assert_eq!(kind.field_named("uscc").unwrap().format, Format::Uscc);
    assert_eq!(kind.natural_key, [1]);
}
