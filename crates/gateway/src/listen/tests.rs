//! Listeners before upstreams that play a script in virtual time.

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures_util::{StreamExt as _, future::LocalBoxFuture, stream::LocalBoxStream};
use mcp_client::request::first_id;
use mcp_platform::{
    Method, Platform as _,
    testing::{ScriptedStream, VirtualPlatform},
};
use mcp_protocol::stateless::{META_SUBSCRIPTION, listen::SubscriptionFilter};
use mcp_server::{context::Context, notifier::ChangeEvent, testing::FakePlatform};
use serde_json::{Value, json};

use super::{Listener, Listening, News, Watcher, parts::Part};
use crate::{
    door::Door,
    memory::Generation,
    testing::{self, FakePins},
};

/// The door of this name before one upstream, `t`, with these settings.
fn door(name: &str, settings: &Value) -> Rc<Door> {
    Rc::new(testing::door(name, ("t", settings), Rc::<FakePins>::default()))
}

fn filter(notifications: &Value) -> SubscriptionFilter {
    SubscriptionFilter::from_json(&notifications.to_string()).unwrap()
}

fn tools() -> Value {
    json!({ "toolsListChanged": true })
}

type Ends = Rc<RefCell<Vec<LocalBoxFuture<'static, ()>>>>;

struct Stand {
    platform: Rc<VirtualPlatform>,
    door: Rc<Door>,
    ends: Ends,
}

impl Stand {
    fn new(
        (name, settings): (&str, &Value),
        script: impl IntoIterator<Item = ScriptedStream>,
    ) -> Self {
        let platform = VirtualPlatform::new(script);
        Self { platform, door: door(name, settings), ends: Rc::default() }
    }

    fn ctx(&self) -> Context {
        Context { platform: self.platform.clone(), ..FakePlatform::new([]).context() }
    }

    fn parts(&self, wanted: &Value) -> (SubscriptionFilter, Vec<Part>) {
        self.door.parts(&self.ctx(), &filter(wanted))
    }

    fn open(&self, wanted: &Value) -> (Listening, Watcher) {
        let ends = self.ends.clone();
        let finish = Rc::new(move |end| ends.borrow_mut().push(end));
        let listener = Listener { door: self.door.clone(), ctx: self.ctx(), finish };
        Listening::new(listener, self.parts(wanted).1)
    }

    /// What is agreed on with a listener, and its news.
    fn listen(&self, wanted: &Value) -> (Value, LocalBoxStream<'static, News>) {
        let (mut listening, _) = self.open(wanted);
        self.platform.run(listening.agree());
        let agreed = listening.agreed(&self.parts(wanted).0);
        let text = serde_json::from_str(&agreed.to_json()).unwrap();
        (text, listening.news(agreed))
    }

    /// The changes of so many seconds.
    fn told(&self, news: &mut LocalBoxStream<'static, News>, seconds: u64) -> Vec<ChangeEvent> {
        let mut told = Vec::new();
        self.platform.run_for(Duration::from_secs(seconds), async {
            while let Some(News { change, .. }) = news.next().await {
                told.push(change);
            }
        });
        told
    }

    fn sent(&self, method: &str) -> usize {
        let sent = self.platform.requests();
        let is_it = |body: &str| body.contains(&format!(r#""method":"{method}""#));
        sent.iter().filter(|request| request.body.as_deref().is_some_and(is_it)).count()
    }
}

/// The id of a request that is sent so long after the start.
fn id_at(ms: u64) -> u64 {
    first_id(VirtualPlatform::new([]).now_ms().saturating_add(ms))
}

/// An event with a notification of the subscription that was opened so long after the start.
fn event(opened_ms: u64, method: &str, mut params: Value) -> String {
    params["_meta"] = json!({ META_SUBSCRIPTION: id_at(opened_ms) });
    let method = format!("notifications/{method}");
    format!("data: {}\n\n", json!({ "jsonrpc": "2.0", "method": method, "params": params }))
}

fn changed(list: &str) -> String {
    event(0, &format!("{list}/list_changed"), json!({}))
}

fn acknowledged(opened_ms: u64, notifications: &Value) -> String {
    let params = json!({ "notifications": notifications });
    event(opened_ms, "subscriptions/acknowledged", params)
}

/// The stream of a subscription that was opened at the start.
fn stream(notifications: &Value) -> ScriptedStream {
    ScriptedStream::events().chunk(acknowledged(0, notifications))
}

/// The answer to a list of tools that is asked for so long after the start.
fn listed(at_ms: u64, names: &[&str]) -> ScriptedStream {
    let tool = |name: &&str| json!({ "name": name, "inputSchema": { "type": "object" } });
    let tools: Vec<Value> = names.iter().map(tool).collect();
    let result = json!({ "tools": tools });
    let response = json!({ "jsonrpc": "2.0", "id": id_at(at_ms), "result": result });
    ScriptedStream::json(200, &response.to_string())
}

const SECOND: Duration = Duration::from_secs(1);

// Statement 16.
#[test]
fn a_list_is_told_of_once_in_a_burst_and_only_where_it_changed_for_the_listener() {
    for (name, settings) in [("", json!({ "deny": ["c"] })), ("t", json!({ "deny": ["c"] }))] {
        let burst = changed("tools").repeat(9);
        let script = [
            stream(&tools()).pause(SECOND).chunk(&burst).pause(9 * SECOND).chunk(&burst).hangs(),
            listed(0, &["a"]),
            listed(1_100, &["a", "b"]),
            // What is hidden changed.
            listed(10_100, &["a", "b", "c"]),
        ];
        let stand = Stand::new((name, &settings), script);
        let (agreed, mut news) = stand.listen(&tools());
        assert_eq!(agreed, tools());
        assert_eq!(stand.told(&mut news, 5), [ChangeEvent::ToolsChanged]);
        assert_eq!(stand.told(&mut news, 60), []);
        assert_eq!(stand.sent("tools/list"), 3);
    }
}

#[test]
fn a_list_that_was_never_seen_is_told_of_where_it_is_announced() {
    let script = [
        stream(&tools()).pause(SECOND).chunk(changed("tools")).hangs(),
        // It is asked twice.
        ScriptedStream::status(500),
        ScriptedStream::status(500),
        listed(1_100, &["a"]),
    ];
    let stand = Stand::new(("t", &json!({})), script);
    let (_, mut news) = stand.listen(&tools());
    assert_eq!(stand.told(&mut news, 60), [ChangeEvent::ToolsChanged]);
}

#[test]
fn a_list_that_cannot_be_had_is_asked_for_again_and_told_of_in_the_end() {
    let script =
        [stream(&tools()).pause(SECOND).chunk(changed("tools")).hangs(), listed(0, &["a"])];
    let stand = Stand::new(("t", &json!({})), script);
    let (_, mut news) = stand.listen(&tools());
    assert_eq!(stand.told(&mut news, 10), []);
    assert_eq!(stand.told(&mut news, 60), [ChangeEvent::ToolsChanged]);
    // Each time it is asked twice.
    assert!(stand.sent("tools/list") <= 11, "{}", stand.sent("tools/list"));
}

#[test]
fn resources_are_known_by_the_uris_of_the_door_and_only_those_that_are_watched() {
    for (name, prefix) in [("", "t+"), ("t", "")] {
        let wanted = json!({
            "resourceSubscriptions": [format!("{prefix}urn:a"), "sitebay://sites", "u+urn:a"],
        });
        let there = match name {
            "" => json!({ "resourceSubscriptions": ["urn:a"] }),
            _ => json!({ "resourceSubscriptions": ["sitebay://sites", "u+urn:a", "urn:a"] }),
        };
        let updated = |uri: &str| event(0, "resources/updated", json!({ "uri": uri }));
        let burst = updated("urn:a") + &updated("urn:b") + &updated("urn:a");
        let burst = burst + &updated("urn:a/part");
        let script = [stream(&there).pause(SECOND).chunk(burst).hangs()];
        let stand = Stand::new((name, &json!({})), script);
        let (agreed, mut news) = stand.listen(&wanted);
        let mut all: Vec<&str> = wanted["resourceSubscriptions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|uri| uri.as_str().unwrap())
            .collect();
        all.sort_unstable();
        assert_eq!(agreed, json!({ "resourceSubscriptions": all }));
        let expected = ["urn:a", "urn:a/part"]
            .map(|uri| ChangeEvent::ResourceUpdated(format!("{prefix}{uri}")));
        assert_eq!(stand.told(&mut news, 60), expected);
        let sent = stand.platform.requests()[0].body.clone().unwrap();
        assert!(sent.contains(&there.to_string()), "{sent}");
    }
}

#[test]
fn what_was_not_asked_for_or_names_another_subscription_is_not_told() {
    let everything = json!({
        "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true,
        "resourceSubscriptions": ["urn:a", "urn:b"],
    });
    let wanted = json!({ "promptsListChanged": true, "resourceSubscriptions": ["urn:a"] });
    let foreign = |id: Value| {
        let params = json!({ "uri": "urn:a", "_meta": { META_SUBSCRIPTION: id } });
        let method = "notifications/resources/updated";
        format!("data: {}\n\n", json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    };
    let lies = changed("tools")
        + &changed("resources")
        + &event(0, "resources/updated", json!({ "uri": "urn:b" }))
        + &foreign(json!(1))
        + &foreign(json!(id_at(0).to_string()))
        + "data: no json\n\ndata: {}\n\n: comment\n\nevent: ping\ndata: 1\n\n";
    // Before the agreement nothing is agreed on.
    let early = event(0, "resources/updated", json!({ "uri": "urn:a" }));
    let script = [ScriptedStream::events()
        .chunk(early)
        .chunk(acknowledged(0, &everything))
        .pause(SECOND)
        .chunk(lies.replace("data: no json\n\ndata: {}\n\n", ""))
        .hangs()];
    let stand = Stand::new(("t", &json!({})), script);
    let (agreed, mut news) = stand.listen(&wanted);
    assert_eq!(agreed, wanted);
    assert_eq!(stand.told(&mut news, 20), []);
}

#[test]
fn an_upstream_that_does_not_agree_in_time_holds_nothing_up_and_is_asked_again() {
    let script = (0..9).map(|_| ScriptedStream::events().hangs());
    let stand = Stand::new(("t", &json!({})), script);
    let (agreed, mut news) = stand.listen(&tools());
    assert_eq!(stand.platform.elapsed(), 2 * SECOND);
    assert_eq!(agreed, tools(), "it may agree later");
    assert_eq!(stand.told(&mut news, 60), []);
    // After 10 s without an agreement, and pauses of 1, 2, 4, 8 s.
    assert_eq!(stand.platform.requests().len(), 5);
    drop(news);
    assert_eq!(stand.platform.aborted(), 5);
}

#[test]
fn an_upstream_without_subscriptions_is_asked_once_and_agrees_to_nothing() {
    let refusal = json!({
        "jsonrpc": "2.0", "id": id_at(0), "error": { "code": -32601, "message": "no" },
    });
    let stand = Stand::new(("t", &json!({})), [ScriptedStream::json(404, &refusal.to_string())]);
    let (agreed, mut news) = stand.listen(&tools());
    assert_eq!((agreed, stand.platform.elapsed()), (json!({}), Duration::ZERO));
    assert_eq!(stand.told(&mut news, 600), []);
    assert_eq!(stand.platform.requests().len(), 1);
    // At the common door this server has tools of its own.
    let stand = Stand::new(("", &json!({})), [ScriptedStream::json(404, &refusal.to_string())]);
    assert_eq!(stand.listen(&tools()).0, tools());
}

#[test]
fn a_stream_that_ends_is_opened_again_less_and_less_often_and_what_was_missed_is_found_out() {
    let watched = json!({ "resourceSubscriptions": ["urn:a"] });
    let ends = |at_ms| ScriptedStream::events().chunk(acknowledged(at_ms, &watched));
    let script = [0, 1_000, 3_000, 7_000, 15_000, 31_000].map(ends);
    let stand = Stand::new(("t", &json!({})), script);
    let (_, mut news) = stand.listen(&watched);
    let told = stand.told(&mut news, 32);
    assert_eq!(stand.platform.requests().len(), 6);
    assert_eq!(told.len(), 5, "once after each gap: {told:?}");
    stand.told(&mut news, 3_600);
    // Once a minute, and each a second later than a minute would have it.
    assert!(stand.platform.requests().len() < 70, "{}", stand.platform.requests().len());
    let before = stand.platform.requests().len();
    drop(news);
    stand.platform.run(stand.platform.sleep(600 * SECOND));
    assert_eq!(stand.platform.requests().len(), before, "nothing is opened without a listener");
}

#[test]
fn a_storm_costs_a_list_every_few_seconds_and_is_not_read_meanwhile() {
    let storm = changed("tools").repeat(500);
    let mut flood = stream(&tools());
    for _ in 0..60 {
        flood = flood.chunk(&storm);
    }
    // Every list is the same, whatever it is asked.
    let script = [flood.hangs(), listed(0, &["a"])];
    let stand = Stand::new(("t", &json!({})), script);
    let (_, mut news) = stand.listen(&tools());
    stand.told(&mut news, 60);
    let lists = stand.sent("tools/list");
    assert!((2..40).contains(&lists), "{lists}");
}

const HELLO: &str = concat!(
    r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"#,
    r#""resources":{"subscribe":true}},"serverInfo":{"name":"t","version":"1"}}}"#
);

fn session_script(stream: ScriptedStream) -> Vec<ScriptedStream> {
    let response = json!({ "jsonrpc": "2.0", "id": id_at(0), "result": {} });
    vec![
        ScriptedStream::json(200, HELLO).header("Mcp-Session-Id", "s-1"),
        ScriptedStream::status(202),
        stream,
        ScriptedStream::json(200, &response.to_string()),
    ]
}

#[test]
fn an_upstream_with_sessions_is_heard_in_a_session_that_ends_with_the_listener() {
    let bare = |method: &str, params: Value| {
        let method = format!("notifications/{method}");
        format!("data: {}\n\n", json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    };
    let ping = "data: {\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}\n\n";
    let asks = "data: {\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"roots/list\"}\n\n";
    let stream = ScriptedStream::events()
        .pause(SECOND)
        .chunk(ping)
        .chunk(asks)
        .chunk(bare("prompts/list_changed", json!({})))
        .chunk(bare("resources/updated", json!({ "uri": "urn:a" })))
        .hangs();
    let mut script = session_script(stream);
    script.extend([202, 202, 200].map(ScriptedStream::status));
    let stand = Stand::new(("t", &json!({ "era": "session" })), script);
    let wanted = json!({ "promptsListChanged": true, "resourceSubscriptions": ["urn:a"] });
    let (agreed, mut news) = stand.listen(&wanted);
    assert_eq!(agreed, json!({ "resourceSubscriptions": ["urn:a"] }), "prompts never change");
    let updated = ChangeEvent::ResourceUpdated("urn:a".to_owned());
    assert_eq!(stand.told(&mut news, 20), [updated]);
    let sent = stand.platform.requests();
    let body = |place: usize| sent[place].body.clone().unwrap_or_default();
    assert_eq!(sent[2].method, Method::Get);
    assert!(body(3).contains(r#""method":"resources/subscribe","params":{"uri":"urn:a"}"#));
    assert!(body(4).contains(r#""id":"p","result":{}"#), "{}", body(4));
    assert!(body(5).contains(r#""id":"q","error":{"code":-32601"#), "{}", body(5));
    drop(news);
    for end in stand.ends.take() {
        stand.platform.run(end);
    }
    let last = stand.platform.requests().pop().unwrap();
    assert_eq!((last.method, last.header("mcp-session-id")), (Method::Delete, Some("s-1")));
}

#[test]
fn a_stream_with_ids_goes_on_in_its_session_without_a_gap() {
    let stream = ScriptedStream::events().chunk("id: 7\nretry: 3000\ndata:\n\n");
    let mut script = session_script(stream);
    script.push(ScriptedStream::events().hangs());
    let stand = Stand::new(("t", &json!({ "era": "session" })), script);
    let wanted = json!({ "resourceSubscriptions": ["urn:a"] });
    let (_, mut news) = stand.listen(&wanted);
    assert_eq!(stand.told(&mut news, 60), [], "nothing was missed");
    let again = stand.platform.requests().pop().unwrap();
    assert_eq!((again.method, again.header("last-event-id")), (Method::Get, Some("7")));
    assert_eq!(stand.platform.requests().len(), 5);
}

#[test]
fn a_session_without_a_stream_ends_at_once() {
    for status in [404, 405, 406] {
        let script = session_script(ScriptedStream::status(status)).into_iter().take(3);
        let stand = Stand::new(("t", &json!({ "era": "session" })), script);
        let (agreed, mut news) = stand.listen(&tools());
        assert_eq!(agreed, json!({}), "{status}");
        assert_eq!(stand.ends.borrow().len(), 1, "{status}");
        assert_eq!(stand.told(&mut news, 600), []);
        assert_eq!(stand.platform.requests().len(), 3, "{status}");
    }
}

#[test]
fn what_an_upstream_is_known_not_to_announce_costs_it_nothing() {
    let stand = Stand::new(("t", &json!({})), []);
    let about = mcp_server::remote::About {
        capabilities: r#"{"tools":{},"prompts":{"listChanged":true}}"#.to_owned(),
        ..Default::default()
    };
    let now_ms = stand.platform.now_ms();
    stand.door.memory.note_about("t", Generation::default(), &about, now_ms);
    assert_eq!(stand.listen(&tools()).0, json!({}));
    assert!(stand.platform.requests().is_empty());
}

#[test]
fn other_wishes_take_over_without_a_gap() {
    let (first, second) = (
        json!({ "resourceSubscriptions": ["urn:a"] }),
        json!({ "resourceSubscriptions": ["urn:a", "urn:b"] }),
    );
    let updated = |uri: &str| event(200, "resources/updated", json!({ "uri": uri }));
    let script = [
        stream(&first).hangs(),
        ScriptedStream::events()
            .chunk(acknowledged(200, &second))
            .pause(SECOND)
            .chunk(updated("urn:b"))
            .hangs(),
    ];
    let stand = Stand::new(("t", &json!({})), script);
    let (mut listening, watcher) = stand.open(&first);
    stand.platform.run(listening.agree());
    watcher.watch(&stand.parts(&second).1);
    watcher.watch(&stand.parts(&second).1);
    let mut news = listening.all_news();
    let told = ChangeEvent::ResourceUpdated("urn:b".to_owned());
    assert_eq!(stand.told(&mut news, 20), [told]);
    assert_eq!(stand.platform.requests().len(), 2);
    assert_eq!(stand.platform.aborted(), 1, "the first stream ends");
}

#[path = "opening_tests.rs"]
mod opening;
