//! What a child need not be sent back in the session in which it pushed it (L3).

use std::collections::BTreeMap;

/// Numbers of rows whose state is what the child itself pushed. A row that changes takes another number, so a number
/// alone says which row in which state; a first copy is one stretch of them.
#[derive(Debug, Default)]
pub(crate) struct Echoes {
    /// First and last number of each stretch; no two touch.
    stretches: BTreeMap<u64, u64>,
}

impl Echoes {
    /// Takes note of a number.
    pub(crate) fn note(&mut self, seq: u64) {
        let last = self.stretches.remove(&(seq + 1)).unwrap_or(seq);
        match self.stretches.range_mut(..=seq).next_back() {
            Some((_, end)) if *end + 1 >= seq => *end = last.max(*end),
            _ => drop(self.stretches.insert(seq, last)),
        }
    }

    /// Whether a number is one of them.
    pub(crate) fn has(&self, seq: u64) -> bool {
        self.stretches.range(..=seq).next_back().is_some_and(|(_, end)| seq <= *end)
    }

    /// The number after which something else may come, when everything up to `after` has been looked at.
    pub(crate) fn skip(&self, after: u64) -> u64 {
        self.stretches.get(&(after + 1)).copied().unwrap_or_else(|| {
            let within = self.stretches.range(..=after).next_back();
            within.map_or(after, |(_, end)| after.max(*end))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Echoes;

    #[test]
    fn numbers_join_to_stretches_in_any_order() {
        let mut echoes = Echoes::default();
        [5, 3, 4, 9, 8, 4, 20].into_iter().for_each(|seq| echoes.note(seq));
        let all: Vec<u64> = (0..30).filter(|seq| echoes.has(*seq)).collect();
        assert_eq!(all, [3, 4, 5, 8, 9, 20]);
        assert_eq!(echoes.stretches.len(), 3);
    }

    #[test]
    fn whole_stretches_are_skipped() {
        let mut echoes = Echoes::default();
        (3..=5).chain(8..=9).for_each(|seq| echoes.note(seq));
        let skipped: Vec<u64> = (1..10).map(|after| echoes.skip(after)).collect();
        assert_eq!(skipped, [1, 5, 5, 5, 5, 6, 9, 9, 9]);
    }
}
