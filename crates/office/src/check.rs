//! Checks of what is entered: required fields, codes, divisions.

use std::collections::BTreeMap;

use causal::RecordId;
use domain::division::DivisionCode;
use domain::uscc::{Uscc, UsccError};
use record::{Draft, derived_id};
use schema::text::{self, BadValue};
use schema::{Field, Format, Kind};
use serde_json::Value;
use store::{Engine, Read};

use crate::save::Put;
use crate::{Office, OfficeError};

/// The division codes that a batch of edits mentions, each with whether the code table holds it; `None` while the
/// code table is empty, as on a new city node before its import.
pub(crate) type Places = Option<BTreeMap<String, bool>>;

/// Reads a value as people or programs write it.
pub(crate) fn read(field: &Field, value: &Value) -> Result<Vec<u8>, BadValue> {
    text::parse_json(field, value)
}

impl<E: Engine> Office<E> {
    /// Looks up the division codes in `puts`, all at once.
    pub(crate) async fn known_places<R: Read>(
        &self,
        reader: &mut R,
        puts: &[Put],
    ) -> Result<Places, OfficeError> {
        let Some(table) = self.schema().code_table() else { return Ok(None) };
        let mut codes = BTreeMap::new();
        for put in puts.iter().filter(|put| put.kind != table.name) {
            let Some(kind) = self.schema().kind(&put.kind) else { continue };
            for field in kind.fields.iter().filter(|f| f.format == Format::Division) {
                let values =
                    put.fields.iter().filter(|(name, _)| **name == field.name || **name == field.label);
                let texts =
                    values.flat_map(|(_, value)| texts(value)).filter_map(|t| DivisionCode::parse(&t).ok());
                codes.extend(
                    texts.map(|code| (derived_id(&table.name, &[code.to_string()]), code.to_string())),
                );
            }
        }
        let ids: Vec<RecordId> = codes.keys().copied().collect();
        let found: Vec<RecordId> = reader.rows(&ids).await?.into_iter().map(|row| row.id).collect();
        if found.is_empty() && self.table_is_empty(reader, &table.name).await? {
            return Ok(None);
        }
        Ok(Some(codes.into_iter().map(|(id, code)| (code, found.contains(&id))).collect()))
    }

    async fn table_is_empty<R: Read>(&self, reader: &mut R, kind: &str) -> Result<bool, OfficeError> {
        let query = store::Query { kind: kind.into(), limit: 0, ..store::Query::default() };
        Ok(reader.list(&query).await?.total == 0)
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text.split([',', ',', ';', ';', '、']).map(|t| t.trim().to_owned()).collect(),
        Value::Array(values) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Checks a draft against its kind; a reason given for a code that fails its check digit is kept in the field that
/// explains it.
pub(crate) fn fields(
    kind: &Kind,
    put: &Put,
    places: &Places,
    new: bool,
    draft: &mut Draft,
    faults: &mut Vec<String>,
    warnings: &mut Vec<String>,
) {
    let stated = faults.len();
    for field in &kind.fields {
        let value = draft.get(field.number).map(<[u8]>::to_vec);
        let empty = value.as_ref().is_none_or(Vec::is_empty);
        if field.required && empty && (new || value.is_some()) && stated == 0 {
            faults.push(format!("请填写“{}”", field.label));
        }
        let Some(value) = value.filter(|v| !v.is_empty()) else { continue };
        match field.format {
            Format::Uscc => code(kind, field, put, &text::show_text(field, &value), draft, faults, warnings),
            Format::Division => place(field, places, &text::show_text(field, &value), faults),
            _ => {}
        }
    }
}

fn code(
    kind: &Kind,
    field: &Field,
    put: &Put,
    written: &str,
    draft: &mut Draft,
    faults: &mut Vec<String>,
    warnings: &mut Vec<String>,
) {
    let explained = kind.fields.iter().find(|f| f.explains == Some(field.number));
    match Uscc::parse(written) {
        Ok(checked) => warnings.extend(checked.warnings.iter().map(ToString::to_string)),
        Err(error @ UsccError::CheckDigit { .. }) => {
            let given = explained.and_then(|f| draft.get(f.number)).is_some_and(|reason| !reason.is_empty());
            let reason = put.reason.trim();
            match explained {
                Some(_) if given => warnings.push(error.to_string()),
                Some(explains) if !reason.is_empty() => match text::parse_text(explains, reason) {
                    Ok(bytes) => {
                        draft.set(kind, explains.number, bytes);
                        warnings.push(error.to_string());
                    }
                    Err(bad) => faults.push(format!("{}:{bad}", explains.label)),
                },
                _ => faults.push(format!("{}:{error}", field.label)),
            }
        }
        Err(error) => faults.push(format!("{}:{error}", field.label)),
    }
}

fn place(field: &Field, places: &Places, written: &str, faults: &mut Vec<String>) {
    for code in written.split('、').map(str::trim).filter(|c| !c.is_empty()) {
        match DivisionCode::parse(code) {
            Err(error) => faults.push(format!("{}:{error}", field.label)),
            Ok(code) => {
                let known = places.as_ref().and_then(|table| table.get(&code.to_string()));
                if places.is_some() && known != Some(&true) {
                    faults.push(format!("{}:行政区划表里没有代码 {code}", field.label));
                }
            }
        }
    }
}
