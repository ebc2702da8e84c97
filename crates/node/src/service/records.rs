//! Records for programs.

use std::sync::Arc;

use causal::{BaseId, Context};
use office::{Figure, Filtering, Look, Office, Put, Saved, View, Watermark};
use serde_json::{Map, Value};
use store::Op;
use tonic::{Request, Response, Status};
use wire::record::records_server::Records;
use wire::record::{self as pb, Comparison};

use crate::error::{office_status, status};
use crate::service::conflicts;

pub(crate) struct Desk(pub Arc<Office>);

/// Edits in one batch: one transaction holds the writer for well under a second.
const BATCH_MAX: usize = 5_000;
/// Bases named in an audience or as homes.
const NAMES_MAX: usize = 64;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Records for Desk {
    async fn get(&self, request: Request<pb::GetRequest>) -> Answer<pb::Record> {
        let asked = request.into_inner();
        let look = self.0.get(&asked.kind, &asked.id).await.map_err(office_status)?;
        Ok(Response::new(self.look(look)))
    }

    async fn list(&self, request: Request<pb::ListRequest>) -> Answer<pb::ListAnswer> {
        let asked = request.into_inner();
        let filtering = Filtering {
            kind: asked.kind,
            text: asked.text,
            fields: filters(asked.filters)?,
            home: asked.home,
            below: asked.below,
            deleted: asked.deleted,
            disputed: asked.disputed,
            order: asked.order,
            limit: asked.limit,
            offset: u32::try_from(asked.offset).unwrap_or(u32::MAX),
        };
        let page = self.0.list(&filtering).await.map_err(office_status)?;
        let records = page.views.into_iter().map(|view| self.view(view)).collect();
        Ok(Response::new(pb::ListAnswer { records, total: page.total }))
    }

    async fn put(&self, request: Request<pb::PutRequest>) -> Answer<pb::PutAnswer> {
        let put = self.read_put(request.into_inner())?;
        let saved = self.0.put(put).await.map_err(office_status)?;
        Ok(Response::new(answer(saved)))
    }

    async fn put_batch(&self, request: Request<pb::PutBatchRequest>) -> Answer<pb::PutBatchAnswer> {
        let puts = request.into_inner().puts;
        if puts.len() > BATCH_MAX {
            return Err(status(
                "invalid",
                format!("一次最多保存 {BATCH_MAX} 条 / at most {BATCH_MAX} in a batch"),
            ));
        }
        let puts = puts.into_iter().map(|put| self.read_put(put)).collect::<Result<Vec<_>, _>>()?;
        let saved = self.0.put_all(&puts).await.map_err(office_status)?;
        Ok(Response::new(pb::PutBatchAnswer { answers: saved.into_iter().map(answer).collect() }))
    }

    async fn history(&self, request: Request<pb::HistoryRequest>) -> Answer<pb::HistoryAnswer> {
        let asked = request.into_inner();
        let edits = self.0.history(&asked.kind, &asked.id).await.map_err(office_status)?;
        let tree = self.0.tree();
        let edit = |edit: office::Edit| pb::Edit {
            saved_at_ms: edit.saved_at_ms,
            base: edit.base.to_string(),
            base_name: tree.name(edit.base),
            user: edit.user,
            fields: edit.fields.into_iter().map(edited).collect(),
        };
        Ok(Response::new(pb::HistoryAnswer { edits: edits.into_iter().map(edit).collect() }))
    }

    async fn conflicts(&self, request: Request<pb::ConflictsRequest>) -> Answer<pb::ConflictsAnswer> {
        conflicts::list(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn resolve(&self, request: Request<pb::ResolveRequest>) -> Answer<pb::ResolveAnswer> {
        conflicts::resolve(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn figure(&self, request: Request<pb::FigureRequest>) -> Answer<pb::FigureAnswer> {
        let asked = request.into_inner();
        let filtering =
            Filtering { kind: asked.kind, fields: filters(asked.filters)?, ..Filtering::default() };
        let figure = self.0.figure(&filtering, &asked.by).await.map_err(office_status)?;
        Ok(Response::new(figure_answer(figure)))
    }

    async fn describe_schema(
        &self,
        request: Request<pb::DescribeSchemaRequest>,
    ) -> Answer<pb::DescribeSchemaAnswer> {
        let schema = self.0.schema();
        let wanted = request.into_inner().kind;
        let mut described = (**schema).clone();
        if !wanted.is_empty() {
            described.kinds.retain(|k| k.name == wanted || k.label == wanted);
        }
        Ok(Response::new(pb::DescribeSchemaAnswer {
            markdown: schema::table::rule_table_markdown(&described),
            descriptors: schema.descriptors().to_vec(),
        }))
    }
}

impl Desk {
    fn view(&self, view: View) -> pb::Record {
        pb::Record {
            kind: view.kind,
            id: view.id.to_string(),
            title: view.title,
            json: Value::Object(view.fields).to_string(),
            message: view.message,
            version: view.version.to_bytes(),
            home: view.home.to_string(),
            home_name: self.0.tree().name(view.home),
            deleted: view.deleted,
            ..pb::Record::default()
        }
    }

    fn look(&self, look: Look) -> pb::Record {
        let tree = self.0.tree();
        let disputed = look.disputed.into_iter().map(|disputed| pb::Disputed {
            field: disputed.field,
            label: disputed.label,
            rule: disputed.rule,
            values: disputed
                .values
                .into_iter()
                .map(|v| pb::Value {
                    text: v.text,
                    base: v.base.to_string(),
                    base_name: tree.name(v.base),
                    user: v.user,
                    saved_at_ms: v.saved_at_ms,
                    shown: v.shown,
                })
                .collect(),
        });
        let delivery = |d: office::Delivery| pb::Delivery {
            base: d.base.to_string(),
            base_name: tree.name(d.base),
            arrived: d.arrived,
        };
        pb::Record {
            disputed: disputed.collect(),
            deliveries: look.deliveries.into_iter().map(delivery).collect(),
            refused: look.refused,
            ..self.view(look.view)
        }
    }

    fn read_put(&self, put: pb::PutRequest) -> Result<Put, Status> {
        let invalid = |words: &str| status("invalid", words);
        let fields: Map<String, Value> = match put.json.as_str() {
            "" => Map::new(),
            json => serde_json::from_str(json).map_err(|e| invalid(&format!("内容不是 JSON 对象:{e}")))?,
        };
        if put.audience.len() > NAMES_MAX {
            return Err(invalid("公开范围太多"));
        }
        let base = |words: &str| self.0.resolve_base(words).map_err(office_status);
        let optional = |words: &str| (!words.is_empty()).then(|| base(words)).transpose();
        let audience = put.audience.iter().map(|b| base(b)).collect::<Result<Vec<BaseId>, _>>()?;
        let seen = (!put.version.is_empty()).then(|| Context::from_bytes(&put.version)).transpose();
        let id = (!put.id.is_empty()).then(|| put.id.parse()).transpose();
        Ok(Put {
            kind: put.kind,
            id: id.map_err(|_| invalid("记录编号应为32位十六进制"))?,
            fields,
            seen: seen.map_err(|_| invalid("版本号不合格式"))?,
            as_base: optional(&put.as_base)?,
            user: put.user,
            home: optional(&put.home)?,
            audience: (!audience.is_empty()).then_some(audience),
            delete: put.delete,
            restore: put.restore,
            reason: put.reason,
        })
    }
}

fn answer(saved: Saved) -> pb::PutAnswer {
    pb::PutAnswer {
        id: saved.id.to_string(),
        version: saved.version.to_bytes(),
        created: saved.created,
        changed: saved.changed,
        warnings: saved.warnings,
    }
}

fn edited(field: office::EditedField) -> pb::EditedField {
    pb::EditedField {
        field: field.field,
        label: field.label,
        before: field.before,
        after: field.after,
        current: field.current,
    }
}

fn filters(filters: Vec<pb::Filter>) -> Result<Vec<(String, Op, String)>, Status> {
    let op = |comparison| {
        Some(match comparison {
            Comparison::Unspecified | Comparison::Equals => Op::Eq,
            Comparison::Differs => Op::Ne,
            Comparison::Less => Op::Lt,
            Comparison::AtMost => Op::Le,
            Comparison::Greater => Op::Gt,
            Comparison::AtLeast => Op::Ge,
            Comparison::Contains => Op::Contains,
            Comparison::IsEmpty => Op::Empty,
        })
    };
    let one = |filter: pb::Filter| {
        let comparison = Comparison::try_from(filter.comparison).ok().and_then(op);
        let comparison = comparison.ok_or_else(|| status("invalid", "不认识的比较方式"))?;
        Ok((filter.field, comparison, filter.value))
    };
    filters.into_iter().map(one).collect()
}

fn figure_answer(figure: Figure) -> pb::FigureAnswer {
    let row = |(keys, count)| pb::FigureRow { keys, count };
    pb::FigureAnswer {
        rows: figure.rows.into_iter().map(row).collect(),
        total: figure.total,
        watermark: Some(watermark(figure.watermark)),
    }
}

fn watermark(watermark: Watermark) -> pb::Watermark {
    let wanted = |keep: fn(&office::BaseReport) -> bool| {
        watermark.bases.iter().filter(|b| keep(b)).map(base_report).collect::<Vec<_>>()
    };
    pb::Watermark {
        computed_at_ms: watermark.computed_at_ms,
        complete_up_to_ms: watermark.complete_up_to_ms,
        expected: watermark.bases.len() as u32,
        arrived: watermark.bases.iter().filter(|b| !b.late && !b.never).count() as u32,
        late: wanted(|b| b.late),
        never: wanted(|b| b.never),
        restored: wanted(|b| b.restored),
        quarantined: watermark.quarantined,
        sentence: watermark.sentence(),
    }
}

pub(crate) fn base_report(report: &office::BaseReport) -> pb::BaseReport {
    pb::BaseReport {
        base: report.base.to_string(),
        name: report.name.clone(),
        sealed_up_to_ms: report.sealed_up_to_ms,
        quarantined: report.quarantined,
        late: report.late,
        never: report.never,
        own_node: report.own_node,
        unsent: report.unsent,
        exceptions: report.exceptions,
        missing: report.missing,
        restored: report.restored,
    }
}
