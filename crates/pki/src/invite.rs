//! The invite: the file that is carried to a new node so that it can join.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::{OffsetDateTime, UtcOffset};

use crate::secret::sha256;
use crate::{BaseId, InviteCode, NodeName, Peer, PkiError, cert, hex, peer, tls};

/// The version of the file's layout that this program writes and reads.
pub const INVITE_VERSION: u32 = 1;

/// An invite has some 6 KB; more than this is another file.
pub const INVITE_BYTES_MAX: usize = 128 * 1024;

/// A host name has at most 253 characters, a port five digits.
const ADDRESS_CHARS_MAX: usize = 260;

const KIND: &str = "kind";
const KIND_INVITE: &str = "shuniu-invite";
const VERSION: &str = "version";
const CHECKSUM: &str = "checksum";

/// All that a new node needs to call the base above it and to know that it reached the right one. It contains
/// secrets (`code`, `key_pem`) and is good once.
///
/// As a file it is JSON with two more fields: `kind`, and `checksum` over all others. The checksum finds damage,
/// not forgery: whoever hands over an invite decides which federation the node joins, so it travels by hand.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteFile {
    /// The version of the layout, [`INVITE_VERSION`].
    pub version: u32,
    /// The federation, in words.
    pub federation: String,
    /// The root that the new node will trust.
    pub root_cert_pem: String,
    /// [`InviteFile::root_pin`] of the root, which can be compared over the telephone.
    pub root_pin_sha256: String,
    /// Where the base above listens, `host:port`.
    pub parent_address: String,
    /// The name that the base above proves by its certificate.
    pub parent_name: NodeName,
    /// The invited base.
    #[serde(with = "hex::base_id")]
    pub base: BaseId,
    /// The invited base, in words.
    pub base_name: String,
    /// The rung of administration it stands on.
    pub rung: String,
    /// The division codes of its jurisdiction.
    pub jurisdiction: Vec<String>,
    /// When the invite expires, in milliseconds since 1970.
    pub expires_at_ms: i64,
    /// The one-use secret.
    pub code: InviteCode,
    /// The certificate for the first call, and the issuing CAs above it.
    pub chain_pem: String,
    /// The private key for the first call.
    pub key_pem: String,
}

/// Why a file is not an invite that can be used. The texts are for the person who carried it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// It was an invite, but a part is missing or changed, or its parts contradict each other.
    #[error("邀请文件不完整，或内容已被改动。请从原处重新拷贝一份；如仍不行，请上级节点重新签发。")]
    Damaged,
    /// It is some other file.
    #[error("这不是邀请文件。请选择由上级节点签发的邀请文件。")]
    NotAnInvite,
    /// It was written by a newer program.
    #[error(
        "邀请文件的格式是第 {version} 版，本程序只认到第 {INVITE_VERSION} 版。请先升级本程序，再使用这份邀请文件。"
    )]
    NewerVersion {
        /// The version of its layout.
        version: u64,
    },
    /// It came too late.
    #[error(
        "邀请文件已于 {}过期。请上级节点重新签发；如果本机日期不对，请先校准时间。",
        BeijingTime(*at)
    )]
    Expired {
        /// When it expired.
        at: OffsetDateTime,
    },
}

impl InviteFile {
    /// Writes the invite as the text of a file, after checking that its parts belong together. Write it with
    /// [`crate::write_secret_file`].
    pub fn to_text(&self) -> Result<String, PkiError> {
        self.check().map_err(|what| PkiError::Invite { what })?;
        let unwritable = |_| PkiError::Invite { what: "it is not writable as JSON" };
        let mut file = Map::from_iter([(KIND.to_owned(), KIND_INVITE.into())]);
        if let Value::Object(fields) = serde_json::to_value(self).map_err(unwritable)? {
            file.extend(fields);
        }
        let checksum = checksum(&file);
        file.insert(CHECKSUM.to_owned(), checksum.into());
        let text = serde_json::to_string_pretty(&file).map_err(unwritable)?;
        if text.len() > INVITE_BYTES_MAX {
            return Err(PkiError::Invite { what: "it is too long" });
        }
        Ok(text)
    }

    /// Reads the content of a file (a `str` or bytes), and says what is wrong with it in words for its user.
    pub fn read(content: impl AsRef<[u8]>, now: OffsetDateTime) -> Result<Self, InviteError> {
        let mut file = parse(content.as_ref())?;
        let sum = checksum(&file);
        if file.get(CHECKSUM).and_then(Value::as_str) != Some(sum.as_str()) {
            return Err(InviteError::Damaged);
        }
        // The rule of the checksum is the same in all versions, so that damage is not mistaken for a newer one.
        let version = file.get(VERSION).and_then(Value::as_u64).ok_or(InviteError::Damaged)?;
        if version > u64::from(INVITE_VERSION) {
            return Err(InviteError::NewerVersion { version });
        }
        file.retain(|field, _| field != KIND && field != CHECKSUM);
        let invite: Self = serde_json::from_value(Value::Object(file)).map_err(|_| InviteError::Damaged)?;
        let at = invite.check().map_err(|_| InviteError::Damaged)?;
        if at <= now { Err(InviteError::Expired { at }) } else { Ok(invite) }
    }

    /// The fingerprint of a root certificate: SHA-256 of its DER, in hexadecimal.
    pub fn root_pin(root_cert_pem: &str) -> Result<String, PkiError> {
        cert::root_from_pem(root_cert_pem).map(|root| hex::encode(&sha256(&root)))
    }

    /// Checks that the parts belong together; returns when it expires.
    fn check(&self) -> Result<OffsetDateTime, &'static str> {
        if self.version != INVITE_VERSION {
            return Err("it is of another version");
        }
        if Self::root_pin(&self.root_cert_pem).ok().as_ref() != Some(&self.root_pin_sha256) {
            return Err("the fingerprint is not that of the root");
        }
        if !is_address(&self.parent_address) {
            return Err("the parent's address is not host:port");
        }
        let chain =
            cert::chain_from_pem(&self.chain_pem, "").map_err(|_| "its certificate is not readable")?;
        match peer(&chain) {
            Ok(Peer::Invite { base, issuer_path, .. })
                if base == self.base && issuer_path == self.parent_name => {}
            _ => return Err("its certificate is not for this base and this parent"),
        }
        tls::client_config_invite(self).map_err(|_| "its key is not that of its certificate")?;
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.expires_at_ms) * 1_000_000)
            .map_err(|_| "its expiry is not a date")
    }
}

impl fmt::Debug for InviteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InviteFile({} beneath {})", hex::encode(&self.base), self.parent_name)
    }
}

/// Reads the JSON object of an invite, and tells a damaged one from a file of another sort.
fn parse(content: &[u8]) -> Result<Map<String, Value>, InviteError> {
    if content.len() > INVITE_BYTES_MAX {
        return Err(InviteError::NotAnInvite);
    }
    // Some editors put a byte order mark before a text.
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content).trim_ascii();
    match serde_json::from_slice(content) {
        Ok(Value::Object(file)) if file.get(KIND).is_some_and(|kind| kind == KIND_INVITE) => Ok(file),
        Ok(_) => Err(InviteError::NotAnInvite),
        Err(_) if looks_like_invite(content) => Err(InviteError::Damaged),
        Err(_) => Err(InviteError::NotAnInvite),
    }
}

/// Tells whether the beginning of what is not JSON is, as far as it goes, that of an invite.
fn looks_like_invite(content: &[u8]) -> bool {
    let begins = format!("{{\"{KIND}\":\"{KIND_INVITE}\"");
    let dense = content.iter().filter(|byte| !byte.is_ascii_whitespace());
    begins.bytes().zip(dense).all(|(expected, found)| expected == *found)
}

/// SHA-256 over all fields but itself, in the order of their names and without white space, in hexadecimal.
fn checksum(file: &Map<String, Value>) -> String {
    let fields: BTreeMap<_, _> = file.iter().filter(|(field, _)| *field != CHECKSUM).collect();
    let text: String = fields.iter().map(|(field, value)| format!("{field}={value}\n")).collect();
    hex::encode(&sha256(text.as_bytes()))
}

fn is_address(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let number = !port.starts_with(['0', '+']) && port.parse::<u16>().is_ok();
    let plain = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && plain(host),
    };
    number && host && address.len() <= ADDRESS_CHARS_MAX
}

/// A moment as people in the federation read it; China has one time zone and no summer time.
struct BeijingTime(OffsetDateTime);

impl fmt::Display for BeijingTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = UtcOffset::from_hms(8, 0, 0).ok().and_then(|east| self.0.checked_to_offset(east));
        let at = at.unwrap_or(self.0);
        let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
        write!(f, "{year}年{month}月{day}日 {:02}:{:02}（北京时间）", at.hour(), at.minute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["10.1.2.3:7443", "hub.example.gov.cn:1", "localhost:65535", "[::1]:7443", "[fe80::1]:1"]
        {
            assert!(is_address(good), "{good}");
        }
        for bad in
            ["", ":1", "a", "a:", "a:0", "a:+1", "a:65536", "::1:1", "a b:1", "a/b:1", "a@b:1", "[a]:1"]
        {
            assert!(!is_address(bad), "{bad}");
        }
        assert!(!is_address(&format!("{}:1", "a".repeat(ADDRESS_CHARS_MAX))));
    }

    #[test]
    fn the_messages_say_what_to_do() {
        let at = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        for (error, part) in [
            (InviteError::Damaged, "重新拷贝"),
            (InviteError::NotAnInvite, "请选择"),
            (InviteError::NewerVersion { version: 7 }, "第 7 版，本程序只认到第 1 版"),
            (InviteError::Expired { at }, "2027年1月15日 16:00（北京时间）过期"),
        ] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
