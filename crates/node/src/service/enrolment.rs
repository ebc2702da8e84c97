//! Joining and renewing.

use std::sync::Arc;

use causal::BaseId;
use store::Certificate;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use wire::enrolment::enrolment_server::Enrolment;
use wire::enrolment::{EnrolAnswer, EnrolRequest, RenewAnswer, RenewRequest};
use wire::sync::SignedRegistry;

use crate::error::{NodeError, invalid_status, node_status, office_status, status};
use crate::gate::{Caller, Guest, Refused};
use crate::node::Node;
use crate::service::conduct;
use crate::statement;

pub(crate) struct Desk(pub Arc<Node>);

#[tonic::async_trait]
impl Enrolment for Desk {
    async fn enrol(&self, request: Request<EnrolRequest>) -> Result<Response<EnrolAnswer>, Status> {
        let not_guest =
            || status("not_allowed", "加入时应出示邀请的证书 / joining needs an invite's certificate");
        let Guest(base) = request.extensions().get().copied().ok_or_else(not_guest)?;
        let request = request.into_inner();
        let bad_code = || status("invite", "邀请文件已损坏,请重新复制 / the invite is damaged");
        let code = pki::InviteCode::parse(&request.code).ok_or_else(bad_code)?;
        let office = &self.0.office;
        let registry = office.redeem(&code.digest(), base).await.map_err(office_status)?;
        let leaf = issue(&self.0, &request.leaf_csr, base).await.map_err(node_status)?;
        let authority_chain_pem =
            issue_authority(&self.0, &request.authority_csr, base).map_err(node_status)?;
        Ok(Response::new(EnrolAnswer {
            leaf_chain_pem: leaf,
            authority_chain_pem,
            federation: office.me().federation.clone(),
            base: base.0.to_vec(),
            parent: office.me().base.0.to_vec(),
            registry: wire::pack_all(&registry).map_err(invalid_status)?,
            letter_key: self.0.letter_key.recipient().to_bytes().to_vec(),
        }))
    }

    async fn renew(&self, request: Request<RenewRequest>) -> Result<Response<RenewAnswer>, Status> {
        let Caller(base) = caller(&request)?;
        conduct::stream(&self.0, base)?;
        Ok(Response::new(renewed(&self.0, &request.into_inner(), base).await.map_err(node_status)?))
    }

    async fn exchange_registry(
        &self,
        request: Request<SignedRegistry>,
    ) -> Result<Response<SignedRegistry>, Status> {
        statement::hear(&self.0, &request.into_inner()).await.map_err(node_status)?;
        let (_, latest) = statement::latest(&self.0).await.map_err(node_status)?;
        Ok(Response::new(latest))
    }
}

/// The node that calls, or why it may not.
fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    let not_node = || status("not_allowed", "更新证书须由节点自己办理 / only a node renews its certificate");
    match (request.extensions().get::<Caller>(), request.extensions().get::<Refused>()) {
        (Some(caller), _) => Ok(*caller),
        (None, Some(Refused(why))) => Err(why.clone()),
        (None, None) => Err(not_node()),
    }
}

/// Issues what a node asks for when its certificates are due.
pub(crate) async fn renewed(
    node: &Node,
    asked: &RenewRequest,
    base: BaseId,
) -> Result<RenewAnswer, NodeError> {
    let leaf_chain_pem = issue(node, &asked.leaf_csr, base).await?;
    let authority_chain_pem = match asked.authority_csr.as_slice() {
        [] => String::new(),
        csr => issue_authority(node, csr, base)?,
    };
    Ok(RenewAnswer { leaf_chain_pem, authority_chain_pem })
}

fn issue_authority(node: &Node, csr: &[u8], base: BaseId) -> Result<String, NodeError> {
    Ok(node.folder.authority()?.issue_authority(csr, base.0, OffsetDateTime::now_utc())?)
}

/// Issues a certificate to the node of a base beneath, and takes note of it.
async fn issue(node: &Node, csr: &[u8], base: BaseId) -> Result<String, NodeError> {
    let now = OffsetDateTime::now_utc();
    let leaf = node.folder.authority()?.issue_leaf(csr, base.0, now, pki::LEAF_DAYS)?;
    let ms = |at: OffsetDateTime| u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    let certificate = Certificate {
        serial: leaf.serial_hex.clone().into_bytes(),
        base,
        not_after_ms: ms(leaf.not_after),
        issued_at_ms: ms(now),
    };
    node.office.note_certificate(&certificate).await?;
    Ok(leaf.chain_pem)
}
