//! What only the store keeps, beside the types of `sync`.

use causal::{BaseId, RecordId};

/// A permission to join, good for one use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invite {
    /// Digest of the secret code; the code itself is not stored.
    pub code_hash: [u8; 32],
    /// Which base may join with it.
    pub base: BaseId,
    /// Who issued it.
    pub issued_by: String,
    /// When, UTC milliseconds.
    pub issued_at_ms: u64,
    /// From when on it is worth nothing, UTC milliseconds.
    pub expires_at_ms: u64,
    /// When it was used.
    pub used_at_ms: Option<u64>,
}

/// What became of an attempt to use an invite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InviteState {
    /// It was good, and is used up by this attempt.
    Taken(Invite),
    /// It was used before.
    Used(Invite),
    /// It came too late.
    Expired(Invite),
    /// There is no such invite.
    Unknown,
}

/// A file that was made to be carried to the parent by hand, as it is remembered until its receipt comes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exported {
    /// Its random name.
    pub id: u64,
    /// When it was made, UTC milliseconds.
    pub made_at_ms: u64,
    /// When its receipt was taken.
    pub settled_at_ms: Option<u64>,
    /// What it carried and what it presumed, in whatever form the use cases keep it.
    pub content: Vec<u8>,
}

/// A certificate that this node issued to a base's node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// Its serial number.
    pub serial: Vec<u8>,
    /// Whose.
    pub base: BaseId,
    /// Until when it is good, UTC milliseconds.
    pub not_after_ms: u64,
    /// When it was issued, UTC milliseconds.
    pub issued_at_ms: u64,
}

/// What a person decided about a record on this node, kept for those who ask later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// When, by this node's clock, UTC milliseconds.
    pub at_ms: u64,
    /// What was done.
    pub act: Act,
    /// With which record.
    pub record: RecordId,
    /// Its kind.
    pub kind: String,
    /// What it was about, in words.
    pub detail: String,
    /// Who decided.
    pub user: String,
    /// Why.
    pub reason: String,
    /// Digest of the state that was put aside for good.
    pub dropped: Option<[u8; 32]>,
}

/// What a person can decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Which of several values stands.
    Resolve,
    /// That a record in quarantine is judged again.
    Release,
    /// That what could not be verified is taken on his word.
    Vouch,
    /// That a record in quarantine is put aside for good.
    Drop,
}

impl Act {
    /// All acts.
    pub const ALL: [Act; 4] = [Act::Resolve, Act::Release, Act::Vouch, Act::Drop];

    /// A stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Act::Resolve => "resolve",
            Act::Release => "release",
            Act::Vouch => "vouch",
            Act::Drop => "drop",
        }
    }

    /// The act with this code.
    pub fn from_code(code: &str) -> Option<Act> {
        Act::ALL.into_iter().find(|act| act.code() == code)
    }
}
