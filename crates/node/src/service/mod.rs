//! The gRPC services: convert in, call one use case, convert out.

pub(crate) mod admin;
pub(crate) mod bundles;
pub(crate) mod conduct;
pub(crate) mod conflicts;
pub(crate) mod enrolment;
pub(crate) mod pushed;
pub(crate) mod quarantine;
pub(crate) mod records;
pub(crate) mod registry;
pub(crate) mod replication;
pub(crate) mod urge;
pub(crate) mod verify;
pub(crate) mod watch;
