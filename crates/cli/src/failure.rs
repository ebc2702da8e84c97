//! What went wrong, in words for the person at the keyboard and as a stable code for a script.

use std::io::ErrorKind;

use node::NodeError;
use sheet::WriteError;
use tonic::Status;

use crate::output::NotWritten;

/// A failure that this program finds itself, with its stable code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    code: &'static str,
    message: String,
}

/// A failure with one of the stable codes of [`crate::exit`].
pub fn refusal(code: &'static str, message: impl Into<String>) -> anyhow::Error {
    Refusal { code, message: message.into() }.into()
}

/// A command that was written wrongly.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    refusal("usage", message)
}

/// The stable code of an error.
pub fn code(error: &anyhow::Error) -> String {
    error.chain().find_map(code_of).unwrap_or_else(|| "internal".into())
}

fn code_of(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(refusal) = cause.downcast_ref::<Refusal>() {
        return Some(refusal.code.into());
    }
    if let Some(status) = cause.downcast_ref::<Status>() {
        return Some(NodeError::from(Box::new(status.clone())).code());
    }
    if let Some(error) = cause.downcast_ref::<NodeError>() {
        return Some(error.code());
    }
    if let Some(error) = cause.downcast_ref::<WriteError>().and_then(write_code) {
        return Some(error.into());
    }
    cause.downcast_ref::<std::io::Error>().and_then(io_code).map(Into::into)
}

/// A table that was not written; what the system said is the next cause.
fn write_code(error: &WriteError) -> Option<&'static str> {
    match error {
        WriteError::DiskFull => Some("disk_full"),
        WriteError::UnknownFormat => Some("usage"),
        WriteError::TooManyRows { .. } | WriteError::CellTooLong { .. } => Some("invalid"),
        _ => None,
    }
}

fn io_code(error: &std::io::Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::NotFound => Some("not_found"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some("disk_full"),
        ErrorKind::PermissionDenied => Some("not_allowed"),
        _ => None,
    }
}

/// Whether all that failed is that nobody reads the answer any more.
pub fn reader_has_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<NotWritten>().is_some_and(NotWritten::reader_has_gone)
}

/// What happened, from the outside to the cause.
pub fn message(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        if let Some(status) = cause.downcast_ref::<Status>() {
            parts.push(status.message().to_owned());
            break;
        }
        parts.push(cause.to_string());
        // These say all that their causes say.
        if cause.is::<NodeError>() || cause.is::<WriteError>() {
            break;
        }
    }
    parts.retain(|part| !part.is_empty());
    if parts.is_empty() { "没有更多说明 / no further details".into() } else { parts.join("：") }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    fn check(error: anyhow::Error, expected_code: &str, expected_message: &str) {
        assert_eq!(code(&error), expected_code, "{error:#}");
        assert_eq!(message(&error), expected_message);
    }

    fn sent(code: &'static str) -> Status {
        let mut status = Status::unknown("状态已变");
        let value = tonic::metadata::MetadataValue::from_static(code);
        status.metadata_mut().insert(node::CODE_KEY, value);
        status
    }

    #[test]
    fn codes_of_nodes() {
        check(sent("conflict").into(), "conflict", "状态已变");
        check(NodeError::from(Box::new(sent("disk_full"))).into(), "disk_full", "状态已变");
        let wrapped = Err::<(), _>(sent("invalid")).context("第 3 条").unwrap_err();
        check(wrapped, "invalid", "第 3 条：状态已变");
    }

    #[test]
    fn calls_that_failed_on_the_way() {
        check(Status::unavailable("transport error").into(), "unreachable", "transport error");
        check(Status::internal("").into(), "internal", "没有更多说明 / no further details");
    }

    #[test]
    fn failures_of_this_machine() {
        check(usage("缺少编号"), "usage", "缺少编号");
        check(WriteError::DiskFull.into(), "disk_full", &WriteError::DiskFull.to_string());
        let missing = std::io::Error::from(ErrorKind::NotFound);
        check(missing.into(), "not_found", "entity not found");
        // Of a connection, not of the answer.
        assert!(!reader_has_gone(&std::io::Error::from(ErrorKind::BrokenPipe).into()));
    }
}
