//! The list of bugs, and which one is on.

use std::sync::atomic::{AtomicUsize, Ordering};

macro_rules! bugs {
    ($($name:ident: $words:literal,)*) => {
        /// A bug that can be switched on.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Bug {
            $(#[doc = $words] $name,)*
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Bug] = &[$(Bug::$name,)*];

            /// What is wrong with it on.
            pub fn words(self) -> &'static str {
                match self {
                    $(Bug::$name => $words,)*
                }
            }
        }
    };
}

bugs! {
    AckBeforeCommit: "acknowledge before commit",
    CursorWithoutTimeline: "cursor without timeline",
    PullPositionOnly: "position of the pull only",
    ReplicaKept: "replica id kept after restore",
    SealAfterSnapshot: "seal minted after the snapshot",
    SealInFirstBatch: "seal in the first batch",
    PartialState: "partial state sent",
    NoWithdraw: "no withdraw",
    WithdrawDropsUnpushed: "withdraw drops unpushed edits",
    NoTouch: "no touch when scope grows",
    ResyncMarksNothing: "re-parenting and RESYNC mark nothing",
    PulledKeepSeq: "pulled rows keep their seq",
    SeqNotInOrder: "seq not in commit order",
    AckClearsChanged: "ack clears a row that changed",
    LateAckBelieved: "late ack believed",
    PullOverwrites: "pull overwrites unpushed rows",
    SaveCoversAll: "a save covers what its form did not show",
    AuthorityUnchecked: "authority unchecked",
    TodaysTree: "authority judged by today's tree",
    ContextBelieved: "context believed",
    ForgedDot: "forged dot accepted",
    OwnLostRefused: "own lost dots refused",
    LoserDropped: "loser dropped by a rule",
    CorrectedBack: "correction that the next tier corrects back",
    UnlikeSpared: "comparison that spares what differs",
}

/// The bug that is on: its place in the list, counted from 1; 0 for none.
static SELECTED: AtomicUsize = AtomicUsize::new(0);

/// Switches one bug on and all others off, in this whole process.
pub fn select(bug: Option<Bug>) {
    SELECTED.store(bug.map_or(0, |bug| bug as usize + 1), Ordering::Relaxed);
}

/// Whether a bug is on.
pub fn is_on(bug: Bug) -> bool {
    SELECTED.load(Ordering::Relaxed) == bug as usize + 1
}
