//! The catalogue for people: `docs/TOOLS_REFERENCE.md`.

use super::{
    definitions::one_line,
    model::{Alternative, Catalogue, Effect, Kind, Parameter, Place, Tool, Toolset},
};

const HEAD: &str = "# Tools

Written by `cargo xtask docs` from `crates/sitebay/catalogue/*.toml`; a test keeps it current.

Tools marked *default* are listed for callers who choose no toolsets. *Retired* tools call routes that SiteBay removed in October 2026; those that
are also *hidden* are not listed. *Sensitive* tools show secrets if `reveal` is true. Any tool can be called by its name. Paths are below
`/f/api/v1`.

With the toolset `dynamic` there is one more tool: `sitebay_find_tools` finds tools by what you want to do (`query`, in a few words), returns their
whole definitions, and lists toolsets (`enable`) for the rest of a session.
";

/// The whole document.
pub(crate) fn render(catalogue: &Catalogue) -> String {
    let mut out = HEAD.to_owned();
    let sets = || catalogue.toolsets.iter().filter(|set| !set.tool.is_empty());
    out.push_str(
        "\n| toolset | tools | default | reads | writes | destroys |\n|---|---|---|---|---|---|\n",
    );
    sets().for_each(|set| out.push_str(&summary(set)));
    for set in sets() {
        out.push_str(&format!("\n## {}\n", set.toolset));
        set.tool.iter().for_each(|tool| out.push_str(&section(tool)));
    }
    out
}

fn summary(set: &Toolset) -> String {
    let count = |fits: &dyn Fn(&&Tool) -> bool| set.tool.iter().filter(|tool| fits(tool)).count();
    let of = |effect| count(&|tool: &&Tool| tool.effect == effect);
    let (name, all, default) = (&set.toolset, set.tool.len(), count(&|tool| tool.default));
    let (reads, writes, destroys) = (of(Effect::Read), of(Effect::Write), of(Effect::Destructive));
    format!("| [{name}](#{name}) | {all} | {default} | {reads} | {writes} | {destroys} |\n")
}

fn section(tool: &Tool) -> String {
    let mut out =
        format!("\n### {}\n\n**{}.** {}\n\n", tool.name, tool.title, one_line(&tool.description));
    out.push_str(&format!(
        "`{} {}` · {}\n",
        method(tool.method),
        tool.path,
        marks(tool).join(" · ")
    ));
    for other in &tool.alternatives {
        out.push_str(&alternative(other));
    }
    if let Some(consent) = &tool.consent {
        out.push_str(&format!("\nWhat would be lost: {consent}\n"));
    }
    if !tool.parameters.is_empty() {
        out.push_str("\n| parameter | type | sent in | |\n|---|---|---|---|\n");
        tool.parameters.iter().for_each(|parameter| out.push_str(&row("", parameter)));
    }
    out
}

fn method(method: impl std::fmt::Debug) -> String {
    format!("{method:?}").to_uppercase()
}

fn marks(tool: &Tool) -> Vec<&'static str> {
    let effect = match tool.effect {
        Effect::Read => "reads",
        Effect::Write => "writes",
        Effect::Destructive => "destructive",
    };
    let marks = [
        (true, effect),
        (tool.default, "default"),
        (tool.reveal.is_some(), "sensitive"),
        (tool.long, "long"),
        (tool.retired.is_some(), "retired"),
        (tool.hidden, "hidden"),
    ];
    marks.into_iter().filter(|(marked, _)| *marked).map(|(_, mark)| mark).collect()
}

fn alternative(other: &Alternative) -> String {
    let Alternative { generation, method: verb, path, moved } = other;
    let moved: Vec<String> = moved
        .iter()
        .map(|moved| format!("`{}` in the {}", moved.api, place(moved.place)))
        .collect();
    let with =
        if moved.is_empty() { String::new() } else { format!(", with {}", moved.join(", ")) };
    format!("\nIn the API of {generation}: `{} {path}`{with}\n", method(verb))
}

fn row(prefix: &str, parameter: &Parameter) -> String {
    let name = format!("{prefix}{}", parameter.name);
    let required = if parameter.required { " **required**" } else { "" };
    let api = match &parameter.api {
        Some(api) => format!("{} as `{api}`", place(parameter.place)),
        None => place(parameter.place).to_owned(),
    };
    let text = one_line(&parameter.description).replace('|', "\\|");
    let limits = limits(parameter);
    let mut out =
        format!("| `{name}`{required} | {}{limits} | {api} | {text} |\n", kind(parameter.kind));
    parameter.items.iter().for_each(|item| out.push_str(&row(&format!("{name}[]."), item)));
    out
}

fn place(place: Place) -> &'static str {
    match place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Body => "body",
        Place::Local => "—",
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "string",
        Kind::Fqdn => "host name",
        Kind::Uuid => "UUID",
        Kind::Email => "e-mail address",
        Kind::DateTime => "date and time",
        Kind::Date => "date",
        Kind::UrlPath => "path",
        Kind::ContentPath => "path below wp-content",
        Kind::Blocks => "search and replace blocks",
        Kind::JsonObject => "JSON object as text",
        Kind::Flag => "boolean",
        Kind::Integer => "integer",
        Kind::Texts => "list of strings",
        Kind::Objects => "list of objects",
        Kind::Object => "object",
    }
}

fn limits(parameter: &Parameter) -> String {
    let mut out = String::new();
    if !parameter.choices.is_empty() {
        out.push_str(&format!(": {}", parameter.choices.join(", ")));
    }
    match (parameter.minimum, parameter.maximum) {
        (Some(least), Some(most)) => out.push_str(&format!(", {least} to {most}")),
        (Some(least), None) => out.push_str(&format!(", from {least}")),
        (None, Some(most)) => out.push_str(&format!(", up to {most}")),
        (None, None) => {}
    }
    if let Some(default) = &parameter.default {
        out.push_str(&format!(", default `{default}`"));
    }
    out
}
