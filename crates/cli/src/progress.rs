//! A moving bar on the terminal of a person; nothing for programs and files.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use crate::output::Output;

/// How often the sign of life turns: smooth to the eye, nothing to a processor.
const TICK: Duration = Duration::from_millis(120);

/// A bar of which neither the length nor the end is known at first; it is gone when it is dropped.
pub fn bar(out: Output) -> ProgressBar {
    let target =
        if out.shows_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(0), target).with_finish(ProgressFinish::AndClear);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    if out.shows_progress() {
        bar.enable_steady_tick(TICK);
    }
    bar
}
