//! A few seeds as ordinary tests: that a run repeats itself, and that both engines end alike.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use sim::options::Options;
use sim::run::{On, Well, all_steps, run};

fn well(on: On, seed: u64) -> Well {
    let options = Options::draw(seed);
    run(on, seed, &options, &all_steps(&options), None).unwrap_or_else(|failure| panic!("{failure:?}"))
}

#[test]
fn a_seed_repeats_itself() {
    for seed in 0..5 {
        assert_eq!(well(On::Memory, seed), well(On::Memory, seed));
    }
}

#[test]
fn both_engines_go_the_same_way() {
    for seed in 0..2 {
        assert_eq!(well(On::Memory, seed), well(On::Sqlite, seed));
    }
}

/// Seeds that found something once. What each found has a test of its own where it can be told in a few steps; as the
/// simulation grows a seed may come to mean another course, and is kept all the same.
#[test]
fn seeds_that_found_something_pass() {
    const FOUND: [u64; 31] = [
        41, 68, 92, 114, 148, 291, 305, 312, 314, 466, 508, 698, 944, 975, 986, 1173, 1396, 1492, 2003, 2106,
        2260, 2309, 2511, 3409, 3885, 4208, 4605, 4956, 5073, 5341, 6693,
    ];
    for seed in FOUND {
        well(On::Memory, seed);
    }
}
