//! Bases are moved beneath others, and the root's word on who sits where travels with whoever calls (H2).

use causal::BaseId;
use office::KeptStatement;
use sync::parent::Incoming;

use crate::disk::Disk;
use crate::ledger::{Checked, Wrong};
use crate::random::Random;
use crate::world::{World, broken, incoming};

/// Percent of the moves that go beneath any base, a street too; the others go beneath the city or a district.
const DEEPER: u32 = 15;

impl<D: Disk> World<D> {
    /// The root gives some base another place.
    pub async fn reseat(&mut self, dice: &mut Random) -> Checked {
        let root = self.bases.root();
        let all = self.bases.all();
        let movable: Vec<BaseId> = all.iter().filter(|base| **base != root).copied().collect();
        let Some(base) = dice.of(&movable).copied() else { return Ok(()) };
        let deeper = dice.percent(DEEPER);
        let fits = |to: &&BaseId| {
            !self.bases.is_within(**to, base) && (deeper || !self.bases.name(**to).starts_with('s'))
        };
        let places: Vec<BaseId> = all.iter().filter(fits).copied().collect();
        let Some(to) = dice.of(&places).copied() else { return Ok(()) };
        self.trace.note(format!("{} goes beneath {}", self.bases.name(base), self.bases.name(to)));
        let moved = self.machines[0].office.move_base(base, to, "admin").await;
        self.after(0, "moves a base", moved).await.map(drop)
    }

    /// Takes note of who sits where, as the root has it by now: a restored root has it as it was.
    pub fn learn_seats(&mut self) {
        let tree = self.machines[0].office.tree();
        for base in tree.iter() {
            self.bases.set_parent(base.id, base.parent);
        }
    }

    /// The root's latest words on both sides are told to the other, whether or not the caller is let in.
    pub async fn exchange(&mut self, child: usize, parent: usize) -> Checked {
        let (below, above) = (self.statement_of(child).await?, self.statement_of(parent).await?);
        self.hear_root(parent, &below).await?;
        self.hear_root(child, &above).await
    }

    /// What a machine can tell; the root makes it anew when the bases have changed. Signatures are not simulated: what
    /// travels is the number of a statement that only the root can have made.
    async fn statement_of(&mut self, at: usize) -> Checked<KeptStatement> {
        let doing = "stating who sits where";
        let office = &self.machines[at].office;
        if at == 0
            && let Some((at_ms, rows)) = office.to_be_signed().await.map_err(broken(doing))?
        {
            let bytes = self.statements.len().to_be_bytes().to_vec();
            self.statements.push(rows.iter().map(incoming).collect());
            let statement = KeptStatement { at_ms, bytes };
            office.keep_signed(&statement, &rows).await.map_err(broken(doing))?;
        }
        self.machines[at].office.statement().await.map_err(broken(doing))
    }

    async fn hear_root(&mut self, at: usize, statement: &KeptStatement) -> Checked {
        if statement.at_ms == 0 {
            return Ok(());
        }
        let number: [u8; 8] =
            statement.bytes[..].try_into().map_err(|_| Wrong("a statement that nobody made".into()))?;
        let bases: Vec<Incoming> = self.statements[usize::from_be_bytes(number)].clone();
        let heard = self.machines[at].office.hear_root(statement, &bases).await;
        self.after(at, "hears the root", heard.map(drop)).await.map(drop)
    }
}
