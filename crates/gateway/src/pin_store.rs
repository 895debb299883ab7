//! Where pins are kept: in one object for each upstream, which compares lists with them.
//!
//! Invariant: the comparison and the change of the pins are one step of one object, so that of two isolates which see a tool
//! for the first time one pins it, and a change is reported once.

use futures_util::future::LocalBoxFuture;
use mcp_auth::subject::Subject;
use mcp_platform::record::Record;
use serde::{Deserialize, Serialize};

use crate::pins::{Finding, Pins, UnknownTools};

/// What the object of an upstream's pins is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PinsRequest {
    /// To compare a list with the pins, and to pin what is new.
    ComparePins {
        /// Names at the upstream, with the digests of the definitions.
        tools: Vec<(String, String)>,
        /// Whether new tools wait for approval.
        #[serde(default)]
        unknown_wait: bool,
    },
    /// For all pins.
    ReadPins,
    /// To approve a definition.
    ApprovePin {
        /// The tool's name at the upstream.
        tool: String,
        /// The digest, which must be the one that was seen last.
        hash: String,
    },
    /// To forget all pins, so that all tools are new ones in the next list.
    ForgetPins,
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PinsAnswer {
    /// The differences between the list and the pins.
    Findings(Vec<Finding>),
    /// The pins.
    Pins(Pins),
    /// Whether the definition is approved. It is not where its digest was not seen last.
    Approved(bool),
    /// It is done.
    Done,
}

impl Record for PinsRequest {}
impl Record for PinsAnswer {}

impl Pins {
    /// The answer to a request, and whether the pins changed, so that they must be stored.
    pub fn answer(&mut self, request: PinsRequest) -> (PinsAnswer, bool) {
        match request {
            PinsRequest::ComparePins { tools, unknown_wait } => {
                let unknown = match unknown_wait {
                    true => UnknownTools::Block,
                    false => UnknownTools::Allow,
                };
                let tools = tools.iter().map(|(tool, digest)| (tool.as_str(), digest.as_str()));
                let (findings, changed) = self.compare(tools, unknown);
                (PinsAnswer::Findings(findings), changed)
            }
            PinsRequest::ReadPins => (PinsAnswer::Pins(self.clone()), false),
            PinsRequest::ApprovePin { tool, hash } => {
                let is_approved = self.approve(&tool, &hash);
                (PinsAnswer::Approved(is_approved), is_approved)
            }
            PinsRequest::ForgetPins => {
                *self = Self::default();
                (PinsAnswer::Done, true)
            }
        }
    }
}

/// The way to the objects of pins.
pub trait PinStore {
    /// Asks the object of these pins, by [their name](name_of_pins). An error says why there is no answer.
    fn ask(
        &self,
        pins: &str,
        request: PinsRequest,
    ) -> LocalBoxFuture<'static, Result<PinsAnswer, String>>;
}

/// The name of an upstream's pins, or of one person's view of it.
pub fn name_of_pins(upstream: &str, person: Option<Subject>) -> String {
    match person {
        Some(person) => format!("{upstream}:{}", person.to_text()),
        None => upstream.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pins::Change;

    fn compare(tools: &[(&str, &str)]) -> PinsRequest {
        let tools = tools.iter().map(|(tool, digest)| (tool.to_string(), digest.to_string()));
        PinsRequest::ComparePins { tools: tools.collect(), unknown_wait: false }
    }

    // Statement 17.
    #[test]
    fn the_pins_change_with_a_comparison_and_with_an_approval_of_what_was_seen() {
        let mut pins = Pins::default();
        assert_eq!(pins.answer(compare(&[("a", "1")])), (PinsAnswer::Findings(vec![]), true));
        let (answer, stored) = pins.answer(compare(&[("a", "2")]));
        let PinsAnswer::Findings(found) = &answer else { panic!("{answer:?}") };
        assert_eq!((found[0].change, stored), (Change::Changed, true));
        assert_eq!(PinsAnswer::from_json(&answer.to_json()), Some(answer));
        let approve = |hash: &str| PinsRequest::ApprovePin { tool: "a".into(), hash: hash.into() };
        assert_eq!(pins.answer(approve("3")), (PinsAnswer::Approved(false), false));
        assert_eq!(pins.answer(approve("2")), (PinsAnswer::Approved(true), true));
        assert_eq!(pins.answer(compare(&[("a", "2")])), (PinsAnswer::Findings(vec![]), false));
        let (answer, _) = pins.answer(PinsRequest::ReadPins);
        assert_eq!(answer, PinsAnswer::Pins(pins.clone()));
        assert_eq!(pins.answer(PinsRequest::ForgetPins), (PinsAnswer::Done, true));
        assert_eq!(pins, Pins::default());
    }

    #[test]
    fn requests_are_read_as_they_were_written() {
        let approve = PinsRequest::ApprovePin { tool: "a\"b".into(), hash: "1".into() };
        for request in
            [compare(&[("ü", "1")]), PinsRequest::ReadPins, approve, PinsRequest::ForgetPins]
        {
            assert_eq!(PinsRequest::from_json(&request.to_json()), Some(request));
        }
    }

    #[test]
    fn the_pins_of_a_person_are_not_those_of_the_upstream() {
        let (one, other) = (Some(Subject([1; 16])), Some(Subject([2; 16])));
        let names = [None, one, other].map(|person| name_of_pins("tickets", person));
        assert!(names[0] == "tickets" && names[1] != names[2] && names[1] != names[0]);
    }
}
