//! Full-width to half-width, entities, invisible characters, spaces.

/// Entities that web pages leave behind in copied cells, after folding to half width and lower case.
const SPACE_ENTITIES: [&str; 5] = ["&amp;nbsp;", "&nbsp;", "&#160;", "&#xa0;", "&nbsp"];

/// Brings a text to the one form in which codes, numbers and names are compared: everything half-width, no
/// invisible characters, `&nbsp;` in all its spellings a space, spaces trimmed and collapsed.
///
/// Official names keep their full-width brackets: for what is stored, use [`tidy`].
pub fn normalise(text: &str) -> String {
    clean(text, half_width)
}

/// Cleans a text for keeping: as [`normalise`], but full-width punctuation stays, since 中国（深圳） is how the
/// official name is written; full-width letters, digits and spaces become half-width.
pub fn tidy(text: &str) -> String {
    clean(text, half_width_word)
}

/// As [`tidy`], line by line; empty lines at both ends are dropped.
pub fn tidy_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(tidy).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

fn clean(text: &str, width: fn(char) -> char) -> String {
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    let visible: Vec<char> = text.chars().filter(|c| !is_invisible(*c)).collect();
    let spaced: String = without_entities(&visible).into_iter().map(width).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn without_entities(chars: &[char]) -> Vec<char> {
    let mut out = Vec::with_capacity(chars.len());
    let mut at = 0;
    while at < chars.len() {
        match entity_len(&chars[at..]) {
            Some(len) => {
                out.push(' ');
                at += len;
            }
            None => {
                out.push(chars[at]);
                at += 1;
            }
        }
    }
    out
}

fn entity_len(chars: &[char]) -> Option<usize> {
    let folded = |at: usize| chars.get(at).map(|c| half_width(*c).to_ascii_lowercase());
    if folded(0) != Some('&') {
        return None;
    }
    SPACE_ENTITIES.iter().map(|e| (e, e.len())).find_map(|(entity, len)| {
        let same = entity.chars().enumerate().all(|(at, c)| folded(at) == Some(c));
        // Without its semicolon an entity ends at the end of the word.
        let ends = entity.ends_with(';') || !folded(len).is_some_and(|c| c.is_ascii_alphanumeric());
        (same && ends).then_some(len)
    })
}

fn half_width(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        '\u{FFE5}' => '¥',
        c if c.is_whitespace() => ' ',
        c => c,
    }
}

fn half_width_word(c: char) -> char {
    let half = half_width(c);
    if half.is_ascii_alphanumeric() || half == ' ' { half } else { c }
}

/// What no rule of this file changes and most texts consist of: Chinese characters, letters and digits.
fn is_plain(c: char) -> bool {
    matches!(c, '\u{4E00}'..='\u{9FFF}') || c.is_ascii_alphanumeric()
}

/// Control characters, zero-width ones and those that turn the direction of writing. White space is not among them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180E}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
        || (c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_form_for_comparing() {
        let cases = [
            ("１４７号", "147号"),
            ("东城＆ｎｂｓｐ；街道", "东城 街道"),
            ("东城&nbsp;&NBSP;街道&amp;nbsp;", "东城 街道"),
            ("东城&#160;街道&nbsp", "东城 街道"),
            ("a&nbspace", "a&nbspace"),
            ("\u{feff} 中国（深圳）\u{3000}研究院\u{200b}\t", "中国(深圳) 研究院"),
            ("\u{202e}abc\u{202c}\u{0}\u{7}", "abc"),
            ("一\r\n二", "一 二"),
            ("", ""),
        ];
        for (from, to) in cases {
            assert_eq!(normalise(from), to, "{from:?}");
        }
    }

    #[test]
    fn names_keep_their_brackets() {
        let cases = [
            ("中国（深圳）研究院", "中国（深圳）研究院"),
            ("第１４７号，Ａ座", "第147号，A座"),
            ("东城＆ｎｂｓｐ；街道", "东城 街道"),
            ("甲　乙", "甲 乙"),
        ];
        for (from, to) in cases {
            assert_eq!(tidy(from), to, "{from:?}");
        }
        assert_eq!(tidy_lines("\n 第一条 \r\n\r\n第二条\t\n"), "第一条\n\n第二条");
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC*|[&＆nbspＮ;；amp\u{200b} 　#160]{0,20}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
            let once = tidy(&text);
            prop_assert_eq!(tidy(&once), once);
        }
    }
}
