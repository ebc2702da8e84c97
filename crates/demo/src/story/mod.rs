//! The story: one file per chapter, each doing something through the command line and having it checked.

mod build;
mod cut_off;
mod daily;
mod dark;
mod downward;
mod finale;
mod hostile;
mod moved;
mod old_disk;
mod older;
mod register;
mod urged;
mod wrong_clock;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tempfile::TempDir;

use crate::checker::{Book, Finding};
use crate::error::DemoError;
use crate::federation::{Federation, Moved};
use crate::node::Node;
use crate::options::{DemoOptions, StreetWork};
use crate::parallel::each;
use crate::program::{Answer, Program};
use crate::report::DemoReport;
use crate::voice::Voice;

/// What all chapters share.
struct Tale {
    all: Federation,
    voice: Voice,
    work: StreetWork,
    folder: PathBuf,
}

/// Tells the whole story; without `once` the nodes then stay up until `stop` is ready.
///
/// # Errors
/// [`DemoError`] when the story cannot go on. A check that fails is no error: it stands in the report.
pub async fn run(options: DemoOptions, stop: impl Future<Output = ()>) -> Result<DemoReport, DemoError> {
    let ground = Ground::prepare(options.folder.as_deref())?;
    let program = Program::new(options.program.clone());
    let plan = options.profile.plan();
    let all = Federation::lay_out(plan, ground.path(), &program).await?;
    let work = options.profile.work();
    let mut tale = Tale { all, voice: Voice::new(), work, folder: ground.path().to_owned() };
    let mut stop = std::pin::pin!(stop);
    let told = tokio::select! {
        told = tale.tell() => told,
        () = &mut stop => Err(DemoError::Stopped),
    };
    if let Err(error) = told {
        tale.voice.conclude();
        ground.keep();
        return Err(error);
    }
    if !options.once {
        tale.stay_up().await?;
    }
    let Tale { all, voice, .. } = tale;
    let report = voice.conclude();
    if !options.once {
        finale::invite_to_try(&all, ground.path());
        stop.await;
    }
    for node in all.nodes() {
        node.kill().await?;
    }
    if !report.held() {
        ground.keep();
    }
    Ok(report)
}

impl Tale {
    async fn tell(&mut self) -> Result<(), DemoError> {
        self.build().await?;
        self.register().await?;
        self.daily().await?;
        self.downward().await?;
        self.cut_off().await?;
        self.dark().await?;
        self.move_street().await?;
        self.urge().await?;
        self.old_disk().await?;
        self.wrong_clock().await?;
        self.older_district().await?;
        self.hostile().await?;
        self.finale().await
    }

    /// Runs a command on a node, telling it.
    async fn does(&self, node: &Node, args: &[&str]) -> Result<Answer, DemoError> {
        let answer = node.done(args).await?;
        self.voice.ran(&answer.line);
        Ok(answer)
    }

    /// Reads every node's database.
    async fn books(&self) -> Result<Vec<Book>, DemoError> {
        let paths: Vec<PathBuf> = self.all.nodes().iter().map(|node| node.database()).collect();
        each(paths, |path| async move { Book::read(&path).await }).await
    }

    /// Reads one node's database.
    async fn book(&self, node: &Arc<Node>) -> Result<Book, DemoError> {
        Book::read(&node.database()).await
    }

    fn moved(&self, words: &str, moved: Moved) {
        let Moved { nodes, up, down, refused } = moved;
        let refused = if refused > 0 { format!("，上级未接收 {refused} 条") } else { String::new() };
        self.voice.says(&format!("{words}：{nodes} 个节点，上报 {up} 条，接收 {down} 条{refused}"));
    }
}

/// The folder on which the story plays.
enum Ground {
    Given(PathBuf),
    Temporary(TempDir),
}

impl Ground {
    fn prepare(folder: Option<&Path>) -> Result<Ground, DemoError> {
        let Some(path) = folder else {
            let made = tempfile::Builder::new().prefix("shuniu-demo-").tempdir();
            let failed =
                |source| DemoError::File {
                    doing: "建立临时文件夹", path: std::env::temp_dir(), source
                };
            return made.map(Ground::Temporary).map_err(failed);
        };
        let failed = |source| DemoError::File { doing: "建立文件夹", path: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(failed)?;
        if std::fs::read_dir(path).map_err(failed)?.next().is_some() {
            return Err(DemoError::NotEmpty { path: path.to_owned() });
        }
        // The nodes are started with it, whatever folder they run in.
        path.canonicalize().map(Ground::Given).map_err(failed)
    }

    fn path(&self) -> &Path {
        match self {
            Ground::Given(path) => path,
            Ground::Temporary(folder) => folder.path(),
        }
    }

    /// Leaves the folder where it is, for someone to look at.
    fn keep(self) {
        let path = match self {
            Ground::Given(path) => path,
            Ground::Temporary(folder) => folder.keep(),
        };
        Voice::new().says(&format!("演示的数据留在 {}，可供查看。", path.display()));
    }
}

/// `14:05:09.120` in Asia/Shanghai: the story plays within minutes, so seconds matter.
fn clock(at_ms: u64) -> String {
    if at_ms == 0 {
        return "从未".into();
    }
    let day_ms = (at_ms + 8 * 3_600_000) % 86_400_000;
    let (hours, minutes, seconds) = (day_ms / 3_600_000, day_ms / 60_000 % 60, day_ms / 1_000 % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", day_ms % 1_000)
}

/// The machine's clock, UTC milliseconds.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

/// The first line of a text in which all of these stand, with the advice (→) beneath it; empty when there is none.
fn line_with(text: &str, parts: &[&str]) -> String {
    let mut lines = text.lines().map(str::trim);
    let line = lines.find(|line| parts.iter().all(|part| line.contains(part))).unwrap_or_default();
    let advice = lines.next().filter(|next| next.starts_with('→')).unwrap_or_default();
    format!("{line} {advice}").trim().to_owned()
}

/// The sentence with which a figure says how complete it is.
fn sentence(figure: &Value) -> &str {
    figure["watermark"]["sentence"].as_str().unwrap_or_default()
}

fn expect_text(what: &str, told: Option<&str>, expected: &str) -> Finding {
    let held = told == Some(expected);
    Finding::new(
        held,
        format!("{what}是“{}”{}", told.unwrap_or("（没有）"), if held { "" } else { "，不对" }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_in_shanghai() {
        assert_eq!(clock(1_795_309_920_120), "09:12:00.120");
        assert_eq!(clock(0), "从未");
    }

    #[test]
    fn a_folder_that_holds_something_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Ground::prepare(Some(folder.path())).is_ok());
        std::fs::write(folder.path().join("x"), "").unwrap();
        assert!(matches!(Ground::prepare(Some(folder.path())), Err(DemoError::NotEmpty { .. })));
    }
}
