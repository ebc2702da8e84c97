//! Facts about a parent that seldom change. A child that has heard them says so with their mark, and is told them no more.

use prost::Message as _;
use sha2::{Digest, Sha256};

use crate::sync::Welcome;

impl Welcome {
    /// The facts alone, with their mark if they have one.
    pub fn facts_alone(&self) -> Welcome {
        Welcome::default().with_facts(self)
    }

    /// As it goes to a child that remembers the facts under the mark `known`; 0: none.
    #[must_use]
    pub fn without_known(self, known: u64) -> Welcome {
        let facts = mark(&self.facts_alone());
        if facts == known { self.with_facts(&Welcome::default()) } else { Welcome { facts, ..self } }
    }

    /// With all facts, of which those not told are as `before`.
    #[must_use]
    pub fn with_known(self, before: Option<&Welcome>) -> Welcome {
        match before {
            // A parent always has a version: without it the facts were left out.
            Some(before) if self.version.is_empty() => self.with_facts(before),
            _ => self,
        }
    }

    fn with_facts(self, facts: &Welcome) -> Welcome {
        Welcome {
            version: facts.version.clone(),
            spread_ms: facts.spread_ms,
            letter_key: facts.letter_key.clone(),
            contract_version: facts.contract_version,
            signed_contract: facts.signed_contract,
            statement_at_ms: facts.statement_at_ms,
            facts: facts.facts,
            ..self
        }
    }
}

/// Never 0, which says that nothing is remembered.
fn mark(facts: &Welcome) -> u64 {
    let digest = Sha256::digest(facts.encode_to_vec());
    let first = digest.iter().take(8).fold(0, |mark, byte| (mark << 8) | u64::from(*byte));
    first.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Welcome {
        Welcome {
            session: 7,
            epoch: 3,
            version: "0.3.0".into(),
            spread_ms: 600,
            letter_key: vec![9; 33],
            contract_version: 4,
            signed_contract: 4,
            statement_at_ms: 1_795_000_000_000,
            ..Welcome::default()
        }
    }

    // Wrong: a child that goes on with what its parent was before the upgrade; one that forgets what it was told.
    #[test]
    fn facts_are_told_once_and_again_when_one_changes() {
        let first = full().without_known(0);
        assert!(first.facts != 0 && first.encoded_len() > 70);
        let again = Welcome { session: 8, epoch: 4, ..full() }.without_known(first.facts);
        assert!(again.encoded_len() < 20, "{again:?}");
        let heard = again.with_known(Some(&first));
        assert_eq!(heard, Welcome { session: 8, epoch: 4, facts: first.facts, ..full() });
        let changes: [fn(&mut Welcome); 6] = [
            |w| w.version = "0.4.0".into(),
            |w| w.spread_ms += 1,
            |w| w.letter_key[0] = 8,
            |w| w.contract_version += 1,
            |w| w.signed_contract += 1,
            |w| w.statement_at_ms += 1,
        ];
        for change in changes {
            let mut next = full();
            change(&mut next);
            let told = next.clone().without_known(first.facts);
            assert_eq!(told, Welcome { facts: told.facts, ..next });
            assert_ne!(told.facts, first.facts);
            assert_eq!(told.clone().with_known(Some(&first)), told, "what is told counts");
        }
    }

    // Wrong: what an older parent says is taken for silence.
    #[test]
    fn a_parent_that_knows_no_marks_tells_everything() {
        let remembered = full().without_known(0);
        let older = Welcome { version: "0.2.0".into(), letter_key: Vec::new(), ..full() };
        assert_eq!(older.clone().with_known(Some(&remembered)), older);
    }
}
