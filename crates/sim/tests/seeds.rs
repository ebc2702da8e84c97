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
