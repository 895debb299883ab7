//! Sessions that are opened, shared, lost and ended.

use std::time::Duration;

use futures_util::{
    FutureExt as _,
    future::{join, join_all, ready},
};
use mcp_auth::secret::Secret;
use mcp_client::{endpoint::Endpoint, headers::Trail};
use mcp_platform::{
    Method, Platform as _,
    testing::{ScriptedStream, VirtualPlatform},
};

use super::*;

/// Rows in memory.
#[derive(Default)]
struct Rows {
    rows: RefCell<BTreeMap<String, String>>,
    writes: Cell<usize>,
}

impl SessionKeeper for Rows {
    fn kept(&self, key: &str) -> LocalBoxFuture<'static, Option<Secret>> {
        ready(self.rows.borrow().get(key).map(Secret::new)).boxed_local()
    }

    fn keep(&self, key: &str, text: Option<Secret>) -> LocalBoxFuture<'static, ()> {
        self.writes.set(self.writes.get().saturating_add(1));
        match text {
            Some(text) => self.rows.borrow_mut().insert(key.into(), text.expose().to_owned()),
            None => self.rows.borrow_mut().remove(key),
        };
        ready(()).boxed_local()
    }
}

struct Stand {
    platform: Rc<VirtualPlatform>,
    rows: Rc<Rows>,
    memory: Rc<Memory>,
    pool: Pool,
}

impl Stand {
    fn new(script: impl IntoIterator<Item = ScriptedStream>) -> Self {
        let (platform, rows) = (VirtualPlatform::new(script), Rc::new(Rows::default()));
        let memory = Rc::new(Memory::default());
        let pool = Pool::new(platform.clone(), memory.clone(), rows.clone());
        Self { platform, rows, memory, pool }
    }

    /// A new life of the object: only the rows are left.
    fn wake(&mut self) {
        self.memory = Rc::new(Memory::default());
        self.pool = Pool::new(self.platform.clone(), self.memory.clone(), self.rows.clone());
    }

    fn route(&self, credential: &str, passed: Option<&str>) -> Route {
        let mut endpoint = Endpoint::new("https://up.example/mcp");
        endpoint.credential = vec![("Authorization".into(), Secret::new(credential))];
        endpoint.trail = Some(Trail::of(passed, "own").unwrap());
        Route {
            name: "tickets".into(),
            stack: None,
            address: Address::new(self.platform.clone(), endpoint),
            era: Some(Era::Session),
            capabilities: ClientCapabilities::ROOTS,
            client_info: "{}".into(),
            generation: Generation::default(),
        }
    }

    fn plain(&self) -> Route {
        self.route("Bearer a", None)
    }

    fn methods(&self) -> Vec<Method> {
        self.platform.requests().iter().map(|request| request.method).collect()
    }
}

/// The answers to a handshake.
fn opens(session: &str) -> [ScriptedStream; 2] {
    let body = concat!(
        r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","#,
        r#""capabilities":{"tools":{}},"serverInfo":{"name":"t","version":"1"}}}"#
    );
    let opened = ScriptedStream::json(200, body).header("Mcp-Session-Id", session);
    [opened, ScriptedStream::status(202)]
}

#[test]
fn all_that_wait_for_an_opening_hear_how_it_failed() {
    let stand = Stand::new((0..50).map(|_| ScriptedStream::silent()));
    let route = stand.plain();
    let all = stand.platform.run(join_all((0..50).map(|_| stand.pool.peer(&route))));
    let timed_out =
        |opened: &Result<Opened, _>| matches!(opened, Err(UpstreamError::TimedOut { .. }));
    assert!(all.iter().all(timed_out));
    assert_eq!(stand.platform.requests().len(), 1);
    assert!(stand.platform.elapsed() <= route.address.endpoint().timeouts.headers);
}

#[test]
fn what_another_server_said_before_it_was_replaced_is_not_noted() {
    let [opened, accepted] = opens("s-1");
    let stand = Stand::new([opened.after(Duration::from_secs(2)), accepted]);
    let route = stand.plain();
    let replaced = async {
        stand.platform.sleep(Duration::from_secs(1)).await;
        stand.memory.forget("tickets");
    };
    let (opened, ()) = stand.platform.run(join(stand.pool.peer(&route), replaced));
    assert!(opened.is_ok());
    let now_ms = stand.platform.now_ms();
    assert!(stand.memory.about("tickets", now_ms).is_none());
    assert_eq!(stand.memory.era("tickets", now_ms), None);
}

#[test]
fn who_leaves_while_it_opens_a_session_hands_that_to_another() {
    let stand = Stand::new([ScriptedStream::silent()].into_iter().chain(opens("s-1")));
    let route = stand.plain();
    let leaves = async {
        let sleep = stand.platform.sleep(Duration::from_secs(1));
        futures_util::future::select(stand.pool.peer(&route).boxed_local(), sleep).await;
    };
    let ((), opened) = stand.platform.run(join(leaves, stand.pool.peer(&route)));
    assert!(opened.is_ok());
}

#[test]
fn a_session_that_many_requests_lost_is_opened_anew_once() {
    let stand = Stand::new(opens("s-1").into_iter().chain(opens("s-2")));
    let route = stand.plain();
    stand.platform.run(async {
        let used = stand.pool.peer(&route).await.unwrap();
        assert!(stand.pool.forget(&route, Some(&used)).await);
        let anew = stand.pool.peer(&route).await.unwrap();
        assert!(!stand.pool.forget(&route, Some(&used)).await, "it is another one");
        stand.pool.forget_wire(&route, Some(&used)).await;
        assert_eq!(stand.memory.era("tickets", stand.platform.now_ms()), Some(Era::Session));
        assert_eq!(stand.pool.peer(&route).await.unwrap().number, anew.number);
        assert_eq!(stand.rows.rows.borrow().len(), 1);
    });
}

#[test]
fn a_stored_session_goes_on_with_what_the_upstream_said_of_itself() {
    let mut stand = Stand::new(opens("s-1"));
    let route = stand.plain();
    stand.platform.run(stand.pool.peer(&route)).ok().unwrap();
    stand.wake();
    assert!(stand.memory.about("tickets", stand.platform.now_ms()).is_none());
    stand.platform.run(stand.pool.peer(&route)).ok().unwrap();
    let about = stand.memory.about("tickets", stand.platform.now_ms()).unwrap();
    assert_eq!(about.capabilities, r#"{"tools":{}}"#);
    assert!(about.server_info.is_some());
    assert_eq!(stand.platform.requests().len(), 2, "no second handshake");
}

#[test]
fn what_an_upstream_says_of_itself_is_known_as_long_as_its_session() {
    let stand = Stand::new(opens("s-1"));
    let route = stand.plain();
    stand.platform.run(async {
        stand.pool.peer(&route).await.unwrap();
        stand.platform.sleep(Duration::from_secs(700)).await;
        assert!(stand.memory.about("tickets", stand.platform.now_ms()).is_none());
        stand.pool.peer(&route).await.unwrap();
        assert!(stand.memory.about("tickets", stand.platform.now_ms()).is_some());
    });
}

#[test]
fn a_stored_session_is_not_used_with_another_credential() {
    let mut stand = Stand::new(opens("s-1").into_iter().chain(opens("s-2")));
    let (route, other) = (stand.plain(), stand.route("Bearer b", None));
    stand.platform.run(stand.pool.peer(&route)).ok().unwrap();
    stand.wake();
    stand.platform.run(stand.pool.peer(&other)).ok().unwrap();
    assert_eq!(stand.platform.requests().len(), 4, "its own handshake");
    let key = route.key();
    assert_eq!(kept::read_key(&key), Some(("tickets", ClientCapabilities::ROOTS)));
    assert!(!key.contains("Bearer") && key != other.key());
    let text = Secret::new(stand.rows.rows.borrow().get(&key).unwrap());
    stand.platform.run(kept::end(&key, &text, &other));
    assert_eq!(stand.platform.requests().len(), 4, "the other one is not told");
    stand.platform.run(kept::end(&key, &text, &route));
    assert_eq!(stand.methods().last(), Some(&Method::Delete));
}

#[test]
fn an_ended_pool_opens_and_stores_nothing() {
    let [first, second] = opens("s-1");
    let script = [first.after(Duration::from_secs(2)), second, ScriptedStream::status(204)];
    let stand = Stand::new(script);
    let route = stand.plain();
    let ends = async {
        stand.platform.sleep(Duration::from_secs(1)).await;
        stand.pool.end().await;
    };
    let (opened, ()) = stand.platform.run(join(stand.pool.peer(&route), ends));
    assert!(matches!(opened, Err(UpstreamError::Unsendable(_))));
    assert_eq!(stand.methods(), [Method::Post, Method::Post, Method::Delete]);
    assert!(stand.rows.rows.borrow().is_empty());
    let again = stand.platform.run(stand.pool.peer(&route));
    assert!(matches!(again, Err(UpstreamError::Unsendable(_))));
    assert_eq!(stand.platform.requests().len(), 3);
}

#[test]
fn use_stores_a_session_anew_after_half_of_its_time() {
    let stand = Stand::new(opens("s-1"));
    let route = stand.plain();
    stand.platform.run(async {
        for _ in 0..6 {
            stand.pool.peer(&route).await.unwrap();
            stand.platform.sleep(Duration::from_secs(450)).await;
        }
    });
    // At 0, 900 and 1,800 seconds.
    assert_eq!(stand.rows.writes.get(), 3);
}

#[test]
fn a_shared_session_carries_the_trail_of_each_request() {
    let stand = Stand::new(opens("s-1").into_iter().chain([ScriptedStream::status(202)]));
    let (first, second) = (stand.plain(), stand.route("Bearer a", Some("other")));
    stand.platform.run(async {
        stand.pool.peer(&first).await.unwrap();
        let Peer::Http(connection) = stand.pool.peer(&second).await.unwrap().peer else {
            panic!("it is no stream");
        };
        connection.notify("notifications/roots/list_changed", None).await.unwrap();
    });
    let requests = stand.platform.requests();
    let trail = |name: &str, at: usize| {
        let headers = &requests[at].headers;
        headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let name = mcp_client::headers::TRAIL_HEADER;
    let expected = second.address.endpoint().trail.clone();
    assert_eq!(trail(name, 2).as_deref(), expected.as_ref().map(Trail::as_str));
    assert_ne!(trail(name, 0), trail(name, 2));
}

#[test]
fn a_client_that_varies_what_tells_sessions_apart_does_not_fill_the_memory() {
    let script = (0..100).flat_map(|n| opens(&format!("s-{n}")));
    let stand = Stand::new(script);
    let route = |n: usize| stand.route(&format!("Bearer {n}"), None);
    stand.platform.run(async {
        for n in 0..100 {
            stand.pool.peer(&route(n)).await.unwrap();
            stand.pool.peer(&route(0)).await.unwrap();
        }
        assert_eq!(stand.pool.peers.borrow().len(), MAX_PEERS);
        // One that is used stays, and one that made room goes on.
        assert!(stand.pool.peers.borrow().contains_key(&route(0).key()));
        stand.pool.peer(&route(1)).await.unwrap();
    });
    assert_eq!(stand.platform.requests().len(), 200, "each was opened once");
}

#[test]
fn a_pool_is_in_use_while_a_request_runs() {
    let stand = Stand::new(opens("s-1").into_iter().chain([ScriptedStream::silent()]));
    let (route, shared) = (stand.plain(), stand.platform.clone() as SharedPlatform);
    let asked = crate::relay::Asked { method: "tools/call", params: "{}", ..Default::default() };
    let back: Rc<dyn mcp_server::notifier::Notifier> = Rc::new(mcp_server::notifier::NoClient);
    assert!(!stand.pool.is_in_use());
    let call = crate::relay::in_object(&stand.pool, &route, &asked, &back, &shared);
    let looks = async {
        stand.platform.sleep(Duration::from_secs(1)).await;
        assert!(stand.pool.is_in_use());
    };
    let leaves = futures_util::future::select(call.boxed_local(), looks.boxed_local());
    drop(stand.platform.run(leaves));
    assert!(!stand.pool.is_in_use());
}
