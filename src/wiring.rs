//! The toolsets that this server has, and those with which it answers in the place of upstreams.

#[cfg(test)]
mod keboola_page_tests;
mod peoples_keys;
mod stages;

use gateway::door::Native;
use infrastructure::Infrastructure;
use keboola::{Keboola, OwnDoor};
use mcp_server::{
    registry::{FoundTool, Registry},
    tool_selection::ToolSelection,
    toolset::Toolset,
};
use sitebay::Sitebay;

use peoples_keys::PeoplesKeys;
use stages::ThisServer;

/// The upstream in whose place the tools for Keboola can stand.
pub const KEBOOLA: &str = "keboola";

/// The tools that operate the stages of `infrastructure.json`, which `build.rs` checked. Without stages it has none.
static INFRASTRUCTURE: Infrastructure = Infrastructure::new(
    include_str!(concat!(env!("OUT_DIR"), "/infrastructure.json")),
    &ThisServer,
);

/// The toolsets in the order in which their tools are listed. Those with groups keep their order:
/// session ids carry places in it.
const TOOLSETS: &[&dyn Toolset] = &[
    #[cfg(feature = "fixtures")]
    &fixtures::Fixtures,
    &Sitebay,
    &INFRASTRUCTURE,
];

/// The tools, resources and prompts of this server.
pub static REGISTRY: Registry = Registry::new(TOOLSETS);

/// The tools for Keboola as the common door has them, and as the door of the upstream `keboola`.
static KEBOOLA_TOOLS: Keboola = Keboola::new(&PeoplesKeys);
static KEBOOLA_DOOR: OwnDoor = OwnDoor::new(&KEBOOLA_TOOLS);

/// The toolset that can stand in the place of the upstream of this name.
pub fn native(upstream: &str) -> Option<Native> {
    (upstream == KEBOOLA).then_some(Native {
        common: &KEBOOLA_TOOLS,
        own: &KEBOOLA_DOOR,
        instructions: keboola::INSTRUCTIONS,
    })
}

/// A tool by the name that a task was started with: of this server, or of a toolset in the place of an upstream.
pub fn find(tool: &str) -> Option<FoundTool> {
    REGISTRY.find(tool).or_else(|| native_tool(tool))
}

/// The upstream in whose place the toolset of this tool stands. None: it is a tool of this server.
pub fn upstream_of(tool: &str) -> Option<&'static str> {
    (REGISTRY.find(tool).is_none() && native_tool(tool).is_some()).then_some(KEBOOLA)
}

fn native_tool(tool: &str) -> Option<FoundTool> {
    FoundTool::of(&KEBOOLA_TOOLS, tool).or_else(|| FoundTool::of(&KEBOOLA_DOOR, tool))
}

/// Nothing: behind the door of one upstream there is that upstream alone.
pub static NOTHING: Registry = Registry::new(&[]);

/// The tools, resources and prompts of this server behind a door; an empty name is the main door.
pub fn registry(door: &str) -> &'static Registry {
    if door.is_empty() { &REGISTRY } else { &NOTHING }
}

/// The same for a caller who made this choice: who chose upstreams alone has nothing of this server's own.
pub fn chosen_registry(door: &str, choice: ToolSelection) -> &'static Registry {
    if choice.has_own() { registry(door) } else { &NOTHING }
}

#[cfg(feature = "fixtures")]
#[cfg(test)]
mod tests {
    use mcp_auth::scope::Scopes;
    use mcp_protocol::content::CallToolResult;
    use mcp_server::testing::FakePlatform;
    use serde_json::{Value, json, value::to_raw_value};

    use super::*;

    #[test]
    fn a_task_is_found_by_its_tool_at_both_doors_of_keboola() {
        for tool in KEBOOLA_TOOLS.tools() {
            let own = tool.name.strip_prefix("keboola_").unwrap();
            for name in [tool.name, own] {
                assert!(REGISTRY.find(name).is_none(), "{name} is a tool of this server");
                assert_eq!(find(name).unwrap().tool.name, name);
                assert_eq!(upstream_of(name), Some("keboola"));
            }
        }
        assert_eq!(upstream_of("sitebay_list_sites"), None);
        assert_eq!(upstream_of("keboola_nothing"), None);
    }

    fn called(name: &str, arguments: &Value) -> CallToolResult {
        let fake = FakePlatform::new([]);
        let arguments = to_raw_value(arguments).unwrap();
        let found = REGISTRY.find(name).unwrap();
        let result = pollster::block_on(found.call(&fake.context(), Some(&arguments)));
        assert!(fake.requests().is_empty(), "{name}");
        result.unwrap()
    }

    #[test]
    fn a_tool_needs_the_scope_write_unless_it_says_that_it_only_reads() {
        for tool in Sitebay.tools() {
            let definition: Value = serde_json::from_str(tool.definition).unwrap();
            let reads = definition["annotations"]["readOnlyHint"] == true;
            let needs = REGISTRY.find(tool.name).unwrap().needs();
            assert_eq!(needs, if reads { Scopes::READ } else { Scopes::WRITE }, "{}", tool.name);
        }
    }

    #[test]
    fn every_tool_refuses_wrong_arguments_in_the_same_words() {
        let all = REGISTRY.tools(REGISTRY.choose("all,dynamic").unwrap());
        let mut tried = 0;
        for definition in all.items() {
            let definition: Value = serde_json::from_str(definition).unwrap();
            let name = definition["name"].as_str().unwrap();
            let refused = |arguments: Value, line: &str| {
                let text = called(name, &arguments).to_json();
                let head = format!("The arguments of {name} are not valid; nothing was done.\\n");
                assert!(text.contains(&head) && text.contains(line), "{line}: {text}");
            };
            refused(json!([7]), "- arguments: expected a JSON object; got");
            let schema = &definition["inputSchema"];
            if schema["additionalProperties"] == false {
                refused(json!({ "nothing_of_the_kind": 1 }), "- nothing_of_the_kind: ");
            }
            for (parameter, of) in schema["properties"].as_object().unwrap() {
                if of["$ref"].is_string() {
                    continue;
                }
                // No parameter is a list in a list.
                let wrong = json!({ parameter: [["not one value"]] });
                refused(wrong, &format!("- {parameter}"));
                tried += 1;
            }
        }
        assert!(tried > 150, "{tried}");
    }

    #[test]
    fn a_value_of_another_type_is_told_alike_by_fixtures_and_catalogue() {
        for (tool, arguments, line) in [
            (
                "slow",
                json!({ "ms": "two" }),
                "- ms: expected an integer from 0 to 600000; got the string \\\"two\\\"",
            ),
            (
                "sitebay_list_sites",
                json!({ "page": "two" }),
                "- page: expected an integer of at least 1; got the string \\\"two\\\"",
            ),
            (
                "sitebay_find_tools",
                json!({ "limit": "two" }),
                "- limit: expected an integer from 1 to 20; got the string \\\"two\\\"",
            ),
        ] {
            let text = called(tool, &arguments).to_json();
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}
