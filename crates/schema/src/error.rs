//! Why a set of descriptors is not a schema.

use thiserror::Error;

/// A mistake in the contract, with the place where it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "each message says what its fields are")]
pub enum SchemaError {
    #[error("the descriptor set cannot be read: {reason}")]
    Descriptors { reason: String },
    #[error("the descriptor set has no {name}; was it compiled with its imports?")]
    OptionsMissing { name: String },
    #[error("the contract has more than {max} {what}")]
    TooLarge { what: &'static str, max: usize },
    #[error("message {message} is a kind, so its package must be shuniu.<kind>.v1")]
    Package { message: String },
    #[error("kind {kind} is defined twice")]
    KindTwice { kind: String },
    #[error("kind {kind} has no {option}")]
    KindWithout { kind: String, option: &'static str },
    #[error("kinds {first} and {second} are both marked {option}; there can be one")]
    MarkedTwice { option: &'static str, first: String, second: String },
    #[error("kind {kind}: {option} names the unknown field {field}")]
    KindNamesUnknownField { kind: String, option: &'static str, field: String },
    #[error("kind {kind} is the table of codes, so it needs a natural key of one field and a TITLE")]
    CodeTable { kind: String },
    #[error("kind {kind} is marked {option}, so one of its fields must have the role {role}")]
    RoleMissing { kind: String, option: &'static str, role: &'static str },
    #[error("kind {kind}: fields {first} and {second} both have {option}")]
    FieldsShare { kind: String, option: String, first: String, second: String },

    #[error("{kind}.{field} has no {option}")]
    FieldWithout { kind: String, field: String, option: &'static str },
    #[error("{kind}.{field}: number {number} is reserved for the engine")]
    FieldNumber { kind: String, field: String, number: u32 },
    #[error("{kind}: its view would have more than {max} columns")]
    ViewTooWide { kind: String, max: usize },
    #[error("{kind}: two columns of its view would be called {column}")]
    ViewColumnTwice { kind: String, column: String },
    #[error("{kind}.{field} has the unsupported type {ty}")]
    FieldType { kind: String, field: String, ty: String },
    #[error("{kind}.{field} must be `optional`, so that an empty value differs from a missing one")]
    NotOptional { kind: String, field: String },
    #[error("{kind}.{field} must have `packed = false`, so that every element is a value of its own")]
    Packed { kind: String, field: String },
    #[error("{kind}.{field} is part of a group, which alone has {option}")]
    PartHas { kind: String, field: String, option: &'static str },
    #[error("{kind}.{field}: groups are nested more than {max} deep")]
    TooDeep { kind: String, field: String, max: usize },
    #[error("{kind}.{field}: {option} has the number {number}, which this program does not know")]
    UnknownOption { kind: String, field: String, option: &'static str, number: i32 },
    #[error("{kind}.{field}: format {format} does not fit its type")]
    FormatMisfit { kind: String, field: String, format: &'static str },
    #[error("{kind}.{field}: {option} names the unknown field {name}")]
    UnknownField { kind: String, field: String, option: &'static str, name: String },
    #[error("{kind}.{field}: owner NAMED needs owner_field")]
    OwnerFieldMissing { kind: String, field: String },
    #[error("{kind}.{field} points to the unknown kind {reference}")]
    UnknownReference { kind: String, field: String, reference: String },
    #[error("{kind}.{field}: UNION needs a repeated field")]
    UnionOnSingle { kind: String, field: String },
    #[error("{kind}.{field}: STRICTEST needs a single enum or boolean")]
    StrictestOnUnordered { kind: String, field: String },

    #[error("{kind}.{field}: WORKFLOW and the type shuniu.schema.v1.Step belong together")]
    StepMisfit { kind: String, field: String },
    #[error("{kind}.{field}: states names the unknown enum {name}")]
    StatesUnknown { kind: String, field: String, name: String },
    #[error("{kind}.{field}: the enum {name} names no initial state that it has")]
    InitialUnknown { kind: String, field: String, name: String },
    #[error("{kind}.{field}: value {value} has no label")]
    ValueWithoutLabel { kind: String, field: String, value: String },
    #[error("{kind}.{field}: two values are called {word}")]
    ValueWordTwice { kind: String, field: String, word: String },
    #[error("{kind}.{field}: steps leave {state}, but it is nobody's turn there")]
    TurnMissing { kind: String, field: String, state: String },
    #[error("{kind}.{field}: turn NAMED of {state} needs turn_field")]
    TurnFieldMissing { kind: String, field: String, state: String },
    #[error("{kind}.{field}: {state} leads to the unknown state {to}")]
    TransitionUnknown { kind: String, field: String, state: String, to: String },
}
