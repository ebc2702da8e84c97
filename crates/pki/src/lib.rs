//! Certificates of the federation: root, issuing CAs, node certificates, invites, TLS settings.
//!
//! **What it is for.** A certificate says *who* speaks: which base of which federation, by its full DNS name
//! ([`NodeName`]), `b<32 hex>.b<32 hex>….shuniu.internal`, own label first, root last. The root key signs issuing
//! CAs; each is name-constrained to the subtree of its base, so that a stolen district key cannot speak for
//! another district.
//!
//! **What it must never know.** What a base *may* do, whether it was revoked, where things are stored: that is
//! the registry's business. No database, no network, no async runtime here, and time is an argument everywhere
//! (rustls alone reads the system clock, to judge validity in a handshake).
//!
//! **Where to begin.** [`Authority`] issues, [`Identity`] is what a node holds, [`LiveIdentity`] makes the TLS
//! settings from it, [`peer`] reads who is on the other side, [`InviteFile`] is what is carried to a new node.
//!
//! # Architecture invariants
//!
//! * A DNS name constraint does not restrict a certificate that has no DNS name at all. Therefore nothing is
//!   trusted because its chain verifies: [`peer`] must accept the certificate too, and the verifiers behind
//!   [`server_config`] and [`client_config`] already ask it during the handshake.
//! * An authority takes the public key from a request and nothing else; names come from the tree.
//! * No common name is ever read. Subjects are for people who look at a certificate.
//! * There is no session resumption: a resumed session would not present its certificate again, and would go on
//!   after the certificate has expired or has been replaced.
//! * No type that holds a secret shows it through `Debug`.

mod authority;
mod cert;
mod csr;
mod error;
mod hex;
mod identity;
mod invite;
mod key;
mod letter;
mod live;
mod name;
mod peer;
mod profile;
mod secret;
mod secret_file;
mod signed;
mod tls;
mod verify;

pub use authority::{Authority, InviteCredential, IssuedLeaf};
pub use error::PkiError;
pub use identity::Identity;
pub use invite::{INVITE_BYTES_MAX, INVITE_VERSION, InviteError, InviteFile};
pub use key::NodeKey;
pub use letter::{LetterKey, LetterRecipient, signer};
pub use live::LiveIdentity;
pub use name::{BaseId, DEPTH_MAX, DOMAIN, NameError, NodeName};
pub use peer::{Peer, PeerError, leaf_serial_hex, peer};
pub use profile::{AUTHORITY_DAYS, BACKDATE, INVITE_DAYS_MAX, LEAF_DAYS, LEAF_DAYS_MAX, ROOT_DAYS};
pub use secret::{InviteCode, secrets_equal};
pub use secret_file::write_secret_file;
pub use tls::{ALPN, client_config, client_config_invite, server_config, server_name};
