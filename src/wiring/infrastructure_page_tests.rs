//! The table of tools in `docs/INFRASTRUCTURE.md`.

use infrastructure::{Infrastructure, manifest::SAMPLE};
use mcp_protocol::spans;
use mcp_server::toolset::{Effect, Tool, Toolset as _};
use serde_json::Value;

use super::stages::ThisServer;

const BEGIN: &str = "<!-- Written by `cargo xtask docs` from `crates/infrastructure/catalogue/*.toml`; a test keeps it current. -->\n\n";
const END: &str = "<!-- end of the table -->\n";

/// The value of a field in its text.
fn field(text: &str, name: &str) -> String {
    let fields = spans::fields(text).unwrap();
    let found = fields.into_iter().find(|field| field.name == name);
    found.map_or_else(|| "{}".to_owned(), |field| text[field.value].to_owned())
}

/// The names of a tool's arguments in the order of its definition, which a map may not keep.
fn arguments(tool: &Tool) -> Vec<String> {
    let properties = field(&field(tool.definition, "inputSchema"), "properties");
    spans::fields(&properties).unwrap().into_iter().map(|field| field.name).collect()
}

fn row(tool: &Tool) -> String {
    let definition: Value = serde_json::from_str(tool.definition).unwrap();
    let description = definition["description"].as_str().unwrap();
    let first = description.split_once(". ").map_or(description, |(first, _)| first);
    let schema = &definition["inputSchema"];
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let arguments: Vec<String> = arguments(tool)
        .into_iter()
        .map(|name| match required.iter().any(|one| *one == *name) {
            true => format!("**`{name}`**"),
            false => format!("`{name}`"),
        })
        .collect();
    let effect = if tool.effect == Effect::Read { "reads" } else { "**asks**" };
    let first = first.trim_end_matches('.').replace('|', "\\|");
    format!("| `{}` | {first} | {effect} | {} |\n", tool.name, arguments.join(", "))
}

/// `cargo xtask docs` runs it with `UPDATE_DOCS`, which writes the table instead.
#[test]
fn the_table_of_infrastructures_tools_is_what_the_catalogue_says() {
    let toolset: &'static Infrastructure =
        Box::leak(Box::new(Infrastructure::new(SAMPLE, &ThisServer)));
    let mut table =
        "| tool | does | | arguments (bold: required) |\n|---|---|---|---|\n".to_owned();
    toolset.tools().iter().for_each(|tool| table.push_str(&row(tool)));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/INFRASTRUCTURE.md");
    let page = std::fs::read_to_string(file).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the place of the table");
    let (_, after) = rest.split_once(END).expect("the end of the table");
    let current = format!("{before}{BEGIN}{table}\n{END}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(file, &current).unwrap();
    }
    let written = std::fs::read_to_string(file).unwrap();
    assert!(written == current, "docs/INFRASTRUCTURE.md is not current: run cargo xtask docs");
}
