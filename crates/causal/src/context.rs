//! What a state has seen: for each replica the highest tick.

use crate::bytes::{Reader, put_varint};
use crate::codec::Corrupt;
use crate::ids::{Dot, ReplicaId};

/// For each replica the highest tick seen, sorted by replica.
///
/// A replica counts without gaps *within a record's history as it was seen*, so "highest" says "all up to it".
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Context {
    seen: Vec<(ReplicaId, u64)>,
}

impl Context {
    /// The highest tick seen of `replica`; 0 when none.
    pub fn tick(&self, replica: ReplicaId) -> u64 {
        self.find(replica).map_or(0, |at| self.seen[at].1)
    }

    /// Whether the edit `dot` has been seen.
    pub fn has(&self, dot: Dot) -> bool {
        dot.tick <= self.tick(dot.replica)
    }

    /// Whether everything that `other` has seen has been seen.
    pub fn covers(&self, other: &Context) -> bool {
        other.seen.iter().all(|(replica, tick)| *tick <= self.tick(*replica))
    }

    /// Takes note of an edit and of all earlier ones of its replica. Tick 0 names no edit and is passed over.
    pub fn see(&mut self, dot: Dot) {
        if dot.tick == 0 {
            return;
        }
        match self.seen.binary_search_by_key(&dot.replica, |s| s.0) {
            Ok(at) => self.seen[at].1 = self.seen[at].1.max(dot.tick),
            Err(at) => self.seen.insert(at, (dot.replica, dot.tick)),
        }
    }

    /// The pointwise maximum.
    pub fn join(&mut self, other: &Context) {
        self.seen.extend_from_slice(&other.seen);
        self.settle();
    }

    /// Sorts by replica and keeps the highest tick of each. The sort finds the two sorted runs of a join and only
    /// merges them; seeing entries one by one would be quadratic in contexts that a stranger chose.
    fn settle(&mut self) {
        self.seen.sort();
        self.seen.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 = next.1;
            }
            same
        });
    }

    /// All replicas with their highest tick, in order of replica.
    pub fn iter(&self) -> impl Iterator<Item = Dot> + '_ {
        self.seen.iter().map(|(replica, tick)| Dot { replica: *replica, tick: *tick })
    }

    /// How many replicas have been seen.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether nothing has been seen.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// The context as bytes of its own: the token of "the version I saw".
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + self.seen.len() * 10);
        self.put(&mut out);
        out
    }

    /// Reads what [`Context::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Corrupt`] when the bytes are not a context in canonical form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Context, Corrupt> {
        let mut reader = Reader::new(bytes);
        let context = Context::read(&mut reader)?;
        if reader.is_empty() { Ok(context) } else { Err(Corrupt::Trailing) }
    }

    pub(crate) fn find(&self, replica: ReplicaId) -> Option<usize> {
        self.seen.binary_search_by_key(&replica, |s| s.0).ok()
    }

    pub(crate) fn at(&self, index: usize) -> Option<(ReplicaId, u64)> {
        self.seen.get(index).copied()
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.seen.len() as u64);
        for (replica, tick) in &self.seen {
            out.extend_from_slice(&replica.0.to_be_bytes());
            put_varint(out, *tick);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Context, Corrupt> {
        let count = reader.size()?;
        if count > reader.remaining() / MIN_ENTRY_BYTES {
            return Err(Corrupt::Truncated);
        }
        let mut seen: Vec<(ReplicaId, u64)> = Vec::with_capacity(count);
        for _ in 0..count {
            let replica = ReplicaId(u64::from_be_bytes(reader.array()?));
            let tick = reader.varint()?;
            if tick == 0 || seen.last().is_some_and(|last| last.0 >= replica) {
                return Err(Corrupt::Order);
            }
            seen.push((replica, tick));
        }
        Ok(Context { seen })
    }
}

/// Eight bytes of replica and at least one of tick: bounds what a count may claim before anything is allocated.
const MIN_ENTRY_BYTES: usize = 9;

impl FromIterator<Dot> for Context {
    fn from_iter<I: IntoIterator<Item = Dot>>(dots: I) -> Context {
        let real = dots.into_iter().filter(|dot| dot.tick > 0);
        let mut context = Context { seen: real.map(|dot| (dot.replica, dot.tick)).collect() };
        context.settle();
        context
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_and_collecting_are_seeing_one_by_one() {
        let dot = |(replica, tick): (u64, u64)| Dot { replica: ReplicaId(replica), tick };
        let dots = [(5, 2), (1, 3), (5, 4), (9, 1), (1, 1), (7, 0), (5, 3)].map(dot);
        let mut seen = Context::default();
        dots.iter().for_each(|d| seen.see(*d));
        assert!(seen.iter().eq([(1, 3), (5, 4), (9, 1)].map(dot)));
        assert_eq!(dots.into_iter().collect::<Context>(), seen);
        for cut in 0..dots.len() {
            let [mut left, right] =
                [&dots[..cut], &dots[cut..]].map(|d| d.iter().copied().collect::<Context>());
            left.join(&right);
            assert_eq!(left, seen);
        }
    }
}
