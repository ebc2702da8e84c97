//! Text as people type and paste it: one form for comparing, words for searching, masks for showing.

mod fold;
mod grams;
mod mask;

pub use fold::{normalise, tidy, tidy_lines};
pub use grams::{SYNONYM_QUERIES_MAX, search_grams, synonyms};
pub use mask::{mask_name, mask_phone};
