//! Live changes: telling children that there is something for them, and knowing when this node should sync itself; and
//! 催报, the call to sync now.
//!
//! What is decided is decided in `sync::watch`; here are the wake-ups, and the question who may listen.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causal::BaseId;
use store::{Applied, Engine};
use sync::schedule::Schedule;
use sync::watch::{
    CALLED_MAX, Call, CallId, Calls, Down, Exchange, LineId, Listener, News, OpenCall, Progress,
};
use sync::{Changes, Position, Unsent};
use tokio::sync::{Notify, watch};

use crate::{Office, OfficeError};

/// What a node keeps for live changes, of both directions; never stored.
#[derive(Default)]
pub(crate) struct Live {
    state: Mutex<State>,
    /// Rings when a round may have become due.
    due: Notify,
    /// Rings when there may be something to say to the parent.
    up: Notify,
    /// Counts what has become known of calls.
    calls_seen: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    exchange: Exchange,
    bells: BTreeMap<BaseId, Arc<Notify>>,
    listener: Listener,
    calls: Calls,
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, heard: impl FnOnce(&mut Listener)) {
        heard(&mut self.lock().listener);
        self.due.notify_one();
    }

    /// Something has become known of calls: whoever passes it on looks again.
    fn about_calls<T>(&self, change: impl FnOnce(&mut Calls) -> T) -> T {
        let answer = change(&mut self.lock().calls);
        self.ring_all();
        self.up.notify_one();
        self.due.notify_one();
        self.calls_seen.send_modify(|count| *count += 1);
        answer
    }

    /// Every child that listens looks again: who may listen has changed.
    pub(crate) fn ring_all(&self) {
        self.lock().bells.values().for_each(|bell| bell.notify_one());
    }
}

/// A child's open Watch at this node; to be ended with [`Office::watch_close`].
pub struct Line {
    child: BaseId,
    /// Serial number of the certificate it came with.
    certificate: String,
    id: LineId,
    bell: Arc<Notify>,
}

impl<E: Engine> Office<E> {
    /// A child begins to listen, with a certificate of this serial number; an older line of its ends.
    ///
    /// # Errors
    /// [`OfficeError`] when it is not let in.
    pub fn watch_open(&self, child: BaseId, certificate: &str) -> Result<Line, OfficeError> {
        self.admit(child)?;
        let (bell, tree) = (Arc::new(Notify::new()), self.tree());
        let mut state = self.live.lock();
        let id = state.exchange.open(child);
        state.calls.line_opened(&tree, child);
        if let Some(older) = state.bells.insert(child, bell.clone()) {
            older.notify_one();
        }
        Ok(Line { child, certificate: certificate.into(), id, bell })
    }

    /// Waits for what the child is to be told next.
    ///
    /// # Errors
    /// [`OfficeError`] when the line ends: a newer one has been opened, or the child may no longer listen.
    pub async fn watch_next(&self, line: &Line) -> Result<Vec<Down>, OfficeError> {
        loop {
            self.may_listen(line)?;
            let words = self.words_for(line);
            if !words.is_empty() {
                return Ok(words);
            }
            line.bell.notified().await;
        }
    }

    fn words_for(&self, line: &Line) -> Vec<Down> {
        let (tree, now_ms) = (self.tree(), self.now_ms());
        let mut state = self.live.lock();
        let news = state.exchange.take(line.child, line.id).map(Down::News);
        let calls = state.calls.tell(&tree, line.child, now_ms).into_iter().map(Down::Call);
        let words: Vec<Down> = calls.chain(news).collect();
        if words.iter().any(|word| matches!(word, Down::Call(_))) {
            self.live.up.notify_one();
            self.live.calls_seen.send_modify(|count| *count += 1);
        }
        words
    }

    fn may_listen(&self, line: &Line) -> Result<(), OfficeError> {
        self.admit(line.child)?;
        if self.is_revoked(&line.certificate) {
            let words = "证书已作废,请凭新的邀请重新加入 / this certificate was revoked".into();
            return Err(OfficeError::NotAdmitted { words });
        }
        match self.live.lock().exchange.is_current(line.child, line.id) {
            true => Ok(()),
            false => Err(OfficeError::SessionEnded),
        }
    }

    /// The child's line has ended, from whichever side.
    pub fn watch_close(&self, line: &Line) {
        let tree = self.tree();
        let mut state = self.live.lock();
        state.exchange.close(line.child, line.id);
        if state.exchange.is_open(line.child) {
            return;
        }
        state.bells.remove(&line.child);
        drop(state);
        self.live.about_calls(|calls| calls.line_closed(&tree, line.child));
    }

    /// A child has word of a called node beneath it.
    ///
    /// # Errors
    /// [`OfficeError`] when its line has ended.
    pub fn watch_heard(&self, line: &Line, told: Progress) -> Result<(), OfficeError> {
        self.may_listen(line)?;
        let (tree, now_ms) = (self.tree(), self.now_ms());
        self.live.about_calls(|calls| calls.heard(&tree, self.me.base, line.child, told, now_ms));
        Ok(())
    }

    /// Whether the line between this node and a peer, its parent or a child, is open.
    pub fn is_live(&self, peer: BaseId) -> bool {
        let state = self.live.lock();
        state.exchange.is_open(peer) || (state.listener.is_connected() && self.parent() == Some(peer))
    }

    /// This node's own line to its parent is open, or is not.
    pub fn live_connected(&self, connected: bool) {
        if connected {
            self.live.lock().calls.report_all();
            self.live.up.notify_one();
        }
        self.live.listen(|listener| if connected { listener.opened() } else { listener.closed() });
    }

    /// The parent has told something.
    pub fn live_heard(&self, down: Down) {
        match down {
            Down::News(at) => self.live.listen(|listener| listener.hinted(at)),
            Down::Call(call) => {
                let (tree, now_ms, call) = (self.tree(), self.now_ms(), call.bounded());
                self.live.about_calls(|calls| calls.open(&tree, self.me.base, call, true, now_ms));
            }
        }
    }

    /// Waits for what the parent is to be told of called nodes; of each only the latest.
    pub async fn live_says(&self) -> Vec<Progress> {
        loop {
            let said = self.live.lock().calls.report();
            if !said.is_empty() {
                return said;
            }
            self.live.up.notified().await;
        }
    }

    /// When a round is due because of what is known of changes, UTC milliseconds; `None`: nothing waits.
    pub fn live_due(&self, schedule: &Schedule) -> Option<u64> {
        let state = self.live.lock();
        state.listener.due(self.now_ms(), schedule, state.calls.wants_round(self.me.base))
    }

    /// A round that was due has ended well; `fruitful` if anything went up or came down.
    pub fn live_ended(&self, fruitful: bool) {
        let now_ms = self.now_ms();
        self.live.listen(|listener| listener.ended(fruitful, now_ms));
    }

    /// How many rounds with the parent have succeeded, of whatever cause.
    pub fn live_rounds(&self) -> u64 {
        self.live.lock().listener.rounds()
    }

    /// Waits until [`Office::live_due`] may answer differently.
    pub async fn live_rings(&self) {
        self.live.due.notified().await;
    }

    /// A round with the parent begins; what is known now goes along.
    pub(crate) fn live_began(&self) {
        self.live.lock().listener.began();
        self.live.about_calls(|calls| calls.round_began(self.me.base));
    }

    /// A pull has reached its end, and the round with it.
    pub(crate) fn live_pulled(&self, cursor: Position, pushed: u64) {
        self.live.lock().listener.pulled(cursor);
        self.live.about_calls(|calls| calls.round_ended(self.me.base, pushed));
    }

    /// A round has failed.
    pub(crate) fn live_failed(&self, words: &str) {
        self.live.about_calls(|calls| calls.round_failed(self.me.base, words));
    }

    /// How far the round under way has come, for those who called.
    pub(crate) fn live_progress(&self, pushed: u64, to_push: u64) {
        let now_ms = self.now_ms();
        self.live.about_calls(|calls| calls.round_progress(self.me.base, pushed, to_push, now_ms));
    }

    /// A child has opened a session, or has delivered all it had in one; without a line that is all it says.
    pub(crate) fn live_visited(&self, child: BaseId, delivered: bool) {
        if self.live.lock().exchange.is_open(child) {
            return;
        }
        self.live.about_calls(|calls| match delivered {
            false => calls.visited(child),
            true => calls.visit_delivered(self.me.base, child),
        });
    }

    /// Calls nodes beneath to sync now (催报): those of `bases` and all beneath them, or everybody. The call stands for
    /// `lasts_ms`, so that a node that sleeps is called when it wakes.
    ///
    /// # Errors
    /// [`OfficeError`] when a base is not beneath this node, or the call cannot be kept.
    pub async fn urge(&self, bases: &[BaseId], reason: &str, lasts_ms: u64) -> Result<CallId, OfficeError> {
        let (tree, me) = (self.tree(), self.me.base);
        if let Some(other) = bases.iter().find(|base| **base == me || !tree.is_within(**base, me)) {
            let words = format!("“{}”不是本节点的下级,不能催报 / not beneath this node", tree.name(*other));
            return Err(OfficeError::NotAdmitted { words });
        }
        if bases.len() > CALLED_MAX {
            let fault = format!("一次最多写 {CALLED_MAX} 个基地;不写就是全部下级 / too many bases");
            return Err(OfficeError::Invalid { faults: vec![fault] });
        }
        let mut id = CallId::default();
        id.0.chunks_mut(8).for_each(|half| half.copy_from_slice(&self.outside.chance.u64().to_be_bytes()));
        let (asked_at_ms, bases) = (self.now_ms(), bases.to_vec());
        let call = Call { id, asker: me, asked_at_ms, lasts_ms, bases, reason: reason.into() }.bounded();
        self.call_again(call, asked_at_ms);
        self.keep_calls().await?;
        Ok(id)
    }

    /// Opens a call of this node's own people.
    pub(crate) fn call_again(&self, call: Call, now_ms: u64) {
        let tree = self.tree();
        self.live.about_calls(|calls| calls.open(&tree, self.me.base, call, false, now_ms));
    }

    /// All calls that stand.
    pub(crate) fn live_calls(&self, now_ms: u64) -> Vec<OpenCall> {
        let mut state = self.live.lock();
        state.calls.expire(now_ms);
        state.calls.standing()
    }

    /// A call has been answered by all: it need not be kept.
    ///
    /// # Errors
    /// [`OfficeError`] when the store cannot be written.
    pub async fn urge_answered(&self) -> Result<(), OfficeError> {
        self.keep_calls().await
    }

    /// How far each called node has come; `None` when the call stands no longer.
    pub fn urged(&self, call: CallId) -> Option<Vec<Progress>> {
        let now_ms = self.now_ms();
        let mut state = self.live.lock();
        state.calls.expire(now_ms);
        state.calls.progress(call)
    }

    /// Counts what becomes known of calls.
    pub fn urge_news(&self) -> watch::Receiver<u64> {
        self.live.calls_seen.subscribe()
    }

    /// Tells children, and this node itself, of what a committed transaction changed. `pushed`: whose push it was,
    /// and the rows that are just as it sent them.
    pub(crate) fn tell(&self, changes: &Changes, applied: &Applied, pushed: Option<(BaseId, &[usize])>) {
        self.tell_below(changes, applied, pushed);
        if changes.rows.iter().any(|new| new.row.unsent == Unsent::Unpushed && !new.row.refused) {
            self.live.listen(Listener::changed);
        }
    }

    /// As [`Office::tell`], but what waits to go up goes with the next round, whenever that is.
    pub(crate) fn tell_below(
        &self,
        changes: &Changes,
        applied: &Applied,
        pushed: Option<(BaseId, &[usize])>,
    ) {
        let news = News { changes, at: applied.position, pushed };
        let tree = self.tree();
        let mut state = self.live.lock();
        for child in state.exchange.note(&tree, &news) {
            state.bells.get(&child).into_iter().for_each(|bell| bell.notify_one());
        }
    }
}
