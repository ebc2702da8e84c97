//! Chance that repeats itself: SplitMix64 (Steele, Lea, Flood, *Fast splittable pseudorandom number generators*, 2014).

use std::sync::{Mutex, PoisonError};

/// A stream of numbers that its seed decides.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// A stream of its own for the `n`-th of many things: leaving one of them out changes nothing for the others.
    pub fn of_part(seed: u64, n: u64) -> Random {
        Random(Random(seed ^ n.wrapping_mul(0xa076_1d64_78bd_642f)).u64())
    }

    /// The next number.
    pub fn u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 when there is none.
    pub fn below(&mut self, n: usize) -> usize {
        (self.u64() % n.max(1) as u64) as usize
    }

    /// A number from `low` up to and including `high`.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        low + (self.u64() % u64::from(high - low + 1)) as u32
    }

    /// True in `percent` of a hundred cases.
    pub fn percent(&mut self, percent: u32) -> bool {
        self.u64() % 100 < u64::from(percent)
    }

    /// One of several; `None` of none.
    pub fn of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }
}

/// The chance of one machine.
pub struct Dice(Mutex<Random>);

impl Dice {
    /// The chance of a seed.
    pub fn new(random: Random) -> Dice {
        Dice(Mutex::new(random))
    }
}

impl office::Chance for Dice {
    fn u64(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).u64()
    }
}
