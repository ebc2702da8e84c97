//! What waits for a person is told in full, and settled as a whole or not at all.

use office::{Conflict, Keep, OfficeError, Put, Resolve, Saved};

use super::*;

/// A record of the street that all three hold.
async fn shared(three: &Three) -> Saved {
    let fields = json!({"编号": "1", "名称": "灯会", "主办": "甲", "街巷": "东巷、西巷"});
    let saved = three.street.put(put("lantern", fields)).await.unwrap();
    three.up().await;
    saved
}

fn edit(saved: &Saved, fields: serde_json::Value) -> Put {
    Put { id: Some(saved.id), seen: Some(saved.version.clone()), ..put("lantern", fields) }
}

async fn all_in_step(three: &Three) {
    three.up().await;
    round(&three.district, &three.city).await.unwrap();
    round(&three.street, &three.district).await.unwrap();
}

async fn open_at(office: &Office) -> Vec<Conflict> {
    office.conflicts_of("lantern", "1").await.unwrap().conflicts
}

fn resolve(field: &str, mark: &str, keep: Keep) -> Resolve {
    Resolve {
        kind: "lantern".into(),
        id: "1".into(),
        field: field.into(),
        mark: mark.into(),
        keep,
        as_base: None,
        user: "裁定人".into(),
        reason: String::new(),
    }
}

#[tokio::test]
async fn a_conflict_is_told_settled_at_one_place_and_gone_everywhere() {
    let three = three(&with_a_new_kind()).await;
    let saved = shared(&three).await;
    three.clock.set(START + HOUR);
    three.street.put(edit(&saved, json!({"名称": "元宵灯会"}))).await.unwrap();
    three.clock.set(START + 2 * HOUR);
    three.district.put(edit(&saved, json!({"名称": "中秋灯会", "人次": 20}))).await.unwrap();
    all_in_step(&three).await;
    for office in [&three.street, &three.district, &three.city] {
        let listed = office.conflicts("", 0, 0).await.unwrap();
        assert_eq!((listed.total, listed.records.len()), (1, 1));
        let [conflict] = listed.records[0].conflicts.as_slice() else { panic!("one: {listed:?}") };
        assert_eq!((conflict.field.as_str(), conflict.rule.as_str()), ("title", "数源优先"));
        assert_eq!(conflict.because, "它由数源单位填写");
        let mut claims: Vec<_> = conflict
            .claims
            .iter()
            .map(|c| (c.text.as_str(), c.before.join("/"), c.saved_at_ms, c.base, c.user.as_str(), c.shown))
            .collect();
        claims.sort();
        let (street, district) = (three.street.me().base, three.district.me().base);
        // History goes up: the street does not know what was replaced at the district.
        let known = if office.me().base == street { "" } else { "灯会" };
        assert_eq!(
            claims,
            [
                ("中秋灯会", known.to_owned(), START + 2 * HOUR, district, "测试员", false),
                ("元宵灯会", "灯会".to_owned(), START + HOUR, street, "测试员", true),
            ]
        );
    }
    let mark = open_at(&three.city).await[0].mark.clone();
    let keep = Keep::Base(three.district.me().base);
    three.clock.set(START + 3 * HOUR);
    let done = three.city.resolve(&resolve("名称", &mark, keep)).await.unwrap();
    assert_eq!((done.label.as_str(), done.text.as_str(), done.settled), ("名称", "中秋灯会", 2));
    all_in_step(&three).await;
    for office in [&three.street, &three.district, &three.city] {
        assert_eq!(office.conflicts("lantern", 0, 0).await.unwrap().total, 0);
        let look = office.get("lantern", "1").await.unwrap();
        assert_eq!(look.view.fields["title"], "中秋灯会");
        assert_eq!((&look.view.fields["visitors"], &look.view.fields["host"]), (&json!(20), &json!("甲")));
        let history = office.history("lantern", "1").await.unwrap();
        let last = history.last().unwrap();
        let mut lost = last.fields[0].before.clone();
        lost.sort();
        assert_eq!((lost, last.user.as_str()), (vec!["中秋灯会".to_owned(), "元宵灯会".into()], "裁定人"));
    }
    let again = three.city.resolve(&resolve("title", &mark, Keep::Number(1))).await;
    assert!(matches!(again, Err(OfficeError::NotDisputed { .. })), "{again:?}");
}

#[tokio::test]
async fn what_came_after_the_look_is_not_settled_unseen() {
    let three = three(&with_a_new_kind()).await;
    let saved = shared(&three).await;
    three.street.put(edit(&saved, json!({"人次": 1}))).await.unwrap();
    three.district.put(edit(&saved, json!({"人次": 2}))).await.unwrap();
    all_in_step(&three).await;
    let mark = open_at(&three.district).await[0].mark.clone();
    three.city.put(edit(&saved, json!({"人次": 3}))).await.unwrap();
    round(&three.district, &three.city).await.unwrap();
    let before = open_at(&three.district).await;
    assert_eq!(before[0].claims.len(), 3);
    for mark in [mark.as_str(), ""] {
        let refused = three.district.resolve(&resolve("visitors", mark, Keep::Number(1))).await;
        assert!(matches!(refused, Err(OfficeError::NewAlternative { .. })), "{refused:?}");
    }
    assert_eq!(open_at(&three.district).await, before, "nothing was written");
    let now = before[0].mark.clone();
    for wrong in [Keep::Number(0), Keep::Number(4), Keep::Value("许多".into())] {
        assert!(three.district.resolve(&resolve("visitors", &now, wrong)).await.is_err());
    }
    let done = three.district.resolve(&resolve("visitors", &now, Keep::Value("7".into()))).await.unwrap();
    assert_eq!((done.text.as_str(), done.settled), ("7", 3));
    assert_eq!(open_at(&three.district).await, []);
}

#[tokio::test]
async fn whose_decision_it_is_not_is_told_whose_it_is() {
    let three = three(&with_a_new_kind()).await;
    let saved = shared(&three).await;
    // Two forms of one office, neither of which saw the other.
    three.street.put(edit(&saved, json!({"主办": "乙"}))).await.unwrap();
    three.street.put(edit(&saved, json!({"主办": "丙"}))).await.unwrap();
    all_in_step(&three).await;
    let mark = open_at(&three.city).await[0].mark.clone();
    let refused = three.city.resolve(&resolve("主办", &mark, Keep::Number(1))).await.unwrap_err();
    assert!(refused.to_string().contains("由s基地负责"), "{refused}");
    assert_eq!(open_at(&three.city).await.len(), 1);
    let two = three.street.resolve(&resolve("主办", &mark, Keep::Base(three.street.me().base))).await;
    assert!(two.unwrap_err().to_string().contains("几个值"), "a base that wrote both is no answer");
    three.street.resolve(&resolve("主办", &mark, Keep::Number(2))).await.unwrap();
    all_in_step(&three).await;
    assert_eq!(open_at(&three.city).await, []);
}

#[tokio::test]
async fn an_element_a_home_and_a_deletion_are_settled_alike() {
    let three = three(&with_a_new_kind()).await;
    let saved = shared(&three).await;
    three.street.put(edit(&saved, json!({"街巷": "西巷"}))).await.unwrap();
    let without = three.district.put(edit(&saved, json!({"街巷": "西巷"}))).await.unwrap();
    three.district.put(edit(&without, json!({"街巷": "东巷、西巷"}))).await.unwrap();
    let district = three.district.me().base;
    three.district.put(Put { home: Some(district), ..edit(&saved, json!({})) }).await.unwrap();
    let city = three.city.me().base;
    three.city.put(Put { home: Some(city), ..edit(&saved, json!({})) }).await.unwrap();
    three.city.put(Put { delete: true, ..edit(&saved, json!({})) }).await.unwrap();
    round(&three.district, &three.city).await.unwrap();
    all_in_step(&three).await;
    let open = open_at(&three.city).await;
    let fields: Vec<_> = open.iter().map(|c| (c.field.as_str(), c.element.as_str())).collect();
    assert_eq!(fields, [("streets", "东巷"), ("home", ""), ("deleted", "")]);
    assert!(open[2].claims.iter().any(|c| c.edited_since && c.text == "街巷"), "{:?}", open[2]);
    for (at, field, keep) in [
        // First: settling another field is an edit of the deleted record, too.
        (2, "删除", Keep::Value("恢复".into())),
        (0, "街巷=东巷", Keep::Value("移除".into())),
        (1, "属地", Keep::Value("s基地".into())),
    ] {
        three.city.resolve(&resolve(field, &open[at].mark, keep)).await.unwrap();
    }
    all_in_step(&three).await;
    all_in_step(&three).await;
    for office in [&three.street, &three.district, &three.city] {
        assert_eq!(open_at(office).await, []);
        let view = office.get("lantern", "1").await.unwrap().view;
        assert_eq!(
            (&view.fields["streets"], view.home, view.deleted),
            (&json!(["西巷"]), three.street.me().base, false)
        );
    }
}

#[tokio::test]
async fn what_waits_is_listed_page_by_page_over_all_kinds() {
    let three = three(&with_a_new_kind()).await;
    for number in 0..3 {
        let saved = three
            .street
            .put(put("lantern", json!({"编号": number.to_string(), "名称": "灯会"})))
            .await
            .unwrap();
        for visitors in [1, 2] {
            three.street.put(edit(&saved, json!({"人次": visitors}))).await.unwrap();
        }
    }
    let mut seen = Vec::new();
    for offset in 0..4 {
        let page = three.street.conflicts("", 1, offset).await.unwrap();
        assert_eq!(page.total, 3);
        seen.extend(page.records.into_iter().map(|record| record.id));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3, "each once");
    assert!(three.street.conflicts("nothing", 0, 0).await.is_err());
}
