//! A node whose program is older: it has a contract without some of what is there today.

use std::fs;

pub use demo::older::{KIND_OF_NEW_FIELD, NEW_FIELD, NEW_KIND};

use crate::node::{Federation, Node};

impl Federation {
    /// Lets a node that is not being served be one whose program is older.
    pub fn make_older(&self, node: &Node) {
        let file = self.path("older.bin");
        fs::write(&file, demo::older::CONTRACT).unwrap();
        let settings = node.folder.path().join("shuniu.toml");
        let text = fs::read_to_string(&settings).unwrap();
        fs::write(&settings, format!("contract = \"{file}\"\n{text}")).unwrap();
    }
}
