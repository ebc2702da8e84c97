//! The services of the contract as generated code, and the conversions between their messages and the plain types
//! of the core.
//!
//! What this crate must never know: storage, use cases, connections. A message that does not hold what it must is
//! an [`Invalid`] with the field's name.

mod bundle_content;
mod bundle_file;
mod compare;
mod contract;
mod convert;
mod facts;
mod packed;
mod protocol;
mod round;
mod watch;

pub use bundle_content::{put_message, take_message};
pub use bundle_file::{BUNDLE_BYTES_MAX, BUNDLE_VERSION, FileError, bundle_from_file, bundle_to_file};
pub use convert::Invalid;
pub use packed::{Unpacked, pack, pack_all, unpack};
pub use protocol::{OURS, Outdated, PROTOCOL, PROTOCOL_OLDEST, Versions, since};

/// The packages of the contract as they are nested in it.
#[allow(missing_docs, clippy::all)]
mod generated {
    pub mod admin {
        pub mod v1 {
            tonic::include_proto!("shuniu.admin.v1");
        }
    }
    pub mod bundle {
        pub mod v1 {
            tonic::include_proto!("shuniu.bundle.v1");
        }
    }
    pub mod enrolment {
        pub mod v1 {
            tonic::include_proto!("shuniu.enrolment.v1");
        }
    }
    pub mod record {
        pub mod v1 {
            tonic::include_proto!("shuniu.record.v1");
        }
    }
    pub mod sync {
        pub mod v1 {
            tonic::include_proto!("shuniu.sync.v1");
        }
    }
}

pub use generated::admin::v1 as admin;
pub use generated::bundle::v1 as bundle;
pub use generated::enrolment::v1 as enrolment;
pub use generated::record::v1 as record;
pub use generated::sync::v1 as sync;

/// Descriptors of all services, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/services.bin"));

/// Largest message accepted; a batch is at most 1 MiB of records before compression.
pub const MESSAGE_BYTES: usize = 4 * 1024 * 1024;
