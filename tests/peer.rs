//! Programs that call a node: over TLS with whatever certificate, and over its admin port.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use pki::{Authority, Identity, NodeKey};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use wire::record::records_client::RecordsClient;
use wire::record::{PutBatchRequest, PutRequest};
use wire::sync::sync_client::SyncClient;
use wire::sync::{Hello, Welcome};

use crate::node::Node;
use crate::wait::block_on;

/// A certificate chain and its key, however wrong.
pub struct Papers {
    /// Own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// PKCS#8, PEM.
    pub key_pem: String,
}

impl Papers {
    /// From PEM.
    pub fn of_pem(chain_pem: &str, key_pem: &str) -> Papers {
        let chain = CertificateDer::pem_slice_iter(chain_pem.as_bytes()).collect::<Result<_, _>>().unwrap();
        Papers { chain, key_pem: key_pem.to_owned() }
    }

    /// Those of a real node.
    pub fn of(node: &Node) -> Papers {
        Papers::of_pem(&node.folder.read("pki/node.pem"), &node.folder.read("pki/node.key"))
    }

    /// Those that an authority issues to a base at a time, good for some days.
    pub fn issued(authority: &Authority, base: &str, at: time::OffsetDateTime, days: i64) -> Papers {
        let key = NodeKey::generate().unwrap();
        let base: causal::BaseId = base.parse().unwrap();
        let leaf = authority.issue_leaf(&key.csr_der().unwrap(), base.0, at, days).unwrap();
        Papers::of_pem(&leaf.chain_pem, &key.to_pem())
    }
}

/// The issuing authority of a node.
pub fn authority(node: &Node) -> Authority {
    let read = |name| node.folder.read(name);
    Authority::load(&read("pki/authority.pem"), &read("pki/authority.key"), &read("pki/root.pem")).unwrap()
}

/// Takes any server: it is the server's refusal that is looked at.
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

fn config(papers: Option<&Papers>) -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer(provider)));
    let mut config = match papers {
        None => builder.with_no_client_auth(),
        Some(papers) => {
            let key = PrivateKeyDer::from_pem_slice(papers.key_pem.as_bytes()).unwrap();
            builder.with_client_auth_cert(papers.chain.clone(), key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// A client of a node's port for children; nothing is said yet.
pub fn sync_client(node: &Node, papers: Option<&Papers>) -> SyncClient<Channel> {
    let address: SocketAddr = node.door.lock().unwrap().expect("it is being served");
    let connector = TlsConnector::from(Arc::new(config(papers)));
    let connect = move |_: tonic::codegen::http::Uri| {
        let connector = connector.clone();
        async move {
            let tcp = TcpStream::connect(address).await?;
            let name = ServerName::try_from("anybody.invalid").expect("a name");
            Ok::<_, std::io::Error>(TokioIo::new(connector.connect(name, tcp).await?))
        }
    };
    let endpoint = Endpoint::from_static("http://anybody.invalid");
    let channel = block_on(async { endpoint.connect_with_connector_lazy(tower::service_fn(connect)) });
    SyncClient::new(channel).max_encoding_message_size(64 << 20)
}

/// What a new node would say of itself.
pub fn hello(base: &str) -> Hello {
    let base: causal::BaseId = base.parse().unwrap();
    Hello { protocol: wire::PROTOCOL, base: base.0.to_vec(), version: "0".into(), ..Hello::default() }
}

/// Opens a session in the name of a base.
pub fn handshake(client: &mut SyncClient<Channel>, base: &str) -> Result<Welcome, Status> {
    block_on(client.handshake(hello(base))).map(tonic::Response::into_inner)
}

/// A new session, with a connection of its own.
pub fn call(node: &Node, papers: Option<&Papers>, base: &str) -> Result<Welcome, Status> {
    handshake(&mut sync_client(node, papers), base)
}

/// The identity in a folder, as the program itself would load it.
pub fn identity(folder: &Path) -> Identity {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    Identity::load(&read("pki/node.pem"), &read("pki/node.key"), &read("pki/root.pem")).unwrap()
}

/// Saves many records over the admin port of a node that is being served, all or none.
pub fn put_batch(node: &Node, puts: Vec<PutRequest>) {
    let admin: serde_json::Value = serde_json::from_str(&node.folder.read("admin.json")).unwrap();
    let token: MetadataValue<Ascii> = format!("Bearer {}", admin["token"].as_str().unwrap()).parse().unwrap();
    let address = format!("http://{}", admin["address"].as_str().unwrap());
    block_on(async {
        let channel = Endpoint::from_shared(address).unwrap().connect().await.unwrap();
        let mut client = RecordsClient::with_interceptor(channel, move |mut request: Request<()>| {
            request.metadata_mut().insert("authorization", token.clone());
            Ok(request)
        });
        client.put_batch(PutBatchRequest { puts }).await.unwrap();
    });
}

/// Service records, with a text that hardly compresses.
pub fn services(count: usize) -> Vec<PutRequest> {
    let one = |n: usize| {
        let noise: String = (0..12).map(|_| crate::forge::new_id().to_string()).collect();
        let json = serde_json::json!({
            "date": "2026-11-20", "sort": "SORT_POLICY", "topic": format!("政策解读第{n}场"), "people": n, "note": noise,
        });
        PutRequest {
            kind: "service_record".into(),
            json: json.to_string(),
            user: "小王".into(),
            ..PutRequest::default()
        }
    };
    (0..count).map(one).collect()
}
