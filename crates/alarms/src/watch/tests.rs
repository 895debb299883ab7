//! Looks over a platform that answers as a test says.

use std::cell::{Cell, RefCell};

use futures_util::{FutureExt as _, future::ready};

use super::*;

/// A platform and a store.
#[derive(Default)]
struct Scene {
    now_ms: Cell<u64>,
    /// The share of 429 that the API tells.
    rate_limit: Cell<u32>,
    api_status: Cell<u16>,
    hook_status: Cell<u16>,
    kept: RefCell<Option<String>>,
    store_fails: Cell<bool>,
    puts_fail: Cell<bool>,
    puts: Cell<u32>,
    asked: RefCell<Vec<OutboundRequest>>,
    posted: RefCell<Vec<OutboundRequest>>,
}

impl Platform for Scene {
    fn fetch(
        &self,
        request: OutboundRequest,
    ) -> LocalBoxFuture<'static, Result<OutboundResponse, NetworkFailure>> {
        let (status, body) = if request.url.starts_with("https://api.example/") {
            self.asked.borrow_mut().push(request);
            let row = format!(
                r#"{{"requests":"1000","rate_limit":"{}","refused":"0","failed":"0","objects":"0"}}"#,
                self.rate_limit.get()
            );
            (self.api_status.get(), format!(r#"{{"data":[{row}]}}"#))
        } else {
            self.posted.borrow_mut().push(request);
            (self.hook_status.get(), String::new())
        };
        let answer = OutboundResponse {
            status,
            content_type: None,
            retry_after: None,
            location: None,
            body: body.into_bytes(),
        };
        let broken = || Err(NetworkFailure::Broken("https://hooks.example/a-secret".to_owned()));
        ready(if status == 0 { broken() } else { Ok(answer) }).boxed_local()
    }

    fn sleep(&self, _duration: Duration) -> LocalBoxFuture<'static, ()> {
        ready(()).boxed_local()
    }

    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    fn uuid(&self) -> String {
        String::new()
    }
}

impl Store for Scene {
    fn get(&self) -> LocalBoxFuture<'_, Result<Option<String>, String>> {
        let kept = self.kept.borrow().clone();
        ready(if self.store_fails.get() { Err("it fails".to_owned()) } else { Ok(kept) })
            .boxed_local()
    }

    fn put(&self, text: String) -> LocalBoxFuture<'_, Result<(), String>> {
        self.puts.set(self.puts.get().saturating_add(1));
        if self.puts_fail.get() {
            return ready(Err("it is full".to_owned())).boxed_local();
        }
        *self.kept.borrow_mut() = Some(text);
        ready(Ok(())).boxed_local()
    }
}

impl Scene {
    fn new() -> Self {
        let scene = Self::default();
        scene.api_status.set(200);
        scene.hook_status.set(204);
        scene
    }

    fn look(&self) -> Result<usize, LookError> {
        self.now_ms.set(self.now_ms.get().saturating_add(300_000));
        let settings = Settings {
            api_url: "https://api.example/client/v4".to_owned(),
            account: Secret::new("an-account"),
            token: Secret::new("a-token"),
            dataset: "points".to_owned(),
            webhook_url: Secret::new("https://hooks.example/a-secret"),
            key: WebhookKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap(),
            thresholds: Thresholds::default(),
            environment: "production".to_owned(),
        };
        pollster::block_on(look(self, self, &settings))
    }
}

#[test]
fn an_incident_is_one_message_and_its_end_another() {
    let scene = Scene::new();
    assert_eq!(scene.look(), Ok(0));
    assert_eq!(scene.puts.get(), 0, "nothing is written while nothing happens");
    scene.rate_limit.set(900);
    assert_eq!((0..10).map(|_| scene.look().unwrap()).sum::<usize>(), 1);
    assert_eq!(scene.puts.get(), 1);
    scene.rate_limit.set(0);
    assert_eq!((0..10).map(|_| scene.look().unwrap()).sum::<usize>(), 1);
    let posted = scene.posted.borrow();
    assert_eq!(posted.len(), 2);
    assert!(posted[0].body.as_ref().unwrap().contains("alarm.begun"));
    assert!(posted[1].body.as_ref().unwrap().contains("alarm.over"));
    let asked = &scene.asked.borrow()[0];
    assert_eq!(asked.url, "https://api.example/client/v4/accounts/an-account/analytics_engine/sql");
}

#[test]
fn a_message_that_did_not_arrive_is_posted_again_and_the_failure_shows_no_address() {
    let scene = Scene::new();
    scene.rate_limit.set(900);
    for status in [500, 302, 0] {
        scene.hook_status.set(status);
        let error = scene.look().unwrap_err();
        assert!(matches!(error, LookError::Message(_)), "{error}");
        assert!(!error.to_string().contains("a-secret"), "{error}");
    }
    scene.hook_status.set(200);
    assert_eq!((scene.look(), scene.look()), (Ok(1), Ok(0)));
    let posted = scene.posted.borrow();
    assert_eq!(posted.len(), 4);
    assert!(posted.iter().all(|again| id(again) == id(&posted[0])), "the receiver knows it again");
}

fn id(request: &OutboundRequest) -> String {
    request.headers.iter().find(|(name, _)| *name == "webhook-id").unwrap().1.clone()
}

#[test]
fn an_incident_that_could_not_be_kept_is_posted_again_under_its_id_and_the_next_one_under_another()
{
    let scene = Scene::new();
    scene.rate_limit.set(900);
    scene.puts_fail.set(true);
    for _ in 0..3 {
        assert!(matches!(scene.look(), Err(LookError::Store("kept", _))));
    }
    scene.puts_fail.set(false);
    assert_eq!(scene.look(), Ok(1));
    scene.rate_limit.set(0);
    assert_eq!((0..3).map(|_| scene.look().unwrap()).sum::<usize>(), 1, "it is over");
    scene.rate_limit.set(900);
    assert_eq!(scene.look(), Ok(1), "the next one, in the same hour");
    let ids: Vec<_> = scene.posted.borrow().iter().map(id).collect();
    assert!(ids[..4].iter().all(|again| *again == ids[0]), "the receiver knows it again: {ids:?}");
    assert!(ids[4] != ids[0] && ids[5] != ids[0] && ids[5] != ids[4], "{ids:?}");
}

#[test]
fn without_the_numbers_or_the_incidents_nothing_is_posted() {
    let scene = Scene::new();
    scene.rate_limit.set(900);
    scene.api_status.set(403);
    assert!(matches!(scene.look(), Err(LookError::Numbers(_))));
    scene.api_status.set(200);
    scene.store_fails.set(true);
    assert!(matches!(scene.look(), Err(LookError::Store("read", _))));
    assert!(scene.posted.borrow().is_empty() && scene.puts.get() == 0);
    scene.store_fails.set(false);
    assert_eq!(scene.look(), Ok(1));
}
