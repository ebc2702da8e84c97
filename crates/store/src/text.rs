//! The text that search looks through, and what is looked for in it.

use std::collections::BTreeSet;

use crate::schema_edge;

/// Text as it is compared in searches, line by line: half-width, without what cannot be seen, in lower case.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for (n, line) in text.lines().enumerate() {
        if n > 0 {
            folded.push('\n');
        }
        let line = schema_edge::normalise(line);
        match line.chars().all(has_no_case) {
            true => folded.push_str(&line),
            false => folded.push_str(&line.to_lowercase()),
        }
    }
    folded
}

/// Digits, small Latin letters, and the blocks of Chinese characters from the radicals to the Yi syllables: most of what
/// is entered, known without a table.
fn has_no_case(c: char) -> bool {
    (c.is_ascii() && !c.is_ascii_uppercase()) || ('\u{2E80}'..='\u{A4CF}').contains(&c)
}

/// What a person searches for: one of several wordings, each a list of words that must all occur.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wanted {
    pub wordings: Vec<Vec<String>>,
}

/// Most words of one search; what a person types beyond them narrows nothing.
const WORDS_MAX: usize = 8;

impl Wanted {
    /// `None` when nothing is searched for.
    pub fn of(text: Option<&str>) -> Option<Wanted> {
        let text = text.map(str::trim).filter(|t| !t.is_empty())?;
        let mut wordings: Vec<Vec<String>> = Vec::new();
        for spelling in schema_edge::synonyms(text) {
            let folded = fold(&spelling);
            let words: Vec<String> = folded.split_whitespace().take(WORDS_MAX).map(str::to_owned).collect();
            if !words.is_empty() && !wordings.contains(&words) {
                wordings.push(words);
            }
        }
        (!wordings.is_empty()).then_some(Wanted { wordings })
    }

    /// Whether it occurs in folded text.
    #[cfg(feature = "memory")]
    pub fn occurs_in(&self, folded: &str) -> bool {
        self.wordings.iter().any(|words| words.iter().all(|w| folded.contains(w.as_str())))
    }
}

/// The tokens under which folded text is found: every pair of neighbouring characters.
///
/// Pairs of *all* characters, not of Chinese ones alone beside whole words: so whatever occurs in a text has no
/// pair that the text has not, and "A级" in "3A级", or the middle of a code, is found. In hexadecimal, so that the
/// index's own idea of letters plays no part.
pub(crate) fn pairs(folded: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for line in folded.lines() {
        let ends = line.char_indices().skip(1).zip(line.chars());
        for ((_, second), first) in ends.filter(|((_, b), a)| !a.is_whitespace() && !b.is_whitespace()) {
            all.insert(format!("{:x}x{:x}", first as u32, second as u32));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_occurs_has_no_pair_of_its_own() {
        let text = fold("深圳市ＡＢ（3A级）社团\n91440300MA5F\n");
        let whole = pairs(&text);
        for part in ["圳市", "a级", "ab(3", "0300ma", "社团"] {
            assert!(text.contains(part) && pairs(part).is_subset(&whole), "{part}");
        }
        assert!(!pairs("团9").is_subset(&whole), "fields do not run together");
    }

    #[test]
    fn nothing_is_searched_for() {
        assert_eq!(Wanted::of(None), None);
        assert_eq!(Wanted::of(Some(" \u{3000}\u{200b} ")), None);
    }
}
