//! `shuniu doctor`.

use node::{Finding, Level};
use serde_json::{Value, json};

use crate::commands::Context;
use crate::exit::Exit;

#[derive(Debug, clap::Args)]
pub struct Doctor {}

impl Doctor {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        let findings = node::examine(&at.folder).await?;
        let well = findings.iter().all(|finding| finding.level != Level::Bad);
        at.out.answer(
            || json!({ "well": well, "findings": findings.iter().map(value).collect::<Vec<_>>() }),
            || words(&findings),
        )?;
        Ok(if well { Exit::Done } else { Exit::Unwell })
    }
}

fn value(finding: &Finding) -> Value {
    let level = match finding.level {
        Level::Good => "good",
        Level::Warning => "warning",
        Level::Bad => "bad",
    };
    json!({ "level": level, "subject": finding.subject, "words": finding.words, "advice": finding.advice })
}

fn words(findings: &[Finding]) -> String {
    let mut words = String::new();
    for finding in findings {
        let mark = match finding.level {
            Level::Good => '✓',
            Level::Warning => '!',
            Level::Bad => '✗',
        };
        words.push_str(&format!("{mark} {}\n", finding.words));
        if !finding.advice.is_empty() {
            words.push_str(&format!("    → {}\n", finding.advice));
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    words.push_str(&match (count(Level::Bad), count(Level::Warning)) {
        (0, 0) => "一切正常。".to_owned(),
        (0, warnings) => format!("可以工作，有 {warnings} 处请留意。"),
        (bad, warnings) => format!("有 {bad} 处不正常，另有 {warnings} 处请留意。"),
    });
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(level: Level, words: &str, advice: &str) -> Finding {
        Finding { level, subject: "disk", words: words.into(), advice: advice.into() }
    }

    #[test]
    fn each_line_has_its_mark_and_what_to_do() {
        let all = [
            finding(Level::Good, "数据库完好", ""),
            finding(Level::Warning, "时钟快 5 分钟", "请对时"),
            finding(Level::Bad, "磁盘快满了", "请清理"),
        ];
        assert_eq!(
            words(&all),
            "✓ 数据库完好\n! 时钟快 5 分钟\n    → 请对时\n✗ 磁盘快满了\n    → 请清理\n有 1 处不正常，另有 1 处请留意。"
        );
        assert!(words(&all[..2]).ends_with("可以工作，有 1 处请留意。"));
        assert!(words(&all[..1]).ends_with("一切正常。"));
        assert_eq!(value(&all[2])["level"], "bad");
    }
}
