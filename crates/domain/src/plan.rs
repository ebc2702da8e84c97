//! Trees of bases for rehearsals, on real divisions: a small one, a city without districts, a city with them.
//!
//! A jurisdiction lists street codes one by one. Sisters' lists are disjoint and lie within their parent's.

use crate::division::{DivisionCode, Level};
use crate::divisions::{DAPENG_STREETS, Division, children, shipped};

/// Which tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Profile {
    /// Shenzhen with two districts of two streets each, seven nodes.
    Small,
    /// Dongguan: the city, and its 36 towns, streets and zones right below it.
    Dongguan,
    /// Shenzhen: nine districts, 大鹏新区, and all 79 streets, most of them hosted by their district.
    Shenzhen,
}

/// What sort of base it is; a label, never logic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rung {
    /// 市级
    City,
    /// 区级
    District,
    /// 镇街级
    Street,
}

/// One base of a planned tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BasePlan {
    /// Its code in the registry of bases.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// Index of the base above, which stands earlier in the list; `None` for the first.
    pub parent: Option<usize>,
    /// What sort of base it is.
    pub rung: Rung,
    /// The street codes it is responsible for.
    pub jurisdiction: Vec<DivisionCode>,
    /// The division in which it stands.
    pub place: DivisionCode,
    /// Has no node of its own: the node of the base above serves it.
    pub hosted: bool,
}

/// Districts of [`Profile::Small`], and the streets of each that have a base.
const SMALL: [(&str, [&str; 2]); 2] =
    [("440304", ["440304008000", "440304011000"]), ("440307", ["440307013000", "440307014000"])];
/// Streets of each district of [`Profile::Shenzhen`] that have a node of their own.
const OWN_NODES: usize = 2;

/// The bases of a profile, each after the one above it; the first is the city's.
pub fn profile(profile: Profile) -> Vec<BasePlan> {
    match profile {
        Profile::Small => small(),
        Profile::Dongguan => dongguan(),
        Profile::Shenzhen => shenzhen(),
    }
}

fn small() -> Vec<BasePlan> {
    let mut tree = Tree::rooted("440300");
    for district in districts() {
        let Some((_, own)) = SMALL.iter().find(|(county, _)| *county == district.code) else { continue };
        let streets = district.streets.iter().filter(|s| own.contains(&s.code.as_str()));
        let at = tree.add_district(&district);
        streets.for_each(|street| tree.add_street(at, street, false));
    }
    tree.bases
}

fn dongguan() -> Vec<BasePlan> {
    let mut tree = Tree::rooted("441900");
    let city = tree.bases[0].place;
    children(&city).for_each(|street| tree.add_street(0, street, false));
    tree.bases
}

fn shenzhen() -> Vec<BasePlan> {
    let mut tree = Tree::rooted("440300");
    for district in districts() {
        let at = tree.add_district(&district);
        for (n, street) in district.streets.iter().enumerate() {
            tree.add_street(at, street, n >= OWN_NODES);
        }
    }
    tree.bases
}

/// A base between the city and the streets: a district, or 大鹏新区, which is one in all but its code.
struct District {
    code: String,
    name: &'static str,
    place: DivisionCode,
    streets: Vec<&'static Division>,
}

fn districts() -> Vec<District> {
    let is_dapeng = |street: &&Division| DAPENG_STREETS.contains(&street.code.as_str());
    let counties =
        shipped().iter().filter(|d| d.code.as_str().starts_with("4403") && d.level == Level::County);
    let mut list: Vec<District> = counties
        .map(|county| District {
            code: county.code.county6().to_owned(),
            name: county.name,
            place: county.code,
            streets: children(&county.code).filter(|s| !is_dapeng(s)).collect(),
        })
        .collect();
    let dapeng: Vec<_> = shipped().iter().filter(is_dapeng).collect();
    let place = dapeng.first().map(|street| street.code);
    list.extend(place.map(|place| District {
        code: "4403DP".to_owned(),
        name: "大鹏新区",
        place,
        streets: dapeng,
    }));
    list
}

struct Tree {
    bases: Vec<BasePlan>,
}

impl Tree {
    /// A tree of one base: the city's, responsible for every street of the table under it.
    fn rooted(city6: &str) -> Tree {
        let city = shipped().iter().find(|d| d.level == Level::City && d.code.county6() == city6);
        let mut tree = Tree { bases: Vec::new() };
        if let Some(city) = city {
            let streets =
                shipped().iter().filter(|d| d.level == Level::Street && city.code.is_prefix_of(&d.code));
            let codes = streets.map(|d| d.code).collect();
            tree.add(base(city6, city.name, Rung::City, city.code, codes));
        }
        tree
    }

    fn add(&mut self, base: BasePlan) -> usize {
        self.bases.push(base);
        self.bases.len() - 1
    }

    fn add_district(&mut self, district: &District) -> usize {
        let codes = district.streets.iter().map(|s| s.code).collect();
        let base = base(&district.code, district.name, Rung::District, district.place, codes);
        self.add(BasePlan { parent: Some(0), ..base })
    }

    fn add_street(&mut self, parent: usize, street: &Division, hosted: bool) {
        let code = street.code.street9().unwrap_or_default();
        let base = base(code, street.name, Rung::Street, street.code, vec![street.code]);
        self.add(BasePlan { parent: Some(parent), hosted, ..base });
    }
}

fn base(
    code: &str,
    name: &str,
    rung: Rung,
    place: DivisionCode,
    jurisdiction: Vec<DivisionCode>,
) -> BasePlan {
    let name = format!("{name}社会组织孵化基地");
    BasePlan { code: format!("JD{code}"), name, parent: None, rung, jurisdiction, place, hosted: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn check(which: Profile, bases: usize, nodes: usize) -> Vec<BasePlan> {
        let tree = profile(which);
        assert_eq!((tree.len(), tree.iter().filter(|b| !b.hosted).count()), (bases, nodes), "{which:?}");
        assert_eq!(tree.iter().map(|b| &b.code).collect::<BTreeSet<_>>().len(), bases, "codes differ");
        assert_eq!(tree.iter().map(|b| &b.name).collect::<BTreeSet<_>>().len(), bases, "names differ");
        for (at, base) in tree.iter().enumerate() {
            assert_eq!(base.parent.is_none(), at == 0);
            assert!(base.parent.is_none_or(|parent| parent < at));
            let below = tree.iter().filter(|b| b.parent == Some(at)).flat_map(|b| &b.jurisdiction);
            let mut seen = BTreeSet::new();
            assert!(below.into_iter().all(|code| seen.insert(*code) && base.jurisdiction.contains(code)));
        }
        tree
    }

    #[test]
    fn small_has_seven_nodes() {
        let tree = check(Profile::Small, 7, 7);
        let names: Vec<_> = tree.iter().map(|b| b.name.trim_end_matches("社会组织孵化基地")).collect();
        assert_eq!(names, ["深圳市", "福田区", "莲花街道", "华强北街道", "龙岗区", "坂田街道", "布吉街道"]);
    }

    #[test]
    fn dongguan_has_no_districts() {
        let tree = check(Profile::Dongguan, 37, 37);
        assert!(tree[1..].iter().all(|b| b.parent == Some(0) && b.rung == Rung::Street));
        assert_eq!(tree[0].jurisdiction.len(), 36);
    }

    #[test]
    fn shenzhen_with_dapeng_beside_the_districts() {
        let tree = check(Profile::Shenzhen, 1 + 10 + 79, 1 + 10 + 20);
        let dapeng = tree.iter().find(|b| b.name.starts_with("大鹏新区")).unwrap();
        let codes: Vec<_> = dapeng.jurisdiction.iter().map(DivisionCode::as_str).collect();
        assert_eq!((codes.as_slice(), dapeng.parent), (DAPENG_STREETS.as_slice(), Some(0)));
        let longgang = tree.iter().find(|b| b.name.starts_with("龙岗区")).unwrap();
        assert_eq!(longgang.jurisdiction.len(), 11);
        let covered: usize =
            tree.iter().filter(|b| b.rung == Rung::District).map(|b| b.jurisdiction.len()).sum();
        assert_eq!(covered, tree[0].jurisdiction.len());
    }
}
