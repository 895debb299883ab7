//! The toolset as a whole: each generic tool's requests and results, errors, definitions.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    operations,
    testing::{REGISTRY, fact_or_skip, run, run_in},
};
use mcp_server::testing::{FakePlatform, ScriptedResponse, broken, json, text};
use mcp_server::toolset::Effect;

const TEAM: &str = "6f1c2b1e-8f0a-4c57-9d0e-0a9b8c7d6e5f";

fn definitions() -> Vec<Value> {
    operations::OPERATIONS
        .iter()
        .map(|tool| serde_json::from_str(tool.definition).unwrap())
        .collect()
}

fn site() -> Value {
    json!({"id": "1", "fqdn": "a.org", "status": "idle", "active": true,
        "http_auth_password": "s3cret", "code_server_password": "s4cret",
        "team": {"name": "T"}, "site_stage": null, "future_field": [1]})
}

fn new_site() -> Value {
    json!({"team_id": TEAM, "fqdn": "New.org", "wordpress_blog_name": "B",
        "wordpress_first_name": "J", "wordpress_last_name": "S",
        "wordpress_email": "j@example.org", "wordpress_username": "js",
        "wordpress_password": "hunter2hunter2", "git_url": "", "is_free": false})
}

#[test]
fn sites_are_listed_with_their_passwords_hidden() {
    let fake =
        FakePlatform::new([json(200, json!({"results": [site()], "count": 1, "next": null}))]);
    let result = run(&fake, "sitebay_list_sites", json!({"team_id": TEAM}));
    assert_eq!(fake.lines(), [format!("Get /site/?team_id={TEAM}")]);
    assert_eq!(result.data["count"], 1);
    assert_eq!(result.data["truncated"], false);
    assert_eq!(result.data["sites"][0]["http_auth_password"], "[redacted]");
    assert_eq!(result.data["sites"][0]["future_field"], json!([1]));
    assert!(result.text.contains("a.org: Status idle; Active yes"), "{}", result.text);
    assert!(!result.text.contains("s3cret"));
}

#[test]
fn secrets_are_shown_on_demand_only() {
    for (reveal, shown) in [(json!({}), "[redacted]"), (json!({"reveal": true}), "s4cret")] {
        let fake = FakePlatform::new([json(200, site())]);
        let mut arguments = json!({"fqdn": "a.org"});
        arguments.as_object_mut().unwrap().extend(reveal.as_object().unwrap().clone());
        let result = run(&fake, "sitebay_get_site", arguments);
        assert_eq!(fake.lines(), ["Get /site/a.org"]);
        assert_eq!(result.data["code_server_password"], shown);
    }
}

#[test]
fn a_list_that_was_cut_says_so() {
    let page = json!({"results": [site()], "count": 120, "next": null});
    let fake = FakePlatform::new([json(200, page.clone()), json(200, page)]);
    let result = run(&fake, "sitebay_list_sites", json!({}));
    assert_eq!(result.data["truncated"], true);
    assert!(result.text.contains("The list was cut: 1 of 120 sites"), "{}", result.text);
}

#[test]
fn the_other_lists_have_their_own_addresses() {
    for (tool, line, key) in [
        ("sitebay_list_teams", "Get /team", "teams"),
        ("sitebay_list_ready_made_sites", "Get /ready_made_site", "ready_made_sites"),
        ("sitebay_account_affiliates", "Get /account/referred_user", "affiliates"),
    ] {
        let fake = FakePlatform::new([json(200, json!({"results": [{"name": "x"}], "count": 1}))]);
        let result = run(&fake, tool, json!({}));
        assert_eq!(fake.lines(), [line]);
        assert_eq!(result.data[key], json!([{"name": "x"}]));
    }
}

#[test]
fn a_site_is_created_with_a_key_and_its_password_stays_secret() {
    let mut made = site();
    made["wordpress_password"] = json!("hunter2hunter2");
    made["note"] = json!("password: hunter2hunter2");
    let fake = FakePlatform::new([broken(), json(201, made)]);
    let result = run(&fake, "sitebay_create_site", new_site());
    assert_eq!(fake.lines(), ["Post /site/", "Post /site/"]);
    assert_eq!(fake.header(0, "Idempotency-Key"), fake.header(1, "Idempotency-Key"));
    assert!(fake.header(0, "Idempotency-Key").is_some());
    let mut sent = new_site();
    sent["fqdn"] = json!("new.org");
    sent.as_object_mut().unwrap().remove("git_url");
    assert_eq!(fake.body(1), sent);
    assert!(result.text.starts_with("Site new.org was created."), "{}", result.text);
    assert!(!result.data.to_string().contains("hunter2"), "{}", result.data);
    assert!(!result.text.contains("hunter2"));
}

#[test]
fn a_failed_creation_never_shows_the_password() {
    let echo = json!({"detail": [{"loc": ["body", "wordpress_password"], "msg": "weak",
        "input": "hunter2hunter2"}]});
    let failures: [Vec<ScriptedResponse>; 3] =
        [vec![json(422, echo)], vec![text(500, "hunter2hunter2 broke")], vec![]];
    for script in failures {
        let fake = FakePlatform::new(script);
        let result = run(&fake, "sitebay_create_site", new_site());
        assert!(result.is_error && !result.text.contains("hunter2"), "{}", result.text);
    }
    let fake = FakePlatform::new([]);
    let result = run(&fake, "sitebay_create_site", new_site());
    assert!(result.text.contains("MAY have happened"), "{}", result.text);
    assert!(result.text.contains("sitebay_get_site"), "{}", result.text);
}

#[test]
fn an_update_sends_only_what_was_given() {
    let fake = FakePlatform::new([json(200, site()), json(200, site())]);
    let result = run(
        &fake,
        "sitebay_update_site",
        json!({"fqdn": "a.org", "git_url": "", "http_auth_enabled": false, "new_fqdn": "B.org"}),
    );
    assert_eq!(fake.lines(), ["Patch /site/a.org"]);
    assert_eq!(
        fake.body(0),
        json!({"git_url": null, "http_auth_enabled": false, "new_fqdn": "b.org"})
    );
    assert!(result.text.starts_with("Site a.org was changed."), "{}", result.text);
    let result = run(&fake, "sitebay_update_site", json!({"fqdn": "a.org", "is_free": null}));
    assert!(result.is_error && result.text.contains("cf_dev_mode_enabled, new_fqdn"));
    assert_eq!(fake.requests().len(), 1);
}

#[test]
fn a_bad_host_name_is_refused_before_anything_is_sent() {
    let fake = FakePlatform::new([]);
    for fqdn in ["", "../team", "https://a.org", "a.org/", "a.org:1", "127.0.0.1", "a b.org"] {
        for tool in ["sitebay_get_site", "sitebay_wordpress_proxy", "sitebay_delete_site"] {
            let result = run(&fake, tool, json!({"fqdn": fqdn}));
            assert!(result.is_error && result.text.contains("- fqdn: expected a host name"));
        }
    }
    assert!(fake.requests().is_empty());
}

#[test]
fn every_failure_says_what_to_do() {
    for (step, part) in [
        (json(400, json!({"detail": "Site is currently busy (Creating)."})), "status is idle"),
        (json(401, json!({"detail": "Unauthorized"})), "Settings → API Tokens"),
        (json(403, json!({"detail": "Forbidden"})), "readwrite"),
        (json(404, json!({"detail": "No such site"})), "No such site\nCheck the host name"),
        (json(409, json!({"detail": "Taken"})), "present state"),
        (text(410, "gone"), "no longer offers"),
        (
            json(422, json!({"detail": [{"loc": ["body", "team_id"], "msg": "Field required"}]})),
            "\nbody.team_id: Field required\n",
        ),
        (text(429, "").retry_after("90"), "wait 90 s"),
        (json(500, json!({"detail": "Oops"})), "500 Internal Server Error: Oops"),
        (text(200, "<h1>Maintenance</h1>"), "not the JSON expected: Maintenance"),
        (json(200, json!([1])), "an array came where a site was expected"),
    ] {
        let fake = FakePlatform::new([step]);
        let result = run(&fake, "sitebay_get_site", json!({"fqdn": "a.org"}));
        assert!(result.is_error && result.text.contains(part), "{part}: {}", result.text);
        assert!(!result.text.contains("MAY"), "{}", result.text);
    }
}

#[test]
fn a_lost_change_says_that_it_may_have_happened() {
    for step in [broken(), text(500, ""), text(502, "<h1>Bad</h1>"), text(200, "{}").after(99)] {
        let fake = FakePlatform::new([step]);
        let result = run(&fake, "sitebay_update_site", json!({"fqdn": "a.org", "is_free": true}));
        assert_eq!(fake.requests().len(), 1);
        assert!(result.text.contains("MAY have happened; it was not sent again"));
        assert!(result.text.contains("compare its settings"), "{}", result.text);
    }
    let fake = FakePlatform::new([text(200, "<p>ok</p>")]);
    let result = run(&fake, "sitebay_update_site", json!({"fqdn": "a.org", "is_free": true}));
    assert!(result.text.contains("was probably made"), "{}", result.text);
}

#[test]
fn without_a_token_every_tool_says_how_to_set_one() {
    let fake = FakePlatform::new([]);
    let result = run_in(&fake.context_of(None), "sitebay_list_sites", json!({}));
    for part in ["SITEBAY_API_TOKEN", "X-SiteBay-Token", "Settings → API Tokens"] {
        assert!(result.is_error && result.text.contains(part), "{part}: {}", result.text);
    }
}

#[test]
fn odd_fields_become_null_with_a_warning() {
    let mut odd = site();
    odd["active"] = json!("yes");
    let fake = FakePlatform::new([json(200, odd)]);
    let result = run(&fake, "sitebay_get_site", json!({"fqdn": "a.org"}));
    assert_eq!(result.data["active"], Value::Null);
    assert_eq!(
        result.data["warnings"],
        json!(["active is a string, not a boolean; it is null here"])
    );
    assert!(result.text.contains("Warnings:\n- active is a string"), "{}", result.text);
}

#[test]
fn an_unknown_tool_is_none() {
    assert!(REGISTRY.find("sitebay_nothing").is_none());
}

#[test]
fn every_definition_is_whole() {
    let definitions = definitions();
    assert_eq!(definitions.len(), 71);
    for (definition, operation) in definitions.iter().zip(operations::OPERATIONS) {
        assert_eq!(definition["name"], operation.name);
        assert!(!operation.toolset.is_empty());
        assert_eq!(definition["inputSchema"]["type"], "object");
        assert_eq!(definition["inputSchema"]["additionalProperties"], false);
        assert_eq!(definition["outputSchema"]["type"], "object");
        assert!(definition["title"].is_string());
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(definition["annotations"][hint].is_boolean());
        }
        for property in definition["inputSchema"]["properties"].as_object().unwrap().values() {
            assert!(property["description"].is_string() && property["type"].is_string());
        }
    }
}

#[test]
fn the_default_set_is_the_originals_and_what_most_conversations_need() {
    let tools = operations::OPERATIONS;
    let offered: Vec<_> = tools.iter().filter(|tool| tool.default).map(|tool| tool.name).collect();
    assert_eq!(offered.len(), 24);
    assert!(tools.iter().take(16).all(|tool| tool.default), "the originals come first");
    assert!(tools.iter().all(|tool| !(tool.hidden && tool.default)));
}

#[test]
fn what_a_person_should_agree_to_is_said() {
    for operation in operations::OPERATIONS {
        let proxied = operation.behaviour == operations::Behaviour::Proxy;
        let destroys = operation.effect == Effect::Destructive && !proxied;
        assert_eq!(operation.consent.is_some(), destroys, "{}", operation.name);
    }
    let long = operations::OPERATIONS.iter().filter(|operation| operation.long);
    let long: Vec<_> = long.map(|operation| operation.name).collect();
    assert_eq!(long.len(), 7, "{long:?}");
}

#[test]
fn retired_tools_say_so_before_they_are_called() {
    for definition in definitions() {
        let retired = operations::find(definition["name"].as_str().unwrap()).unwrap().retired;
        let told = definition["description"].as_str().unwrap().contains("retired this route");
        assert_eq!(retired.is_some(), told, "{}", definition["name"]);
    }
}

fn names(schema: &Value) -> BTreeSet<String> {
    let list = schema["required"].as_array().cloned().unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn names_parameters_and_defaults_are_those_that_clients_know() {
    let file = "sitebay-g1-tool-schemas.json";
    let Some(published) = fact_or_skip("published schemas", file) else {
        return;
    };
    let ours: Vec<Value> = definitions().into_iter().take(16).collect();
    let published = published.as_array().unwrap();
    assert_eq!(published.len(), ours.len());
    for known in published {
        let name = &known["name"];
        let own = ours.iter().find(|own| own["name"] == *name).expect("the tool is offered");
        let (known, own) = (&known["inputSchema"], &own["inputSchema"]);
        assert_eq!(names(known), names(own), "{name}");
        for (parameter, schema) in known["properties"].as_object().unwrap() {
            let property = &own["properties"][parameter];
            assert!(property.is_object(), "{name} {parameter}");
            // A default of null says the same as none.
            assert_eq!(schema["default"], property["default"], "{name} {parameter}");
            assert_eq!(*known_type(schema), property["type"], "{name} {parameter}");
        }
    }
}

fn known_type(schema: &Value) -> &Value {
    if schema["type"].is_null() { &schema["anyOf"][0]["type"] } else { &schema["type"] }
}
