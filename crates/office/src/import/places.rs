//! Names that are only those of places: what is left of a body's name whose second half was lost.

use std::collections::BTreeSet;

use causal::State;
use domain::divisions;
use domain::text::tidy;
use record::{Shown, Tree};
use schema::{Column, Kind, Schema};
use sheet::Table;
use store::Read;

use super::columns::Columns;
use crate::OfficeError;

/// How the names of divisions end.
const ENDINGS: [char; 10] = ['省', '市', '县', '区', '州', '盟', '旗', '道', '镇', '乡'];
/// Endings that make a short name that of a place even where no table holds it.
const SURE_ENDINGS: [char; 4] = ['省', '市', '县', '区'];
/// Words with such an ending by which bodies are called: 爱心超市, 幸福社区.
const NO_PLACES: [&str; 39] = [
    "超市", "集市", "夜市", "早市", "菜市", "门市", "花市", "书市", "都市", "城市", "股市", "楼市", "墟市",
    "街市", "鱼市", "社区", "园区", "校区", "小区", "景区", "厂区", "营区", "片区", "街区", "特区", "库区",
    "牧区", "林区", "灾区", "山区", "城区", "郊区", "辖区", "战区", "病区", "专区", "矿区", "湾区", "赛区",
];
/// Characters of the longest such name, with the province before it: 新疆维吾尔自治区 has eight.
const SURE_CHARS_MAX: usize = 8;

/// The names of divisions that a table's titles were found to be.
#[derive(Default)]
pub(super) struct PlaceNames(BTreeSet<String>);

impl PlaceNames {
    /// Titles of a table that end like the name of a division.
    pub(super) fn doubtful(kind: &Kind, columns: &Columns<'_>, table: &Table) -> BTreeSet<String> {
        let title = columns.known.iter().find(|c| c.field.column == Some(Column::Title));
        let Some(title) = title.filter(|_| names_bodies(kind)) else { return BTreeSet::new() };
        let titles = table.rows.iter().map(|row| tidy(&row.cell(title.at).text()));
        titles.filter(|text| text.ends_with(ENDINGS)).collect()
    }

    /// Which of the titles the table of division codes holds.
    pub(super) async fn read<R: Read>(
        schema: &Schema,
        reader: &mut R,
        titles: &BTreeSet<String>,
    ) -> Result<PlaceNames, OfficeError> {
        let Some(table) = schema.code_table() else { return Ok(PlaceNames::default()) };
        let rows = reader.of_kind(&table.name).await?;
        let name = |row: &sync::Row| {
            let state = State::decode(&row.state).ok()?;
            Some(Shown::of(Some(table), &Tree::default(), &state).title).filter(|name| titles.contains(name))
        };
        Ok(PlaceNames(rows.iter().filter_map(name).collect()))
    }

    /// Whether a text is the name of a place and nothing more.
    pub(super) fn holds(&self, text: &str) -> bool {
        self.0.contains(text) || divisions::is_place_name(text) || is_surely_place(text)
    }
}

/// Whether titles of this kind should say more than a place: not those of the divisions, nor of the tree of bases.
pub(super) fn names_bodies(kind: &Kind) -> bool {
    !kind.code_table && !kind.registry
}

fn is_surely_place(text: &str) -> bool {
    let length = text.chars().count();
    (2..=SURE_CHARS_MAX).contains(&length)
        && text.ends_with(SURE_ENDINGS)
        && text.chars().all(|c| c.is_alphabetic() && !c.is_ascii())
        && !NO_PLACES.iter().any(|word| text.ends_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_bodies() {
        let names = PlaceNames::default();
        for place in ["宁波市", "广东省", "泰顺县", "渌口区", "东城街道", "浙江省宁波市"]
        {
            assert!(names.holds(place), "{place}");
        }
        let bodies = [
            "宁波市慈善总会",
            "爱心超市",
            "幸福社区",
            "AB市",
            "深圳市（罗湖）区",
            "",
            "市",
            "温商慈善基金会",
        ];
        for body in bodies {
            assert!(!names.holds(body), "{body}");
        }
    }
}
