//! Can the parent be reached? Name, network, certificate and service told apart, nearest first.

use std::net::SocketAddr;
use std::time::Duration;

use pki::{Identity, LiveIdentity, NodeName};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::Finding;
use crate::tls::dial;

const SUBJECT: &str = "parent";
/// Longer than any network that works takes for one step, short enough for whoever waits.
const STEP: Duration = Duration::from_secs(10);

/// Each step towards the parent until one fails.
pub(super) async fn parent(address: &str, name: &str, identity: Identity) -> Vec<Finding> {
    let found = match steps(address, name, identity).await {
        Ok(()) => Finding::good(SUBJECT, format!("连得上上级（{address}）：网络、证书、服务都正常")),
        Err(found) => found,
    };
    vec![found]
}

async fn steps(address: &str, name: &str, identity: Identity) -> Result<(), Finding> {
    let at = resolve(address).await?;
    let tcp = connect(address, &at).await?;
    shake_hands(tcp, address, name, &identity).await?;
    ask(address, name, identity).await
}

fn bad(words: String, advice: &str) -> Finding {
    Finding::bad(SUBJECT, words, advice)
}

async fn resolve(address: &str) -> Result<Vec<SocketAddr>, Finding> {
    const ADVICE: &str = "请检查设置 parent 里的地址（主机:端口），以及本机的 DNS 和网络";
    if address.is_empty() {
        return Err(bad("没有设置上级的地址".into(), ADVICE));
    }
    match timeout(STEP, lookup_host(address)).await {
        Ok(Ok(found)) => {
            let all: Vec<SocketAddr> = found.collect();
            if all.is_empty() {
                Err(bad(format!("查不到上级的地址 {address}"), ADVICE))
            } else {
                Ok(all)
            }
        }
        Ok(Err(error)) => Err(bad(format!("查不到上级的地址 {address}：{error}"), ADVICE)),
        Err(_) => Err(bad(format!("查询上级的地址 {address} 没有回音"), ADVICE)),
    }
}

async fn connect(address: &str, at: &[SocketAddr]) -> Result<TcpStream, Finding> {
    const ADVICE: &str = "请检查本机网络和防火墙；网络正常时，请问上级的服务是否在运行。已录入的内容都在本机";
    match timeout(STEP, TcpStream::connect(at)).await {
        Ok(Ok(tcp)) => Ok(tcp),
        Ok(Err(error)) => Err(bad(format!("连不上上级 {address}：{error}"), ADVICE)),
        Err(_) => Err(bad(format!("连接上级 {address} 没有回音"), ADVICE)),
    }
}

async fn shake_hands(tcp: TcpStream, address: &str, name: &str, identity: &Identity) -> Result<(), Finding> {
    const ADVICE: &str = "先核对本机时间；时间无误时，请联系上级管理员核对证书，或检查该地址是否真是上级节点";
    let refused = |why: String| bad(format!("{address} 有回答，但证书谈不拢：{why}"), ADVICE);
    let name = NodeName::parse(name).map_err(|e| refused(e.to_string()))?;
    let config = LiveIdentity::new(identity.clone()).client_config().map_err(|e| refused(e.to_string()))?;
    match timeout(STEP, TlsConnector::from(config).connect(pki::server_name(&name), tcp)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(refused(error.to_string())),
        Err(_) => Err(refused("没有回音".into())),
    }
}

/// The health service answers whom the registry lets in, and opens no session.
async fn ask(address: &str, name: &str, identity: Identity) -> Result<(), Finding> {
    const ADVICE: &str = "请把这些文字交给上级管理员";
    let refused = |why: String| bad(format!("上级（{address}）不接受本节点：{why}"), ADVICE);
    let name = NodeName::parse(name).map_err(|e| refused(e.to_string()))?;
    let config = LiveIdentity::new(identity).client_config().map_err(|e| refused(e.to_string()))?;
    let channel = dial(address, &name, config).map_err(|e| refused(e.to_string()))?;
    let asked = HealthCheckRequest { service: String::new() };
    match timeout(STEP, HealthClient::new(channel).check(asked)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(status)) => Err(refused(status.message().to_owned())),
        Err(_) => Err(refused("没有回音".into())),
    }
}

/// Whether somebody listens at an address of this machine.
pub(super) async fn answers(listen: &str) -> bool {
    matches!(timeout(STEP, TcpStream::connect(listen)).await, Ok(Ok(_)))
}
