//! One machine: a disk, the office that runs over it, a clock of its own, and what the oracle has seen on the disk.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use causal::{BaseId, Context, RecordId};
use office::{Me, Office, OfficeError, Outside, PushedBatch, Round, Secret, Session, Settings};
use schema::Schema;
use store::{Opening, StoreError};
use sync::parent::Hello;
use sync::{Position, Seal, TimelineId};

use crate::codec::{Copy, Dot};
use crate::disk::Disk;
use crate::faulty::{Fate, Faulty};
use crate::random::{Dice, Random};

/// A clock that goes with all others, but may have been set wrong.
#[derive(Clone)]
pub struct Hands {
    time: Arc<AtomicU64>,
    offset_ms: Arc<AtomicI64>,
}

impl Hands {
    /// A right clock.
    pub fn of(time: &Arc<AtomicU64>) -> Hands {
        Hands { time: time.clone(), offset_ms: Arc::default() }
    }

    /// Sets it wrong by so much.
    pub fn set_wrong(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }
}

impl office::Clock for Hands {
    fn now_ms(&self) -> u64 {
        self.time.load(Ordering::Relaxed).saturating_add_signed(self.offset_ms.load(Ordering::Relaxed))
    }
}

/// The engine of a machine.
pub type EngineOf<D> = Faulty<<D as Disk>::Engine>;

/// An acknowledgement on its way.
pub type Ack = (u64, u32, Position, Vec<(RecordId, sync::parent::Verdict)>);

/// How far a machine is in talking to the one above.
pub enum Talk<D: Disk> {
    /// It is not talking.
    Idle,
    /// What it said of itself is on its way up.
    Hello(Hello, Vec<u8>),
    /// The answer is on its way down, with the parent's clock at that moment.
    Welcome(Box<Session>, u64),
    /// It pushes.
    Push(Box<Push<D>>),
    /// It pulls.
    Pull(Box<Round<EngineOf<D>>>, u64),
}

/// A push under way: batches go up in order, acknowledgements come down in order.
pub struct Push<D: Disk> {
    pub round: Round<EngineOf<D>>,
    /// The edits of its own base that it held when the round began: what its seal claims.
    pub began: BTreeSet<Dot>,
    pub session: u64,
    pub up: VecDeque<PushedBatch>,
    pub down: VecDeque<Ack>,
    pub all_sent: bool,
    pub last_acked: bool,
    pub last_index: Option<u32>,
    /// What comes down with the answer to the last batch.
    pub below: Option<office::PulledPage>,
}

/// What stands on a disk of one record, as the oracle read it.
#[derive(Clone)]
pub struct Seen {
    pub kind: String,
    pub seq: u64,
    pub state: Vec<u8>,
    pub copy: Copy,
    pub hidden: bool,
    pub refused: bool,
    /// The edits that it holds.
    pub held: BTreeSet<Dot>,
}

/// A form that somebody opened and will save later.
pub struct Form {
    pub id: RecordId,
    pub version: Context,
    pub standing: BTreeSet<Dot>,
}

/// A write of which the answer has not been heard yet.
#[derive(Default)]
pub struct Pending {
    /// Which record; `None` for a new one.
    pub id: Option<RecordId>,
    /// The edits that its form showed.
    pub form: BTreeSet<Dot>,
}

/// A disk as it was at some time, with what the oracle knew of it then.
pub struct Backup<D> {
    pub disk: D,
    pub ever: BTreeSet<Dot>,
    pub dropped: BTreeSet<RecordId>,
}

/// A machine.
pub struct Machine<D: Disk> {
    pub base: BaseId,
    pub name: String,
    /// A second machine with the disk of another.
    pub is_clone: bool,
    pub disk: D,
    pub office: Office<EngineOf<D>>,
    pub engine: EngineOf<D>,
    pub clock: Hands,
    pub chance: Arc<Dice>,
    pub schema: Arc<Schema>,
    pub newer: bool,
    pub settings: Settings,
    pub talk: Talk<D>,
    /// The machine at the other end of its line.
    pub partner: Option<usize>,
    /// What the last whole round did.
    pub finished: Option<crate::talk::Moved>,
    pub copies: BTreeMap<RecordId, Seen>,
    pub seals: Vec<Seal>,
    /// All edits that were ever on this disk.
    pub ever: BTreeSet<Dot>,
    /// Records that this disk once held and no longer does.
    pub dropped: BTreeSet<RecordId>,
    pub forms: Vec<Form>,
    pub backups: Vec<Backup<D>>,
    pub pending: Option<Pending>,
    /// The replica with which it writes now.
    pub replica: Option<u64>,
}

/// The secret of a base: its clones and restored disks have it too.
fn secret_of(base: BaseId) -> Secret {
    let mut bytes = [0x5a; 32];
    bytes[..16].copy_from_slice(&base.0);
    Secret::new(&bytes)
}

/// Opens an office over a disk.
async fn open<D: Disk>(
    disk: &mut D,
    (base, schema, settings): (BaseId, &Arc<Schema>, Settings),
    clock: &Hands,
    chance: &Arc<Dice>,
) -> Result<(EngineOf<D>, Office<EngineOf<D>>), OfficeError> {
    use office::{Chance as _, Clock as _};
    let opening = Opening { now_ms: clock.now_ms(), timeline: TimelineId(chance.u64()) };
    let engine = Faulty::new(disk.open(schema.clone(), opening).await?);
    let me = Me { base, federation: "模拟".into() };
    let outside = Outside { clock: Arc::new(clock.clone()), chance: chance.clone() };
    let office =
        Office::with_engine(engine.clone(), schema.clone(), me, settings, secret_of(base), outside).await?;
    Ok((engine, office))
}

/// What a new machine is made of.
pub struct Plan<D> {
    pub base: BaseId,
    pub name: String,
    pub disk: D,
    pub schema: Arc<Schema>,
    pub newer: bool,
    pub settings: Settings,
    pub random: Random,
}

impl<D: Disk> Machine<D> {
    /// Sets a machine up and starts its office.
    ///
    /// # Errors
    /// What the office says.
    pub async fn start(plan: Plan<D>, time: &Arc<AtomicU64>) -> Result<Machine<D>, OfficeError> {
        let Plan { base, name, mut disk, schema, newer, settings, random } = plan;
        let (clock, chance) = (Hands::of(time), Arc::new(Dice::new(random)));
        let (engine, office) = open(&mut disk, (base, &schema, settings), &clock, &chance).await?;
        Ok(Machine {
            base,
            name,
            is_clone: false,
            disk,
            office,
            engine,
            clock,
            chance,
            schema,
            newer,
            settings,
            talk: Talk::Idle,
            partner: None,
            finished: None,
            copies: BTreeMap::new(),
            seals: Vec::new(),
            ever: BTreeSet::new(),
            dropped: BTreeSet::new(),
            forms: Vec::new(),
            backups: Vec::new(),
            pending: None,
            replica: None,
        })
    }

    /// Starts the office anew over the disk as it is.
    async fn start_again(&mut self) -> Result<(), OfficeError> {
        let who = (self.base, &self.schema, self.settings);
        let (engine, office) = open(&mut self.disk, who, &self.clock, &self.chance).await?;
        (self.engine, self.office) = (engine, office);
        Ok(())
    }

    /// The process ended in order and starts again.
    ///
    /// # Errors
    /// What the office says.
    pub async fn restart(&mut self) -> Result<(), OfficeError> {
        self.end();
        D::close(self.engine.plain().clone()).await;
        self.start_again().await
    }

    /// The process died, and starts again over what the disk holds.
    ///
    /// # Errors
    /// What the office says.
    pub async fn recover(&mut self) -> Result<(), OfficeError> {
        self.end();
        self.disk = self.disk.copy().map_err(|words| StoreError::Corrupt { what: words })?;
        self.start_again().await
    }

    /// The disk was replaced by an older copy of it.
    ///
    /// # Errors
    /// What the office says.
    pub async fn restore(&mut self, backup: &Backup<D>) -> Result<(), OfficeError> {
        self.end();
        self.disk = backup.disk.copy().map_err(|words| StoreError::Corrupt { what: words })?;
        (self.ever, self.dropped) = (backup.ever.clone(), backup.dropped.clone());
        self.copies.clear();
        self.seals.clear();
        self.start_again().await
    }

    /// What a process forgets when it ends.
    fn end(&mut self) {
        self.talk = Talk::Idle;
        self.forms.clear();
        self.replica = None;
        self.engine.plan(None);
    }

    /// A copy of the disk as it is.
    ///
    /// # Errors
    /// What the file system says.
    pub fn back_up(&self) -> Result<Backup<D>, String> {
        Ok(Backup { disk: self.disk.copy()?, ever: self.ever.clone(), dropped: self.dropped.clone() })
    }

    /// Lets something happen to one of the next commits.
    pub fn threaten(&self, pass: u32, fate: Option<Fate>) {
        self.engine.plan(fate.map(|fate| (pass, fate)));
    }

    /// All edits on the disk.
    pub fn held(&self) -> impl Iterator<Item = &Dot> {
        self.copies.values().flat_map(|seen| &seen.held)
    }
}

/// A message that arrives late, or once more: first the machine that it went to or came from, where the line matters.
pub enum Late {
    Hello(usize, BaseId, Hello, Vec<u8>),
    Batch(usize, BaseId, u64, PushedBatch),
    Ack(BaseId, Ack),
    Welcome(usize, BaseId, Box<Session>, u64),
}
