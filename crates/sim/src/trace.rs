//! The course of a run: a hash that tells whether two runs went the same way, and the words for people.

/// What happened, in order.
#[derive(Default)]
pub struct Trace {
    hash: u64,
    keep: bool,
    /// The words, if they are kept.
    pub lines: Vec<String>,
}

impl Trace {
    /// Keeps the words from now on.
    pub fn keep(&mut self) {
        self.keep = true;
    }

    /// Takes note of what happened.
    pub fn note(&mut self, words: String) {
        self.hash = fnv(self.hash, words.as_bytes());
        if self.keep {
            self.lines.push(words);
        }
    }

    /// Tells this course from any other.
    pub fn hash(&self) -> u64 {
        self.hash
    }
}

/// FNV-1a, continued.
pub fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    let start = if hash == 0 { 0xcbf2_9ce4_8422_2325 } else { hash };
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
