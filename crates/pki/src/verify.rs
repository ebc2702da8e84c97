//! The verifiers of both ends: the ordinary chain check, then our own check of the leaf.
//!
//! The second is what closes the gap of name constraints: they do not restrict a leaf without a DNS name. Asking
//! it here, in the handshake, protects also the handler that forgets to ask.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::{Peer, PeerError, PkiError, peer, tls};

/// Verifies clients: nodes of the federation and holders of an invite.
pub(crate) fn clients(root: &CertificateDer<'static>) -> Result<Arc<dyn ClientCertVerifier>, PkiError> {
    let chain = WebPkiClientVerifier::builder_with_provider(only(root)?, tls::provider()).build();
    let chain = chain.map_err(|_| PkiError::Certificate { what: "the root certificate" })?;
    Ok(Arc::new(Clients { chain }))
}

/// Verifies servers: the one node whose name was called.
pub(crate) fn servers(root: &CertificateDer<'static>) -> Result<Arc<dyn ServerCertVerifier>, PkiError> {
    let chain = WebPkiServerVerifier::builder_with_provider(only(root)?, tls::provider()).build();
    let chain = chain.map_err(|_| PkiError::Certificate { what: "the root certificate" })?;
    Ok(Arc::new(Servers { chain }))
}

fn only(root: &CertificateDer<'static>) -> Result<Arc<RootCertStore>, PkiError> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).map_err(|_| PkiError::Certificate { what: "the root certificate" })?;
    Ok(Arc::new(roots))
}

fn refused(error: PeerError) -> Error {
    CertificateError::Other(OtherError(Arc::new(error))).into()
}

#[derive(Debug)]
struct Clients {
    chain: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for Clients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        peer(std::slice::from_ref(end_entity)).map_err(refused)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

#[derive(Debug)]
struct Servers {
    chain: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        match peer(std::slice::from_ref(end_entity)).map_err(refused)? {
            Peer::Node(_) => Ok(verified),
            Peer::Invite { .. } => Err(refused(PeerError::Purpose)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
