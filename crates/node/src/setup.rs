//! Making a node: a root by `init`, any other by `join`.

use std::path::Path;
use std::sync::Arc;

use causal::BaseId;
use office::{Me, NewBase, Office, Outside, Settings};
use pki::{Authority, InviteFile, NodeKey};
use record::derived_id;
use time::OffsetDateTime;
use wire::enrolment::EnrolRequest;
use wire::enrolment::enrolment_client::EnrolmentClient;

use crate::config::Config;
use crate::contract;
use crate::error::NodeError;
use crate::folder::{Folder, NodeFile};
use crate::tls::dial;

/// How a root node is made.
#[derive(Debug, Clone, Default)]
pub struct InitOptions {
    /// Name of the federation, for people.
    pub federation: String,
    /// Name of the root base.
    pub name: String,
    /// Code of the root base.
    pub code: String,
    /// Its rung: city, district, street, village, or the Chinese label.
    pub rung: String,
    /// Division codes it is responsible for.
    pub jurisdiction: Vec<String>,
    /// Address to listen on for children, host:port.
    pub listen: String,
    /// Address that invites name, host:port; empty: as `listen`.
    pub advertise: String,
}

/// What `init` made.
#[derive(Debug, Clone)]
pub struct InitReport {
    /// The root base's id, 32 hexadecimal digits.
    pub base: String,
    /// SHA-256 of the root certificate, hexadecimal: compare it by telephone when inviting.
    pub root_pin: String,
}

/// How a node joins.
#[derive(Debug, Clone, Default)]
pub struct JoinOptions {
    /// Address to listen on for children of its own, host:port; empty: none.
    pub listen: String,
    /// Address that its own invites name; empty: as `listen`.
    pub advertise: String,
}

/// What `join` did.
#[derive(Debug, Clone)]
pub struct JoinReport {
    /// The base's id.
    pub base: String,
    /// The base's name.
    pub base_name: String,
    /// The federation's name.
    pub federation: String,
    /// Name of the base above.
    pub parent_name: String,
}

/// Makes a root node in a folder that holds none: its key, the federation's CA, its own record.
///
/// # Errors
/// [`NodeError`] when the folder holds a node or cannot be written, or a value is refused.
pub async fn init(folder: &Path, options: &InitOptions) -> Result<InitReport, NodeError> {
    let folder = Folder::new(folder);
    folder.prepare()?;
    let schema = Arc::new(contract::own(&folder, &folder.config()?)?);
    let registry = schema.registry().map(|k| k.name.clone()).unwrap_or_default();
    let base = BaseId(derived_id(&registry, std::slice::from_ref(&options.code)).0);
    let now = OffsetDateTime::now_utc();
    let authority = Authority::new_root(base.0, &options.federation, now)?;
    let key = NodeKey::generate()?;
    let leaf = authority.issue_leaf(&key.csr_der()?, base.0, now, pki::LEAF_DAYS)?;
    folder.write_identity(&leaf.chain_pem, &key.to_pem(), &authority.root_pem())?;
    folder.write_authority(&authority.chain_pem(), &authority.key_pem())?;
    folder.write_config(&Config::template(&options.listen, &options.advertise, ""))?;
    let me = Me { base, federation: options.federation.clone() };
    let settings = Settings::default();
    let office =
        Office::open(folder.path(), schema, me, settings, folder.secret()?, Outside::system()).await?;
    let own = NewBase {
        code: options.code.clone(),
        name: options.name.clone(),
        rung: options.rung.clone(),
        jurisdiction: options.jurisdiction.clone(),
        ..NewBase::default()
    };
    let registered = office.register_base(&own).await;
    office.close().await;
    registered?;
    folder.write_node(&NodeFile {
        federation: options.federation.clone(),
        base: base.to_string(),
        base_name: options.name.clone(),
        parent_name: None,
        parent_address: None,
        stale_address: None,
    })?;
    let root_pin = InviteFile::root_pin(&authority.root_pem())?;
    Ok(InitReport { base: base.to_string(), root_pin })
}

/// Joins a federation with an invite file: makes the keys here, redeems the invite, stores the certificates and the
/// tree of bases.
///
/// # Errors
/// [`NodeError`] when the invite cannot be used or the parent cannot be reached; the folder then holds no node and
/// `join` can be repeated.
pub async fn join(folder: &Path, invite: &str, options: &JoinOptions) -> Result<JoinReport, NodeError> {
    let folder = Folder::new(folder);
    let invite = InviteFile::read(invite, OffsetDateTime::now_utc())?;
    folder.prepare()?;
    // All that can be wrong here is found before the invite is used up.
    let config = folder.config()?;
    let me = Me { base: BaseId(invite.base), federation: invite.federation.clone() };
    let schema = Arc::new(contract::own(&folder, &config)?);
    let settings = Settings::default();
    let office =
        Office::open(folder.path(), schema, me, settings, folder.secret()?, Outside::system()).await?;
    let joined = redeem(&folder, &invite, options, &office).await;
    office.close().await;
    joined
}

/// Calls the parent with the invite and keeps what it answers.
async fn redeem(
    folder: &Folder,
    invite: &InviteFile,
    options: &JoinOptions,
    office: &Office,
) -> Result<JoinReport, NodeError> {
    let (leaf_key, authority_key) = (NodeKey::generate()?, NodeKey::generate()?);
    let channel = dial(&invite.parent_address, &invite.parent_name, pki::client_config_invite(invite)?)?;
    let request = EnrolRequest {
        code: invite.code.to_text(),
        leaf_csr: leaf_key.csr_der()?,
        authority_csr: authority_key.csr_der()?,
    };
    let mut client = EnrolmentClient::new(channel).max_decoding_message_size(wire::MESSAGE_BYTES);
    let answer =
        client.enrol(request).await.map_err(|s| unreachable(&invite.parent_address, s))?.into_inner();
    folder.write_identity(&answer.leaf_chain_pem, &leaf_key.to_pem(), &invite.root_cert_pem)?;
    folder.write_authority(&answer.authority_chain_pem, &authority_key.to_pem())?;
    folder.identity()?.verify(OffsetDateTime::now_utc())?;
    folder.write_config(&Config::template(&options.listen, &options.advertise, &invite.parent_address))?;
    let parent = BaseId::try_from(answer.parent.as_slice()).unwrap_or(BaseId(invite.parent_name.base()));
    folder.keep_parent_letter(parent, &answer.letter_key)?;
    for packed in &answer.registry {
        office.adopt_registry(parent, &wire::unpack(packed)?.records).await?;
    }
    let base = BaseId(invite.base);
    folder.write_node(&NodeFile {
        federation: answer.federation.clone(),
        base: base.to_string(),
        base_name: invite.base_name.clone(),
        parent_name: Some(invite.parent_name.as_str().to_owned()),
        parent_address: Some(invite.parent_address.clone()),
        stale_address: None,
    })?;
    Ok(JoinReport {
        base: base.to_string(),
        base_name: invite.base_name.clone(),
        federation: answer.federation,
        parent_name: office.tree().name(parent),
    })
}

/// A call that never got an answer means that the parent was not reached; an answer speaks for itself.
pub(crate) fn unreachable(address: &str, status: tonic::Status) -> NodeError {
    if status.metadata().contains_key(crate::error::CODE_KEY) {
        return status.into();
    }
    match status.code() {
        tonic::Code::Unavailable
        | tonic::Code::Cancelled
        | tonic::Code::DeadlineExceeded
        | tonic::Code::Unknown => {
            let words = root_cause(&status);
            NodeError::Unreachable { address: address.into(), words }
        }
        _ => status.into(),
    }
}

/// How TLS says that a certificate is good, but not now. HTTP/2 hands on the text of its errors and not their types.
const ABOUT_TIME: [&str; 3] = ["CertificateExpired", "certificate expired", "certificate not valid yet"];

/// What lies at the bottom of a failure. Of clocks and certificates it is nearly always the clock that is wrong.
fn root_cause(status: &tonic::Status) -> String {
    let mut cause: &dyn std::error::Error = status;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let words = cause.to_string();
    match ABOUT_TIME.iter().any(|said| words.contains(said)) {
        true => {
            format!("证书的有效期与时间对不上,请先核对本机的日期和时间,对好后会自动再试({words})")
        }
        false => words,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::*;

    // Wrong: a street whose clock is years off reads "invalid peer certificate" and calls its parent.
    #[test]
    fn a_certificate_that_is_not_good_now_speaks_of_the_clock() {
        use rustls::CertificateError::{ExpiredContext, NotValidYetContext, UnknownIssuer};
        use rustls::{AlertDescription, Error};
        use rustls_pki_types::UnixTime;
        let words = |error: Error| {
            let status = tonic::Status::from_error(Box::new(io::Error::other(error)));
            unreachable("city:7443", status).to_string()
        };
        let [time, other] = [9, 5].map(|days| UnixTime::since_unix_epoch(Duration::from_hours(24 * days)));
        for error in [
            Error::InvalidCertificate(ExpiredContext { time, not_after: other }),
            Error::InvalidCertificate(NotValidYetContext { time: other, not_before: time }),
            Error::AlertReceived(AlertDescription::CertificateExpired),
        ] {
            let told = words(error);
            assert!(told.contains("核对本机的日期和时间") && told.contains("都在本机"), "{told}");
        }
        let told = words(Error::InvalidCertificate(UnknownIssuer));
        assert!(!told.contains("日期"), "{told}");
    }
}
