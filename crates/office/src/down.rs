//! The parent's side of a sync: letting a child in, taking what it pushes, giving what it may see.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use causal::{BaseId, RecordId};
use record::{Standing, Tree};
use sha2::{Digest, Sha256};
use store::{Engine, Read, Write};
use sync::parent::{Claims, Hello, Incoming, Received, Welcome, welcome};
use sync::{Changes, Handed, Heard, Link, Position, Row, Tick, TimelineId, Unsent, limits};

use crate::echoes::Echoes;
use crate::{Office, OfficeError};

/// Spread between the children's daily starts, so that 08:00 is no stampede.
const SPREAD_MS: u64 = 10 * 60_000;
/// Rows looked for in one read while the next page for a child is gathered: what a page holds, for what is read beyond
/// it is read again for the next.
const SCAN_ROWS: usize = limits::BATCH_RECORDS;

/// A child's open session at this node.
pub(crate) struct Open {
    id: u64,
    timeline: TimelineId,
    link: Link,
    echoes: Echoes,
    told: Vec<Tick>,
    /// The batches of this session that were taken, without a gap from the first: the next one's number.
    next_batch: u32,
    /// Its link's memory is not kept yet.
    heard_more: bool,
}

/// The answer to a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Names the session; a newer one ends it.
    pub id: u64,
    /// Where this node stands, and whether everything must be sent again.
    pub welcome: Welcome,
    /// The child's share of the spread of daily times, milliseconds.
    pub spread_ms: u64,
    /// The bases' records, when the child's differ from this node's.
    pub registry: Vec<Row>,
    /// [`Office::keep_heartbeat`] is to be called a while later.
    pub heard_more: bool,
}

/// One page of a pull.
#[derive(Debug, Clone, Default)]
pub struct PulledPage {
    /// The cursor after it.
    pub position: Position,
    /// The records.
    pub rows: Vec<Row>,
    /// Records no longer in the child's scope.
    pub withdrawn: Vec<RecordId>,
    /// Nothing comes after it.
    pub end: bool,
    /// With the end: who above holds which seals of the child's subtree.
    pub ticks: Vec<Tick>,
}

impl<E: Engine> Office<E> {
    /// Whether a base's node may talk to this one now.
    ///
    /// # Errors
    /// [`OfficeError::NotAdmitted`] with the reason.
    pub fn admit(&self, child: BaseId) -> Result<(), OfficeError> {
        let tree = self.tree();
        let refuse = |words: String| Err(OfficeError::NotAdmitted { words });
        let Some(base) = tree.get(child) else {
            return refuse("本基地不在名录中,请联系上级管理员 / this base is not in the registry".into());
        };
        if base.standing == Standing::Barred || self.barred().bases.contains(&child) {
            return refuse(format!(
                "“{}”的节点已被停用或注销,请联系上级管理员 / this node has been revoked",
                base.name
            ));
        }
        if tree.link_parent(child) != Some(self.me.base) {
            return refuse(format!("“{}”的上级节点不是本节点 / this node is not its parent", base.name));
        }
        Ok(())
    }

    /// Opens a session (H1–H5); an earlier one of the same child ends.
    ///
    /// # Errors
    /// [`OfficeError`] when the child is not let in.
    pub async fn handshake(
        &self,
        child: BaseId,
        hello: &Hello,
        registry: &[u8],
    ) -> Result<Session, OfficeError> {
        self.admit(child)?;
        let tree = self.tree();
        let mut snapshot = self.store.snapshot().await?;
        let timelines = snapshot.timelines().await?;
        let link = snapshot.links().await?.into_iter().find(|l| l.peer == child && !l.up);
        let link = link.map(|link| self.as_told(link));
        let (mut welcome, mut link) = welcome(&timelines, link.as_ref(), child, hello);
        welcome.quarantined =
            self.in_quarantine(&mut snapshot, child).await?.into_iter().take(ASIDE_TOLD_MAX).collect();
        let same = registry == self.registry_digest(&mut snapshot, tree).await?;
        let registry = if same { Vec::new() } else { self.registry_rows(&mut snapshot).await? };
        // Others need it while this one waits for its turn to write.
        drop(snapshot);
        let mut heard = Heard::Nothing;
        if let Some(beat) = hello.heartbeat {
            let clones = link.memory.clone_at_ms;
            heard = link.memory.hear(beat, self.now_ms());
            if heard == Heard::Other {
                self.keep_link(&link).await?;
            }
            welcome.clone = link.memory.clone_at_ms != clones;
        }
        let id = self.outside.chance.u64();
        let open = Open {
            id,
            timeline: timelines.current(),
            link,
            echoes: Echoes::default(),
            told: Vec::new(),
            next_batch: 0,
            heard_more: heard == Heard::Further,
        };
        self.sessions().insert(child, open);
        self.live_visited(child, false);
        let heard_more = heard == Heard::Further;
        Ok(Session { id, welcome, spread_ms: spread(child), registry, heard_more })
    }

    /// Keeps what a child told of itself when it opened this session, unless it has delivered meanwhile: that kept it too.
    /// Called a while after the handshake, so that an ordinary round costs no commit more; until then it is known here all
    /// the same.
    ///
    /// # Errors
    /// [`OfficeError`] when the store fails.
    pub async fn keep_heartbeat(&self, child: BaseId, session: u64) -> Result<(), OfficeError> {
        let open = |open: &&Open| open.id == session && open.heard_more;
        let link = self.sessions().get(&child).filter(open).map(|open| open.link.clone());
        let Some(link) = link else { return Ok(()) };
        self.keep_link(&link).await?;
        self.note_heartbeat_kept(child, session);
        Ok(())
    }

    /// As [`Office::keep_heartbeat`], of all children at once, before the database is closed.
    pub(crate) async fn keep_heartbeats(&self) -> Result<(), OfficeError> {
        let open: Vec<(BaseId, u64)> =
            self.sessions().iter().map(|(child, open)| (*child, open.id)).collect();
        for (child, session) in open {
            self.keep_heartbeat(child, session).await?;
        }
        Ok(())
    }

    pub(crate) fn note_heartbeat_kept(&self, child: BaseId, session: u64) {
        if let Some(open) = self.sessions().get_mut(&child).filter(|open| open.id == session) {
            open.heard_more = false;
        }
    }

    /// Ends a session; one that has taken its place meanwhile goes on.
    pub(crate) fn end_session(&self, child: BaseId, session: u64) {
        let mut sessions = self.sessions();
        if sessions.get(&child).is_some_and(|open| open.id == session) {
            sessions.remove(&child);
        }
    }

    async fn keep_link(&self, link: &Link) -> Result<(), OfficeError> {
        let mut tx = self.store.begin().await?;
        let kept = tx.links().await?.into_iter().find(|kept| kept.peer == link.peer && !kept.up);
        // What was delivered meanwhile was kept with all of this.
        if kept.is_some_and(|kept| kept.last_success_ms != link.last_success_ms) {
            return Ok(());
        }
        tx.apply(&Changes { links: vec![link.clone()], ..Changes::default() }).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn registry_rows<R: Read>(&self, reader: &mut R) -> Result<Vec<Row>, OfficeError> {
        match self.schema().registry() {
            Some(kind) => Ok(reader.of_kind(&kind.name).await?),
            None => Ok(Vec::new()),
        }
    }

    /// What two nodes compare to know whether they hold the same tree of bases. `tree` is what was known of it before
    /// the snapshot was taken: what was worked out for a later one would not be found again.
    pub(crate) async fn registry_digest<R: Read>(
        &self,
        reader: &mut R,
        tree: Arc<Tree>,
    ) -> Result<Vec<u8>, OfficeError> {
        let kept = || self.digest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let settled = !self.tree_stale.load(Ordering::Acquire);
        if let Some((of, digest)) = &*kept()
            && settled
            && Arc::ptr_eq(of, &tree)
        {
            return Ok(digest.clone());
        }
        let digest = registry_digest(&self.registry_rows(reader).await?);
        if settled {
            *kept() = Some((tree, digest.clone()));
        }
        Ok(digest)
    }

    /// Records in quarantine here that this child brought: only its own word takes them out again.
    pub(crate) async fn in_quarantine<R: Read>(
        &self,
        reader: &mut R,
        child: BaseId,
    ) -> Result<BTreeSet<RecordId>, OfficeError> {
        let kept = self.kept_aside(reader).await?.into_iter().filter(|q| q.from == child);
        Ok(kept.map(|q| q.record).collect())
    }

    /// What is in quarantine here.
    async fn kept_aside<R: Read>(&self, reader: &mut R) -> Result<Vec<sync::Quarantined>, OfficeError> {
        if reader.quarantine_counts().await?.is_empty() {
            return Ok(Vec::new());
        }
        Ok(reader.quarantined(QUARANTINE_ALL).await?.into_iter().filter(|q| q.inbound).collect())
    }

    /// Judges what is kept aside once more, when knowledge has grown: after a pull, after the end of a push, with a newer
    /// contract (P3). What can be taken now is; what was done is given back, to be noted after the commit.
    pub(crate) async fn recheck(&self, tx: &mut E::Tx) -> Result<Changes, OfficeError> {
        let mut by_child: BTreeMap<BaseId, Vec<Incoming>> = BTreeMap::new();
        let open = self.kept_aside(tx).await?.into_iter().filter(|kept| kept.reason.may_pass());
        for kept in open.take(RECHECK_MAX) {
            let incoming = Incoming { id: kept.record, kind: kept.kind, state: kept.state };
            by_child.entry(kept.from).or_default().push(incoming);
        }
        let mut regained = Changes::default();
        for (child, pushed) in by_child {
            let (tree, corrector) = (self.tree_in(tx).await?, self.corrector(tx).await?);
            let asked = Asked { child, claims: Claims::Checked, again: true };
            let mut received = self.judge(tx, &tree, asked, &corrector, &pushed).await?;
            // What is still refused is kept as it was.
            received.changes.quarantine.clear();
            let received = self.write_part(tx, &tree, received).await?.received;
            self.note_corrections(&received.corrected);
            regained.rows.extend(received.changes.rows);
            regained.withdraws.extend(received.changes.withdraws);
            regained.replicas.extend(received.changes.replicas);
        }
        Ok(regained)
    }

    /// The link of a session that is the child's current one, in this database's present timeline.
    pub(crate) fn current(&self, child: BaseId, session: u64, timeline: TimelineId) -> Option<Link> {
        let sessions = self.sessions();
        sessions
            .get(&child)
            .filter(|open| open.id == session && open.timeline == timeline)
            .map(|open| open.link.clone())
    }

    /// The number of the first batch of a session that has not been taken.
    pub(crate) fn first_missing(&self, child: BaseId, session: u64) -> u32 {
        self.sessions().get(&child).filter(|open| open.id == session).map_or(0, |open| open.next_batch)
    }

    pub(crate) fn note_taken(&self, child: BaseId, session: u64, next: u32) {
        if let Some(open) = self.sessions().get_mut(&child).filter(|open| open.id == session) {
            open.next_batch = next;
        }
    }

    pub(crate) fn note_echoes(&self, child: BaseId, session: u64, received: &Received, first_seq: u64) {
        let mut sessions = self.sessions();
        let Some(open) = sessions.get_mut(&child).filter(|open| open.id == session) else { return };
        received.echoes.iter().for_each(|at| open.echoes.note(first_seq + *at as u64));
    }

    /// A snapshot for a question of a child's current session, and where it stands.
    pub(crate) async fn session_snapshot(
        &self,
        child: BaseId,
        session: u64,
    ) -> Result<(E::Snapshot, Position), OfficeError> {
        self.admit(child)?;
        let mut snapshot = self.store.snapshot().await?;
        let timelines = snapshot.timelines().await?;
        match self.current(child, session, timelines.current()) {
            Some(_) => Ok((snapshot, timelines.now())),
            None => Err(OfficeError::SessionEnded),
        }
    }

    /// Rows that a child holds in the same state, each with its number: not sent back in this session (L3).
    pub(crate) fn note_held(&self, child: BaseId, session: u64, rows: Vec<(RecordId, u64)>) {
        let mut sessions = self.sessions();
        let Some(open) = sessions.get_mut(&child).filter(|open| open.id == session) else { return };
        rows.iter().for_each(|(_, seq)| open.echoes.note(*seq));
    }

    /// The next page of what a child may see after `cursor` (L1–L3). Rows only ever move to higher numbers, so each
    /// page may be read as of its own moment.
    ///
    /// # Errors
    /// [`OfficeError`] when the child is not let in or the session has ended.
    pub async fn page(
        &self,
        child: BaseId,
        session: u64,
        cursor: Position,
    ) -> Result<PulledPage, OfficeError> {
        let page = self.look_for_page(child, session, cursor).await?;
        Ok(self.told(child, session, page))
    }

    async fn look_for_page(
        &self,
        child: BaseId,
        session: u64,
        cursor: Position,
    ) -> Result<PulledPage, OfficeError> {
        self.admit(child)?;
        let mut snapshot = self.store.snapshot().await?;
        let timelines = snapshot.timelines().await?;
        if self.current(child, session, timelines.current()).is_none() {
            return Err(OfficeError::SessionEnded);
        }
        let tree = self.tree();
        let (rows, end) = self.visible_rows(&mut snapshot, &tree, child, cursor.seq).await?;
        let seq = match end {
            Some(seq) => seq,
            None => timelines.seq,
        };
        let withdraws = snapshot.withdraws(child, cursor.seq, WITHDRAWS_PER_PAGE).await?;
        // The cursor must not pass withdraws that were not read; rows sent twice do no harm.
        let more = withdraws.get(WITHDRAWS_PER_PAGE - 1).map(|last| last.seq);
        let (seq, end) = (more.map_or(seq, |last| seq.min(last)), end.is_none() && more.is_none());
        let withdrawn = withdraws.iter().filter(|w| w.seq <= seq).map(|w| w.record).collect();
        let mut withdrawn = self.truly_gone(&mut snapshot, &tree, child, withdrawn).await?;
        withdrawn.retain(|_| !planted::on!(NoWithdraw));
        let position = Position { timeline: timelines.current(), seq };
        let ticks = if end { snapshot.ticks().await? } else { Vec::new() };
        Ok(PulledPage { position, rows, withdrawn, end, ticks })
    }

    /// A page that is sent: what this session tells only once is told.
    fn told(&self, child: BaseId, session: u64, mut page: PulledPage) -> PulledPage {
        if page.end {
            page.ticks = self.news_of_ticks(&self.tree(), child, page.ticks);
            self.note_cursor(child, session, page.position);
        }
        page
    }

    /// As [`Office::page`], if what a child may see after `cursor` is one page; what a cursor of another timeline may
    /// need is left to be asked for.
    ///
    /// # Errors
    /// As [`Office::page`].
    pub async fn whole_pull(
        &self,
        child: BaseId,
        session: u64,
        cursor: Position,
    ) -> Result<Option<PulledPage>, OfficeError> {
        let page = self.look_for_page(child, session, cursor).await?;
        let whole = page.end && page.position.timeline == cursor.timeline;
        Ok(whole.then(|| self.told(child, session, page)))
    }

    /// How far a child has been sent everything; a cut may still make it ask again.
    fn note_cursor(&self, child: BaseId, session: u64, cursor: Position) {
        if let Some(open) = self.sessions().get_mut(&child).filter(|open| open.id == session) {
            open.link.cursor = Some(cursor);
        }
    }

    /// The down link as its open session knows it, which is newer than what is stored.
    pub(crate) fn cursor_of(&self, link: &Link) -> Option<Position> {
        self.sessions().get(&link.peer).map_or(link.cursor, |open| open.link.cursor)
    }

    /// A link with what the child told of itself at the last handshake, where that is not kept yet.
    pub(crate) fn as_told(&self, link: Link) -> Link {
        let sessions = self.sessions();
        let open = sessions.get(&link.peer).filter(|open| !link.up && open.heard_more);
        open.map_or(link, |open| open.link.clone())
    }

    /// Rows for a child up to the limits of a batch, and the number of the last row looked at unless that was all.
    async fn visible_rows(
        &self,
        snapshot: &mut E::Snapshot,
        tree: &Tree,
        child: BaseId,
        mut after: u64,
    ) -> Result<(Vec<Row>, Option<u64>), OfficeError> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        let beneath = tree.subtree(child);
        loop {
            after = self.skip_echoes(child, after);
            let is_news = |seq| !self.is_echo(child, seq);
            let changed = snapshot.changes_among(&beneath, after, SCAN_ROWS, is_news).await?;
            for (row, scope) in changed.rows {
                let mine = scope.visible_to(tree, child);
                if mine && !rows.is_empty() && bytes + row.state.len() > limits::BATCH_BYTES {
                    return Ok((rows, Some(after)));
                }
                after = row.seq;
                if mine {
                    bytes += row.state.len();
                    rows.push(row);
                }
                if rows.len() >= self.settings.batch_records {
                    return Ok((rows, Some(after)));
                }
            }
            match changed.upto {
                Some(last) => after = last,
                None => return Ok((rows, None)),
            }
        }
    }

    fn is_echo(&self, child: BaseId, seq: u64) -> bool {
        self.sessions().get(&child).is_some_and(|open| open.echoes.has(seq))
    }

    fn skip_echoes(&self, child: BaseId, after: u64) -> u64 {
        self.sessions().get(&child).map_or(after, |open| open.echoes.skip(after))
    }

    /// Of withdraws only those are sent whose row is absent here, or invisible to the child and clean (L1).
    async fn truly_gone(
        &self,
        snapshot: &mut E::Snapshot,
        tree: &Tree,
        child: BaseId,
        mut withdrawn: Vec<RecordId>,
    ) -> Result<Vec<RecordId>, OfficeError> {
        if withdrawn.is_empty() {
            return Ok(withdrawn);
        }
        let root = tree.parent(self.me.base).is_none();
        for row in snapshot.rows(&withdrawn).await? {
            let visible =
                !row.hidden && record::scope_of(&crate::look::decode(&row)?).visible_to(tree, child);
            let clean = row.unsent != Unsent::Unpushed && !row.refused;
            if visible || !(clean || root) {
                withdrawn.retain(|id| *id != row.id);
            }
        }
        Ok(withdrawn)
    }

    /// What has changed in who above holds which seals of the child's subtree, since this session told it last.
    fn news_of_ticks(&self, tree: &Tree, child: BaseId, ticks: Vec<Tick>) -> Vec<Tick> {
        let mut sessions = self.sessions();
        let Some(open) = sessions.get_mut(&child) else { return Vec::new() };
        let below: Vec<Tick> = ticks.into_iter().filter(|t| tree.is_within(t.base, child)).collect();
        let news = below.iter().filter(|t| !open.told.contains(t)).copied().collect();
        open.told = below;
        news
    }

    pub(crate) fn sessions(&self) -> std::sync::MutexGuard<'_, BTreeMap<BaseId, Open>> {
        self.sessions.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Whose push is judged, and how.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    /// The child.
    pub child: BaseId,
    /// Whether claims must be proved.
    pub claims: Claims,
    /// It was kept aside, and is judged once more.
    pub again: bool,
}

/// What is remembered of pushed records that are not here because they were handed on.
pub(crate) async fn handed_on<R: Read>(
    reader: &mut R,
    pushed: &[Incoming],
    existing: &BTreeMap<RecordId, Row>,
) -> Result<BTreeMap<RecordId, Handed>, OfficeError> {
    // Nothing was ever dropped at most nodes; a first copy of many records is not to ask for each.
    if reader.forgotten().await? == 0 {
        return Ok(BTreeMap::new());
    }
    let absent: Vec<RecordId> = pushed.iter().map(|p| p.id).filter(|id| !existing.contains_key(id)).collect();
    Ok(reader.handed(&absent).await?.into_iter().map(|handed| (handed.record, handed)).collect())
}

/// All that is in quarantine; an administrator looks at it long before it is many.
pub(crate) const QUARANTINE_ALL: usize = 1_000_000;
/// Records kept aside that are judged again at once: an administrator looks at them before they are more.
const RECHECK_MAX: usize = 1_000;
/// Most records kept aside that a child is told of at a handshake.
const ASIDE_TOLD_MAX: usize = 10_000;
/// Withdraws read for one page; what is beyond comes with the next.
const WITHDRAWS_PER_PAGE: usize = 100_000;

/// The digest of the bases' records.
pub(crate) fn registry_digest(rows: &[Row]) -> Vec<u8> {
    let mut sorted: Vec<_> = rows.iter().map(|row| (row.id, &row.state)).collect();
    sorted.sort();
    let mut hash = Sha256::new();
    for (id, state) in sorted {
        hash.update(id.0);
        hash.update((state.len() as u64).to_be_bytes());
        hash.update(state);
    }
    hash.finalize().to_vec()
}

/// A child's share of the spread: the same every day, different for each.
fn spread(child: BaseId) -> u64 {
    let hash = Sha256::digest(child.0);
    u64::from(u16::from_be_bytes([hash[0], hash[1]])) * SPREAD_MS / u64::from(u16::MAX)
}
