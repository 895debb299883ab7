//! What is announced before a stream is there.

use mcp_protocol::list_kind::ListKind;
use mcp_server::remote::Remote as _;

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

#[test]
fn what_is_announced_while_resources_are_subscribed_to_is_told() {
    let updated =
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"urn:a"}}"#;
    let done = |n: u64| format!(r#"data: {{"jsonrpc":"2.0","id":{},"result":{{}}}}"#, id_at(0) + n);
    let stream = sse_stream()
        .pause(SECOND)
        .chunk(done(1) + "\n\n")
        .chunk(format!("data: {updated}\n\n") + &done(2) + "\n\n")
        .hangs();
    let posts = (0..4).map(|_| ScriptedStream::status(202));
    let script = [stream].into_iter().chain(posts);
    let stand = Stand::new(("t", &json!({ "era": "sse" })), script);
    let wanted = json!({ "resourceSubscriptions": ["urn:a", "urn:b"] });
    let (agreed, mut news) = stand.listen(&wanted);
    assert_eq!(agreed, wanted);
    let told = stand.told(&mut news, 20);
    assert!(told.contains(&ChangeEvent::ResourceUpdated("urn:a".to_owned())), "{told:?}");
}

#[test]
fn an_upstream_that_never_answers_a_subscription_does_not_hold_the_stream_up_for_ever() {
    let posts = (0..3).map(|_| ScriptedStream::status(202));
    let script = [sse_stream().hangs()].into_iter().chain(posts);
    let stand = Stand::new(("t", &json!({ "era": "sse" })), script);
    let (_, mut news) = stand.listen(&json!({ "resourceSubscriptions": ["urn:a"] }));
    let (before, sent) = (stand.platform.aborted(), stand.platform.requests().len());
    assert_eq!(sent, 4, "the handshake and the subscription");
    assert_eq!(stand.told(&mut news, 15), []);
    assert_eq!(stand.platform.aborted(), before + 1, "the stream is given up");
    assert!(stand.platform.requests().len() > sent, "and opened again later");
}
