//! What can go wrong around a node, in words for the person who runs it; and the one place where failures of use
//! cases become gRPC statuses.

use std::path::PathBuf;

use office::OfficeError;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// A failure to set up, start or reach a node.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A call to a node failed; the status carries the words and the stable code.
    #[error("{}", .0.message())]
    Call(#[from] Box<Status>),
    /// A use case failed.
    #[error(transparent)]
    Office(#[from] OfficeError),
    /// A certificate or key is not usable.
    #[error("证书或密钥不能使用:{0} / certificate or key unusable")]
    Pki(#[from] pki::PkiError),
    /// A file that is carried by hand is not taken, or cannot be made.
    #[error(transparent)]
    Bundle(#[from] crate::bundle::BundleError),
    /// The invite cannot be used.
    #[error(transparent)]
    Invite(#[from] pki::InviteError),
    /// The folder holds no node.
    #[error("文件夹 {} 里没有节点:请先运行 init(市级)或 join(凭邀请文件加入) / no node in this folder", .folder.display())]
    NoNode {
        /// The folder that was looked at.
        folder: PathBuf,
    },
    /// The folder holds a node already.
    #[error("文件夹 {} 里已有节点,没有改动任何内容 / this folder holds a node already", .folder.display())]
    AlreadyNode {
        /// The folder.
        folder: PathBuf,
    },
    /// A file of the folder cannot be read or written.
    #[error("{doing}失败({}):{source} / cannot use the data folder", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// A file of the node is not what it should be.
    #[error("文件 {} 已损坏,请从备份恢复 / this file is damaged", .file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
    },
    /// The configuration file has a mistake.
    #[error("设置文件 {} 有误:{words} / mistake in the configuration file", .file.display())]
    Config {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        words: String,
    },
    /// An address cannot be listened on.
    #[error(
        "不能在 {address} 上监听:{source}。端口可能被占用,请检查设置 listen / cannot listen on this address"
    )]
    Listen {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Something that was asked for and is not done.
    #[error("{words}")]
    Refused {
        /// A stable code for programs.
        code: &'static str,
        /// Why, and what to do.
        words: String,
    },
    /// The root has nobody to sync with.
    #[error(
        "本节点是最上级,不需要向上同步;下级会主动来同步 / this node is the root, there is nothing above it"
    )]
    NoParent,
    /// This node has another parent now, and nobody has said where that is.
    #[error(
        "上级已调整为“{parent}”,但名录里没有它的节点地址:请在设置文件 shuniu.toml 的 parent 一项写上它的地址(主机:端口),再重启服务。已录入的内容都在本机 / the new parent's address is not known"
    )]
    ParentWithoutAddress {
        /// Its name.
        parent: String,
    },
    /// The parent cannot be reached.
    #[error(
        "连不上上级({address}):{words}。已录入的内容都在本机,网络恢复后会自动上报 / cannot reach the parent"
    )]
    Unreachable {
        /// The parent's address.
        address: String,
        /// Why.
        words: String,
    },
    /// What a peer sent makes no sense.
    #[error("对方发来的内容不合约定:{words} / the other side broke the protocol")]
    Protocol {
        /// What was wrong.
        words: String,
    },
}

impl NodeError {
    /// A stable code for programs; see the table of exit codes.
    pub fn code(&self) -> String {
        let code = match self {
            NodeError::Call(status) => return status_code(status),
            NodeError::Office(error) => error.code(),
            NodeError::Bundle(error) => error.code(),
            NodeError::Refused { code, .. } => code,
            NodeError::NoNode { .. } => "no_node",
            NodeError::AlreadyNode { .. } => "conflict",
            NodeError::Invite(_) => "invite",
            NodeError::Config { .. } | NodeError::NoParent => "invalid",
            NodeError::ParentWithoutAddress { .. } => "unreachable",
            NodeError::Unreachable { .. } => "unreachable",
            NodeError::Folder { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                "disk_full"
            }
            NodeError::Listen { .. } => "in_use",
            NodeError::Pki(_)
            | NodeError::Folder { .. }
            | NodeError::Damaged { .. }
            | NodeError::Protocol { .. } => "internal",
        };
        code.to_owned()
    }
}

impl From<Status> for NodeError {
    fn from(status: Status) -> NodeError {
        NodeError::Call(Box::new(status))
    }
}

impl From<wire::Invalid> for NodeError {
    fn from(invalid: wire::Invalid) -> NodeError {
        NodeError::Protocol { words: invalid.to_string() }
    }
}

/// The metadata key under which a status carries its stable code.
pub const CODE_KEY: &str = "shuniu-code";

/// The stable code that a status carries; without one, what its gRPC code says.
pub(crate) fn status_code(status: &Status) -> String {
    let told = status.metadata().get(CODE_KEY).and_then(|v| v.to_str().ok());
    let fallback = match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => "unreachable",
        Code::Unauthenticated | Code::PermissionDenied => "not_allowed",
        Code::InvalidArgument | Code::OutOfRange => "invalid",
        Code::NotFound => "not_found",
        _ => "internal",
    };
    told.unwrap_or(fallback).to_owned()
}

/// A status with a stable code.
pub(crate) fn status(code: &'static str, words: impl Into<String>) -> Status {
    let grpc = match code {
        "not_found" => Code::NotFound,
        "invalid" => Code::InvalidArgument,
        "not_allowed" => Code::PermissionDenied,
        "conflict" => Code::Aborted,
        "disk_full" | "slowed" => Code::ResourceExhausted,
        "invite" => Code::FailedPrecondition,
        "unreachable" => Code::Unavailable,
        _ => Code::Internal,
    };
    let mut status = Status::new(grpc, words);
    status.metadata_mut().insert(CODE_KEY, MetadataValue::from_static(code));
    status
}

/// What a caller is told of a use case that failed.
pub(crate) fn office_status(error: OfficeError) -> Status {
    if error.code() == "internal" {
        tracing::error!(error = &error as &dyn std::error::Error, "use case failed");
    }
    status(error.code(), error.to_string())
}

/// What a caller is told of a failure of the node itself.
pub(crate) fn node_status(error: NodeError) -> Status {
    match error {
        NodeError::Call(status) => *status,
        NodeError::Office(error) => office_status(error),
        other => {
            let code = other.code();
            let known = [
                "not_allowed",
                "invalid",
                "conflict",
                "disk_full",
                "invite",
                "unreachable",
                "not_found",
                "slowed",
            ];
            let code = known.into_iter().find(|k| *k == code).unwrap_or("internal");
            status(code, other.to_string())
        }
    }
}

/// What a caller is told of a message that makes no sense.
pub(crate) fn invalid_status(invalid: wire::Invalid) -> Status {
    status("invalid", invalid.to_string())
}
