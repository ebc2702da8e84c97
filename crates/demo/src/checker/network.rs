//! Whether a node's port lets in nobody without a certificate: tried from outside, on raw connections.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Finding;

/// A port at which nodes beneath are taken, and the folder of a node that may come in.
#[derive(Debug, Clone)]
pub struct Door {
    /// The port.
    pub address: SocketAddr,
    /// Folder of a node right beneath.
    pub child: PathBuf,
}

/// What an HTTP/2 client begins with: the preface and empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
/// A frame's type stands after its length of three bytes; 4 is SETTINGS, with which every HTTP/2 server answers.
const SETTINGS: u8 = 4;
/// A server that has not answered by then does not.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What a server said to the preface.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Settings,
    Other,
    Closed,
}

/// Whether a connection without TLS gets no answer.
pub async fn refuses_plain(door: &Door) -> Finding {
    match TcpStream::connect(door.address).await {
        Err(error) => Finding::new(false, format!("{} 连不上：{error}", door.address)),
        Ok(stream) => told(ask(stream).await, false, "明文连接没有得到服务"),
    }
}

/// Whether a TLS client without a certificate gets no answer.
pub async fn refuses_no_certificate(door: &Door) -> Finding {
    match said(door, None).await {
        Ok(said) => told(said, false, "不带证书的 TLS 连接被拒绝"),
        Err(words) => Finding::new(false, words),
    }
}

/// Whether the very same client is let in with the certificate of a node beneath: else the refusals prove nothing.
pub async fn accepts_certificate(door: &Door) -> Finding {
    match said(door, Some(&door.child)).await {
        Ok(said) => told(said, true, "带下级证书的同样连接被接受"),
        Err(words) => Finding::new(false, words),
    }
}

fn told(said: Said, wanted: bool, words: &str) -> Finding {
    let held = (said == Said::Settings) == wanted;
    Finding::new(held, if held { words.to_owned() } else { format!("对方的答复是 {said:?}") })
}

async fn said(door: &Door, folder: Option<&Path>) -> Result<Said, String> {
    let config = config(folder).map_err(|error| format!("检查员的证书不能用：{error}"))?;
    let tcp = TcpStream::connect(door.address)
        .await
        .map_err(|error| format!("{} 连不上：{error}", door.address))?;
    let name = ServerName::try_from("localhost").map_err(|error| error.to_string())?;
    match TlsConnector::from(Arc::new(config)).connect(name, tcp).await {
        Ok(stream) => Ok(ask(stream).await),
        Err(_) => Ok(Said::Closed),
    }
}

fn config(folder: Option<&Path>) -> Result<ClientConfig, Box<dyn std::error::Error>> {
    let provider = Arc::new(ring::default_provider());
    let anyone = Arc::new(AnyServer(provider.clone()));
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.dangerous().with_custom_certificate_verifier(anyone);
    let mut config = match folder {
        None => config.with_no_client_auth(),
        Some(folder) => {
            let chain =
                CertificateDer::pem_file_iter(folder.join("pki/node.pem"))?.collect::<Result<_, _>>()?;
            config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(folder.join("pki/node.key"))?)?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Speaks HTTP/2 and listens for the first frame.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Said {
    let mut head = [0; 9];
    let asked = async {
        stream.write_all(PREFACE).await?;
        stream.flush().await?;
        stream.read_exact(&mut head).await.map(drop)
    };
    match tokio::time::timeout(ANSWER_TIMEOUT, asked).await {
        Ok(Ok(())) if head[3] == SETTINGS && head[0] == 0 => Said::Settings,
        Ok(Ok(())) => Said::Other,
        Ok(Err(_)) | Err(_) => Said::Closed,
    }
}

/// Takes any server: the question here is what the server demands, not who it is.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_server_without_tls_is_noticed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = Door { address: listener.local_addr().unwrap(), child: PathBuf::new() };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                stream.write_all(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00").await.unwrap();
                let mut sink = Vec::new();
                tokio::spawn(async move { stream.read_to_end(&mut sink).await });
            }
        });
        assert!(!refuses_plain(&door).await.held);
    }
}
