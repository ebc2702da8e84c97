//! The full DNS name of a base: its path in the tree at the time the certificate was issued.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hex;

/// The id of a base.
pub type BaseId = [u8; 16];

/// The domain beneath which all names live; `.internal` is reserved for private use and never resolves.
pub const DOMAIN: &str = "shuniu.internal";

/// How many levels a tree may have, root included. A DNS name has at most 253 characters, a level takes 34, and
/// `invite.` must still fit in front; the verifier behind rustls follows at most six issuing CAs as well.
pub const DEPTH_MAX: usize = 6;

/// The full DNS name of a base, `<own label>.<parent's label>…<root's label>.shuniu.internal`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeName {
    /// Own base first, root last; never empty, never longer than [`DEPTH_MAX`], no id twice.
    path: Vec<BaseId>,
    text: String,
}

/// Why a text or a path is not the name of a base.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text does not end in the federation's domain.
    #[error("the name does not end in .{DOMAIN}")]
    Domain,
    /// A label is not `b` and 32 lower-case hexadecimal digits.
    #[error("label {position} of the name is not that of a base")]
    Label {
        /// Which label, counted from 0 at the left.
        position: usize,
    },
    /// The path is longer than [`DEPTH_MAX`].
    #[error("the name has more than {DEPTH_MAX} levels")]
    TooDeep,
    /// A base would be its own ancestor.
    #[error("a base occurs twice in the name")]
    Loop,
}

impl NodeName {
    /// Names the root of a federation.
    pub fn root(base: BaseId) -> Self {
        Self { path: vec![base], text: format!("{}.{DOMAIN}", label(&base)) }
    }

    /// Names a child of this base.
    pub fn child(&self, base: BaseId) -> Result<Self, NameError> {
        let mut path = vec![base];
        path.extend_from_slice(&self.path);
        Self::from_path(path)
    }

    /// Reads the one accepted spelling: lower case, no trailing dot, no wildcard.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let labels =
            text.strip_suffix(DOMAIN).and_then(|rest| rest.strip_suffix('.')).ok_or(NameError::Domain)?;
        let mut path = Vec::new();
        for (position, label) in labels.split('.').enumerate() {
            if position >= DEPTH_MAX {
                return Err(NameError::TooDeep);
            }
            let id = label.strip_prefix('b').and_then(hex::decode).ok_or(NameError::Label { position })?;
            path.push(id);
        }
        Self::from_path(path)
    }

    fn from_path(path: Vec<BaseId>) -> Result<Self, NameError> {
        if path.len() > DEPTH_MAX {
            return Err(NameError::TooDeep);
        }
        if (1..path.len()).any(|at| path[..at].contains(&path[at])) {
            return Err(NameError::Loop);
        }
        let text = path.iter().map(|id| label(id) + ".").collect::<String>() + DOMAIN;
        Ok(Self { path, text })
    }

    /// The base that is named.
    pub fn base(&self) -> BaseId {
        self.path[0]
    }

    /// The base above it, which issued its certificate; none above the root.
    pub fn issuer(&self) -> Option<BaseId> {
        self.path.get(1).copied()
    }

    /// The full name of the base above it; none above the root.
    pub fn parent(&self) -> Option<NodeName> {
        (self.path.len() > 1).then(|| Self {
            path: self.path[1..].to_vec(),
            text: self.text.split_once('.').map_or_else(String::new, |(_, rest)| rest.to_owned()),
        })
    }

    /// All bases of the name, own base first, root last.
    pub fn path(&self) -> Vec<BaseId> {
        self.path.clone()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name under which an invited base calls before it has a certificate of its own.
    pub(crate) fn invite_dns(&self) -> String {
        format!("{INVITE_PREFIX}{}", self.text)
    }
}

/// What stands before a base's name in its invite certificate.
pub(crate) const INVITE_PREFIX: &str = "invite.";

/// The label of a base: `b` and the 32 hexadecimal digits of its id.
pub(crate) fn label(base: &BaseId) -> String {
    format!("b{}", hex::encode(base))
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeName({})", self.text)
    }
}

impl std::str::FromStr for NodeName {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for NodeName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> String {
        name.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_and_knows_its_path() {
        let street = NodeName::root([1; 16]).child([2; 16]).unwrap().child([0xab; 16]).unwrap();
        assert_eq!(NodeName::parse(street.as_str()), Ok(street.clone()));
        assert_eq!(street.path(), vec![[0xab; 16], [2; 16], [1; 16]]);
        assert_eq!((street.base(), street.issuer()), ([0xab; 16], Some([2; 16])));
        assert_eq!(street.parent().unwrap().parent().unwrap(), NodeName::root([1; 16]));
        assert_eq!(NodeName::root([1; 16]).parent(), None);
        assert!(street.as_str().starts_with("babababab"));
    }

    #[test]
    fn the_deepest_name_and_its_invite_fit_into_dns() {
        let mut name = NodeName::root([0; 16]);
        for level in 1..DEPTH_MAX {
            name = name.child([level as u8; 16]).unwrap();
        }
        assert!(name.invite_dns().len() <= 253);
        assert_eq!(name.child([99; 16]), Err(NameError::TooDeep));
        assert_eq!(NodeName::parse(&format!("{}.{name}", label(&[99; 16]))), Err(NameError::TooDeep));
    }

    #[test]
    fn other_spellings_are_refused() {
        let good = NodeName::root([0xab; 16]).to_string();
        let cases = [
            (String::new(), NameError::Domain),
            (DOMAIN.to_owned(), NameError::Domain),
            (format!(".{DOMAIN}"), NameError::Label { position: 0 }),
            (format!("{good}."), NameError::Domain),
            (good.to_uppercase(), NameError::Domain),
            (good.replace("babab", "bABAB"), NameError::Label { position: 0 }),
            (format!("*.{good}"), NameError::Label { position: 0 }),
            (format!("invite.{good}"), NameError::Label { position: 0 }),
            (good.replacen('b', "", 1), NameError::Label { position: 0 }),
            (good.replace(".shuniu", "..shuniu"), NameError::Label { position: 1 }),
            (good.replace(".shuniu", "xshuniu"), NameError::Domain),
            (format!("{}.{good}", label(&[0xab; 16])), NameError::Loop),
        ];
        for (text, error) in cases {
            assert_eq!(NodeName::parse(&text), Err(error), "{text}");
        }
    }
}
