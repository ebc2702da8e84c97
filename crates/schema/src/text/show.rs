//! What lists, pages and exports show.

use super::words::hex;
use crate::civil;
use crate::model::{EnumDef, Field, FieldType};
use crate::options::{Format, Privacy};
use crate::raw::fields;
use crate::value::{Scalar, scalar};

/// What stands for bytes that do not fit their field.
const UNREADABLE: &str = "（无法识别）";

/// The value as people read it: labels of enums, yuan with two decimals; empty for no value.
pub fn show_text(field: &Field, raw: &[u8]) -> String {
    let shown = fields(raw).map(|found| match found {
        Ok(found) => scalar(field, found.value).map_or_else(unreadable, |value| show(field, value)),
        Err(_) => unreadable(),
    });
    shown.collect::<Vec<_>>().join("、")
}

fn unreadable() -> String {
    UNREADABLE.to_owned()
}

fn show(field: &Field, value: Scalar<'_>) -> String {
    match value {
        Scalar::Text(text) => text.to_owned(),
        Scalar::Bytes(bytes) => hex(bytes),
        Scalar::Bool(true) => "是".to_owned(),
        Scalar::Bool(false) => "否".to_owned(),
        Scalar::Int(fen) if field.format == Format::Fen => yuan(fen),
        Scalar::Int(at_ms) if field.format == Format::Instant => civil::show_instant(at_ms),
        Scalar::Int(number) => with_unit(field, number.to_string()),
        Scalar::UInt(number) => with_unit(field, number.to_string()),
        Scalar::Double(number) => with_unit(field, number.to_string()),
        Scalar::Enum(number) => {
            field.enumeration().map_or(number.to_string(), |values| label(values, number))
        }
        Scalar::Message(body) if field.ty == FieldType::Step => part_text(field, "to", body),
        Scalar::Message(body) if field.is_range() => {
            let (from, to) = (part_text(field, "from", body), part_text(field, "to", body));
            format!("{from} 至 {to}").trim().to_owned()
        }
        Scalar::Message(body) => group(field, body),
    }
}

fn with_unit(field: &Field, number: String) -> String {
    if field.format == Format::Percent { number + "%" } else { number }
}

fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    format!("{sign}{}.{:02}", fen / 100, fen % 100)
}

fn label(values: &EnumDef, number: i32) -> String {
    values.value(number).map_or(number.to_string(), |value| value.label.clone())
}

fn part_text(field: &Field, name: &str, body: &[u8]) -> String {
    let part = field.parts().iter().find(|part| part.name == name);
    part.map(|part| show_text(part, &raw_of(part, body))).unwrap_or_default()
}

fn raw_of(part: &Field, body: &[u8]) -> Vec<u8> {
    let own = fields(body).filter_map(Result::ok).filter(|found| found.number == part.number);
    own.flat_map(|found| found.raw).copied().collect()
}

fn group(field: &Field, body: &[u8]) -> String {
    let parts = field.parts().iter().filter_map(|part| {
        let shown = show_text(part, &raw_of(part, body));
        (!shown.is_empty()).then(|| format!("{}：{shown}", part.label))
    });
    parts.collect::<Vec<_>>().join("；")
}

/// A shown value as it may appear without a logged reason: `138****8000`, `李*`.
pub fn mask(field: &Field, shown: &str) -> String {
    if field.privacy != Privacy::Personal || shown.is_empty() {
        return shown.to_owned();
    }
    let letters: Vec<char> = shown.chars().collect();
    let text = |letters: &[char]| letters.iter().collect::<String>();
    if field.format == Format::Phone && letters.len() >= 11 {
        return format!("{}****{}", text(&letters[..3]), text(&letters[letters.len() - 4..]));
    }
    text(&letters[..1]) + "*"
}
