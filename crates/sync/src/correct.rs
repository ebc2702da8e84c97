//! What a parent does with an honest but illegal write, such as an old program makes (P6): it is merged and overruled by
//! a corrective entry that writes again what was shown, and its value becomes a filled-in correction request.

use causal::{BaseId, Context, Dot, Entry, RecordId, Register, Stamp, State, overrule, write};
use record::{Fault, HOME, Overruled, Shown, decider, scope_of, values};
use schema::Kind;

use crate::model::{NewRow, Reason, Revision, Row, Unsent};
use crate::parent::{Desk, Incoming};

/// Under whose name corrective entries and the requests made of them stand.
pub const CORRECTOR: &str = "自动更正";

/// Corrections of one record from one base within an hour: more than that is no mistake, or two programs that will never
/// agree.
pub const CORRECTIONS_MAX: usize = 3;

/// What a parent needs to correct: names for edits of its own, and a memory of the last hour.
pub trait Corrector: Sync {
    /// A stamp for an edit of this node upon `before`, by [`CORRECTOR`].
    fn stamp(&self, id: RecordId, before: &State<'_>) -> Stamp<'static>;

    /// How often a record was corrected for a base within the last hour.
    fn corrected(&self, id: RecordId, writer: BaseId) -> usize;
}

/// A state after its correction.
#[derive(Default)]
pub(crate) struct Corrected {
    /// Canonical bytes.
    pub state: Vec<u8>,
    /// What was overruled, for the history.
    pub revisions: Vec<Revision>,
    /// The correction requests.
    pub requests: Vec<NewRow>,
    /// The bases that wrote it.
    pub writers: Vec<BaseId>,
}

impl Desk<'_> {
    /// Corrects a merged state in which `faults` were found. What cannot be told apart entry by entry is refused, and so
    /// is what has been corrected too often.
    pub(crate) fn correct(
        &self,
        incoming: &Incoming,
        kind: &Kind,
        ours: &State<'_>,
        merged: &State<'_>,
        faults: &[Fault<'_>],
    ) -> Result<Corrected, (Reason, String)> {
        let refused = || {
            let words = faults.first().map(|f| f.illegal.to_string()).unwrap_or_default();
            (Reason::Illegal, words)
        };
        let gone: Option<Vec<(Dot, Register<'_>)>> = faults.iter().map(|fault| fault.at).collect();
        let mut gone = gone.ok_or_else(refused)?;
        // What somebody has overwritten meanwhile needs no correction.
        gone.retain(|(dot, register)| merged.group(*dot).is_some_and(|g| g.entry(*register).is_some()));
        if gone.is_empty() {
            return Ok(Corrected { state: merged.encode(), ..Corrected::default() });
        }
        let writer = |dot: Dot| merged.group(dot).map(|g| g.stamp.base);
        let writers: Vec<BaseId> = gone.iter().filter_map(|(dot, _)| writer(*dot)).collect();
        // Whoever never had the record before him, or would make it his own, is no old program that knows no better. The
        // former parent of a base that moved had it.
        let scope = scope_of(ours);
        let had = |base: BaseId| scope.homes.iter().any(|home| self.tree.was_within(*home, base));
        let stranger =
            |base: &BaseId| !ours.groups.is_empty() && !scope.visible_to(self.tree, *base) && !had(*base);
        if writers.iter().any(stranger) || gone.iter().any(|(_, register)| register.field == HOME) {
            return Err(refused());
        }
        let often = |base: &BaseId| self.corrector.corrected(incoming.id, *base) >= CORRECTIONS_MAX;
        if writers.iter().any(often) {
            let (_, words) = refused();
            return Err((Reason::TooOften, format!("{words}(一小时内已更正{CORRECTIONS_MAX}次)")));
        }
        let stamp = self.corrector.stamp(incoming.id, merged);
        let stood = values(Some(kind), self.tree, ours);
        let mut entries: Vec<Entry<'_>> = Vec::new();
        for (_, register) in &gone {
            let value = stood.iter().find(|v| v.register == *register).map_or(&[][..], |v| v.raw());
            entries.push(Entry { register: *register, value });
        }
        let corrected = overrule(merged, stamp, &gone, &entries);
        let mut done = Corrected {
            state: corrected.state.encode(),
            revisions: Vec::new(),
            requests: Vec::new(),
            writers,
        };
        for group in &corrected.replaced {
            let fragment = State::of_groups(vec![group.clone()]).encode();
            let of = group.stamp.dot;
            let unsent = self.unsent() != Unsent::Clean;
            done.revisions.push(Revision { record: incoming.id, of, by: stamp.dot, fragment, unsent });
            // The overruling of a correction from below is no wish of anybody.
            if group.stamp.user == CORRECTOR {
                continue;
            }
            for entry in &group.entries {
                let stood =
                    entries.iter().find(|e| e.register == entry.register).map_or(&[][..], |e| e.value);
                let overruled = Overruled {
                    record: incoming.id,
                    kind,
                    register: entry.register,
                    dot: of,
                    writer: group.stamp.base,
                    wanted: entry.value,
                    stood,
                    decider: decider(kind, self.tree, &corrected.state, entry.register.field),
                };
                done.requests.push(self.request(&overruled).ok_or_else(refused)?);
            }
        }
        Ok(done)
    }

    /// The filled-in wish of a writer who was overruled.
    fn request(&self, overruled: &Overruled<'_>) -> Option<NewRow> {
        let wishes = self.schema.correction()?;
        let id = overruled.request_id(wishes);
        let nothing = State::default();
        let stamp = self.corrector.stamp(id, &nothing);
        let draft = overruled.request(wishes, self.tree, stamp.saved_at_ms)?;
        let seen = Context::default();
        let written = write(&nothing, stamp, &seen, &draft.entries(&nothing, &seen));
        let shown = Shown::of(Some(wishes), self.tree, &written.state);
        let row = Row {
            id,
            kind: wishes.name.clone(),
            unsent: self.unsent(),
            state: written.state.encode(),
            ..Row::default()
        };
        Some(NewRow { row, shown })
    }
}
