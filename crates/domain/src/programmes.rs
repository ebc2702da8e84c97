//! 规程: what a programme of work asks beyond the shape of its data, one file each, registered by name.
//!
//! Options of the contract only name a guard. A contract travels and a program does not, so that a node may meet a name
//! that it has no guard for: whoever runs guards then refuses the step, and never takes it unguarded.

mod correction;

/// A step of a workflow that somebody is about to take.
#[derive(Debug, Clone, Copy)]
pub struct Taken<'a> {
    /// What was written with it.
    pub opinion: &'a str,
}

/// What a guard has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The step is not taken.
    Block(String),
    /// The step is taken, and the person told.
    Warn(String),
}

/// Looks at a step before it is saved where it is taken.
pub type Guard = fn(&Taken<'_>) -> Option<Finding>;

const GUARDS: &[(&str, Guard)] = &[("opinion_given", correction::opinion_given)];

/// The guard with this name, if this program has it.
pub fn guard(name: &str) -> Option<Guard> {
    GUARDS.iter().find(|(known, _)| *known == name).map(|(_, guard)| *guard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_are_found_by_name() {
        let guard = guard("opinion_given").expect("it is registered");
        assert_eq!(guard(&Taken { opinion: "登记证书上就是如此" }), None);
        assert!(matches!(guard(&Taken { opinion: " \n" }), Some(Finding::Block(_))));
        assert!(super::guard("").is_none() && super::guard("opinion").is_none());
    }
}
