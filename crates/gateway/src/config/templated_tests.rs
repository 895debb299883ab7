//! Upstreams of a template: what may be set, and what they are sent.

use std::collections::BTreeSet;

use mcp_auth::secret::Secret;
use mcp_client::era::Era;
use serde_json::{Value, json};

use super::{Credential, Rules, Upstream, Upstreams, template::TEMPLATES};
use crate::address::Surroundings;

fn read_in(settings: &Value, development: bool) -> Result<Upstream, Vec<String>> {
    let own_origins = ["https://mcp.own.keboola.com".to_owned()];
    let rules = Rules {
        reserved: &[],
        surroundings: Surroundings { own_origins: &own_origins, development },
        secret: &|name: &str| (name == "KBC_TOKEN").then(|| Secret::new("s3cret")),
    };
    let read = Upstream::read("keboola", &settings.to_string(), "UPSTREAMS.keboola", &rules);
    read.map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// The template with these settings besides.
fn read(settings: Value) -> Result<Upstream, Vec<String>> {
    let mut all = json!({ "template": "keboola" });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    read_in(&all, false)
}

fn fault(settings: Value) -> String {
    let mut faults = read(settings.clone()).unwrap_err();
    assert_eq!(faults.len(), 1, "{settings}: {faults:?}");
    faults.remove(0)
}

fn sent(upstream: &Upstream, stack: Option<&str>) -> (String, Vec<(String, String)>) {
    let key = Secret::new("58-44-x");
    let (url, headers) = upstream.called_with(Some((&key, stack)));
    let shown = |(name, value): (std::borrow::Cow<'_, str>, Secret)| {
        (name.into_owned(), value.expose().to_owned())
    };
    (url.to_owned(), headers.into_iter().map(shown).collect())
}

/// The tools that the template denies.
const OTHER_PROJECTS: (&str, &str) =
    ("X-Disallowed-Tools", "create_project,get_accessible_projects,set_project_scope");

fn pairs(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_template_alone_is_a_whole_upstream() {
    let setting = json!({ "keboola": { "template": "keboola" } }).to_string();
    let rules =
        Rules { reserved: &[], surroundings: Surroundings::default(), secret: &|_: &str| None };
    let upstreams = Upstreams::read(Some(&setting), &rules);
    assert_eq!(upstreams.errors, []);
    let upstream = upstreams.get("keboola").unwrap();
    let names: Vec<&str> = upstream.stacks.iter().map(|stack| stack.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "keboola.com",
            "us-east4.gcp.keboola.com",
            "eu-central-1.keboola.com",
            "north-europe.azure.keboola.com",
            "europe-west3.gcp.keboola.com",
        ],
    );
    assert!(upstream.asks_stack() && upstream.era == Some(Era::Session));
    assert_eq!((upstream.scope.as_str(), upstream.place()), ("upstream:keboola", "Keboola"));
    assert_eq!(upstream.timeouts.idle.as_secs(), 310);
    assert!(upstream.timeouts.whole >= upstream.timeouts.idle);
    let stack = upstream.stack("eu-central-1.keboola.com").unwrap();
    assert_eq!(stack.connection, "https://connection.eu-central-1.keboola.com");
    assert_eq!(stack.mcp.href, "https://mcp.eu-central-1.keboola.com/mcp");
    assert_eq!(stack.label(), "EU Frankfurt, AWS (eu-central-1.keboola.com)");
}

#[test]
fn every_field_of_a_template_can_be_set_and_is_written_back() {
    let upstream = read(json!({
        "url": "https://mcp.acme.example/mcp",
        "era": "auto",
        "stacks": ["acme.keboola.com", "keboola.com", {
            "name": "EU", "connection": "https://connection.eu-central-1.keboola.com",
            "mcp": "https://eu.acme.example/mcp?k=hidden",
        }],
        "branch": "123", "workspace_schema": "WORKSPACE_1",
        "timeouts": { "lists": 4 }, "effects": {}, "allow": ["get_*"], "deny": ["query_data"],
        "forward_headers": ["X-Conversation-Id"],
    }))
    .unwrap();
    assert_eq!((upstream.era, upstream.effects.len()), (None, 0));
    assert_eq!((upstream.timeouts.lists.as_secs(), upstream.timeouts.idle.as_secs()), (4, 310));
    let places: Vec<&str> = upstream.stacks.iter().map(|stack| stack.mcp.href.as_str()).collect();
    let own = "https://mcp.acme.example/mcp";
    assert_eq!(places, [own, own, "https://eu.acme.example/mcp?k=hidden"]);
    assert!(!upstream.to_shown_json().contains("hidden"));
    let again: Value = serde_json::from_str(&upstream.to_json()).unwrap();
    assert_eq!(read_in(&again, false).unwrap(), upstream);
    let plain = read(json!({})).unwrap();
    let again: Value = serde_json::from_str(&plain.to_json()).unwrap();
    assert_eq!(read_in(&again, false).unwrap(), plain);
}

#[test]
fn a_token_goes_to_its_stack_with_the_address_of_that_stack() {
    let upstream = read(json!({})).unwrap();
    assert_eq!(
        sent(&upstream, Some("us-east4.gcp.keboola.com")),
        (
            "https://mcp.us-east4.gcp.keboola.com/mcp".to_owned(),
            pairs(&[
                ("X-StorageAPI-Token", "58-44-x"),
                ("X-StorageAPI-URL", "https://connection.us-east4.gcp.keboola.com"),
                OTHER_PROJECTS,
            ]),
        ),
    );
    // Nothing says where a token belongs that has no stack, or one that is gone.
    for stack in [None, Some("acme.keboola.com"), Some("evil.com"), Some("")] {
        assert_eq!(sent(&upstream, stack).1, pairs(&[OTHER_PROJECTS]), "{stack:?}");
    }
    let other = read(json!({
        "branch": "5", "workspace_schema": "W", "allow": ["get_jobs", "run_job"],
        "deny": ["query_data", "create_*"],
    }));
    let fixed = sent(&other.unwrap(), None).1;
    assert_eq!(
        fixed,
        pairs(&[
            ("X-Branch-Id", "5"),
            ("X-Workspace-Schema", "W"),
            ("X-Allowed-Tools", "get_jobs,run_job"),
            ("X-Disallowed-Tools", "query_data"),
        ]),
    );
    // A list of patterns would allow less than it says.
    let patterns = read(json!({ "allow": ["get_jobs", "create_*"], "deny": [] })).unwrap();
    assert_eq!(sent(&patterns, None).1, []);
}

#[test]
fn a_key_is_bound_to_the_stack_at_which_it_was_verified() {
    let upstream = read(json!({})).unwrap();
    let bindings: BTreeSet<Option<String>> =
        upstream.stacks.iter().map(|stack| upstream.key_binding(Some(&stack.name))).collect();
    assert_eq!(bindings.len(), 5);
    assert!(!bindings.contains(&None));
    assert_eq!(upstream.key_binding(None), None);
    assert_eq!(upstream.key_binding(Some("evil.com")), None);
    // The same MCP server for all of them tells nobody's stacks apart.
    let own = read(json!({ "url": "https://mcp.acme.example/mcp" })).unwrap();
    assert_ne!(
        own.key_binding(Some("keboola.com")),
        own.key_binding(Some("eu-central-1.keboola.com"))
    );
    let moved = read(json!({ "url": "https://mcp.other.example/mcp" })).unwrap();
    assert_ne!(moved.key_binding(Some("keboola.com")), own.key_binding(Some("keboola.com")));
    // A key of an upstream that had no template opens nothing.
    let plain = read_in(
        &json!({ "url": "https://mcp.keboola.com/mcp", "auth": { "kind": "subject" } }),
        false,
    );
    assert_eq!(plain.unwrap().key_binding(Some("keboola.com")), None);
}

#[test]
fn a_stack_is_a_host_of_the_template_and_nothing_else() {
    for stack in [
        json!("evil.com"),
        json!("connection.evil.com"),
        json!("keboola.com.evil.com"),
        json!("evilkeboola.com"),
        json!(".keboola.com"),
        json!("a..keboola.com"),
        json!("Keboola.com"),
        json!("keboola.com."),
        json!("keboola.com:8443"),
        json!("keboola.com/x"),
        json!("a@keboola.com"),
        json!("https://connection.keboola.com"),
        json!("connection.keboola.com"),
        json!("mcp.keboola.com"),
        json!(""),
        json!(7),
        json!(null),
        json!([]),
    ] {
        let fault = fault(json!({ "stacks": [stack] }));
        assert!(fault.starts_with("UPSTREAMS.keboola.stacks[0]: expected "), "{stack}: {fault}");
    }
    for connection in [
        "https://connection.evil.com",
        "https://u:hunter2@connection.keboola.com",
        "https://connection.keboola.com:8443",
        "https://connection.keboola.com/v2",
        "https://connection.keboola.com?x=hunter2",
        "https://connection.keboola.com#x",
        "https://connection.keboola.com.evil.com",
        "https://keboola.com",
        "http://connection.keboola.com",
        "http://127.0.0.1:1/us/connection",
        "https://127.0.0.1/connection",
        "hunter2",
    ] {
        let stack = json!({
            "name": "x", "connection": connection, "mcp": "https://mcp.keboola.com/mcp",
        });
        let fault = fault(json!({ "stacks": [stack] }));
        assert!(fault.starts_with("UPSTREAMS.keboola.stacks[0].connection: expected "), "{fault}");
        assert!(!fault.contains("hunter2"), "{fault}");
    }
    for (stacks, words) in [
        (json!([]), "a list of 1 to 32 stacks"),
        (json!("keboola.com"), "a list of 1 to 32 stacks"),
        (json!(["keboola.com", "keboola.com"]), "a stack that is there once"),
    ] {
        let fault = fault(json!({ "stacks": stacks }));
        assert!(fault.contains(words), "{fault}");
    }
    let own = fault(json!({ "stacks": ["own.keboola.com"] }));
    assert!(own.starts_with("UPSTREAMS.keboola.stacks[0]"), "{own}");
    let nameless = json!({ "connection": "https://connection.keboola.com" });
    let faults = read(json!({ "stacks": [nameless] })).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[test]
fn stacks_are_on_this_machine_in_development_only() {
    let settings = json!({ "template": "keboola", "stacks": [{
        "name": "US", "connection": "http://127.0.0.1:1/us/connection", "mcp": "http://127.0.0.1:2/mcp",
    }] });
    let upstream = read_in(&settings, true).unwrap();
    let stack = upstream.stack("US").unwrap();
    assert_eq!(stack.connection, "http://127.0.0.1:1/us/connection");
    assert_eq!((stack.label().as_str(), upstream.place()), ("US", "127.0.0.1"));
    assert_eq!(read_in(&settings, false).unwrap_err().len(), 2);
    let public = json!({ "template": "keboola", "stacks": [{
        "name": "US", "connection": "http://connection.evil.com", "mcp": "http://127.0.0.1:2/mcp",
    }] });
    assert!(read_in(&public, true).is_err());
}

#[test]
fn a_template_is_one_that_is_known_and_has_fields_of_its_own() {
    let unknown = json!({ "template": "kebola" });
    assert_eq!(
        read_in(&unknown, false).unwrap_err(),
        [r#"UPSTREAMS.keboola.template: expected one of keboola; got "kebola""#],
    );
    let without = json!({ "url": "https://x.example/", "stacks": ["keboola.com"], "branch": "1" });
    assert_eq!(read_in(&without, false).unwrap_err().len(), 2);
    for option in [json!(""), json!("a\r\nX-Y: z"), json!(" a"), json!("\u{fc}"), json!(5)] {
        let fault = fault(json!({ "branch": option }));
        assert!(fault.starts_with("UPSTREAMS.keboola.branch: expected "), "{fault}");
    }
}

#[test]
fn the_credential_of_a_template_is_the_persons_in_its_own_header() {
    assert!(read(json!({ "auth": { "kind": "subject" } })).is_ok());
    assert!(read(json!({ "auth": { "kind": "subject", "header": "x-storageapi-token" } })).is_ok());
    for auth in [
        json!({ "kind": "subject", "header": "Authorization" }),
        json!({ "kind": "subject", "header": "Jwt-Secret" }),
        json!({ "kind": "subject", "prefix": "Bearer " }),
        json!({ "kind": "static", "secret": "KBC_TOKEN" }),
        json!({ "kind": "access", "client_id": "x", "secret": "KBC_TOKEN" }),
        json!({ "kind": "none" }),
    ] {
        let fault = fault(json!({ "auth": auth }));
        assert!(fault.starts_with("UPSTREAMS.keboola.auth: expected the "), "{fault}");
    }
}

#[test]
fn people_sign_in_at_the_server_of_one_stack() {
    let upstream =
        read(json!({ "auth": { "kind": "oauth" }, "stacks": ["eu-central-1.keboola.com"] }));
    let upstream = upstream.unwrap();
    assert!(!upstream.asks_stack() && matches!(upstream.credential, Credential::OAuth { .. }));
    let (url, headers) = sent(&upstream, None);
    assert_eq!(url, "https://mcp.eu-central-1.keboola.com/mcp");
    assert_eq!(headers, pairs(&[("Authorization", "Bearer 58-44-x"), OTHER_PROJECTS]));
    let fault = fault(json!({ "auth": { "kind": "oauth" } }));
    assert!(fault.starts_with("UPSTREAMS.keboola.stacks: expected one stack, or `url`"), "{fault}");
    let own = json!({ "auth": { "kind": "oauth" }, "url": "https://mcp.acme.example/mcp" });
    assert!(read(own).is_ok());
}

/// The settings that the server takes from headers, as its code names them.
const SETTINGS: [&str; 13] = [
    "storage_token",
    "storage_api_token",
    "storage_api_url",
    "branch_id",
    "workspace_schema",
    "project_id",
    "bearer_token",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_server_url",
    "oauth_scope",
    "mcp_server_url",
    "jwt_secret",
];

#[test]
fn no_caller_sets_anything_of_the_server_in_any_spelling() {
    let words = |name: &str, between: &str| name.replace('_', between);
    for setting in SETTINGS.iter().chain(&["allowed_tools", "disallowed_tools", "read_only_mode"]) {
        for prefix in ["", "X-", "x_", "KBC-", "kbc_", "K-B-C_", "X", "KBC"] {
            for name in [
                format!("{prefix}{setting}"),
                format!("{prefix}{}", words(setting, "-")),
                format!("{prefix}{}", words(setting, "")),
                format!("{prefix}{}", words(setting, "-").to_uppercase()),
                format!("{prefix}{}", words(setting, "__-")),
            ] {
                let faults = read(json!({ "forward_headers": [name] })).unwrap_err();
                assert!(faults[0].contains("forward_headers[0]: expected one of accept-language"));
            }
        }
    }
    for unknown in ["X-Tenant", "X-New-Setting", "Authorization", "b3"] {
        assert!(read(json!({ "forward_headers": [unknown] })).is_err(), "{unknown}");
    }
}

/// A setting's name as the server compares it.
fn compared(header: &str) -> String {
    header.chars().filter(|c| !matches!(c, '-' | '_')).collect::<String>().to_lowercase()
}

#[test]
fn what_templates_forward_is_no_setting_and_their_texts_are_read() {
    let settings: BTreeSet<String> = SETTINGS
        .iter()
        .flat_map(|name| ["", "x", "kbc"].map(|prefix| format!("{prefix}{}", compared(name))))
        .collect();
    for template in TEMPLATES {
        for header in template.forwardable {
            assert!(!settings.contains(&compared(header)), "{header}");
        }
        let settings: Value = serde_json::from_str(template.settings).unwrap();
        assert!(settings.is_object());
        assert!(read_in(&json!({ "template": template.name }), false).is_ok());
    }
}
