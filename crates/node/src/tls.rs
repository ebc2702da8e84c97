//! Connections between nodes: accepting with a mandatory certificate, dialling with one.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use pki::NodeName;
use rustls::{ClientConfig, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

use crate::error::NodeError;

/// A peer that does not finish its TLS handshake in this time is let go.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// TLS handshakes at once: each costs a signature; a flood must not take both cores.
const HANDSHAKES_MAX: usize = 64;
/// How long dialling may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// HTTP/2 pings, also while idle: a connection that a partition cut would else stay dead after it heals.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(20);
/// No answer to a ping in this time: the connection is dead.
pub(crate) const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Accepts TLS connections for as long as the stream is read. What fails its handshake is logged and let go, and
/// never reaches a handler.
pub(crate) fn accept(
    listener: TcpListener,
    config: Arc<ServerConfig>,
) -> ReceiverStream<Result<TlsStream<TcpStream>, std::io::Error>> {
    let (accepted, stream) = mpsc::channel(HANDSHAKES_MAX);
    let acceptor = TlsAcceptor::from(config);
    let turnstile = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    tokio::spawn(async move {
        loop {
            let Ok(permit) = turnstile.clone().acquire_owned().await else { return };
            let tcp = tokio::select! {
                tcp = listener.accept() => tcp,
                () = accepted.closed() => return,
            };
            let (acceptor, accepted) = (acceptor.clone(), accepted.clone());
            match tcp {
                Ok((tcp, peer)) => drop(tokio::spawn(async move {
                    let _permit = permit;
                    shake_hands(acceptor, tcp, peer, accepted).await;
                })),
                Err(error) => tracing::warn!(%error, "cannot accept a connection"),
            }
        }
    });
    ReceiverStream::new(stream)
}

async fn shake_hands(
    acceptor: TlsAcceptor,
    tcp: TcpStream,
    peer: std::net::SocketAddr,
    accepted: mpsc::Sender<Result<TlsStream<TcpStream>, std::io::Error>>,
) {
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%peer, %error, "no TCP_NODELAY");
    }
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(tcp)).await {
        // A closed channel means that the server is stopping: the connection ends with it.
        Ok(Ok(stream)) => accepted.send(Ok(stream)).await.unwrap_or_default(),
        Ok(Err(error)) => tracing::warn!(%peer, %error, "refused a connection"),
        Err(_) => tracing::warn!(%peer, "TLS handshake timed out"),
    }
}

/// Dials a node lazily: the connection is made, and made again, when it is needed.
///
/// # Errors
/// [`NodeError::Unreachable`] for an address that is none.
pub(crate) fn dial(address: &str, name: &NodeName, config: Arc<ClientConfig>) -> Result<Channel, NodeError> {
    let unreachable = |words: String| NodeError::Unreachable { address: address.into(), words };
    // The connector speaks TLS itself; an https address would make the transport insist on its own.
    let endpoint = Endpoint::from_shared(format!("http://{}", name.as_str()))
        .map_err(|e| unreachable(e.to_string()))?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES);
    let connector = TlsConnector::from(config);
    let (address, server) = (address.to_owned(), pki::server_name(name));
    let connect = move |_: tonic::codegen::http::Uri| {
        let (connector, address, server) = (connector.clone(), address.clone(), server.clone());
        async move {
            let tcp = TcpStream::connect(&address).await?;
            tcp.set_nodelay(true)?;
            Ok::<_, std::io::Error>(TokioIo::new(connector.connect(server, tcp).await?))
        }
    };
    Ok(endpoint.connect_with_connector_lazy(tower::service_fn(connect)))
}

/// HTTP/2 windows: several batches may be under way.
pub(crate) const WINDOW_BYTES: u32 = 4 * 1024 * 1024;
