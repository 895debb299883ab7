//! A catalogue for readers, in Markdown, such as `docs/TOOLS_REFERENCE.md`.

use crate::{
    Settings,
    definitions::one_line,
    model::{Alternative, Catalogue, Effect, Kind, Parameter, Place, Tool, Toolset},
};

/// The whole document.
pub(crate) fn render(settings: &Settings, catalogue: &Catalogue, head: &str) -> String {
    let mut out = head.to_owned();
    let sets = || catalogue.toolsets.iter().filter(|set| !set.tool.is_empty());
    out.push_str(
        "\n| toolset | tools | default | reads | writes | destroys |\n|---|---|---|---|---|---|\n",
    );
    sets().for_each(|set| out.push_str(&summary(set)));
    for set in sets() {
        out.push_str(&format!("\n## {}\n", set.toolset));
        set.tool.iter().for_each(|tool| out.push_str(&section(settings, tool)));
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

fn section(settings: &Settings, tool: &Tool) -> String {
    let mut out =
        format!("\n### {}\n\n**{}.** {}\n\n", tool.name, tool.title, one_line(&tool.description));
    if let (Some(verb), Some(path)) = (tool.method, &tool.path) {
        let host = tool.host.as_ref().map(|host| format!("{host}: ")).unwrap_or_default();
        out.push_str(&format!("`{host}{} {path}` · ", method(verb)));
    }
    out.push_str(&format!("{}\n", marks(tool).join(" · ")));
    for other in &tool.alternatives {
        out.push_str(&alternative(other));
    }
    if let Some(consent) = &tool.consent {
        out.push_str(&format!("\nWhat would be lost: {consent}\n"));
    }
    if !tool.parameters.is_empty() {
        out.push_str("\n| parameter | type | sent in | |\n|---|---|---|---|\n");
        tool.parameters.iter().for_each(|parameter| out.push_str(&row(settings, "", parameter)));
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

fn row(settings: &Settings, prefix: &str, parameter: &Parameter) -> String {
    let name = format!("{prefix}{}", parameter.name);
    let required = if parameter.required { " **required**" } else { "" };
    let api = match &parameter.api {
        Some(api) => format!("{} as `{api}`", place(parameter.place)),
        None => place(parameter.place).to_owned(),
    };
    let text = one_line(&parameter.description).replace('|', "\\|");
    let (kind, limits) = (kind(settings, &parameter.kind), limits(parameter));
    let mut out = format!("| `{name}`{required} | {kind}{limits} | {api} | {text} |\n");
    let items = parameter.items.iter();
    items.for_each(|item| out.push_str(&row(settings, &format!("{name}[]."), item)));
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

fn kind(settings: &Settings, kind: &Kind) -> &'static str {
    match kind {
        Kind::Text => "string",
        Kind::Fqdn => "host name",
        Kind::Uuid => "UUID",
        Kind::Email => "e-mail address",
        Kind::DateTime => "date and time",
        Kind::Date => "date",
        Kind::UrlPath => "path",
        Kind::JsonObject => "JSON object as text",
        Kind::Flag => "boolean",
        Kind::Integer => "integer",
        Kind::Texts => "list of strings",
        Kind::Values => "list of values",
        Kind::Objects => "list of objects",
        Kind::Object => "object",
        Kind::Any => "anything",
        Kind::Own(name) => settings.own_kind(name).unwrap_or("string"),
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
