//! 更正申请: whoever does not correct says why.

use super::{Finding, Taken};

/// The step needs an opinion (意见).
pub(super) fn opinion_given(step: &Taken<'_>) -> Option<Finding> {
    let words = "请在意见中说明理由 / say why";
    step.opinion.trim().is_empty().then(|| Finding::Block(words.to_owned()))
}
