//! A machine talks to the one above, message by message; each message may be lost, cut off, or arrive once more.

use std::collections::{BTreeMap, VecDeque};

use office::{OfficeError, PushedBatch};
use store::{Engine, StoreError};
use sync::parent::{Incoming, Verdict};

use crate::disk::Disk;
use crate::faulty::Fate;
use crate::ledger::{Checked, Wrong};
use crate::machine::{Ack, Late, Push, Talk};
use crate::random::Random;
use crate::world::{World, incoming, might_be_for};

/// Batches sent and not yet acknowledged.
const WINDOW: usize = 3;
/// How many steps a cut lasts at most.
const CUT_STEPS: usize = 40;

/// What became of a call.
pub enum Call<T> {
    /// It was answered.
    Done(T),
    /// It was refused, or the session has ended: the talk is over.
    Over,
    /// The process that was called died, and runs again by now; what it had answered before that, if it had.
    Died(Option<T>),
}

impl<D: Disk> World<D> {
    /// Looks after a call at the machine `at`: starts it again if it died, and looks at its disk.
    pub async fn after<T>(
        &mut self,
        at: usize,
        what: &str,
        result: Result<T, OfficeError>,
    ) -> Checked<Call<T>> {
        let name = self.machines[at].name.clone();
        if self.machines[at].engine.is_dead() {
            self.trace.note(format!("{name} {what}: died"));
            self.machines[at].recover().await.map_err(crate::world::broken("starting again"))?;
            self.look(at).await?;
            return Ok(Call::Died(result.ok()));
        }
        self.machines[at].threaten(0, None);
        self.look(at).await?;
        match result {
            Ok(answer) => Ok(Call::Done(answer)),
            Err(error) if is_expected(&error) => {
                self.trace.note(format!("{name} {what}: {}", error.code()));
                Ok(Call::Over)
            }
            Err(error) => Err(Wrong(format!("{name} {what}: {error:?}"))),
        }
    }

    /// Before a call: something may happen to one of its commits.
    pub fn threaten(&mut self, at: usize, dice: &mut Random) {
        let pass = dice.between(0, 2);
        let after = dice.percent(50);
        let crash = dice.percent(self.options.crashes);
        let full = dice.percent(self.options.full_disk);
        let fate = match (crash, full) {
            (true, _) => Some(if after { Fate::CrashAfter } else { Fate::CrashBefore }),
            (_, true) => Some(Fate::Full),
            _ => None,
        };
        self.machines[at].threaten(pass, fate);
    }

    /// Whether a message gets through.
    fn arrives(&mut self, child: usize, upward: bool, dice: &mut Random) -> bool {
        let base = self.machines[child].base;
        let (lost, cut) = (dice.percent(self.options.loss), dice.percent(self.options.cuts));
        let until = self.step + 1 + dice.below(CUT_STEPS);
        if cut {
            self.cuts.insert((base, upward), until);
        }
        let is_cut = self.cuts.get(&(base, upward)).is_some_and(|until| *until > self.step);
        if lost || is_cut {
            self.trace.note(format!(
                "{} {}: lost",
                self.machines[child].name,
                if upward { "up" } else { "down" }
            ));
        }
        !(lost || is_cut)
    }

    /// A message that was sent may arrive once more, or only later.
    fn keep_for_later(&mut self, dice: &mut Random, message: impl FnOnce() -> Late) {
        if dice.percent(self.options.duplication) {
            self.late.push(message());
        }
    }

    /// The next message of a machine's talk with the one above.
    ///
    /// # Errors
    /// What the oracle finds wrong.
    pub async fn advance(&mut self, child: usize, dice: &mut Random, faults: bool) -> Checked {
        let Some(parent) = self.above(child) else { return Ok(()) };
        if self.machines[child].partner.replace(parent).is_some_and(|before| before != parent) {
            // The line goes to another by now, and what was begun on the old one ends with it.
            self.machines[child].talk = Talk::Idle;
        }
        match std::mem::replace(&mut self.machines[child].talk, Talk::Idle) {
            Talk::Idle => self.say_hello(child, parent, dice, faults).await,
            Talk::Hello(hello, digest) => {
                self.answer_hello(child, parent, (hello, digest), dice, faults).await
            }
            Talk::Welcome(session, at_ms) => self.begin(child, *session, at_ms, dice, faults).await,
            Talk::Push(push) => self.push((child, parent), push, dice, faults).await,
            Talk::Pull(round, session) => self.pull(child, parent, (round, session), dice, faults).await,
        }
    }

    async fn say_hello(&mut self, child: usize, parent: usize, dice: &mut Random, faults: bool) -> Checked {
        let said = self.machines[child].office.hello("sim").await;
        if let Call::Done((hello, digest)) = self.after(child, "hello", said).await? {
            if faults {
                let base = self.machines[child].base;
                self.keep_for_later(dice, || Late::Hello(parent, base, hello.clone(), digest.clone()));
                if !self.arrives(child, true, dice) {
                    return Ok(());
                }
            }
            self.machines[child].talk = Talk::Hello(hello, digest);
        }
        Ok(())
    }

    async fn answer_hello(
        &mut self,
        child: usize,
        parent: usize,
        (hello, digest): (sync::parent::Hello, Vec<u8>),
        dice: &mut Random,
        faults: bool,
    ) -> Checked {
        let base = self.machines[child].base;
        if faults {
            self.threaten(parent, dice);
        }
        let answer = self.machines[parent].office.handshake(base, &hello, &digest).await;
        let at_ms = self.machines[parent].office.now_ms();
        let session = match self.after(parent, "handshake", answer).await? {
            Call::Done(session) => session,
            Call::Over if self.options.reseats > 0 => return self.exchange(child, parent).await,
            _ => return Ok(()),
        };
        // Half of the parents get round to it before the push.
        if session.heard_more && session.id % 2 == 1 {
            let kept = self.machines[parent].office.keep_heartbeat(base, session.id).await;
            self.after(parent, "keeping a heartbeat", kept).await?;
        }
        if self.options.reseats > 0 {
            self.exchange(child, parent).await?;
        }
        self.trace
            .note(format!("{} is let in, resync {}", self.machines[child].name, session.welcome.resync));
        if faults {
            self.keep_for_later(dice, || Late::Welcome(parent, base, Box::new(session.clone()), at_ms));
            if !self.arrives(child, false, dice) {
                return Ok(());
            }
        }
        self.machines[child].talk = Talk::Welcome(Box::new(session), at_ms);
        Ok(())
    }

    /// The child begins its round with what the parent answered.
    pub async fn begin(
        &mut self,
        child: usize,
        session: office::Session,
        at_ms: u64,
        dice: &mut Random,
        faults: bool,
    ) -> Checked {
        let registry: Vec<Incoming> = session.registry.iter().map(incoming).collect();
        if faults {
            self.threaten(child, dice);
        }
        let office = &self.machines[child].office;
        let begun = office.begin_round(session.id, &session.welcome, at_ms, 0, "sim", &registry).await;
        let Call::Done(mut round) = self.after(child, "begin", begun).await? else { return Ok(()) };
        if let Some(parent) = self.above(child)
            && !self.spare((child, parent), &mut round, session.id, dice, faults).await?
        {
            return Ok(());
        }
        let push = Push {
            round,
            began: self.own_edits(child, u64::MAX),
            session: session.id,
            up: VecDeque::new(),
            down: VecDeque::new(),
            all_sent: false,
            last_acked: false,
            last_index: None,
            below: None,
        };
        self.machines[child].talk = Talk::Push(Box::new(push));
        Ok(())
    }

    async fn push(
        &mut self,
        (child, parent): (usize, usize),
        mut push: Box<Push<D>>,
        dice: &mut Random,
        faults: bool,
    ) -> Checked {
        if push.last_acked {
            self.machines[child].talk = Talk::Pull(Box::new(push.round), push.session);
            return Ok(());
        }
        let send = !push.all_sent && push.up.len() + push.down.len() < WINDOW;
        let turn = dice.below(3);
        if send && (turn == 0 || (push.up.is_empty() && push.down.is_empty())) {
            return self.send((child, parent), push, dice, faults).await;
        }
        if !push.up.is_empty() && (turn == 1 || push.down.is_empty()) {
            return self.deliver(child, parent, push, dice, faults).await;
        }
        match push.down.pop_front() {
            Some(ack) => self.settle_ack(child, push, ack, dice, faults).await,
            None => {
                self.machines[child].talk = Talk::Push(push);
                Ok(())
            }
        }
    }

    async fn send(
        &mut self,
        (child, parent): (usize, usize),
        mut push: Box<Push<D>>,
        dice: &mut Random,
        faults: bool,
    ) -> Checked {
        let next = self.machines[child].office.next_batch(&mut push.round).await;
        let Call::Done(next) = self.after(child, "next batch", next).await? else { return Ok(()) };
        match next {
            None => push.all_sent = true,
            Some(batch) => {
                push.all_sent = batch.last;
                push.last_index = batch.last.then_some(batch.index);
                batch.seals.iter().for_each(|seal| self.note_seal(child, seal, &push.began));
                let batch = PushedBatch::from(batch);
                if faults {
                    let (base, session) = (self.machines[child].base, push.session);
                    self.keep_for_later(dice, || Late::Batch(parent, base, session, batch.clone()));
                    if !self.arrives(child, true, dice) {
                        return Ok(());
                    }
                }
                push.up.push_back(batch);
            }
        }
        self.machines[child].talk = Talk::Push(push);
        Ok(())
    }

    async fn deliver(
        &mut self,
        child: usize,
        parent: usize,
        mut push: Box<Push<D>>,
        dice: &mut Random,
        faults: bool,
    ) -> Checked {
        // Several batches may share a transaction.
        let count = 1 + dice.below(push.up.len());
        let batches: Vec<PushedBatch> = push.up.drain(..count).collect();
        let base = self.machines[child].base;
        if faults {
            self.threaten(parent, dice);
        }
        let last = batches.iter().any(|batch| batch.last);
        let Some(acks) = self.receive(parent, base, push.session, batches).await? else { return Ok(()) };
        if last && self.options.along > 0 {
            push.below = self.brought_along(child, parent, &push).await?;
        }
        for ack in acks {
            if faults {
                self.keep_for_later(dice, || Late::Ack(base, ack.clone()));
                if !self.arrives(child, false, dice) {
                    return Ok(());
                }
            }
            push.down.push_back(ack);
        }
        self.machines[child].talk = Talk::Push(push);
        Ok(())
    }

    /// What a pull would bring, where one page is all of it.
    async fn brought_along(
        &mut self,
        child: usize,
        parent: usize,
        push: &Push<D>,
    ) -> Checked<Option<office::PulledPage>> {
        let base = self.machines[child].base;
        let page = self.machines[parent].office.whole_pull(base, push.session, push.round.cursor()).await;
        let Call::Done(page) = self.after(parent, "page along", page).await? else { return Ok(None) };
        if let Some(page) = &page {
            self.check_page(child, parent, page)?;
        }
        Ok(page)
    }

    /// The parent takes batches; nothing when it did not answer.
    pub async fn receive(
        &mut self,
        parent: usize,
        base: causal::BaseId,
        session: u64,
        batches: Vec<PushedBatch>,
    ) -> Checked<Option<Vec<Ack>>> {
        let indexes: Vec<u32> = batches.iter().map(|batch| batch.index).collect();
        let what = format!("takes {} of {}", describe(&batches), self.bases.name(base));
        let mut coming: VecDeque<Vec<PushedBatch>> = match self.options.portions {
            0 => [batches].into(),
            _ => batches.into_iter().map(|batch| vec![batch]).collect(),
        };
        let taken = self.machines[parent].office.receive_coming(base, session, &mut coming).await;
        let acked = match self.after(parent, &what, taken).await? {
            Call::Done(acked) | Call::Died(Some(acked)) => acked,
            _ => return Ok(None),
        };
        let acks: Vec<Ack> = indexes
            .into_iter()
            .zip(acked)
            .map(|(index, (position, verdicts))| (session, index, position, verdicts))
            .collect();
        for (id, verdict) in acks.iter().flat_map(|ack| &ack.3) {
            if let Verdict::Quarantined(reason, _) = verdict {
                self.waits_for_a_person(*id, *reason);
            }
        }
        let verdicts: Vec<String> = acks
            .iter()
            .flat_map(|ack| &ack.3)
            .map(|(id, v)| format!("{} {}", short(*id), words(v)))
            .collect();
        self.trace.note(format!("{} {what}: {}", self.machines[parent].name, verdicts.join(", ")));
        Ok(Some(acks))
    }

    async fn settle_ack(
        &mut self,
        child: usize,
        mut push: Box<Push<D>>,
        (session, index, position, verdicts): Ack,
        dice: &mut Random,
        faults: bool,
    ) -> Checked {
        if faults {
            self.threaten(child, dice);
        }
        let named: BTreeMap<_, _> = verdicts.into_iter().filter(|(_, v)| *v != Verdict::Ok).collect();
        let office = &self.machines[child].office;
        let is_last = push.last_index == Some(index) && push.down.is_empty();
        if let Some(page) = push.below.take_if(|_| is_last) {
            let ack = office::Acknowledged { session, index, ack: position, verdicts: named };
            let taken = office.acknowledge_with_page(&mut push.round, vec![ack], page).await;
            if let Call::Done(outcome) = self.after(child, "ack and page", taken).await? {
                let machine = &mut self.machines[child];
                match outcome.end {
                    true => machine.finished = Some(Moved::of(&push.round)),
                    false => machine.talk = Talk::Pull(Box::new(push.round), push.session),
                }
            }
            return Ok(());
        }
        let settled = office.acknowledge(&mut push.round, session, index, position, named).await;
        if let Call::Done(()) = self.after(child, "ack", settled).await? {
            push.last_acked = push.last_index == Some(index);
            self.machines[child].talk = Talk::Push(push);
        }
        Ok(())
    }

    async fn pull(
        &mut self,
        child: usize,
        parent: usize,
        (mut round, session): (Box<office::Round<crate::machine::EngineOf<D>>>, u64),
        dice: &mut Random,
        faults: bool,
    ) -> Checked {
        let base = self.machines[child].base;
        let page = self.machines[parent].office.page(base, session, round.cursor()).await;
        let Call::Done(page) = self.after(parent, "page", page).await? else { return Ok(()) };
        self.check_page(child, parent, &page)?;
        if faults {
            if !self.arrives(child, false, dice) {
                return Ok(());
            }
            self.threaten(child, dice);
        }
        let taken = self.machines[child].office.receive_page(&mut round, page).await;
        if let Call::Done(outcome) = self.after(child, "page", taken).await? {
            let machine = &mut self.machines[child];
            if outcome.end {
                machine.finished = Some(Moved::of(&round));
            } else {
                machine.talk = Talk::Pull(round, session);
            }
        }
        Ok(())
    }

    /// A page carries nothing that its receiver may not see.
    fn check_page(&mut self, child: usize, parent: usize, page: &office::PulledPage) -> Checked {
        let base = self.machines[child].base;
        for row in &page.rows {
            let seen = self.machines[parent].copies.get(&row.id);
            if row.kind != crate::contract::REGISTRY
                && !seen.is_some_and(|s| might_be_for(&self.bases, &s.copy, base))
            {
                let (above, below) = (&self.machines[parent].name, &self.machines[child].name);
                return Err(Wrong(format!("{above} sends {} to {below}, which may not see it", row.id)));
            }
        }
        self.trace.note(format!(
            "{} pulls {} up to {}, withdrawn {}",
            self.machines[child].name,
            page.rows.iter().map(|row| short(row.id)).collect::<Vec<_>>().join(" "),
            page.position.seq,
            page.withdrawn.iter().map(|id| short(*id)).collect::<Vec<_>>().join(" ")
        ));
        Ok(())
    }

    /// A whole round without faults; nothing when the machine is not let in.
    pub async fn whole_round(&mut self, child: usize) -> Checked<Option<Moved>> {
        let machine = &mut self.machines[child];
        (machine.talk, machine.finished) = (Talk::Idle, None);
        let mut dice = Random::new(0);
        for _ in 0..MESSAGES_MAX {
            self.advance(child, &mut dice, false).await?;
            if matches!(self.machines[child].talk, Talk::Idle) {
                return Ok(self.machines[child].finished.take());
            }
        }
        Err(Wrong(format!("a round of {} does not end", self.machines[child].name)))
    }
}

/// More messages than any round of these worlds has.
const MESSAGES_MAX: usize = 20_000;

/// What a round did.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Moved {
    pub pushed: u64,
    pub pulled: u64,
    pub withdrawn: u64,
    pub refused: u64,
    pub resync: bool,
}

impl Moved {
    fn of<E: Engine>(round: &office::Round<E>) -> Moved {
        Moved {
            pushed: round.pushed,
            pulled: round.pulled,
            withdrawn: round.withdrawn,
            refused: round.refused,
            resync: round.resync,
        }
    }
}

fn is_expected(error: &OfficeError) -> bool {
    matches!(
        error,
        OfficeError::SessionEnded
            | OfficeError::NotAdmitted { .. }
            | OfficeError::NotMine { .. }
            | OfficeError::Store(StoreError::DiskFull { .. })
    )
}

fn describe(batches: &[PushedBatch]) -> String {
    let one = |batch: &PushedBatch| {
        let ids: Vec<String> = batch.records.iter().map(|r| short(r.id)).collect();
        format!("#{}[{}]{}", batch.index, ids.join(" "), if batch.last { "." } else { "" })
    };
    batches.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// A record's id, short enough for a trace.
pub fn short(id: causal::RecordId) -> String {
    id.to_string()[24..].to_owned()
}

fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Ok => "ok".into(),
        Verdict::Withdraw => "withdraw".into(),
        Verdict::Quarantined(reason, detail) => format!("{reason:?} {detail}"),
    }
}
