//! What lists and figures are asked for.

use causal::BaseId;
use sync::Row;

/// Most items of one page of a list: more than a person reads, and a bound for memory. Exports go page by page.
pub const LIMIT_MAX: u32 = 1_000;

/// How a field is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// Equal; of a set: one element is.
    Eq,
    /// Not equal, or empty; of a set: no element is equal.
    Ne,
    /// Less. An empty field is neither less nor greater.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// The text occurs in it.
    Contains,
    /// Nothing was entered; the value is not looked at.
    Empty,
}

/// What a list is ordered by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OrderBy {
    /// The title.
    Title,
    /// The division code.
    Place,
    /// The workflow state or status.
    State,
    /// The class.
    Class,
    /// The last change.
    Seq,
    /// A field by its name.
    Field(String),
}

/// A list of records of one kind. Hidden records are never in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Query {
    /// Which kind.
    pub kind: String,
    /// Only of these homes.
    pub homes: Option<Vec<BaseId>>,
    /// Only where the division code begins so.
    pub place_prefix: Option<String>,
    /// Only of this class.
    pub class: Option<i64>,
    /// Only in this state.
    pub state: Option<i64>,
    /// Only where these words occur, all of them, in any order.
    pub text: Option<String>,
    /// Only where these fields compare so: name, comparison, value. Enums by name, code or number.
    pub fields: Vec<(String, Op, String)>,
    /// Deleted ones too.
    pub deleted: bool,
    /// Only those with alternatives.
    pub disputed_only: bool,
    /// By what, and whether descending; then by id. Without any: the latest change first.
    pub order: Vec<(OrderBy, bool)>,
    /// How many; at most [`LIMIT_MAX`]. 0 asks for the total alone.
    pub limit: u32,
    /// How many to pass over.
    pub offset: u32,
}

/// One record in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// The record.
    pub row: Row,
    /// Its title.
    pub title: String,
    /// Its division code.
    pub place: String,
    /// Its class.
    pub class: i64,
    /// Its state.
    pub state: i64,
    /// The base it belongs to.
    pub home: BaseId,
    /// How many registers hold different concurrent values.
    pub alternatives: u32,
    /// Whether it is deleted.
    pub deleted: bool,
    /// Its natural key, as people write it.
    pub natural_key: String,
}

/// A page of a list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// The items.
    pub items: Vec<Item>,
    /// How many there are in all.
    pub total: u64,
}

/// What a figure is broken down by, beside the home.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GroupBy {
    /// The division code.
    Place,
    /// The class.
    Class,
    /// The state.
    State,
    /// A field by its name; a set counts under each of its elements.
    Field(String),
}

/// A figure of one kind: deleted and hidden records are not counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FigureQuery {
    /// Which kind.
    pub kind: String,
    /// What it is broken down by.
    pub group_by: Vec<GroupBy>,
    /// The field whose distinct values are counted, instead of records. What several homes hold counts once in each
    /// of them; over all homes it counts once only `over_homes`.
    pub distinct: Option<String>,
    /// Not broken down by home: the home of each row is zero.
    pub over_homes: bool,
    /// Only of these homes.
    pub homes: Option<Vec<BaseId>>,
    /// Only where the division code begins so.
    pub place_prefix: Option<String>,
    /// Only of this class.
    pub class: Option<i64>,
    /// Only in this state.
    pub state: Option<i64>,
    /// Only where these words occur.
    pub text: Option<String>,
    /// Only where these fields compare so, as in [`Query::fields`].
    pub fields: Vec<(String, Op, String)>,
}

/// One count of a figure.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FigureRow {
    /// The home.
    pub home: BaseId,
    /// What it is broken down by, in the order of the question; numbers of classes and states in digits, enum
    /// fields by name, empty where nothing was entered.
    pub keys: Vec<String>,
    /// How many.
    pub count: u64,
}
