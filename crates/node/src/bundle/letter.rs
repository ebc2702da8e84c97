//! The outside of a file: written for one reader, signed, and checked in full before anything in it is believed.

use causal::BaseId;
use pki::{LetterRecipient, NodeName, PkiError};
use prost::Message as _;
use rustls_pki_types::CertificateDer;
use sync::limits;
use time::OffsetDateTime;
use wire::bundle::{Envelope, Header};
use wire::{bundle_from_file, bundle_to_file};

use super::BundleError;
use crate::error::NodeError;
use crate::node::Node;

/// What the signature is for.
const CONTEXT: &str = "shuniu bundle 1";
/// The header holds some certificates of about 700 bytes each, and names.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// A file whose writer is proved, decrypted.
pub(super) struct Letter {
    pub header: Header,
    /// The writer's certificate and those above it.
    pub chain: Vec<CertificateDer<'static>>,
    /// The name in the writer's certificate.
    pub writer: NodeName,
    /// The writer's key, for the answer.
    pub key: LetterRecipient,
    pub content: Vec<u8>,
}

/// For whom a file is written.
pub(super) struct Reader {
    pub base: BaseId,
    pub key: LetterRecipient,
}

/// Writes a file for a reader.
pub(super) fn write(
    node: &Node,
    reader: &Reader,
    bundle: u64,
    receipt: bool,
    content: &[u8],
) -> Result<Vec<u8>, NodeError> {
    let tree = node.office.tree();
    let identity = node.identity.current();
    let me = node.office.me().base;
    let header = Header {
        bundle,
        receipt,
        writer: me.0.to_vec(),
        reader: reader.base.0.to_vec(),
        writer_name: clip(&tree.name(me)),
        reader_name: clip(&tree.name(reader.base)),
        root_pin: identity.root_pin().to_vec(),
        chain: identity.chain().iter().map(|c| c.to_vec()).collect(),
        letter_key: node.letter_key.recipient().to_bytes().to_vec(),
        made_at_ms: node.office.now_ms(),
    }
    .encode_to_vec();
    let content = reader.key.encrypt(&header, content)?;
    let signature = node.folder.leaf_key()?.sign(CONTEXT, &signed(&header, &content))?;
    Ok(bundle_to_file(&Envelope { header, content, signature }).map_err(BundleError::from)?)
}

/// Opens a file that is meant for this node: whole, of this federation, signed by the holder of a valid certificate.
/// What the writer may do is asked by the caller.
pub(super) fn open(node: &Node, file: &[u8]) -> Result<Letter, BundleError> {
    let Envelope { header: header_bytes, content, signature } = bundle_from_file(file)?;
    let header = header(&header_bytes)?;
    let identity = node.identity.current();
    let (writer, reader) = (header.writer_name.clone(), header.reader_name.clone());
    if header.root_pin != identity.root_pin() {
        return Err(BundleError::OtherFederation { writer, reader });
    }
    if header.reader != node.office.me().base.0 {
        return Err(BundleError::NotForUs { writer, reader });
    }
    let chain: Vec<_> = header.chain.iter().cloned().map(CertificateDer::from).collect();
    let now = OffsetDateTime::now_utc();
    let unproved = |source: PkiError| match source.is_about_time() {
        true => BundleError::OutOfDate { writer: writer.clone() },
        false => BundleError::Unproved { writer: writer.clone(), source },
    };
    let signed = signed(&header_bytes, &content);
    let name = pki::signer(identity.root(), &chain, now, CONTEXT, &signed, &signature).map_err(unproved)?;
    drop(signed);
    let key = LetterRecipient::from_bytes(&header.letter_key);
    let (true, Some(key)) = (header.writer == name.base(), key) else {
        return Err(unproved(PkiError::Signature));
    };
    let content = node.letter_key.decrypt(&header_bytes, &content);
    let content = content.map_err(|_| BundleError::Undecipherable { writer })?;
    Ok(Letter { header, chain, writer: name, key, content })
}

fn header(bytes: &[u8]) -> Result<Header, BundleError> {
    let invalid = || wire::Invalid { field: "bundle.header" };
    if bytes.len() > HEADER_BYTES_MAX {
        return Err(invalid().into());
    }
    let header = Header::decode(bytes).map_err(|_| invalid())?;
    // The names are shown before anything is proved.
    Ok(Header { writer_name: clip(&header.writer_name), reader_name: clip(&header.reader_name), ..header })
}

fn clip(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(limits::TEXT_BYTES / 4).collect()
}

/// The bytes that are signed; the length in front keeps header and content apart.
fn signed(header: &[u8], content: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_be_bytes(), header, content].concat()
}
