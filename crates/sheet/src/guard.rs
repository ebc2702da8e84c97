//! Text that a spreadsheet would take for a formula. A mark in front keeps it text; reading takes the mark off.

/// Beginnings by which spreadsheets know a formula, the full-width ones included, which some take too.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];
const MARK: char = '\'';

/// Puts the mark before a text that would be taken for a formula, or for a marked one. A plain number, -3.5, is no
/// danger and stays.
pub(crate) fn protect(text: &str) -> std::borrow::Cow<'_, str> {
    if needs_mark(text) { format!("{MARK}{text}").into() } else { text.into() }
}

/// Takes the mark off again.
pub(crate) fn unprotect(text: &str) -> &str {
    match text.strip_prefix(MARK) {
        Some(rest) if needs_mark(rest) => rest,
        _ => text,
    }
}

fn needs_mark(text: &str) -> bool {
    text.trim_start_matches(MARK).starts_with(FORMULA) && !is_plain_number(text)
}

fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, part].iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_marked_and_read_back() {
        let cases = [
            ("=1+1", "'=1+1"),
            ("+86 138", "'+86 138"),
            ("@sum", "'@sum"),
            ("-", "'-"),
            ("-2+3", "'-2+3"),
            ("\tx", "'\tx"),
            ("＝cmd", "'＝cmd"),
            ("'=x", "''=x"),
            ("''=x", "'''=x"),
            ("-3.5", "-3.5"),
            ("'tis", "'tis"),
            ("'", "'"),
            ("东城", "东城"),
            ("", ""),
        ];
        for (text, written) in cases {
            assert_eq!(protect(text), written, "{text:?}");
            assert_eq!(unprotect(written), text, "{text:?}");
        }
    }
}
