//! Serving a node: children over mutual TLS, its own administrator over loopback.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::service::InterceptorLayer;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use wire::admin::admin_server::AdminServer;
use wire::bundle::bundles_server::BundlesServer;
use wire::enrolment::enrolment_server::EnrolmentServer;
use wire::record::records_server::RecordsServer;
use wire::sync::sync_server::SyncServer;

use crate::error::NodeError;
use crate::folder::Folder;
use crate::node::Node;
use crate::service::{admin, bundles, enrolment, records, replication};
use crate::tls::{PING_EVERY, PING_TIMEOUT, WINDOW_BYTES, accept};
use crate::token::Token;
use crate::{gate, live, scheduler, token};

/// Where a started node can be reached.
#[derive(Debug, Clone)]
pub struct Listening {
    /// Address for children; `None` when it takes none.
    pub children: Option<SocketAddr>,
    /// The loopback admin port.
    pub admin: SocketAddr,
    /// The node's base.
    pub base_name: String,
}

/// Streams one child may hold open: a round needs two, an impatient program some more.
const STREAMS_PER_CHILD: u32 = 16;

/// Serves the node in `folder` until `stop` is ready; calls `ready` once it listens.
///
/// # Errors
/// [`NodeError`] when it cannot be opened, or another server runs on the folder.
pub async fn serve(
    folder: &Path,
    ready: impl FnOnce(&Listening),
    stop: impl Future<Output = ()>,
) -> Result<(), NodeError> {
    let folder = Folder::new(folder);
    let node = Node::open(folder.clone()).await?;
    let (stopping, stopped) = watch::channel(false);
    let children = listen_for_children(&node, stopped.clone()).await?;
    let token = Token::random();
    let (admin, admin_task) = serve_admin(&node, &token, stopped).await?;
    if node.office.parent().is_some() || node.upstream().is_none() {
        node.office.tell_address(node.config.reachable()).await?;
    }
    token::publish(&folder, admin, &token)?;
    let listening =
        Listening { children: children.as_ref().map(|c| c.0), admin, base_name: node.base_name.clone() };
    node.serving.get_or_init(|| ());
    ready(&listening);
    tokio::select! {
        () = stop => {}
        () = scheduler::run(node.clone()) => {}
        () = live::run(node.clone()) => {}
    }
    stopping.send_replace(true);
    token::withdraw(&folder);
    let tasks = children.map(|c| c.1).into_iter().chain([admin_task]);
    for task in tasks {
        finish(task).await;
    }
    node.office.close().await;
    Ok(())
}

/// Streams that are still open when the node stops get this long to end.
const STOP_GRACE: std::time::Duration = std::time::Duration::from_secs(5);

async fn finish(task: JoinHandle<Result<(), tonic::transport::Error>>) {
    let abort = task.abort_handle();
    match tokio::time::timeout(STOP_GRACE, task).await {
        Ok(Ok(Ok(()))) => {}
        Ok(failed) => tracing::warn!(?failed, "a server ended with an error"),
        Err(_) => abort.abort(),
    }
}

type Task = JoinHandle<Result<(), tonic::transport::Error>>;

async fn bind(address: &str) -> Result<(TcpListener, SocketAddr), NodeError> {
    let failed = |source| NodeError::Listen { address: address.into(), source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

pub(crate) async fn stop_signal(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone means the same.
    stopped.wait_for(|stop| *stop).await.map(drop).unwrap_or_default();
}

async fn listen_for_children(
    node: &Arc<Node>,
    stopped: watch::Receiver<bool>,
) -> Result<Option<(SocketAddr, Task)>, NodeError> {
    if node.config.listen.is_empty() {
        return Ok(None);
    }
    let (listener, address) = bind(&node.config.listen).await?;
    let incoming = accept(listener, node.identity.server_config()?);
    let desk = replication::Desk(node.clone(), stopped.clone());
    let replication = SyncServer::new(desk)
        .max_decoding_message_size(wire::MESSAGE_BYTES)
        .max_encoding_message_size(wire::MESSAGE_BYTES);
    let joining = EnrolmentServer::new(enrolment::Desk(node.clone()));
    let nodes = gate::nodes(node.clone());
    let guests = gate::guests(node.clone());
    let router = Server::builder()
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PING_TIMEOUT))
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_concurrent_streams(STREAMS_PER_CHILD)
        .add_service(tonic::service::interceptor::InterceptedService::new(replication, nodes.clone()))
        .add_service(tonic::service::interceptor::InterceptedService::new(joining, guests))
        .add_service(tonic::service::interceptor::InterceptedService::new(health().await, nodes));
    let task = tokio::spawn(router.serve_with_incoming_shutdown(incoming, stop_signal(stopped)));
    Ok(Some((address, task)))
}

async fn health()
-> tonic_health::pb::health_server::HealthServer<impl tonic_health::pb::health_server::Health> {
    let (reporter, service) = tonic_health::server::health_reporter();
    reporter.set_serving::<SyncServer<replication::Desk>>().await;
    service
}

/// Serves the admin and record services on a loopback port of the system's choice.
pub(crate) async fn serve_admin(
    node: &Arc<Node>,
    token: &Token,
    stopped: watch::Receiver<bool>,
) -> Result<(SocketAddr, Task), NodeError> {
    let (listener, address) = bind("127.0.0.1:0").await?;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(wire::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|e| NodeError::Protocol { words: e.to_string() })?;
    let records = RecordsServer::new(records::Desk(node.office.clone()))
        .max_decoding_message_size(ADMIN_MESSAGE_BYTES)
        .max_encoding_message_size(ADMIN_MESSAGE_BYTES);
    let router = Server::builder()
        .layer(InterceptorLayer::new(token.check()))
        .add_service(records)
        .add_service(AdminServer::new(admin::Desk(node.clone())))
        .add_service(BundlesServer::new(bundles::Desk(node.clone())))
        .add_service(health().await)
        .add_service(reflection);
    // Else an answer's last piece waits 40 ms for the acknowledgement of the first (Nagle's algorithm).
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let task = tokio::spawn(router.serve_with_incoming_shutdown(incoming, stop_signal(stopped)));
    Ok((address, task))
}

/// A page of 1,000 records of some 4 KiB each; only the node's own administrator asks here.
pub(crate) const ADMIN_MESSAGE_BYTES: usize = 64 * 1024 * 1024;
