//! Runs tools in unit tests, against a Cloudflare that answers as it is told.

use std::{cell::RefCell, rc::Rc};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_auth::{principal::Principal, secret::Secret};
use mcp_platform::record::Record as _;
use mcp_protocol::content::ContentBlock;
use mcp_server::{
    client_request::Stop,
    context::Context,
    stages::Stages,
    testing::{FakePlatform, ScriptedResponse, json as answer},
};
use serde_json::{Value, json, value::to_raw_value};

use crate::{
    Infrastructure,
    api::Settings,
    bound::Ask,
    host::{BindingError, Host, ObjectAnswer, ObjectMessage},
    manifest::{Kind, SAMPLE},
    service::InfrastructureService,
    state::{Request, StageState},
};

/// The account of every call.
pub(crate) const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";
/// The id of whatever has one that must not come out.
pub(crate) const ID: &str = "6b29fc40-ca47-1067-b31d-00dd010662da";
/// A version of a Worker.
pub(crate) const V1: &str = "11111111-0000-4000-8000-000000000001";
/// Another one.
pub(crate) const V2: &str = "22222222-0000-4000-8000-000000000002";

/// What the server around the toolset has in a test.
pub(crate) struct Around {
    pub(crate) settings: Settings,
    pub(crate) own_stage: Option<String>,
    pub(crate) answer: Result<ObjectAnswer, BindingError>,
    /// Messages as `APP_CHAT room /message {…}`.
    pub(crate) sent: Vec<String>,
    /// What is bound, and what it answers.
    pub(crate) bound: Vec<(Kind, &'static str)>,
    pub(crate) answers: Rc<Answers>,
    /// What was asked, as `APP_DB rows {…}`.
    pub(crate) asked: Vec<String>,
    /// The server's own key for cursors.
    pub(crate) cursor_key: Option<Secret>,
}

/// What is bound, as a test has it.
pub(crate) type Answers = dyn Fn(Ask<'_>) -> Result<Value, BindingError>;

/// Binds something of this kind, and lets it answer so. Nothing is set for the way by Cloudflare's API.
pub(crate) fn bind(
    kind: Kind,
    binding: &'static str,
    answers: impl Fn(Ask<'_>) -> Result<Value, BindingError> + 'static,
) {
    with(|around| {
        around.settings = Settings::default();
        around.bound.push((kind, binding));
        around.answers = Rc::new(answers);
    });
}

/// An account with its tokens.
pub(crate) fn settings() -> Settings {
    Settings {
        url: "https://api.cloudflare.test/client/v4".into(),
        account: Some(Secret::new(ACCOUNT)),
        token: Some(Secret::new("changes-it")),
        read_token: Some(Secret::new("only-reads")),
        workflows_token: None,
    }
}

fn around() -> Around {
    Around {
        settings: settings(),
        own_stage: Some("staging".into()),
        answer: Ok(ObjectAnswer { status: 200, text: r#"{"heard":true}"#.into() }),
        sent: Vec::new(),
        bound: Vec::new(),
        answers: Rc::new(|_| Ok(Value::Null)),
        asked: Vec::new(),
        cursor_key: Some(Secret::new("the-servers-own-key")),
    }
}

thread_local!(static AROUND: RefCell<Around> = RefCell::new(around()));

/// Changes what this thread's server has.
pub(crate) fn with<T>(change: impl FnOnce(&mut Around) -> T) -> T {
    AROUND.with_borrow_mut(change)
}

struct TestHost;

impl Host for TestHost {
    fn settings(&self) -> Rc<Settings> {
        with(|around| Rc::new(around.settings.clone()))
    }

    fn own_stage(&self) -> Option<String> {
        with(|around| around.own_stage.clone())
    }

    fn cursor_key(&self) -> Option<Secret> {
        with(|around| around.cursor_key.clone())
    }

    fn is_bound(&self, kind: Kind, binding: &str) -> bool {
        with(|around| around.bound.contains(&(kind, binding)))
    }

    fn ask<'a>(
        &'a self,
        binding: &'a str,
        ask: Ask<'a>,
    ) -> LocalBoxFuture<'a, Result<Value, BindingError>> {
        let answers = with(|around| {
            around.asked.push(format!("{binding} {} {}", ask.name(), ask.values()));
            around.answers.clone()
        });
        ready(answers(ask)).boxed_local()
    }

    fn send<'a>(
        &'a self,
        message: ObjectMessage<'a>,
    ) -> LocalBoxFuture<'a, Result<ObjectAnswer, BindingError>> {
        let ObjectMessage { binding, object, path, body, .. } = message;
        let answer = with(|around| {
            around.sent.push(format!("{binding} {object} {path} {body}"));
            around.answer.clone()
        });
        ready(answer).boxed_local()
    }
}

/// The toolset with the sample's stages, and the one of a server without any.
pub(crate) static SHOP: Infrastructure = Infrastructure::new(SAMPLE, &TestHost);
pub(crate) static NOTHING: Infrastructure = Infrastructure::new("", &TestHost);

/// The toolset with the stages of another manifest.
pub(crate) fn toolset(manifest: &'static str) -> Infrastructure {
    Infrastructure::new(manifest, &TestHost)
}

/// A success.
pub(crate) fn ok(result: Value) -> ScriptedResponse {
    answer(200, json!({"success": true, "errors": [], "messages": [], "result": result}))
}

/// A page of a list with a cursor.
pub(crate) fn page(result: Value, info: Value) -> ScriptedResponse {
    let body = json!({"success": true, "errors": [], "result": result, "result_info": info});
    answer(200, body)
}

/// A refusal with a code.
pub(crate) fn refused(status: u16, code: i64, message: &str) -> ScriptedResponse {
    let errors = json!([{"code": code, "message": message}]);
    answer(status, json!({"success": false, "errors": errors, "messages": [], "result": null}))
}

/// Deployments, newest first: an id, and the versions with their shares.
pub(crate) fn deployments(all: &[(&str, &[(&str, u64)])]) -> ScriptedResponse {
    let share =
        |(id, percentage): &(&str, u64)| json!({"version_id": id, "percentage": percentage});
    let one = |(id, versions): &(&str, &[(&str, u64)])| {
        let versions: Vec<Value> = versions.iter().map(share).collect();
        json!({"id": id, "created_on": "2026-11-20T08:00:00Z", "versions": versions,
               "annotations": {"workers/message": "m"}})
    };
    ok(json!({ "deployments": all.iter().map(one).collect::<Vec<_>>() }))
}

/// The versions of a Worker.
pub(crate) fn versions() -> ScriptedResponse {
    let one = |(id, tag): (&str, &str)| {
        json!({"id": id, "number": 1, "metadata": {"created_on": "2026-11-20T08:00:00Z"},
               "annotations": {"workers/tag": tag}})
    };
    ok(json!({ "items": [one((V2, "v2")), one((V1, "v1"))] }))
}

/// A result as tests look at it.
pub(crate) struct Seen {
    pub(crate) is_error: bool,
    pub(crate) text: String,
    pub(crate) data: Value,
    /// The requests, below the account.
    pub(crate) lines: Vec<String>,
    pub(crate) platform: Rc<FakePlatform>,
}

/// Calls a tool of the sample's toolset, where the client cannot ask.
pub(crate) fn call(
    script: impl IntoIterator<Item = ScriptedResponse>,
    tool: &str,
    arguments: Value,
) -> Seen {
    let platform = FakePlatform::new(script);
    let ctx = context(&platform);
    call_in(platform, &ctx, tool, arguments)
}

/// A caller's context, with records of stages in which nothing was made.
pub(crate) fn context(platform: &Rc<FakePlatform>) -> Context {
    Context { stages: Some(Rc::new(Untouched)), ..platform.context() }
}

/// The objects of stages that nothing was ever applied to.
struct Untouched;

impl Stages for Untouched {
    fn ask(&self, stage: &str, request: String) -> LocalBoxFuture<'static, Result<String, String>> {
        let request = Request::from_json(&request).unwrap();
        let answer = StageState::new(stage).handle(request, 0);
        ready(Ok(answer.to_json())).boxed_local()
    }
}

/// The same as another caller.
pub(crate) fn call_as(principal: Principal, tool: &str, arguments: Value) -> Seen {
    let platform = FakePlatform::new([]);
    let ctx = Context { principal: Rc::new(principal), ..context(&platform) };
    call_in(platform, &ctx, tool, arguments)
}

/// The same in a context.
pub(crate) fn call_in(
    platform: Rc<FakePlatform>,
    ctx: &Context,
    tool: &str,
    arguments: Value,
) -> Seen {
    let raw = to_raw_value(&arguments).unwrap();
    let result = pollster::block_on(SHOP.called(ctx, tool, Some(&raw)));
    let result = result.unwrap_or_else(Stop::into_result);
    let [ContentBlock::Text { text }] = result.content.as_slice() else {
        panic!("not one text: {:?}", result.content);
    };
    assert_eq!(result.is_error, result.structured_content.is_none(), "{text}");
    if let Some(data) = &result.structured_content {
        fits(tool, data);
    }
    let below = format!("https://api.cloudflare.test/client/v4/accounts/{ACCOUNT}/");
    let line = |it: &mcp_platform::OutboundRequest| {
        format!("{:?} {}", it.method, it.url.trim_start_matches(&below))
    };
    let seen = Seen {
        is_error: result.is_error,
        text: text.clone(),
        data: result.structured_content.unwrap_or_default(),
        lines: platform.requests().iter().map(line).collect(),
        platform,
    };
    let shown = format!("{} {}", seen.text, seen.data);
    for secret in [ACCOUNT, ID, "changes-it", "only-reads"] {
        assert!(!shown.contains(secret), "{tool} shows {secret}: {shown}");
    }
    seen
}

/// The data fit what the tool promised.
fn fits(tool: &str, data: &Value) {
    let definition = catalogue::find::<InfrastructureService>(tool).unwrap().definition;
    let definition: Value = serde_json::from_str(definition).unwrap();
    let schema = jsonschema::validator_for(&definition["outputSchema"]).unwrap();
    let wrong: Vec<String> = schema.iter_errors(data).map(|e| e.to_string()).collect();
    assert!(wrong.is_empty(), "{tool}: {wrong:?}: {data}");
}

impl Seen {
    /// It succeeded.
    #[track_caller]
    pub(crate) fn good(self) -> Self {
        assert!(!self.is_error, "{} {:?}", self.text, self.lines);
        self
    }

    /// It failed with these words.
    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.is_error && self.text.contains(words), "no {words:?}: {}", self.text);
        self
    }

    /// Nothing was sent.
    #[track_caller]
    pub(crate) fn unsent(self) -> Self {
        assert!(self.lines.is_empty(), "{}: {:?}", self.text, self.lines);
        self
    }
}
