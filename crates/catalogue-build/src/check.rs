//! The rules that a catalogue keeps. Each broken rule is one line that names the tool.

use std::collections::HashSet;

use serde_json::Value;

use crate::{
    Settings,
    model::{
        Alternative, Catalogue, Effect, Field, Kind, Method, Parameter, Place, Shape, Tool,
        placeholders,
    },
};

/// Types of fields that are not the name of a shape.
pub(crate) const PLAIN_FIELDS: [&str; 8] =
    ["text", "flag", "integer", "number", "texts", "object", "objects", "any"];

/// Everything that is wrong, one line each.
pub(crate) fn problems(settings: &Settings, catalogue: &Catalogue) -> Vec<String> {
    let mut found = Vec::new();
    repeated("tool", catalogue.tools().map(|(_, tool)| tool.name.as_str()), &mut found);
    repeated("shape", catalogue.shapes().map(|shape| shape.name.as_str()), &mut found);
    repeated("shared parameter", catalogue.shared().map(|of| of.name.as_str()), &mut found);
    repeated("toolset", catalogue.toolsets.iter().map(|set| set.toolset.as_str()), &mut found);
    for (_, tool) in catalogue.tools() {
        let problems = tool_problems(settings, catalogue, tool);
        found.extend(problems.into_iter().map(|problem| format!("tool {}: {problem}", tool.name)));
    }
    for shape in catalogue.shapes() {
        let problems = shape_problems(catalogue, shape);
        found
            .extend(problems.into_iter().map(|problem| format!("shape {}: {problem}", shape.name)));
    }
    found
}

fn repeated<'a>(what: &str, names: impl Iterator<Item = &'a str>, found: &mut Vec<String>) {
    let names: Vec<&str> = names.collect();
    unique(what, &names, found);
    // Arguments may have the names that callers know from elsewhere, such as `dryRun`.
    let capitals = matches!(what, "parameter" | "shared parameter");
    let form = if capitals { "letters" } else { "a-z" };
    for name in names.iter().filter(|name| !is_name(name, capitals)) {
        found.push(format!("{what} {name}: a name is 1 to 64 of {form}, 0-9 and _"));
    }
}

/// The names of fields are the service's own, so any text will do.
fn unique(what: &str, names: &[&str], found: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for name in names.iter().filter(|name| !seen.insert(**name)) {
        found.push(format!("{what} {name}: there are two of this name"));
    }
}

fn is_name(name: &str, capitals: bool) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || (capitals && c.is_ascii_uppercase());
    let allowed = |c: char| is_letter(c) || c.is_ascii_digit() || c == '_';
    (1..=64).contains(&name.len()) && name.chars().all(allowed)
}

fn tool_problems(settings: &Settings, catalogue: &Catalogue, tool: &Tool) -> Vec<String> {
    let mut found = Vec::new();
    settings_problems(settings, tool, &mut found);
    length("title", &tool.title, 3, 60, &mut found);
    length("description", &tool.description, 20, 1200, &mut found);
    if catalogue.shape(&tool.output).is_none() {
        found.push(format!("no shape is called {}", tool.output));
    }
    if (tool.effect == Effect::Read) == tool.check.is_some() {
        found.push("`check` belongs to every tool that changes something, and only there".into());
    }
    for name in &tool.with {
        if !catalogue.shared().any(|shared| &shared.name == name) {
            found.push(format!("no shared parameter is called {name}"));
        }
    }
    offer_problems(tool, &mut found);
    secret_problems(catalogue, tool, &mut found);
    request_problems(tool, &mut found);
    parameter_list_problems(settings, tool, &mut found);
    for alternative in &tool.alternatives {
        alternative_problems(tool, alternative, &mut found);
    }
    found
}

/// The names that the settings declare.
fn settings_problems(settings: &Settings, tool: &Tool, found: &mut Vec<String>) {
    if !tool.name.starts_with(settings.prefix) {
        found.push(format!("its name does not begin with {}", settings.prefix));
    }
    let known =
        [("behaviour", &tool.behaviour, settings.behaviours), ("host", &tool.host, settings.hosts)];
    for (key, name, names) in known {
        if let Some(name) = name.as_deref().filter(|name| !names.contains(name)) {
            found.push(format!("no {key} is called {name}"));
        }
    }
}

/// The request of a tool. One without a request has a behaviour that makes its own.
fn request_problems(tool: &Tool, found: &mut Vec<String>) {
    let (Some(method), Some(path)) = (tool.method, &tool.path) else {
        if !tool.has_no_request() {
            found.push("`method` and `path` belong together".into());
        }
        if tool.behaviour.is_none() {
            found.push("a tool without a request needs a `behaviour`".into());
        }
        if tool.keyed || tool.safe || tool.paged || !tool.alternatives.is_empty() {
            found.push("`keyed`, `safe`, `paged` and `alternatives` are of a request".into());
        }
        return;
    };
    let (reads, posts) = (matches!(method, Method::Get), matches!(method, Method::Post));
    if tool.effect == Effect::Read && !reads && !tool.safe {
        found.push("a tool that only reads uses get, or a post that is `safe`".into());
    }
    if tool.safe && (tool.effect != Effect::Read || !posts) {
        found.push("`safe` is for a post that only reads".into());
    }
    if tool.keyed && !posts {
        found.push("`keyed` is for post".into());
    }
    path_problems(path, tool, found);
}

/// When a tool is offered, and what is said before it runs.
fn offer_problems(tool: &Tool, found: &mut Vec<String>) {
    if tool.original && (!tool.default || tool.hidden) {
        found.push("an original is always offered: `default`, not `hidden`".into());
    }
    if tool.hidden && tool.default {
        found.push("`hidden` and `default` exclude each other".into());
    }
    if tool.retired.is_some() != tool.hidden && !tool.original {
        found.push("`hidden` is for what is `retired` and not an original".into());
    }
    if tool.consent.is_some() && tool.effect != Effect::Destructive {
        found.push("`consent` is for what destroys something".into());
    }
    if let Some(consent) = &tool.consent {
        length("consent", consent, 20, 300, found);
    }
    if tool.long && tool.effect == Effect::Read && tool.behaviour.is_none() {
        found.push("`long` is for what changes something, or a behaviour".into());
    }
    if tool.wrapped && tool.list.is_some() {
        found.push("`wrapped` is for answers that are no list".into());
    }
    if tool.paged && tool.list.is_none() {
        found.push("`paged` is for lists".into());
    }
}

/// Secret fields are asked for by `reveal`.
fn secret_problems(catalogue: &Catalogue, tool: &Tool, found: &mut Vec<String>) {
    let secret = catalogue.shape(&tool.output).is_some_and(|shape| {
        let shapes = [shape].into_iter().chain(within(catalogue, shape));
        shapes.flat_map(|shape| &shape.fields).any(|field| field.secret)
    });
    if secret != tool.reveal.is_some() {
        found.push(
            "`reveal` belongs to every tool whose answer has secret fields, and only there".into(),
        );
    }
}

/// The shapes of a shape's fields, and of theirs. Each is there once: a circle ends.
fn within<'a>(catalogue: &'a Catalogue, shape: &'a Shape) -> Vec<&'a Shape> {
    let mut found: Vec<&Shape> = Vec::new();
    let mut open = vec![shape];
    while let Some(shape) = open.pop() {
        for inner in shape.fields.iter().filter_map(|field| catalogue.shape_of(field)) {
            if !found.iter().any(|known| known.name == inner.name) {
                found.push(inner);
                open.push(inner);
            }
        }
    }
    found
}

fn alternative_problems(tool: &Tool, alternative: &Alternative, found: &mut Vec<String>) {
    path_problems(&alternative.path, tool, found);
    let same =
        Some(alternative.method) == tool.method && Some(&alternative.path) == tool.path.as_ref();
    if same && alternative.moved.is_empty() {
        found.push(format!("the alternative {} differs in nothing", alternative.generation));
    }
    for moved in &alternative.moved {
        let known = tool.parameters.iter().find(|p| p.name == moved.name);
        if known.is_none_or(|p| !matches!(p.place, Place::Query | Place::Body)) {
            found.push(format!("{} cannot be moved", moved.name));
        }
        if !matches!(moved.place, Place::Query | Place::Body) {
            found.push(format!("{} moves to the query or the body", moved.name));
        }
    }
}

fn length(what: &str, text: &str, least: usize, most: usize, found: &mut Vec<String>) {
    let count = text.chars().count();
    if !(least..=most).contains(&count) {
        found.push(format!("{what} has {count} characters, not {least} to {most}"));
    }
}

fn path_problems(path: &str, tool: &Tool, found: &mut Vec<String>) {
    if !path.starts_with('/') || path.contains(['?', '#', '%', ' ']) {
        found.push(format!("the path {path} is not a plain path"));
    }
    let parts = placeholders(path);
    for part in &parts {
        if !tool.parameters.iter().any(|p| p.place == Place::Path && p.name == *part) {
            found.push(format!("no path parameter fills {{{part}}}"));
        }
    }
    for parameter in tool.parameters.iter().filter(|p| p.place == Place::Path) {
        if !parts.contains(&parameter.name.as_str()) {
            found.push(format!("{} has no place in the path", parameter.name));
        }
        if !parameter.required {
            found.push(format!("{} is part of the path and must be required", parameter.name));
        }
    }
}

fn parameter_list_problems(settings: &Settings, tool: &Tool, found: &mut Vec<String>) {
    repeated("parameter", tool.parameters.iter().map(|p| p.name.as_str()), found);
    let texts = [("says", &tool.says), ("consent", &tool.consent)];
    let named = texts.iter().flat_map(|(key, text)| {
        text.iter().flat_map(move |text| placeholders(text).into_iter().map(move |n| (key, n)))
    });
    for (key, name) in named {
        if !tool.parameters.iter().any(|p| p.name == name && p.required) {
            found.push(format!("`{key}` names {name}, which is not a required parameter"));
        }
    }
    for parameter in &tool.parameters {
        let mut own = Vec::new();
        parameter_problems(settings, tool, parameter, &mut own);
        found.extend(own.into_iter().map(|problem| format!("{}: {problem}", parameter.name)));
    }
}

fn parameter_problems(
    settings: &Settings,
    tool: &Tool,
    parameter: &Parameter,
    found: &mut Vec<String>,
) {
    length("description", &parameter.description, 5, 400, found);
    if let Kind::Own(name) = &parameter.kind
        && settings.own_kind(name).is_none()
    {
        found.push(format!("the type {name} is not known"));
    }
    if parameter.required && parameter.default.is_some() {
        found.push("required, yet it has a default".into());
    }
    if parameter.place == Place::Body && tool.method == Some(Method::Get) {
        found.push("get has no body".into());
    }
    if (parameter.minimum.is_some() || parameter.maximum.is_some())
        && parameter.kind != Kind::Integer
    {
        found.push("bounds are for integers".into());
    }
    let takes_choices = parameter.kind.is_text() || parameter.kind == Kind::Texts;
    if (!parameter.kind.is_text() && (parameter.empty.is_some() || parameter.secret))
        || (!takes_choices && !parameter.choices.is_empty())
    {
        found.push("`empty`, `enum` and `secret` are for strings".into());
    }
    let sent = matches!(parameter.place, Place::Path | Place::Query);
    if sent && matches!(parameter.kind, Kind::Object | Kind::Objects | Kind::Any) {
        found.push("an object goes into the body".into());
    }
    if parameter.kind != Kind::Objects && !parameter.items.is_empty() {
        found.push("`items` belong to an array of objects".into());
    }
    repeated("item", parameter.items.iter().map(|item| item.name.as_str()), found);
    for item in &parameter.items {
        if item.kind == Kind::Objects || item.place != Place::Body || item.api.is_some() {
            found.push(format!("{}: an item is a plain value with its own name", item.name));
        }
        parameter_problems(settings, tool, item, found);
    }
    if let Some(default) = &parameter.default
        && !default_fits(parameter, default)
    {
        found.push("the default is not of the type".into());
    }
}

fn default_fits(parameter: &Parameter, default: &Value) -> bool {
    let listed = |text: &str| {
        parameter.choices.is_empty() || parameter.choices.iter().any(|choice| choice == text)
    };
    match parameter.kind {
        Kind::Flag => default.is_boolean(),
        Kind::Integer => default.is_i64(),
        Kind::Texts | Kind::Values | Kind::Objects => default.is_array(),
        Kind::Object => default.is_object(),
        Kind::Any => true,
        _ => default.as_str().is_some_and(listed),
    }
}

fn shape_problems(catalogue: &Catalogue, shape: &Shape) -> Vec<String> {
    let mut found = Vec::new();
    let names: Vec<&str> = shape.fields.iter().map(|field| field.name.as_str()).collect();
    unique("field", &names, &mut found);
    if let Some(heading) = &shape.heading
        && !shape.fields.iter().any(|field| &field.name == heading)
    {
        found.push(format!("the heading {heading} is not a field"));
    }
    if shape.free && (shape.fields.len() != 1 || shape.fields.iter().any(|f| f.kind != "any")) {
        found.push("a free shape has one field of type any".into());
    }
    for field in &shape.fields {
        if !known_kind(catalogue, shape, field) {
            found.push(format!("{} has the unknown type {}", field.name, field.kind));
        }
        if field.name == "warnings" {
            found.push("`warnings` is added to every answer".into());
        }
    }
    found
}

/// A shape may use others, but none that uses it in turn, so that schemas stay finite.
fn known_kind(catalogue: &Catalogue, shape: &Shape, field: &Field) -> bool {
    let finite = |inner: &Shape| {
        inner.name != shape.name
            && within(catalogue, inner).iter().all(|below| below.name != shape.name)
    };
    let plain = PLAIN_FIELDS.contains(&field.kind.as_str());
    plain || catalogue.shape_of(field).is_some_and(finite)
}
