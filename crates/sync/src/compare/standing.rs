//! Why a record is not the same at both ends, as the child can tell.

use super::{Held, Unlike};
use crate::model::Unsent;

/// What the child knows of one of its rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mine {
    /// The row by its digest.
    pub held: Held,
    /// The number of its last change.
    pub seq: u64,
    /// Whether it waits for the parent.
    pub unsent: Unsent,
    /// The parent refused it.
    pub refused: bool,
}

/// At which end a record is found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// Only at the child.
    OnlyHere,
    /// Only at the parent.
    OnlyAbove,
    /// At both, in different states.
    Differs,
}

impl Place {
    /// A stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Place::OnlyHere => "only_here",
            Place::OnlyAbove => "only_above",
            Place::Differs => "differs",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Place::OnlyHere => "只有本机有",
            Place::OnlyAbove => "只有上级有",
            Place::Differs => "两边内容不同",
        }
    }
}

/// Why.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Why {
    /// It waits to be sent up.
    WaitsUp,
    /// The parent's change waits to be pulled.
    WaitsDown,
    /// The parent withdrew it while it held unpushed edits: it is kept, and goes when they have arrived.
    Hidden,
    /// The parent refused it.
    Refused,
    /// The parent holds it until it can be verified.
    Held,
    /// This node keeps it aside: what the parent sent could not be taken.
    KeptAside,
    /// For none of these reasons.
    Unexplained,
}

impl Why {
    /// The next sync settles it: not a fault, but the moment at which it was looked at.
    pub fn is_in_flight(self) -> bool {
        matches!(self, Why::WaitsUp | Why::WaitsDown | Why::Hidden)
    }

    /// A stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Why::WaitsUp => "waits_up",
            Why::WaitsDown => "waits_down",
            Why::Hidden => "hidden",
            Why::Refused => "refused",
            Why::Held => "held",
            Why::KeptAside => "kept_aside",
            Why::Unexplained => "unexplained",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Why::WaitsUp => "待上报",
            Why::WaitsDown => "待下发",
            Why::Hidden => "已收回,因有未上报的修改暂存",
            Why::Refused => "上级未接收",
            Why::Held => "上级暂存,待核实",
            Why::KeptAside => "本机未接收,在隔离区",
            Why::Unexplained => "原因不明",
        }
    }
}

/// Why a row of the child is not held above in the same state. `cursor` is the number up to which the child has
/// pulled the parent's changes; `is_aside` when the parent said that it keeps the row aside.
pub fn why(mine: &Mine, above: &Unlike, cursor: u64, is_aside: bool) -> Why {
    if mine.refused {
        Why::Refused
    } else if mine.unsent != Unsent::Clean {
        Why::WaitsUp
    } else if is_aside {
        Why::Held
    } else if above.seq > cursor {
        Why::WaitsDown
    } else {
        Why::Unexplained
    }
}
