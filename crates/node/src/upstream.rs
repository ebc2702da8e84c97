//! Where the parent is, and by what name it proves itself: as the invite said at first, as the tree says after a move.

use causal::BaseId;
use pki::NodeName;
use record::Tree;

use crate::config::Config;
use crate::error::NodeError;
use crate::folder::{Folder, NodeFile};

/// The node above this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upstream {
    pub base: BaseId,
    pub name: NodeName,
    pub address: String,
}

impl Upstream {
    /// The parent as the node's files tell it; `None` at the root.
    pub(crate) fn of_files(
        folder: &Folder,
        file: &NodeFile,
        config: &Config,
    ) -> Result<Option<Upstream>, NodeError> {
        let Some(name) = file.parent_name.as_deref() else { return Ok(None) };
        let damaged = |_| NodeError::Damaged { file: folder.path().join("node.json") };
        let name = NodeName::parse(name).map_err(damaged)?;
        let address = file.parent_address(config);
        Ok(Some(Upstream { base: BaseId(name.base()), name, address }))
    }

    /// The parent as the tree tells it now, if that is another one, or another name of the same.
    pub(crate) fn of_tree(&self, tree: &Tree, me: BaseId) -> Option<Result<Upstream, NodeError>> {
        let base = tree.link_parent(me)?;
        let name = name_in(tree, base)?;
        if base == self.base {
            let renamed = name != self.name;
            return renamed.then(|| Ok(Upstream { name, ..self.clone() }));
        }
        let address = tree.get(base).map(|b| b.address.clone()).unwrap_or_default();
        Some(match address.is_empty() {
            true => Err(NodeError::ParentWithoutAddress { parent: tree.name(base) }),
            false => Ok(Upstream { base, name, address }),
        })
    }
}

/// The name under which a base's node is certified: the path of nodes up to the root.
pub(crate) fn name_in(tree: &Tree, base: BaseId) -> Option<NodeName> {
    tree.get(base)?;
    match tree.link_parent(base) {
        None => Some(NodeName::root(base.0)),
        Some(above) if above == base => None,
        // A loop in the tree makes a name that is too deep, which is none.
        Some(_) => {
            let mut path: Vec<BaseId> = vec![tree.node_of(base)];
            while let Some(above) = path.last().and_then(|at| tree.link_parent(*at)) {
                if path.len() > pki::DEPTH_MAX {
                    return None;
                }
                path.push(above);
            }
            let root = NodeName::root(path.pop()?.0);
            path.into_iter().rev().try_fold(root, |name, base| name.child(base.0).ok())
        }
    }
}
