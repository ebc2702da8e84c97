//! The contract this program was built with.

use schema::options::*;
use schema::{Field, FieldType, Kind, Schema};

fn kind(name: &str) -> &'static Kind {
    Schema::embedded().kind(name).unwrap()
}

#[test]
fn a_known_rule_survived_the_build() {
    let kind = kind("organization");
    let status = kind.field_named("status").unwrap();
    assert_eq!((status.rule, status.owner), (Rule::Strictest, Who::Home));
    assert_eq!(kind.audience_default, AudienceDefault::Everybody);
    assert_eq!(kind.field_named("uscc").unwrap().format, Format::Uscc);
    assert_eq!(kind.natural_key, [1]);
}

#[test]
fn the_tree_belongs_to_the_root() {
    let registry = Schema::embedded().registry().unwrap();
    // Where a node takes connections is its own to say; all else decides who sits where.
    for role in RegistryRole::ALL.iter().filter(|role| **role != RegistryRole::Address) {
        let field = registry.registry_field(*role).unwrap();
        assert_eq!(field.owner, Who::Root, "{}", field.name);
        assert!(matches!(field.rule, Rule::OwnerOnly | Rule::Union), "{}", field.name);
    }
    let standing = registry.registry_field(RegistryRole::Standing).unwrap().enumeration().unwrap();
    assert_eq!(standing.value(1).unwrap().code, "active");
    assert_eq!(Schema::embedded().code_table().unwrap().name, "division");
}

#[test]
fn a_booking_is_decided_by_the_owner_of_the_resource() {
    let kind = kind("booking");
    assert_eq!(kind.named_bases(), [kind.field_named("owner_base").unwrap().number]);
    let states = kind.field_named("state").unwrap().workflow.as_ref().unwrap();
    let tentative = states.value(states.initial.unwrap()).unwrap();
    let turn = tentative.turn.as_ref().unwrap();
    assert_eq!((turn.who, turn.field), (Who::Named, Some(kind.field_named("owner_base").unwrap().number)));
    let to: Vec<&str> =
        tentative.leads_to.iter().map(|step| states.value(step.to).unwrap().code.as_str()).collect();
    assert_eq!(to, ["confirmed", "clash", "cancelled"]);
}

/// The engine files such a wish by the roles of its fields; whoever it names decides, and nobody else.
#[test]
fn a_wish_to_correct_is_filled_in_by_roles() {
    let kind = Schema::embedded().correction().unwrap();
    assert_eq!((kind.creator, kind.audience_default), (Who::Chain, AudienceDefault::None));
    let number = |role| kind.correction_field(role).unwrap().number;
    assert_eq!(kind.named_bases(), [number(CorrectionRole::Decider)]);
    let types = CorrectionRole::ALL.iter().map(|role| &kind.correction_field(*role).unwrap().ty);
    use FieldType::{Bool, Bytes, Step, Text, UInt32};
    let expected = [Text, Bytes, UInt32, Text, Text, Bytes, Text, Text, Bool, Bytes, Step];
    assert!(types.eq(expected.iter()));
    let progress = kind.correction_field(CorrectionRole::Progress).unwrap();
    let states = progress.workflow.as_ref().unwrap();
    let codes: Vec<&str> = states.values.iter().map(|state| state.code.as_str()).collect();
    assert_eq!(codes, ["filed", "verifying", "corrected", "refused"]);
    let turns = states.values.iter().filter_map(|state| state.turn.as_ref());
    assert!(
        turns
            .map(|turn| (turn.who, turn.field))
            .all(|turn| turn == (Who::Named, Some(number(CorrectionRole::Decider))))
    );
}

/// Every enum here and its twin in the contract have the same numbers and names.
#[test]
fn the_words_are_those_of_the_contract() {
    let pool = prost_reflect::DescriptorPool::decode(Schema::embedded().descriptors()).unwrap();
    let check = |name: &str, ours: Vec<(i32, &str)>| {
        let descriptor = pool.get_enum_by_name(&format!("shuniu.schema.v1.{name}")).unwrap();
        let absent = |number: i32| number == 0 && ours.iter().all(|(own, _)| *own != 0);
        let theirs: Vec<(i32, String)> = descriptor
            .values()
            .filter(|value| !absent(value.number()))
            .map(|value| (value.number(), value.name().to_owned()))
            .collect();
        let ours: Vec<(i32, String)> =
            ours.into_iter().map(|(number, word)| (number, word.to_owned())).collect();
        assert_eq!(ours, theirs, "{name}");
    };
    macro_rules! same {
        ($($name:ident),*) => { $(
            check(stringify!($name), $name::ALL.iter().map(|word| (word.number(), word.word())).collect());
            assert!($name::ALL.iter().all(|word| $name::from_number(word.number()) == Some(*word)));
        )* };
    }
    same!(Rule, Who, AudienceDefault, Format, Privacy, Column, RegistryRole, CorrectionRole);
}

#[test]
fn headings_of_real_import_files_find_their_fields() {
    let kind = kind("organization");
    let heading = |field: &Field, heading: &str| {
        field.label == heading
            || field.label_en == heading
            || field.aliases.iter().any(|alias| alias == heading)
    };
    for (file, headings) in [
        (
            "dirty",
            "统一社会信用代码|社会组织名称|类型|成立登记日期|证书有效期|注册资金(原文,单位混用元/万元)|登记管理机关|业务主管单位|状态",
        ),
        ("real", "uscc|name|class|registration_authority|supervising_unit|established_on|status"),
    ] {
        for wanted in headings.split('|') {
            let found: Vec<&str> = kind
                .fields
                .iter()
                .filter(|field| heading(field, wanted))
                .map(|field| field.name.as_str())
                .collect();
            assert_eq!(found.len(), 1, "{file}: {wanted} found {found:?}");
        }
    }
}

/// One heading of an import file never means two fields of a kind.
#[test]
fn headings_are_not_ambiguous() {
    for kind in &Schema::embedded().kinds {
        let mut seen = std::collections::BTreeMap::new();
        for field in &kind.fields {
            let own = [&field.label, &field.label_en, &field.name];
            for heading in own.into_iter().chain(&field.aliases) {
                let before = seen.insert(heading.to_lowercase(), field.number);
                assert!(before.is_none_or(|number| number == field.number), "{}: {heading}", kind.name);
            }
        }
    }
}

#[test]
fn personal_data_of_a_group_covers_its_parts() {
    for kind in &Schema::embedded().kinds {
        for field in &kind.fields {
            if let FieldType::Message(parts) = &field.ty {
                assert!(parts.iter().all(|part| part.privacy >= field.privacy && part.rule == field.rule));
            }
        }
    }
}
