//! Cleaning one cell: what it means for its field, chosen by the field's type and format.

use causal::BaseId;
use domain::clean::{Cleaned, check_column, clean_name, clean_text, is_blank_word};
use domain::date::{clean_date, clean_range};
use domain::division::DivisionCode;
use domain::money::{MoneyError, parse_money};
use domain::text::{normalise, tidy, tidy_lines};
use domain::uscc::{Uscc, UsccError, UsccWarning};
use record::derived_id;
use schema::text::BadValue;
use schema::{Column as KeyColumn, Field, FieldType, Format, Kind, Schema, text};
use serde_json::{Map, Value, json};
use sheet::Cell;

use super::LargeAmounts;
use super::columns::{Column, word_part};
use super::notes;
use super::places::{PlaceNames, names_bodies};
use super::refusal::Refusal;
use crate::{OfficeError, check};

/// What separates the elements of a set, as the contract's own reader has it.
const SEPARATORS: [char; 6] = [',', '，', ';', '；', '、', '\n'];
/// Numbers from here on have lost digits when they come from a spreadsheet.
const EXACT_BELOW: f64 = 1e15;
/// What registers write where there is no such unit: a fact in some columns, which the contract does not tell apart.
const NONE_THERE: &str = "无";

/// What a cell gives to its field.
#[derive(Default)]
pub(super) struct Given {
    /// The value, as a program would write it; nothing when the cell says nothing.
    pub value: Option<Value>,
    /// What was cleaned, or is odd.
    pub notes: Vec<String>,
}

/// What cleaning needs to know beside the cell.
pub(super) struct Cleaner<'a> {
    pub schema: &'a Schema,
    pub kind: &'a Kind,
    pub places: &'a PlaceNames,
    pub large_amounts: LargeAmounts,
    /// The base that words mean.
    pub bases: &'a (dyn Fn(&str) -> Result<BaseId, OfficeError> + Send + Sync),
}

type Cleaning = Result<Given, Refusal>;

impl Given {
    fn of(value: impl Into<Value>) -> Given {
        Given { value: Some(value.into()), notes: Vec::new() }
    }

    fn cleaned<T>(field: &Field, cleaned: Cleaned<T>, value: impl FnOnce(T) -> Value) -> Given {
        let notes = cleaned.note.iter().map(|note| notes::words(field, note)).collect();
        Given { value: cleaned.value.map(value), notes }
    }

    fn blank(field: &Field, text: &str) -> Given {
        Given::cleaned(field, clean_text(text), Value::from)
    }
}

impl Cleaner<'_> {
    /// Cleans the cell of a column. `explained`: the row says why a code stands although its check digit fails.
    pub(super) fn clean(&self, column: &Column<'_>, cell: &Cell, explained: bool) -> Cleaning {
        let field = column.field;
        if cell.is_empty() {
            return Ok(Given::default());
        }
        if !field.repeated {
            return self.one(column, field, cell, explained);
        }
        let written = cell.text();
        let mut all = Given::default();
        let mut elements = Vec::new();
        for element in written.split(SEPARATORS).filter(|e| !normalise(e).is_empty()) {
            let given = self.one(column, field, &Cell::Text(element.to_owned()), explained)?;
            elements.extend(given.value);
            all.notes.extend(given.notes);
        }
        all.value = (!elements.is_empty()).then_some(Value::Array(elements));
        Ok(all)
    }

    fn one(&self, column: &Column<'_>, field: &Field, cell: &Cell, explained: bool) -> Cleaning {
        let written = cell.text();
        match (field.format, &field.ty) {
            (Format::Uscc, _) => self.code(field, cell, explained),
            (_, FieldType::Text) if is_inexact(cell) => {
                Err(Refusal::bad(field, &BadValue::Spreadsheet { text: written }))
            }
            (Format::Record, _) => self.reference(column, field, cell),
            (_, FieldType::Enum(_) | FieldType::Step) => choice(field, &written),
            (_, FieldType::Message(parts)) if field.is_range() && parts[0].format == Format::Date => {
                range(field, &written)
            }
            (_, FieldType::Message(_)) => self.group(field, &written),
            (_, FieldType::Bool) => choice(field, &written),
            _ if is_blank_word(&written) && !self.may_say_none(field, &written) => {
                Ok(Given::blank(field, &written))
            }
            (Format::Division, _) => division(field, &written),
            (Format::Base, _) => self.base(field, &written),
            (Format::Date, _) => date(field, &written),
            (Format::Fen, _) => self.money(column, field, &written),
            (Format::Multiline, _) => Ok(Given::of(tidy_lines(&written))),
            (Format::Plain, FieldType::Text) => self.words(field, &written),
            _ => Ok(Given::of(normalise(&written))),
        }
    }

    /// 无 is no value of a number, a date, or a field that every record needs; elsewhere it may be a fact.
    fn may_say_none(&self, field: &Field, written: &str) -> bool {
        let free = field.ty == FieldType::Text && matches!(field.format, Format::Plain | Format::Multiline);
        free && !field.required
            && !self.kind.natural_key.contains(&field.number)
            && tidy(written) == NONE_THERE
    }

    fn code(&self, field: &Field, cell: &Cell, explained: bool) -> Cleaning {
        let written = cell.text();
        let explains = self.kind.fields.iter().find(|f| f.explains == Some(field.number));
        let refused = |error: &UsccError| Refusal::code(field, error, explains);
        if cell.is_number() {
            return Err(refused(&UsccError::Spreadsheet { text: written }));
        }
        if is_blank_word(&written) {
            return Ok(Given::blank(field, &written));
        }
        let checked = match Uscc::parse(&written) {
            Err(UsccError::CheckDigit { .. }) if explained => Uscc::parse_despite_check_digit(&written),
            other => other,
        };
        let checked = checked.map_err(|error| refused(&error))?;
        let note = |warning: &UsccWarning| match warning {
            UsccWarning::InnerDigit { .. } => format!("{}：第 17 位与主体标识码不符，请核对", field.label),
            UsccWarning::CheckDigit { .. } => format!("{}：校验码不对，已按说明保留", field.label),
        };
        let notes = checked.warnings.iter().map(note).collect();
        Ok(Given { value: Some(checked.code.to_string().into()), notes })
    }

    fn words(&self, field: &Field, written: &str) -> Cleaning {
        if field.column == Some(KeyColumn::Title) && names_bodies(self.kind) {
            let name = clean_name(written, |text| self.places.holds(text));
            return name.map(Given::of).map_err(|error| Refusal::name(field, &error));
        }
        // Only what people search for: a remark or a number of its own may well be 注销, a code, a date.
        if field.searchable
            && !field.unique
            && let Err(slipped) = check_column(&field.label, written)
        {
            return Err(Refusal::of(field, slipped, "这一行错了列"));
        }
        Ok(Given::of(tidy(written)))
    }

    fn money(&self, column: &Column<'_>, field: &Field, written: &str) -> Cleaning {
        match (parse_money(written, column.unit), self.large_amounts) {
            (Ok(fen), _) => Ok(Given::of(fen)),
            (Err(MoneyError::AskUnit { as_yuan_fen, .. }), LargeAmounts::Yuan) => Ok(Given::of(as_yuan_fen)),
            (Err(MoneyError::AskUnit { as_wan_fen, .. }), LargeAmounts::Wan) => Ok(Given::of(as_wan_fen)),
            (Err(error), _) => Err(Refusal::money(field, &error)),
        }
    }

    /// A word in the column of a group fills the part that takes words; a range of anything but dates is read whole.
    fn group(&self, field: &Field, written: &str) -> Cleaning {
        let Some(part) = word_part(field).filter(|_| !field.is_range()) else {
            return if is_blank_word(written) {
                Ok(Given::blank(field, written))
            } else {
                Ok(Given::of(normalise(written)))
            };
        };
        let given = choice(part, written).map_err(|refusal| Refusal {
            reason: format!("{}：{}", field.label, refusal.reason),
            why: format!("{}：{}", field.label, refusal.why),
        })?;
        let object = |value| Value::Object(Map::from_iter([(part.name.clone(), value)]));
        Ok(Given { value: given.value.map(object), notes: given.notes })
    }

    fn base(&self, field: &Field, written: &str) -> Cleaning {
        let base = (self.bases)(&tidy(written));
        base.map(|base| Given::of(base.to_string()))
            .map_err(|error| Refusal::of(field, &error, "没有这个基地"))
    }

    /// Another record: by its id, or by what its kind is told apart by, as a body by its code.
    fn reference(&self, column: &Column<'_>, field: &Field, cell: &Cell) -> Cleaning {
        let written = cell.text();
        let kind = field.reference.as_ref().and_then(|name| self.schema.kind(name));
        let key = kind.and_then(|kind| match kind.natural_key.as_slice() {
            [number] => Some((kind, kind.field(*number)?)),
            _ => None,
        });
        let is_id = is_readable(field, &written.clone().into());
        match key.filter(|_| !is_id && !is_blank_word(&written)) {
            None if is_blank_word(&written) => Ok(Given::blank(field, &written)),
            None => Ok(Given::of(normalise(&written))),
            Some((kind, key)) => {
                let given = self.one(column, key, cell, false)?;
                let shown = given.value.as_ref().and_then(|value| shown_text(key, value));
                let id = shown.map(|part| derived_id(&kind.name, &[part]).to_string().into());
                Ok(Given { value: id, notes: given.notes })
            }
        }
    }
}

/// A value as people read it, once it is stored.
pub(super) fn shown_text(field: &Field, value: &Value) -> Option<String> {
    let shown = text::show_text(field, &check::read(field, value).ok()?);
    (!shown.is_empty()).then_some(shown)
}

fn is_inexact(cell: &Cell) -> bool {
    matches!(cell, Cell::Number(number) if !number.is_finite() || number.abs() >= EXACT_BELOW)
}

fn is_readable(field: &Field, value: &Value) -> bool {
    check::read(field, value).is_ok_and(|bytes| !bytes.is_empty())
}

/// A word of a list. 无 may be one of them, so a word for nothing is only that when the list does not hold it.
fn choice(field: &Field, written: &str) -> Cleaning {
    let value = |word: String| if field.ty == FieldType::Step { json!({ "to": word }) } else { word.into() };
    let spellings = [tidy(written), normalise(written)];
    let found = spellings.into_iter().map(value).find(|value| is_readable(field, value));
    match found {
        Some(value) => Ok(Given::of(value)),
        None if is_blank_word(written) => Ok(Given::blank(field, written)),
        None => match check::read(field, &value(tidy(written))) {
            Err(bad) => Err(Refusal::bad(field, &bad)),
            Ok(_) => Ok(Given::default()),
        },
    }
}

fn division(field: &Field, written: &str) -> Cleaning {
    let code = DivisionCode::parse(written);
    code.map(|code| Given::of(code.to_string())).map_err(|error| Refusal::division(field, &error))
}

fn date(field: &Field, written: &str) -> Cleaning {
    let cleaned = clean_date(written).map_err(|error| Refusal::date(field, &error))?;
    Ok(Given::cleaned(field, cleaned, |date| date.to_string().into()))
}

fn range(field: &Field, written: &str) -> Cleaning {
    let cleaned = clean_range(written).map_err(|error| Refusal::date(field, &error))?;
    Ok(Given::cleaned(field, cleaned, |period| {
        let ends = [("from", period.from), ("to", period.to)];
        let given =
            ends.into_iter().filter_map(|(name, end)| Some((name.to_owned(), json!(end?.to_string()))));
        Value::Object(given.collect())
    }))
}
