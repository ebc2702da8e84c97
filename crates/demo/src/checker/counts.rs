//! Counting anew what a node claims: from the raw rows of the databases in which they were entered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Book, Finding, Tree};

/// How many records of a kind each base has, by its name.
pub type Counted = BTreeMap<String, u64>;

/// Counts the records of a kind in the databases of the nodes that serve their homes, and nowhere else: what came to
/// the city is not asked.
pub fn recounted(books: &[Book], tree: &Tree, kind: &str) -> Counted {
    let mut counted = Counted::new();
    for book in books {
        let own = book.of_kind(kind).filter(|row| tree.node_of(&row.home) == book.base);
        own.for_each(|row| *counted.entry(tree.name(&row.home).to_owned()).or_default() += 1);
    }
    counted
}

/// How many different values a field has in the records of a kind, over the databases in which they were entered.
pub fn distinct_of(books: &[Book], tree: &Tree, kind: &str, field: &str) -> u64 {
    let own = |book: &'_ Book| {
        let rows = book.of_kind(kind).filter(|row| tree.node_of(&row.home) == book.base);
        rows.map(|row| row.body[field].to_string()).collect::<BTreeSet<_>>()
    };
    books.iter().flat_map(own).collect::<BTreeSet<_>>().len() as u64
}

/// Whether a figure by base, as a node answered it, is what was recounted.
pub fn figure_by_base(answer: &Value, expected: &Counted) -> Finding {
    let rows = answer["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let pair = |row: &Value| Some((row["keys"][0].as_str()?.to_owned(), row["count"].as_u64()?));
    let told: Counted = rows.iter().filter_map(pair).collect();
    let names: BTreeSet<&String> = told.keys().chain(expected.keys()).collect();
    let differs = |name: &&&String| told.get(**name) != expected.get(**name);
    let fault = |name: &&String| format!("{name} 报 {:?}，实有 {:?}", told.get(*name), expected.get(*name));
    let mut faults: Vec<String> = names.iter().filter(differs).map(fault).collect();
    let (total, sum) = (answer["total"].as_u64(), expected.values().sum::<u64>());
    if total != Some(sum) {
        faults.push(format!("合计报 {total:?}，实有 {sum}"));
    }
    if sum == 0 {
        faults.push("一条也没有".into());
    }
    Finding::none_of(&faults, format!("合计 {sum} 条，{} 个基地逐一相等", expected.len()))
}

/// Whether a watermark says what the node's own database says: how many bases there are, who never reported, and up
/// to when everybody is in.
pub fn watermark(answer: &Value, book: &Book, never: &BTreeSet<String>) -> Finding {
    let mark = &answer["watermark"];
    let beneath: Vec<&String> =
        book.tree.iter().map(|(id, _)| id).filter(|id| book.tree.is_within(id, &book.base)).collect();
    let mut faults = Vec::new();
    let named = |list: &str| -> BTreeSet<String> {
        let names = mark[list].as_array().into_iter().flatten().filter_map(|base| base["name"].as_str());
        names.map(str::to_owned).collect()
    };
    let mut expect = |what: &str, told: String, found: String| {
        if told != found {
            faults.push(format!("{what}报 {told}，应为 {found}"));
        }
    };
    expect("应报", mark["expected"].to_string(), beneath.len().to_string());
    expect("已到", mark["arrived"].to_string(), (beneath.len() - never.len()).to_string());
    expect("从未上报", format!("{:?}", named("never")), format!("{never:?}"));
    expect("迟报", format!("{:?}", named("late")), "{}".into());
    expect("隔离", mark["quarantined"].to_string(), book.quarantined.to_string());
    let computed = mark["computed_at_ms"].as_u64().unwrap_or(0);
    let sealed = |id: &String| {
        let served = book.tree.node_of(id) == book.base;
        if served { computed } else { book.seals.get(id).map_or(0, |seal| seal.at_ms) }
    };
    let complete = beneath.iter().map(|id| sealed(id)).min().unwrap_or(0);
    expect("数据完整到", mark["complete_up_to_ms"].to_string(), complete.to_string());
    Finding::none_of(&faults, format!("应报 {}，从未上报 {}，与库中的封存点一致", beneath.len(), never.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_figure_that_differs_is_noticed() {
        let expected = Counted::from([("甲".into(), 2), ("乙".into(), 1)]);
        let rows = |second: u64| json!([{"keys": ["甲"], "count": 2}, {"keys": ["乙"], "count": second}]);
        assert!(figure_by_base(&json!({"rows": rows(1), "total": 3}), &expected).held);
        for wrong in [json!({"rows": rows(2), "total": 4}), json!({"rows": rows(1), "total": 4}), json!({})] {
            assert!(!figure_by_base(&wrong, &expected).held, "{wrong}");
        }
        assert!(
            !figure_by_base(&json!({"rows": [], "total": 0}), &Counted::new()).held,
            "nothing is no success"
        );
    }
}
