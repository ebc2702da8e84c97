//! A whole federation on this machine, told as a story and checked from outside.
//!
//! Every node is a process of the real program with a folder of its own; everything the story does, it does through
//! the command line, as a person would. The [`checker`] reads the nodes' databases and answers from outside.
//!
//! What this crate must never know: the engine. It depends on `domain` for the story's input (the tree of bases, the
//! divisions, made-up codes) and on none of the crates that store, merge, send or answer, so that a check can never
//! pass because checker and node share a mistake.
//!
//! Begin reading at [`run`], then one file of `story` per chapter.

mod bodies;
mod cable;
pub mod checker;
mod error;
mod federation;
mod forge;
mod node;
pub mod older;
mod options;
mod parallel;
mod program;
mod report;
mod story;
mod voice;

pub use error::DemoError;
pub use options::{DemoOptions, Profile, UnknownProfile};
pub use report::{Check, DemoReport};
pub use story::run;
