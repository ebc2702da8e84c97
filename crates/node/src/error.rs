//! What can go wrong around a node, in words for the person who runs it.

use std::path::PathBuf;

/// A failure to set up, start or reach a node.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A use case or a call to a node failed; the status carries the words and the stable code.
    #[error("{}", .0.message())]
    Call(#[from] Box<tonic::Status>),
    /// The folder holds no node.
    #[error("文件夹 {} 里没有节点:请先运行 init(市级)或 join(凭邀请文件加入) / no node in this folder", .folder.display())]
    NoNode {
        /// The folder that was looked at.
        folder: PathBuf,
    },
}

impl NodeError {
    /// A stable code for programs; see the table of exit codes.
    pub fn code(&self) -> String {
        match self {
            NodeError::Call(status) => {
                status.metadata().get(CODE_KEY).and_then(|v| v.to_str().ok()).unwrap_or("internal").to_owned()
            }
            NodeError::NoNode { .. } => "no_node".into(),
        }
    }
}

/// The metadata key under which a status carries its stable code.
pub const CODE_KEY: &str = "shuniu-code";
