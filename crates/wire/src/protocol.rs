//! Which versions of the protocol between two nodes a program speaks, and which one two of them use.
//!
//! Nodes are upgraded one by one, over weeks, from above or from below: a program speaks the version before its own too,
//! and what a version added is used only where both speak it.

/// The protocol version of [`crate::sync`] that this program speaks.
pub const PROTOCOL: u32 = 2;

/// The oldest version that it still speaks.
pub const PROTOCOL_OLDEST: u32 = 1;

/// Since which version a later call is there.
pub mod since {
    /// `Contract`: the signed contract travels down.
    pub const CONTRACT: u32 = 2;
    /// The root's signed word on who sits where is exchanged.
    pub const STATEMENT: u32 = 2;
    /// `CompareRanges`, `CompareRows`: what both hold alike is not sent.
    pub const COMPARE: u32 = 2;
    /// `Round`: handshake and push in one call.
    pub const ROUND: u32 = 2;
    /// `Watch`: word of changes at once.
    pub const WATCH: u32 = 2;
}

/// The versions that a program speaks: all from the oldest to the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// The newest.
    pub newest: u32,
    /// The oldest.
    pub oldest: u32,
}

/// Those of this program.
pub const OURS: Versions = Versions { newest: PROTOCOL, oldest: PROTOCOL_OLDEST };

/// Two programs that have no version in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outdated {
    /// This program is the older one.
    Ours,
    /// The other one is.
    Theirs,
}

impl Versions {
    /// What a peer said of itself. Version 1 did not tell its oldest: it speaks nothing else.
    pub fn told(newest: u32, oldest: u32) -> Versions {
        Versions { newest, oldest: if oldest == 0 { newest } else { oldest.min(newest) } }
    }

    /// The version to use with a peer: the highest that both speak.
    ///
    /// # Errors
    /// [`Outdated`] with the side that has to be upgraded.
    pub fn settle(self, theirs: Versions) -> Result<u32, Outdated> {
        let common = self.newest.min(theirs.newest);
        if common < self.oldest {
            return Err(Outdated::Theirs);
        }
        if common < theirs.oldest { Err(Outdated::Ours) } else { Ok(common) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_common_version_is_used() {
        let ours = Versions { newest: 5, oldest: 4 };
        for (newest, oldest, expected) in [
            (5, 4, Ok(5)),
            (4, 0, Ok(4)),
            (4, 3, Ok(4)),
            (6, 5, Ok(5)),
            (9, 4, Ok(5)),
            (3, 0, Err(Outdated::Theirs)),
            (3, 2, Err(Outdated::Theirs)),
            (0, 0, Err(Outdated::Theirs)),
            (6, 6, Err(Outdated::Ours)),
            (6, 0, Err(Outdated::Ours)),
            (4, 9, Ok(4)),
        ] {
            assert_eq!(ours.settle(Versions::told(newest, oldest)), expected, "{newest} down to {oldest}");
        }
    }
}
