//! What every engine offers: snapshots to read from, and transactions.

use std::future::Future;
use std::sync::Arc;

use causal::{BaseId, RecordId};
use record::{Scope, Shown};
use schema::Schema;
use sync::{
    Changes, Handed, Link, Position, Quarantined, Replica, Revision, Row, Seal, Tick, TimelineId, Timelines,
    Withdraw,
};

use crate::error::StoreError;
use crate::model::{Certificate, Decision, Exported, Invite, InviteState};
use crate::query::{FigureQuery, FigureRow, Page, Query};

/// What an opening needs from outside: a store has neither a clock nor a random source.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// Now, UTC milliseconds.
    pub now_ms: u64,
    /// The random name of the timeline that begins with this opening.
    pub timeline: TimelineId,
}

/// What [`Write::apply`] gave out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Applied {
    /// The number of the first row; the others follow without gaps, the withdraws after the rows.
    pub first_seq: u64,
    /// Where the database stands once the transaction is committed.
    pub position: Position,
}

/// What [`Read::changes_among`] found.
#[derive(Debug, Default)]
pub struct Changed {
    /// The rows that were wanted, by number, with who may see them.
    pub rows: Vec<(Row, Scope)>,
    /// The number of the last record looked at; `None` when there are no more.
    pub upto: Option<u64>,
}

/// A database of records.
pub trait Engine: Clone + Send + Sync + 'static {
    /// Reads as of one moment.
    type Snapshot: Read;
    /// Reads and writes as one.
    type Tx: Write;

    /// Fixes a moment to read as of.
    fn snapshot(&self) -> impl Future<Output = Result<Self::Snapshot, StoreError>> + Send;

    /// Waits until nobody else writes, and begins a transaction. Dropped without [`Write::commit`] it leaves
    /// nothing.
    fn begin(&self) -> impl Future<Output = Result<Self::Tx, StoreError>> + Send;

    /// Reads as of the moment before a transaction; nobody else has written since. Unlike for [`Engine::snapshot`] nobody is
    /// waited for: those who read may themselves be waiting for this transaction to end.
    fn before(&self, tx: &mut Self::Tx) -> impl Future<Output = Result<Self::Snapshot, StoreError>> + Send;

    /// Takes another contract to read records with, such as a newer one that the parent sent. What lists show of a
    /// record follows when its row is written or [`Write::reshow`]n.
    fn adopt(&self, schema: Arc<Schema>) -> impl Future<Output = Result<(), StoreError>> + Send;
}

type Answer<T> = Result<T, StoreError>;

/// Reads, all of one moment. What is asked for and not there is missing in the answer.
pub trait Read: Send {
    /// The records with these ids, in no order.
    fn rows(&mut self, ids: &[RecordId]) -> impl Future<Output = Answer<Vec<Row>>> + Send;

    /// All records of a kind, hidden and deleted ones included, by id.
    fn of_kind(&mut self, kind: &str) -> impl Future<Output = Answer<Vec<Row>>> + Send;

    /// The database's own past.
    fn timelines(&mut self) -> impl Future<Output = Answer<Timelines>> + Send;

    /// Rows that the parent lacks with a number above `after_seq`, by number; hidden ones included, refused ones
    /// not. At least one, then no more than `max_rows` and `max_bytes` of states.
    fn unsent(
        &mut self,
        after_seq: u64,
        max_rows: usize,
        max_bytes: usize,
    ) -> impl Future<Output = Answer<Vec<Row>>> + Send;

    /// How many rows the parent lacks.
    fn unsent_count(&mut self) -> impl Future<Output = Answer<u64>> + Send;

    /// History of these records, in order; only what the parent lacks, if `only_unsent`; at most `limit`.
    fn revisions(
        &mut self,
        records: &[RecordId],
        only_unsent: bool,
        limit: usize,
    ) -> impl Future<Output = Answer<Vec<Revision>>> + Send;

    /// The whole history of one record, in order.
    fn history(&mut self, record: RecordId) -> impl Future<Output = Answer<Vec<Revision>>> + Send;

    /// Rows with ids above `after` (without one from the beginning) up to and including `upto`, by id, hidden ones
    /// included, with who may see them.
    fn by_id(
        &mut self,
        after: Option<RecordId>,
        upto: RecordId,
        limit: usize,
    ) -> impl Future<Output = Answer<Vec<(Row, Scope)>>> + Send;

    /// Looks at the first `limit` records with numbers above `after_seq` that are not hidden, and belong to one of `homes` or
    /// have a scope that is more than their one home: what may concern a child, found without reading what cannot. Of
    /// those the rows whose numbers are `wanted`; the others are not read either.
    fn changes_among(
        &mut self,
        homes: &[BaseId],
        after_seq: u64,
        limit: usize,
        wanted: impl Fn(u64) -> bool + Send,
    ) -> impl Future<Output = Answer<Changed>> + Send;

    /// Withdraws for a child with a number above `after_seq`, by number.
    fn withdraws(
        &mut self,
        child: BaseId,
        after_seq: u64,
        limit: usize,
    ) -> impl Future<Output = Answer<Vec<Withdraw>>> + Send;

    /// All links.
    fn links(&mut self) -> impl Future<Output = Answer<Vec<Link>>> + Send;

    /// All seals, by base and timeline.
    fn seals(&mut self) -> impl Future<Output = Answer<Vec<Seal>>> + Send;

    /// All delivery ticks, by holder and base.
    fn ticks(&mut self) -> impl Future<Output = Answer<Vec<Tick>>> + Send;

    /// Records in quarantine, the latest first.
    fn quarantined(&mut self, limit: usize) -> impl Future<Output = Answer<Vec<Quarantined>>> + Send;

    /// How many records that came in are in quarantine, by the base whose figure they are missing in.
    fn quarantine_counts(&mut self) -> impl Future<Output = Answer<Vec<(BaseId, u64)>>> + Send;

    /// All replicas known, by id.
    fn replicas(&mut self) -> impl Future<Output = Answer<Vec<Replica>>> + Send;

    /// What is remembered of these records that were handed over or dropped.
    fn handed(&mut self, records: &[RecordId]) -> impl Future<Output = Answer<Vec<Handed>>> + Send;

    /// The handed-over records of which nobody has confirmed that they live on, by id.
    fn unattested(&mut self) -> impl Future<Output = Answer<Vec<RecordId>>> + Send;

    /// How often this database has dropped rows: at each change every process takes a new replica id.
    fn forgotten(&mut self) -> impl Future<Output = Answer<u64>> + Send;

    /// A page of a list, and how many there are in all.
    fn list(&mut self, query: &Query) -> impl Future<Output = Answer<Page>> + Send;

    /// A figure: counts by home and by what else is asked for; in order of both.
    fn figure(&mut self, query: &FigureQuery) -> impl Future<Output = Answer<Vec<FigureRow>>> + Send;

    /// A value of the node itself.
    fn meta(&mut self, key: &str) -> impl Future<Output = Answer<Option<Vec<u8>>>> + Send;

    /// What is remembered of a file that was exported to be carried by hand.
    fn exported(&mut self, id: u64) -> impl Future<Output = Answer<Option<Exported>>> + Send;

    /// When the exported files were made whose receipts have not come, the oldest first; UTC milliseconds.
    fn exported_waiting(&mut self) -> impl Future<Output = Answer<Vec<u64>>> + Send;

    /// All invites, the latest first.
    fn invites(&mut self) -> impl Future<Output = Answer<Vec<Invite>>> + Send;

    /// All certificates issued, the latest first.
    fn certificates(&mut self) -> impl Future<Output = Answer<Vec<Certificate>>> + Send;

    /// What people decided here, the latest first.
    fn decisions(&mut self, limit: usize) -> impl Future<Output = Answer<Vec<Decision>>> + Send;

    /// The digests of what was put aside for good of these records, in order, each once.
    fn dropped(
        &mut self,
        records: &[RecordId],
    ) -> impl Future<Output = Answer<Vec<(RecordId, [u8; 32])>>> + Send;
}

/// A transaction.
pub trait Write: Read {
    /// Performs the changes, and gives out the numbers.
    fn apply(&mut self, changes: &Changes) -> impl Future<Output = Answer<Applied>> + Send;

    /// The time to stamp an edit with: `now_ms`, but later than any before it.
    fn saved_at(&mut self, now_ms: u64) -> impl Future<Output = Answer<u64>> + Send;

    /// Lets the times of [`Write::saved_at`] begin again at `now_ms`, if the last one lies more than `ahead_ms` beyond it:
    /// they came from a clock that was wrong. Tells whether they did.
    fn set_back(&mut self, now_ms: u64, ahead_ms: u64) -> impl Future<Output = Answer<bool>> + Send;

    /// Writes anew what lists show of records, without a new number: when a newer contract or a changed tree
    /// reads the same states differently.
    fn reshow(&mut self, shown: &[(RecordId, Shown)]) -> impl Future<Output = Answer<()>> + Send;

    /// Keeps a value of the node itself.
    fn put_meta(&mut self, key: &str, value: &[u8]) -> impl Future<Output = Answer<()>> + Send;

    /// Remembers a file that was exported, and forgets all but the latest `keep`.
    fn put_exported(&mut self, exported: &Exported, keep: usize) -> impl Future<Output = Answer<()>> + Send;

    /// Keeps an invite.
    fn put_invite(&mut self, invite: &Invite) -> impl Future<Output = Answer<()>> + Send;

    /// Uses an invite up, if it is good.
    fn take_invite(
        &mut self,
        code_hash: &[u8; 32],
        now_ms: u64,
    ) -> impl Future<Output = Answer<InviteState>> + Send;

    /// Keeps note of a certificate that was issued.
    fn put_certificate(&mut self, certificate: &Certificate) -> impl Future<Output = Answer<()>> + Send;

    /// Keeps note of what a person decided.
    fn put_decision(&mut self, decision: &Decision) -> impl Future<Output = Answer<()>> + Send;

    /// Makes everything durable.
    fn commit(self) -> impl Future<Output = Answer<()>> + Send;
}
