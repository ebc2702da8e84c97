//! From headings to fields.

use domain::money::{Unit, unit_of_heading};
use domain::text::normalise;
use schema::{Field, FieldType, Kind, Rule, Schema};
use sheet::{REASON_HEADING, Table};

use crate::OfficeError;

/// Headings that an error repeats.
const HEADINGS_SHOWN: usize = 8;
/// How much of a heading a message repeats.
const HEADING_CHARS_MAX: usize = 40;

/// A column that carries a field.
pub(super) struct Column<'k> {
    /// Which column.
    pub at: usize,
    /// What it carries.
    pub field: &'k Field,
    /// The unit of its bare amounts, should it hold money.
    pub unit: Unit,
}

/// What the headings of a table mean.
pub(super) struct Columns<'k> {
    /// The columns that carry a field, in the file's order.
    pub known: Vec<Column<'k>>,
    /// The headings of the others.
    pub ignored: Vec<String>,
}

impl<'k> Columns<'k> {
    /// Finds the field of every heading: by label, name or alias as it stands, else without what stands in brackets.
    pub(super) fn map(schema: &Schema, kind: &'k Kind, table: &Table) -> Result<Columns<'k>, OfficeError> {
        let headings: Vec<&str> = table.headings.iter().map(String::as_str).collect();
        let mut found: Vec<Option<&'k Field>> = headings.iter().map(|h| find(kind, h, plain)).collect();
        refuse_twice(&headings, &found)?;
        for (at, heading) in headings.iter().enumerate() {
            let loose = find(kind, heading, bare).filter(|_| found[at].is_none());
            // A heading that is a field's own word goes before one that merely resembles it.
            let free = |field: &&Field| {
                let exact = |h: &&str| find(kind, h, plain).is_some_and(|f| f.number == field.number);
                !headings.iter().any(exact)
            };
            found[at] = found[at].or(loose.filter(free));
        }
        refuse_twice(&headings, &found)?;
        refuse_foreign(schema, kind, &headings, &found)?;
        let known = found.iter().enumerate().filter_map(|(at, field)| {
            let unit = unit_of_heading(headings[at]).unwrap_or(Unit::Yuan);
            Some(Column { at, field: (*field)?, unit })
        });
        Ok(Columns { known: known.collect(), ignored: ignored(table, &found) })
    }
}

/// The fields without which a row cannot be taken; a workflow begins by itself.
pub(super) fn needed(kind: &Kind) -> impl Iterator<Item = &Field> {
    let starts = |field: &Field| {
        field.rule == Rule::Workflow && field.workflow.as_ref().is_some_and(|states| states.initial.is_some())
    };
    kind.fields.iter().filter(move |f| kind.natural_key.contains(&f.number) || (f.required && !starts(f)))
}

/// The part of a group that one word can fill: its only enum, as the grade in a rating.
pub(super) fn word_part(field: &Field) -> Option<&Field> {
    let mut enums = field.parts().iter().filter(|part| matches!(part.ty, FieldType::Enum(_)));
    enums.next().filter(|_| enums.next().is_none())
}

fn find<'k>(kind: &'k Kind, heading: &str, form: fn(&str) -> String) -> Option<&'k Field> {
    let wanted = form(heading);
    let of = |field: &&Field| {
        let mut words = [&field.label, &field.name].into_iter().chain(&field.aliases);
        fits_a_cell(field) && words.any(|word| form(word) == wanted)
    };
    if wanted.is_empty() { None } else { kind.fields.iter().find(of) }
}

fn fits_a_cell(field: &Field) -> bool {
    match field.ty {
        FieldType::Message(_) => field.is_range() || (!field.repeated && word_part(field).is_some()),
        _ => true,
    }
}

/// A heading without what people vary: width, case, spaces, marks of columns that must be filled. One that stands in
/// brackets as a whole is a remark, and means nothing.
fn plain(heading: &str) -> String {
    let text = normalise(heading).to_lowercase();
    let narrow = text.chars().filter(|c| !c.is_whitespace() && *c != '*').map(|c| match c {
        '【' | '〔' | '[' => '(',
        '】' | '〕' | ']' => ')',
        other => other,
    });
    let text = narrow.collect::<String>().replace("(必填)", "").replace("(选填)", "");
    if outside_brackets(&text).is_empty() { String::new() } else { text }
}

fn bare(heading: &str) -> String {
    outside_brackets(&plain(heading))
}

fn outside_brackets(text: &str) -> String {
    let mut depth = 0_u32;
    let outside = text.chars().filter(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    });
    outside.collect()
}

fn refuse_twice(headings: &[&str], found: &[Option<&Field>]) -> Result<(), OfficeError> {
    for (at, field) in found.iter().enumerate() {
        let Some(field) = field else { continue };
        let first = found[..at].iter().position(|other| other.is_some_and(|o| o.number == field.number));
        if let Some(first) = first {
            let (one, two) = (quote(headings[first]), quote(headings[at]));
            let words = format!(
                "第 {} 列{one}和第 {} 列{two}说的都是“{}”，不知道该用哪一列。请只留一列后再导入；本次没有导入任何内容。",
                first + 1,
                at + 1,
                field.label
            );
            return Err(OfficeError::File { words });
        }
    }
    Ok(())
}

/// Refuses a table that lacks a column which every row needs.
fn refuse_foreign(
    schema: &Schema,
    kind: &Kind,
    headings: &[&str],
    found: &[Option<&Field>],
) -> Result<(), OfficeError> {
    let has = |field: &&Field| found.iter().flatten().any(|f| f.number == field.number);
    let (there, missing): (Vec<&Field>, Vec<&Field>) = needed(kind).partition(has);
    if missing.is_empty() {
        return Ok(());
    }
    let labels: String = missing.iter().map(|field| described(field)).collect::<Vec<_>>().join("、");
    let label = &kind.label;
    let words = if there.len() >= missing.len() {
        format!("这张“{label}”表格缺少必填的列：{labels}。请补上后再导入；本次没有导入任何内容。")
    } else {
        let like = resembled(schema, kind, headings);
        let like = like.map_or(String::new(), |other| format!("看表头，它像是“{}”的表格。", other.label));
        format!(
            "这不是“{label}”的表格：没有找到必填的列 {labels}。{like}文件里的列是：{}。本次没有导入任何内容；请核对文件和所选的类别，或按导入模板改好表头后再试。",
            listed(headings)
        )
    };
    Err(OfficeError::File { words })
}

/// Another kind whose needed columns are all there.
fn resembled<'s>(schema: &'s Schema, kind: &Kind, headings: &[&str]) -> Option<&'s Kind> {
    let has = |other: &Kind, field: &Field| {
        headings.iter().any(|h| find(other, h, plain).is_some_and(|found| found.number == field.number))
    };
    let others = schema.kinds.iter().filter(|other| other.name != kind.name);
    others
        .filter(|other| needed(other).count() > 1)
        .find(|other| needed(other).all(|field| has(other, field)))
}

fn described(field: &Field) -> String {
    let is_word = |alias: &&String| !alias.is_ascii();
    let aliases: Vec<String> =
        field.aliases.iter().filter(is_word).take(3).map(|a| format!("“{a}”")).collect();
    match aliases.as_slice() {
        [] => format!("“{}”", field.label),
        some => format!("“{}”（也可写作{}）", field.label, some.join("")),
    }
}

fn listed(headings: &[&str]) -> String {
    let shown: Vec<String> =
        headings.iter().filter(|h| !h.is_empty()).take(HEADINGS_SHOWN).map(|h| quote(h)).collect();
    let more =
        if headings.len() > HEADINGS_SHOWN { format!("等 {} 列", headings.len()) } else { String::new() };
    shown.join("、") + &more
}

fn quote(heading: &str) -> String {
    let mut short: String = heading.chars().filter(|c| !c.is_control()).take(HEADING_CHARS_MAX).collect();
    if heading.chars().nth(HEADING_CHARS_MAX).is_some() {
        short.push('…');
    }
    format!("“{short}”")
}

/// The headings that mean nothing here. The reasons of an earlier round are passed over in silence.
fn ignored(table: &Table, found: &[Option<&Field>]) -> Vec<String> {
    let unknown = found.iter().enumerate().filter(|(_, field)| field.is_none()).map(|(at, _)| at);
    let named = unknown.filter_map(|at| match table.headings.get(at)?.as_str() {
        REASON_HEADING => None,
        "" if table.rows.iter().all(|row| row.cell(at).is_empty()) => None,
        "" => Some(format!("第 {} 列（没有表头）", at + 1)),
        heading => Some(heading.to_owned()),
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_as_people_write_them() {
        let cases = [
            ("名称", "名称", "名称"),
            (" ＊名　称（必填）", "名称", "名称"),
            ("注册资金（万元）", "注册资金(万元)", "注册资金"),
            ("注册资金【万元】", "注册资金(万元)", "注册资金"),
            ("(校验结论)", "", ""),
            ("（备注）", "", ""),
            ("Established_On", "established_on", "established_on"),
            ("", "", ""),
        ];
        for (heading, whole, outside) in cases {
            assert_eq!((plain(heading).as_str(), bare(heading).as_str()), (whole, outside), "{heading}");
        }
    }
}
