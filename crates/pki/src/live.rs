//! An identity that can be replaced while the node runs.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ServerConfig, SignatureScheme};

use crate::{Identity, PkiError, tls};

/// The identity a node uses now. All clones and all TLS settings made from it share it: after
/// [`LiveIdentity::replace`] every new connection, in and out, shows the new certificate.
#[derive(Clone)]
pub struct LiveIdentity(Arc<Held>);

struct Held(RwLock<Identity>);

impl LiveIdentity {
    /// Begins with this identity.
    pub fn new(identity: Identity) -> Self {
        Self(Arc::new(Held(RwLock::new(identity))))
    }

    /// The identity in use.
    pub fn current(&self) -> Identity {
        self.0.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Uses another identity from now on. It must be of the same base (the base may have moved in the tree) and of
    /// the same federation.
    pub fn replace(&self, identity: Identity) -> Result<(), PkiError> {
        let mut held = self.0.0.write().unwrap_or_else(PoisonError::into_inner);
        if identity.name().base() != held.name().base() || identity.root() != held.root() {
            return Err(PkiError::OtherIdentity);
        }
        *held = identity;
        Ok(())
    }

    /// Makes the settings of this node as a server.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, PkiError> {
        tls::server(self.current().root(), self.0.clone())
    }

    /// Makes the settings of this node as a client.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, PkiError> {
        tls::client(self.current().root(), self.0.clone())
    }
}

impl Held {
    fn certified(&self) -> Arc<CertifiedKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).certified.clone()
    }
}

impl ResolvesServerCert for Held {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certified())
    }
}

impl ResolvesClientCert for Held {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.certified())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.read().unwrap_or_else(PoisonError::into_inner).fmt(f)
    }
}

impl fmt::Debug for LiveIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
