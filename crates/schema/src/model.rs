//! The typed tables: kinds, fields, enums and workflows.

use std::collections::BTreeSet;

use crate::options::{AudienceDefault, Column, CorrectionRole, Format, Privacy, RegistryRole, Rule, Who};

/// Everything that a set of descriptors says about the data.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Version of the contract: the higher one is the newer.
    pub version: u32,
    /// The kinds, ordered by name.
    pub kinds: Vec<Kind>,
    /// SHA-256 of the descriptor bytes.
    pub digest: [u8; 32],
    pub(crate) descriptors: Vec<u8>,
}

impl Schema {
    /// The kind with this short name.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        let at = self.kinds.binary_search_by(|kind| kind.name.as_str().cmp(name)).ok()?;
        self.kinds.get(at)
    }

    /// The kind that is the tree of bases.
    pub fn registry(&self) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.registry)
    }

    /// The kind that is the table of division codes.
    pub fn code_table(&self) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.code_table)
    }

    /// The kind that is the wish to change a field that somebody else owns.
    pub fn correction(&self) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.correction)
    }

    /// The descriptor set itself, as a parent sends it to a child with an older one.
    pub fn descriptors(&self) -> &[u8] {
        &self.descriptors
    }
}

/// 类别: one protobuf message whose records travel as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    /// Short name: the package segment before the version, such as `organization`.
    pub name: String,
    /// Full name of the message.
    pub message: String,
    /// Chinese label.
    pub label: String,
    /// English label.
    pub label_en: String,
    /// What the kind is for.
    pub help: String,
    /// Which base may create a record.
    pub creator: Who,
    /// Numbers of the fields that together name the thing; empty when there are none.
    pub natural_key: Vec<u32>,
    /// Whether records are immutable after creation.
    pub append_only: bool,
    /// 公开范围 at creation.
    pub audience_default: AudienceDefault,
    /// Who may open a record to more bases.
    pub widen: Who,
    /// Whether this kind is the tree of bases.
    pub registry: bool,
    /// Whether this kind is the table of division codes.
    pub code_table: bool,
    /// Whether this kind is the wish to change a field that somebody else owns.
    pub correction: bool,
    /// Number of the field whose distinct values are counted instead of records.
    pub figure_distinct: Option<u32>,
    /// The fields, ascending by number.
    pub fields: Vec<Field>,
}

impl Kind {
    /// The field with this number.
    pub fn field(&self, number: u32) -> Option<&Field> {
        find(&self.fields, number)
    }

    /// The field with this name.
    pub fn field_named(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field that fills a key column of the record table.
    pub fn column(&self, column: Column) -> Option<&Field> {
        self.fields.iter().find(|field| field.column == Some(column))
    }

    /// The fields that name a base whose turn it is in some state, or that owns some field: these bases need to see
    /// a record of the kind, so its audience is opened to them when it is created.
    pub fn named_bases(&self) -> Vec<u32> {
        let states = self.fields.iter().filter_map(|field| field.workflow.as_ref());
        let turns = states.flat_map(|states| &states.values).filter_map(|state| state.turn.as_ref()?.field);
        let owners = self.fields.iter().filter_map(|field| field.owner_field);
        let numbers: BTreeSet<u32> = turns.chain(owners).collect();
        numbers.into_iter().collect()
    }

    /// The field that plays a role in the tree of bases.
    pub fn registry_field(&self, role: RegistryRole) -> Option<&Field> {
        self.fields.iter().find(|field| field.registry == Some(role))
    }

    /// The field that plays a role in a wish to change somebody else's field.
    pub fn correction_field(&self, role: CorrectionRole) -> Option<&Field> {
        self.fields.iter().find(|field| field.correction == Some(role))
    }
}

/// The field with this number in a list that ascends by number.
pub(crate) fn find(fields: &[Field], number: u32) -> Option<&Field> {
    // Numbers mostly follow one another without gaps: then this is its place.
    let likely = (number as usize).checked_sub(1).and_then(|at| fields.get(at));
    if let Some(field) = likely.filter(|field| field.number == number) {
        return Some(field);
    }
    let at = fields.binary_search_by_key(&number, |field| field.number).ok()?;
    fields.get(at)
}

/// One field of a kind, or one part of a group of fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its number in the message; forms follow it.
    pub number: u32,
    /// Its name in the contract.
    pub name: String,
    /// Chinese label.
    pub label: String,
    /// English label.
    pub label_en: String,
    /// What to write into it.
    pub help: String,
    /// 冲突规则; a part of a group has the rule of its group.
    pub rule: Rule,
    /// 数源, with [`Rule::default_owner`] where the contract names nobody. A set (UNION) with another owner than the
    /// chain is written by that owner only.
    pub owner: Who,
    /// With `Who::Named`: the field that names the base.
    pub owner_field: Option<u32>,
    /// Whether a record needs it.
    pub required: bool,
    /// Whether no two records may share its value.
    pub unique: bool,
    /// Whether search looks into it.
    pub searchable: bool,
    /// Whether it is a column of lists.
    pub listed: bool,
    /// Whether it names an attachment.
    pub attachment: bool,
    /// Whether it never leaves the node.
    pub stays_home: bool,
    /// How its value is written, checked and shown.
    pub format: Format,
    /// Short name of the kind that its id points to.
    pub reference: Option<String>,
    /// Name of the deadline that it carries.
    pub due: Option<String>,
    /// Until when its value stays sealed.
    pub sealed_until: Option<String>,
    /// The official series that its number comes from, issued by the home only.
    pub number_series: Option<String>,
    /// The field whose failing check digit this text explains.
    pub explains: Option<u32>,
    /// How much of it screens and exports may show.
    pub privacy: Privacy,
    /// The key column of the record table that it fills.
    pub column: Option<Column>,
    /// What it tells the engine about the tree of bases.
    pub registry: Option<RegistryRole>,
    /// What it holds of a wish to change somebody else's field.
    pub correction: Option<CorrectionRole>,
    /// Other headings under which import files carry it.
    pub aliases: Vec<String>,
    /// How many characters a text may have.
    pub max_chars: usize,
    /// Whether it holds several values.
    pub repeated: bool,
    /// The type of its value, or of each of its values.
    pub ty: FieldType,
    /// Of a workflow: its states.
    pub workflow: Option<EnumDef>,
    /// Of a workflow: the parts of a step, where `from` and `to` are values of the enum of states.
    pub step: Vec<Field>,
}

impl Field {
    /// Whether it is a group of exactly two parts `from` and `to`, written "A 至 B" in one cell.
    pub fn is_range(&self) -> bool {
        let parts = self.parts();
        parts.len() == 2 && parts[0].name == "from" && parts[1].name == "to"
    }

    /// The parts of a group or of a step, ascending by number; nothing for a plain value.
    pub fn parts(&self) -> &[Field] {
        match &self.ty {
            FieldType::Message(parts) => parts,
            FieldType::Step => &self.step,
            _ => &[],
        }
    }

    /// The enum of its value: its own, or the states of its workflow.
    pub fn enumeration(&self) -> Option<&EnumDef> {
        match &self.ty {
            FieldType::Enum(values) => Some(values),
            _ => self.workflow.as_ref(),
        }
    }
}

/// The type of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldType {
    /// `string`
    Text,
    /// `bytes`
    Bytes,
    /// `bool`
    Bool,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
    /// `uint32`
    UInt32,
    /// `uint64`
    UInt64,
    /// `double`
    Double,
    /// An enum.
    Enum(EnumDef),
    /// A group of fields that move together, ascending by number.
    Message(Vec<Field>),
    /// One step of a workflow, `shuniu.schema.v1.Step`.
    Step,
}

/// An enum, or the states of a workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct EnumDef {
    /// Its name without the package.
    pub name: String,
    /// Chinese label.
    pub label: String,
    /// The state in which a workflow starts.
    pub initial: Option<i32>,
    /// Its values, ascending by number; the unlabelled zero that proto3 demands is left out.
    pub values: Vec<EnumValue>,
}

impl EnumDef {
    /// The value with this number.
    pub fn value(&self, number: i32) -> Option<&EnumValue> {
        self.values.iter().find(|value| value.number == number)
    }

    /// The value with this name.
    pub fn value_named(&self, name: &str) -> Option<&EnumValue> {
        self.values.iter().find(|value| value.name == name)
    }
}

/// One value of an enum, or one state of a workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct EnumValue {
    /// Its number; a later state has a higher one.
    pub number: i32,
    /// Its name in the contract, such as `STATUS_NORMAL`.
    pub name: String,
    /// Its name without the prefix of its enum, in lower case, such as `normal`.
    pub code: String,
    /// Chinese label.
    pub label: String,
    /// English label.
    pub label_en: String,
    /// Other words for it in import files.
    pub aliases: Vec<String>,
    /// Whose turn it is in this state; nobody's in a final one.
    pub turn: Option<Turn>,
    /// The steps that leave this state.
    pub leads_to: Vec<Transition>,
}

/// Whose turn it is in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The base.
    pub who: Who,
    /// With `Who::Named`: the field that names the base.
    pub field: Option<u32>,
    /// The role its user needs; empty for any.
    pub role: String,
    /// Whether all of the named have to act, rather than any.
    pub all_of: bool,
}

/// A step that leaves a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state it leads to.
    pub to: i32,
    /// What its button says.
    pub label: String,
    /// Names of the checks that run before it.
    pub guards: Vec<String>,
    /// Names of what follows from it.
    pub reactions: Vec<String>,
}
