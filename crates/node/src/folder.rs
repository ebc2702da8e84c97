//! What lies where in a node's data folder.

use std::path::{Path, PathBuf};

use causal::BaseId;
use office::{Me, Secret};
use pki::{Authority, Identity, LetterKey, LetterRecipient};
use serde::{Deserialize, Serialize};
use store::KeptFile;
use wire::sync::SignedContract;

use crate::config::Config;
use crate::error::NodeError;

pub(crate) const NODE: &str = "node.json";
const CONFIG: &str = "shuniu.toml";
const SECRET: &str = "secret.key";
pub(crate) const ROOT: &str = "pki/root.pem";
const LEAF: &str = "pki/node.pem";
const LEAF_KEY: &str = "pki/node.key";
const LETTER_KEY: &str = "pki/letter.key";
const AUTHORITY: &str = "pki/authority.pem";
const AUTHORITY_KEY: &str = "pki/authority.key";
const CONTRACT: &str = "contract.signed";

/// What a node needs beside its database, in the order in which it is restored.
const KEPT: [&str; 10] =
    [CONFIG, CONTRACT, SECRET, ROOT, LEAF_KEY, LEAF, LETTER_KEY, AUTHORITY_KEY, AUTHORITY, NODE];
/// Which of them are secrets.
const SECRETS: [&str; 4] = [SECRET, LEAF_KEY, LETTER_KEY, AUTHORITY_KEY];

/// A node's data folder.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

/// Who a node is, written once when it is made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NodeFile {
    pub federation: String,
    pub base: String,
    pub base_name: String,
    /// The name that the parent proves by its certificate; absent at the root.
    pub parent_name: Option<String>,
    /// Where the invite, or after a move the registry, said that the parent is; the configuration may say otherwise.
    pub parent_address: Option<String>,
    /// What the configuration said of the parent before this node was moved: it counts again once it is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_address: Option<String>,
}

impl Folder {
    /// The folder at this path.
    pub fn new(path: &Path) -> Folder {
        Folder(path.to_owned())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn admin_file(&self) -> PathBuf {
        self.0.join("admin.json")
    }

    /// Makes the folder, which must not hold a node yet.
    pub(crate) fn prepare(&self) -> Result<(), NodeError> {
        if self.0.join(NODE).exists() {
            return Err(NodeError::AlreadyNode { folder: self.0.clone() });
        }
        let doing = "建立数据文件夹";
        std::fs::create_dir_all(self.0.join("pki"))
            .and_then(|()| make_private(&self.0))
            .map_err(|e| self.io(doing, e))
    }

    /// The newest contract that the root has signed.
    pub(crate) fn contract_file(&self) -> PathBuf {
        self.0.join(CONTRACT)
    }

    pub(crate) fn write_contract(&self, signed: &SignedContract) -> Result<(), NodeError> {
        pki::write_secret_file(self.contract_file(), &signed.to_bytes())
            .map_err(|source| self.io("写入数据约定", source))
    }

    pub(crate) fn io(&self, doing: &'static str, source: std::io::Error) -> NodeError {
        NodeError::Folder { folder: self.0.clone(), doing, source }
    }

    fn read(&self, name: &str) -> Result<String, NodeError> {
        std::fs::read_to_string(self.0.join(name)).map_err(|source| self.io("读取节点文件", source))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), NodeError> {
        pki::write_secret_file(self.0.join(name), text.as_bytes())
            .map_err(|source| self.io("写入节点文件", source))
    }

    /// The files that a backup carries along beside the database.
    pub(crate) fn kept(&self) -> Result<Vec<KeptFile>, NodeError> {
        let there = KEPT.iter().filter(|name| self.0.join(name).exists());
        let read = |name: &&str| {
            let content =
                std::fs::read(self.0.join(name)).map_err(|source| self.io("读取节点文件", source))?;
            Ok(KeptFile { name: (*name).to_owned(), content })
        };
        there.map(read).collect()
    }

    /// Writes one of the files that a backup carried along; others it does not know.
    pub(crate) fn put_kept(&self, kept: &KeptFile) -> Result<(), NodeError> {
        let doing = "写入节点文件";
        let name = KEPT.iter().find(|name| **name == kept.name);
        let name = name.ok_or_else(|| NodeError::Damaged { file: self.0.join("backup") })?;
        let file = self.0.join(name);
        let folder = file.parent().unwrap_or(&self.0);
        std::fs::create_dir_all(folder).map_err(|source| self.io(doing, source))?;
        pki::write_secret_file(&file, &kept.content).map_err(|source| self.io(doing, source))
    }

    /// The files that nobody else may read, as far as they are there.
    pub(crate) fn secret_names(&self) -> Vec<&'static str> {
        SECRETS.into_iter().filter(|name| self.0.join(name).exists()).collect()
    }

    /// Whether something can be written here.
    pub(crate) fn try_writing(&self) -> std::io::Result<()> {
        let file = self.0.join(".writable");
        pki::write_secret_file(&file, b"")?;
        std::fs::remove_file(file)
    }

    /// The size of the database's files.
    pub(crate) fn database_bytes(&self) -> u64 {
        let size = |name| std::fs::metadata(self.0.join(name)).map_or(0, |meta| meta.len());
        ["shuniu.db", "shuniu.db-wal"].into_iter().map(size).sum()
    }

    pub(crate) fn node(&self) -> Result<NodeFile, NodeError> {
        if !self.0.join(NODE).exists() {
            return Err(NodeError::NoNode { folder: self.0.clone() });
        }
        let damaged = |_| NodeError::Damaged { file: self.0.join(NODE) };
        serde_json::from_str(&self.read(NODE)?).map_err(damaged)
    }

    /// Written last: a folder without it holds no node, so that a failed `init` or `join` can be repeated.
    pub(crate) fn write_node(&self, node: &NodeFile) -> Result<(), NodeError> {
        let text =
            serde_json::to_string_pretty(node).map_err(|_| NodeError::Damaged { file: self.0.join(NODE) })?;
        self.write(NODE, &text)
    }

    pub(crate) fn config(&self) -> Result<Config, NodeError> {
        let file = self.0.join(CONFIG);
        if !file.exists() {
            return Ok(Config::default());
        }
        Config::read(&self.read(CONFIG)?).map_err(|words| NodeError::Config { file, words })
    }

    pub(crate) fn write_config(&self, text: &str) -> Result<(), NodeError> {
        // A configuration that was laid out beforehand is the administrator's and stays.
        if self.0.join(CONFIG).exists() { Ok(()) } else { self.write(CONFIG, text) }
    }

    /// The secret for tags; made at the first call.
    pub(crate) fn secret(&self) -> Result<Secret, NodeError> {
        let file = self.0.join(SECRET);
        if !file.exists() {
            let bytes: [u8; 32] = rand::random();
            pki::write_secret_file(&file, &bytes).map_err(|source| self.io("写入密钥", source))?;
        }
        let bytes = std::fs::read(&file).map_err(|source| self.io("读取密钥", source))?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| NodeError::Damaged { file })?;
        Ok(Secret::new(&bytes))
    }

    pub(crate) fn identity(&self) -> Result<Identity, NodeError> {
        self.identity_with(&self.read(LEAF)?)
    }

    /// The identity that this node would have with another certificate for its key.
    pub(crate) fn identity_with(&self, chain_pem: &str) -> Result<Identity, NodeError> {
        Ok(Identity::load(chain_pem, &self.read(LEAF_KEY)?, &self.read(ROOT)?)?)
    }

    pub(crate) fn write_identity(&self, chain: &str, key: &str, root: &str) -> Result<(), NodeError> {
        self.write(ROOT, root)?;
        self.write(LEAF_KEY, key)?;
        self.write(LEAF, chain)
    }

    pub(crate) fn write_leaf(&self, chain: &str) -> Result<(), NodeError> {
        self.write(LEAF, chain)
    }

    pub(crate) fn leaf_key(&self) -> Result<pki::NodeKey, NodeError> {
        Ok(pki::NodeKey::from_pem(&self.read(LEAF_KEY)?)?)
    }

    /// The key for which others encrypt what is carried here by hand; made at the first call.
    pub(crate) fn letter_key(&self) -> Result<LetterKey, NodeError> {
        let file = self.0.join(LETTER_KEY);
        if !file.exists() {
            let key = LetterKey::generate();
            pki::write_secret_file(&file, &key.to_bytes()).map_err(|source| self.io("写入密钥", source))?;
            return Ok(key);
        }
        let bytes = std::fs::read(&file).map_err(|source| self.io("读取密钥", source))?;
        LetterKey::from_bytes(&bytes).map_err(|_| NodeError::Damaged { file })
    }

    fn parent_letter_file(&self, parent: BaseId) -> PathBuf {
        self.0.join(format!("pki/letter-{parent}.pub"))
    }

    /// A parent's key for what is carried there; `None` while no answer of that parent has told it.
    pub(crate) fn parent_letter(&self, parent: BaseId) -> Result<Option<LetterRecipient>, NodeError> {
        let file = self.parent_letter_file(parent);
        if !file.exists() {
            return Ok(None);
        }
        let bytes = std::fs::read(&file).map_err(|source| self.io("读取密钥", source))?;
        LetterRecipient::from_bytes(&bytes).map(Some).ok_or(NodeError::Damaged { file })
    }

    /// Keeps a parent's key as it told it. A parent of an earlier version tells none.
    pub(crate) fn keep_parent_letter(&self, parent: BaseId, told: &[u8]) -> Result<(), NodeError> {
        let Some(key) = LetterRecipient::from_bytes(told) else { return Ok(()) };
        if self.parent_letter(parent).is_ok_and(|known| known == Some(key)) {
            return Ok(());
        }
        pki::write_secret_file(self.parent_letter_file(parent), told)
            .map_err(|source| self.io("写入密钥", source))
    }

    pub(crate) fn authority(&self) -> Result<Authority, NodeError> {
        Ok(Authority::load(&self.read(AUTHORITY)?, &self.read(AUTHORITY_KEY)?, &self.read(ROOT)?)?)
    }

    pub(crate) fn authority_key(&self) -> Result<pki::NodeKey, NodeError> {
        Ok(pki::NodeKey::from_pem(&self.read(AUTHORITY_KEY)?)?)
    }

    pub(crate) fn write_authority_chain(&self, chain: &str) -> Result<(), NodeError> {
        self.write(AUTHORITY, chain)
    }

    pub(crate) fn write_authority(&self, chain: &str, key: &str) -> Result<(), NodeError> {
        self.write(AUTHORITY_KEY, key)?;
        self.write_authority_chain(chain)
    }
}

/// Registers hold personal data: other accounts of the machine have no business in the folder.
pub(crate) fn make_private(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

impl NodeFile {
    /// Where the parent is.
    pub(crate) fn parent_address(&self, config: &Config) -> String {
        let stale = self.stale_address.as_ref() == Some(&config.parent);
        match config.parent.is_empty() || stale {
            true => self.parent_address.clone().unwrap_or_default(),
            false => config.parent.clone(),
        }
    }

    pub(crate) fn me(&self, folder: &Folder) -> Result<Me, NodeError> {
        let damaged = |_| NodeError::Damaged { file: folder.path().join(NODE) };
        let base: BaseId = self.base.parse().map_err(damaged)?;
        Ok(Me { base, federation: self.federation.clone() })
    }
}
