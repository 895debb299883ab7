//! What a session's object and the Worker that holds the session's stream tell each other over the stream's socket, and how
//! the client hears of a change.
//!
//! Invariant: what is for the Worker has the form of a notification that no client knows: a Worker that does not take it out
//! does no harm.

use mcp_protocol::{
    fields::fields,
    jsonrpc::notification_text,
    object::{Object, quoted},
    raw,
};

use crate::notifier::ChangeEvent;

/// The notification that the list of tools is another one.
pub(super) const TOOLS_CHANGED: &str = "notifications/tools/list_changed";
/// The notification for the Worker.
const METHOD: &str = "notifications/org.sitebay/watching";

/// The resources that a session watches, for the Worker: those of other servers are watched there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watching {
    /// Their URIs, as the client wrote them.
    pub uris: Vec<String>,
}

impl Watching {
    /// The text of the message.
    pub fn to_text(&self) -> String {
        let params = Object::new().texts("uris", self.uris.iter().map(String::as_str)).end();
        String::from_utf8(notification_text(METHOD, &params)).unwrap_or_default()
    }

    /// Reads the message. None: it is another one, for the client.
    pub fn read(text: &str) -> Option<Self> {
        // Every other message is passed on unread.
        let rest =
            text.strip_prefix(r#"{"jsonrpc":"2.0","method":"#)?.strip_prefix(&quoted(METHOD))?;
        let params = rest.strip_prefix(r#","params":"#)?.strip_suffix('}')?;
        let [uris] = fields(params, ["uris"]).ok()?;
        let uris = raw::elements(uris?.get()).ok()?;
        Some(Self { uris: uris.into_iter().filter_map(raw::string).collect() })
    }
}

/// The notification by which the client of a session hears of a change. None: it hears of none of this kind.
pub fn announcement(change: &ChangeEvent) -> Option<Vec<u8>> {
    let nothing = Object::new().end();
    Some(match change {
        ChangeEvent::ToolsChanged => notification_text(TOOLS_CHANGED, &nothing),
        ChangeEvent::PromptsChanged => {
            notification_text("notifications/prompts/list_changed", &nothing)
        }
        ChangeEvent::ResourcesChanged => {
            notification_text("notifications/resources/list_changed", &nothing)
        }
        ChangeEvent::ResourceUpdated(uri) => {
            let params = Object::new().text("uri", uri).end();
            notification_text("notifications/resources/updated", &params)
        }
        ChangeEvent::Task(..) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_the_worker_is_taken_out_and_nothing_else() {
        for uris in [Vec::new(), vec!["t+a:\"ü\"\n".to_owned(), "b:2".to_owned()]] {
            let watching = Watching { uris };
            assert_eq!(Watching::read(&watching.to_text()), Some(watching));
        }
        let text = Watching { uris: vec!["a:1".to_owned()] }.to_text();
        assert_eq!(
            text,
            r#"{"jsonrpc":"2.0","method":"notifications/org.sitebay/watching","params":{"uris":["a:1"]}}"#
        );
        for other in [
            "",
            "{}",
            &text[..text.len() - 1],
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"uris":["a:1"]}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"method":"notifications/org.sitebay/watching"}}"#,
        ] {
            assert_eq!(Watching::read(other), None, "{other}");
        }
    }
}
