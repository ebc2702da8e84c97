//! Text that others wrote, made harmless before a terminal shows it.
//!
//! A name that came from below may hold escape sequences that clear the screen, change its title or write over other
//! lines, and characters that turn the direction of text so that it reads as something else.

use std::iter::Peekable;
use std::str::Chars;

const ESCAPE: char = '\u{1b}';
/// ESC [ as one character.
const CSI: char = '\u{9b}';

/// The text on one line: no escape sequences, control characters or invisible marks; breaks become spaces.
pub fn clean(text: &str) -> String {
    clean_but(text, &[])
}

/// As [`clean`], but lines stay lines.
pub fn clean_lines(text: &str) -> String {
    clean_but(text, &['\n'])
}

fn clean_but(text: &str, kept: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            _ if kept.contains(&letter) => out.push(letter),
            ESCAPE if letters.next_if_eq(&'[').is_some() => skip_parameters(&mut letters),
            CSI => skip_parameters(&mut letters),
            '\n' | '\r' | '\t' | '\u{85}' | '\u{2028}' | '\u{2029}' => space(&mut out),
            _ if is_harmful(letter) => {}
            _ => out.push(letter),
        }
    }
    out
}

/// Skips what follows `ESC [`: parameters, then one final character. Anything else is left as text.
fn skip_parameters(letters: &mut Peekable<Chars<'_>>) {
    while letters.next_if(|letter| (' '..='?').contains(letter)).is_some() {}
    letters.next_if(|letter| ('@'..='~').contains(letter));
}

fn space(out: &mut String) {
    if !out.ends_with([' ', '\n']) {
        out.push(' ');
    }
}

/// Control characters, marks that turn the direction of text, and marks that cannot be seen.
pub fn is_harmful(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line() {
        for (text, shown) in [
            ("东城街道", "东城街道"),
            ("\u{1b}[2J\u{1b}[31m红\u{1b}[0m", "红"),
            ("\u{9b}1;31m红", "红"),
            ("\u{1b}]0;title\u{7}后", "]0;title后"),
            ("a\u{1b}\u{1b}[31mb", "ab"),
            ("\u{1b}[", ""),
            ("\u{1b}[12", ""),
            ("\u{1b}[3东", "东"),
            ("一\r\n二\t三\u{2028}四", "一 二 三 四"),
            ("x\u{202e}fdp.exe\u{202c}", "xfdp.exe"),
            ("a\u{8}\u{7f}\u{85}b\0", "a b"),
            ("👨‍👩‍👧 é", "👨‍👩‍👧 é"),
        ] {
            assert_eq!(clean(text), shown, "{text:?}");
        }
    }

    #[test]
    fn lines_stay() {
        assert_eq!(clean_lines("一\n\u{1b}[1A二\r\n三"), "一\n二 \n三");
    }

    #[test]
    fn nothing_harmful_is_left_of_any_character() {
        for letter in (0..=0x10_ffff).filter_map(char::from_u32) {
            let text = format!("a{letter}{letter}[1mb");
            assert!(!clean(&text).contains(is_harmful), "{letter:?}");
        }
    }
}
