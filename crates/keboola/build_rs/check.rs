//! The rules that the catalogue keeps. Each broken rule is one line that names the tool.

use std::collections::HashSet;

use super::model::{Catalogue, Effect, Kind, Parameter, Tool};

/// Types of fields that are not the name of a shape.
const PLAIN_FIELDS: [&str; 8] =
    ["text", "flag", "integer", "number", "texts", "object", "objects", "any"];

/// Everything that is wrong, one line each.
pub(crate) fn problems(catalogue: &Catalogue) -> Vec<String> {
    let mut found = Vec::new();
    repeated("tool", catalogue.tools().map(|(_, tool)| tool.name.as_str()), &mut found);
    repeated("shape", catalogue.shapes().map(|shape| shape.name.as_str()), &mut found);
    repeated("toolset", catalogue.toolsets.iter().map(|set| set.toolset.as_str()), &mut found);
    for (_, tool) in catalogue.tools() {
        let problems = tool_problems(catalogue, tool);
        found.extend(problems.into_iter().map(|problem| format!("tool {}: {problem}", tool.name)));
    }
    for shape in catalogue.shapes() {
        let names = shape.fields.iter().map(|field| field.name.as_str());
        let mut seen = HashSet::new();
        for name in names.filter(|name| !seen.insert(*name)) {
            found.push(format!("shape {}: there are two fields {name}", shape.name));
        }
        for field in &shape.fields {
            let kind = field.kind.trim_end_matches("[]");
            if !PLAIN_FIELDS.contains(&kind) && catalogue.shape(kind).is_none() {
                let (shape, field) = (&shape.name, &field.name);
                found.push(format!("shape {shape}: {field} has the unknown type {kind}"));
            }
        }
    }
    found
}

fn repeated<'a>(what: &str, names: impl Iterator<Item = &'a str>, found: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            found.push(format!("{what} {name}: there are two of this name"));
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !(1..=64).contains(&name.len()) || !name.chars().all(allowed) {
            found.push(format!("{what} {name}: a name is 1 to 64 of a-z, 0-9 and _"));
        }
    }
}

fn tool_problems(catalogue: &Catalogue, tool: &Tool) -> Vec<String> {
    let mut found = Vec::new();
    length("title", &tool.title, 3, 60, &mut found);
    length("description", &tool.description, 20, 2_000, &mut found);
    if catalogue.shape(&tool.output).is_none() {
        found.push(format!("no shape is called {}", tool.output));
    }
    if (tool.effect == Effect::Read) == tool.check.is_some() {
        found.push("`check` belongs to every tool that changes something, and only there".into());
    }
    if tool.effect == Effect::Read && tool.method != "get" && !tool.safe {
        found.push("a tool that only reads uses get, or a post that is `safe`".into());
    }
    if (tool.effect == Effect::Destructive) != tool.consent.is_some() {
        found.push("`consent` belongs to what may destroy something, and only there".into());
    }
    if !tool.path.starts_with('/') || tool.path.contains(['?', '#', '%', ' ']) {
        found.push(format!("the path {} is not a plain path", tool.path));
    }
    repeated("parameter", tool.parameters.iter().map(|p| p.name.as_str()), &mut found);
    for parameter in &tool.parameters {
        parameter_problems(parameter, &mut found);
    }
    found
}

fn length(what: &str, text: &str, least: usize, most: usize, found: &mut Vec<String>) {
    let count = text.chars().count();
    if !(least..=most).contains(&count) {
        found.push(format!("{what} has {count} characters, not {least} to {most}"));
    }
}

fn parameter_problems(parameter: &Parameter, found: &mut Vec<String>) {
    let name = &parameter.name;
    let mut own = Vec::new();
    length("description", &parameter.description, 5, 400, &mut own);
    if parameter.required && parameter.default.is_some() {
        own.push("required, yet it has a default".into());
    }
    let bounded = parameter.minimum.is_some() || parameter.maximum.is_some();
    if bounded && parameter.kind != Kind::Integer {
        own.push("bounds are for integers".into());
    }
    if !parameter.choices.is_empty() && !matches!(parameter.kind, Kind::Text | Kind::Texts) {
        own.push("`enum` is for strings".into());
    }
    let place = parameter.place.as_deref().unwrap_or("body");
    if !matches!(place, "path" | "query" | "body" | "local") {
        own.push(format!("there is no place {place}"));
    }
    parameter.items.iter().for_each(|item| parameter_problems(item, &mut own));
    found.extend(own.into_iter().map(|problem| format!("{name}: {problem}")));
}
