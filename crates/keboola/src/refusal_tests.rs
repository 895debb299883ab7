//! Tokens that Keboola refuses.

use std::{cell::Cell, rc::Rc};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_server::{context::Context, remote::KeyError, toolset::Toolset as _};
use serde_json::{Value, json, value::to_raw_value};

use crate::{
    Connection, Connections, Keboola,
    testing::{Connected, FakeKeboola, fails},
};

thread_local!(static REFUSED: Cell<usize> = const { Cell::new(0) });

/// Connections that count what is refused.
struct Counting;

impl Connections for Counting {
    fn connection<'a>(
        &'a self,
        ctx: &'a Context,
    ) -> LocalBoxFuture<'a, Result<Option<Connection>, KeyError>> {
        Connected.connection(ctx)
    }

    fn refused<'a>(
        &'a self,
        _ctx: &'a Context,
        _connection: &'a Connection,
    ) -> LocalBoxFuture<'a, ()> {
        REFUSED.with(|refused| refused.set(refused.get().saturating_add(1)));
        ready(()).boxed_local()
    }
}

static KEBOOLA: Keboola = Keboola::new(&Counting);

/// Calls a tool; how often the token was refused by then.
fn called(fake: &Rc<FakeKeboola>, tool: &str, arguments: Value) -> usize {
    let arguments = to_raw_value(&arguments).unwrap();
    let tool = KEBOOLA.find(tool).unwrap();
    let result = pollster::block_on(KEBOOLA.call(&fake.context(), tool, Some(&arguments)));
    assert!(result.unwrap().is_error);
    REFUSED.with(Cell::get)
}

fn refuses(fake: &FakeKeboola, route: &str) {
    fake.clear(route);
    fake.on(route, 401, json!({ "error": "Invalid access token" }));
}

const VERIFY: &str = "Get connection /v2/storage/tokens/verify";

#[test]
fn a_token_that_storage_refuses_is_given_back() {
    let fake = FakeKeboola::new();
    refuses(&fake, VERIFY);
    assert_eq!(called(&fake, "keboola_get_buckets", json!({})), 1);
}

#[test]
fn an_answer_without_a_project_opens_nothing() {
    for odd in [json!({}), json!([]), json!({"id": "44", "owner": {"name": "Sales", "id": null}})] {
        let fake = FakeKeboola::new();
        fake.clear(VERIFY);
        fake.on(VERIFY, 200, odd.clone());
        let why = fails(&fake, "keboola_get_buckets", json!({}));
        assert!(why.contains("not a token with its project"), "{odd}: {why}");
        assert!(fake.lines().is_empty(), "{:?}", fake.lines());
    }
}

#[test]
fn a_change_asks_first_whether_the_token_is_still_good() {
    let fake = FakeKeboola::new();
    let before = called(&fake, "keboola_get_buckets", json!({}));
    assert_eq!(before, 0, "it is known to be good, and the list is not there");
    refuses(&fake, VERIFY);
    let arguments = json!({
        "name": "n", "description": "d", "component_id": "ex", "parameters": { "#password": "p" },
    });
    assert_eq!(called(&fake, "keboola_create_config", arguments), 1);
    let lines = fake.lines();
    assert!(lines.iter().all(|line| line.starts_with("Get ")), "nothing is sent: {lines:?}");
}

#[test]
fn another_service_that_refuses_it_has_storage_asked_again() {
    let fake = FakeKeboola::new();
    let jobs = "Get queue /search/jobs";
    refuses(&fake, jobs);
    assert_eq!(called(&fake, "keboola_get_jobs", json!({})), 0);
    assert_eq!(fake.count(VERIFY), 1);
    assert_eq!(called(&fake, "keboola_get_jobs", json!({})), 0);
    assert_eq!(fake.count(VERIFY), 2);
}
