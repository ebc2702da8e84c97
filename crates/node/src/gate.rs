//! Who may call what: decided from the certificate and the registry before any handler runs.

use std::sync::Arc;

use causal::BaseId;
use office::Office;
use pki::{NodeName, Peer};
use rustls_pki_types::CertificateDer;
use sync::conduct::Deed;
use tonic::{Request, Status};

use crate::error::{office_status, status};
use crate::node::Node;

/// The base on whose behalf a node calls; put into each request by [`nodes`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller(pub BaseId);

/// An invite's certificate; put into each request by [`guests`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guest(pub BaseId);

type Certificates = Arc<Vec<CertificateDer<'static>>>;

fn certificates<T>(request: &Request<T>) -> Result<Certificates, Status> {
    let none = || status("not_allowed", "没有出示证书 / no certificate was presented");
    request.peer_certs().ok_or_else(none)
}

fn peer(certificates: &[CertificateDer<'static>]) -> Result<Peer, Status> {
    pki::peer(certificates)
        .map_err(|e| status("not_allowed", format!("证书不符合要求:{e} / certificate refused")))
}

/// A node of the federation that is not let in, and why; put into each request by [`guests`]. It may still exchange the
/// root's word on who sits where: one of the two may know more of it.
#[derive(Debug, Clone)]
pub(crate) struct Refused(pub Status);

/// The base on whose behalf the holder of a verified certificate may talk to this node as a child.
pub(crate) fn check_node(
    office: &Office,
    certificates: &[CertificateDer<'static>],
) -> Result<BaseId, Status> {
    let Peer::Node(name) = peer(certificates)? else {
        return Err(status("not_allowed", "邀请只能用来加入 / an invite is only good for joining"));
    };
    let base = BaseId(name.base());
    office.admit(base).map_err(office_status)?;
    check_issuer(office, &name)?;
    check_revoked(office, certificates)?;
    Ok(base)
}

/// Lets in the nodes of this node's children: the certificate proves who, the registry decides what.
pub(crate) fn nodes(node: Arc<Node>) -> impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone {
    move |mut request| {
        let caller = admitted(&node.office, &request)?;
        // Before the message is read, which may fail.
        node.note(caller.0, Deed::Call);
        request.extensions_mut().insert(caller);
        Ok(request)
    }
}

/// Lets in both invites and nodes: joining and renewing. The handlers ask which it is.
pub(crate) fn guests(node: Arc<Node>) -> impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone {
    move |mut request| {
        match peer(&certificates(&request)?)? {
            Peer::Invite { base, .. } => drop(request.extensions_mut().insert(Guest(BaseId(base)))),
            Peer::Node(_) => match admitted(&node.office, &request) {
                Ok(caller) => {
                    node.note(caller.0, Deed::Call);
                    request.extensions_mut().insert(caller);
                }
                Err(why) => drop(request.extensions_mut().insert(Refused(why))),
            },
        }
        Ok(request)
    }
}

fn admitted(office: &Office, request: &Request<()>) -> Result<Caller, Status> {
    check_node(office, &certificates(request)?).map(Caller)
}

/// Serial number of the certificate that a node called with.
pub(crate) fn serial<T>(request: &Request<T>) -> Result<String, Status> {
    pki::leaf_serial_hex(&certificates(request)?).map_err(|e| status("not_allowed", e.to_string()))
}

/// A certificate that was revoked with its base stays so when the base has been invited again.
fn check_revoked(office: &Office, certificates: &[CertificateDer<'static>]) -> Result<(), Status> {
    let serial = pki::leaf_serial_hex(certificates).map_err(|e| status("not_allowed", e.to_string()))?;
    if office.is_revoked(&serial) {
        return Err(status(
            "not_allowed",
            "这张证书已随基地停用而作废,请凭新的邀请重新加入 / this certificate was revoked",
        ));
    }
    Ok(())
}

/// A base's certificate counts only if it was issued by a base that is, or was, above it: a district cannot issue
/// one for another district's street.
fn check_issuer(office: &Office, name: &NodeName) -> Result<(), Status> {
    let tree = office.tree();
    let base = BaseId(name.base());
    let above = |issuer: &BaseId| tree.was_within(base, *issuer);
    match name.issuer().map(BaseId).filter(above) {
        Some(_) => Ok(()),
        None => Err(status(
            "not_allowed",
            "证书不是由本基地的上级签发的 / the certificate's issuer is not above it",
        )),
    }
}
