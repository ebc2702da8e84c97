//! From what a person wrote into one cell or input.

use super::bad::{BadValue, quote};
use super::words;
use crate::civil;
use crate::limits::{BYTES_MAX, ELEMENTS_MAX};
use crate::model::{EnumDef, Field, FieldType};
use crate::options::Format;
use crate::raw::{fields, put_bool, put_bytes, put_double, put_int, put_text, put_uint};
use crate::value::{Scalar, scalar};

/// What separates the elements of a set.
const SEPARATORS: &[char] = &[',', '，', ';', '；', '、', '\n'];

/// What separates the ends of a range.
const RANGE_SEPARATORS: &[char] = &['至', '~', '～'];

/// The raw field for a text; no bytes for an empty one, whether the field is required or not.
///
/// Enums are taken by label, name, alias or number; money in yuan; ranges as "A 至 B"; sets separated by commas.
pub fn parse_text(field: &Field, text: &str) -> Result<Vec<u8>, BadValue> {
    let mut out = Vec::new();
    if !field.repeated {
        put(field, text, &mut out)?;
        return Ok(out);
    }
    let elements: Vec<&str> =
        text.split(SEPARATORS).map(trim).filter(|element| !element.is_empty()).collect();
    check_count(elements.len())?;
    let mut seen = Vec::new();
    for element in elements {
        let mut one = Vec::new();
        put(field, element, &mut one)?;
        push_new(&mut seen, one);
    }
    Ok(seen.concat())
}

pub(super) fn check_count(count: usize) -> Result<(), BadValue> {
    if count > ELEMENTS_MAX { Err(BadValue::TooMany { count, max: ELEMENTS_MAX }) } else { Ok(()) }
}

/// Adds an element that is not there yet: a set holds nothing twice.
pub(super) fn push_new(seen: &mut Vec<Vec<u8>>, one: Vec<u8>) {
    if !seen.contains(&one) {
        seen.push(one);
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}')
}

/// Appends one occurrence.
pub(super) fn put(field: &Field, text: &str, out: &mut Vec<u8>) -> Result<(), BadValue> {
    let text = trim(text);
    if text.is_empty() {
        return Ok(());
    }
    let number = field.number;
    match &field.ty {
        FieldType::Text => put_text(out, number, &words::spell(field, text)?),
        FieldType::Bytes => put_bytes(out, number, &bytes(field, text)?),
        FieldType::Bool => put_bool(out, number, boolean(text)?),
        FieldType::Int32 => put_int(out, number, fit::<i32>(whole(field, text)?, text)?.into()),
        FieldType::Int64 => put_int(out, number, fit(whole(field, text)?, text)?),
        FieldType::UInt32 => put_uint(out, number, fit::<u32>(whole(field, text)?, text)?.into()),
        FieldType::UInt64 => put_uint(out, number, fit(whole(field, text)?, text)?),
        FieldType::Double => put_double(out, number, fraction(field, text)?),
        FieldType::Enum(values) => put_int(out, number, choice(values, text)?.into()),
        FieldType::Message(_) if field.is_range() => range(field, text, out)?,
        FieldType::Message(_) | FieldType::Step => {
            return Err(BadValue::NeedsForm { label: field.label.clone() });
        }
    }
    Ok(())
}

fn bytes(field: &Field, text: &str) -> Result<Vec<u8>, BadValue> {
    if matches!(field.format, Format::Base | Format::Record) {
        return words::id(text).map(Vec::from);
    }
    let bytes = words::unhex(text).ok_or_else(|| BadValue::Hex { text: quote(text) })?;
    if bytes.len() > BYTES_MAX {
        return Err(BadValue::TooLong { length: bytes.len(), max: BYTES_MAX });
    }
    Ok(bytes)
}

fn boolean(text: &str) -> Result<bool, BadValue> {
    match text.to_lowercase().as_str() {
        "是" | "有" | "true" | "yes" | "1" | "√" => Ok(true),
        "否" | "无" | "false" | "no" | "0" | "×" => Ok(false),
        _ => Err(BadValue::Bool { text: quote(text) }),
    }
}

fn fit<T: TryFrom<i128>>(number: i128, text: &str) -> Result<T, BadValue> {
    T::try_from(number).map_err(|_| BadValue::OutOfRange { text: quote(text) })
}

fn whole(field: &Field, text: &str) -> Result<i128, BadValue> {
    match field.format {
        Format::Fen => money(text).ok_or_else(|| BadValue::Money { text: quote(text) }),
        Format::Instant => {
            civil::parse_instant(text).map(i128::from).ok_or_else(|| BadValue::Instant { text: quote(text) })
        }
        _ => {
            let plain = plain_number(field, text);
            let signed = plain.strip_prefix('-').unwrap_or(&plain);
            let digits = !signed.is_empty() && signed.bytes().all(|byte| byte.is_ascii_digit());
            let wrong = if digits {
                BadValue::OutOfRange { text: quote(text) }
            } else {
                BadValue::Whole { text: quote(text) }
            };
            plain.parse().ok().filter(|_| digits).ok_or(wrong)
        }
    }
}

fn fraction(field: &Field, text: &str) -> Result<f64, BadValue> {
    let plain = plain_number(field, text);
    let digits = plain.starts_with(|first: char| first.is_ascii_digit() || first == '-');
    let number = plain.parse().ok().filter(|number: &f64| digits && number.is_finite());
    number.ok_or_else(|| BadValue::Number { text: quote(text) })
}

/// Without the commas between thousands and without a percent sign.
fn plain_number(field: &Field, text: &str) -> String {
    let percent = field.format == Format::Percent;
    let text = if percent { trim(text.trim_end_matches(['%', '％'])) } else { text };
    text.replace([',', '，'], "")
}

/// Fen of a sum in yuan, or in ten thousand yuan when it says 万.
fn money(text: &str) -> Option<i128> {
    let text = trim(text.trim_start_matches(['¥', '￥']).trim_end_matches('元'));
    let (text, decimals) = text.strip_suffix('万').map_or((text, 2), |rest| (trim(rest), 6));
    let plain = text.replace([',', '，'], "");
    let (sign, plain) = plain.strip_prefix('-').map_or((1, plain.as_str()), |rest| (-1, rest));
    let (yuan, rest) = plain.split_once('.').unwrap_or((plain, ""));
    let rest = rest.trim_end_matches('0');
    let digits = !yuan.is_empty()
        && yuan.len() <= 18
        && (yuan.to_owned() + rest).bytes().all(|byte| byte.is_ascii_digit());
    if !digits || rest.len() > decimals {
        return None;
    }
    format!("{yuan}{rest:0<decimals$}").parse::<i128>().ok().map(|fen| sign * fen)
}

/// The number of the value that a word means.
pub(super) fn choice(values: &EnumDef, text: &str) -> Result<i32, BadValue> {
    let wanted = plain_word(text);
    let found = values.values.iter().find(|value| {
        let own = [&value.label, &value.name, &value.code, &value.label_en];
        let mut words = own.into_iter().chain(&value.aliases);
        words.any(|word| !word.is_empty() && plain_word(word) == wanted)
    });
    let by_number = || wanted.parse().ok().and_then(|number| values.value(number));
    found.or_else(by_number).map(|value| value.number).ok_or_else(|| BadValue::Choice {
        text: quote(text),
        choices: values.values.iter().map(|value| value.label.as_str()).collect::<Vec<_>>().join("、"),
    })
}

/// A word without what spreadsheets and input methods vary: case, spaces, the width of brackets.
fn plain_word(text: &str) -> String {
    let letters = text.chars().filter(|letter| !letter.is_whitespace());
    let narrow = letters.map(|letter| match letter {
        '（' => '(',
        '）' => ')',
        other => other,
    });
    narrow.collect::<String>().to_lowercase()
}

fn range(field: &Field, text: &str, out: &mut Vec<u8>) -> Result<(), BadValue> {
    let (from, to) =
        text.split_once(RANGE_SEPARATORS).ok_or_else(|| BadValue::Range { text: quote(text) })?;
    let [first, second] = field.parts() else {
        return Err(BadValue::NeedsForm { label: field.label.clone() });
    };
    let mut body = Vec::new();
    put(first, from, &mut body)?;
    put(second, to, &mut body)?;
    put_group(field, &body, out)
}

/// Appends a group, unless it is empty or its end is before its start.
pub(super) fn put_group(field: &Field, body: &[u8], out: &mut Vec<u8>) -> Result<(), BadValue> {
    if is_reversed(field, body) {
        return Err(BadValue::RangeReversed { text: field.label.clone() });
    }
    if !body.is_empty() {
        put_bytes(out, field.number, body);
    }
    Ok(())
}

/// Whether both ends of a range are there in the wrong order.
pub(super) fn is_reversed(field: &Field, body: &[u8]) -> bool {
    let ends: Vec<Scalar<'_>> = field.parts().iter().filter_map(|part| end(part, body)).collect();
    match ends.as_slice() {
        [Scalar::Text(from), Scalar::Text(to)] if field.is_range() => from > to,
        [Scalar::Int(from), Scalar::Int(to)] if field.is_range() => from > to,
        _ => false,
    }
}

fn end<'a>(part: &Field, body: &'a [u8]) -> Option<Scalar<'a>> {
    let found = fields(body).filter_map(Result::ok).find(|raw| raw.number == part.number)?;
    scalar(part, found.value)
}
