//! A failing history made as small as it goes while it still fails: first without whole kinds of faults, then without
//! ranges of steps, halves before single ones (Zeller, Hildebrandt, *Simplifying and isolating failure-inducing input*,
//! 2002).

use crate::run::{Failure, On, run};

/// Runs that shrinking may take.
const RUNS_MAX: usize = 400;

/// The smallest failure that is found.
pub fn shrink(on: On, failure: Failure) -> Failure {
    let mut best = failure;
    let mut runs = 0;
    while let Some(calmer) = best.options.calmer().into_iter().find_map(|options| {
        runs += 1;
        run(on, best.seed, &options, &best.steps, None).err().filter(|f| f.is_like(&best))
    }) {
        best = calmer;
        if runs > RUNS_MAX {
            return best;
        }
    }
    let mut size = best.steps.len().div_ceil(2);
    while size > 0 && runs < RUNS_MAX {
        let mut at = 0;
        while at < best.steps.len() && runs < RUNS_MAX {
            let mut fewer = best.steps.clone();
            fewer.drain(at..(at + size).min(best.steps.len()));
            runs += 1;
            match run(on, best.seed, &best.options, &fewer, None) {
                Err(smaller) if smaller.is_like(&best) => best = smaller,
                _ => at += size,
            }
        }
        size /= 2;
    }
    best
}
