//! The tools, resources and prompts that this server has, over all toolsets.
//!
//! Invariant: a list's text is put together once per isolate; answering it is a copy.

use std::{cell::RefCell, iter, rc::Rc, sync::LazyLock};

use serde_json::{Map, Value, value::RawValue};

use crate::{
    access::scope::Scopes,
    protocol::{
        content::{Contents, PromptResult, ToolResult},
        fields::fields,
        raw,
        stateless::param_marks::ParamHeader,
        uri::canonical,
    },
    server::{
        ask::Stop,
        choice::Choice,
        context::Context,
        listing::Listing,
        shelf::{self, RESULT},
        tasks::Becomes,
    },
    toolsets::sitebay::{self, Effect},
};

pub use crate::toolsets::sitebay::Look;

#[cfg(feature = "fixtures")]
use crate::toolsets::fixtures;

/// The tools that are offered where nobody chose others.
pub static TOOLS: LazyLock<Listing> = LazyLock::new(|| {
    let offered = sitebay::definitions().filter(|tool| tool.default).map(|tool| tool.text);
    let parts: Vec<&str> = iter::once(FIXTURES.tools).chain(offered).collect();
    Listing::new("tools", &parts)
});

/// Lists of choices that an isolate keeps.
const MAX_CHOICES: usize = 32;

thread_local! {
    static CHOSEN: RefCell<Vec<(Choice, Rc<Listing>)>> = const { RefCell::new(Vec::new()) };
}

/// The tools of a choice; put together once per isolate.
pub fn tools(choice: Choice) -> Rc<Listing> {
    let find = |kept: &Vec<(Choice, Rc<Listing>)>| {
        kept.iter().find(|(known, _)| *known == choice).map(|(_, listing)| listing.clone())
    };
    if let Some(listing) = CHOSEN.with_borrow(find) {
        return listing;
    }
    let finder = choice.is_dynamic().then_some(sitebay::FINDER);
    let offered = sitebay::definitions().filter(|tool| choice.offers(tool)).map(|tool| tool.text);
    let parts: Vec<&str> = iter::once(FIXTURES.tools).chain(finder).chain(offered).collect();
    let listing = Rc::new(Listing::new("tools", &parts));
    CHOSEN.with_borrow_mut(|kept| {
        if kept.len() >= MAX_CHOICES {
            kept.clear();
        }
        kept.push((choice, listing.clone()));
    });
    listing
}

/// The resources that have one URI.
pub static RESOURCES: LazyLock<Listing> =
    LazyLock::new(|| Listing::new("resources", &with(FIXTURES.resources, sitebay::RESOURCES_JSON)));

/// The resources whose URI has parameters.
pub static RESOURCE_TEMPLATES: LazyLock<Listing> = LazyLock::new(|| {
    let parts = with(FIXTURES.templates, sitebay::RESOURCE_TEMPLATES_JSON);
    Listing::new("resourceTemplates", &parts)
});

/// The prompts.
pub static PROMPTS: LazyLock<Listing> =
    LazyLock::new(|| Listing::new("prompts", &[FIXTURES.prompts, sitebay::PROMPTS_JSON]));

fn with(fixtures: &'static str, parts: &[&'static str]) -> Vec<&'static str> {
    iter::once(fixtures).chain(parts.iter().copied()).collect()
}

/// What a build with fixtures adds to the lists.
struct Added {
    tools: &'static str,
    resources: &'static str,
    templates: &'static str,
    prompts: &'static str,
}

#[cfg(feature = "fixtures")]
const FIXTURES: Added = Added {
    tools: fixtures::TOOLS_JSON,
    resources: fixtures::RESOURCES_JSON,
    templates: fixtures::RESOURCE_TEMPLATES_JSON,
    prompts: fixtures::PROMPTS_JSON,
};

#[cfg(not(feature = "fixtures"))]
const FIXTURES: Added = Added { tools: "", resources: "", templates: "", prompts: "" };

/// Why a resource was not read.
#[derive(Debug)]
pub enum ReadError {
    /// There is none at this URI.
    NotFound,
    /// It is there and could not be read.
    Failed(String),
}

/// Why a prompt was not made.
#[derive(Debug)]
pub enum PromptError {
    /// There is none of this name.
    NotFound,
    /// An argument is missing or wrong.
    Arguments(String),
    /// It asks the client first.
    Stopped(Stop),
}

impl From<Stop> for PromptError {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

/// The headers that repeat arguments of a tool (2026-07-28 `x-mcp-header`).
pub fn param_headers(name: &str) -> &'static [ParamHeader] {
    static MARKED: LazyLock<Vec<(String, Vec<ParamHeader>)>> =
        LazyLock::new(|| TOOLS.items().filter_map(marked).collect());
    MARKED.iter().find(|(known, _)| known == name).map_or(&[], |(_, headers)| headers)
}

fn marked(definition: &str) -> Option<(String, Vec<ParamHeader>)> {
    if !definition.contains("x-mcp-header") {
        return None;
    }
    let definition = raw::value(definition).ok()?;
    let name = definition.get("name")?.as_str()?.to_owned();
    // A definition that breaks the rules marks nothing; clients drop such a tool.
    let headers = ParamHeader::all_in(definition.get("inputSchema")?).ok()?;
    Some((name, headers))
}

/// This server's own name for a tool. None: it has no such tool.
pub fn known(name: &str) -> Option<&'static str> {
    #[cfg(feature = "fixtures")]
    if let Some(name) = fixtures::known(name) {
        return Some(name);
    }
    sitebay::known(name)
}

/// What a tool does to the world; one that does not exist does nothing.
pub fn effect(name: &str) -> &'static str {
    #[cfg(feature = "fixtures")]
    if fixtures::changes(name) {
        return "write";
    }
    match sitebay::effect(name) {
        None | Some(Effect::Read) => "read",
        Some(Effect::Write) => "write",
        Some(Effect::Destructive) => "destructive",
    }
}

/// What a caller must be allowed to, to call a tool.
pub fn needs(name: &str) -> Scopes {
    if effect(name) == "read" { Scopes::READ } else { Scopes::WRITE }
}

/// The host name of the site that arguments name.
pub fn site(arguments: Option<&RawValue>) -> Option<String> {
    let [fqdn] = fields(arguments?.get(), ["fqdn"]).ok()?;
    sitebay::host_name(&raw::text(fqdn?)?)
}

/// Whether a tool's work becomes a task.
pub fn becomes(name: &str) -> Becomes {
    #[cfg(feature = "fixtures")]
    if let Some(becomes) = fixtures::becomes(name) {
        return becomes;
    }
    sitebay::becomes(name)
}

/// Runs a tool with arguments that its schema allows. None: there is no tool of this name.
pub async fn call(
    ctx: &Context,
    name: &str,
    arguments: Option<&RawValue>,
) -> Option<Result<ToolResult, Stop>> {
    #[cfg(feature = "fixtures")]
    if let Some(schema) = fixtures::schema(name) {
        return match schema.check(arguments) {
            Ok(_) => fixtures::call(ctx, name, arguments).await,
            Err(problems) => Some(Ok(problems.into_result(name))),
        };
    }
    let called = sitebay::call(ctx, name, arguments).await?;
    Some(match called {
        Ok(result) => Ok(shelf::fitting(ctx, result).await),
        stopped => stopped,
    })
}

/// Reads a resource.
///
/// # Errors
/// Where there is none, or it cannot be read.
pub async fn read(ctx: &Context, uri: &str) -> Result<Contents, ReadError> {
    #[cfg(feature = "fixtures")]
    if let Some(contents) = fixtures::read(uri) {
        return Ok(contents);
    }
    if uri.starts_with(RESULT) {
        return shelf::read(ctx, uri).await.ok_or(ReadError::NotFound);
    }
    match sitebay::read(ctx, uri).await {
        Ok(resource) => {
            let contents = Contents::text(uri, resource.mime_type, resource.text);
            Ok(shelf::fitting_contents(ctx, contents).await)
        }
        Err(sitebay::ResourceError::NotFound) => Err(ReadError::NotFound),
        Err(sitebay::ResourceError::Failed(why)) => Err(ReadError::Failed(why)),
    }
}

/// Whether a resource changes by itself, so that somebody has to look.
pub fn is_watchable(uri: &str) -> bool {
    sitebay::is_watchable(&canonical(uri))
}

/// Looks at a resource. None: it could not be read just now.
pub async fn look(ctx: &Context, uri: &str) -> Option<Look> {
    sitebay::look(ctx, &canonical(uri)).await
}

/// Makes a prompt.
///
/// # Errors
/// Where there is none, an argument does not fit, or the client must be asked.
#[cfg_attr(
    not(feature = "fixtures"),
    expect(clippy::unused_async, reason = "prompts of fixtures ask the client")
)]
pub async fn prompt(
    ctx: &Context,
    name: &str,
    arguments: &Map<String, Value>,
) -> Result<PromptResult, PromptError> {
    #[cfg(feature = "fixtures")]
    if let Some(made) = fixtures::prompt(ctx, name, arguments).await {
        return made;
    }
    let _ = ctx;
    sitebay::prompt(name, arguments).unwrap_or(Err(PromptError::NotFound))
}

/// Values for an argument of a prompt or of a resource template, best first. None: there is no
/// such prompt or template.
pub async fn complete(ctx: &Context, asked: &Completion<'_>) -> Option<Vec<String>> {
    #[cfg(feature = "fixtures")]
    if let Some(values) = fixtures::complete(&asked.reference, asked.argument, asked.so_far) {
        return Some(values);
    }
    if let Reference::Resource(uri) = asked.reference
        && !RESOURCE_TEMPLATES.whole().contains(&format!("\"{uri}\""))
    {
        return None;
    }
    sitebay::complete(ctx, asked).await
}

/// What is to be completed.
#[derive(Debug, Clone)]
pub struct Completion<'a> {
    /// What has the argument.
    pub reference: Reference<'a>,
    /// The argument's name.
    pub argument: &'a str,
    /// What was typed.
    pub so_far: &'a str,
    /// The site that another argument names already.
    pub site: Option<String>,
}

/// What a completion is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'a> {
    /// A prompt by name.
    Prompt(&'a str),
    /// A resource template by URI.
    Resource(&'a str),
}

#[cfg(feature = "fixtures")]
#[cfg(test)]
mod tests {
    use serde_json::{json, value::to_raw_value};

    use super::*;
    use crate::sitebay::fake::Fake;

    fn called(name: &str, arguments: &Value) -> ToolResult {
        let fake = Fake::new([]);
        let arguments = to_raw_value(arguments).unwrap();
        let result = pollster::block_on(call(&fake.context(), name, Some(&arguments)));
        assert!(fake.requests().is_empty(), "{name}");
        result.unwrap().unwrap()
    }

    #[test]
    fn a_tool_needs_the_scope_write_unless_it_says_that_it_only_reads() {
        for tool in sitebay::definitions() {
            let definition: Value = serde_json::from_str(tool.text).unwrap();
            let name = definition["name"].as_str().unwrap();
            let reads = definition["annotations"]["readOnlyHint"] == true;
            assert_eq!(needs(name), if reads { Scopes::READ } else { Scopes::WRITE }, "{name}");
        }
    }

    #[test]
    fn every_tool_refuses_wrong_arguments_in_the_same_words() {
        let all = tools(Choice::parse("all,dynamic").unwrap());
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
