//! The table of tools in `docs/KEBOOLA.md`.

use std::fmt::Write as _;

use mcp_server::{
    tasks::TaskPolicy,
    toolset::{Effect, Tool, Toolset as _},
};
use serde_json::Value;

use super::KEBOOLA_TOOLS;

const BEGIN: &str = "<!-- Written by `cargo xtask docs` from `crates/keboola/catalogue/*.toml`; a test keeps it current. -->\n\n";
const END: &str = "<!-- end of the table -->\n";

/// The tools that Keboola's own server does not have.
const ONLY_HERE: [&str; 5] =
    ["get_events", "list_branches", "preview_table", "rollback_config", "stop_job"];

/// The tools that Keboola's own server alone has, as version 1.76 lists them.
const ONLY_THERE: [&str; 23] = [
    "create_conditional_flow",
    "create_flow",
    "create_oauth_url",
    "create_python_js_data_app_git_credential",
    "delete_python_js_data_app_draft",
    "deploy_data_app",
    "find_component_id",
    "get_config_examples",
    "get_data_apps",
    "get_flow_examples",
    "get_flow_schema",
    "get_semantic_context",
    "get_semantic_schema",
    "get_shared_buckets",
    "link_shared_bucket",
    "modify_flow",
    "modify_python_js_data_app",
    "modify_streamlit_data_app",
    "run_sync_action",
    "search_semantic_context",
    "update_flow",
    "update_project_description",
    "validate_semantic_query",
];

/// The name of a tool at the door of the upstream.
fn own_name(tool: &Tool) -> &'static str {
    tool.name.strip_prefix("keboola_").unwrap()
}

/// A text on one line of a table, with the names that callers read at the door of the upstream.
fn cell(text: &str) -> String {
    text.replace("keboola_", "").replace('|', "\\|")
}

/// The first two sentences of a text.
fn beginning(text: &str) -> String {
    let text = text.replace('\n', " ");
    let ends = text.match_indices(". ").map(|(at, _)| at);
    let end = ends.take(2).last().filter(|_| text.matches(". ").count() > 1);
    end.and_then(|end| text.get(..=end)).unwrap_or(&text).trim().to_owned()
}

fn row(tool: &Tool) -> String {
    let definition: Value = serde_json::from_str(tool.definition).unwrap();
    let description = beginning(definition["description"].as_str().unwrap());
    let asks = !definition["inputSchema"]["properties"]["confirm"].is_null();
    let effect = match (tool.effect, asks) {
        (_, true) => "**asks**",
        (Effect::Read, _) => "reads",
        _ => "changes",
    };
    let task = if tool.task_policy == TaskPolicy::Never { "" } else { "yes" };
    let name = own_name(tool);
    let there = if ONLY_HERE.contains(&name) { "" } else { "yes" };
    format!("| `{name}` | {} | {effect} | {task} | {there} |\n", cell(&description))
}

fn table() -> String {
    let mut table =
        "| tool | does | | may become a task | Keboola's server has it |\n|---|---|---|---|---|\n"
            .to_owned();
    let tools = KEBOOLA_TOOLS.tools();
    for name in ONLY_HERE {
        assert!(tools.iter().any(|tool| own_name(tool) == name), "{name}");
    }
    tools.iter().for_each(|tool| table.push_str(&row(tool)));
    let (all, only) = (tools.len(), ONLY_HERE.len());
    write!(table, "\n{all} tools, {only} of which are here only.\n").unwrap();
    table
}

/// `cargo xtask docs` runs it with `UPDATE_DOCS`, which writes the table instead.
#[test]
fn the_table_of_keboolas_tools_is_what_the_catalogue_says() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/KEBOOLA.md");
    let page = std::fs::read_to_string(file).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the place of the table");
    let (_, after) = rest.split_once(END).expect("the end of the table");
    let current = format!("{before}{BEGIN}{}\n{END}{after}", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(file, &current).unwrap();
    }
    let written = std::fs::read_to_string(file).unwrap();
    assert!(written == current, "docs/KEBOOLA.md is not current: run cargo xtask docs");
}

#[test]
fn the_page_names_every_tool_that_only_keboolas_server_has() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/KEBOOLA.md"));
    let page = page.unwrap();
    let (_, section) = page.split_once("### What only Keboola's server has").unwrap();
    let (section, _) = section.split_once("\n### ").unwrap();
    for name in ONLY_THERE {
        assert!(section.contains(&format!("`{name}`")), "{name}");
        assert!(!KEBOOLA_TOOLS.tools().iter().any(|tool| own_name(tool) == name), "{name}");
    }
}
