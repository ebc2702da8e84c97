//! Why a demo could not go on. A check that fails is no error: it stands in the report.

use std::path::PathBuf;

/// Why a demo could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or folder of the demo.
    #[error("{path}：{doing}没有成功")]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder for the demo holds something already.
    #[error("文件夹 {path} 不是空的，请换一个 / the folder is not empty")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The program could not be started, or did not end in time.
    #[error("运行不了“{command}”：{words}")]
    Program {
        /// The command line.
        command: String,
        /// Why.
        words: String,
    },
    /// A command ended otherwise than the story needs.
    #[error("命令“{command}”以退出码 {exit} 结束：{words}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        exit: i32,
        /// What it said.
        words: String,
    },
    /// A command's answer lacks something.
    #[error("命令“{command}”的回答里没有 {what}")]
    Answer {
        /// The command line.
        command: String,
        /// What was looked for.
        what: String,
    },
    /// A node that was started does not answer.
    #[error("“{node}”没有就绪：{words}。日志在 {log}")]
    NotReady {
        /// Which node.
        node: String,
        /// What is known.
        words: String,
        /// Its log.
        log: PathBuf,
    },
    /// A port of this machine.
    #[error("用不了本机的网络端口")]
    Network {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The checker cannot read a node's database.
    #[error("检查员读不了数据库 {path}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// The demo was asked to stop before its end.
    #[error("演示中途停止")]
    Stopped,
}
