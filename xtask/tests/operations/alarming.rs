//! The alarms, over the stand-in's Analytics Engine and a receiver.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alarms::{
    rule::Thresholds,
    watch::{LookError, Settings, Store, look},
    webhook::WebhookKey,
};
use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_auth::secret::Secret;
use mcp_platform::{NetworkFailure, OutboundRequest, OutboundResponse, Platform};
use sandbox::cloudflare::{ACCOUNT, Cloudflare, DataPoint, Options, token};
use xtask::operations::api::{agent, exchange};

const DATASET: &str = "sitebay_mcp_staging";
const HOOK: &str = "https://hooks.example.com/alarms";

/// The network of this machine. What goes to the receiver stays here.
#[derive(Default)]
struct Native {
    posted: Rc<RefCell<Vec<String>>>,
    passed_ms: Cell<u64>,
}

impl Platform for Native {
    fn fetch(
        &self,
        request: OutboundRequest,
    ) -> LocalBoxFuture<'static, Result<OutboundResponse, NetworkFailure>> {
        let (status, body) = if request.url == HOOK {
            self.posted.borrow_mut().push(request.body.unwrap_or_default());
            (204, String::new())
        } else {
            let headers = request.headers;
            exchange(&agent(request.timeout), "POST", &request.url, &headers, request.body).unwrap()
        };
        let answer = OutboundResponse {
            status,
            content_type: None,
            retry_after: None,
            location: None,
            body: body.into_bytes(),
        };
        ready(Ok(answer)).boxed_local()
    }

    fn sleep(&self, _duration: Duration) -> LocalBoxFuture<'static, ()> {
        ready(()).boxed_local()
    }

    fn now_ms(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        u64::try_from(now).unwrap() + self.passed_ms.get()
    }

    fn uuid(&self) -> String {
        String::new()
    }
}

#[derive(Default)]
struct Kept(RefCell<Option<String>>);

impl Store for Kept {
    fn get(&self) -> LocalBoxFuture<'_, Result<Option<String>, String>> {
        ready(Ok(self.0.borrow().clone())).boxed_local()
    }

    fn put(&self, text: String) -> LocalBoxFuture<'_, Result<(), String>> {
        *self.0.borrow_mut() = Some(text);
        ready(Ok(())).boxed_local()
    }
}

fn write(cloudflare: &Cloudflare, status: f64, outcome: &str, count: u32) {
    let mut blobs = vec![String::new(); 15];
    (blobs[1], blobs[5]) = ("request".to_owned(), outcome.to_owned());
    let doubles = vec![1.0, 1.0, status];
    let point = DataPoint { blobs, doubles, count, ..DataPoint::default() };
    cloudflare.write_points(DATASET, &[point]).unwrap();
}

/// §h 31. Each look is five minutes after the one before.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_refusals_are_one_message_and_their_end_is_another() {
    let cloudflare =
        Cloudflare::start(Options { frozen: true, ..Options::default() }).await.unwrap();
    let (native, kept) = (Native::default(), Kept::default());
    let settings = Settings {
        api_url: cloudflare.api_url(),
        account: Secret::new(ACCOUNT),
        token: Secret::new(token("analytics")),
        dataset: DATASET.to_owned(),
        webhook_url: Secret::new(HOOK),
        key: WebhookKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap(),
        thresholds: Thresholds::default(),
        environment: "staging".to_owned(),
    };
    let next = || {
        native.passed_ms.set(native.passed_ms.get() + 300_000);
        cloudflare.advance(Duration::from_secs(300));
        tokio::task::block_in_place(|| pollster::block_on(look(&native, &kept, &settings)))
    };
    assert_eq!(next(), Ok(0));
    write(&cloudflare, 200.0, "done", 1_000);
    write(&cloudflare, 429.0, "rate-limit", 1_000);
    write(&cloudflare, 401.0, "no-credential", 1_000);
    // They are in the window of 15 minutes for more than one look.
    let posted: Vec<_> = (0..10).map(|_| next().unwrap()).collect();
    assert_eq!(posted.iter().sum::<usize>(), 2, "{posted:?}");
    let messages = native.posted.borrow().clone();
    assert!(messages[0].contains(r#""type":"alarm.begun""#), "{messages:?}");
    assert!(messages[0].contains(r#""alarm":"rate-limit""#), "{messages:?}");
    assert!(messages[1].contains(r#""type":"alarm.over""#), "{messages:?}");
    write(&cloudflare, 200.0, "done", 90);
    write(&cloudflare, 503.0, "object-failed", 10);
    assert_eq!(next(), Ok(2), "5xx and objects");
    let wrong = Settings { token: Secret::new(token("nothing")), ..settings.clone() };
    let refused = tokio::task::block_in_place(|| pollster::block_on(look(&native, &kept, &wrong)));
    assert!(matches!(refused, Err(LookError::Numbers(_))), "{refused:?}");
}
