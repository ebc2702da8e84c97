//! What the parts of a running node share.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use causal::BaseId;
use domain::date::shanghai_minute;
use office::{Office, Outside, Settings};
use pki::{LetterKey, LiveIdentity};
use record::Tree;
use sync::conduct::{Conduct, Deed};
use sync::schedule::Schedule;
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use tonic::transport::Channel;
use wire::sync::SignedRegistry;
use wire::sync::sync_client::SyncClient;

use crate::clock::OffsetClock;
use crate::config::Config;
use crate::contract::{self, Travelling};
use crate::error::NodeError;
use crate::folder::Folder;
use crate::greeting::Facts;
use crate::tls::dial;
use crate::upstream::Upstream;

/// A node that is open.
pub(crate) struct Node {
    pub folder: Folder,
    pub config: Config,
    pub schedule: Schedule,
    pub office: Arc<Office>,
    pub identity: LiveIdentity,
    /// For what is carried to this node by hand.
    pub letter_key: LetterKey,
    pub base_name: String,
    pub contract: Travelling,
    /// The version of the protocol that the last handshake with the parent settled on; 0 before the first.
    pub spoken: AtomicU32,
    /// What the parent need not tell again.
    pub facts: Mutex<Facts>,
    upstream: Mutex<Option<Upstream>>,
    /// The root's statement as it was last given, and of which tree.
    pub statement: Mutex<Option<(Arc<Tree>, u64, SignedRegistry)>>,
    /// One round at a time.
    pub round: tokio::sync::Mutex<()>,
    /// One group of pushed batches is written at a time, and children take turns.
    pub intake: tokio::sync::Mutex<()>,
    /// How the children behave.
    pub conduct: Arc<Mutex<Conduct>>,
    /// Asks the scheduler to look again.
    pub wake: Notify,
    pub next_sync_ms: Mutex<u64>,
    /// This node's share of the spread of daily times, as the parent told it.
    pub spread_ms: Mutex<u64>,
    channel: Mutex<Option<Channel>>,
    /// Counts how often the connection to the parent was given up.
    pub hung_up: watch::Sender<u64>,
    /// Set once children can reach it; a command that opens the folder for itself does not serve.
    pub serving: OnceLock<()>,
}

/// The program's version, as peers are told.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Node {
    pub(crate) async fn open(folder: Folder) -> Result<Arc<Node>, NodeError> {
        let file = folder.node()?;
        let config = folder.config()?;
        let words = |words| NodeError::Config { file: folder.path().join("shuniu.toml"), words };
        let schedule = config.schedule().map_err(words)?;
        let identity = LiveIdentity::new(folder.identity()?);
        let root = file.parent_name.is_none();
        let (schema, contract) = contract::at_start(&folder, &config, &identity.current(), root)?;
        let settings = Settings {
            late_after_ms: u64::from(config.figures.late_after_hours) * 3_600_000,
            ..Settings::default()
        };
        let outside = Outside::at(OffsetClock { by_ms: config.clock_offset_ms });
        let office =
            Office::open(folder.path(), schema, file.me(&folder)?, settings, folder.secret()?, outside)
                .await?;
        let letter_key = folder.letter_key()?;
        let upstream = Upstream::of_files(&folder, &file, &config)?;
        Ok(Arc::new(Node {
            folder,
            config,
            schedule,
            office: Arc::new(office),
            identity,
            letter_key,
            base_name: file.base_name,
            contract,
            spoken: AtomicU32::new(0),
            facts: Mutex::new(None),
            upstream: Mutex::new(upstream),
            statement: Mutex::new(None),
            round: tokio::sync::Mutex::new(()),
            intake: tokio::sync::Mutex::default(),
            conduct: Arc::default(),
            wake: Notify::new(),
            next_sync_ms: Mutex::new(0),
            spread_ms: Mutex::new(0),
            channel: Mutex::new(None),
            hung_up: watch::Sender::new(0),
            serving: OnceLock::new(),
        }))
    }

    /// The connection to the parent; kept, so that a round with nothing new costs no handshake.
    pub(crate) fn parent(&self) -> Result<Channel, NodeError> {
        let mut kept = lock(&self.channel);
        if let Some(channel) = kept.as_ref() {
            return Ok(channel.clone());
        }
        let upstream = lock(&self.upstream).clone().ok_or(NodeError::NoParent)?;
        self.check_certificate()?;
        let channel = dial(&upstream.address, &upstream.name, self.identity.client_config()?)?;
        Ok(kept.insert(channel).clone())
    }

    /// A certificate that is not good by this machine's clock is refused on either side, in words of TLS at best; of the
    /// two it is the clock that is wrong more often.
    fn check_certificate(&self) -> Result<(), NodeError> {
        let now = OffsetDateTime::now_utc();
        self.identity.current().verify(now).map_err(|error| NodeError::Refused {
            code: "not_allowed",
            words: format!(
                "本节点的证书现在不能使用:{error}。本机时间是 {}:请先核对日期和时间;时间无误时,请向上级要新的邀请重新加入。已录入的内容都在本机 / \
                 this node's certificate is not good by this machine's clock",
                shanghai_minute(now.unix_timestamp().saturating_mul(1_000))
            ),
        })
    }

    /// Whether the parent may have what the protocol has `since` this version: before the first handshake, too.
    pub(crate) fn may_ask(&self, since: u32) -> bool {
        let spoken = self.spoken.load(Ordering::Relaxed);
        spoken == 0 || spoken >= since
    }

    /// The node above; `None` at the root.
    pub(crate) fn upstream(&self) -> Option<Upstream> {
        lock(&self.upstream).clone()
    }

    /// Where the parent is; empty at the root.
    pub(crate) fn parent_address(&self) -> String {
        self.upstream().map(|u| u.address).unwrap_or_default()
    }

    /// Goes where the tree says that this node belongs. Answers whether that is another place than before.
    pub(crate) fn follow(&self) -> Result<bool, NodeError> {
        let Some(now) = self.upstream() else { return Ok(false) };
        let Some(next) = now.of_tree(&self.office.tree(), self.office.me().base).transpose()? else {
            return Ok(false);
        };
        let mut file = self.folder.node()?;
        file.parent_name = Some(next.name.as_str().to_owned());
        if next.base != now.base {
            file.parent_address = Some(next.address.clone());
            file.stale_address = Some(self.config.parent.clone());
            tracing::info!(parent = %next.base, address = next.address, "this node has another parent");
        }
        self.folder.write_node(&file)?;
        *lock(&self.upstream) = Some(next);
        self.hang_up();
        Ok(true)
    }

    /// A client of the parent over that connection.
    pub(crate) fn sync_client(&self) -> Result<SyncClient<Channel>, NodeError> {
        Ok(SyncClient::new(self.parent()?).max_decoding_message_size(wire::MESSAGE_BYTES))
    }

    /// Notes what a child did.
    pub(crate) fn note(&self, child: BaseId, deed: Deed) {
        lock(&self.conduct).note(child, deed, self.office.now_ms());
    }

    /// Whether children can reach this node now.
    pub(crate) fn is_serving(&self) -> bool {
        self.serving.get().is_some()
    }

    /// Gives the connection up, so that the next round dials anew.
    pub(crate) fn hang_up(&self) {
        *lock(&self.channel) = None;
        self.hung_up.send_modify(|count| *count += 1);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
