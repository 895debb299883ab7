//! What the audit says of the calls that change something.

use std::{cell::RefCell, rc::Rc};

use mcp_auth::scope::Scopes;
use mcp_server::{
    context::Context,
    dispatch::dispatch,
    params::Params,
    registry::Registry,
    telemetry::audit::{Audit, AuditEntry},
    tool_selection::ToolSelection,
};
use serde_json::{Value, json, value::to_raw_value};

use crate::{
    Keboola,
    testing::{Connected, FakeKeboola, run_in},
};

static KEBOOLA: Keboola = Keboola::new(&Connected);
static REGISTRY: Registry = Registry::new(&[&KEBOOLA]);

/// An audit whose entries are kept.
#[derive(Default)]
struct Kept(RefCell<Vec<AuditEntry>>);

impl Audit for Kept {
    fn wants_reads(&self) -> bool {
        false
    }

    fn note(&self, entry: AuditEntry) {
        self.0.borrow_mut().push(entry);
    }
}

/// Calls a tool as a request does; its entries.
fn audited(fake: &Rc<FakeKeboola>, ctx: Context, tool: &str, arguments: Value) -> Vec<AuditEntry> {
    let kept = Rc::new(Kept::default());
    let ctx = Context { audit: kept.clone(), registry: &REGISTRY, ..ctx };
    let params = to_raw_value(&json!({ "name": tool, "arguments": arguments })).unwrap();
    let params = Params::read(Some(&params)).unwrap();
    let outcome = pollster::block_on(dispatch(&ctx, "tools/call", params)).word();
    drop(ctx);
    assert!(!fake.requests().is_empty(), "{tool}: {outcome}");
    kept.0.take()
}

#[test]
fn a_change_names_its_project_its_branch_and_its_things() {
    let config = json!({"component_id": "ex", "configuration_id": "7", "confirm": true});
    let with = |more: Value| {
        let mut all = config.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let updates = json!([
        {"item_id": "in.c-a.t", "description": "secret words"},
        {"item_id": "in.c-a", "description": "secret words"},
    ]);
    let new =
        json!({"name": "n", "description": "d", "component_id": "ex", "parameters": {"a": 1}});
    let sql = json!([{"name": "one", "script": "SELECT 1;"}]);
    let row = json!({"name": "n", "description": "d", "component_id": "ex", "configuration_id": "7",
        "parameters": {"t": 1}});
    let why = json!({"change_description": "why"});
    for (tool, arguments, branch, thing) in [
        (
            "keboola_update_descriptions",
            json!({"updates": updates, "confirm": true}),
            "main",
            "in.c-a,in.c-a.t",
        ),
        (
            "keboola_run_job",
            with(json!({"configuration_row_ids": ["r2", "r1"]})),
            "main",
            "ex/7/r1,r2",
        ),
        ("keboola_stop_job", json!({"job_id": "12", "confirm": true}), "main", "job/12"),
        ("keboola_create_config", new, "main", "ex/ID"),
        ("keboola_add_config_row", row, "main", "ex/7/ID"),
        (
            "keboola_create_sql_transformation",
            json!({"name": "n", "description": "d", "sql_code_blocks": sql}),
            "main",
            "keboola.snowflake-transformation/ID",
        ),
        (
            "keboola_update_config",
            with(json!({"change_description": "why", "name": "x"})),
            "main",
            "ex/7",
        ),
        (
            "keboola_update_config_row",
            with(
                json!({"change_description": "why", "configuration_row_id": "r", "branch_id": "9"}),
            ),
            "9",
            "ex/7/r",
        ),
        ("keboola_rollback_config", with(json!({"version": 1})), "main", "ex/7"),
        (
            "keboola_update_sql_transformation",
            json!({"configuration_id": "7", "confirm": true, "change_description": why["change_description"]}),
            "main",
            "keboola.snowflake-transformation/7",
        ),
    ] {
        let fake = FakeKeboola::new();
        fake.takes_writes();
        let ex = json!({"id": "ex", "type": "extractor", "flags": ["genericDockerUI-rows"]});
        fake.on("Get connection /v2/storage/branch/default/components/ex", 200, ex);
        let entries = audited(&fake, fake.context(), tool, arguments);
        let [entry] = entries.as_slice() else { panic!("{tool}: {entries:?}") };
        let begins = format!("keboola/58/{branch}/");
        let found =
            entry.site.strip_prefix(&begins).unwrap_or_else(|| panic!("{tool}: {}", entry.site));
        match thing.strip_suffix("ID") {
            Some(before) => {
                let id = found.strip_prefix(before).unwrap_or_else(|| panic!("{tool}: {found}"));
                assert_eq!(id.len(), 32, "{tool}: {found}");
            }
            None => assert_eq!(found, thing, "{tool}"),
        }
    }
}

#[test]
fn a_call_that_is_refused_before_its_project_is_known_names_what_it_asked_for() {
    let fake = FakeKeboola::new();
    let verify = "Get connection /v2/storage/tokens/verify";
    fake.clear(verify);
    fake.on(verify, 401, json!({"error": "Invalid access token"}));
    let arguments = json!({"component_id": "ex", "configuration_id": "7", "branch_id": "9"});
    let entries = audited(&fake, fake.context(), "keboola_run_job", arguments);
    assert_eq!((entries[0].site.as_str(), entries[0].outcome), ("keboola/9/ex/7", "failed"));
}

const CONFIGS: &str =
    "connection /v2/storage/branch/default/components/keboola.mcp-server-tool/configs";

/// A project without a workspace, which makes one where it is asked to.
fn without_workspace() -> Rc<FakeKeboola> {
    let fake = FakeKeboola::new();
    fake.on(&format!("Get {CONFIGS}"), 200, json!([]));
    fake.on(&format!("Get {CONFIGS}"), 200, json!([]));
    fake.on(&format!("Get {CONFIGS}"), 200, json!([{"id": "c1"}]));
    fake.on(&format!("Post {CONFIGS}"), 201, json!({"id": "c1"}));
    fake.on(&format!("Post {CONFIGS}/c1/workspaces"), 202, json!({"id": 3}));
    fake.on(
        &format!("Get {CONFIGS}/c1/workspaces"),
        200,
        json!([{"id": 234, "readOnlyStorageAccess": true, "connection": {"backend": "snowflake"}}]),
    );
    fake.on(
        "Post query /api/v1/branches/5/workspaces/234/queries",
        201,
        json!({"queryJobId": "q1"}),
    );
    let ended = json!({"queryJobId": "q1", "status": "completed", "statements": [{"id": "s1"}]});
    fake.on("Get query /api/v1/queries/q1", 200, ended);
    let rows = json!({"status": "completed", "columns": [{"name": "a"}], "data": [["1"]], "numberOfRows": 1});
    fake.on("Get query /api/v1/queries/q1/s1/results", 200, rows);
    fake
}

fn query() -> Value {
    json!({"sql_query": "SELECT 1", "query_name": "x"})
}

#[test]
fn the_workspace_that_a_query_makes_is_in_the_audit_and_in_its_answer() {
    let fake = without_workspace();
    let entries = audited(&fake, fake.context(), "keboola_query_data", query());
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(
        (entry.action.as_str(), entry.effect, entry.outcome),
        ("keboola_query_data", "write", "done")
    );
    let begins = "keboola/58/main/keboola.mcp-server-tool/";
    assert!(entry.site.starts_with(begins), "{}", entry.site);
    let fake = without_workspace();
    let seen = run_in(&fake.context(), "keboola_query_data", query());
    let message = seen.data["message"].as_str().unwrap();
    assert!(message.contains("made its shared read-only workspace 234, which stays"), "{message}");
    let again = audited(&fake, fake.context(), "keboola_query_data", query());
    assert!(again.is_empty(), "{again:?}");
    assert!(run_in(&fake.context(), "keboola_query_data", query()).data["message"] != message);
}

#[test]
fn a_query_that_fails_says_that_it_made_a_workspace_all_the_same() {
    let fake = without_workspace();
    let job = "Get query /api/v1/queries/q1";
    fake.clear(job);
    fake.on(job, 404, json!({"exception": "gone"}));
    let seen = run_in(&fake.context(), "keboola_query_data", query());
    assert!(seen.is_error && seen.text.contains("workspace 234, which stays"), "{}", seen.text);
}

#[test]
fn a_caller_who_only_reads_makes_no_workspace() {
    let readonly = |fake: &Rc<FakeKeboola>| {
        let choice = ToolSelection { read_only: true, ..ToolSelection::default() };
        Context { choice, ..fake.context() }
    };
    let unscoped = |fake: &Rc<FakeKeboola>| {
        let ctx = fake.context();
        let mut principal = (*ctx.principal).clone();
        principal.scopes = Scopes::READ;
        Context { principal: Rc::new(principal), ..ctx }
    };
    let role = |fake: &Rc<FakeKeboola>| {
        let verify = "Get connection /v2/storage/tokens/verify";
        fake.clear(verify);
        let admin = json!({"role": "readonly"});
        fake.on(verify, 200, json!({"id": "1", "owner": {"id": 58, "name": "S"}, "admin": admin}));
        fake.context()
    };
    type Caller<'a> = &'a dyn Fn(&Rc<FakeKeboola>) -> Context;
    let callers: [(Caller<'_>, &str); 3] = [
        (&readonly, "the connection is readonly"),
        (&unscoped, "the caller has not the scope write"),
        (&role, "the person's role in this project is readonly"),
    ];
    for (caller, why) in callers {
        for long_running in [false, true] {
            let fake = without_workspace();
            let mut arguments = query();
            arguments["long_running"] = json!(long_running);
            let seen = run_in(&caller(&fake), "keboola_query_data", arguments);
            assert!(seen.is_error && seen.text.contains(why), "{}", seen.text);
            assert!(fake.writes().is_empty(), "{:?}", fake.writes());
        }
        // One that is there is theirs to use.
        let fake = without_workspace();
        fake.clear(&format!("Get {CONFIGS}"));
        fake.on(&format!("Get {CONFIGS}"), 200, json!([{"id": "c1"}]));
        let seen = run_in(&caller(&fake), "keboola_query_data", query());
        assert!(!seen.is_error, "{}", seen.text);
    }
}
