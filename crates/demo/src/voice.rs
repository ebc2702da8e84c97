//! Tells the story: the only place of this crate that writes to standard output.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::checker::Finding;
use crate::report::{Check, DemoReport};

/// What one side sees is cut here: a figure of a large city may name ninety bases.
const SEEN_CHARS_MAX: usize = 200;

/// Tells the story and keeps what was checked.
pub(crate) struct Voice {
    started: Instant,
    chapter: usize,
    checks: Vec<Check>,
}

impl Voice {
    pub fn new() -> Voice {
        Voice { started: Instant::now(), chapter: 0, checks: Vec::new() }
    }

    /// Begins a chapter.
    pub fn chapter(&mut self, title: &str) {
        self.chapter += 1;
        line(&format!("\n══ {}. {title}  （{}）", self.chapter, clock(self.started.elapsed())));
    }

    /// What happens.
    pub fn says(&self, text: &str) {
        line(&format!("  {text}"));
    }

    /// A command line that was run.
    pub fn ran(&self, command: &str) {
        line(&format!("    $ {command}"));
    }

    /// What one side sees.
    pub fn sees(&self, who: &str, text: &str) {
        let mut shown: String = text.chars().take(SEEN_CHARS_MAX).collect();
        if shown.len() < text.len() {
            shown.push_str("……");
        }
        line(&format!("    {who} 看到：{shown}"));
    }

    /// Notes what the checker found.
    pub fn check(&mut self, what: &str, found: Finding) {
        let sign = if found.held { "✓" } else { "✗" };
        line(&format!("  {sign} {what}：{}", found.detail));
        self.checks.push(Check { what: what.to_owned(), held: found.held, detail: found.detail });
    }

    /// Ends the story with the table of all checks.
    pub fn conclude(self) -> DemoReport {
        let report = DemoReport { took: self.started.elapsed(), checks: self.checks };
        line("\n══ 检查结果");
        for (at, check) in report.checks.iter().enumerate() {
            let sign = if check.held { "✓" } else { "✗" };
            line(&format!("  {sign} {:>2}  {}", at + 1, check.what));
        }
        let failed = report.checks.iter().filter(|check| !check.held).count();
        let all = report.checks.len();
        let verdict = match failed {
            0 => format!("全部通过：{all} 项检查"),
            _ => format!("没有全部通过：{all} 项检查中有 {failed} 项不成立"),
        };
        line(&format!("\n  {verdict}，用时 {}。", clock(report.took)));
        report
    }
}

fn clock(time: Duration) -> String {
    format!("{}.{} 秒", time.as_secs(), time.subsec_millis() / 100)
}

fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    // A reader of the output that has gone is no reason to stop the checks: the exit code tells their result.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
