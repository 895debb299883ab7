//! What a quota object is asked, and what it answers. Only the Worker and session objects reach it.

use serde::{Deserialize, Serialize};

use crate::{
    accepted_tokens::AcceptedTokens,
    quota::{Lease, LeaseRequest, WindowCount},
    subject::Subject,
};
use mcp_platform::{
    message::{Message, OldRequest},
    record::Record,
};

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaRequest {
    /// For a part of the subject's window.
    Lease(LeaseRequest),
    /// For one unit of it at most.
    LeaseOne(LeaseRequest),
    /// For the count of the subject's window.
    Count,
    /// For the tokens of the account that SiteBay accepted.
    AcceptedTokens,
    /// Whether SiteBay accepted a token of the account.
    IsAccepted {
        /// The subject that the token names.
        subject: Subject,
    },
    /// To note that SiteBay accepted a token of the account.
    Accept {
        /// The subject that the token names.
        subject: Subject,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaResponse {
    /// A part of the window.
    Lease(Lease),
    /// The count.
    Count(WindowCount),
    /// The accepted tokens.
    AcceptedTokens(AcceptedTokens),
    /// Whether the token was accepted.
    IsAccepted(bool),
    /// It is noted.
    Done,
}

impl Record for QuotaRequest {}
impl Record for QuotaResponse {}

/// Where version 0.1.0 asks about accepted tokens; everything else it asks at `/`.
const OLD_ACCEPTED: &str = "/accepted";

/// In version 0.1.0 numbers in a line, each subject as its text. It knows neither a lease of one unit nor the
/// question after one token: it is asked for a usual lease and for all tokens.
impl Message for QuotaRequest {
    type Answer = QuotaResponse;

    fn to_0_1_0(&self) -> OldRequest {
        let (path, body) = match self {
            Self::Lease(LeaseRequest { limit, now_s })
            | Self::LeaseOne(LeaseRequest { limit, now_s }) => ("/", format!("{limit} {now_s}")),
            Self::Count => ("/", String::new()),
            Self::AcceptedTokens | Self::IsAccepted { .. } => (OLD_ACCEPTED, String::new()),
            Self::Accept { subject } => (OLD_ACCEPTED, subject.to_text()),
        };
        OldRequest { path: path.to_owned(), body: Some(body) }
    }

    fn read_0_1_0(path: &str, body: &str) -> Option<Self> {
        if path == OLD_ACCEPTED {
            let accept = Subject::read(body).map(|subject| Self::Accept { subject });
            return Some(accept.unwrap_or(Self::AcceptedTokens));
        }
        let Some((limit, now_s)) = body.split_once(' ') else {
            return Some(Self::Count);
        };
        Some(Self::Lease(LeaseRequest { limit: limit.parse().ok()?, now_s: now_s.parse().ok()? }))
    }

    fn answer_to_0_1_0(answer: &QuotaResponse) -> (u16, String) {
        let text = match answer {
            QuotaResponse::Lease(Lease { units, left, ends }) => format!("{units} {left} {ends}"),
            QuotaResponse::Count(WindowCount { began, leased }) => format!("{began} {leased}"),
            QuotaResponse::AcceptedTokens(tokens) => tokens.to_0_1_0(),
            QuotaResponse::IsAccepted(is_accepted) => u8::from(*is_accepted).to_string(),
            QuotaResponse::Done => String::new(),
        };
        (200, text)
    }

    fn read_answer_of_0_1_0(&self, status: u16, text: &str) -> Option<QuotaResponse> {
        if status != 200 {
            return None;
        }
        Some(match self {
            Self::Lease(_) | Self::LeaseOne(_) => {
                let mut parts = text.split(' ');
                let mut next = || parts.next();
                let (units, left) = (next()?.parse().ok()?, next()?.parse().ok()?);
                QuotaResponse::Lease(Lease { units, left, ends: next()?.parse().ok()? })
            }
            Self::Count => QuotaResponse::Count(WindowCount::from_0_1_0(text)?),
            Self::AcceptedTokens => {
                QuotaResponse::AcceptedTokens(AcceptedTokens::from_0_1_0(text)?)
            }
            Self::IsAccepted { subject } => {
                QuotaResponse::IsAccepted(AcceptedTokens::from_0_1_0(text)?.is_used(*subject))
            }
            Self::Accept { .. } => QuotaResponse::Done,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_platform::message::{self, MessageForm};
    use test_support::stored::of_0_1_0;

    fn all() -> [(QuotaRequest, QuotaResponse); 5] {
        let subject = Subject([0xfe; 16]);
        let mut tokens = AcceptedTokens::default();
        let none = QuotaResponse::AcceptedTokens(tokens.clone());
        tokens.add(subject);
        [
            (
                QuotaRequest::Lease(LeaseRequest { limit: 100, now_s: 1_200 }),
                QuotaResponse::Lease(Lease { units: 10, left: 90, ends: 1_260 }),
            ),
            (QuotaRequest::Count, QuotaResponse::Count(WindowCount { began: 1_200, leased: 7 })),
            (QuotaRequest::AcceptedTokens, QuotaResponse::AcceptedTokens(tokens)),
            (QuotaRequest::AcceptedTokens, none),
            (QuotaRequest::Accept { subject }, QuotaResponse::Done),
        ]
    }

    #[test]
    fn requests_and_answers_are_read_in_both_forms() {
        for (ask, answer) in all() {
            let read = message::read("/ask/x", &ask.to_json());
            assert_eq!(read, Some((ask, MessageForm::Json)));
            let old = ask.to_0_1_0();
            let read = message::read(&old.path, old.body.as_deref().unwrap());
            assert_eq!(read, Some((ask, MessageForm::Old)));
            let (status, text) = message::answer::<QuotaRequest>(&answer, MessageForm::Json);
            assert_eq!(message::read_answer::<QuotaRequest>(status, &text), Some(answer.clone()));
            let (status, text) = message::answer::<QuotaRequest>(&answer, MessageForm::Old);
            assert_eq!(message::read_answer::<QuotaRequest>(status, &text), None, "{text}");
            assert_eq!(ask.read_answer_of_0_1_0(status, &text), Some(answer));
        }
        assert_eq!(message::read::<QuotaRequest>("/", "1 x"), None);
        let wanted = QuotaRequest::Lease(LeaseRequest { limit: 100, now_s: 1_200 });
        assert_eq!(wanted.read_answer_of_0_1_0(200, "1 2"), None);
    }

    #[test]
    fn the_texts_of_0_1_0_are_written_as_it_wrote_them() {
        let lease = QuotaRequest::Lease(LeaseRequest { limit: 5, now_s: 1_200 });
        let mut number = [9; 16];
        number[..8].copy_from_slice(&1_u64.to_be_bytes());
        let accept = QuotaRequest::Accept { subject: Subject(number) };
        for (name, ask) in [("message-quota-wanted", lease), ("message-quota-accepted", accept)] {
            let old = ask.to_0_1_0();
            let text = of_0_1_0(name, old.body.as_deref().unwrap());
            assert_eq!(message::read(&old.path, &text), Some((ask, MessageForm::Old)));
        }
        let answer = QuotaResponse::Lease(Lease { units: 1, left: 2, ends: 3 });
        let text = of_0_1_0("answer-quota-lease", &QuotaRequest::answer_to_0_1_0(&answer).1);
        assert_eq!(lease.read_answer_of_0_1_0(200, &text), Some(answer));
        let answer = QuotaResponse::Count(WindowCount { began: 1_200, leased: 7 });
        let text = of_0_1_0("quota-count", &QuotaRequest::answer_to_0_1_0(&answer).1);
        assert_eq!(QuotaRequest::Count.read_answer_of_0_1_0(200, &text), Some(answer));
    }

    #[test]
    fn questions_that_0_1_0_does_not_know_are_put_as_those_that_it_knows() {
        let (subject, other) = (Subject([0xfe; 16]), Subject([1; 16]));
        let wanted = LeaseRequest { limit: 100, now_s: 1_200 };
        let one = QuotaRequest::LeaseOne(wanted);
        assert_eq!(one.to_0_1_0(), QuotaRequest::Lease(wanted).to_0_1_0());
        let lease = QuotaResponse::Lease(Lease { units: 10, left: 90, ends: 1_260 });
        assert_eq!(one.read_answer_of_0_1_0(200, "10 90 1260"), Some(lease));
        let mut tokens = AcceptedTokens::default();
        tokens.add(subject);
        for (asked, is_accepted) in [(subject, true), (other, false)] {
            let ask = QuotaRequest::IsAccepted { subject: asked };
            assert_eq!(ask.to_0_1_0(), QuotaRequest::AcceptedTokens.to_0_1_0());
            let answer = QuotaResponse::IsAccepted(is_accepted);
            assert_eq!(ask.read_answer_of_0_1_0(200, &tokens.to_0_1_0()), Some(answer));
        }
    }

    #[test]
    fn every_request_is_read_as_it_was_written() {
        let (wanted, subject) = (LeaseRequest { limit: 100, now_s: 1_200 }, Subject([0xfe; 16]));
        for ask in [QuotaRequest::LeaseOne(wanted), QuotaRequest::IsAccepted { subject }] {
            assert_eq!(message::read("/ask/x", &ask.to_json()), Some((ask, MessageForm::Json)));
        }
        let answer = QuotaResponse::IsAccepted(true);
        let (status, text) = message::answer::<QuotaRequest>(&answer, MessageForm::Json);
        assert_eq!(message::read_answer::<QuotaRequest>(status, &text), Some(answer));
    }

    /// Version 0.1.0 takes every path but one for `/`, and every body without a space for the question
    /// after the count: a request in JSON must be that.
    #[test]
    fn a_request_in_json_changes_nothing_in_an_object_of_0_1_0() {
        for (ask, _) in all() {
            assert_eq!(QuotaRequest::read_0_1_0("/ask", &ask.to_json()), Some(QuotaRequest::Count));
        }
    }

    #[test]
    fn requests_and_answers_are_json() {
        let text = all().map(|(ask, answer)| format!("{} {}", ask.to_json(), answer.to_json()));
        insta::assert_snapshot!(text.join("\n"), @r#"
        {"lease":{"limit":100,"now_s":1200}} {"lease":{"units":10,"left":90,"ends":1260}}
        "count" {"count":{"began":1200,"leased":7}}
        "accepted_tokens" {"accepted_tokens":[18374403900871474942]}
        "accepted_tokens" {"accepted_tokens":[]}
        {"accept":{"subject":"_v7-_v7-_v7-_v7-_v7-_g"}} "done"
        "#);
    }
}
