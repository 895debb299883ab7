//! The tools that Keboola's own MCP server has as well: their arguments, answers and hints, by name.
//!
//! The table is what version 1.105.1 was observed to list. Left out are `scope_token` and `project_id`,
//! which are for tokens of several projects, and a Storage token is of one.

use serde_json::Value;

use crate::operations::OPERATIONS;

/// A tool of both servers. Lists of names are separated by spaces; `*` marks a required argument.
struct Shared {
    name: &'static str,
    /// R reads, D destroys, I is idempotent, O reaches outside of the service.
    hints: &'static str,
    arguments: &'static str,
    /// The names of the answer; those below `result` where the answer is wrapped.
    answer: &'static str,
    wrapped: bool,
}

const CHANGED: &str =
    "change_summary component_id configuration_id description links success timestamp version";
const JOB: &str = "component_id config_data config_id config_row created_time duration_seconds end_time id \
                   is_finished links logs logs_error result run_id start_time status url";

const SHARED: [Shared; 18] = [
    plain(
        "get_project_info",
        "RI",
        "",
        "branch_id branch_name conditional_flows is_development_branch links \
        llm_instruction organization_id project_description project_id project_name sql_dialect \
        toolset_restrictions user_role workspace_id",
    ),
    plain("docs_query", "RI", "query*", "source_urls text"),
    plain(
        "search",
        "RI",
        "item_types limit mode offset patterns* scopes search_type",
        "branch_scope by_type hits total",
    ),
    plain("get_buckets", "RI", "bucket_ids", "bucket_counts buckets buckets_not_found links"),
    plain(
        "get_tables",
        "RI",
        "bucket_ids include_usage table_ids",
        "links tables tables_not_found",
    ),
    plain("update_descriptions", "DI", "updates*", "failed results successful total_processed"),
    plain(
        "query_data",
        "RI",
        "query_name* query_ref sql_query*",
        "csv_data message query_name query_ref",
    ),
    wrapped(
        "get_jobs",
        "RI",
        "component_id config_id include_logs job_ids limit log_event_types log_tail_lines \
        offset sort_by sort_order status",
        "errors jobs links not_found",
    ),
    plain("run_job", "DO", "component_id* configuration_id* configuration_row_ids", JOB),
    plain("get_components", "RI", "component_ids*", "components errors links not_found"),
    wrapped(
        "get_configs",
        "RI",
        "component_ids component_types configs",
        "components_with_configs configs errors links not_found",
    ),
    wrapped("get_flows", "RI", "flow_ids", "errors flows links not_found"),
    plain(
        "create_config",
        "",
        "component_id* description* name* parameters* processors_after processors_before \
        runtime storage variables",
        CHANGED,
    ),
    plain(
        "add_config_row",
        "",
        "component_id* configuration_id* description* name* parameters* processors_after \
        processors_before storage",
        CHANGED,
    ),
    plain(
        "update_config",
        "D",
        "change_description* component_id* configuration_id* description folder name \
        parameter_updates processors_after processors_before runtime storage variables",
        CHANGED,
    ),
    plain(
        "update_config_row",
        "D",
        "change_description* component_id* configuration_id* configuration_row_id* \
        description is_disabled name parameter_updates processors_after processors_before storage",
        CHANGED,
    ),
    plain(
        "create_sql_transformation",
        "",
        "created_table_names description* folder name* sql_code_blocks* variables",
        CHANGED,
    ),
    plain(
        "update_sql_transformation",
        "D",
        "change_description* configuration_id* description folder name \
        parameter_updates storage variables",
        CHANGED,
    ),
];

/// Arguments that only this server has.
const OWN: [&str; 4] = ["branch_id", "confirm", "long_running", "wait"];

const fn plain(
    name: &'static str,
    hints: &'static str,
    arguments: &'static str,
    answer: &'static str,
) -> Shared {
    Shared { name, hints, arguments, answer, wrapped: false }
}

const fn wrapped(
    name: &'static str,
    hints: &'static str,
    arguments: &'static str,
    answer: &'static str,
) -> Shared {
    Shared { name, hints, arguments, answer, wrapped: true }
}

fn definition(name: &str) -> Value {
    let full = format!("keboola_{name}");
    let operation = OPERATIONS.iter().find(|operation| operation.name == full).unwrap();
    serde_json::from_str(operation.definition).unwrap()
}

/// Fields of answers that this server has beside them: what of Keboola's answer did not fit, and what was not read.
const OWN_FIELDS: [&str; 2] = ["incomplete", "warnings"];

/// The names of a schema's properties in order.
fn names(schema: &Value) -> Vec<&str> {
    let properties = schema["properties"].as_object().unwrap();
    let mut names: Vec<&str> = properties.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn arguments_have_the_names_of_keboolas_server() {
    for shared in SHARED {
        let schema = &definition(shared.name)["inputSchema"];
        let found: Vec<&str> =
            names(schema).into_iter().filter(|name| !OWN.contains(name)).collect();
        let listed: Vec<&str> =
            words(shared.arguments).iter().map(|name| name.trim_end_matches('*')).collect();
        assert_eq!(found, listed, "{}", shared.name);
        let mut required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|name| name.as_str().unwrap())
            .collect();
        required.sort_unstable();
        let listed: Vec<&str> =
            words(shared.arguments).iter().filter_map(|name| name.strip_suffix('*')).collect();
        assert_eq!(required, listed, "{}", shared.name);
    }
}

#[test]
fn answers_have_the_names_of_keboolas_server() {
    for shared in SHARED {
        let mut schema = &definition(shared.name)["outputSchema"];
        let is_wrapped = schema["x-fastmcp-wrap-result"] == true;
        assert_eq!(is_wrapped, shared.wrapped, "{}", shared.name);
        if is_wrapped {
            assert_eq!(names(schema), ["result", "warnings"], "{}", shared.name);
            schema = &schema["properties"]["result"];
        }
        let found: Vec<&str> =
            names(schema).into_iter().filter(|name| !OWN_FIELDS.contains(name)).collect();
        assert_eq!(found, words(shared.answer), "{}", shared.name);
    }
}

#[test]
fn hints_are_those_of_keboolas_server() {
    for shared in SHARED {
        let hints = &definition(shared.name)["annotations"];
        for (letter, hint) in [
            ('R', "readOnlyHint"),
            ('D', "destructiveHint"),
            ('I', "idempotentHint"),
            ('O', "openWorldHint"),
        ] {
            assert_eq!(hints[hint], shared.hints.contains(letter), "{} {hint}", shared.name);
        }
    }
}

/// Every name of an argument or of a field, at any depth.
fn all_names(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                found.extend(properties.keys().cloned());
            }
            map.values().for_each(|inner| all_names(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| all_names(inner, found)),
        _ => {}
    }
}

#[test]
fn every_name_is_in_snake_case() {
    for operation in OPERATIONS {
        let definition: Value = serde_json::from_str(operation.definition).unwrap();
        let mut found = Vec::new();
        all_names(&definition["inputSchema"], &mut found);
        all_names(&definition["outputSchema"], &mut found);
        let odd: Vec<&String> = found
            .iter()
            .filter(|name| !name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            .collect();
        assert!(odd.is_empty(), "{}: {odd:?}", operation.name);
    }
}
