//! What an object keeps of a session over the end of its memory, in a row or with a socket: the
//! claims of its id, without which nobody could be told anything before the next request, and a text.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use mcp_auth::session_id::Claims;

/// The claims and the text in one.
pub fn write(claims: &Claims, text: &str) -> String {
    // Only the object itself reads it: no key signs.
    format!("{} {text}", URL_SAFE_NO_PAD.encode(claims.to_bytes([0; 4])))
}

/// Reads both.
pub fn read(kept: &str) -> Option<(Claims, &str)> {
    let (claims, text) = kept.split_once(' ')?;
    Some((Claims::from_bytes(&URL_SAFE_NO_PAD.decode(claims).ok()?)?, text))
}

#[cfg(test)]
pub(super) mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::session::Greeted;
    use mcp_auth::{session_id::Placement, subject::Subject};
    use mcp_protocol::{capabilities::ClientCapabilities, version::Version};
    use test_support::stored::of_0_1_0;

    pub(in crate::session) fn claims() -> Claims {
        Claims {
            session: Uuid::from_u128(1),
            version: Version::V2025_06_18,
            capabilities: ClientCapabilities::SAMPLING,
            placement: Placement::Subject,
            subject: Subject([7; 16]),
            issued: 1,
            expires: 2,
            toolset: String::new(),
            client_name: "a client".into(),
            client_version: "1 0".into(),
        }
    }

    #[test]
    fn attachments_of_sockets_are_read_as_they_were_written() {
        let written = write(&claims(), "");
        let stored = of_0_1_0("attachment-session-stream", &written);
        assert_eq!(read(&stored), Some((claims(), "")));
        let greeted = Greeted {
            version: Version::V2024_11_05.code(),
            capabilities: ClientCapabilities::SAMPLING.bits(),
            name: "a \"client\"".into(),
            client_version: "1".into(),
        };
        for (name, greeted) in [
            ("attachment-sse-before-initialize", Greeted::default()),
            ("attachment-sse-after-initialize", greeted),
        ] {
            let stored = of_0_1_0(name, &write(&claims(), &greeted.to_attachment()));
            let (known, text) = read(&stored).unwrap();
            assert_eq!((known, Greeted::from_attachment(text)), (claims(), Some(greeted)));
        }
    }

    #[test]
    fn a_session_is_read_as_it_was_kept() {
        let claims = claims();
        let text = r#"{"a": 1}"#;
        let written = write(&claims, text);
        for kept in [of_0_1_0("kept-session", &written), written] {
            assert_eq!(read(&kept), Some((claims.clone(), text)));
        }
        assert_eq!(read(&write(&claims, "")), Some((claims, "")));
        assert_eq!((read("end"), read("x {}")), (None, None));
    }
}
