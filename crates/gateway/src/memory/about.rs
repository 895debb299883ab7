//! What an upstream says of itself, as far as it is kept.
//!
//! Invariant: it is bounded, because an isolate keeps it for each upstream, and an object for each session.

use mcp_client::era::{Era, Handshake};
use mcp_protocol::{bytes::cut_text, spans};
use mcp_server::remote::About;

/// Bytes of one part of it. Instructions are cut there, and other parts that are larger are left out.
const MAX_PART: usize = 64 * 1024;

/// What an upstream says of itself in a handshake.
pub fn about(found: &Handshake) -> About {
    let capabilities = found.capabilities.get();
    let capabilities = match found.era {
        Era::Stateless => capabilities.to_owned(),
        // Those with sessions have no extensions that are passed on.
        Era::Session | Era::Sse => spans::without(capabilities, &["extensions"]),
    };
    let server_info = found.server_info.as_ref().map(|info| info.get());
    let instructions = found.instructions.as_deref();
    About {
        server_info: server_info.filter(|info| fits(info)).map(str::to_owned),
        instructions: instructions.map(|text| cut_text(text, MAX_PART).to_owned()),
        capabilities: Some(capabilities).filter(|all| fits(all)).unwrap_or_else(|| "{}".to_owned()),
    }
}

fn fits(text: &str) -> bool {
    text.len() <= MAX_PART
}

#[cfg(test)]
mod tests {
    use mcp_protocol::version::Version;
    use test_support::json::raw;

    use super::*;

    #[test]
    fn what_an_upstream_says_of_itself_is_bounded() {
        let large = "\u{fc}".repeat(4 << 20);
        let object = || raw(&format!(r#"{{"name":"{large}"}}"#));
        let mut found = Handshake {
            era: Era::Session,
            version: Version::V2025_11_25,
            session: None,
            capabilities: object(),
            server_info: Some(object()),
            instructions: Some(large.clone()),
        };
        let kept = about(&found);
        assert_eq!((kept.server_info, &*kept.capabilities), (None, "{}"));
        assert_eq!(kept.instructions.unwrap().len(), MAX_PART);
        found.capabilities = raw(r#"{"tools":{},"extensions":{}}"#);
        assert_eq!(about(&found).capabilities, r#"{"tools":{}}"#);
    }
}
