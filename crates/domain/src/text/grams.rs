//! Words to search by: two-character pieces of Chinese, whole words of everything else.

use std::collections::BTreeSet;

use super::normalise;

/// Queries that one query may grow into; each costs a search of its own.
pub const SYNONYM_QUERIES_MAX: usize = 8;

/// Words that name the same thing. The law renamed 民办非企业单位; both names are in daily use.
const SAME: [&[&str]; 4] = [
    &["社会服务机构", "民办非企业单位", "民非"],
    &["社会团体", "社团"],
    &["街道办事处", "街道办"],
    &["社区居民委员会", "社区居委会", "居委会"],
];

/// The pieces of a text that go into the search index, and of a query that are looked up in it, in order of first
/// appearance: every pair of neighbours in a run of Chinese characters (a run of one stands alone), and every run
/// of other letters and digits as one word in lower case.
///
/// ```
/// assert_eq!(domain::text::search_grams("3A级社团"), ["3a", "级社", "社团"]);
/// ```
pub fn search_grams(text: &str) -> Vec<String> {
    let text = normalise(text);
    let mut out = Grams::default();
    let mut run: Vec<char> = Vec::new();
    for c in text.chars().chain([' ']) {
        let ends = run.last().is_some_and(|last| Sort::of(*last) != Sort::of(c));
        if ends {
            out.push_run(&run);
            run.clear();
        }
        if Sort::of(c) != Sort::Between {
            run.push(c);
        }
    }
    out.list
}

/// All spellings of a query that must be searched, itself first: 民办非企业单位 and 社会服务机构 find each other.
/// At most [`SYNONYM_QUERIES_MAX`].
pub fn synonyms(query: &str) -> Vec<String> {
    let mut queries = vec![normalise(query)];
    for group in SAME {
        for at in 0..queries.len() {
            let Some(word) = group.iter().find(|w| queries[at].contains(**w)) else { continue };
            let others = group.iter().filter(|w| *w != word);
            let more: Vec<String> = others.map(|w| queries[at].replace(word, w)).collect();
            queries.extend(more);
        }
    }
    queries.truncate(SYNONYM_QUERIES_MAX);
    queries
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Chinese,
    Word,
    Between,
}

impl Sort {
    fn of(c: char) -> Sort {
        match c {
            '\u{3005}'
            | '\u{3007}'
            | '\u{3400}'..='\u{4DBF}'
            | '\u{4E00}'..='\u{9FFF}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{20000}'..='\u{323AF}' => Sort::Chinese,
            c if c.is_alphanumeric() => Sort::Word,
            _ => Sort::Between,
        }
    }
}

#[derive(Default)]
struct Grams {
    list: Vec<String>,
    seen: BTreeSet<String>,
}

impl Grams {
    fn push_run(&mut self, run: &[char]) {
        match Sort::of(run[0]) {
            Sort::Chinese if run.len() > 1 => {
                run.windows(2).for_each(|pair| self.push(pair.iter().collect()))
            }
            Sort::Chinese => self.push(run.iter().collect()),
            _ => self.push(run.iter().collect::<String>().to_lowercase()),
        }
    }

    fn push(&mut self, gram: String) {
        if self.seen.insert(gram.clone()) {
            self.list.push(gram);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn grams() {
        let cases: [(&str, &[&str]); 7] = [
            ("东城街道", &["东城", "城街", "街道"]),
            ("舞", &["舞"]),
            ("ＶＲ技术 vr", &["vr", "技术"]),
            ("5144030050267905XD", &["5144030050267905xd"]),
            ("中国（深圳）", &["中国", "深圳"]),
            ("哈哈哈", &["哈哈"]),
            (" ，。", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(search_grams(text), expected, "{text}");
        }
    }

    #[test]
    fn both_names_of_a_class_find_each_other() {
        assert_eq!(synonyms("民办非企业单位"), ["民办非企业单位", "社会服务机构", "民非"]);
        assert!(synonyms("东城社会服务机构").contains(&"东城民办非企业单位".to_owned()));
        assert_eq!(synonyms("舞蹈队"), ["舞蹈队"]);
        let many = synonyms("社会服务机构 社会团体 街道办事处 居委会");
        assert_eq!(many.len(), SYNONYM_QUERIES_MAX);
    }

    proptest! {
        #[test]
        fn a_part_of_a_chinese_text_is_found_by_its_grams(text in "[一-十东城街道社会]{2,12}", from in 0usize..10, len in 2usize..6) {
            let chars: Vec<char> = text.chars().collect();
            let from = from.min(chars.len() - 2);
            let part: String = chars[from..(from + len).min(chars.len())].iter().collect();
            let whole = search_grams(&text);
            prop_assert!(search_grams(&part).iter().all(|g| whole.contains(g)));
        }

        #[test]
        fn any_text_is_taken(text in "\\PC*") {
            search_grams(&text);
            prop_assert!(!synonyms(&text).is_empty());
        }
    }
}
