//! What a demo found.

use std::time::Duration;

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What should hold.
    pub what: String,
    /// Whether it did.
    pub held: bool,
    /// What the checker found.
    pub detail: String,
}

/// What a demo found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DemoReport {
    /// Every check, in the order of the story.
    pub checks: Vec<Check>,
    /// How long the story took.
    pub took: Duration,
}

impl DemoReport {
    /// Whether something was checked and all of it held.
    pub fn held(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_checked_is_not_success() {
        let check = |held| Check { what: String::new(), held, detail: String::new() };
        let held = |checks| DemoReport { checks, took: Duration::ZERO }.held();
        assert!(!held(vec![]));
        assert!(held(vec![check(true)]));
        assert!(!held(vec![check(true), check(false)]));
    }
}
