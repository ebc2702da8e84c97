//! From a descriptor set to the typed tables.

mod enums;
mod field;
mod kind;
mod options;

use prost_reflect::DescriptorPool;
use sha2::{Digest, Sha256};

use crate::check;
use crate::error::SchemaError;
use crate::limits::{DESCRIPTOR_BYTES_MAX, KINDS_MAX};
use crate::model::{Kind, Schema};
use options::Extensions;

impl Schema {
    /// Reads a descriptor set, which must hold `shuniu/schema/v1/options.proto` too.
    ///
    /// It may come from elsewhere: what is wrong or too large is an error, and guards that this program does not know
    /// stay names. Every message that carries the option `kind` becomes a kind; all others are not looked at.
    pub fn from_descriptors(bytes: &[u8]) -> Result<Schema, SchemaError> {
        at_most(bytes.len(), DESCRIPTOR_BYTES_MAX, "bytes")?;
        let pool = DescriptorPool::decode(bytes)
            .map_err(|error| SchemaError::Descriptors { reason: error.to_string() })?;
        let extensions = Extensions::find(&pool)?;
        let mut kinds = Vec::<Kind>::new();
        for message in pool.all_messages() {
            kinds.extend(kind::read(&extensions, &message)?);
            at_most(kinds.len(), KINDS_MAX, "kinds")?;
        }
        kinds.sort_by(|a, b| a.name.cmp(&b.name));
        let version = extensions.version(&pool);
        let schema =
            Schema { version, kinds, digest: Sha256::digest(bytes).into(), descriptors: bytes.to_vec() };
        check::schema(&schema)?;
        Ok(schema)
    }
}

fn at_most(count: usize, max: usize, what: &'static str) -> Result<(), SchemaError> {
    if count > max { Err(SchemaError::TooLarge { what, max }) } else { Ok(()) }
}
