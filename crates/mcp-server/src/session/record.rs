//! What an object keeps of a session over the end of its memory, in a row or with a socket.
//!
//! Invariant: the claims of the session's id are kept with it. Without them its client could be told nothing
//! before its next request.

use serde::{Deserialize, Serialize};

use super::{Negotiated, Settings};
use mcp_auth::session_id::Claims;
use mcp_platform::record::Record;

/// The row of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionRow {
    /// It was ended.
    Ended,
    /// It goes on.
    Open(StoredSession),
}

/// What is kept of a session that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSession {
    /// What its id claims.
    #[serde(with = "claims")]
    pub claims: Claims,
    /// What its client set.
    #[serde(default)]
    pub settings: Settings,
}

/// What is kept with the socket of a session's long-lived stream: at most 2 KB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// What the id of its session claims.
    #[serde(with = "claims")]
    pub claims: Claims,
    /// What the client said of itself, where the stream carries everything.
    #[serde(rename = "greeted", default, skip_serializing_if = "Option::is_none")]
    pub negotiated: Option<Negotiated>,
}

/// The row of an ended session: the text of version 0.1.0, so that a session which was ended stays
/// ended after a rollback.
const END: &str = "end";

impl SessionRow {
    /// The text of the row.
    pub fn to_row(&self) -> String {
        match self {
            Self::Ended => END.to_owned(),
            Self::Open(_) => self.to_json(),
        }
    }

    /// The session, unless it was ended.
    pub fn open(self) -> Option<StoredSession> {
        match self {
            Self::Ended => None,
            Self::Open(session) => Some(session),
        }
    }
}

impl Record for SessionRow {
    fn from_0_1_0(text: &str) -> Option<Self> {
        if text == END {
            return Some(Self::Ended);
        }
        let (claims, settings) = old(text)?;
        let settings = Settings::from_json(settings).unwrap_or_default();
        Some(Self::Open(StoredSession { claims, settings }))
    }
}

impl Record for Attachment {
    fn from_0_1_0(text: &str) -> Option<Self> {
        let (claims, negotiated) = old(text)?;
        Some(Self { claims, negotiated: Negotiated::from_json(negotiated) })
    }
}

/// The claims and the JSON text behind them, as version 0.1.0 wrote both.
fn old(text: &str) -> Option<(Claims, &str)> {
    let (claims, json) = text.split_once(' ')?;
    Some((claims::read(claims)?, json))
}

/// Claims as the text of their bytes. Only the object itself reads it: no key signs.
mod claims {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    use super::Claims;

    pub(super) fn read(text: &str) -> Option<Claims> {
        Claims::from_bytes(&URL_SAFE_NO_PAD.decode(text).ok()?)
    }

    pub(super) fn serialize<S: Serializer>(
        claims: &Claims,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        URL_SAFE_NO_PAD.encode(claims.to_bytes([0; 4])).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Claims, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).ok_or_else(|| D::Error::custom("expected the claims of a session id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::claims;
    use mcp_protocol::{
        capabilities::ClientCapabilities, log_level::LoggingLevel, version::Version,
    };
    use test_support::stored::read_0_1_0;

    #[test]
    fn a_session_is_read_as_it_was_stored() {
        let settings = Settings { level: Some(LoggingLevel::Alert), ..Settings::default() };
        let row = SessionRow::Open(StoredSession { claims: claims(), settings });
        insta::assert_snapshot!(
            row.to_json(),
            @r#"{"open":{"claims":"AQAAAAAAAAAAAAAAAAAAAAAAAAABAgAEAQcHBwcHBwcHBwcHBwcHBwcAAAABAAAAAgAIYSBjbGllbnQDMSAw","settings":{"level":"alert","subscriptions":[],"toolsets":0}}}"#
        );
        assert_eq!(SessionRow::from_json(&row.to_row()), Some(row));
        assert_eq!(SessionRow::Ended.to_row(), "end");
        assert_eq!(SessionRow::from_json("end"), Some(SessionRow::Ended));
        assert_eq!(SessionRow::from_json(r#""ended""#), Some(SessionRow::Ended));
    }

    #[test]
    fn a_socket_s_attachment_is_read_as_it_was_written() {
        let negotiated = Negotiated { version: 3, ..Negotiated::default() };
        for negotiated in [Some(negotiated), None] {
            let attachment = Attachment { claims: claims(), negotiated };
            assert_eq!(Attachment::from_json(&attachment.to_json()), Some(attachment));
        }
        let negotiated = Some(Negotiated::default());
        insta::assert_snapshot!(
            Attachment { claims: claims(), negotiated }.to_json(),
            @r#"{"claims":"AQAAAAAAAAAAAAAAAAAAAAAAAAABAgAEAQcHBwcHBwcHBwcHBwcHBwcAAAABAAAAAgAIYSBjbGllbnQDMSAw","greeted":{"version":0,"capabilities":0,"name":"","clientVersion":""}}"#
        );
    }

    #[test]
    fn what_0_1_0_kept_of_a_session_is_read() {
        let text = read_0_1_0("kept-session");
        let (known, json) = old(&text).unwrap();
        assert_eq!((known, json), (claims(), r#"{"a": 1}"#));
        let session = StoredSession { claims: claims(), settings: Settings::default() };
        assert_eq!(SessionRow::from_json(&text), Some(SessionRow::Open(session)));
        assert_eq!(SessionRow::from_json("end"), Some(SessionRow::Ended));
        let negotiated = Negotiated {
            version: Version::V2024_11_05.code(),
            capabilities: ClientCapabilities::SAMPLING.bits(),
            name: "a \"client\"".into(),
            client_version: "1".into(),
        };
        for (name, negotiated) in [
            ("attachment-session-stream", None),
            ("attachment-sse-before-initialize", Some(Negotiated::default())),
            ("attachment-sse-after-initialize", Some(negotiated)),
        ] {
            let attachment = Attachment { claims: claims(), negotiated };
            assert_eq!(Attachment::from_json(&read_0_1_0(name)), Some(attachment), "{name}");
        }
        for other in ["", "x {}", "ended", "{}", "null"] {
            assert_eq!(SessionRow::from_json(other), None, "{other}");
        }
    }
}
