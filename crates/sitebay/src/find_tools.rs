//! `sitebay_find_tools`: the tools that fit what one wants to do, for callers who chose `dynamic`.
//!
//! Invariant: what is found may be called by name at once, listed or not; enabling a toolset changes
//! the list of a session, and of nothing else.

use std::sync::LazyLock;

use serde_json::{Map, Value, value::RawValue};

use mcp_protocol::{content::CallToolResult, fields::fields, raw};
use mcp_server::toolset::{Tool, Visibility};
use mcp_server::{
    arguments::{Problems, Schema},
    context::Context,
};

/// The tool's name.
pub(super) const NAME: &str = "sitebay_find_tools";

/// The tool as MCP lists it.
const DEFINITION: &str = concat!(
    r#"{"name":"sitebay_find_tools","title":"Find tools","description":"Finds the tools that fit what you want to do, "#,
    r#"with all you need to call them. Say it in a few words, such as `add a DNS record` or `read PHP errors`. The "#,
    r#"tools that it finds can be called by name at once. `enable` also puts whole toolsets on the list of tools, for the rest of a "#,
    r#"session.","inputSchema":{"type":"object","additionalProperties":false,"properties":{"query":{"type":"string","#,
    r#""maxLength":500,"description":"What you want to do."},"enable":{"type":"array","items":{"type":"string"},"#,
    r#""maxItems":20,"description":"Names of toolsets, such as dns or backups; all for everything."},"limit":{"type":"#,
    r#""integer","minimum":1,"maximum":20,"default":5,"description":"How many tools to show."}}},"outputSchema":{"#,
    r#""type":"object","required":["tools","enabled"],"properties":{"tools":{"type":"array","items":{"type":"object"},"#,
    r#""description":"Whole definitions, best first."},"enabled":{"type":"array","items":{"type":"string"},"description":"#,
    r#""The toolsets that are listed from now on."}}},"annotations":{"title":"Find tools","readOnlyHint":true,"#,
    r#""destructiveHint":false,"idempotentHint":true,"openWorldHint":false}}"#,
);

/// The tool.
pub(super) const TOOL: Tool =
    Tool { name: NAME, visibility: Visibility::Finder, ..Tool::quick(DEFINITION) };

/// Words that say the same in a request as others do in the catalogue.
const SAME: [(&str, &str); 8] = [
    ("remov", "delet"),
    ("revert", "restor"),
    ("rollback", "restor"),
    ("undo", "restor"),
    ("snapshot", "checkpoint"),
    ("clone", "stag"),
    ("wp", "wordpress"),
    ("purg", "clear"),
];
/// A word that few tools have counts for as much as this one that many have.
const RAREST: usize = 16;

/// The request.
struct FindArguments {
    query: String,
    enable: Vec<String>,
    limit: usize,
}

/// Runs the tool.
pub(super) async fn run(ctx: &Context, arguments: Option<&RawValue>) -> CallToolResult {
    let wanted = match FindArguments::read(arguments) {
        Ok(wanted) => wanted,
        Err(problems) => return problems.into_result(NAME),
    };
    let mut bits = 0;
    for name in &wanted.enable {
        match ctx.registry.bits(name) {
            Ok(of) => bits |= of,
            Err(unknown) => {
                return Problems::one("enable", &unknown.to_string()).into_result(NAME);
            }
        }
    }
    let listed = bits != 0 && ctx.notifier.enable(bits).await;
    let choice = ctx.choice.within(ctx.principal.scopes);
    let finds = |tool: &&Tool| !tool.group.is_empty() && choice.may_offer(tool);
    let enabled = choice.with(bits);
    let found: Vec<&Tool> = match wanted.query.is_empty() {
        true => ctx
            .registry
            .all()
            .filter(|tool| !tool.group.is_empty() && ctx.registry.offers(enabled, tool))
            .collect(),
        false => best(ctx.registry.all().filter(finds).collect(), &wanted.query, wanted.limit),
    };
    answer(ctx, &found, if listed { wanted.enable } else { Vec::new() }, bits != 0)
}

impl FindArguments {
    fn read(arguments: Option<&RawValue>) -> Result<Self, Problems> {
        static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::of_definition(DEFINITION));
        let checked = SCHEMA.check(arguments)?;
        let query = checked.get("query").and_then(Value::as_str).unwrap_or_default();
        let enable = checked.get("enable").and_then(Value::as_array).into_iter().flatten();
        let limit = checked.get("limit").and_then(Value::as_u64).unwrap_or_default();
        let wanted = Self {
            query: query.trim().to_owned(),
            enable: enable.filter_map(|name| Some(name.as_str()?.to_owned())).collect(),
            limit: usize::try_from(limit).unwrap_or_default(),
        };
        if wanted.query.is_empty() && wanted.enable.is_empty() {
            let problem = "say what you want to do, or name toolsets in enable";
            return Err(Problems::one("query", problem));
        }
        Ok(wanted)
    }
}

/// The tools that fit best, best first.
fn best(tools: Vec<&'static Tool>, query: &str, limit: usize) -> Vec<&'static Tool> {
    let texts: Vec<[String; 2]> = tools.iter().map(|tool| texts(tool)).collect();
    let mut scores = vec![0_usize; tools.len()];
    for word in words(query) {
        let hits: Vec<usize> = texts.iter().map(|texts| hit(texts, &word)).collect();
        let having = hits.iter().filter(|hit| **hit > 0).count().max(1);
        let weight = tools.len().checked_div(having).unwrap_or(1).clamp(1, RAREST);
        for (score, hit) in scores.iter_mut().zip(hits) {
            *score = score.saturating_add(hit.saturating_mul(weight));
        }
    }
    let mut ranked: Vec<(usize, &Tool)> = scores.into_iter().zip(tools).collect();
    ranked.retain(|(score, _)| *score > 0);
    ranked.sort_by_key(|(score, _)| usize::MAX.saturating_sub(*score));
    ranked.into_iter().take(limit).map(|(_, tool)| tool).collect()
}

/// How well a word fits: what names a tool counts more than what describes it.
fn hit([name, description]: &[String; 2], word: &str) -> usize {
    let has = |text: &str| {
        text.split(|c: char| !c.is_ascii_alphanumeric()).any(|known| known.starts_with(word))
    };
    match (has(name), has(description)) {
        (true, _) => 4,
        (false, true) => 1,
        (false, false) => 0,
    }
}

/// A tool's name and title, and its description, in lower case.
fn texts(tool: &Tool) -> [String; 2] {
    let title = field(tool, "title");
    let name = tool.name.strip_prefix("sitebay_").unwrap_or(tool.name);
    let description = description(tool);
    [format!("{name} {title} {}", tool.group).to_lowercase(), description.to_lowercase()]
}

fn description(tool: &Tool) -> String {
    field(tool, "description")
}

/// A text in a tool's definition.
fn field(tool: &Tool, name: &'static str) -> String {
    let [found] = fields(tool.definition, [name]).unwrap_or_default();
    found.and_then(raw::string).unwrap_or_default()
}

/// The words of a text that say something, without their endings.
fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let meaning = words.filter(|word| word.len() > 1 && !EMPTY.contains(word)).map(stem);
    meaning.map(|word| same(word).to_owned()).take(40).collect()
}

/// Words that say nothing here.
const EMPTY: [&str; 18] = [
    "the", "an", "of", "to", "for", "in", "on", "my", "me", "and", "or", "is", "it", "with",
    "from", "site", "sites", "sitebay",
];

fn stem(word: &str) -> &str {
    let endings = ["ing", "ed", "es", "s", "e"];
    let cut = endings.iter().find_map(|ending| word.strip_suffix(ending));
    cut.filter(|stem| stem.len() >= 3).unwrap_or(word)
}

fn same(word: &str) -> &str {
    let known = SAME.iter().find(|(asked, _)| word.starts_with(asked));
    known.map_or(word, |(_, said)| said)
}

fn answer(ctx: &Context, found: &[&Tool], enabled: Vec<String>, wanted: bool) -> CallToolResult {
    let mut text = match (found.len(), enabled.is_empty(), wanted) {
        (0, ..) => {
            "No tool fits. Say it in other words, or enable a toolset: ".to_owned()
                + &ctx.registry.groups().collect::<Vec<_>>().join(", ")
        }
        (_, false, _) => format!("Listed from now on: {}.", enabled.join(", ")),
        (_, true, true) => "Without a session the list stays as it is; call these by name.".into(),
        (_, true, false) => "Call these by name.".to_owned(),
    };
    found.iter().for_each(|tool| text.push_str(&shown(tool)));
    let tools: Vec<Value> =
        found.iter().filter_map(|tool| raw::value(tool.definition).ok()).collect();
    let enabled = enabled.into_iter().map(Value::from).collect();
    let mut data = Map::new();
    data.insert("tools".to_owned(), tools.into());
    data.insert("enabled".to_owned(), Value::Array(enabled));
    CallToolResult::structured(Value::Object(data), text)
}

/// The definition that a model needs to call a tool.
fn shown(tool: &Tool) -> String {
    let [schema] = fields(tool.definition, ["inputSchema"]).unwrap_or_default();
    let schema = schema.map_or("{}", RawValue::get);
    let (name, set) = (tool.name, tool.group);
    format!("\n\n{name} (toolset {set}): {}\nArguments: {schema}", description(tool))
}

#[cfg(test)]
mod tests {
    use pollster::block_on;
    use serde_json::{json, value::to_raw_value};

    use super::*;
    use crate::testing::REGISTRY;
    use mcp_server::{testing::FakePlatform, tool_selection::ToolSelection};

    fn call(ctx: &Context, arguments: Value) -> CallToolResult {
        let arguments = to_raw_value(&arguments).unwrap();
        let ctx = Context { registry: &REGISTRY, ..ctx.clone() };
        block_on(super::super::call(&ctx, NAME, Some(&arguments))).unwrap()
    }

    fn first(query: &str) -> String {
        let fake = FakePlatform::new([]);
        let result = call(&fake.context(), json!({ "query": query }));
        let data = result.structured_content.unwrap();
        data["tools"][0]["name"].as_str().unwrap_or_default().to_owned()
    }

    #[test]
    fn what_one_wants_to_do_finds_its_tool() {
        for (query, name) in [
            ("add a DNS record", "sitebay_create_dns_record"),
            ("remove my site", "sitebay_delete_site"),
            ("take a screenshot of the page", "sitebay_browser_screenshot"),
            ("run wp-cli", "sitebay_site_shell_command"),
            ("purge the cache", "sitebay_clear_cache"),
            ("revert a site to a backup", "sitebay_backup_restore"),
            ("read the PHP error logs", "sitebay_get_site_logs"),
        ] {
            assert_eq!(first(query), name, "{query}");
        }
        assert_eq!(first("zzzz"), "");
    }

    #[test]
    fn a_reader_finds_what_reads() {
        let fake = FakePlatform::new([]);
        let choice = ToolSelection { read_only: true, ..ToolSelection::default() };
        let ctx = Context { choice, ..fake.context() };
        let text = call(&ctx, json!({ "query": "delete a site", "limit": 20 })).to_json();
        assert!(!text.contains("sitebay_delete_site"), "{text}");
    }

    #[test]
    fn without_a_session_a_toolset_is_shown_whole_and_nothing_is_enabled() {
        let fake = FakePlatform::new([]);
        let dynamic = Context { choice: REGISTRY.choose("dynamic").unwrap(), ..fake.context() };
        let data = call(&dynamic, json!({ "enable": ["dns"] })).structured_content.unwrap();
        assert!(data["tools"].as_array().unwrap().len() >= 3 && data["enabled"] == json!([]));
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        let fake = FakePlatform::new([]);
        for (arguments, part) in [
            (json!({}), "query"),
            (json!({ "query": 7 }), "query"),
            (json!({ "query": "dns", "limit": 0 }), "limit"),
            (json!({ "enable": ["moon"] }), "moon"),
            (json!({ "enable": "dns" }), "enable"),
            (json!({ "query": "dns", "moon": 1 }), "moon"),
            (json!([]), "object"),
        ] {
            let result = call(&fake.context(), arguments.clone());
            let text = result.to_json();
            assert!(result.is_error && text.contains(part), "{arguments}: {text}");
        }
    }
}
