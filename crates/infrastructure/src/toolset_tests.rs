//! The toolset as a registry and its callers see it.

use mcp_auth::{
    principal::Principal,
    scope::Scopes,
    subject::{AuthMethod, Subject},
    upstream_scopes::UpstreamScopes,
};
use mcp_server::{
    context::{Consent, Context},
    testing::FakePlatform,
    toolset::{Effect, Toolset as _},
};
use serde_json::{Value, json, value::RawValue};

use crate::{
    operations::OPERATIONS,
    tools_testing::{NOTHING, SHOP, call, call_as, call_in, with},
};

/// Arguments with which each tool can be called.
fn right(tool: &str) -> Value {
    match tool {
        "query_database" => json!({"query": "SELECT 1"}),
        "trigger_workflow" => json!({"workflowName": "OnboardingWorkflow", "confirm": true}),
        "get_workflow_run" => json!({"workflowName": "OnboardingWorkflow", "run_id": "r"}),
        "send_durable_object_message" => {
            json!({"objectName": "ChatDO", "message": "hi", "confirm": true})
        }
        "set_rollout" => {
            json!({"stage": "staging", "version_id": "v", "percentage": 5, "confirm": true})
        }
        "rollback_deployment" => json!({"stage": "staging", "confirm": true}),
        "deploy_infrastructure" | "destroy_infrastructure" => json!({"stage": "staging"}),
        _ => json!({}),
    }
}

fn of(tool: &str, name: &str, value: Value) -> Value {
    let mut arguments = right(tool);
    arguments[name] = value;
    arguments
}

fn has_stage(definition: &str) -> bool {
    let definition: Value = serde_json::from_str(definition).unwrap();
    definition["inputSchema"]["properties"]["stage"].is_object()
}

#[test]
fn without_stages_there_is_no_tool() {
    assert!(NOTHING.tools().is_empty() && NOTHING.groups().is_empty());
    assert_eq!((SHOP.tools().len(), SHOP.groups()), (15, &["infrastructure"][..]));
}

#[test]
fn annotations_say_what_a_tool_does() {
    for tool in SHOP.tools() {
        let definition: Value = serde_json::from_str(tool.definition).unwrap();
        let hints = &definition["annotations"];
        assert_eq!(hints["readOnlyHint"], tool.effect == Effect::Read, "{}", tool.name);
        assert_eq!(hints["destructiveHint"], tool.effect == Effect::Destructive, "{}", tool.name);
        let asks = definition["inputSchema"]["properties"]["confirm"].is_object();
        assert_eq!(asks, tool.effect == Effect::Destructive, "{}", tool.name);
        assert_eq!(definition["inputSchema"]["additionalProperties"], false, "{}", tool.name);
    }
}

#[test]
fn h18_a_stage_is_never_guessed_and_the_answer_names_those_there_are() {
    let long = "a".repeat(200);
    for operation in OPERATIONS.iter().filter(|operation| has_stage(operation.definition)) {
        for wrong in
            ["Production", " prod", "../x", "prod;", "preview-*", "рrod", "moon", long.as_str()]
        {
            let seen = call([], operation.name, of(operation.name, "stage", json!(wrong)));
            seen.says("The stages are staging, production (or prod), preview-*").unsent();
        }
        for wrong in [json!(["prod"]), json!(7), json!({}), json!("")] {
            let seen = call([], operation.name, of(operation.name, "stage", wrong));
            seen.says("- stage: expected").unsent();
        }
    }
}

#[test]
fn h18_unknown_arguments_and_texts_for_flags_are_errors_and_never_defaults() {
    for (tool, name, value) in [
        ("deploy_infrastructure", "dry_run", json!(true)),
        ("deploy_infrastructure", "dryrun", json!(true)),
        ("deploy_infrastructure", "dryRun", json!("true")),
        ("destroy_infrastructure", "confirm", json!("true")),
        ("rollback_deployment", "confirm", json!("true")),
        ("rollback_deployment", "force", json!(true)),
        ("trigger_workflow", "confirm", json!(1)),
        ("trigger_workflow", "workflow", json!("OnboardingWorkflow")),
    ] {
        let seen = call([], tool, of(tool, name, value));
        seen.says(&format!("- {name}: ")).unsent();
    }
}

#[test]
fn a_stage_that_changes_must_be_named_where_there_is_no_default_for_it() {
    for tool in
        ["set_rollout", "rollback_deployment", "deploy_infrastructure", "destroy_infrastructure"]
    {
        let mut arguments = right(tool);
        arguments.as_object_mut().unwrap().remove("stage");
        call([], tool, arguments).says("- stage: ").unsent();
    }
}

#[test]
fn a_missing_setting_is_named_and_nothing_is_sent() {
    for operation in OPERATIONS {
        let needs_nothing = matches!(operation.name, "list_stages" | "send_durable_object_message");
        let changes = matches!(
            operation.name,
            "set_rollout"
                | "rollback_deployment"
                | "deploy_infrastructure"
                | "destroy_infrastructure"
        );
        let token = if changes { "CLOUDFLARE_API_TOKEN" } else { "or CLOUDFLARE_API_TOKEN" };
        for setting in ["CLOUDFLARE_ACCOUNT_ID", token, "CLOUDFLARE_API_URL"] {
            let before = with(|around| around.settings.clone());
            with(|around| match setting {
                "CLOUDFLARE_ACCOUNT_ID" => around.settings.account = None,
                "CLOUDFLARE_API_URL" => around.settings.url.clear(),
                _ => {
                    around.settings.token = None;
                    around.settings.read_token = None;
                }
            });
            let seen = call([], operation.name, right(operation.name));
            with(|around| around.settings = before);
            match needs_nothing {
                true => drop(seen.good().unsent()),
                false => drop(seen.says(setting).unsent()),
            }
        }
    }
}

fn caller(auth_method: AuthMethod, scopes: Scopes, named: &str) -> Principal {
    let upstreams = UpstreamScopes::parse(named);
    let without = Principal::without_rights(Subject([0; 16]));
    Principal { auth_method, scopes, upstreams, ..without }
}

#[test]
fn who_has_no_scope_of_the_toolset_sends_nothing() {
    for operation in OPERATIONS {
        for auth_method in [AuthMethod::OAuth, AuthMethod::Jwt] {
            let person = caller(auth_method, Scopes::WRITE, "upstream:keboola");
            let seen = call_as(person, operation.name, right(operation.name));
            seen.says("needs the scope `infrastructure:").unsent();
        }
        if operation.effect != Effect::Read {
            let reader = caller(AuthMethod::Jwt, Scopes::WRITE, "infrastructure:read");
            let seen = call_as(reader, operation.name, right(operation.name));
            seen.says("needs the scope `infrastructure:write`").unsent();
        }
    }
    let reader = caller(AuthMethod::Jwt, Scopes::READ, "infrastructure:read");
    call_as(reader, "list_stages", json!({})).good();
    with(|around| assert!(around.sent.is_empty()));
}

#[test]
fn a_protected_stage_is_changed_by_an_administrator_alone() {
    with(|around| around.own_stage = Some("production".into()));
    for tool in
        ["set_rollout", "rollback_deployment", "trigger_workflow", "send_durable_object_message"]
    {
        for auth_method in [AuthMethod::ApiKey, AuthMethod::Secret, AuthMethod::NamedKey] {
            let writer = caller(auth_method, Scopes::WRITE, "");
            let seen = call_as(writer, tool, of(tool, "stage", json!("prod")));
            seen.says("in the protected stage `production` needs the scope `infrastructure:admin`")
                .unsent();
        }
    }
    with(|around| assert!(around.sent.is_empty()));
}

#[test]
fn the_word_of_the_model_does_not_count_for_less_in_a_protected_stage() {
    let ctx = Context { consent: Consent::Argument, ..FakePlatform::new([]).context() };
    let operation = OPERATIONS.iter().find(|one| one.name == "set_rollout").unwrap();
    let consent = |arguments: &str| {
        let raw = RawValue::from_string(arguments.to_owned()).unwrap();
        SHOP.stricter(&ctx, operation, Some(&raw)).map(|ctx| ctx.consent)
    };
    for protected in [
        r#"{"stage":"prod"}"#,
        r#"{"stage":"production"}"#,
        r#"{"stage":"production","stage":"prod"}"#,
        r#"{"stage":"staging","stage":"production"}"#,
        r#"{"st\u0061ge":"pr\u006fd"}"#,
        r#"{"stage":"prod","message":"\ud800"}"#,
    ] {
        assert_eq!(consent(protected), Some(Consent::Person), "{protected}");
    }
    assert_eq!(consent(r#"{"stage":"staging"}"#), None);
}

#[test]
fn a_caller_who_only_reads_changes_nothing() {
    for operation in OPERATIONS.iter().filter(|one| one.effect != Effect::Read) {
        let platform = FakePlatform::new([]);
        let mut ctx = platform.context();
        ctx.choice.read_only = true;
        let seen = call_in(platform, &ctx, operation.name, right(operation.name));
        seen.says("only reads").unsent();
    }
}

#[test]
fn a_change_needs_the_persons_word() {
    for (tool, script) in
        [("trigger_workflow", Vec::new()), ("send_durable_object_message", Vec::new())]
    {
        let mut arguments = right(tool);
        arguments["confirm"] = json!(false);
        let seen = call(script, tool, arguments).says("call again with confirm: true").unsent();
        assert!(seen.text.contains("- Stage: staging\n"), "{}", seen.text);
    }
    with(|around| assert!(around.sent.is_empty()));
}

#[test]
fn without_records_of_stages_nothing_is_planned() {
    for tool in ["deploy_infrastructure", "destroy_infrastructure"] {
        let platform = FakePlatform::new([]);
        let ctx = platform.context();
        let seen = call_in(platform, &ctx, tool, right(tool));
        seen.says("this server keeps no records of stages").unsent();
    }
}
