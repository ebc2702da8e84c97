//! What a store keeps, and what one transaction changes, in plain types.

use causal::{BaseId, Context, Dot, RecordId, ReplicaId};
use record::Shown;

use crate::heartbeat::Memory;
use crate::position::{Position, TimelineId};

/// The limits of the protocol, each with its reason.
pub mod limits {
    /// Records in a batch: large enough that the cost of a message vanishes, small enough to show progress.
    pub const BATCH_RECORDS: usize = 500;
    /// Bytes of records in a batch, before compression: bounds memory on both sides.
    pub const BATCH_BYTES: usize = 1024 * 1024;
    /// Records a transaction at the receiver may gather: a commit costs more than a batch.
    pub const TRANSACTION_RECORDS: usize = 8_000;
    /// Longest user name, reason or other free text in a message.
    pub const TEXT_BYTES: usize = 512;
    /// Bases whose seals fit one message: more than any city has.
    pub const SEALS: usize = 10_000;
    /// History rows in a batch; further ones travel with the next.
    pub const BATCH_REVISIONS: usize = 2_000;
    /// Longest name of a kind.
    pub const KIND_BYTES: usize = 64;
}

/// Why a row waits for the parent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Unsent {
    /// The parent has it.
    #[default]
    Clean,
    /// Sent before, to be sent again (after RESYNC or a move).
    Resend,
    /// Holds something that the parent has not seen.
    Unpushed,
}

/// A record as it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Row {
    /// Which record.
    pub id: RecordId,
    /// Short name of its kind.
    pub kind: String,
    /// The number of its last change.
    pub seq: u64,
    /// Not shown here: withdrawn by the parent while it holds unpushed edits, or waiting for a check.
    pub hidden: bool,
    /// The parent refused it; not sent again until it changes.
    pub refused: bool,
    /// Whether it waits for the parent.
    pub unsent: Unsent,
    /// Canonical bytes of its state.
    pub state: Vec<u8>,
}

/// A record to be written, new or changed; it takes a new number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewRow {
    /// The row; its `seq` is the number it had (0 for a new one).
    pub row: Row,
    /// What lists show of it.
    pub shown: Shown,
}

/// What an edit replaced: one link of a record's history. Never changed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Revision {
    /// Which record.
    pub record: RecordId,
    /// The edit that was (partly) replaced.
    pub of: Dot,
    /// The edit that replaced it; a zero dot while that one is not known.
    pub by: Dot,
    /// The replaced entries as a state of one group.
    pub fragment: Vec<u8>,
    /// Whether the parent still lacks it.
    pub unsent: bool,
}

/// The word that a child may no longer see a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Withdraw {
    /// Which child.
    pub child: BaseId,
    /// Which record.
    pub record: RecordId,
    /// The number it was given.
    pub seq: u64,
}

/// A withdraw to be written; it takes a new number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewWithdraw {
    /// Which child.
    pub child: BaseId,
    /// Which record.
    pub record: RecordId,
}

/// Why a record was not taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// Its bytes cannot be read.
    Malformed,
    /// Written by somebody who may not.
    Illegal,
    /// It belongs to a base outside the sender's subtree.
    Scope,
    /// It carries edits or claims of other bases that could not be verified.
    Unverified,
    /// It claims to have seen what the receiver knows that nobody has written yet: no knowledge to come makes it true.
    Untrue,
    /// What was overruled too often within an hour: no mistake, or two programs that will never agree.
    TooOften,
    /// One edit's name with two different contents.
    Clash,
    /// The same id is held as another kind.
    Kind,
    /// An administrator above has put exactly this aside for good: it is not offered again.
    Dropped,
}

impl Reason {
    /// All reasons, in the order of their codes.
    pub const ALL: [Reason; 9] = [
        Reason::Malformed,
        Reason::Illegal,
        Reason::Scope,
        Reason::Unverified,
        Reason::Untrue,
        Reason::TooOften,
        Reason::Clash,
        Reason::Kind,
        Reason::Dropped,
    ];

    /// Whether the same content may be taken later, when more is known: of bases, of others' edits, of the contract.
    pub fn may_pass(self) -> bool {
        !matches!(self, Reason::Untrue | Reason::TooOften)
    }

    /// A stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Reason::Malformed => "malformed",
            Reason::Illegal => "illegal",
            Reason::Scope => "scope",
            Reason::Unverified => "unverified",
            Reason::Untrue => "untrue",
            Reason::TooOften => "too_often",
            Reason::Clash => "clash",
            Reason::Kind => "kind",
            Reason::Dropped => "dropped",
        }
    }

    /// The reason with this code.
    pub fn from_code(code: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|r| r.code() == code)
    }

    /// What it means, for people.
    pub fn words(self) -> &'static str {
        match self {
            Reason::Malformed => "内容无法读取",
            Reason::Illegal => "超出了填报单位的权限",
            Reason::Scope => "不属于该下级的管辖范围",
            Reason::Unverified => "含有其他单位的修改,尚未核实",
            Reason::Untrue => "声称见过本级从未作出的修改",
            Reason::TooOften => "一小时内被更正的次数过多",
            Reason::Clash => "同一次修改出现了两种内容",
            Reason::Kind => "同一编号已用于另一类记录",
            Reason::Dropped => "上级管理员已决定不接收",
        }
    }
}

/// A record that was refused, kept with its reason. On the parent's side `from` is the child that sent it; on the
/// child's side it is the parent that refused it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quarantined {
    /// Which record.
    pub record: RecordId,
    /// Its kind as the sender said.
    pub kind: String,
    /// Who sent it, or who refused it.
    pub from: BaseId,
    /// The base whose figure it is missing in.
    pub home: BaseId,
    /// Why.
    pub reason: Reason,
    /// Why, in words and with the field's name.
    pub detail: String,
    /// What was sent.
    pub state: Vec<u8>,
    /// When, by this node's clock, UTC milliseconds.
    pub at_ms: u64,
    /// Refused here (true), or refused by the parent (false).
    pub inbound: bool,
}

impl Quarantined {
    /// What it is kept by: two children may have brought the same record, and each is told of its own.
    pub fn key(&self) -> (RecordId, Option<BaseId>) {
        (self.record, self.inbound.then_some(self.from))
    }
}

/// A base's statement "everything saved here up to `at_ms` is included".
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seal {
    /// Whose statement.
    pub base: BaseId,
    /// In which timeline of its database.
    pub timeline: TimelineId,
    /// Counts within the timeline; the higher wins.
    pub n: u64,
    /// The parent's clock at the handshake of the push that carries it, UTC milliseconds.
    pub at_ms: u64,
    /// Records that waited unsent and could not be included (refused, or held back).
    pub unsent: u64,
    /// Records of this base and its hosted bases that some node above it has in quarantine.
    pub quarantined: u64,
    /// Records that the base's lineage acknowledged and then handed over or dropped, not yet seen again.
    pub exceptions: Vec<RecordId>,
    /// The lineage was restored from a backup at this timeline: edits since the backup are not attested.
    pub restored: bool,
    /// For own seals: the last number of this database that it covers; 0 for others'.
    pub covers_seq: u64,
}

/// "`holder` has the data under seal `n` of `base`": what a delivery tick is drawn from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Tick {
    /// The base above that holds it.
    pub holder: BaseId,
    /// Whose seal.
    pub base: BaseId,
    /// The seal's timeline.
    pub timeline: TimelineId,
    /// The seal's count.
    pub n: u64,
}

/// What a node remembers of one link: to its parent, or from a child.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Link {
    /// The base at the other end.
    pub peer: BaseId,
    /// Toward the root (its parent) or from it (a child).
    pub up: bool,
    /// How far the parent's changes have been pulled (up links).
    pub cursor: Option<Position>,
    /// The highest acknowledgement ever seen (up links).
    pub ack: Option<Position>,
    /// Counts how often the child (re)joined this parent; both ends hold it.
    pub epoch: u64,
    /// Last time that a whole round succeeded, UTC milliseconds; 0 for never.
    pub last_success_ms: u64,
    /// Last time that a round failed.
    pub last_failure_ms: u64,
    /// Why it failed, in words.
    pub last_failure: String,
    /// The parent's clock minus the child's, milliseconds, as the last handshake measured it.
    pub clock_offset_ms: i64,
    /// What the child said was waiting at its last handshake (down links).
    pub peer_unsent: u64,
    /// The child's program version (down links), or the parent's.
    pub peer_version: String,
    /// What the child said of its own database (down links).
    pub memory: Memory,
}

/// The highest tick known of a replica, and the base that writes with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replica {
    /// Which.
    pub id: ReplicaId,
    /// Whose; `None` while only contexts have named it.
    pub base: Option<BaseId>,
    /// The highest tick seen anywhere.
    pub tick: u64,
}

/// What is remembered of a record that was handed over or dropped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handed {
    /// Which record.
    pub record: RecordId,
    /// What its state had seen.
    pub context: Context,
    /// Whether nobody has yet confirmed that it lives on elsewhere.
    pub unattested: bool,
}

/// Everything that one transaction changes. Numbers are given in this order: `rows`, then `withdraws`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Records to write.
    pub rows: Vec<NewRow>,
    /// Records to remove from this database (never a deletion: the parent withdrew them).
    pub drops: Vec<RecordId>,
    /// Records to hide or show again without a new number.
    pub hide: Vec<(RecordId, bool)>,
    /// Withdraws to write; an earlier one of the same child and record is replaced.
    pub withdraws: Vec<NewWithdraw>,
    /// History to add; a row that is there already is kept, with the longer fragment.
    pub revisions: Vec<Revision>,
    /// Ranges of numbers `(after, up to and including)` whose rows the parent has acknowledged.
    pub acknowledged: Vec<(u64, u64)>,
    /// Rows that the parent refused, each with the number under which it was sent: out of the unsent, flagged.
    pub refused: Vec<(RecordId, u64)>,
    /// Rows to mark as sent to the parent, each by its own number.
    pub clean: Vec<u64>,
    /// History that the parent has acknowledged.
    pub revisions_sent: Vec<(RecordId, Dot, Dot)>,
    /// Refused records to keep; one per record and whoever brought it, or the parent refused.
    pub quarantine: Vec<Quarantined>,
    /// Records to take out of quarantine: what this base brought, or what the parent refused.
    pub release: Vec<(RecordId, Option<BaseId>)>,
    /// Links to a former parent, to be forgotten.
    pub forget_links: Vec<BaseId>,
    /// Links to write.
    pub links: Vec<Link>,
    /// Seals to write; the higher count of a base and timeline wins.
    pub seals: Vec<Seal>,
    /// Delivery ticks to replace, by holder and base.
    pub ticks: Vec<Tick>,
    /// Forget all delivery ticks first.
    pub clear_ticks: bool,
    /// Replicas to write; the higher tick wins.
    pub replicas: Vec<Replica>,
    /// Handed-over records to remember.
    pub handed: Vec<Handed>,
    /// RESYNC (Y1): every row waits again, hidden ones as unpushed; refusals and history marks are taken back.
    pub resend_all: bool,
}
