//! Checks and spellings of texts by format.

use super::bad::{BadValue, quote};
use crate::civil;
use crate::model::Field;
use crate::options::Format;

/// The characters of a unified code, GB 32100-2015.
const USCC_ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// The text as it is stored: spelled as its format wants it, and checked.
pub(super) fn spell(field: &Field, text: &str) -> Result<String, BadValue> {
    let spelled = match field.format {
        Format::Uscc => text.to_ascii_uppercase(),
        Format::Division if [6, 9].contains(&text.len()) => format!("{text:0<12}"),
        Format::Multiline => text.replace("\r\n", "\n"),
        Format::Base | Format::Record => hex(&id(text)?),
        _ => text.to_owned(),
    };
    check(field, &spelled)?;
    Ok(spelled)
}

/// Whether a stored text is as its format wants it.
pub(super) fn check(field: &Field, text: &str) -> Result<(), BadValue> {
    let length = text.chars().count();
    if length > field.max_chars {
        return Err(BadValue::TooLong { length, max: field.max_chars });
    }
    let lines = field.format == Format::Multiline;
    if let Some(letter) =
        text.chars().find(|&letter| forbidden(letter) && !(lines && "\n\t".contains(letter)))
    {
        return Err(BadValue::Character { code: letter.into() });
    }
    let wrong = || quote(text);
    match field.format {
        Format::Uscc if !is_uscc(text) => Err(uscc_error(text)),
        Format::Division if !is_division(text) => Err(BadValue::Division { text: wrong() }),
        Format::Phone if !is_phone(text) => Err(BadValue::Phone { text: wrong() }),
        Format::Date if !civil::is_date(text) => Err(BadValue::Date { text: wrong() }),
        Format::Base | Format::Record => id(text).map(|_| ()),
        _ => Ok(()),
    }
}

/// Control characters, and those that turn the direction of text and so can make it read as something else.
fn forbidden(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Shape only: whether the check digits are right is a question for an officer.
fn is_uscc(text: &str) -> bool {
    text.len() == 18 && text.chars().all(|letter| USCC_ALPHABET.contains(letter))
}

/// `5.31E+17` is what a spreadsheet makes of a code that consists of digits.
fn uscc_error(text: &str) -> BadValue {
    let number = text.contains('.') && text.contains("E+") && text.parse::<f64>().is_ok();
    let text = quote(text);
    if number { BadValue::Spreadsheet { text } } else { BadValue::Uscc { text } }
}

fn is_division(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let allowed = |letter: char| letter.is_ascii_digit() || "+-() 转".contains(letter);
    (3..=20).contains(&digits) && text.chars().count() <= 30 && text.chars().all(allowed)
}

/// The sixteen bytes of an id, written as 32 hexadecimal digits or as a UUID.
pub(super) fn id(text: &str) -> Result<[u8; 16], BadValue> {
    let wrong = || BadValue::Id { text: quote(text) };
    let dashes: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
    if !dashes.is_empty() && dashes != [8, 13, 18, 23] {
        return Err(wrong());
    }
    unhex(&text.replace('-', "")).and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|letter| letter.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
