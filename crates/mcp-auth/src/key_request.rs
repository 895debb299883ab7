//! What the key object is asked, and what it answers.

use serde::{Deserialize, Serialize};

use mcp_platform::{
    message::{Message, OldRequest},
    record::Record,
};

/// One request.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRequest {
    /// For the keys.
    Keys,
}

/// The keys that the object made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratedKeys {
    /// Signs session ids.
    pub session: String,
    /// Names callers.
    pub subject: String,
}

impl Record for KeyRequest {}
impl Record for GeneratedKeys {}

/// In version 0.1.0 any request is answered with both keys, a line each.
impl Message for KeyRequest {
    type Answer = GeneratedKeys;

    fn to_0_1_0(&self) -> OldRequest {
        OldRequest { path: "/key".to_owned(), body: None }
    }

    fn read_0_1_0(_path: &str, _body: &str) -> Option<Self> {
        Some(Self::Keys)
    }

    fn answer_to_0_1_0(keys: &GeneratedKeys) -> (u16, String) {
        (200, format!("{}\n{}", keys.session, keys.subject))
    }

    fn read_answer_of_0_1_0(&self, status: u16, text: &str) -> Option<GeneratedKeys> {
        let mut lines = text.lines();
        let session = lines.next().filter(|_| status == 200)?;
        // An earlier version has one key for both.
        let subject = lines.next().unwrap_or(session);
        Some(GeneratedKeys { session: session.to_owned(), subject: subject.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_platform::message::{self, MessageForm};
    use test_support::stored::of_0_1_0;

    #[test]
    fn keys_are_read_in_both_forms() {
        let keys = GeneratedKeys { session: "a".into(), subject: "b".into() };
        let (_, form) =
            message::read::<KeyRequest>("/ask/keys", &KeyRequest::Keys.to_json()).unwrap();
        assert!(form == MessageForm::Json);
        let (status, text) = message::answer::<KeyRequest>(&keys, form);
        insta::assert_snapshot!(text, @r#"{"session":"a","subject":"b"}"#);
        assert!(message::read_answer::<KeyRequest>(status, &text) == Some(keys.clone()));
        let (_, form) = message::read::<KeyRequest>("/key", "").unwrap();
        let (status, text) = message::answer::<KeyRequest>(&keys, form);
        assert_eq!(text, "a\nb");
        assert!(message::read_answer::<KeyRequest>(status, &text).is_none());
        assert!(KeyRequest::Keys.read_answer_of_0_1_0(status, &text) == Some(keys));
        let one = KeyRequest::Keys.read_answer_of_0_1_0(200, "a").unwrap();
        assert_eq!(one.subject, "a");
        assert!(KeyRequest::Keys.read_answer_of_0_1_0(500, "a").is_none());
    }

    #[test]
    fn the_answer_of_0_1_0_is_written_as_it_wrote_it() {
        let keys = GeneratedKeys { session: "s".repeat(43), subject: "n".repeat(43) };
        let text = of_0_1_0("answer-keys", &KeyRequest::answer_to_0_1_0(&keys).1);
        assert!(KeyRequest::Keys.read_answer_of_0_1_0(200, &text) == Some(keys));
    }
}
