//! The checker: reads the nodes' databases from outside and judges by itself what they must hold.
//!
//! It shares no code with the nodes: it reads columns with SQL, works out from them who may see what, counts anew,
//! and compares bytes. It never writes.

mod book;
mod copies;
mod counts;
mod network;
mod tree;

pub use book::{Book, Row, Seal};
pub use copies::{digest, everywhere, exactly_in_scope, links, nothing_waits};
pub use counts::{Counted, distinct_of, figure_by_base, recounted, watermark};
pub use network::{Door, accepts_certificate, refuses_no_certificate, refuses_plain};
pub use tree::Tree;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it holds.
    pub held: bool,
    /// What was found, for the report.
    pub detail: String,
}

impl Finding {
    /// A finding.
    pub fn new(held: bool, detail: impl Into<String>) -> Finding {
        Finding { held, detail: detail.into() }
    }

    /// Holds when there are no faults, of which the first few are told.
    pub fn none_of(faults: &[String], otherwise: impl Into<String>) -> Finding {
        match faults {
            [] => Finding::new(true, otherwise),
            _ => {
                let told: Vec<&str> = faults.iter().take(FAULTS_TOLD).map(String::as_str).collect();
                let more = if faults.len() > told.len() { "……" } else { "" };
                Finding::new(false, format!("{} 处不符：{}{more}", faults.len(), told.join("；")))
            }
        }
    }
}

/// Faults told in full: the first few show what is wrong.
const FAULTS_TOLD: usize = 5;
