//! Why a file is refused, in words for the person who carried it.

use wire::FileError;

/// A file that is not taken, or cannot be made; nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is not such a file, or not whole, or too new.
    #[error("{0}。没有导入任何内容。{advice}", advice = advice(*.0))]
    File(FileError),
    /// It belongs to another federation.
    #[error(
        "这份文件属于另一个联邦(“{writer}”写给“{reader}”),没有导入任何内容。请核对拿的是不是这里的文件 / it belongs to another federation"
    )]
    OtherFederation {
        /// Who is said to have written it.
        writer: String,
        /// For whom.
        reader: String,
    },
    /// It is for another node.
    #[error(
        "这份文件是“{writer}”写给“{reader}”的,不是给本节点的,没有导入任何内容。请把它带到“{reader}” / it is for another node"
    )]
    NotForUs {
        /// Who is said to have written it.
        writer: String,
        /// For whom.
        reader: String,
    },
    /// The writer's certificate has expired, or is not valid yet.
    #[error(
        "写这份文件的“{writer}”的证书已过期(或还没有生效),没有导入任何内容。请先核对本机的日期;日期无误时,请“{writer}”联网更新证书,或凭新的邀请重新加入,再重新导出 / the writer's certificate has expired"
    )]
    OutOfDate {
        /// Who is said to have written it.
        writer: String,
    },
    /// The writer cannot prove who it is.
    #[error(
        "不能证明这份文件是“{writer}”写的(证书或签名不符),没有导入任何内容。请向“{writer}”核实,并请对方重新导出 / certificate or signature refused"
    )]
    Unproved {
        /// Who is said to have written it.
        writer: String,
        /// What is wrong.
        #[source]
        source: pki::PkiError,
    },
    /// A receipt that another node than the parent wrote.
    #[error(
        "这份回执是“{writer}”写的,而它不是本节点的上级,没有导入任何内容。请向上级索取回执 / the receipt is not the parent's"
    )]
    NotFromParent {
        /// Who wrote it.
        writer: String,
    },
    /// It was encrypted for a key that this node does not have.
    #[error(
        "这份文件解不开:它是按本节点以前的密钥加密的,没有导入任何内容。请让“{writer}”联网同步一次,或凭新的邀请重新加入,再重新导出 / encrypted for an earlier key of this node"
    )]
    Undecipherable {
        /// Who wrote it.
        writer: String,
    },
    /// Its content makes no sense although its writer signed it.
    #[error(
        "文件的内容不合约定({0}),没有导入任何内容。请核对两边的程序版本,并请对方重新导出 / the content makes no sense"
    )]
    Content(#[from] wire::Invalid),
    /// The parent's public key is not known yet.
    #[error(
        "还没有上级的加密密钥,不能导出;数据都在本机,没有受影响。请先联网同步一次(加入早于本版本的节点需要这样做),以后就不再需要联网 / the parent's key is not known yet, sync once"
    )]
    NoParentKey,
}

impl BundleError {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            BundleError::File(_)
            | BundleError::Content(_)
            | BundleError::NotForUs { .. }
            | BundleError::NoParentKey => "invalid",
            BundleError::OtherFederation { .. }
            | BundleError::OutOfDate { .. }
            | BundleError::Unproved { .. }
            | BundleError::NotFromParent { .. }
            | BundleError::Undecipherable { .. } => "not_allowed",
        }
    }
}

impl From<FileError> for BundleError {
    fn from(error: FileError) -> BundleError {
        BundleError::File(error)
    }
}

fn advice(error: FileError) -> &'static str {
    match error {
        FileError::Other => "请选择“shuniu bundle export”导出的文件,或上级给的回执",
        FileError::CutOff { .. } | FileError::Damaged => "请从原处重新拷贝一份;拷贝后请安全弹出U盘",
        FileError::Newer { .. } => "请先升级本程序,再导入这份文件",
        FileError::TooLarge => "请核对拿的是不是数据包",
    }
}
