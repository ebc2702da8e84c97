//! The text that search looks through.

use crate::schema_edge;

/// Text as it is compared in searches: half-width, in lower case.
pub(crate) fn fold(text: &str) -> String {
    text.chars().map(half_width).flat_map(char::to_lowercase).collect()
}

fn half_width(ch: char) -> char {
    match ch {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(ch as u32 - 0xFEE0).unwrap_or(ch),
        '\u{3000}' => ' ',
        ch => ch,
    }
}

/// What a person searches for: one of several wordings, each a list of words that must all occur.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wanted {
    pub wordings: Vec<Vec<String>>,
}

impl Wanted {
    /// `None` when nothing is searched for.
    pub fn of(text: Option<&str>) -> Option<Wanted> {
        let text = text.map(str::trim).filter(|t| !t.is_empty())?;
        let mut wordings = vec![words(text)];
        for other in schema_edge::synonyms(text).iter().map(|t| words(t)) {
            if !other.is_empty() && !wordings.contains(&other) {
                wordings.push(other);
            }
        }
        wordings.truncate(WORDINGS_MAX);
        Some(Wanted { wordings })
    }

    /// Whether it occurs in folded text.
    #[cfg(feature = "memory")]
    pub fn occurs_in(&self, folded: &str) -> bool {
        self.wordings.iter().any(|words| words.iter().all(|w| folded.contains(w.as_str())))
    }
}

/// Most wordings that one search tries: each costs a pass over the candidates.
const WORDINGS_MAX: usize = 8;

/// Most words of one search; what a person types beyond them narrows nothing.
const WORDS_MAX: usize = 8;

fn words(text: &str) -> Vec<String> {
    let folded = fold(text);
    folded.split_whitespace().take(WORDS_MAX).map(str::to_owned).collect()
}

/// The tokens under which text is found: pairs of neighbouring characters, written in hexadecimal so that the
/// index's own idea of words and letters plays no part.
pub(crate) fn tokens(folded: &str) -> Vec<String> {
    let mut all: Vec<String> = schema_edge::search_grams(folded).iter().filter_map(|g| token(g)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn token(gram: &str) -> Option<String> {
    let pair = gram.chars().count() == 2;
    pair.then(|| gram.chars().map(|ch| format!("{:x}", ch as u32)).collect::<Vec<_>>().join("x"))
}
