//! What happens to machines: restarts, backups and older disks, clones, clocks; and messages that come late.

use causal::BaseId;

use crate::codec::Dot;
use crate::disk::Disk;
use crate::ledger::{Checked, Wrong};
use crate::machine::{Backup, Late, Machine, Plan, Talk};
use crate::random::Random;
use crate::talk::Call;
use crate::world::{World, broken};

/// Ten years.
const FAR_MS: i64 = 10 * 365 * 86_400_000;
/// Backups that a machine keeps.
const BACKUPS_MAX: usize = 3;

impl<D: Disk> World<D> {
    /// A process ends in order, or dies, and starts again.
    pub async fn restart(&mut self, dice: &mut Random) -> Checked {
        let at = dice.below(self.machines.len());
        let orderly = dice.percent(50);
        self.trace.note(format!("{} restarts, orderly {orderly}", self.machines[at].name));
        let done = match orderly {
            true => self.machines[at].restart().await,
            false => self.machines[at].recover().await,
        };
        done.map_err(broken("starting again"))?;
        self.look(at).await
    }

    /// A backup is made of a disk.
    pub fn back_up(&mut self, dice: &mut Random) -> Checked {
        let at = dice.below(self.machines.len());
        let machine = &mut self.machines[at];
        let backup = machine.back_up().map_err(Wrong)?;
        machine.backups.push(backup);
        if machine.backups.len() > BACKUPS_MAX {
            machine.backups.remove(0);
        }
        self.trace.note(format!("{} is backed up", self.machines[at].name));
        Ok(())
    }

    /// A disk is replaced by an older copy of it.
    pub async fn restore(&mut self, dice: &mut Random) -> Checked {
        let all: Vec<usize> =
            (0..self.machines.len()).filter(|at| !self.machines[*at].backups.is_empty()).collect();
        let Some(at) = dice.of(&all).copied() else { return Ok(()) };
        let nth = dice.below(self.machines[at].backups.len());
        let backup = self.machines[at].backups.swap_remove(nth);
        self.restore_to(at, &backup).await
    }

    /// The disk of a machine is replaced by this copy.
    pub async fn restore_to(&mut self, at: usize, backup: &Backup<D>) -> Checked {
        self.trace.note(format!("{} is restored", self.machines[at].name));
        self.restored = true;
        let lost: Vec<Dot> = self.machines[at].held().copied().collect();
        self.machines[at].restore(backup).await.map_err(broken("starting a restored disk"))?;
        self.look(at).await?;
        let others = self.held_by_others(at);
        let here: std::collections::BTreeSet<Dot> = self.machines[at].held().copied().collect();
        let gone = lost.into_iter().filter(|dot| !others.contains(dot) && !here.contains(dot));
        self.ledger.destroyed.extend(gone);
        Ok(())
    }

    /// A copy of a disk starts to live beside the original.
    pub async fn clone_machine(&mut self, seed: u64, dice: &mut Random) -> Checked {
        let at = 1 + dice.below(self.machines.len() - 1);
        if self.machines.iter().any(|m| m.is_clone && m.base == self.machines[at].base) {
            return Ok(());
        }
        let original = &self.machines[at];
        let backup = original.back_up().map_err(Wrong)?;
        let plan = Plan {
            base: original.base,
            name: format!("{}'", original.name),
            disk: backup.disk,
            schema: original.schema.clone(),
            newer: original.newer,
            settings: original.settings,
            random: Random::of_part(seed, 1_000 + self.step as u64),
        };
        self.trace.note(format!("{} is cloned", original.name));
        let time = self.time.clone();
        let mut machine = Machine::start(plan, &time).await.map_err(broken("starting a clone"))?;
        (machine.is_clone, machine.ever, machine.dropped) = (true, backup.ever, backup.dropped);
        self.machines.push(machine);
        self.look(self.machines.len() - 1).await
    }

    /// A clock is set wrong, or right again.
    pub fn jump(&mut self, dice: &mut Random) {
        let at = dice.below(self.machines.len());
        let offset_ms = *dice.of(&[0, FAR_MS, -FAR_MS]).unwrap_or(&0);
        self.trace.note(format!("the clock of {} is {offset_ms} ms off", self.machines[at].name));
        self.machines[at].clock.set_wrong(offset_ms);
    }

    /// A message arrives late, or once more.
    pub async fn late(&mut self, dice: &mut Random) -> Checked {
        if self.late.is_empty() {
            return Ok(());
        }
        let at = dice.below(self.late.len());
        match self.late.swap_remove(at) {
            Late::Hello(parent, base, hello, digest) => {
                let answer = self.machines[parent].office.handshake(base, &hello, &digest).await;
                self.after(parent, "late hello", answer.map(drop)).await.map(drop)
            }
            Late::Batch(parent, base, session, batch) => {
                self.trace.note("late:".into());
                self.threaten(parent, dice);
                self.receive(parent, base, session, vec![batch]).await.map(drop)
            }
            Late::Welcome(parent, base, session, at_ms) => {
                let Some(child) = self.machine_of(base) else { return Ok(()) };
                if self.above(child) != Some(parent) {
                    return Ok(());
                }
                if !matches!(self.machines[child].talk, Talk::Hello(..) | Talk::Welcome(..)) {
                    return Ok(());
                }
                self.trace.note("late welcome".into());
                self.begin(child, *session, at_ms, dice, true).await
            }
            Late::Ack(base, ack) => self.late_ack(base, ack).await,
        }
    }

    /// An acknowledgement of another round reaches a push: it is not believed.
    async fn late_ack(&mut self, base: BaseId, ack: crate::machine::Ack) -> Checked {
        let Some(child) = self.machine_of(base) else { return Ok(()) };
        let Talk::Push(mut push) = std::mem::replace(&mut self.machines[child].talk, Talk::Idle) else {
            return Ok(());
        };
        let (session, index, position, verdicts) = ack;
        let named = verdicts.into_iter().filter(|(_, v)| *v != sync::parent::Verdict::Ok).collect();
        let office = &self.machines[child].office;
        let settled = office.acknowledge(&mut push.round, session, index, position, named).await;
        if session == push.session && settled.is_ok() {
            // The answer itself was on its way still: it has only come sooner.
            push.down.retain(|ack| ack.1 != index);
            push.last_acked |= push.last_index == Some(index);
        }
        if !matches!(self.after(child, "late ack", settled).await?, Call::Died(_)) {
            self.machines[child].talk = Talk::Push(push);
        }
        Ok(())
    }
}
