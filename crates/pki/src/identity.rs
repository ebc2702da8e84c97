//! What a node shows to its neighbours: its certificate chain, its key, and the root it trusts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;

use crate::secret::sha256;
use crate::{NodeKey, NodeName, Peer, PkiError, cert, peer, tls, verify};

/// A node's certificate chain and key, and the root of its federation. Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    pub(crate) certified: Arc<CertifiedKey>,
    root: CertificateDer<'static>,
    name: NodeName,
    serial_hex: String,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl Identity {
    /// Loads an identity from PEM: the chain as it was issued, the node's key, the federation's root. An expired
    /// certificate loads as well, since a node must be able to say that it has expired: see [`Identity::verify`].
    pub fn load(chain_pem: &str, key_pem: &str, root_pem: &str) -> Result<Self, PkiError> {
        let chain = cert::chain_from_pem(chain_pem, "the node's certificate")?;
        Self::new(chain, &NodeKey::from_pem(key_pem)?, cert::root_from_pem(root_pem)?)
    }

    /// Puts an identity together from its parts; the chain begins with the node's own certificate.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: &NodeKey,
        root: CertificateDer<'static>,
    ) -> Result<Self, PkiError> {
        let Peer::Node(name) = peer(&chain)? else {
            return Err(PkiError::WrongSort { expected: "a node's certificate" });
        };
        let (serial_hex, not_before, not_after) = {
            let leaf = chain.first().and_then(|der| cert::parse(der));
            let leaf = leaf.ok_or(PkiError::Certificate { what: "the node's certificate" })?;
            (cert::serial_hex(&leaf), cert::not_before(&leaf), cert::not_after(&leaf))
        };
        let certified = Arc::new(tls::certified_key(chain, key)?);
        Ok(Self { certified, root, name, serial_hex, not_before, not_after })
    }

    /// Checks at the given time all that a neighbour will check: signatures up to the root, dates, constraints.
    pub fn verify(&self, now: OffsetDateTime) -> Result<(), PkiError> {
        let chain = &self.certified.cert;
        let (leaf, above) =
            chain.split_first().ok_or(PkiError::Certificate { what: "the node's certificate" })?;
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or(0);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let name = tls::server_name(&self.name);
        verify::servers(&self.root)?
            .verify_server_cert(leaf, above, &name, &[], now)
            .map(|_| ())
            .map_err(PkiError::Verify)
    }

    /// The name in the certificate.
    pub fn name(&self) -> &NodeName {
        &self.name
    }

    /// When the certificate begins to be valid: [`crate::BACKDATE`] before it was issued.
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// When the certificate expires.
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// The serial number of the certificate, 32 hexadecimal digits.
    pub fn serial_hex(&self) -> &str {
        &self.serial_hex
    }

    /// The certificate chain, own certificate first, without the root.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    /// SHA-256 of the federation's root certificate.
    pub fn root_pin(&self) -> [u8; 32] {
        sha256(&self.root)
    }

    /// The root of the federation.
    pub fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, {})", self.name, self.serial_hex)
    }
}
