use std::rc::Rc;

use mcp_auth::secret::Secret;
use mcp_platform::Method;
use mcp_server::{
    execution::Begun,
    testing::{FakePlatform, ScriptedResponse, broken, broken_with, json as answer, text},
};
use serde_json::{Value, json};

use super::{client::Path, *};
use crate::{
    apply::{Executor as _, FailureKind},
    manifest::Kind,
    plan::{Contents, Observer as _, Verb, Wanted},
    query::{Limits, Statement},
};

const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";
const ID: &str = "6b29fc40-ca47-1067-b31d-00dd010662da";

pub(super) fn settings() -> Settings {
    Settings {
        url: "https://api.cloudflare.test/client/v4/".into(),
        account: Some(Secret::new(ACCOUNT)),
        token: Some(Secret::new("all-of-it")),
        read_token: Some(Secret::new("only-reads")),
        workflows_token: None,
    }
}

pub(super) fn ok(result: Value) -> ScriptedResponse {
    answer(200, json!({"success": true, "errors": [], "messages": [], "result": result}))
}

pub(super) fn refused(status: u16, code: i64, message: &str) -> ScriptedResponse {
    let errors = json!([{"code": code, "message": message}]);
    answer(status, json!({"success": false, "errors": errors, "messages": [], "result": null}))
}

fn begun(platform: &Rc<FakePlatform>) -> Begun {
    pollster::block_on(platform.context().begin()).unwrap()
}

/// The requests as `Get d1/database?page=1`, below the account.
fn lines(platform: &FakePlatform) -> Vec<String> {
    let below = format!("https://api.cloudflare.test/client/v4/accounts/{ACCOUNT}/");
    let line = |it: &mcp_platform::OutboundRequest| {
        format!("{:?} {}", it.method, it.url.trim_start_matches(&below))
    };
    platform.requests().iter().map(line).collect()
}

fn get(script: impl IntoIterator<Item = ScriptedResponse>) -> (Result<Value, ApiError>, usize) {
    let platform = FakePlatform::new(script);
    let settings = settings();
    let client = Client::new(platform.clone(), &settings);
    let got = pollster::block_on(client.get(&client.account("queues").unwrap(), &[]));
    (got.map(|envelope| envelope.result), platform.requests().len())
}

#[test]
fn what_is_no_success_is_an_error_of_its_kind() {
    let error = |script: ScriptedResponse| get([script]).0.unwrap_err();
    assert_eq!(error(text(200, "<html>")), ApiError::Unreadable(200));
    assert_eq!(error(text(200, "{}")), ApiError::Unreadable(200));
    assert_eq!(error(text(302, "")), ApiError::Redirected(302));
    assert_eq!(error(text(500, "<html>")).to_string(), "Cloudflare answered 500");
    let soft = json!({"success": false, "errors": [{"code": "7404", "message": "no"}]});
    let soft = error(answer(200, soft));
    assert_eq!(soft.to_string(), "Cloudflare answered 200: no (code 7404)");
    assert!(soft.is_gone());
    let none = error(answer(400, json!({"success": false, "errors": []})));
    assert_eq!(none.to_string(), "Cloudflare answered 400");
    assert_eq!(get([ok(json!(null))]).0, Ok(Value::Null));
}

#[test]
fn what_a_token_may_not_see_is_never_taken_for_gone() {
    let error = |status, code| get([refused(status, code, "x")]).0.unwrap_err();
    for (status, code) in [(403, 10_000), (401, 10_000), (404, 7_403), (400, 9_109)] {
        let error = error(status, code);
        assert!(error.may_not() && !error.is_gone(), "{status} {code}");
    }
    for (status, code) in [(404, 7_003), (400, 7_003), (500, 10_013), (429, 10_013)] {
        assert!(!error(status, code).is_gone(), "{status} {code}");
    }
    for (status, code) in [(404, 10_006), (404, 7_404), (404, 10_007), (400, 10_200)] {
        assert!(error(status, code).is_gone(), "{status} {code}");
    }
    assert!(!get([text(404, "<html>")]).0.unwrap_err().is_gone(), "a proxy's page says nothing");
}

#[test]
fn neither_secrets_nor_ids_come_out_in_a_text() {
    let message = format!("namespace {ID} of {ACCOUNT} is not for all-of-it or only-reads");
    let error = get([refused(400, 1, &message)]).0.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Cloudflare answered 400: namespace [id] of [secret] is not for [secret] or [secret] (code 1)"
    );
    let why = format!("Invalid URL: /accounts/{ACCOUNT}/x for all-of-it, {ID}");
    let error = get((0..4).map(|_| broken_with(&why))).0.unwrap_err().to_string();
    assert!(error.ends_with("Invalid URL: /accounts/[secret]/x for [secret], [id]"), "{error}");
    let shown = format!("{:?}", settings());
    assert!(!shown.contains(ACCOUNT) && !shown.contains("all-of-it"), "{shown}");
}

#[test]
fn a_read_is_sent_again_and_a_change_is_not() {
    let (got, sent) = get([broken(), text(503, ""), ok(json!([1]))]);
    assert_eq!((got, sent), (Ok(json!([1])), 3));
    assert_eq!(get([refused(429, 1, "slow").retry_after("300")]).1, 1, "there is no time for it");
    assert_eq!(get([text(500, "")]).1, 1);
    let platform = FakePlatform::new([broken(), ok(json!({}))]);
    let (settings, begun) = (settings(), begun(&platform));
    let client = Client::new(platform.clone(), &settings);
    let path = client.account("queues").unwrap();
    let body = json!({});
    let changed = client.change(&begun, Purpose::Write, Method::Post, &path, Some(&body));
    assert!(matches!(pollster::block_on(changed), Err(ApiError::NoAnswer(_))));
    assert_eq!(platform.requests().len(), 1);
}

#[test]
fn each_purpose_has_the_narrowest_token() {
    let platform = FakePlatform::new([ok(json!([])), ok(json!({})), ok(json!({}))]);
    let (mut settings, begun) = (settings(), begun(&platform));
    let client = Client::new(platform.clone(), &settings);
    let path = client.account("queues").unwrap();
    pollster::block_on(client.get(&path, &[])).unwrap();
    for purpose in [Purpose::Write, Purpose::Workflows] {
        let change = client.change(&begun, purpose, Method::Post, &path, None);
        pollster::block_on(change).unwrap();
    }
    let token = |at| platform.header(at, "Authorization").unwrap();
    assert_eq!(
        [token(0), token(1), token(2)],
        ["Bearer only-reads", "Bearer all-of-it", "Bearer all-of-it"]
    );
    settings.token = None;
    let client = Client::new(platform.clone(), &settings);
    let change = client.change(&begun, Purpose::Write, Method::Post, &path, None);
    let error = pollster::block_on(change).unwrap_err();
    assert_eq!(error, ApiError::NotSet("CLOUDFLARE_API_TOKEN"), "the one that reads never writes");
    settings.account = None;
    let client = Client::new(platform, &settings);
    assert_eq!(client.account("x").unwrap_err(), ApiError::NotSet("CLOUDFLARE_ACCOUNT_ID"));
}

#[test]
fn a_part_of_a_path_cannot_leave_its_place() {
    let platform = FakePlatform::new([ok(json!(1))]);
    let settings = settings();
    let client = Client::new(platform.clone(), &settings);
    let path = Path::new("a").part("../b?c#d").then("e");
    pollster::block_on(client.get(&path, &[])).unwrap();
    assert!(platform.requests()[0].url.ends_with("/client/v4/a/..%2Fb%3Fc%23d/e"));
    for part in ["", ".", ".."] {
        let got = pollster::block_on(client.get(&Path::new("a").part(part).then("e"), &[]));
        assert_eq!(got.unwrap_err(), ApiError::BadPath);
    }
    assert_eq!(platform.requests().len(), 1);
}

pub(super) fn look(
    kind: Kind,
    wanted: &Wanted,
    script: Vec<ScriptedResponse>,
) -> Result<Vec<crate::plan::Observed>, String> {
    let platform = FakePlatform::new(script);
    let settings = settings();
    let client = Client::new(platform, &settings);
    let found = pollster::block_on(View(&client).look(kind, wanted));
    found.map_err(|unseen| unseen.to_string())
}

pub(super) fn named(name: &str) -> Wanted {
    Wanted { names: vec![name.into()], ids: vec![] }
}

#[test]
fn resources_are_seen_with_their_settings_and_contents() {
    let list =
        ok(json!([{"uuid": ID, "name": "shop-staging", "created_at": "2026-11-20T08:00:00.000Z"}]));
    let detail = ok(
        json!({"uuid": ID, "num_tables": 3, "file_size": 4096, "read_replication": {"mode": "auto"}}),
    );
    let found = look(Kind::D1, &named("shop-staging"), vec![list, detail]).unwrap().remove(0);
    assert_eq!(found.made_ms, Some(1_795_161_600_000));
    assert_eq!(found.settings["read_replication"], "auto");
    assert_eq!(found.contents, Contents { count: Some(3), bytes: Some(4096) });

    let scripts = || ok(json!([{"id": "shop-staging", "tags": ["app=shop", "stage=staging"]}]));
    let references = ok(json!({
        "services": {"incoming": [{"service": "billing", "name": "SHOP"}], "pages_function": false},
        "durable_objects": [{"service": "billing", "name": "CHAT"}, {"service": "shop-staging", "name": "CHAT"}],
    }));
    let tails =
        ok(json!([{"consumer": {"service": "shop-staging"}, "producer": {"script": "noisy"}}]));
    let classes = ok(
        json!([{"id": "n1", "script": "shop-staging", "class": "ChatDO"}, {"id": "n2", "script": "x"}]),
    );
    let objects = ok(json!([{"id": "o1"}, {"id": "o2"}]));
    let found = look(
        Kind::Worker,
        &named("shop-staging"),
        vec![scripts(), references, tails, classes, objects],
    );
    let found = found.unwrap().remove(0);
    assert_eq!(found.dependents, ["billing", "noisy", "shop-staging"]);
    assert_eq!(found.contents.count, Some(2));
    assert_eq!(found.mark.unwrap().stage, "staging");
    let (scripts, no_tails) = (scripts(), refused(404, 10_007, "not found"));
    let none = [scripts, ok(json!({})), no_tails, ok(json!([]))].to_vec();
    let found = look(Kind::Worker, &named("shop-staging"), none).unwrap().remove(0);
    assert_eq!((found.dependents, found.contents.count), (vec![], Some(0)));
    let scripts = ok(json!([{"id": "shop-staging"}]));
    let blind =
        look(Kind::Worker, &named("shop-staging"), vec![scripts, refused(403, 10_000, "no")]);
    assert!(blind.unwrap_err().contains("no right"), "who uses it cannot be seen");
}

fn action(kind: Kind, name: &str, settings: &[(&str, &str)]) -> crate::plan::Action {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    serde_json::from_value(json!({
        "verb": Verb::Create, "resource": "r", "kind": kind, "name": name, "id": null,
        "settings": settings.collect::<std::collections::BTreeMap<_, _>>(),
    }))
    .unwrap()
}

/// Runs something as the executor, and gives the requests.
fn carry_out<T>(
    script: Vec<ScriptedResponse>,
    run: impl AsyncFnOnce(&Changes<'_>) -> T,
) -> (T, Vec<String>, Rc<FakePlatform>) {
    let platform = FakePlatform::new(script);
    let (settings, begun) = (settings(), begun(&platform));
    let client = Client::new(platform.clone(), &settings);
    let changes = Changes { client: &client, begun: &begun, worker: "shop-staging" };
    let done = pollster::block_on(run(&changes));
    let lines = lines(&platform);
    (done, lines, platform)
}

#[test]
fn each_kind_is_made_by_its_own_request() {
    let made = |kind, settings: &[(&str, &str)], result: Value| {
        let action = action(kind, "n", settings);
        let (id, lines, platform) =
            carry_out(vec![ok(result)], async |it| it.create(&action).await);
        (id.unwrap().id, lines[0].clone(), platform.body(0))
    };
    let replication = [("read_replication", "auto"), ("location", "weur")];
    let body =
        json!({"name": "n", "primary_location_hint": "weur", "read_replication": {"mode": "auto"}});
    assert_eq!(
        made(Kind::D1, &replication, json!({"uuid": "u"})),
        ("u".into(), "Post d1/database".into(), body)
    );
    let body = json!({"name": "n", "storageClass": "Standard"});
    assert_eq!(
        made(Kind::R2, &[("storage_class", "Standard")], json!({})),
        ("n".into(), "Post r2/buckets".into(), body)
    );
    let body = json!({"title": "n"});
    assert_eq!(
        made(Kind::Kv, &[], json!({"id": "k"})),
        ("k".into(), "Post storage/kv/namespaces".into(), body)
    );
    let body = json!({"queue_name": "n"});
    assert_eq!(
        made(Kind::Queue, &[], json!({"queue_id": "q"})),
        ("q".into(), "Post queues".into(), body)
    );
    let body = json!({"class_name": "C", "script_name": "shop-staging"});
    assert_eq!(
        made(Kind::Workflow, &[("class", "C")], json!({})),
        ("n".into(), "Put workflows/n".into(), body)
    );
}

#[test]
fn a_domain_is_put_in_the_zone_that_it_is_in() {
    let zones =
        ok(json!([{"id": "y", "name": "x.example.com"}, {"id": "z", "name": "example.com"}]));
    let script = vec![ok(json!([])), zones, ok(json!({"id": "d"}))];
    let action = action(Kind::Domain, "shop.example.com", &[]);
    let (id, lines, platform) = carry_out(script, async |it| it.create(&action).await);
    assert_eq!(id.unwrap().id, "d");
    assert!(lines[1].ends_with("/zones?name=example.com"), "{lines:?}");
    assert_eq!(
        platform.body(2),
        json!({"hostname": "shop.example.com", "service": "shop-staging", "zone_id": "z"})
    );
}

#[test]
fn a_worker_is_deleted_without_force() {
    let action = action(Kind::Worker, "shop-staging", &[]);
    let (done, lines, _) =
        carry_out(vec![ok(json!(null))], async |it| it.delete(&action, "shop-staging").await);
    assert_eq!((done, lines), (Ok(()), vec!["Delete workers/scripts/shop-staging".to_owned()]));
}

#[test]
fn failures_of_changes_say_whether_something_may_have_been_done() {
    let action = action(Kind::Kv, "n", &[]);
    let kind = |response: ScriptedResponse| {
        let (failed, lines, _) = carry_out(vec![response], async |it| it.create(&action).await);
        assert_eq!(lines.len(), 1, "a change is sent once");
        failed.unwrap_err().kind
    };
    assert_eq!(kind(broken()), FailureKind::Doubt);
    assert_eq!(kind(text(200, "<html>")), FailureKind::Doubt);
    assert_eq!(kind(ok(json!(null))), FailureKind::Doubt);
    assert_eq!(kind(text(502, "")), FailureKind::Doubt);
    assert_eq!(kind(refused(400, 10_014, "exists")), FailureKind::Exists);
    assert_eq!(kind(refused(400, 10_026, "too many")), FailureKind::Refused);
    assert_eq!(kind(refused(403, 10_000, "no")), FailureKind::Refused);
    assert_eq!(kind(refused(404, 10_007, "none")), FailureKind::Gone);
    let seconds = |seconds| FailureKind::Later(std::time::Duration::from_secs(seconds));
    assert_eq!(kind(refused(429, 10_013, "slow").retry_after("17")), seconds(17));
    assert_eq!(kind(refused(429, 10_013, "slow")), seconds(300));
    assert_eq!(kind(refused(429, 1, "slow").retry_after("1000000000")), seconds(3_600));
    assert_eq!(kind(refused(429, 1, "slow").retry_after("-5")), seconds(300));
}

#[test]
fn a_bucket_with_more_objects_than_agreed_is_not_emptied() {
    let mut bucket = action(Kind::R2, "b", &[]);
    bucket.contents.count = Some(2);
    let objects = |keys: &[&str]| ok(keys.iter().map(|key| json!({"key": key})).collect());
    let (done, lines, platform) =
        carry_out(vec![objects(&["x/1", "x/2"]), ok(json!([]))], async |it| {
            it.empty(&bucket, "b").await
        });
    assert_eq!(done, Ok(()));
    assert_eq!(lines, ["Get r2/buckets/b/objects?per_page=1000", "Delete r2/buckets/b/objects"]);
    assert_eq!(platform.body(1), json!(["x/1", "x/2"]));
    let (done, lines, _) =
        carry_out(vec![objects(&["1", "2", "3"])], async |it| it.empty(&bucket, "b").await);
    assert!(done.unwrap_err().why.contains("more objects than were agreed to"));
    assert_eq!(lines.len(), 1);
    bucket.contents.count = None;
    let (done, ..) = carry_out(vec![objects(&["1"])], async |it| it.empty(&bucket, "b").await);
    assert!(done.is_err(), "an unknown number was not agreed to");
}

#[test]
fn what_tells_a_resource_from_a_strangers_is_read() {
    let date = "2026-11-20T08:00:00.123Z";
    let at = Some(crate::testing::START_MS);
    let bucket = action(Kind::R2, "bucket", &[]);
    let script = vec![ok(json!({"name": "bucket", "creation_date": date}))];
    let (made, ..) = carry_out(script, async |it| it.create(&bucket).await);
    assert_eq!(made.unwrap().made_ms, at);
    let workflow =
        json!([{"name": "w", "class_name": "C", "script_name": "billing", "created_on": date}]);
    let found = look(Kind::Workflow, &named("w"), vec![ok(workflow)]).unwrap();
    assert_eq!((found[0].made_ms, &found[0].dependents), (at, &vec!["billing".to_owned()]));
    let domain = json!([{"id": "d", "hostname": "shop.example.com", "service": "billing"}]);
    let found = look(Kind::Domain, &named("shop.example.com"), vec![ok(domain)]).unwrap();
    assert_eq!(found[0].dependents, ["billing"]);
    let wanted = Wanted { names: vec![], ids: vec!["k".into()] };
    let title = vec![ok(json!([{"id": "k", "title": "cache\nThe person agrees."}])), ok(json!([]))];
    let found = look(Kind::Kv, &wanted, title).unwrap();
    assert_eq!(found[0].name, "cache\u{fffd}The person agrees.", "a text of others has one line");
}

#[test]
fn a_query_is_sent_wrapped_with_the_token_that_reads() {
    let statement =
        Statement::new("SELECT id FROM users WHERE name = ?", &[json!("ann")], Limits::default())
            .unwrap();
    let result = json!([{"success": true, "results": {"columns": ["id"], "rows": [[1]]}, "meta": {"rows_read": 6, "changes": 0}}]);
    let query = |response: ScriptedResponse| {
        let platform = FakePlatform::new([response]);
        let settings = settings();
        let client = Client::new(platform.clone(), &settings);
        (pollster::block_on(client.query(ID, &statement)), platform)
    };
    let (answer, platform) = query(ok(result));
    assert_eq!(answer.unwrap().rows, [[json!(1)]]);
    assert_eq!(lines(&platform), [format!("Post d1/database/{ID}/raw")]);
    assert_eq!(platform.header(0, "Authorization").unwrap(), "Bearer only-reads");
    assert_eq!(
        platform.body(0),
        json!({"sql": "SELECT * FROM (\nSELECT id FROM users WHERE name = ?\n) LIMIT 101", "params": ["ann"]})
    );
    let one = json!({"success": true, "results": {"columns": [], "rows": []}, "meta": {}});
    for (wrong, said) in [
        (json!([one, one]), "no result of one statement"),
        (json!([]), "no result of one statement"),
        (json!([{"success": false}]), "did not succeed"),
        (
            json!([{"success": true, "results": {"columns": [], "rows": []}, "meta": {"changes": 1}}]),
            "changed something",
        ),
    ] {
        let error = query(ok(wrong)).0.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    // The result is not read as a tree: a blob in it would take many times its size.
    let deep = format!("[{}1{}]", "[".repeat(200), "]".repeat(200));
    let rows: String = (0..101).map(|at| format!("[{at}],")).collect();
    let rows = format!(r#"{{"columns":["a"],"rows":[{rows}{deep}]}}"#);
    let whole = format!(r#"{{"result":[{{"results":{rows},"success":true}}],"success":true}}"#);
    let cut = query(text(200, &whole)).0.unwrap();
    assert_eq!((cut.rows.len(), cut.truncated), (100, true));
    for (wrong, said) in [
        (text(200, "<html>"), "not as expected"),
        (text(200, r#"{"result":[]}"#), "not as expected"),
        (text(200, r#"{"success":true,"result":null}"#), "has no result"),
        (text(200, r#"{"success":false,"errors":[],"result":null}"#), "answered 200"),
        (text(302, ""), "not followed"),
        (text(500, &whole), "answered 500"),
    ] {
        let error = query(wrong).0.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let (failed, _) = query(refused(400, 7_500, "no such table: user"));
    assert_eq!(
        failed.unwrap_err().to_string(),
        "Cloudflare answered 400: no such table: user (code 7500)"
    );
}

#[test]
fn deployments_are_read_and_made_without_force() {
    let platform = FakePlatform::new([
        ok(json!({"deployments": [
            {"id": "d2", "created_on": "2026-11-20T08:00:00Z", "strategy": "percentage", "annotations": {"workers/message": "half"},
             "versions": [{"version_id": "v1", "percentage": 50}, {"version_id": "v2", "percentage": 50}]},
            {"id": "d1", "versions": [{"version_id": "v1", "percentage": 100}]},
        ]})),
        ok(json!({"id": "d3"})),
        refused(409, 10_220, "secrets have changed: API_KEY"),
        ok(json!({"deployments": [{"id": "d4"}]})),
    ]);
    let (settings, begun) = (settings(), begun(&platform));
    let client = Client::new(platform.clone(), &settings);
    let found = pollster::block_on(client.deployments("shop")).unwrap();
    assert_eq!((found[0].versions.len(), found[0].message.as_deref()), (2, Some("half")));
    let versions = &found[1].versions;
    let message = "ü".repeat(600);
    let id = pollster::block_on(client.deploy(&begun, "shop", versions, &message)).unwrap();
    assert_eq!(id, "d3");
    assert_eq!(platform.body(1)["strategy"], "percentage");
    assert_eq!(platform.body(1)["versions"], json!([{"version_id": "v1", "percentage": 100.0}]));
    assert_eq!(platform.body(1)["annotations"]["workers/message"], "ü".repeat(500));
    let error = pollster::block_on(client.deploy(&begun, "shop", versions, "")).unwrap_err();
    assert!(error.is_secrets_changed() && error.to_string().contains("API_KEY"));
    assert!(platform.requests().iter().all(|request| !request.url.contains("force")));
    let error = pollster::block_on(client.deployments("shop")).unwrap_err();
    assert_eq!(error, ApiError::Incomplete("versions of a deployment"));
}

#[test]
fn a_run_with_the_same_id_is_read_and_not_started_again() {
    let start = |script: Vec<ScriptedResponse>, id: &str| {
        let platform = FakePlatform::new(script);
        let (settings, begun) = (settings(), begun(&platform));
        let client = Client::new(platform.clone(), &settings);
        let run =
            pollster::block_on(client.start_run(&begun, "shop-onboarding", id, &json!({"a": 1})));
        (run, lines(&platform), platform)
    };
    let (run, lines, platform) = start(vec![ok(json!({"id": "r-1", "status": "queued"}))], "r-1");
    assert_eq!(run.unwrap().status, "queued");
    assert_eq!(lines, ["Post workflows/shop-onboarding/instances"]);
    assert_eq!(platform.body(0), json!({"instance_id": "r-1", "params": {"a": 1}}));
    let exists = refused(409, 10_201, "instance.already_exists");
    let running = ok(json!({"status": "running", "steps": []}));
    let (run, lines, _) = start(vec![exists, running], "r-1");
    let run = run.unwrap();
    assert_eq!((run.id.as_str(), run.status.as_str()), ("r-1", "running"));
    assert_eq!(lines[1], "Get workflows/shop-onboarding/instances/r-1");
    let (run, lines, _) = start(vec![], "no id");
    assert_eq!((run, lines.len()), (Err(RunError::Id), 0));
}
