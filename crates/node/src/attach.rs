//! Reaching the node in a folder: the running server over its loopback admin port, or the files themselves.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use wire::admin::admin_client::AdminClient;
use wire::bundle::bundles_client::BundlesClient;
use wire::record::records_client::RecordsClient;

use crate::error::NodeError;
use crate::folder::Folder;
use crate::node::Node;
use crate::serve::{ADMIN_MESSAGE_BYTES, serve_admin};
use crate::token::{AddToken, Token, published};

/// Loopback answers at once, or nobody is there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection to the node in a folder, made by [`attach()`].
pub struct Attached {
    channel: Channel,
    token: AddToken,
    own: Option<(Arc<Node>, watch::Sender<bool>)>,
}

/// What the clients of an [`Attached`] call through.
pub type AdminChannel = InterceptedService<Channel, AddToken>;

/// Connects to the node in `folder`. Beside a running server this talks to its admin port; else the database is
/// opened here and served in this process for as long as the [`Attached`] lives.
///
/// # Errors
/// [`NodeError`] when there is no node, or it cannot be opened.
pub async fn attach(folder: &Path) -> Result<Attached, NodeError> {
    let folder = Folder::new(folder);
    folder.node()?;
    if let Some((address, token)) = published(&folder)
        && let Ok(channel) = connect(address).await
        && answers(&channel, &token).await
    {
        return Ok(Attached { channel, token: token.add(), own: None });
    }
    let node = Node::open(folder).await?;
    let token = Token::random();
    let (stop, stopped) = watch::channel(false);
    let (address, _task) = serve_admin(&node, &token, stopped).await?;
    let channel = connect(address)
        .await
        .map_err(|e| NodeError::Unreachable { address: address.to_string(), words: e.to_string() })?;
    Ok(Attached { channel, token: token.add(), own: Some((node, stop)) })
}

async fn connect(address: SocketAddr) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
    endpoint.connect_timeout(CONNECT_TIMEOUT).connect().await
}

/// Whether this folder's own server is at the other end: a server that was killed leaves its file behind, and its port
/// may be another's by now, who does not know the token.
async fn answers(channel: &Channel, token: &Token) -> bool {
    let service = InterceptedService::new(channel.clone(), token.add());
    let asked = HealthCheckRequest { service: String::new() };
    HealthClient::new(service).check(asked).await.is_ok()
}

impl Attached {
    /// Whether a running server is at the other end.
    pub(crate) fn beside_server(&self) -> bool {
        self.own.is_none()
    }

    /// A client of the record service; every call carries the token.
    pub fn records(&self) -> RecordsClient<AdminChannel> {
        let service = InterceptedService::new(self.channel.clone(), self.token.clone());
        RecordsClient::new(service)
            .max_decoding_message_size(ADMIN_MESSAGE_BYTES)
            .max_encoding_message_size(ADMIN_MESSAGE_BYTES)
    }

    /// A client of the admin service; every call carries the token.
    pub fn admin(&self) -> AdminClient<AdminChannel> {
        let service = InterceptedService::new(self.channel.clone(), self.token.clone());
        AdminClient::new(service).max_decoding_message_size(ADMIN_MESSAGE_BYTES)
    }

    /// A client of the service for files carried by hand; every call carries the token.
    pub fn bundles(&self) -> BundlesClient<AdminChannel> {
        BundlesClient::new(InterceptedService::new(self.channel.clone(), self.token.clone()))
    }

    /// Closes the database cleanly when it was opened here.
    pub async fn close(self) {
        if let Some((node, stop)) = self.own {
            stop.send_replace(true);
            node.office.close().await;
        }
    }
}
