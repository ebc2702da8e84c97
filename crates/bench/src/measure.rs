//! Figures, and how they are printed.

use std::io::Write as _;
use std::time::Duration;

/// Prints a figure with its floor and how many times the floor it is.
pub fn figure(case: char, name: &str, value: f64, unit: &str, floor: Option<f64>) {
    let (floor, ratio) = match floor {
        Some(floor) if floor > 0.0 => (round(floor), round(value / floor)),
        _ => ("-".into(), "-".into()),
    };
    let line = format!("{case} {name} {} {unit} floor {floor} ratio {ratio}\n", round(value));
    // Whoever stopped reading wants no more figures.
    let _ = std::io::stdout().write_all(line.as_bytes());
}

/// Prints a remark for the person who watches; never part of the figures.
pub fn remark(words: &str) {
    // A remark that nobody can read stops no measurement.
    let _ = writeln!(std::io::stderr(), "{words}");
}

/// Three digits that matter, no exponent.
fn round(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// The duration that `part` of all lie beneath: 0.5 is the median.
pub fn percentile(all: &mut [Duration], part: f64) -> Duration {
    all.sort_unstable();
    let at = ((all.len() as f64 * part).ceil() as usize).clamp(1, all.len().max(1)) - 1;
    all.get(at).copied().unwrap_or_default()
}

/// Milliseconds.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let mut all: Vec<_> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut all, 0.5), Duration::from_millis(50));
        assert_eq!(percentile(&mut all, 0.99), Duration::from_millis(99));
        assert_eq!(percentile(&mut all, 1.0), Duration::from_millis(100));
        assert_eq!(percentile(&mut [Duration::from_millis(7)], 0.5), Duration::from_millis(7));
        assert_eq!(percentile(&mut [], 0.5), Duration::ZERO);
    }

    #[test]
    fn figures_keep_three_digits() {
        let all = [28_111.4, 15.46, 2.345, 0.01234].map(round);
        assert_eq!(all, ["28111", "15.5", "2.35", "0.0123"]);
    }
}
