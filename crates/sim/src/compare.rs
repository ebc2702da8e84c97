//! After RESYNC a machine asks the one above what both hold alike; its questions may be lost half-way.

use causal::BaseId;
use office::{Above, Office, OfficeError, Round};
use sync::compare::{RangesAsked, RangesTold, RowsAsked, RowsTold};

use crate::disk::Disk;
use crate::ledger::Checked;
use crate::machine::EngineOf;
use crate::random::Random;
use crate::talk::Call;
use crate::world::World;

/// The machine above, as long as questions arrive there.
struct Asked<'m, D: Disk> {
    office: &'m Office<EngineOf<D>>,
    child: BaseId,
    session: u64,
    /// Questions that arrive.
    left: usize,
}

impl<D: Disk> Asked<'_, D> {
    fn arrive(&mut self) -> Result<(), OfficeError> {
        self.left = self.left.checked_sub(1).ok_or(OfficeError::SessionEnded)?;
        Ok(())
    }
}

impl<D: Disk> Above for Asked<'_, D> {
    type Error = OfficeError;

    async fn ranges(&mut self, asked: &RangesAsked) -> Result<RangesTold, OfficeError> {
        self.arrive()?;
        self.office.compare_ranges(self.child, self.session, asked).await
    }

    async fn rows(&mut self, asked: &RowsAsked) -> Result<RowsTold, OfficeError> {
        self.arrive()?;
        self.office.compare_rows(self.child, self.session, asked).await
    }
}

impl<D: Disk> World<D> {
    /// Compares before a push; answers whether the round goes on. What was not compared is sent as it is.
    pub async fn spare(
        &mut self,
        (child, parent): (usize, usize),
        round: &mut Round<EngineOf<D>>,
        session: u64,
        dice: &mut Random,
        faults: bool,
    ) -> Checked<bool> {
        if self.options.compares == 0 || !round.compares {
            return Ok(true);
        }
        let mut left = usize::MAX;
        if faults {
            self.threaten(child, dice);
            // Of the two questions that these worlds take, none, one or both arrive.
            if dice.percent(self.options.loss) {
                left = dice.below(3);
            }
        }
        let (office, base) = (&self.machines[parent].office, self.machines[child].base);
        let mut above = Asked::<D> { office, child: base, session, left };
        let compared = self.machines[child].office.spare(round, &mut above).await;
        let goes_on = !matches!(self.after(child, "compares", compared).await?, Call::Died(_));
        self.trace.note(format!("{} is spared {}", self.machines[child].name, round.spared));
        Ok(goes_on)
    }
}
