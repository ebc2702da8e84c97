//! The tree of bases.

use record::{Base, MAX_DEPTH, Tree};

use crate::contract::*;

fn bases(parents: &[(u8, u8, &[u8])]) -> Tree {
    let one = |(id, parent, former): &(u8, u8, &[u8])| Base {
        id: base(*id),
        parent: (*parent > 0).then(|| base(*parent)),
        former_parents: former.iter().map(|f| base(*f)).collect(),
        ..Base::default()
    };
    parents.iter().map(one).collect()
}

#[test]
fn loops_end() {
    let ring = bases(&[(1, 3, &[2]), (2, 1, &[]), (3, 2, &[1]), (4, 4, &[4])]);
    for id in 1..=4 {
        assert!(ring.chain(base(id)).count() <= MAX_DEPTH);
        assert!(ring.was_within(base(id), base(id)) && !ring.was_within(base(id), base(9)));
        let _ = (ring.tier(base(id)), ring.root_of(base(id)), ring.node_of(base(id)), ring.subtree(base(id)));
    }
    let long: Vec<(u8, u8, &[u8])> = (1..60).map(|n| (n, n - 1, &[][..])).collect();
    assert_eq!(bases(&long).chain(base(59)).count(), MAX_DEPTH);
}

#[test]
fn former_parents_are_followed_through_all_moves() {
    // 5 left 3 for 4; 3 had left 1 for 2.
    let tree = bases(&[(1, 0, &[]), (2, 0, &[]), (3, 2, &[1]), (4, 2, &[]), (5, 4, &[3])]);
    for (ancestor, was, is) in
        [(4, true, true), (2, true, true), (3, true, false), (1, true, false), (9, false, false)]
    {
        assert_eq!(
            (tree.was_within(base(5), base(ancestor)), tree.is_within(base(5), base(ancestor))),
            (was, is),
            "{ancestor}"
        );
    }
    assert!(!tree.was_within(base(4), base(3)));
}

#[test]
fn roots_and_tiers() {
    let tree = tree();
    assert_eq!((tree.root_of(S6), tree.root_of(base(99)), Tree::default().root_of(S6)), (CITY, CITY, S6));
    assert_eq!([CITY, WEST, S4, base(99)].map(|b| tree.tier(b)), [0, 1, 2, u8::MAX]);
    assert_eq!(tree.subtree(WEST), [WEST, S4, S5]);
    assert_eq!((tree.name(S4), tree.name(base(255))), ("基地4".into(), base(255).to_string()));
}
