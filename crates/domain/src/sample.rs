//! A made-up register with the dirt of real ones, and what an import must make of every row.
//!
//! The dirt is chosen first and written down as the expectation; no cleaning rule of this crate is asked, so the
//! rules can be tested against it. All names carry 测试, all codes are made up.

mod dice;

use crate::date::{Date, Period};
use crate::divisions::{Division, shipped};
use crate::uscc::make;

pub use dice::Dice;

/// The headings of a register as one city exported it, units mixed in one column and all.
pub const HEADINGS: [&str; 10] = [
    "统一社会信用代码",
    "社会组织名称",
    "类型",
    "成立登记日期",
    "证书有效期",
    "注册资金(原文,单位混用元/万元)",
    "登记管理机关",
    "业务主管单位",
    "状态",
    "(校验结论)",
];

/// A register and what to expect of it, row by row.
#[derive(Clone, PartialEq, Debug)]
pub struct DirtyRegister {
    /// The headings, [`HEADINGS`].
    pub headings: Vec<String>,
    /// The cells as they stand in the file.
    pub rows: Vec<Vec<String>>,
    /// For each row what an import must find.
    pub expected: Vec<Expectation>,
}

/// What an import must make of one row.
#[derive(Clone, PartialEq, Debug)]
pub struct Expectation {
    /// What is wrong with the row, in order of column.
    pub dirt: Vec<Dirt>,
    /// The date of establishment after cleaning.
    pub established_on: Option<Date>,
    /// The certificate's validity after cleaning.
    pub validity: Option<Period>,
    /// The capital after cleaning; `None` when it must be asked about.
    pub capital_fen: Option<i64>,
    /// The registration authority after cleaning.
    pub authority: Option<String>,
    /// The supervising unit after cleaning.
    pub supervising_unit: Option<String>,
}

/// One thing that is wrong with a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dirt {
    /// The code fails its check digit: refused.
    CheckDigit,
    /// The digit of the organisation code inside fails: a warning.
    InnerDigit,
    /// A spreadsheet turned the code into 5.31E+17: refused.
    SpreadsheetCode,
    /// The same code as the row with this index, refused.
    DuplicateOf(usize),
    /// The name is only that of a place: refused.
    PlaceName,
    /// A foundation's code beside a school's name: a warning.
    OddName,
    /// The date of establishment means "unknown": emptied with a note.
    UnknownDate,
    /// The validity's ends mean "unknown": emptied with a note.
    UnknownValidity,
    /// The capital is in yuan in a column of 万元: asked about, so refused for now.
    AskUnit,
    /// The authority is 暂无: emptied with a note.
    NoAuthority,
}

impl Dirt {
    /// Whether the row cannot be taken as it is.
    pub fn refuses(self) -> bool {
        use Dirt::*;
        matches!(self, CheckDigit | SpreadsheetCode | DuplicateOf(_) | PlaceName | AskUnit)
    }
}

impl Expectation {
    /// Whether an import takes the row.
    pub fn accepted(&self) -> bool {
        !self.dirt.iter().any(|dirt| dirt.refuses())
    }
}

/// Makes a register of so many rows; the same seed gives the same register. About a third of the rows are refused,
/// as in the registers seen.
pub fn dirty_register(seed: u64, rows: usize) -> DirtyRegister {
    let mut maker = Maker { dice: Dice(seed), seed, codes: Vec::new() };
    let (rows, expected) = (0..rows).map(|at| maker.row(at)).unzip();
    DirtyRegister { headings: HEADINGS.map(str::to_owned).to_vec(), rows, expected }
}

struct Maker {
    dice: Dice,
    seed: u64,
    /// Faultless codes of the rows so far that an import takes; only they are duplicated.
    codes: Vec<(usize, String)>,
}

/// One cell: what is written, what it means, and what is wrong with it.
struct Cell<T> {
    text: String,
    value: T,
    dirt: Option<Dirt>,
}

impl<T> Cell<T> {
    fn clean(text: impl Into<String>, value: T) -> Cell<T> {
        Cell { text: text.into(), value, dirt: None }
    }

    fn dirty(text: impl Into<String>, value: T, dirt: Dirt) -> Cell<T> {
        Cell { text: text.into(), value, dirt: Some(dirt) }
    }
}

const SORTS: [(&str, &str); 3] = [("51", "社会团体"), ("52", "社会服务机构"), ("53", "基金会")];
const ENDINGS: [&str; 3] = ["协会", "社工服务中心", "公益基金会"];

impl Maker {
    fn row(&mut self, at: usize) -> (Vec<String>, Expectation) {
        let place = self.dice.pick(shipped());
        let sort = self.dice.below(3) as usize;
        let code = self.code(at, SORTS[sort].0, place);
        let own_code = !matches!(code.dirt, Some(Dirt::DuplicateOf(_) | Dirt::SpreadsheetCode));
        let name = self.name(at, sort, place, own_code);
        let established = self.established();
        let validity = self.validity();
        let capital = self.capital();
        let authority = self.authority(place);
        let unit = self.supervising_unit();
        let verdict = match code.dirt {
            Some(Dirt::CheckDigit | Dirt::SpreadsheetCode) => "check18",
            Some(Dirt::InnerDigit) => "check9",
            _ => "ok",
        };
        let dirt = [code.dirt, name.dirt, established.dirt, validity.dirt, capital.dirt, authority.dirt];
        let expectation = Expectation {
            dirt: dirt.into_iter().flatten().collect(),
            established_on: established.value,
            validity: validity.value,
            capital_fen: capital.value,
            authority: authority.value,
            supervising_unit: unit.value,
        };
        if expectation.accepted() && code.dirt.is_none() {
            self.codes.push((at, code.value));
        }
        let (code, name, class) = (code.text, name.text, SORTS[sort].1.to_owned());
        let (status, verdict) = ("正常".to_owned(), verdict.to_owned());
        let texts = [established.text, validity.text, capital.text, authority.text, unit.text];
        ([code, name, class].into_iter().chain(texts).chain([status, verdict]).collect(), expectation)
    }

    fn code(&mut self, at: usize, prefix: &str, place: &Division) -> Cell<String> {
        let seed = self.seed.wrapping_mul(1_000_003).wrapping_add(at as u64);
        let code = make(prefix, place.code.county6(), seed);
        let inner = with_wrong_inner(&code);
        match self.dice.below(40) {
            0 | 1 => Cell::dirty(with_other_last(&code), code, Dirt::CheckDigit),
            2 => Cell::dirty("5.31E+17", code, Dirt::SpreadsheetCode),
            3 => Cell::dirty(inner.clone(), inner, Dirt::InnerDigit),
            4 | 5 if !self.codes.is_empty() => {
                let (first, code) = self.dice.pick(&self.codes).clone();
                Cell::dirty(code.clone(), code, Dirt::DuplicateOf(first))
            }
            6 => Cell::clean(full_width(&code), code),
            _ => Cell::clean(code.clone(), code),
        }
    }

    fn name(&mut self, at: usize, sort: usize, place: &Division, own_code: bool) -> Cell<()> {
        match self.dice.below(40) {
            0 => Cell::dirty(place.name, (), Dirt::PlaceName),
            1 if own_code && SORTS[sort].0 == "53" => {
                Cell::dirty(format!("{}测试第{at}号学校", place.name), (), Dirt::OddName)
            }
            2 => Cell::clean(format!(" {}测试第{at}号＆ｎｂｓｐ；{}", place.name, ENDINGS[sort]), ()),
            _ => Cell::clean(format!("{}测试第{at}号{}", place.name, ENDINGS[sort]), ()),
        }
    }

    fn established(&mut self) -> Cell<Option<Date>> {
        match self.dice.below(12) {
            0 => Cell::dirty("1900-01-01", None, Dirt::UnknownDate),
            1 => Cell::dirty("1899-12-30", None, Dirt::UnknownDate),
            2 => Cell::dirty("1970-01-01", None, Dirt::UnknownDate),
            3 => Cell::clean("", None),
            style => {
                let date = self.day();
                Cell::clean(written(date, style), Some(date))
            }
        }
    }

    fn validity(&mut self) -> Cell<Option<Period>> {
        let from = self.day();
        let to = from.add_years(4);
        let some = |from, to| Some(Period { from, to });
        match self.dice.below(12) {
            0 | 1 => Cell::clean("至", None),
            2 => Cell::clean(format!("至 {to}"), some(None, Some(to))),
            3 => Cell::clean(format!("{from} 至"), some(Some(from), None)),
            4 => Cell::dirty("1900-01-01 至 1900-01-01", None, Dirt::UnknownValidity),
            5 => Cell::dirty("1970-01-01 至 1970-01-01", None, Dirt::UnknownValidity),
            6 => Cell::clean(format!("{from} 至 {from}"), some(Some(from), Some(from))),
            _ => Cell::clean(format!("{from} 至 {to}"), some(Some(from), Some(to))),
        }
    }

    fn capital(&mut self) -> Cell<Option<i64>> {
        let wan = 3 + self.dice.below(2_000) as i64;
        match self.dice.below(10) {
            0 | 1 => Cell::dirty(format!("{}.00", (wan + 10) * 10_000), None, Dirt::AskUnit),
            2 => Cell::clean(format!("{}元", wan * 10_000), Some(wan * 1_000_000)),
            3 => Cell::clean("0.00", Some(0)),
            4 => Cell::clean(format!("{wan}.75"), Some(wan * 1_000_000 + 750_000)),
            _ => Cell::clean(format!("{wan}.00"), Some(wan * 1_000_000)),
        }
    }

    fn authority(&mut self, place: &Division) -> Cell<Option<String>> {
        let office = format!("{}民政局", place.name);
        match self.dice.below(10) {
            0 => Cell::dirty("暂无", None, Dirt::NoAuthority),
            1 => Cell::clean("", None),
            _ => Cell::clean(office.clone(), Some(office)),
        }
    }

    fn supervising_unit(&mut self) -> Cell<Option<String>> {
        let units = ["无", "直接登记", "", "市教育局", "市文化局,市科技局", "政府相关部门"];
        let unit = *self.dice.pick(&units);
        Cell::clean(unit, (!unit.is_empty()).then(|| unit.to_owned()))
    }

    fn day(&mut self) -> Date {
        // 1985-01-01 and the 35 years after it.
        Date::from_days(5_479 + self.dice.below(35 * 365) as i64)
    }
}

fn written(date: Date, style: u64) -> String {
    match style {
        4 => date.on_paper(),
        5 => date.to_string().replace('-', "/"),
        6 => date.to_string().replace('-', "."),
        7 => date.to_string().replace('-', ""),
        _ => date.to_string(),
    }
}

fn with_other_last(code: &str) -> String {
    let other = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{other}", &code[..17])
}

/// A wrong digit in position 17, and the last one that then fits: found by trying all of them.
fn with_wrong_inner(code: &str) -> String {
    let other = if &code[16..17] == "0" { '1' } else { '0' };
    let fits = |text: &String| crate::uscc::Uscc::parse(text).is_ok();
    let last = "0123456789ABCDEFGHJKLMNPQRTUWXY".chars();
    last.map(|last| format!("{}{other}{last}", &code[..16])).find(fits).unwrap_or_default()
}

fn full_width(code: &str) -> String {
    code.chars().map(|c| char::from_u32(c as u32 + 0xFEE0).unwrap_or(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::{clean_authority, clean_name, clean_supervising_unit, odd_name};
    use crate::date::{clean_date, clean_range};
    use crate::divisions::is_place_name;
    use crate::money::{MoneyError, Unit, parse_money};
    use crate::uscc::{Uscc, UsccError, UsccWarning};
    use std::collections::BTreeMap;

    /// What the rules of this crate find in a row: the dirt, and the cleaned cells.
    fn found(cells: &[String], seen: &BTreeMap<String, usize>) -> Expectation {
        let mut dirt = Vec::new();
        match Uscc::parse(&cells[0]) {
            Err(UsccError::CheckDigit { .. }) => dirt.push(Dirt::CheckDigit),
            Err(UsccError::Spreadsheet { .. }) => dirt.push(Dirt::SpreadsheetCode),
            Err(error) => panic!("{}: {error}", cells[0]),
            Ok(checked) => {
                dirt.extend(seen.get(checked.code.as_str()).map(|first| Dirt::DuplicateOf(*first)));
                let inner = checked.warnings.iter().any(|w| matches!(w, UsccWarning::InnerDigit { .. }));
                dirt.extend(inner.then_some(Dirt::InnerDigit));
            }
        }
        dirt.extend(clean_name(&cells[1], is_place_name).is_err().then_some(Dirt::PlaceName));
        let odd = Uscc::parse_despite_check_digit(&cells[0]).ok().and_then(|c| odd_name(&c.code, &cells[1]));
        dirt.extend(odd.map(|_| Dirt::OddName));
        let established = clean_date(&cells[3]).unwrap();
        dirt.extend(established.note.map(|_| Dirt::UnknownDate));
        let validity = clean_range(&cells[4]).unwrap();
        dirt.extend(validity.note.map(|_| Dirt::UnknownValidity));
        let capital = parse_money(&cells[5], Unit::WanYuan);
        dirt.extend(matches!(capital, Err(MoneyError::AskUnit { .. })).then_some(Dirt::AskUnit));
        let authority = clean_authority(&cells[6]).unwrap();
        dirt.extend(authority.note.map(|_| Dirt::NoAuthority));
        Expectation {
            dirt,
            established_on: established.value,
            validity: validity.value,
            capital_fen: capital.ok(),
            authority: authority.value,
            supervising_unit: clean_supervising_unit(&cells[7]).unwrap().value,
        }
    }

    #[test]
    fn the_rules_find_exactly_the_dirt_that_was_put_in() {
        for seed in 0..20 {
            let register = dirty_register(seed, 200);
            let mut seen = BTreeMap::new();
            for (at, (cells, expected)) in register.rows.iter().zip(&register.expected).enumerate() {
                let found = found(cells, &seen);
                assert_eq!(&found, expected, "seed {seed}, row {at}: {cells:?}");
                if let (Ok(checked), true) = (Uscc::parse(&cells[0]), found.accepted()) {
                    seen.entry(checked.code.to_string()).or_insert(at);
                }
            }
        }
    }

    #[test]
    fn every_sort_of_dirt_occurs_and_most_rows_are_fine() {
        let register = dirty_register(1, 1_000);
        assert_eq!(register, dirty_register(1, 1_000));
        assert_ne!(register.rows, dirty_register(2, 1_000).rows);
        let all = register.expected.iter().flat_map(|e| &e.dirt);
        let sorts: std::collections::BTreeSet<String> =
            all.map(|dirt| format!("{dirt:?}").split('(').next().unwrap().to_owned()).collect();
        assert_eq!(sorts.len(), 10, "{sorts:?}");
        let refused = register.expected.iter().filter(|e| !e.accepted()).count();
        assert!((200..500).contains(&refused), "{refused}");
        assert!(register.rows.iter().all(|r| r.len() == HEADINGS.len()));
    }
}
