//! Guards: what a programme of work asks of a step before it is taken here. Options of the contract only name them.

use domain::programmes::{self, Finding, Taken};
use record::Draft;
use schema::raw::{self, Value};
use schema::{EnumDef, Field, Kind, Transition};

use crate::OfficeError;

/// Runs the guards of the steps that a draft takes.
///
/// A contract that has travelled may name a guard that this program does not have: then the step is somebody else's to
/// take. Unguarded it is never taken.
pub(crate) fn steps(
    kind: &Kind,
    draft: &Draft,
    faults: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Result<(), OfficeError> {
    for field in &kind.fields {
        let (Some(states), Some(raw)) = (&field.workflow, draft.get(field.number)) else { continue };
        let step = Step::read(raw);
        let Some(transition) = step.transition(states) else { continue };
        for name in &transition.guards {
            let guard = programmes::guard(name).ok_or_else(|| needs_upgrade(field, transition, name))?;
            match guard(&Taken { opinion: step.opinion }) {
                Some(Finding::Block(words)) => faults.push(format!("{}:{words}", transition.label)),
                Some(Finding::Warn(words)) => warnings.push(format!("{}:{words}", transition.label)),
                None => {}
            }
        }
    }
    Ok(())
}

fn needs_upgrade(field: &Field, transition: &Transition, guard: &str) -> OfficeError {
    let step = format!("{}·{}", field.label, transition.label);
    OfficeError::UnknownGuard { step, guard: guard.to_owned() }
}

/// A step as it is encoded (`shuniu.schema.v1.Step`).
#[derive(Default)]
struct Step<'a> {
    from: Option<i32>,
    to: Option<i32>,
    opinion: &'a str,
}

impl<'a> Step<'a> {
    fn read(raw: &'a [u8]) -> Step<'a> {
        let mut step = Step::default();
        let Some(Ok(raw::RawField { value: Value::Bytes(body), .. })) = raw::fields(raw).next() else {
            return step;
        };
        for field in raw::fields(body).map_while(Result::ok) {
            match (field.number, field.value) {
                (1, Value::Varint(from)) => step.from = i32::try_from(from).ok(),
                (2, Value::Varint(to)) => step.to = i32::try_from(to).ok(),
                (4, Value::Bytes(opinion)) => step.opinion = std::str::from_utf8(opinion).unwrap_or_default(),
                _ => {}
            }
        }
        step
    }

    /// What the contract says of it; nothing of a beginning, or of a step that it does not have.
    fn transition<'s>(&self, states: &'s EnumDef) -> Option<&'s Transition> {
        let from = states.value(self.from?)?;
        from.leads_to.iter().find(|transition| Some(transition.to) == self.to)
    }
}
