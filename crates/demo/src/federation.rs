//! The federation of the story: the plan of its bases, the node of each, the cable that can be cut.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use domain::plan::{BasePlan, Rung};

use crate::bodies::short_name;
use crate::cable::Cable;
use crate::error::DemoError;
use crate::node::{Node, Syncing, free_ports};
use crate::parallel::each;
use crate::program::Program;

/// All nodes, and who sits where.
pub(crate) struct Federation {
    /// Every base, each after the one above it.
    pub plan: Vec<BasePlan>,
    /// The ids of the bases in the registry, by place in the plan; filled when they are registered.
    pub ids: Vec<String>,
    /// Nodes in the order of the plan.
    nodes: Vec<Arc<Node>>,
    /// The cable between the street that is cut off and the node above it.
    pub cable: Cable,
}

/// What one round of syncs moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub nodes: usize,
    pub up: u64,
    pub down: u64,
    pub refused: u64,
}

impl Federation {
    /// Lays out a folder for every base that has a node of its own; starts nothing.
    pub async fn lay_out(
        plan: Vec<BasePlan>,
        folder: &Path,
        program: &Program,
    ) -> Result<Federation, DemoError> {
        let ports = free_ports(plan.len())?;
        let has_children = |at: usize| plan.iter().any(|base| base.parent == Some(at) && !base.hosted);
        let own = plan.iter().zip(ports).enumerate().filter(|(_, (base, _))| !base.hosted);
        let nodes: Vec<Arc<Node>> = own
            .map(|(at, (base, port))| {
                let name = short_name(&base.name);
                let listen = has_children(at).then_some(port);
                Arc::new(Node::new(at, name, folder.join(name), listen, program.clone()))
            })
            .collect();
        let cut = cut_off(&plan);
        let above = plan[cut].parent.and_then(|at| nodes.iter().find(|node| node.at == at));
        let above = above.and_then(|node| node.listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
        let cable = Cable::lay(above).await.map_err(|source| DemoError::Network { source })?;
        let ids = vec![String::new(); plan.len()];
        Ok(Federation { plan, ids, nodes, cable })
    }

    /// Writes every node's settings; they count from its next start on.
    pub fn configure(&self, syncing: Syncing) -> Result<(), DemoError> {
        self.nodes.iter().try_for_each(|node| node.configure(self.dials(node), syncing))
    }

    /// Ends the processes of all who run and starts them again, the highest tier first.
    pub async fn restart(&self) -> Result<(), DemoError> {
        for tier in self.tiers() {
            let started = each(tier, |node| async move {
                match node.pid().await {
                    Some(_) => node.restart().await,
                    None => Ok(()),
                }
            });
            started.await?;
        }
        Ok(())
    }

    /// The address under which a node reaches the one above it.
    pub fn dials(&self, node: &Node) -> Option<SocketAddr> {
        let parent = self.parent(node)?;
        if node.at == cut_off(&self.plan) { Some(self.cable.address()) } else { parent.listen }
    }

    /// All nodes.
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// The city's node.
    pub fn city(&self) -> &Arc<Node> {
        &self.nodes[0]
    }

    /// The node that serves a base: its own, or the nearest above.
    pub fn serves(&self, at: usize) -> &Arc<Node> {
        let own = self.nodes.iter().find(|node| node.at == at);
        own.unwrap_or_else(|| self.plan[at].parent.map_or(self.city(), |above| self.serves(above)))
    }

    /// The node above.
    pub fn parent(&self, node: &Node) -> Option<&Arc<Node>> {
        self.plan[node.at].parent.map(|above| self.serves(above))
    }

    /// The street whose cable can be cut.
    pub fn cut_off(&self) -> &Arc<Node> {
        self.serves(cut_off(&self.plan))
    }

    /// The street that loses its power: the last with a node of its own.
    pub fn dark(&self) -> &Arc<Node> {
        let streets = self.nodes.iter().rev().find(|node| self.plan[node.at].rung == Rung::Street);
        streets.unwrap_or(self.city())
    }

    /// The street that is given to another district, and that district; none where there is no second one.
    pub fn transfer(&self) -> Option<(Arc<Node>, Arc<Node>)> {
        let to = self.parent(self.cut_off())?;
        let is_elsewhere = |node: &&Arc<Node>| {
            let above = self.parent(node);
            self.plan[node.at].rung == Rung::Street
                && node.at != self.dark().at
                && above.is_some_and(|above| above.at != to.at)
        };
        Some((self.nodes.iter().find(is_elsewhere)?.clone(), to.clone()))
    }

    /// From here on a base has another one above it.
    pub fn transferred(&mut self, at: usize, to: usize) {
        self.plan[at].parent = Some(to);
    }

    /// Places in the plan of all streets.
    pub fn streets(&self) -> Vec<usize> {
        (0..self.plan.len()).filter(|at| self.plan[*at].rung == Rung::Street).collect()
    }

    /// Nodes by depth; the city stands alone in the first tier.
    pub fn tiers(&self) -> Vec<Vec<Arc<Node>>> {
        let mut tiers: Vec<Vec<Arc<Node>>> = Vec::new();
        for node in &self.nodes {
            let depth = std::iter::successors(self.parent(node), |above| self.parent(above)).count();
            tiers.resize_with(tiers.len().max(depth + 1), Vec::new);
            tiers[depth].push(node.clone());
        }
        tiers
    }

    /// Syncs everybody who runs, the lowest tier first.
    pub async fn sync_up(&self) -> Result<Moved, DemoError> {
        self.sync(self.tiers().into_iter().rev()).await
    }

    /// Syncs everybody who runs, the highest tier first.
    pub async fn sync_down(&self) -> Result<Moved, DemoError> {
        self.sync(self.tiers().into_iter()).await
    }

    async fn sync(&self, tiers: impl Iterator<Item = Vec<Arc<Node>>>) -> Result<Moved, DemoError> {
        let mut moved = Moved::default();
        for tier in tiers {
            let dialling = tier.into_iter().filter(|node| self.parent(node).is_some());
            let reports = each(dialling, |node| async move {
                match node.pid().await {
                    Some(_) => node.done(&["sync"]).await.map(Some),
                    None => Ok(None),
                }
            });
            for report in reports.await?.into_iter().flatten() {
                moved.nodes += 1;
                moved.up += report.number("pushed")?;
                moved.down += report.number("pulled")?;
                moved.refused += report.number("refused")?;
            }
        }
        Ok(moved)
    }

    /// Syncs up and down until nothing moves any more; how many rounds it took, none when it never came to rest.
    pub async fn settle(&self) -> Result<Option<usize>, DemoError> {
        for round in 1..=SETTLE_ROUNDS_MAX {
            let (up, down) = (self.sync_up().await?, self.sync_down().await?);
            if up.up + up.down + down.up + down.down == 0 {
                return Ok(Some(round));
            }
        }
        Ok(None)
    }
}

/// Up, down and once more must do; more than this means that nodes tell each other the same thing for ever.
const SETTLE_ROUNDS_MAX: usize = 5;

/// The first street with a node of its own.
fn cut_off(plan: &[BasePlan]) -> usize {
    plan.iter().position(|base| base.rung == Rung::Street && !base.hosted).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Profile;

    #[tokio::test]
    async fn tiers_follow_the_plan() {
        for (profile, sizes) in [
            (Profile::Small, vec![1, 2, 4]),
            (Profile::Dongguan, vec![1, 36]),
            (Profile::Shenzhen, vec![1, 10, 20]),
        ] {
            let program = Program::new("shuniu".into());
            let all = Federation::lay_out(profile.plan(), Path::new("x"), &program).await.unwrap();
            assert_eq!(all.tiers().iter().map(Vec::len).collect::<Vec<_>>(), sizes);
            assert_ne!(all.dark().at, all.cut_off().at);
            assert_eq!(all.transfer().is_some(), sizes.len() == 3);
            if let Some((street, to)) = all.transfer() {
                assert!(![all.dark().at, all.cut_off().at].contains(&street.at));
                assert!(to.at < street.at, "a base stands after the one above it");
            }
            assert_eq!(all.dials(all.cut_off()), Some(all.cable.address()));
        }
    }
}
