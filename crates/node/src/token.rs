//! The admin port's token: who can read the data folder may run the node.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Request, Status};

use crate::error::{NodeError, status};
use crate::folder::Folder;

/// A random secret, as the value of the `authorization` metadata.
#[derive(Clone)]
pub(crate) struct Token(MetadataValue<Ascii>);

#[derive(Serialize, Deserialize)]
struct AdminFile {
    address: SocketAddr,
    token: String,
}

impl Token {
    pub(crate) fn random() -> Token {
        let secret: [u8; 16] = rand::random();
        let hex: String = secret.iter().map(|b| format!("{b:02x}")).collect();
        Token::of(&hex).unwrap_or_else(|| Token(MetadataValue::from_static("Bearer")))
    }

    fn of(secret: &str) -> Option<Token> {
        format!("Bearer {secret}").parse().ok().map(Token)
    }

    /// Refuses every call that does not carry the token.
    pub(crate) fn check(&self) -> impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone + use<> {
        let expected = self.0.clone();
        move |request| {
            let given = request.metadata().get("authorization").map(MetadataValue::as_encoded_bytes);
            if given.is_some_and(|given| pki::secrets_equal(given, expected.as_encoded_bytes())) {
                return Ok(request);
            }
            Err(status(
                "not_allowed",
                "缺少管理口令(见数据文件夹中的 admin.json)/ the admin token is missing",
            ))
        }
    }

    /// Adds the token to every call.
    pub(crate) fn add(&self) -> AddToken {
        AddToken(self.0.clone())
    }
}

/// Adds the token to every call of a client.
#[derive(Clone)]
pub struct AddToken(MetadataValue<Ascii>);

impl tonic::service::Interceptor for AddToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// Writes where the admin port is, readable by the folder's owner only.
pub(crate) fn publish(folder: &Folder, address: SocketAddr, token: &Token) -> Result<(), NodeError> {
    let secret = token.0.to_str().ok().and_then(|t| t.strip_prefix("Bearer ")).unwrap_or_default().to_owned();
    let file = serde_json::json!(AdminFile { address, token: secret }).to_string();
    let failed = |source| folder.io("写入管理端口文件", source);
    pki::write_secret_file(folder.admin_file(), file.as_bytes()).map_err(failed)
}

/// Takes the file away when the server stops.
pub(crate) fn withdraw(folder: &Folder) {
    if let Err(error) = std::fs::remove_file(folder.admin_file()) {
        tracing::debug!(%error, "admin file was gone already");
    }
}

/// Where a running server's admin port is said to be; the server may have died without taking the file away.
pub(crate) fn published(folder: &Folder) -> Option<(SocketAddr, Token)> {
    let text = std::fs::read_to_string(folder.admin_file()).ok()?;
    let file: AdminFile = serde_json::from_str(&text).ok()?;
    Some((file.address, Token::of(&file.token)?))
}
