//! The sync protocol as pure decisions: positions and timelines, scope, verdicts, seals, schedules.
//!
//! Every function takes what was read from a store and gives back [`Changes`] for one transaction; a store
//! performs them. Nothing here knows tokio, gRPC, SQL, a clock or a random source, so that the same code runs
//! under a simulated federation and under a real one.
//!
//! Begin with [`model`](crate::Changes), then [`parent`] and [`child`]; [`compare`] spares what both ends hold alike,
//! [`watch`] is what makes changes live, [`conduct`] slows down who sends what cannot be taken.

pub mod carried;
pub mod child;
pub mod compare;
pub mod conduct;
pub mod correct;
mod heartbeat;
mod model;
pub mod moves;
pub mod parent;
mod position;
pub mod schedule;
pub mod watch;

pub use heartbeat::{Heard, Heartbeat, Memory};
pub use model::{
    Changes, Handed, Link, NewRow, NewWithdraw, Quarantined, Reason, Replica, Revision, Row, Seal, Tick,
    Unsent, Withdraw, limits,
};
pub use position::{Position, Timeline, TimelineId, Timelines};
