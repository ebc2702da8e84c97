//! What can go wrong in a use case, in words for people, each with a stable code for programs.

use record::Illegal;
use store::StoreError;

/// A use case that failed; nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder belongs to another base's node.
    #[error("这个数据文件夹属于另一个基地的节点 / this data folder belongs to another base's node")]
    OtherBase,
    /// No such kind.
    #[error("没有“{kind}”这一类别 / there is no kind “{kind}”")]
    UnknownKind {
        /// What was asked for.
        kind: String,
    },
    /// No such record.
    #[error("没有找到这条记录:{what} / no such record")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// No such base, or several.
    #[error("没有找到基地“{base}” / no such base")]
    UnknownBase {
        /// What was asked for.
        base: String,
    },
    /// A name that several bases carry.
    #[error("有{count}个基地叫“{base}”,请改用基地编码 / {count} bases carry this name, use the code")]
    AmbiguousBase {
        /// What was asked for.
        base: String,
        /// How many there are.
        count: usize,
    },
    /// A base that another node serves.
    #[error("本节点不代管“{base}”,不能以它的名义填报 / this node does not serve that base")]
    NotServed {
        /// The base's name.
        base: String,
    },
    /// A base that was merged into another.
    #[error(
        "“{base}”已撤并到“{into}”,不能再以它的名义录入,请由“{into}”录入;它的节点上没有上报的内容仍会上报 / this base was merged into another"
    )]
    Retired {
        /// The base's name.
        base: String,
        /// The name of the one that follows it.
        into: String,
    },
    /// Values that cannot be taken; each with its field's label.
    #[error("{}", .faults.join(";"))]
    Invalid {
        /// One sentence for each.
        faults: Vec<String>,
    },
    /// A step with a rule that this program does not have.
    #[error(
        "“{step}”这一步有本节点程序还没有的规则({guard}),没有保存;请升级本节点的程序,或由已升级的节点办理 / upgrade this node's program"
    )]
    UnknownGuard {
        /// Labels of the field and the step.
        step: String,
        /// Name of the rule.
        guard: String,
    },
    /// A contract that cannot be used.
    #[error(transparent)]
    Contract(#[from] schema::NotAdditive),
    /// Writes that were not the writer's to make.
    #[error("未保存:{}", .faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(";"))]
    NotAllowed {
        /// What was not allowed.
        faults: Vec<Illegal>,
    },
    /// A record that is there already.
    #[error("已有这条记录“{what}”:请先查看,再修改 / this record exists already, look at it first")]
    Exists {
        /// Its title.
        what: String,
    },
    /// A decision where people no longer disagree.
    #[error("“{label}”没有并存的值(也许已有人裁定),没有改动 / nothing to settle here")]
    NotDisputed {
        /// Label of the field.
        label: String,
    },
    /// A decision over values that are not those that were looked at.
    #[error(
        "“{label}”在查看以后又有变化,没有改动:请重新查看各方的值,再作裁定 / something new came since this was looked at"
    )]
    NewAlternative {
        /// Label of the field.
        label: String,
    },
    /// A natural key that was to be changed.
    #[error(
        "“{label}”是这类记录的标识,登记后不能改;如录错请删除后重新登记 / the natural key cannot be changed"
    )]
    KeyChanged {
        /// Label of the field.
        label: String,
    },
    /// A record that would become larger than a record may be.
    #[error("这条记录太大(超过{limit_kib} KiB),请把长材料作为附件 / the record is too large")]
    TooLarge {
        /// The limit.
        limit_kib: usize,
    },
    /// A file that cannot be imported.
    #[error("{words}")]
    File {
        /// Why, and what to do.
        words: String,
    },
    /// Only the root may do this.
    #[error("基地名录由{root}维护:请先由{root}登记“{base}”,本级同步后再试 / only the root registers bases")]
    RootOnly {
        /// The root's name.
        root: String,
        /// The base that is missing.
        base: String,
    },
    /// A base that is not this node's to invite or revoke.
    #[error(
        "“{base}”的上级节点不是本节点,请到它的上级节点上办理(基地须先由市级登记)/ that base's parent is another node"
    )]
    NotMine {
        /// The base's name.
        base: String,
    },
    /// A peer that is not, or no longer, let in.
    #[error("{words}")]
    NotAdmitted {
        /// Why.
        words: String,
    },
    /// A session that has ended.
    #[error("本次同步已被新的同步取代 / this session has been replaced by a newer one")]
    SessionEnded,
    /// A comparison that keeps neither to the order nor to the limits.
    #[error(transparent)]
    Comparison(#[from] sync::compare::Unsound),
    /// An invite that cannot be redeemed.
    #[error("{words}")]
    Invite {
        /// Why, and what to do.
        words: String,
    },
}

impl OfficeError {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            OfficeError::Store(StoreError::InUse { .. }) => "in_use",
            OfficeError::Store(StoreError::DiskFull { .. }) => "disk_full",
            OfficeError::Store(StoreError::BadQuery { .. }) => "invalid",
            OfficeError::Store(StoreError::Exists { .. }) => "conflict",
            OfficeError::Store(StoreError::NotBackup { .. } | StoreError::TooNew { .. }) => "invalid",
            OfficeError::Store(StoreError::File { source, .. }) => match source.kind() {
                std::io::ErrorKind::StorageFull => "disk_full",
                std::io::ErrorKind::NotFound => "not_found",
                _ => "invalid",
            },
            OfficeError::Store(_) => "internal",
            OfficeError::OtherBase
            | OfficeError::SessionEnded
            | OfficeError::Exists { .. }
            | OfficeError::NotDisputed { .. }
            | OfficeError::NewAlternative { .. }
            | OfficeError::Contract(_)
            | OfficeError::KeyChanged { .. } => "conflict",
            OfficeError::NotFound { .. }
            | OfficeError::UnknownKind { .. }
            | OfficeError::UnknownBase { .. } => "not_found",
            OfficeError::AmbiguousBase { .. }
            | OfficeError::Invalid { .. }
            | OfficeError::TooLarge { .. }
            | OfficeError::Comparison(_)
            | OfficeError::File { .. } => "invalid",
            OfficeError::NotServed { .. }
            | OfficeError::Retired { .. }
            | OfficeError::UnknownGuard { .. }
            | OfficeError::NotAllowed { .. }
            | OfficeError::RootOnly { .. }
            | OfficeError::NotMine { .. }
            | OfficeError::NotAdmitted { .. } => "not_allowed",
            OfficeError::Invite { .. } => "invite",
        }
    }
}
