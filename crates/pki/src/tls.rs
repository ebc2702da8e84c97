//! TLS settings: version 1.3 only, both sides certified, the federation's root and no other.

use std::sync::Arc;

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};
use rustls_pki_types::{CertificateDer, DnsName, ServerName};

use crate::{Identity, InviteFile, LiveIdentity, NodeKey, NodeName, PkiError, cert, verify};

/// The one protocol spoken inside: HTTP/2, as gRPC needs.
pub const ALPN: &[u8] = b"h2";

/// Makes the settings of a server whose certificate never changes; see [`LiveIdentity`] for one that renews it.
pub fn server_config(identity: &Identity) -> Result<Arc<ServerConfig>, PkiError> {
    LiveIdentity::new(identity.clone()).server_config()
}

/// Makes the settings of a client whose certificate never changes; see [`LiveIdentity`] for one that renews it.
pub fn client_config(identity: &Identity) -> Result<Arc<ClientConfig>, PkiError> {
    LiveIdentity::new(identity.clone()).client_config()
}

/// Makes the settings with which a new node calls the base that invited it.
pub fn client_config_invite(invite: &InviteFile) -> Result<Arc<ClientConfig>, PkiError> {
    let chain = cert::chain_from_pem(&invite.chain_pem, "the invite's certificate")?;
    let certified = certified_key(chain, &NodeKey::from_pem(&invite.key_pem)?)?;
    let root = cert::root_from_pem(&invite.root_cert_pem)?;
    client(&root, Arc::new(SingleCertAndKey::from(certified)))
}

/// The name by which rustls checks that it talks to the node it meant.
pub fn server_name(name: &NodeName) -> ServerName<'static> {
    let dns = DnsName::try_from(name.to_string()).expect("the name of a base is a valid DNS name");
    ServerName::DnsName(dns)
}

pub(crate) fn server(
    root: &CertificateDer<'static>,
    resolver: Arc<dyn ResolvesServerCert>,
) -> Result<Arc<ServerConfig>, PkiError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(PkiError::Tls)?
        .with_client_cert_verifier(verify::clients(root)?)
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

pub(crate) fn client(
    root: &CertificateDer<'static>,
    resolver: Arc<dyn ResolvesClientCert>,
) -> Result<Arc<ClientConfig>, PkiError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(PkiError::Tls)?
        .dangerous() // rustls's word for any verifier that is not its own: ours asks its own first, then more
        .with_custom_certificate_verifier(verify::servers(root)?)
        .with_client_cert_resolver(resolver);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

pub(crate) fn certified_key(
    chain: Vec<CertificateDer<'static>>,
    key: &NodeKey,
) -> Result<CertifiedKey, PkiError> {
    CertifiedKey::from_der(chain, key.private_der(), &provider()).map_err(|_| PkiError::KeyMismatch)
}

/// Always named, so that nothing depends on a default that some other crate may have installed.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
