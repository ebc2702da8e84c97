//! Live changes: who is told that there is something new, and when a node syncs because of it.
//!
//! A child holds one Watch open to its parent. What goes over it is never data, only word of it: "there is something
//! for you, up to here". The data itself takes the way of every round, with all its checks; a lost Watch costs time
//! and nothing else.
//!
//! [`Exchange`] is the parent's side, [`Listener`] the child's; [`Calls`] is 催报, at both.

mod calls;
mod exchange;
mod listener;
mod pace;

pub use calls::{CALL_MS_MAX, CALLED_MAX, Call, CallId, Calls, OpenCall, Progress, Stage};
pub use exchange::{Exchange, LineId, News};
pub use listener::Listener;
pub use pace::{PROGRESS_MAX, Pace, SAY_EVERY_MS};

use crate::Position;

/// What a child is told over its Watch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Down {
    /// There is something for it, up to this position.
    News(Position),
    /// It is to sync now, and to pass the call on.
    Call(Call),
}
