//! Running a node.

use std::sync::Arc;

use causal::BaseId;
use office::{ImportOptions, ImportReport, LargeAmounts, Merged, NewBase};
use pki::{InviteCode, InviteFile};
use record::Tree;
use store::Invite;
use time::{Duration, OffsetDateTime};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use wire::admin::admin_server::Admin;
use wire::admin::{self as pb, import_event, sync_event};

use crate::error::{NodeError, node_status, office_status, status};
use crate::node::{Node, VERSION, lock};
use crate::service::conduct;
use crate::service::quarantine;
use crate::service::records::base_report;
use crate::service::registry;
use crate::service::urge;
use crate::service::verify;
use crate::{backup, round};

pub(crate) struct Desk(pub Arc<Node>);

/// Hours for which an invite is good unless the administrator says otherwise.
const INVITE_HOURS: u64 = 72;
/// Longest an invite may be good: it is a key that lies in a drawer.
const INVITE_HOURS_MAX: i64 = pki::INVITE_DAYS_MAX * 24;
/// Events waiting for a slow reader.
const EVENTS: usize = 64;

type Events<T> = ReceiverStream<Result<T, Status>>;

#[tonic::async_trait]
impl Admin for Desk {
    type SyncNowStream = Events<pb::SyncEvent>;
    type VerifyStream = Events<pb::VerifyEvent>;
    type UrgeStream = Events<pb::UrgeEvent>;
    type ImportStream = Events<pb::ImportEvent>;

    async fn status(&self, _: Request<pb::StatusRequest>) -> Result<Response<pb::StatusAnswer>, Status> {
        let node = &self.0;
        let seen = node.office.status().await.map_err(office_status)?;
        let tree = node.office.tree();
        let until = node.identity.current().not_after();
        Ok(Response::new(pb::StatusAnswer {
            federation: node.office.me().federation.clone(),
            base: node.office.me().base.to_string(),
            base_name: tree.name(node.office.me().base),
            version: VERSION.into(),
            links: seen.links.iter().map(|status| link_status(node, &tree, status, seen.unsent)).collect(),
            beneath: seen
                .beneath
                .iter()
                .filter(|b| b.base != node.office.me().base)
                .map(base_report)
                .collect(),
            records: seen.records,
            unsent: seen.unsent,
            quarantined: seen.quarantined,
            next_sync_at_ms: *lock(&node.next_sync_ms),
            certificate_until_ms: u64::try_from(until.unix_timestamp() * 1_000).unwrap_or(0),
            now_ms: node.office.now_ms(),
            disputed: seen.disputed,
            listening: node.config.listen.clone(),
            calls: urge::standing(&node.office),
            agreement: node.upstream().map(|_| {
                let protocol = node.spoken.load(std::sync::atomic::Ordering::Relaxed);
                node.contract.agreement(node.office.schema(), protocol)
            }),
            exports_waiting_ms: seen.exports_waiting_ms,
        }))
    }

    async fn sync_now(
        &self,
        _: Request<pb::SyncNowRequest>,
    ) -> Result<Response<Self::SyncNowStream>, Status> {
        let (events, stream) = mpsc::channel(EVENTS);
        let node = self.0.clone();
        tokio::spawn(async move {
            let mut tell = |p: round::Progress| {
                let progress = pb::SyncProgress { pushed: p.pushed, to_push: p.to_push, pulled: p.pulled };
                // A reader that is slow, or gone, misses some progress.
                let event = sync_event::Event::Progress(progress);
                drop(events.try_send(Ok(pb::SyncEvent { event: Some(event) })));
            };
            let done = match round::run(&node, &mut tell).await {
                Ok(report) => Ok(pb::SyncEvent { event: Some(sync_event::Event::Done(sync_report(report))) }),
                Err(error) => Err(node_status(error)),
            };
            node.wake.notify_one();
            events.send(done).await.unwrap_or_default();
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn verify(&self, _: Request<pb::VerifyRequest>) -> Result<Response<Self::VerifyStream>, Status> {
        let (events, stream) = mpsc::channel(EVENTS);
        tokio::spawn(verify::run(self.0.clone(), events));
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn backup(
        &self,
        request: Request<pb::BackupRequest>,
    ) -> Result<Response<pb::BackupAnswer>, Status> {
        let file = request.into_inner().file;
        let (copied, taken_at_ms) =
            backup::take(&self.0, std::path::Path::new(&file)).await.map_err(node_status)?;
        tracing::info!(records = copied.records, bytes = copied.bytes, "backup written");
        Ok(Response::new(pb::BackupAnswer {
            file,
            bytes: copied.bytes,
            records: copied.records,
            taken_at_ms,
        }))
    }

    async fn quarantine(
        &self,
        request: Request<pb::QuarantineRequest>,
    ) -> Result<Response<pb::QuarantineAnswer>, Status> {
        quarantine::list(&self.0.office, request.into_inner()).await.map(Response::new)
    }

    async fn settle_quarantined(
        &self,
        request: Request<pb::SettleQuarantinedRequest>,
    ) -> Result<Response<pb::SettleQuarantinedAnswer>, Status> {
        quarantine::settle(&self.0.office, request.into_inner()).await.map(Response::new)
    }

    async fn decisions(
        &self,
        request: Request<pb::DecisionsRequest>,
    ) -> Result<Response<pb::DecisionsAnswer>, Status> {
        quarantine::decisions(&self.0.office, request.into_inner()).await.map(Response::new)
    }

    async fn check_database(
        &self,
        _: Request<pb::CheckDatabaseRequest>,
    ) -> Result<Response<pb::CheckDatabaseAnswer>, Status> {
        let faults = self.0.office.check_database().await.map_err(office_status)?;
        Ok(Response::new(pb::CheckDatabaseAnswer { faults, bytes: self.0.folder.database_bytes() }))
    }

    async fn urge(&self, request: Request<pb::UrgeRequest>) -> Result<Response<Self::UrgeStream>, Status> {
        if !self.0.is_serving() {
            let words = "服务没有运行,下级连不上来:请先启动 shuniu serve,再催报 / the server is not running";
            return Err(status("unreachable", words));
        }
        let (events, stream) = mpsc::channel(EVENTS);
        urge::urge(&self.0.office, request.get_ref(), events).await?;
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn invite(
        &self,
        request: Request<pb::InviteRequest>,
    ) -> Result<Response<pb::InviteAnswer>, Status> {
        let answer = self.make_invite(request.into_inner()).await.map_err(node_status)?;
        Ok(Response::new(answer))
    }

    async fn revoke(
        &self,
        request: Request<pb::RevokeRequest>,
    ) -> Result<Response<pb::RevokeAnswer>, Status> {
        let asked = request.into_inner();
        let office = &self.0.office;
        let base = office.resolve_base(&asked.base).map_err(office_status)?;
        let base_name = office.revoke_base(base, "admin").await.map_err(office_status)?;
        // The reason may name people: it is for the answer to the administrator, not for logs.
        tracing::warn!(%base, "base revoked");
        Ok(Response::new(pb::RevokeAnswer { base_name }))
    }

    async fn r#move(&self, request: Request<pb::MoveRequest>) -> Result<Response<pb::MoveAnswer>, Status> {
        let asked = request.into_inner();
        let office = &self.0.office;
        let resolve = |words: &str| office.resolve_base(words).map_err(office_status);
        let base = resolve(&asked.base)?;
        let to = resolve(if asked.into.is_empty() { &asked.to } else { &asked.into })?;
        let before = office.tree();
        let merged = match asked.into.is_empty() {
            true => office.move_base(base, to, "admin").await.map(|()| Merged::default()),
            false => office.merge_base(base, to, "admin").await,
        };
        let Merged { codes, moved, kept, left } = merged.map_err(office_status)?;
        Ok(Response::new(pb::MoveAnswer {
            base_name: before.name(base),
            from_name: before.parent(base).map(|b| before.name(b)).unwrap_or_default(),
            to_name: before.name(to),
            codes,
            moved,
            kept,
            left,
        }))
    }

    async fn export_registry(
        &self,
        _: Request<pb::ExportRegistryRequest>,
    ) -> Result<Response<pb::ExportRegistryAnswer>, Status> {
        let answer = registry::export(&self.0).await.map_err(node_status)?;
        Ok(Response::new(answer))
    }

    async fn import_registry(
        &self,
        request: Request<pb::ImportRegistryRequest>,
    ) -> Result<Response<pb::ImportRegistryAnswer>, Status> {
        let answer = registry::import(&self.0, &request.into_inner().file).await.map_err(node_status)?;
        Ok(Response::new(answer))
    }

    async fn import(
        &self,
        request: Request<Streaming<pb::ImportChunk>>,
    ) -> Result<Response<Self::ImportStream>, Status> {
        let (options, bytes) = gather(request.into_inner()).await?;
        let base = |words: &str| {
            let given = (!words.is_empty()).then(|| self.0.office.resolve_base(words));
            given.transpose().map_err(office_status)
        };
        let settings = ImportOptions {
            kind: options.kind.clone(),
            dry_run: options.dry_run,
            as_base: base(&options.as_base)?,
            user: options.user.clone(),
            home: base(&options.home)?,
            large_amounts: large_amounts(&options.large_amounts)?,
        };
        let limits = match options.row_limit {
            0 => sheet::Limits::PEOPLE,
            rows => sheet::Limits::ADMINS.with_rows(rows as usize),
        };
        let (events, stream) = mpsc::channel(EVENTS);
        let office = self.0.office.clone();
        tokio::spawn(async move {
            let name = options.file_name;
            let read = tokio::task::spawn_blocking(move || sheet::read_bytes(&name, &bytes, limits)).await;
            let table = match read {
                Ok(Ok(table)) => table,
                Ok(Err(error)) => {
                    return events.send(Err(status("invalid", error.to_string()))).await.unwrap_or_default();
                }
                Err(_) => {
                    return events.send(Err(status("internal", "读取文件时出错"))).await.unwrap_or_default();
                }
            };
            let told = events.clone();
            let tell = move |rows, total| {
                let event = import_event::Event::Progress(pb::ImportProgress { rows, total });
                drop(told.try_send(Ok(pb::ImportEvent { event: Some(event) })));
            };
            match office.import(&table, &settings, tell).await {
                Ok(report) => send_report(report, &events).await,
                Err(error) => events.send(Err(office_status(error))).await.unwrap_or_default(),
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

async fn gather(mut chunks: Streaming<pb::ImportChunk>) -> Result<(pb::ImportOptions, Vec<u8>), Status> {
    let mut options = None;
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.message().await? {
        options = options.or(chunk.options);
        bytes.extend_from_slice(&chunk.data);
        if bytes.len() as u64 > sheet::FILE_BYTES_MAX {
            return Err(status("invalid", "文件太大,请分成几个文件导入 / the file is too large"));
        }
    }
    let options = options.ok_or_else(|| status("invalid", "没有说明导入哪一类记录"))?;
    Ok((options, bytes))
}

fn large_amounts(words: &str) -> Result<LargeAmounts, Status> {
    match words {
        "" | "ask" => Ok(LargeAmounts::Ask),
        "yuan" => Ok(LargeAmounts::Yuan),
        "wan" => Ok(LargeAmounts::Wan),
        _ => Err(status("invalid", "大额金额的单位应为 ask、yuan 或 wan")),
    }
}

async fn send_report(report: ImportReport, events: &mpsc::Sender<Result<pb::ImportEvent, Status>>) {
    let count = |(reason, count): (&String, &u64)| pb::ReasonCount { reason: reason.clone(), count: *count };
    let mut reasons = std::collections::BTreeMap::new();
    report.refused.iter().for_each(|row| *reasons.entry(row.why.clone()).or_insert(0) += 1);
    let done = pb::ImportReport {
        headings: report.headings,
        created: report.created,
        changed: report.changed,
        unchanged: report.unchanged,
        refused: report.refused.len() as u64,
        reasons: reasons.iter().map(count).collect(),
        notes: report.notes.iter().map(count).collect(),
        ignored_columns: report.ignored_columns,
        dry_run: report.dry_run,
    };
    let refused = report.refused.into_iter().map(|row| {
        import_event::Event::Refused(pb::RefusedRow { line: row.line, cells: row.cells, reason: row.reason })
    });
    for event in refused.chain([import_event::Event::Done(done)]) {
        if events.send(Ok(pb::ImportEvent { event: Some(event) })).await.is_err() {
            return;
        }
    }
}

fn link_status(node: &Node, tree: &Tree, status: &office::LinkStatus, unsent: u64) -> pb::LinkStatus {
    let link = &status.link;
    let slowed = if link.up { String::new() } else { conduct::words_for_parent(node, link.peer) };
    pb::LinkStatus {
        missing: status.missing,
        clone_at_ms: link.memory.clone_at_ms,
        base: link.peer.to_string(),
        base_name: tree.name(link.peer),
        up: link.up,
        last_success_ms: link.last_success_ms,
        last_failure_ms: link.last_failure_ms,
        last_failure: link.last_failure.clone(),
        waiting_up: if link.up { unsent } else { link.peer_unsent },
        waiting_down: status.waiting_down,
        clock_offset_ms: link.clock_offset_ms,
        version: link.peer_version.clone(),
        live: node.office.is_live(link.peer),
        slowed,
    }
}

fn sync_report(report: round::Report) -> pb::SyncReport {
    pb::SyncReport {
        pushed: report.pushed,
        pulled: report.pulled,
        withdrawn: report.withdrawn,
        refused: report.refused,
        resync: report.resync,
        spared: report.spared,
        took_ms: report.took_ms,
        clock_offset_ms: report.clock_offset_ms,
    }
}

impl Desk {
    async fn make_invite(&self, asked: pb::InviteRequest) -> Result<pb::InviteAnswer, NodeError> {
        let office = &self.0.office;
        let base = self.invited_base(&asked).await?;
        office.may_invite(base)?;
        office.reinstate_base(base, "admin").await?;
        let address = match asked.address.as_str() {
            "" => self.0.config.advertised().to_owned(),
            given => given.to_owned(),
        };
        if address.is_empty() || !address.contains(':') {
            let words: &str =
                "邀请里要写明下级连接本节点的地址(主机:端口):请用 --address 指定,或在设置中填写 advertise";
            return Err(status("invalid", words).into());
        }
        let hours = if asked.valid_hours == 0 { INVITE_HOURS } else { asked.valid_hours };
        let now = OffsetDateTime::now_utc();
        let expires = now + Duration::hours(i64::try_from(hours).unwrap_or(i64::MAX).min(INVITE_HOURS_MAX));
        let authority = self.0.folder.authority()?;
        let credential = authority.issue_invite(base.0, now, expires)?;
        let code = InviteCode::generate()?;
        let tree = office.tree();
        let known = tree.get(base);
        let expires_at_ms = expires.unix_timestamp() * 1_000;
        let file = InviteFile {
            version: pki::INVITE_VERSION,
            federation: office.me().federation.clone(),
            root_pin_sha256: InviteFile::root_pin(&authority.root_pem())?,
            root_cert_pem: authority.root_pem(),
            parent_address: address,
            parent_name: authority.name().clone(),
            base: base.0,
            base_name: tree.name(base),
            rung: asked.rung,
            jurisdiction: known.map(|b| b.jurisdiction.clone()).unwrap_or_default(),
            expires_at_ms,
            code: code.clone(),
            chain_pem: credential.chain_pem,
            key_pem: credential.key_pem,
        };
        let issued_at_ms = office.now_ms();
        let expires_at_ms = u64::try_from(expires_at_ms).unwrap_or(0);
        let invite = Invite {
            code_hash: code.digest(),
            base,
            issued_by: "admin".into(),
            issued_at_ms,
            expires_at_ms,
            used_at_ms: None,
        };
        office.keep_invite(&invite).await?;
        Ok(pb::InviteAnswer {
            file: file.to_text()?,
            base: base.to_string(),
            base_name: tree.name(base),
            expires_at_ms,
        })
    }

    /// The base that is meant; one that is not in the registry yet is registered, if this node may and a name is given.
    async fn invited_base(&self, asked: &pb::InviteRequest) -> Result<BaseId, NodeError> {
        let office = &self.0.office;
        match office.resolve_base(&asked.base) {
            Ok(base) => Ok(base),
            Err(office::OfficeError::UnknownBase { .. }) if !asked.name.is_empty() => {
                let parent = office.resolve_base(&asked.parent)?;
                let tree = office.tree();
                if tree.node_of(parent) != office.me().base {
                    let base = asked.name.clone();
                    return Err(office::OfficeError::NotMine { base }.into());
                }
                let new = NewBase {
                    code: asked.base.clone(),
                    name: asked.name.clone(),
                    rung: asked.rung.clone(),
                    parent: Some(parent),
                    jurisdiction: asked.jurisdiction.clone(),
                    hosted: false,
                };
                Ok(office.register_base(&new).await?)
            }
            Err(error) => Err(error.into()),
        }
    }
}
