//! One node: its gRPC server and client, TLS, joining, the scheduler, the loopback admin port.
//!
//! Handlers convert in, call one use case of `office`, convert out; they never open a transaction.
//!
//! Begin with [`serve()`] and [`attach()`].

mod attach;
mod backup;
mod bundle;
mod clock;
mod compare;
mod config;
mod contract;
mod doctor;
mod error;
mod folder;
mod gate;
mod greeting;
mod line;
mod live;
mod node;
mod round;
mod scheduler;
mod serve;
mod service;
mod setup;
mod statement;
mod tls;
mod token;
mod upstream;

pub use attach::{AdminChannel, Attached, attach};
pub use backup::{RestoreReport, restore};
pub use bundle::BundleError;
pub use config::{Config, FigureConfig, SyncConfig};
pub use doctor::{Finding, Level, examine};
pub use error::{CODE_KEY, NodeError};
pub use serve::{Listening, serve};
pub use setup::{InitOptions, InitReport, JoinOptions, JoinReport, init, join};
pub use token::AddToken;
