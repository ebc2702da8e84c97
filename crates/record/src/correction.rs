//! The wish to change a field that somebody else owns, as the engine files it for a writer who was overruled.

use causal::{BaseId, Dot, RecordId, Register};
use schema::{CorrectionRole, Field, Kind, raw, text};
use serde_json::{Value, json};

use crate::authority::default_audience;
use crate::draft::Draft;
use crate::identity::derived_id;
use crate::tree::Tree;

/// As much of a value as a wish repeats; the whole of it is kept beside, raw.
const WORDS_MAX: usize = 500;

/// A value that was overruled.
#[derive(Clone, Copy, Debug)]
pub struct Overruled<'a> {
    /// The record.
    pub record: RecordId,
    /// Its kind.
    pub kind: &'a Kind,
    /// Where it stood.
    pub register: Register<'a>,
    /// The edit that wrote it.
    pub dot: Dot,
    /// The base that wrote it.
    pub writer: BaseId,
    /// The value, raw.
    pub wanted: &'a [u8],
    /// What is shown instead, raw.
    pub stood: &'a [u8],
    /// Who decides about the field.
    pub decider: BaseId,
}

impl Overruled<'_> {
    /// The id of the wish: it follows from its cause, so that restarts, clones and replays file it once.
    pub fn request_id(&self, wishes: &Kind) -> RecordId {
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let cause = [
            self.record.to_string(),
            format!("{:?}", self.dot),
            self.register.field.to_string(),
            hex(self.register.element),
        ];
        derived_id(&wishes.name, &cause)
    }

    /// The wish, filled in. `wishes` is the kind of such records; at `at_ms` it is filed. `None` when a value of it does
    /// not fit its field, which the contract's own checks rule out for all but absurdly long texts.
    pub fn request(&self, wishes: &Kind, tree: &Tree, at_ms: u64) -> Option<Draft> {
        let label = self
            .kind
            .field(self.register.field)
            .map_or_else(|| format!("第{}项", self.register.field), |field| field.label.clone());
        let words = |raw: &[u8]| {
            let field = self.kind.field(self.register.field);
            let shown = field.map_or_else(String::new, |field| shown_text(field, raw));
            shown.chars().filter(|c| *c == '\n' || !c.is_control()).take(WORDS_MAX).collect::<String>()
        };
        let mut draft = Draft::default();
        let mut set = |role, value: Value| set(&mut draft, wishes, role, &value);
        set(CorrectionRole::TargetKind, json!(self.kind.name))?;
        set(CorrectionRole::FieldNumber, json!(self.register.field))?;
        set(CorrectionRole::FieldLabel, json!(label))?;
        set(CorrectionRole::WantedText, json!(words(self.wanted)))?;
        set(CorrectionRole::StoodText, json!(words(self.stood)))?;
        set(CorrectionRole::Automatic, json!(true))?;
        set(CorrectionRole::Reason, json!("填报时无权修改此项,系统已保留原值,并自动提出更正申请"))?;
        let initial = wishes.correction_field(CorrectionRole::Progress)?.workflow.as_ref()?.initial?;
        set(CorrectionRole::Progress, json!({ "to": initial, "at_ms": at_ms }))?;
        let mut raw_field = |role, bytes: &[u8]| {
            let number = wishes.correction_field(role)?.number;
            let mut value = Vec::new();
            raw::put_bytes(&mut value, number, bytes);
            draft.set(wishes, number, value);
            Some(())
        };
        raw_field(CorrectionRole::TargetRecord, &self.record.0)?;
        raw_field(CorrectionRole::WantedRaw, self.wanted)?;
        raw_field(CorrectionRole::Decider, &self.decider.0)?;
        draft.home(self.writer);
        let mut audience = default_audience(wishes, tree, self.writer);
        if !tree.is_within(self.writer, self.decider) {
            audience.push(self.decider);
        }
        draft.audience(&audience);
        Some(draft)
    }
}

/// Personal data are masked: a wish is read by more people than the field.
fn shown_text(field: &Field, raw: &[u8]) -> String {
    text::mask(field, &text::show_text(field, raw))
}

fn set(draft: &mut Draft, wishes: &Kind, role: CorrectionRole, value: &Value) -> Option<()> {
    let field = wishes.correction_field(role)?;
    let raw = text::parse_json(field, value).ok()?;
    draft.set(wishes, field.number, raw);
    Some(())
}
