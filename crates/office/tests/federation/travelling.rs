//! Offices with contracts of different versions, and contracts that change while an office is open.

use std::sync::Arc;

use causal::{Context, RecordId};
use office::{Office, OfficeError, Put};
use schema::{CorrectionRole, EnumValue, Field, Kind, Schema, Transition};
use serde_json::{Value, json};

use super::{Three, all, put, round, three_of};

const PROFILE: &str = "organization_profile";
const CORRECTION: &str = "correction_request";

/// The contract of this program, changed, under another version.
fn with(version: u32, change: impl FnOnce(&mut Schema)) -> Arc<Schema> {
    let mut schema = Schema::embedded().clone();
    schema.version = version;
    schema.digest = [version as u8; 32];
    change(&mut schema);
    Arc::new(schema)
}

fn kind<'s>(schema: &'s mut Schema, name: &str) -> &'s mut Kind {
    schema.kinds.iter_mut().find(|kind| kind.name == name).unwrap()
}

/// As it was before there were introductions and correction requests.
fn older() -> Arc<Schema> {
    with(1, |schema| {
        schema.kinds.retain(|kind| kind.name != CORRECTION);
        kind(schema, PROFILE).fields.retain(|field| field.name != "introduction");
    })
}

fn newer() -> Arc<Schema> {
    with(7, |_| ())
}

fn profile() -> Put {
    put(PROFILE, json!({"organization": "5".repeat(32), "base": "s", "staff": 3, "introduction": "社区调解"}))
}

fn request(three: &Three) -> Put {
    let decider = three.city.me().base.to_string();
    put(
        CORRECTION,
        json!({
            "target_kind": PROFILE, "target_record": "6".repeat(32), "field_number": 2, "field_label": "名称",
            "wanted_text": "荷塘社工", "decider": decider,
        }),
    )
}

fn again(id: RecordId, seen: &Context, put: Put) -> Put {
    Put { id: Some(id), seen: Some(seen.clone()), ..put }
}

async fn shown(office: &Office, kind: &str, id: RecordId, field: &str) -> Value {
    let look = office.get(kind, &id.to_string()).await.unwrap();
    look.view.fields.get(field).cloned().unwrap_or_default()
}

// Wrong: a district that drops what its program does not know, or shows it only of records that come after the upgrade.
#[tokio::test]
async fn an_older_district_relays_and_then_shows_what_is_new() {
    let (older, newer) = (older(), newer());
    let three = three_of([&newer, &older, &newer]).await;
    let about = three.street.put(profile()).await.unwrap();
    let wish = three.street.put(request(&three)).await.unwrap();
    three.up().await;
    let kinds = [(PROFILE, about.id), (CORRECTION, wish.id)];
    assert_eq!(shown(&three.city, PROFILE, about.id, "introduction").await, "社区调解", "it came through");
    assert_eq!(three.city.list(&all(CORRECTION)).await.unwrap().total, 1);
    let unknown = three.district.list(&all(CORRECTION)).await.unwrap_err();
    assert!(matches!(unknown, OfficeError::UnknownKind { .. }), "{unknown}");
    assert_eq!(shown(&three.district, PROFILE, about.id, "introduction").await, Value::Null);

    three.district.adopt(newer.clone()).await.unwrap();
    for (kind, id) in kinds {
        let listed = three.district.list(&all(kind)).await.unwrap();
        assert_eq!((listed.total, listed.views[0].id), (1, id), "{kind}");
    }
    assert_eq!(shown(&three.district, PROFILE, about.id, "introduction").await, "社区调解");
    let search = office::Filtering { text: "荷塘".into(), ..all(CORRECTION) };
    assert_eq!(three.district.list(&search).await.unwrap().total, 1, "new fields are searched");

    let look = three.district.get(PROFILE, &about.id.to_string()).await.unwrap();
    let edit = put(PROFILE, json!({"introduction": "社区调解和助老"}));
    three.district.put(again(about.id, &look.view.version, edit)).await.unwrap();
    round(&three.street, &three.district).await.unwrap();
    assert_eq!(shown(&three.street, PROFILE, about.id, "introduction").await, "社区调解和助老");
}

// Wrong: a contract that makes two nodes read one field differently; each is right, and they never agree.
#[tokio::test]
async fn a_contract_that_changes_what_is_known_is_refused_in_words() {
    let three = three_of([&newer(), &older(), &newer()]).await;
    let id =
        three.district.put(put(PROFILE, json!({"organization": "5".repeat(32), "base": "d", "staff": 3})));
    let id = id.await.unwrap().id;
    let other = with(9, |schema| {
        let fields = &mut kind(schema, PROFILE).fields;
        let text = fields.iter().find(|field| field.name == "introduction").unwrap().ty.clone();
        fields.iter_mut().find(|field| field.name == "staff").unwrap().ty = text;
    });
    let refused = three.district.adopt(other).await.unwrap_err();
    assert_eq!(refused.code(), "conflict");
    assert!(
        refused.to_string().contains("类型") && refused.to_string().contains("请先升级本节点的程序"),
        "{refused}"
    );
    assert_eq!(three.district.schema().version, 1, "the old one is used on");
    assert_eq!(shown(&three.district, PROFILE, id, "staff").await, 3);
    // Neither is an older one, or another of the same version, a step forward.
    three.district.adopt(with(1, |schema| schema.kinds.clear())).await.unwrap();
    assert!(!three.district.schema().kinds.is_empty());
}

fn step<'k>(kind: &'k mut Kind, from: &str, to: &str) -> &'k mut Transition {
    let field: &mut Field = kind.fields.iter_mut().find(|field| field.workflow.is_some()).unwrap();
    let states = field.workflow.as_mut().unwrap();
    let to = states.values.iter().find(|value| value.code == to).unwrap().number;
    let from: &mut EnumValue = states.values.iter_mut().find(|value| value.code == from).unwrap();
    from.leads_to.iter_mut().find(|transition| transition.to == to).unwrap()
}

// Wrong: an old program that takes a step without the check that the newer contract asks for.
#[tokio::test]
async fn a_step_with_an_unknown_guard_is_read_only() {
    let guarded = with(9, |schema| {
        step(kind(schema, CORRECTION), "verifying", "corrected").guards.push("not_in_this_program".into());
    });
    let three = three_of([&guarded, &guarded, &guarded]).await;
    let wish = three.street.put(request(&three)).await.unwrap();
    three.up().await;
    let verifying = again(wish.id, &wish.version, put(CORRECTION, json!({"state": "数源核实"})));
    let verifying = three.city.put(verifying).await.unwrap();
    let corrected = again(wish.id, &verifying.version, put(CORRECTION, json!({"state": "已更正"})));
    let refused = three.city.put(corrected).await.unwrap_err();
    assert_eq!(refused.code(), "not_allowed");
    for words in ["办理状态·更正", "not_in_this_program", "请升级本节点的程序"] {
        assert!(refused.to_string().contains(words), "{refused}");
    }
    let state = shown(&three.city, CORRECTION, wish.id, "state").await;
    assert_eq!(state["to"], "STATE_VERIFYING", "nothing of it was kept");
    let other = again(wish.id, &verifying.version, put(CORRECTION, json!({"reason": "见附件"})));
    three.city.put(other).await.expect("other fields are not the guard's");
    let refused = again(
        wish.id,
        &verifying.version,
        put(CORRECTION, json!({"state": {"to": "不予更正", "opinion": "证书上就是如此"}})),
    );
    three.city.put(refused).await.expect("nor are other steps");
}

#[tokio::test]
async fn a_wish_to_correct_is_decided_by_the_base_it_names() {
    let schema = newer();
    let three = three_of([&schema, &schema, &schema]).await;
    let wish = three.street.put(request(&three)).await.unwrap();
    three.up().await;
    let own = again(wish.id, &wish.version, put(CORRECTION, json!({"state": "数源核实"})));
    let refused = three.street.put(own.clone()).await.unwrap_err();
    assert!(
        matches!(refused, OfficeError::NotAllowed { .. }),
        "it does not decide about its own wish: {refused}"
    );
    let verifying = three.city.put(own).await.unwrap();
    let refuse = |opinion: &str| {
        let state = json!({"state": {"to": "不予更正", "opinion": opinion}});
        again(wish.id, &verifying.version, put(CORRECTION, state))
    };
    let silent = three.city.put(refuse(" ")).await.unwrap_err();
    assert!(silent.to_string().contains("说明理由"), "{silent}");
    three.city.put(refuse("登记证书上就是如此")).await.unwrap();
    round(&three.district, &three.city).await.unwrap();
    round(&three.street, &three.district).await.unwrap();
    let state = shown(&three.street, CORRECTION, wish.id, "state").await;
    assert_eq!((&state["to"], &state["opinion"]), (&json!("STATE_REFUSED"), &json!("登记证书上就是如此")));
}

/// What an overruled write becomes is filed by a base above, in the name of the one that wrote.
#[tokio::test]
async fn a_base_above_files_for_one_beneath() {
    let schema = newer();
    let three = three_of([&schema, &schema, &schema]).await;
    let kind = schema.correction().unwrap();
    assert!(CorrectionRole::ALL.iter().all(|role| kind.correction_field(*role).is_some()));
    let filed = Put { home: Some(three.street.me().base), ..request(&three) };
    let filed = three.district.put(filed).await.unwrap();
    round(&three.street, &three.district).await.unwrap();
    assert_eq!(shown(&three.street, CORRECTION, filed.id, "wanted_text").await, "荷塘社工");
}

#[test]
fn the_contract_names_no_guard_that_this_program_lacks() {
    let states = Schema::embedded()
        .kinds
        .iter()
        .flat_map(|kind| &kind.fields)
        .filter_map(|field| field.workflow.as_ref());
    let steps = states.flat_map(|states| &states.values).flat_map(|value| &value.leads_to);
    let guards: Vec<&String> = steps.flat_map(|transition| &transition.guards).collect();
    assert!(!guards.is_empty(), "the kind of wishes has one");
    for guard in guards {
        assert!(domain::programmes::guard(guard).is_some(), "{guard}");
    }
}
