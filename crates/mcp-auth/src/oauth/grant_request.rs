//! What a grant's object is asked, and what it answers. Only the Worker and objects reach it.

use serde::{Deserialize, Serialize};

use super::{
    Hash,
    grant::{Bearer, Generation, GrantTerms},
};
use crate::subject::Subject;
use mcp_platform::{
    message::{Message, OldRequest},
    record::Record,
};
use mcp_protocol::base64url;

/// The bearer of a code or a token, and the server it was sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenBearer {
    /// The client's id, hashed.
    #[serde(with = "base64url")]
    pub client: Hash,
    /// The secret in it, hashed.
    #[serde(with = "base64url")]
    pub secret: Hash,
    /// The server that is asked, hashed.
    #[serde(with = "base64url")]
    pub origin: Hash,
}

/// A client's code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redeem {
    /// Who brings it.
    #[serde(flatten)]
    pub by: TokenBearer,
    /// The redirect URI, where the client sends it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// The PKCE verifier.
    pub verifier: String,
}

/// A client's refresh token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// Who brings it.
    #[serde(flatten)]
    pub by: TokenBearer,
    /// Its number.
    pub generation: Generation,
}

/// The hash of a grant's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The hash.
    #[serde(with = "base64url")]
    pub secret: Hash,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// Who.
    pub subject: Subject,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantRequest {
    /// To keep what a person agreed to.
    Create(GrantTerms),
    /// To give the first tokens for the code.
    Redeem(Redeem),
    /// To give the next tokens for a refresh token.
    Refresh(Refresh),
    /// For the sealed credential.
    Look(Known),
    /// To end it, by a client.
    Revoke(TokenBearer),
    /// To end it, by the person.
    TakeBack(By),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is done.
    Done,
    /// What is put into the tokens.
    Given(Box<Given>),
    /// The person's SiteBay token, sealed; empty where the person gave none.
    Credential(String),
    /// The request is refused with this error, which the client gets.
    Refused(Said),
}

/// What is put into tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The number of the refresh token.
    pub generation: Generation,
    /// The terms.
    pub terms: GrantTerms,
}

/// An OAuth error as an HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The HTTP status.
    pub status: u16,
    /// The JSON text of the error.
    pub error: String,
}

impl Record for TokenBearer {}
impl Record for Redeem {}
impl Record for Refresh {}
impl Record for Known {}
impl Record for By {}
impl Record for GrantRequest {}
impl Record for Answer {}

impl TokenBearer {
    /// The same as grants see it.
    pub fn bearer(&self) -> Bearer<'_> {
        Bearer { client: &self.client, secret: &self.secret, origin: &self.origin }
    }
}

/// In version 0.1.0 the path says what is asked, and an answer is a status and a text.
impl Message for GrantRequest {
    type Answer = Answer;

    fn to_0_1_0(&self) -> OldRequest {
        let (path, body) = match self {
            Self::Create(terms) => ("/create", terms.to_json()),
            Self::Redeem(redeem) => ("/redeem", redeem.to_json()),
            Self::Refresh(refresh) => ("/refresh", refresh.to_json()),
            Self::Look(known) => ("/look", known.to_json()),
            Self::Revoke(by) => ("/revoke", by.to_json()),
            Self::TakeBack(by) => ("/take-back", by.to_json()),
        };
        OldRequest { path: path.to_owned(), body: Some(body) }
    }

    fn read_0_1_0(path: &str, body: &str) -> Option<Self> {
        match path {
            "/create" => GrantTerms::from_json(body).map(Self::Create),
            "/redeem" => Redeem::from_json(body).map(Self::Redeem),
            "/refresh" => Refresh::from_json(body).map(Self::Refresh),
            "/look" => Known::from_json(body).map(Self::Look),
            "/revoke" => TokenBearer::from_json(body).map(Self::Revoke),
            "/take-back" => By::from_json(body).map(Self::TakeBack),
            _ => None,
        }
    }

    fn answer_to_0_1_0(answer: &Answer) -> (u16, String) {
        match answer {
            Answer::Done => (200, String::new()),
            Answer::Given(given) => {
                (200, format!("{} {}", given.generation, given.terms.to_json()))
            }
            Answer::Credential(sealed) => (200, sealed.clone()),
            Answer::Refused(said) => (said.status, said.error.clone()),
        }
    }

    fn read_answer_of_0_1_0(&self, status: u16, text: &str) -> Option<Answer> {
        match (self, status) {
            (Self::Redeem(_) | Self::Refresh(_), 200) => {
                let (generation, terms) = text.split_once(' ')?;
                let generation = generation.parse().ok()?;
                let terms = GrantTerms::from_json(terms)?;
                Some(Answer::Given(Box::new(Given { generation, terms })))
            }
            (Self::Look(_), 200) => Some(Answer::Credential(text.to_owned())),
            (_, 200) => Some(Answer::Done),
            (_, 404) => None,
            (_, 400..=499) => Some(Answer::Refused(Said { status, error: text.to_owned() })),
            // It failed, and says nothing of the grant.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{oauth::grant::GONE, scope::Scopes, upstream_scopes::UpstreamScopes};
    use mcp_platform::message::{self, MessageForm};
    use test_support::stored::{lines_of_0_1_0, of_0_1_0, read_0_1_0};

    fn terms() -> GrantTerms {
        GrantTerms {
            subject: Subject([5; 16]),
            client: [1; 32],
            client_name: "\"app\"".into(),
            redirect_uri: "cursor://x".into(),
            scopes: Scopes::WRITE,
            upstreams: UpstreamScopes::default(),
            challenge: "c".into(),
            origin: [3; 32],
            secret: [2; 32],
            credential: "sealed".into(),
        }
    }

    /// Each kind of request, with one of its answers.
    fn all() -> Vec<(GrantRequest, Answer)> {
        let by = TokenBearer { client: [1; 32], secret: [2; 32], origin: [3; 32] };
        let given = Answer::Given(Box::new(Given { generation: 7, terms: terms() }));
        let refused = Answer::Refused(Said { status: 400, error: GONE.to_json() });
        let redeem = |redirect_uri: Option<&str>| {
            let redirect_uri = redirect_uri.map(str::to_owned);
            GrantRequest::Redeem(Redeem { by: by.clone(), redirect_uri, verifier: "v".into() })
        };
        vec![
            (GrantRequest::Create(terms()), Answer::Done),
            (redeem(Some("cursor://x")), given.clone()),
            (redeem(None), refused.clone()),
            (GrantRequest::Refresh(Refresh { by: by.clone(), generation: 7 }), given),
            (GrantRequest::Look(Known { secret: [4; 32] }), Answer::Credential("sealed".into())),
            (GrantRequest::Look(Known { secret: [4; 32] }), Answer::Credential(String::new())),
            (GrantRequest::Revoke(by), Answer::Done),
            (GrantRequest::TakeBack(By { subject: Subject([5; 16]) }), refused),
        ]
    }

    #[test]
    fn requests_and_answers_are_read_in_both_forms() {
        for (ask, answer) in all() {
            let read = message::read("/ask/x", &ask.to_json());
            assert_eq!(read, Some((ask.clone(), MessageForm::Json)));
            let old = ask.to_0_1_0();
            let read = message::read(&old.path, old.body.as_deref().unwrap());
            assert_eq!(read, Some((ask.clone(), MessageForm::Old)));
            let (status, text) = message::answer::<GrantRequest>(&answer, MessageForm::Json);
            assert_eq!(message::read_answer::<GrantRequest>(status, &text), Some(answer.clone()));
            let (status, text) = message::answer::<GrantRequest>(&answer, MessageForm::Old);
            assert_eq!(message::read_answer::<GrantRequest>(status, &text), None, "{text}");
            assert_eq!(ask.read_answer_of_0_1_0(status, &text), Some(answer));
        }
        assert_eq!(message::read::<GrantRequest>("/refresh", "{}"), None);
        assert_eq!(message::read::<GrantRequest>("/other", "{}"), None);
    }

    #[test]
    fn the_texts_of_0_1_0_are_written_as_it_wrote_them() {
        let mut asks: Vec<GrantRequest> = all().into_iter().map(|(ask, _)| ask).skip(1).collect();
        asks.dedup();
        let written: Vec<String> = asks
            .iter()
            .map(Message::to_0_1_0)
            .map(|old| format!("{} {}", old.path, old.body.unwrap()))
            .collect();
        for (line, ask) in lines_of_0_1_0("messages-grant", &written).iter().zip(asks) {
            let (path, body) = line.split_once(' ').unwrap();
            assert_eq!(message::read(path, body), Some((ask, MessageForm::Old)));
        }
        let terms = GrantTerms {
            subject: Subject([7; 16]),
            client_name: "An \"app\"".into(),
            redirect_uri: "cursor://x/cb".into(),
            challenge: "challenge".into(),
            origin: [2; 32],
            secret: [9; 32],
            credential: "c2VhbGVk".into(),
            ..terms()
        };
        let given = Answer::Given(Box::new(Given { generation: 3, terms }));
        let text = of_0_1_0("answer-grant-tokens", &GrantRequest::answer_to_0_1_0(&given).1);
        let by = TokenBearer { client: [1; 32], secret: [2; 32], origin: [3; 32] };
        let refresh = GrantRequest::Refresh(Refresh { by, generation: 7 });
        assert_eq!(refresh.read_answer_of_0_1_0(200, &text), Some(given));
        // The description is for people, and another one than in 0.1.0.
        let text = read_0_1_0("answer-grant-refused");
        assert!(text.contains("invalid_grant") && GONE.to_json().contains("invalid_grant"));
        let refused = Answer::Refused(Said { status: 400, error: text.clone() });
        assert_eq!(refresh.read_answer_of_0_1_0(400, &text), Some(refused));
    }

    #[test]
    fn a_grant_whose_object_fails_is_not_refused() {
        let look = GrantRequest::Look(Known { secret: [4; 32] });
        for status in [404, 500, 503] {
            assert_eq!(look.read_answer_of_0_1_0(status, "failed"), None, "{status}");
        }
    }

    #[test]
    fn a_request_is_json() {
        let ask = GrantRequest::TakeBack(By { subject: Subject([5; 16]) });
        insta::assert_snapshot!(ask.to_json(), @r#"{"take_back":{"subject":"BQUFBQUFBQUFBQUFBQUFBQ"}}"#);
        let by = TokenBearer { client: [1; 32], secret: [2; 32], origin: [3; 32] };
        insta::assert_snapshot!(
            GrantRequest::Refresh(Refresh { by, generation: 7 }).to_json(),
            @r#"{"refresh":{"client":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","secret":"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI","origin":"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM","generation":7}}"#
        );
    }
}
