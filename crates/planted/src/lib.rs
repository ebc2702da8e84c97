//! Bugs that can be switched on in a test build, to see that they are caught.
//!
//! `planted::on!(Name)` stands in the engine where a rule is kept, and says in one line what it looks like without it.
//! In an ordinary build the macro is the constant `false`: neither the switch nor a bug's name is in the program. With
//! the feature `switch`, which only the simulation asks for, it reads what the simulation has chosen.

/// Whether a bug is switched on.
#[cfg(not(feature = "switch"))]
#[macro_export]
macro_rules! on {
    ($bug:ident) => {
        $crate::OFF
    };
}

/// What every bug is in an ordinary build.
#[cfg(not(feature = "switch"))]
pub const OFF: bool = false;

/// Whether a bug is switched on.
#[cfg(feature = "switch")]
#[macro_export]
macro_rules! on {
    ($bug:ident) => {
        $crate::is_on($crate::Bug::$bug)
    };
}

#[cfg(feature = "switch")]
mod switch;
#[cfg(feature = "switch")]
pub use switch::{Bug, is_on, select};
