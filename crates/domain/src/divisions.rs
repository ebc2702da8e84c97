//! The table of divisions that comes with the program: Shenzhen and Dongguan, for rehearsals and tests.
//! Where it is from: `data/README.md`. A running system uses the table that its city imported.

use std::sync::LazyLock;

use crate::division::{DivisionCode, Level};

/// One row of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Division {
    /// Its code.
    pub code: DivisionCode,
    /// Its official name.
    pub name: &'static str,
    /// The division above; `None` at the top.
    pub parent: Option<DivisionCode>,
    /// Streets, towns and functional zones are all [`Level::Street`].
    pub level: Level,
}

/// The streets that 大鹏新区 runs though they carry Longgang's prefix.
pub const DAPENG_STREETS: [&str; 3] = ["440307009000", "440307010000", "440307011000"];

static SHIPPED: LazyLock<Vec<Division>> =
    LazyLock::new(|| include_str!("../data/divisions.csv").lines().skip(1).filter_map(row).collect());

/// All rows, in order of code.
pub fn shipped() -> &'static [Division] {
    &SHIPPED
}

/// Looks a code up.
pub fn find(code: &DivisionCode) -> Option<&'static Division> {
    let at = SHIPPED.binary_search_by_key(code, |d| d.code).ok()?;
    SHIPPED.get(at)
}

/// The rows right below a division, in order of code.
pub fn children(code: &DivisionCode) -> impl Iterator<Item = &'static Division> {
    SHIPPED.iter().filter(move |d| d.parent == Some(*code))
}

/// Whether a text is the name of a division and nothing more.
pub fn is_place_name(text: &str) -> bool {
    SHIPPED.iter().any(|d| d.name == text)
}

fn row(line: &'static str) -> Option<Division> {
    let mut cells = line.split(',');
    let code = DivisionCode::parse(cells.next()?).ok()?;
    let name = cells.next()?;
    let parent = DivisionCode::parse(cells.next()?).ok();
    let level = match cells.next()? {
        "province" => Level::Province,
        "city" => Level::City,
        "district" => Level::County,
        "street" => Level::Street,
        _ => return None,
    };
    Some(Division { code, name, parent, level })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_in_order_and_hangs_on_another() {
        assert_eq!(shipped().len(), include_str!("../data/divisions.csv").lines().count() - 1);
        assert!(shipped().windows(2).all(|pair| pair[0].code < pair[1].code));
        for division in shipped() {
            let above = division.parent.map(|p| find(&p).unwrap().level);
            assert!(above.is_none_or(|above| above < division.level), "{division:?}");
            assert_eq!(division.level, division.code.level(), "{division:?}");
            assert_eq!(division.parent, division.code.parent_by_prefix(), "{division:?}");
        }
    }

    #[test]
    fn counts() {
        let below = |code: &str| children(&code.parse().unwrap()).count();
        assert_eq!(below("441900"), 36);
        assert_eq!(below("440300"), 9);
        let streets =
            shipped().iter().filter(|d| d.code.as_str().starts_with("4403") && d.level == Level::Street);
        assert_eq!(streets.count(), 79);
    }

    #[test]
    fn names() {
        assert!(is_place_name("深圳市") && is_place_name("东城街道") && !is_place_name("东城街道社区基金会"));
        let names: Vec<_> = DAPENG_STREETS.iter().map(|c| find(&c.parse().unwrap()).unwrap().name).collect();
        assert_eq!(names, ["葵涌街道", "大鹏街道", "南澳街道"]);
    }
}
