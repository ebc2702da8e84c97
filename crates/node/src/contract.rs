//! The contract travels: the root signs the one that its program was built with, and every node hands the newest one
//! that it has seen down to its children, who check the root's signature whoever brought it.
//!
//! So a street whose program is older than the city's shows, merges and lists the new fields and kinds. What a node
//! uses is the newer one of its program's and the one that it was sent.

use std::fs::File;
use std::io::Read as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use pki::Identity;
use schema::Schema;
use schema::limits::DESCRIPTOR_BYTES_MAX;
use wire::admin::Agreement;
use wire::since;
use wire::sync::{ContractRequest, SignedContract, Welcome};

use crate::config::Config;
use crate::error::NodeError;
use crate::folder::Folder;
use crate::node::{Node, lock};
use crate::round::{Client, in_time};

/// What sort of statement the root makes of a contract.
const STATEMENT: &str = "contract";
/// A contract with its signature and the few bytes around them.
const FILE_BYTES_MAX: u64 = DESCRIPTOR_BYTES_MAX as u64 + 4096;

/// A contract that the root has signed.
pub(crate) struct Signed {
    /// Its version.
    pub version: u32,
    /// As it is handed on.
    pub message: SignedContract,
}

/// The newest signed contract that a node has seen.
#[derive(Default)]
pub(crate) struct Travelling {
    newest: Mutex<Option<Arc<Signed>>>,
    /// One that could not be used: it is not fetched again and again.
    refused: Mutex<Refused>,
    /// Version of the contract that the parent goes by, as it told last; 0 before.
    above: AtomicU32,
}

/// A contract that could not be used.
#[derive(Default)]
struct Refused {
    version: u32,
    words: String,
}

impl Travelling {
    /// Begins with what was seen before.
    pub fn new(newest: Option<Signed>) -> Travelling {
        Travelling { newest: Mutex::new(newest.map(Arc::new)), ..Travelling::default() }
    }

    /// What this node and its parent go by.
    pub fn agreement(&self, own: &Schema, protocol: u32) -> Agreement {
        Agreement {
            protocol,
            contract: own.version,
            contract_above: self.above.load(Ordering::Relaxed),
            contract_refused: lock(&self.refused).words.clone(),
        }
    }

    fn refuse(&self, version: u32, error: &dyn std::fmt::Display) {
        *lock(&self.refused) = Refused { version, words: error.to_string() };
    }

    /// The newest one.
    pub fn newest(&self) -> Option<Arc<Signed>> {
        lock(&self.newest).clone()
    }

    /// Its version; 0 for none.
    pub fn version(&self) -> u32 {
        lock(&self.newest).as_ref().map_or(0, |signed| signed.version)
    }
}

/// The contract of this node's own program. Tests and the demonstration let a node be an older one, by a file.
///
/// # Errors
/// [`NodeError`] when that file cannot be used.
pub(crate) fn own(folder: &Folder, config: &Config) -> Result<Schema, NodeError> {
    if config.contract.is_empty() {
        return Ok(Schema::embedded().clone());
    }
    let bytes = std::fs::read(&config.contract).map_err(|e| folder.io("读取设置 contract 所指的文件", e))?;
    let file = folder.path().join("shuniu.toml");
    Schema::from_descriptors(&bytes).map_err(|e| NodeError::Config { file, words: format!("contract:{e}") })
}

/// What a node begins with: the contract to use, and the newest signed one that it can hand on.
///
/// # Errors
/// [`NodeError`] when its own contract cannot be used; what is wrong with one that was sent is only told in the log.
pub(crate) fn at_start(
    folder: &Folder,
    config: &Config,
    identity: &Identity,
    root: bool,
) -> Result<(Arc<Schema>, Travelling), NodeError> {
    let own = own(folder, config)?;
    let seen = match read(folder, identity) {
        Ok(seen) => seen,
        Err(error) => {
            tracing::warn!(%error, "the contract that was kept cannot be used");
            None
        }
    };
    let (signed, sent) = seen.unzip();
    let newer = sent.filter(|sent| sent.version > own.version);
    if root && newer.is_none() && signed.as_ref().is_none_or(|s| s.message.descriptors != own.descriptors()) {
        let signed = sign(folder, &own).inspect_err(|error| {
            // The root's key may lie in a safe; an older program below then waits until it has been here once.
            tracing::warn!(%error, "this node's contract is not signed and does not travel");
        });
        return Ok((Arc::new(own), Travelling::new(signed.ok())));
    }
    let travelling = Travelling::new(signed);
    let usable = newer.filter(|newer| match own.check_successor(newer) {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "the contract that was sent is not used");
            travelling.refuse(newer.version, &error);
            false
        }
    });
    Ok((Arc::new(usable.unwrap_or(own)), travelling))
}

/// The signed contract in the folder, checked as if it had just been sent.
fn read(folder: &Folder, identity: &Identity) -> Result<Option<(Signed, Schema)>, NodeError> {
    let file = folder.contract_file();
    if !file.exists() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let opened = File::open(&file).and_then(|f| f.take(FILE_BYTES_MAX).read_to_end(&mut bytes));
    opened.map_err(|source| folder.io("读取数据约定", source))?;
    examine(identity, SignedContract::from_bytes(&bytes)?).map(Some)
}

fn sign(folder: &Folder, own: &Schema) -> Result<Signed, NodeError> {
    let descriptors = own.descriptors().to_vec();
    let signature = folder.authority()?.sign_statement(STATEMENT, &descriptors)?;
    let signed = Signed { version: own.version, message: SignedContract { descriptors, signature } };
    folder.write_contract(&signed.message)?;
    Ok(signed)
}

/// Whoever brought it: it counts only if the root signed it, and only if it can be read within the limits.
fn examine(identity: &Identity, message: SignedContract) -> Result<(Signed, Schema), NodeError> {
    let SignedContract { descriptors, signature } = &message;
    if descriptors.len() > DESCRIPTOR_BYTES_MAX {
        return Err(NodeError::Protocol { words: "数据约定太大".into() });
    }
    identity.check_statement(STATEMENT, descriptors, signature)?;
    let schema = Schema::from_descriptors(descriptors);
    let words = |error| format!("数据约定不能使用,请升级本节点的程序:{error}");
    let schema = schema.map_err(|error| NodeError::Protocol { words: words(error) })?;
    Ok((Signed { version: schema.version, message }, schema))
}

/// Takes the parent's contract if it is newer than the one held; what is wrong with it does not stop the round.
pub(crate) async fn follow(node: &Node, client: &mut Client, answer: &Welcome) {
    node.contract.above.store(answer.contract_version, Ordering::Relaxed);
    let offered = answer.signed_contract;
    let known = offered <= node.contract.version() || offered <= lock(&node.contract.refused).version;
    if answer.protocol < since::CONTRACT || known {
        return;
    }
    if let Err(error) = fetch(node, client).await {
        if !matches!(error, NodeError::Unreachable { .. }) {
            node.contract.refuse(offered, &error);
        }
        tracing::warn!(%error, version = offered, "the parent's contract is not used");
    }
}

async fn fetch(node: &Node, client: &mut Client) -> Result<(), NodeError> {
    let address = &node.parent_address();
    let message = in_time(address, client.contract(ContractRequest {})).await?;
    let (signed, schema) = examine(&node.identity.current(), message)?;
    if signed.version <= node.contract.version() {
        return Err(NodeError::Protocol {
            words: "上级所报的数据约定版本与所发的不符".into()
        });
    }
    node.office.adopt(Arc::new(schema)).await?;
    node.folder.write_contract(&signed.message)?;
    tracing::info!(version = signed.version, "a newer contract came from the parent");
    *lock(&node.contract.newest) = Some(Arc::new(signed));
    Ok(())
}

#[cfg(test)]
mod tests {
    use pki::{Authority, NodeKey};
    use time::OffsetDateTime;

    use super::*;

    fn root(federation: &str) -> (Authority, Identity) {
        let (key, now) = (NodeKey::generate().unwrap(), OffsetDateTime::now_utc());
        let authority = Authority::new_root([1; 16], federation, now).unwrap();
        let leaf = authority.issue_leaf(&key.csr_der().unwrap(), [1; 16], now, 9).unwrap();
        let identity = Identity::load(&leaf.chain_pem, &key.to_pem(), &authority.root_pem()).unwrap();
        (authority, identity)
    }

    // Wrong: a contract that anybody can pass off as the city's; one that stops the program that reads it.
    #[test]
    fn only_a_contract_of_the_root_within_the_limits_counts() {
        let ((authority, identity), (stranger, _)) = (root("一"), root("二"));
        let by = |authority: &Authority, sort: &str, descriptors: &[u8]| SignedContract {
            descriptors: descriptors.to_vec(),
            signature: authority.sign_statement(sort, descriptors).unwrap(),
        };
        let embedded = Schema::embedded().descriptors();
        let good = by(&authority, STATEMENT, embedded);
        assert_eq!(examine(&identity, good.clone()).unwrap().0.version, Schema::embedded().version);
        let half = &embedded[..embedded.len() / 2];
        let long = vec![0; DESCRIPTOR_BYTES_MAX + 1];
        for (bad, words) in [
            (by(&stranger, STATEMENT, embedded), "证书或密钥"),
            (by(&authority, "move", embedded), "证书或密钥"),
            (SignedContract { signature: Vec::new(), ..good.clone() }, "证书或密钥"),
            (SignedContract { descriptors: half.to_vec(), ..good }, "证书或密钥"),
            (by(&authority, STATEMENT, half), "数据约定不能使用"),
            (by(&authority, STATEMENT, b"\x0a\xff\xff\xff\xff\x0f"), "数据约定不能使用"),
            (by(&authority, STATEMENT, b""), "数据约定不能使用"),
            (by(&authority, STATEMENT, &long), "太大"),
        ] {
            let error = examine(&identity, bad).err().expect(words).to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    // Wrong: a node that does not start because a file is damaged that its parent would send it again.
    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path());
        let (_, identity) = root("一");
        for bytes in [&b"\xff\xff\xff"[..], b"", &vec![b'x'; 1 << 21]] {
            std::fs::write(folder.contract_file(), bytes).unwrap();
            let (schema, travelling) = at_start(&folder, &Config::default(), &identity, false).unwrap();
            assert_eq!((schema.version, travelling.version()), (Schema::embedded().version, 0));
        }
    }
}
