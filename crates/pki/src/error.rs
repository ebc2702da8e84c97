//! What can go wrong while keys and certificates are made or loaded.

use crate::{NameError, PeerError};

/// Why a key, a certificate or a TLS setting could not be made or loaded.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The private key is not a PKCS#8 key of the federation's one kind.
    #[error("the private key is not a readable ECDSA P-256 key")]
    Key,
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// The request is not readable, or too long.
    #[error("the certificate request is not readable")]
    CsrMalformed,
    /// The request's key is not ECDSA P-256.
    #[error("the certificate request is not for an ECDSA P-256 key")]
    CsrKeyType,
    /// The sender of the request does not hold its private key.
    #[error("the certificate request is not signed by its own key")]
    CsrSignature,
    /// The base cannot be named beneath this authority.
    #[error("this authority cannot name that base")]
    Name(#[from] NameError),
    /// Only the root issues to itself; every other base gets its certificate from the base above.
    #[error("a base does not issue its own certificate")]
    OwnBase,
    /// Only the root makes statements for the whole federation.
    #[error("only the root signs for the whole federation")]
    NotRoot,
    /// A statement that the root of this federation did not make, or that was changed on the way.
    #[error("the root of this federation did not sign this")]
    Statement,
    /// The wanted time of validity is empty or longer than allowed.
    #[error("a validity of {days} days is not between 1 and {days_max}")]
    Validity {
        /// What was asked for; 0 when the end lies before the beginning.
        days: i64,
        /// What is allowed.
        days_max: i64,
    },
    /// A certificate in the authority's chain has expired.
    #[error("the issuing certificate has expired")]
    AuthorityExpired,
    /// A certificate could not be made.
    #[error("could not make the certificate")]
    Issue(#[from] rcgen::Error),
    /// A text that should hold certificates in PEM does not, or holds too many.
    #[error("{what} is not readable")]
    Certificate {
        /// Which part of the chain.
        what: &'static str,
    },
    /// The certificates of an authority do not belong together.
    #[error("the chain of the authority is not valid: {what}")]
    Chain {
        /// What is wrong.
        what: &'static str,
    },
    /// The private key belongs to another certificate.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// The certificate does not name a base.
    #[error("the certificate is not that of a node")]
    Peer(#[from] PeerError),
    /// The certificate is not that of a node but an invite, or the other way round.
    #[error("the certificate is of the wrong sort: {expected} was expected")]
    WrongSort {
        /// What was expected.
        expected: &'static str,
    },
    /// A renewed identity must be of the same base and federation as the one it replaces.
    #[error("the new certificate is of another base or another federation")]
    OtherIdentity,
    /// The certificate does not verify against the federation's root at the given time.
    #[error("the certificate does not verify against the federation's root")]
    Verify(#[source] rustls::Error),
    /// What is said to be signed was not signed by the holder of the certificate.
    #[error("the signature is not that of the certificate's holder")]
    Signature,
    /// Something is not encrypted for this key, or was changed on its way.
    #[error("it is not encrypted for this node, or was changed on its way")]
    Decrypt,
    /// The recipient's public key is none.
    #[error("the recipient's public key cannot be used")]
    Recipient,
    /// The TLS settings could not be made.
    #[error("the TLS settings could not be made")]
    Tls(#[source] rustls::Error),
    /// An invite cannot be written because its parts contradict each other or are too long.
    #[error("the invite cannot be written: {what}")]
    Invite {
        /// What is wrong.
        what: &'static str,
    },
}

impl PkiError {
    /// Whether a certificate did not verify because of its dates: it has expired, or is not valid yet.
    pub fn is_about_time(&self) -> bool {
        use rustls::CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
        let PkiError::Verify(rustls::Error::InvalidCertificate(why)) = self else { return false };
        matches!(why, Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. })
    }
}
