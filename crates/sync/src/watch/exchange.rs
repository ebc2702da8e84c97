//! The parent's side of Watch: which children listen, and what each is still to be told.

use std::collections::{BTreeMap, BTreeSet};

use causal::BaseId;
use record::{Scope, Tree};

use crate::{Changes, Position};

/// Names one opening of Watch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct LineId(u64);

/// What a committed transaction brought.
#[derive(Clone, Copy, Debug)]
pub struct News<'a> {
    /// What was changed.
    pub changes: &'a Changes,
    /// Where the database stood after it.
    pub at: Position,
    /// The child whose push it was, and which of the rows are now just as it pushed them: no news to it (L3).
    pub pushed: Option<(BaseId, &'a [usize])>,
}

/// The children that listen. One line per child; a newer one ends the older.
#[derive(Debug, Default)]
pub struct Exchange {
    lines: BTreeMap<BaseId, Line>,
    opened: u64,
}

#[derive(Debug)]
struct Line {
    id: LineId,
    /// The newest position with something for the child that it has not been told yet: hints coalesce here.
    news: Option<Position>,
}

impl Exchange {
    /// A child opens its line; an older one of the same child is no longer current.
    pub fn open(&mut self, child: BaseId) -> LineId {
        self.opened += 1;
        let id = LineId(self.opened);
        self.lines.insert(child, Line { id, news: None });
        id
    }

    /// A line has ended. That of an older opening takes nothing with it.
    pub fn close(&mut self, child: BaseId, id: LineId) {
        if self.is_current(child, id) {
            self.lines.remove(&child);
        }
    }

    /// Whether this is the child's newest line.
    pub fn is_current(&self, child: BaseId, id: LineId) -> bool {
        self.lines.get(&child).is_some_and(|line| line.id == id)
    }

    /// Whether a child listens.
    pub fn is_open(&self, child: BaseId) -> bool {
        self.lines.contains_key(&child)
    }

    /// Takes note of what a transaction brought; answers with the children that have to be told now.
    pub fn note(&mut self, tree: &Tree, news: &News<'_>) -> Vec<BaseId> {
        if self.lines.is_empty() {
            return Vec::new();
        }
        let scopes = Scopes::of(news);
        let mut wake = Vec::new();
        for (child, line) in &mut self.lines {
            if scopes.concern(tree, *child) {
                line.news = Some(news.at);
                wake.push(*child);
            }
        }
        wake
    }

    /// The hint that waits for a child, if any; it is told once.
    pub fn take(&mut self, child: BaseId, id: LineId) -> Option<Position> {
        self.lines.get_mut(&child).filter(|line| line.id == id)?.news.take()
    }
}

/// The different scopes of what changed: a batch of 500 records mostly has one.
struct Scopes<'a> {
    new: BTreeSet<&'a Scope>,
    /// Of rows that are just what the pusher sent.
    echoed: BTreeSet<&'a Scope>,
    pusher: Option<BaseId>,
    withdrawn: BTreeSet<BaseId>,
}

impl<'a> Scopes<'a> {
    fn of(news: &News<'a>) -> Scopes<'a> {
        let (pusher, echoes) = news.pushed.map_or((None, &[][..]), |(child, echoes)| (Some(child), echoes));
        let echoes: BTreeSet<usize> = echoes.iter().copied().collect();
        let mut scopes = Scopes {
            new: BTreeSet::new(),
            echoed: BTreeSet::new(),
            pusher,
            withdrawn: news.changes.withdraws.iter().map(|w| w.child).collect(),
        };
        for (at, new) in news.changes.rows.iter().enumerate().filter(|(_, new)| !new.row.hidden) {
            let kept = if echoes.contains(&at) { &mut scopes.echoed } else { &mut scopes.new };
            kept.insert(&new.shown.scope);
        }
        scopes
    }

    fn concern(&self, tree: &Tree, child: BaseId) -> bool {
        let seen = |scopes: &BTreeSet<&Scope>| scopes.iter().any(|scope| scope.visible_to(tree, child));
        let others = Some(child) != self.pusher;
        self.withdrawn.contains(&child) || seen(&self.new) || (others && seen(&self.echoed))
    }
}

#[cfg(test)]
mod tests {
    use record::{Base, Shown};

    use super::*;
    use crate::{NewRow, NewWithdraw, Row, TimelineId};

    const CITY: BaseId = BaseId([1; 16]);
    const STREETS: [BaseId; 2] = [BaseId([2; 16]), BaseId([3; 16])];

    fn tree() -> Tree {
        let base = |id, parent| Base { id, parent, ..Base::default() };
        STREETS.map(|id| base(id, Some(CITY))).into_iter().chain([base(CITY, None)]).collect()
    }

    fn at(seq: u64) -> Position {
        Position { timeline: TimelineId(7), seq }
    }

    fn row(home: BaseId, audience: &[BaseId]) -> NewRow {
        let scope = Scope { homes: vec![home], audience: audience.to_vec() };
        NewRow { shown: Shown { scope, ..Shown::default() }, ..NewRow::default() }
    }

    fn watching() -> (Exchange, [LineId; 2]) {
        let mut exchange = Exchange::default();
        let lines = STREETS.map(|street| exchange.open(street));
        (exchange, lines)
    }

    #[track_caller]
    fn check(changes: &Changes, pushed: Option<(BaseId, &[usize])>, told: &[BaseId]) {
        let (mut exchange, _) = watching();
        assert_eq!(exchange.note(&tree(), &News { changes, at: at(5), pushed }), told);
    }

    fn rows<const N: usize>(rows: [NewRow; N]) -> Changes {
        Changes { rows: rows.into(), ..Changes::default() }
    }

    #[test]
    fn who_may_see_it_is_told_and_nobody_else() {
        let [one, two] = STREETS;
        check(&rows([row(CITY, &[])]), None, &[]);
        check(&rows([row(CITY, &[CITY])]), None, &[one, two]);
        check(&rows([row(CITY, &[two]), row(CITY, &[])]), None, &[two]);
        check(&rows([row(one, &[])]), None, &[one]);
        let hidden = NewRow { row: Row { hidden: true, ..Row::default() }, ..row(one, &[]) };
        check(&rows([hidden]), None, &[]);
        let withdraws = vec![NewWithdraw { child: two, record: causal::RecordId([9; 16]) }];
        check(&Changes { withdraws, ..Changes::default() }, None, &[two]);
        check(&Changes::default(), None, &[]);
    }

    #[test]
    fn what_a_child_pushed_is_no_news_to_it() {
        let [one, two] = STREETS;
        check(&rows([row(one, &[])]), Some((one, &[0])), &[]);
        check(&rows([row(one, &[CITY])]), Some((one, &[0])), &[two]);
        check(&rows([row(one, &[]), row(one, &[])]), Some((one, &[0])), &[one]);
    }

    #[test]
    fn hints_coalesce_to_the_newest() {
        let (mut exchange, [line, _]) = watching();
        for seq in [5, 6, 9] {
            exchange
                .note(&tree(), &News { changes: &rows([row(STREETS[0], &[])]), at: at(seq), pushed: None });
        }
        assert_eq!(exchange.take(STREETS[0], line), Some(at(9)));
        assert_eq!(exchange.take(STREETS[0], line), None);
    }

    #[test]
    fn a_newer_line_ends_the_older() {
        let (mut exchange, [old, _]) = watching();
        let new = exchange.open(STREETS[0]);
        assert!(!exchange.is_current(STREETS[0], old) && exchange.is_current(STREETS[0], new));
        exchange.close(STREETS[0], old);
        assert!(exchange.is_open(STREETS[0]), "the end of the old one is not the end of the new");
        exchange.note(&tree(), &News { changes: &rows([row(STREETS[0], &[])]), at: at(5), pushed: None });
        assert_eq!(exchange.take(STREETS[0], old), None);
        assert_eq!(exchange.take(STREETS[0], new), Some(at(5)));
        exchange.close(STREETS[0], new);
        assert!(!exchange.is_open(STREETS[0]));
    }
}
