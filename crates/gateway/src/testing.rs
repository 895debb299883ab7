//! Doors before one upstream, for tests.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_auth::keys::Keyring;
use mcp_client::headers::Trail;
use serde_json::{Value, json};

use crate::{
    address::Surroundings,
    config::{Rules, Upstreams},
    connect::NoConnections,
    door::{Door, Place},
    forwarded::Forwarded,
    pin_store::{PinStore, PinsAnswer, PinsRequest},
    pins::Pins,
    relay::place::{FrameBody, ObjectRequest, UpstreamObjects},
};

/// No object is there: the upstreams are stateless.
pub(crate) struct NoObjects;

impl UpstreamObjects for NoObjects {
    fn send(
        &self,
        upstream: &str,
        _request: ObjectRequest,
    ) -> LocalBoxFuture<'static, Result<FrameBody, String>> {
        ready(Err(format!("no object of {upstream}"))).boxed_local()
    }
}

/// Pins in memory.
#[derive(Default)]
pub(crate) struct FakePins {
    /// By their names.
    pub(crate) pins: RefCell<BTreeMap<String, Pins>>,
    /// How often they were asked.
    pub(crate) asked: Cell<u32>,
    /// Whether they cannot be asked.
    pub(crate) fail: Cell<bool>,
}

impl PinStore for FakePins {
    fn ask(
        &self,
        pins: &str,
        request: PinsRequest,
    ) -> LocalBoxFuture<'static, Result<PinsAnswer, String>> {
        self.asked.set(self.asked.get().saturating_add(1));
        let answer = match self.fail.get() {
            true => Err("away".to_owned()),
            false => {
                Ok(self.pins.borrow_mut().entry(pins.to_owned()).or_default().answer(request).0)
            }
        };
        ready(answer).boxed_local()
    }
}

/// The door of this name before one upstream with these settings, and with pins in this place.
pub(crate) fn door(
    name: &str,
    (upstream, settings): (&str, &Value),
    pins: Rc<dyn PinStore>,
) -> Door {
    let url = format!("https://{upstream}.example/mcp");
    let mut all = json!({ "url": url, "era": "stateless" });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let rules =
        Rules { reserved: &[], surroundings: Surroundings::default(), secret: &|_: &str| None };
    let upstreams = Upstreams::read(Some(&json!({ upstream: all }).to_string()), &rules);
    assert!(upstreams.errors.is_empty(), "{:?}", upstreams.errors);
    Door {
        upstreams: Rc::new(upstreams),
        name: name.to_owned(),
        place: Place::Worker(Rc::new(NoObjects)),
        memory: Rc::default(),
        pins,
        trail: Trail::of(None, "own").unwrap(),
        passed: None,
        forwarded: Forwarded::default(),
        keys: Rc::new(Keyring::parse(&"k".repeat(40)).unwrap()),
        may_use: |_, _| true,
        connections: Rc::new(NoConnections),
        natives: |_| None,
    }
}
