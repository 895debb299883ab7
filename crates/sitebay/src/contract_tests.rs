//! The catalogue beside the API's own description (OpenAPI, March 2026).
//!
//! Every operation is there, and every parameter has the place, type, default, choices and bounds of
//! the contract. What differs on purpose is in [`EXCEPTIONS`]; one that no longer differs fails.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    operations::{OPERATIONS, Operation, Parameter},
    testing::{definition, fact_or_skip},
};
use catalogue::{Alternative, Place};
use mcp_platform::Method;

const FILE: &str = "sitebay-openapi-2026-03.json";
const GENERATION: &str = "2026-03";
const PREFIX: &str = "/f/api/v1";

/// The accepted differences: tool, parameter (the API's name), aspect, reason. `*` stands for any tool.
const EXCEPTIONS: &[(&str, &str, &str, &str)] = &[
    ("*", "fqdn", "maxLength", HOST),
    ("*", "hostname", "maxLength", HOST),
    ("*", "external_name", "maxLength", HOST),
    ("*", "page", "unknown", "documented for lists since October 2026"),
    ("*", "size", "unknown", "documented for lists since October 2026"),
    ("sitebay_site_shell_command", "cwd", "default", ORIGINAL),
    ("sitebay_site_shell_command", "auto_track_dir", "default", ORIGINAL),
    ("sitebay_site_shell_command", "cmd", "maxLength", "longer commands are scripts: a mistake"),
    ("sitebay_create_site", "is_free", "default", ORIGINAL),
    ("sitebay_backup_restore", "for_stage_site", "default", ORIGINAL),
    ("sitebay_backup_restore", "restore_db", "default", ORIGINAL),
    ("sitebay_backup_restore", "restore_wp_content", "default", ORIGINAL),
    ("sitebay_backup_restore", "delete_extra_files", "default", ORIGINAL),
    ("sitebay_backup_restore", "is_dry_run", "default", ORIGINAL),
    ("sitebay_backup_list_commits", "restore_point", "required", "without one the tool takes now"),
    ("sitebay_backup_list_commits", "number_to_fetch", "minimum", "none makes no list"),
    ("sitebay_backup_list_commits", "number_to_fetch", "maximum", "keeps the answer readable"),
    ("sitebay_account_create_checkout", "for_team_id", "required", "without one the default team"),
    ("sitebay_account_create_checkout", "for_team_id", "format", "ids of teams are UUIDs"),
    ("sitebay_update_shopify_store", "inject_header", "default", "a change leaves the rest alone"),
    (
        "sitebay_get_download_urls",
        "version_ids",
        "items",
        "an unknown version is left out, not null",
    ),
    ("sitebay_get_container_logs", "container_name", "maxLength", LONG),
    ("sitebay_get_container_logs", "lines", "minimum", "none makes no list"),
    ("sitebay_get_container_logs", "lines", "maximum", "keeps the answer readable"),
    ("sitebay_get_site_logs", "lines", "minimum", "none makes no list"),
    ("sitebay_get_site_logs", "lines", "maximum", "keeps the answer readable"),
    ("sitebay_get_site_logs", "log_type", "minLength", "an empty one names no log"),
    ("sitebay_get_site_logs", "level", "enum", "named in the contract's description"),
    ("sitebay_dolt_log", "limit", "minimum", "none makes no list"),
    ("sitebay_dolt_history_search", "diff_type", "enum", "named in the contract's description"),
    ("sitebay_dolt_history_search", "date_from", "format", "named in the contract's description"),
    ("sitebay_dolt_history_search", "date_to", "format", "named in the contract's description"),
    ("sitebay_get_pit_restore", "format", "minLength", "an empty one names no form"),
    ("sitebay_read_file", "start_line", "minimum", "lines count from 1"),
    ("sitebay_read_file", "end_line", "minimum", "lines count from 1"),
    ("sitebay_create_checkpoint", "name", "maxLength", LONG),
    ("sitebay_create_checkpoint", "page_path", "pattern", PATH),
    ("sitebay_create_staging_site", "subdomain", "maxLength", HOST),
    ("sitebay_create_dns_record", "dns_name", "maxLength", HOST),
    ("sitebay_create_dns_record", "dns_content", "maxLength", LONG),
    ("sitebay_create_dns_record", "dns_type", "maxLength", LONG),
    ("sitebay_delete_dns_record", "dns_id", "maxLength", LONG),
    ("sitebay_remove_custom_hostname", "hostname_id", "maxLength", LONG),
    ("sitebay_create_external_path", "path", "pattern", PATH),
    ("sitebay_browser_goto", "path", "pattern", PATH),
    ("sitebay_browser_click", "selector", "maxLength", LONG),
    ("sitebay_browser_fill", "selector", "maxLength", LONG),
    ("sitebay_browser_text", "selector", "maxLength", LONG),
    ("sitebay_browser_text", "selector", "minLength", "an empty one selects nothing"),
    ("sitebay_browser_eval", "js", "maxLength", LONG),
    ("sitebay_shopify_store", "id", "minimum", ID),
    ("sitebay_update_shopify_store", "id", "minimum", ID),
    ("*", "theme_id", "minimum", ID),
    ("*", "shop_name", "maxLength", LONG),
    ("sitebay_duplicate_theme", "name", "maxLength", LONG),
    ("sitebay_wordpress_proxy", "path", "pattern", PATH),
    ("sitebay_shopify_proxy", "path", "pattern", PATH),
    ("sitebay_posthog_proxy", "path", "pattern", PATH),
    ("sitebay_proxy_to_grafana", "path", "pattern", PATH),
];
const ORIGINAL: &str = "clients know the tool without it; SiteBay fills it in";
const HOST: &str = "host names and their parts have lengths (RFC 1035)";
const LONG: &str = "longer ones are a mistake";
const PATH: &str = "paths start with a slash";
const ID: &str = "ids count from 1";

/// A parameter, flattened: where it goes and what it takes.
struct Known {
    name: String,
    place: Place,
    required: bool,
    schema: Value,
}

fn operations(contract: &Value) -> Vec<(String, Method, Vec<Known>)> {
    let mut all = Vec::new();
    for (path, methods) in contract["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let method = match method.as_str() {
                "get" => Method::Get,
                "post" => Method::Post,
                "patch" => Method::Patch,
                "delete" => Method::Delete,
                other => panic!("{other} {path}"),
            };
            let path = path.strip_prefix(PREFIX).unwrap().to_owned();
            all.push((path, method, parameters(contract, operation)));
        }
    }
    all
}

fn parameters(contract: &Value, operation: &Value) -> Vec<Known> {
    let place = |text: &str| if text == "path" { Place::Path } else { Place::Query };
    let plain = operation["parameters"].as_array().into_iter().flatten().map(|parameter| Known {
        name: parameter["name"].as_str().unwrap().into(),
        place: place(parameter["in"].as_str().unwrap()),
        required: parameter["required"] == true,
        schema: resolved(contract, &parameter["schema"]),
    });
    let body =
        resolved(contract, &operation["requestBody"]["content"]["application/json"]["schema"]);
    let required = strings(&body["required"]);
    let fields = body["properties"].as_object().cloned().unwrap_or_default();
    let fields = fields.into_iter().map(|(name, schema)| Known {
        required: required.contains(&name),
        schema: resolved(contract, &schema),
        place: Place::Body,
        name,
    });
    plain.chain(fields).collect()
}

/// A schema without references and without the null of optional values.
fn resolved(contract: &Value, schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(reference) = schema["$ref"].as_str() {
        let target = contract.pointer(reference.trim_start_matches('#')).unwrap().clone();
        schema.as_object_mut().unwrap().remove("$ref");
        merge(&mut schema, &target);
    }
    if let Some(first) = schema["anyOf"].as_array().and_then(|any| any.first()).cloned() {
        merge(&mut schema, &first);
    }
    if let Some(items) = schema.get("items").cloned() {
        schema["items"] = resolved(contract, &items);
    }
    schema
}

fn merge(schema: &mut Value, other: &Value) {
    for (key, value) in other.as_object().unwrap() {
        schema.as_object_mut().unwrap().entry(key).or_insert_with(|| value.clone());
    }
}

fn strings(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The API's name and the place of a parameter on this route, which may be another generation's.
fn placed(operation: &Operation, path: &str, parameter: &Parameter) -> (&'static str, Place) {
    let alternative = operation
        .alternatives
        .iter()
        .find(|other| other.path == path && (operation.path != path || !other.moved.is_empty()));
    let moved = alternative.and_then(|route| route.moved.iter().find(|m| m.name == parameter.name));
    moved.map_or((parameter.api, parameter.place), |moved| (moved.api, moved.place))
}

fn offers(operation: &Operation, path: &str, method: Method) -> bool {
    let other = |other: &Alternative| {
        other.generation == GENERATION && other.path == path && other.method == method
    };
    (operation.path == path && operation.method == method)
        || operation.alternatives.iter().any(other)
}

/// The differences, as `(parameter, aspect)`.
fn differences(operation: &Operation, path: &str, known: &[Known]) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    let input = definition(operation.name)["inputSchema"].clone();
    let required = strings(&input["required"]);
    let sent = operation.parameters.iter().filter(|parameter| parameter.place != Place::Local);
    let mut own: Vec<_> = sent.map(|p| (placed(operation, path, p), p)).collect();
    for Known { name, place, required: needed, schema } in known {
        let Some(at) = own.iter().position(|((api, _), _)| api == name) else {
            found.push((name.clone(), "missing"));
            continue;
        };
        let ((_, own_place), parameter) = own.remove(at);
        let mut differs = |aspect, differs: bool| {
            if differs {
                found.push((name.clone(), aspect));
            }
        };
        differs("place", own_place != *place);
        differs("required", required.contains(parameter.name) != *needed);
        let own_schema = &input["properties"][parameter.name];
        for aspect in ["type", "default", "enum", "minimum", "maximum", "pattern", "maxLength"] {
            differs(aspect, plain(&own_schema[aspect]) != plain(&schema[aspect]));
        }
        // An empty string says nothing where a value is required.
        let (own_least, least) = (&own_schema["minLength"], &schema["minLength"]);
        differs("minLength", own_least != least && !(*needed && least.is_null()));
        differs("format", format(&own_schema["format"]) != format(&schema["format"]));
        differs("items", items(&own_schema["items"]) != items(&schema["items"]));
    }
    found.extend(own.into_iter().map(|((api, _), _)| (api.to_owned(), "unknown")));
    found
}

/// 10.0 is 10.
fn plain(value: &Value) -> Value {
    match value.as_f64() {
        Some(number) => json!(number),
        None => value.clone(),
    }
}

fn format(value: &Value) -> &str {
    match value.as_str() {
        Some("uuid4") => "uuid",
        other => other.unwrap_or_default(),
    }
}

/// The type of the items, and their fields with types and whether they are required.
fn items(schema: &Value) -> Value {
    let field = |(name, field): (&String, &Value)| (name.clone(), field["type"].clone());
    let fields = schema["properties"].as_object();
    let fields: serde_json::Map<_, _> = fields.into_iter().flatten().map(field).collect();
    json!([schema["type"], schema.get("anyOf").is_some(), fields, strings(&schema["required"])])
}

#[test]
fn the_catalogue_is_what_the_contract_says() {
    let Some(contract) = fact_or_skip("the contract of the API", FILE) else {
        return;
    };
    let mut unused: BTreeSet<_> =
        EXCEPTIONS.iter().map(|(tool, name, at, _)| (tool, name, at)).collect();
    let mut problems = Vec::new();
    let contract = operations(&contract);
    assert_eq!(contract.len(), 71);
    for (path, method, known) in &contract {
        let tools: Vec<_> = OPERATIONS.iter().filter(|tool| offers(tool, path, *method)).collect();
        let [tool] = tools.as_slice() else {
            problems.push(format!("{method:?} {path}: {} tools", tools.len()));
            continue;
        };
        for (name, aspect) in differences(tool, path, known) {
            let excepted = |(other, parameter, at, _): &&(&str, &str, &str, &str)| {
                (*other == tool.name || *other == "*") && *parameter == name && *at == aspect
            };
            match EXCEPTIONS.iter().find(excepted) {
                Some((tool, name, at, _)) => drop(unused.remove(&(tool, name, at))),
                None => problems.push(format!("{} {name}: {aspect}", tool.name)),
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(unused.is_empty(), "no longer different: {unused:?}");
    assert_eq!(OPERATIONS.len(), contract.len());
}
