//! What is carried by hand between nodes: encrypted for the one who is to read it, signed by the one who wrote it.
//!
//! Encryption is HPKE (RFC 9180) in base mode: X25519, HKDF-SHA256, ChaCha20-Poly1305. It has a key pair of its own,
//! beside the P-256 key of the node's certificate, whose certificate allows signatures only. The writer is proved by
//! an ordinary signature with that P-256 key; `about`, which names writer and reader, is bound into the encryption,
//! so that nobody can put his own signature under what another encrypted.

use std::fmt;
use std::time::Duration;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal};
use rcgen::SigningKey;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;

use crate::signed::framed;
use crate::{NodeKey, NodeName, Peer, PkiError, cert, peer, verify};

/// Tells these encryptions from any others that the keys might ever be used for.
const PURPOSE: &[u8] = b"shuniu letter 1";

/// A 32-byte X25519 key, and the encapsulated key in front of what is encrypted.
const KEY_BYTES: usize = 32;

type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;
type PublicKey = <X25519HkdfSha256 as Kem>::PublicKey;
type EncappedKey = <X25519HkdfSha256 as Kem>::EncappedKey;

/// For whom something is encrypted: the public half of a [`LetterKey`]. Not a secret, but whoever hands out another
/// one in its place reads what is meant for this node: it is taken only from a signed or authenticated source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LetterRecipient([u8; KEY_BYTES]);

impl LetterRecipient {
    /// Reads one from its 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its 32 bytes.
    pub fn to_bytes(self) -> [u8; KEY_BYTES] {
        self.0
    }

    /// Encrypts something for the holder of the private half. `about` is not encrypted; it must be the same when it
    /// is read.
    ///
    /// # Errors
    /// [`PkiError::Recipient`] for a key that is none.
    pub fn encrypt(self, about: &[u8], content: &[u8]) -> Result<Vec<u8>, PkiError> {
        let public = PublicKey::from_bytes(&self.0).map_err(|_| PkiError::Recipient)?;
        let (encapped, sealed) = single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &public,
            PURPOSE,
            content,
            about,
        )
        .map_err(|_| PkiError::Recipient)?;
        Ok([encapped.to_bytes().as_slice(), &sealed].concat())
    }
}

/// The key pair for which a node has letters encrypted. It is made on the node and never leaves it.
#[derive(Clone)]
pub struct LetterKey {
    private: PrivateKey,
    recipient: LetterRecipient,
}

impl LetterKey {
    /// Makes a new key pair.
    pub fn generate() -> Self {
        let (private, public) = X25519HkdfSha256::gen_keypair();
        Self::new(private, &public)
    }

    /// Reads a key pair from the 32 bytes that [`LetterKey::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PkiError> {
        let private = PrivateKey::from_bytes(bytes).map_err(|_| PkiError::Key)?;
        let public = X25519HkdfSha256::sk_to_pk(&private);
        Ok(Self::new(private, &public))
    }

    fn new(private: PrivateKey, public: &PublicKey) -> Self {
        Self { private, recipient: LetterRecipient(public.to_bytes().into()) }
    }

    /// The private half. Write it with [`crate::write_secret_file`].
    pub fn to_bytes(&self) -> [u8; KEY_BYTES] {
        self.private.to_bytes().into()
    }

    /// The public half.
    pub fn recipient(&self) -> LetterRecipient {
        self.recipient
    }

    /// Decrypts what [`LetterRecipient::encrypt`] made with the same `about`.
    ///
    /// # Errors
    /// [`PkiError::Decrypt`] when it is for another key, or anything was changed.
    pub fn decrypt(&self, about: &[u8], sealed: &[u8]) -> Result<Vec<u8>, PkiError> {
        let (encapped, sealed) = sealed.split_at_checked(KEY_BYTES).ok_or(PkiError::Decrypt)?;
        let encapped = EncappedKey::from_bytes(encapped).map_err(|_| PkiError::Decrypt)?;
        single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.private,
            &encapped,
            PURPOSE,
            sealed,
            about,
        )
        .map_err(|_| PkiError::Decrypt)
    }
}

impl fmt::Debug for LetterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LetterKey(secret)")
    }
}

impl NodeKey {
    /// Signs bytes as the holder of the node's certificate. `context` says of what sort they are: a signature is good
    /// for that sort only.
    ///
    /// # Errors
    /// [`PkiError::Issue`] when the system gives no random bytes.
    pub fn sign(&self, context: &str, bytes: &[u8]) -> Result<Vec<u8>, PkiError> {
        Ok(self.pair().sign(&framed(context, bytes))?)
    }
}

/// The node that signed these bytes. Its certificate must verify against `root` at `now`, as it must in a TLS
/// handshake; whether the node may say what it says is for the caller to ask.
///
/// # Errors
/// [`PkiError::Verify`] for a certificate of another federation or out of its dates, [`PkiError::WrongSort`] for one
/// of an invite, [`PkiError::Signature`] when its holder did not sign.
pub fn signer(
    root: &CertificateDer<'static>,
    chain: &[CertificateDer<'static>],
    now: OffsetDateTime,
    context: &str,
    bytes: &[u8],
    signature: &[u8],
) -> Result<NodeName, PkiError> {
    let what = "the signer's certificate";
    let (leaf, above) = chain.split_first().ok_or(PkiError::Certificate { what })?;
    let seconds = u64::try_from(now.unix_timestamp()).unwrap_or(0);
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    verify::clients(root)?.verify_client_cert(leaf, above, now).map_err(PkiError::Verify)?;
    let Peer::Node(name) = peer(chain)? else {
        return Err(PkiError::WrongSort { expected: "a node's certificate" });
    };
    let parsed = cert::parse(leaf).ok_or(PkiError::Certificate { what })?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &parsed.public_key().subject_public_key.data)
        .verify(&framed(context, bytes), signature)
        .map_err(|_| PkiError::Signature)?;
    Ok(name)
}
