//! People of several stacks before one upstream, of which one stack is down.

use std::time::Duration;

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_auth::secret::Secret;
use mcp_platform::{
    Platform as _,
    testing::{ScriptedStream, VirtualPlatform},
};
use serde_json::{Value, json};

use super::{
    tests::{answer, caller, list, tools},
    *,
};
use crate::{
    connect::{Connections, Page, Unconnected},
    testing::{self, FakePins},
};

/// The first person is at one stack, all others are at another.
pub(super) struct AtStacks;

const US: &str = "keboola.com";
const EU: &str = "eu-central-1.keboola.com";

impl Connections for AtStacks {
    fn find<'a>(
        &'a self,
        ctx: &'a Context,
        upstream: &'a Upstream,
    ) -> LocalBoxFuture<'a, Result<Connected, Unconnected>> {
        let stack = if ctx.principal.subject.0[0] == 1 { US } else { EU };
        let connected = Connected::new(Secret::new("a key"), stack, upstream);
        ready(Ok(connected.at(Some(stack), upstream))).boxed_local()
    }

    fn refused<'a>(
        &'a self,
        ctx: &'a Context,
        upstream: &'a Upstream,
        _refused: &'a Connected,
    ) -> LocalBoxFuture<'a, Result<Connected, Unconnected>> {
        self.find(ctx, upstream)
    }

    fn given_up<'a>(
        &'a self,
        _ctx: &'a Context,
        _upstream: &'a Upstream,
        _refused: &'a Connected,
    ) -> LocalBoxFuture<'a, Unconnected> {
        ready(Unconnected::Refused).boxed_local()
    }

    fn page(&self, _ctx: &Context, _upstream: &Upstream) -> Option<Page> {
        None
    }
}

fn door() -> Door {
    let settings = json!({ "template": "keboola", "timeouts": { "lists": 2 } });
    let pins = Rc::<FakePins>::default();
    let door = testing::door("", ("keboola", &settings), pins);
    Door { connections: Rc::new(AtStacks), ..door }
}

fn breakers(door: &Door, platform: &Rc<VirtualPlatform>) -> (Value, Value) {
    let upstream = door.upstreams.get("keboola").unwrap();
    let shown = status::summary(upstream, &door.memory, platform.now_ms()).end();
    let mut shown: Value = serde_json::from_str(&shown).unwrap();
    (shown["breaker"].take(), shown["breakers"].take())
}

#[test]
fn a_stack_that_is_down_closes_no_other() {
    // A list is asked for once more after a 5xx, and two seconds are waited for one that does not come.
    let fails = || ScriptedStream::status(503);
    for (down, requests, took) in [(fails as fn() -> _, 10, 0), (ScriptedStream::silent, 5, 10)] {
        let took = Duration::from_secs(took);
        let script = (0..requests).map(|_| down()).chain([answer(took, &tools(&["get_jobs"]))]);
        let platform = VirtualPlatform::new(script);
        let (door, us, eu) = (door(), caller(&platform, 1), caller(&platform, 2));
        for _ in 0..7 {
            list(&door, &platform, &us);
        }
        assert_eq!((platform.requests().len(), platform.elapsed()), (requests, took));
        assert_eq!(breakers(&door, &platform), (json!("open"), json!({ US: "open" })));
        assert_eq!(list(&door, &platform, &eu).0, ["keboola_get_jobs"]);
        let sent = platform.requests().pop().unwrap();
        assert_eq!(sent.header("x-storageapi-url"), Some(&*format!("https://connection.{EU}")));
        // The other stack answered, which says nothing of this one.
        list(&door, &platform, &us);
        assert_eq!(platform.requests().len(), requests + 1);
    }
}
