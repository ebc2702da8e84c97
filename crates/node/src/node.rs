//! What the parts of a running node share.

use std::sync::{Arc, Mutex, PoisonError};

use office::{Office, Outside, Settings};
use pki::{LiveIdentity, NodeName};
use schema::Schema;
use sync::schedule::Schedule;
use tokio::sync::Notify;
use tonic::transport::Channel;

use crate::config::Config;
use crate::error::NodeError;
use crate::folder::Folder;
use crate::tls::dial;

/// A node that is open.
pub(crate) struct Node {
    pub folder: Folder,
    pub config: Config,
    pub schedule: Schedule,
    pub office: Arc<Office>,
    pub identity: LiveIdentity,
    pub base_name: String,
    pub parent_name: Option<NodeName>,
    /// One round at a time.
    pub round: tokio::sync::Mutex<()>,
    /// Asks the scheduler to look again.
    pub wake: Notify,
    pub next_sync_ms: Mutex<u64>,
    /// This node's share of the spread of daily times, as the parent told it.
    pub spread_ms: Mutex<u64>,
    channel: Mutex<Option<Channel>>,
}

/// The program's version, as peers are told.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Node {
    pub(crate) async fn open(folder: Folder) -> Result<Arc<Node>, NodeError> {
        let file = folder.node()?;
        let mut config = folder.config()?;
        if config.parent.is_empty() {
            config.parent = file.parent_address.clone().unwrap_or_default();
        }
        let words = |words| NodeError::Config { file: folder.path().join("shuniu.toml"), words };
        let schedule = config.schedule().map_err(words)?;
        let identity = LiveIdentity::new(folder.identity()?);
        let schema = Arc::new(Schema::embedded().clone());
        let settings = Settings {
            late_after_ms: u64::from(config.figures.late_after_hours) * 3_600_000,
            ..Settings::default()
        };
        let outside = Outside::system();
        let office =
            Office::open(folder.path(), schema, file.me(&folder)?, settings, folder.secret()?, outside)
                .await?;
        let parent_name = file.parent_name.as_deref().map(NodeName::parse).transpose();
        let parent_name =
            parent_name.map_err(|_| NodeError::Damaged { file: folder.path().join("node.json") })?;
        Ok(Arc::new(Node {
            folder,
            config,
            schedule,
            office: Arc::new(office),
            identity,
            base_name: file.base_name,
            parent_name,
            round: tokio::sync::Mutex::new(()),
            wake: Notify::new(),
            next_sync_ms: Mutex::new(0),
            spread_ms: Mutex::new(0),
            channel: Mutex::new(None),
        }))
    }

    /// The connection to the parent; kept, so that a round with nothing new costs no handshake.
    pub(crate) fn parent(&self) -> Result<Channel, NodeError> {
        let mut kept = lock(&self.channel);
        if let Some(channel) = kept.as_ref() {
            return Ok(channel.clone());
        }
        let name = self.parent_name.as_ref().ok_or(NodeError::NoParent)?;
        let channel = dial(&self.config.parent, name, self.identity.client_config()?)?;
        Ok(kept.insert(channel).clone())
    }

    /// Gives the connection up, so that the next round dials anew.
    pub(crate) fn hang_up(&self) {
        *lock(&self.channel) = None;
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
