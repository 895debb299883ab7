//! What is announced before a stream is there.

use mcp_server::remote::{ListKind, Remote as _};

use super::*;

#[test]
fn a_change_between_a_list_and_the_listener_is_told() {
    for (names, told) in [(&["a"][..], vec![]), (&["a", "b"], vec![ChangeEvent::ToolsChanged])] {
        let subscription = ScriptedStream::events().chunk(acknowledged(10_000, &tools())).hangs();
        let script = [listed(0, &["a"]), subscription, listed(10_100, names)];
        let stand = Stand::new(("t", &json!({})), script);
        let ctx = stand.ctx();
        stand.platform.run(stand.door.list(&ctx, ListKind::Tools));
        stand.platform.run(stand.platform.sleep(10 * SECOND));
        let (_, mut news) = stand.listen(&tools());
        assert_eq!(stand.told(&mut news, 3_600), told);
        assert_eq!(stand.sent("tools/list"), 2, "nothing is asked while nothing is said");
    }
}

const HELLO_ON_STREAM: &str = r#"{"jsonrpc":"2.0","id":ID,"result":{"protocolVersion":"2024-11-05","capabilities":{"resources":{"subscribe":true}}}}"#;

/// The stream of HTTP with SSE, with its handshake.
fn sse_stream() -> ScriptedStream {
    let hello = HELLO_ON_STREAM.replace("ID", &id_at(0).to_string());
    ScriptedStream::events()
        .chunk("event: endpoint\ndata: /m\n\n")
        .chunk(format!("data: {hello}\n\n"))
}
