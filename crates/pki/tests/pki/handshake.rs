//! Handshakes that succeed, and what holds for them.

use std::sync::Arc;
use std::time::Duration;

use pki::{
    LiveIdentity, Peer, PkiError, client_config, client_config_invite, peer, server_config, server_name,
};
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion, ServerConfig};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::federation::{CITY, DISTRICT, Federation, STREET, node, now};
use crate::invite_file;

/// What each side saw of one meeting.
pub struct Meeting {
    /// Whether the client's handshake ended well; with TLS 1.3 it does even when the server refuses the client.
    pub connected: Result<(), String>,
    /// Whether the client then got an answer, and the server's certificates.
    pub answered: Result<Vec<CertificateDer<'static>>, String>,
    /// Whether the server let the client in, and the client's certificates.
    pub accepted: Result<Vec<CertificateDer<'static>>, String>,
}

/// Lets a client call a server, which answers with two bytes.
pub async fn meet(
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    name: ServerName<'static>,
) -> Meeting {
    let (near, far) = duplex(64 * 1024);
    let serve = async move {
        let mut tls = TlsAcceptor::from(server).accept(far).await.map_err(|error| error.to_string())?;
        tls.write_all(b"ok").await.map_err(|error| error.to_string())?;
        let connection = tls.get_ref().1;
        assert_eq!(connection.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(connection.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(connection.alpn_protocol(), Some(&b"h2"[..]));
        Ok(connection.peer_certificates().unwrap().to_vec())
    };
    let call = async move {
        let mut tls = match TlsConnector::from(client).connect(name, near).await {
            Ok(tls) => tls,
            Err(error) => return (Err(error.to_string()), Err("not connected".to_owned())),
        };
        let mut answer = [0; 2];
        let read = tls.read_exact(&mut answer).await.map_err(|error| error.to_string());
        let certs = tls.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
        (Ok(()), read.map(|_| certs))
    };
    let both = async { tokio::join!(serve, call) };
    let (accepted, (connected, answered)) =
        tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
    Meeting { connected, answered, accepted }
}

#[tokio::test]
async fn a_chain_through_a_district_is_accepted_in_both_directions() {
    let federation = Federation::new();
    let (street, district) = (federation.street(), federation.district_node());
    let city = node(&federation.city, CITY, now());
    for (client, server) in [(&street, &district), (&district, &city), (&city, &street), (&street, &street)] {
        let met =
            meet(server_config(server).unwrap(), client_config(client).unwrap(), server_name(server.name()))
                .await;
        assert_eq!(peer(&met.accepted.unwrap()), Ok(Peer::Node(client.name().clone())));
        assert_eq!(peer(&met.answered.unwrap()), Ok(Peer::Node(server.name().clone())));
    }
    assert_eq!(street.name().path(), vec![STREET, DISTRICT, CITY]);
}

#[tokio::test]
async fn an_invite_is_let_in_as_an_invite() {
    let federation = Federation::new();
    let (invite, serial) = invite_file::sample(&federation);
    let server = federation.district_node();
    let client = client_config_invite(&invite).unwrap();
    let met = meet(server_config(&server).unwrap(), client, server_name(&invite.parent_name)).await;
    let expected = Peer::Invite { base: STREET, issuer_path: federation.district.name().clone(), serial };
    assert_eq!(peer(&met.accepted.unwrap()), Ok(expected));
    assert!(met.answered.is_ok());
}

#[tokio::test]
async fn a_renewed_identity_is_shown_to_the_next_peer() {
    let federation = Federation::new();
    let (street, district) =
        (LiveIdentity::new(federation.street()), LiveIdentity::new(federation.district_node()));
    let (server, client) = (district.server_config().unwrap(), street.client_config().unwrap());
    let name = server_name(district.current().name());
    for _ in 0..2 {
        street.replace(federation.street()).unwrap();
        district.replace(federation.district_node()).unwrap();
        let met = meet(server.clone(), client.clone(), name.clone()).await;
        let seen_by = |certs: Vec<_>| pki::leaf_serial_hex(&certs).unwrap();
        assert_eq!(seen_by(met.accepted.unwrap()), street.current().serial_hex());
        assert_eq!(seen_by(met.answered.unwrap()), district.current().serial_hex());
    }
    for other in [federation.district_node(), Federation::new().street()] {
        assert!(matches!(street.replace(other), Err(PkiError::OtherIdentity)));
    }
}

#[test]
fn nothing_secret_is_shown_by_debug() {
    let federation = Federation::new();
    let (street, (invite, _)) = (federation.street(), invite_file::sample(&federation));
    let live = LiveIdentity::new(street.clone());
    let shown = format!("{street:?} {live:?} {invite:?} {:?} {:?}", federation.city, invite.code);
    assert!(
        !shown.contains("PRIVATE") && !shown.contains(&invite.code.to_text()) && shown.len() < 1500,
        "{shown}"
    );
}
