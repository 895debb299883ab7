//! The rules of `build_rs/check.rs`, each broken once.

#[path = "../build_rs/check.rs"]
mod check;
#[path = "../build_rs/definitions.rs"]
mod definitions;
#[path = "../build_rs/load.rs"]
mod load;
#[path = "../build_rs/model.rs"]
mod model;
#[path = "../build_rs/reference.rs"]
mod reference;
#[path = "../build_rs/table.rs"]
mod table;

use model::Catalogue;
use serde_json::Value;

const GOOD: &str = r#"
toolset = "things"
order = 1

[[tool]]
name = "get_thing"
title = "Get a thing"
description = "Reads a thing of the service by its name."
method = "get"
path = "/thing/{name}"
effect = "read"
idempotent = true
output = "thing"
parameters = [
  { name = "name", in = "path", type = "text", required = true, description = "Its name." },
  { name = "size", in = "query", type = "integer", default = 5, description = "How big." },
]

[[shape]]
name = "thing"
heading = "name"
fields = [{ name = "name", type = "text" }]
"#;

const SAME: &str = r#"idempotent = true
alternatives = [{ generation = "2026-03", method = "get", path = "/thing/{name}" }]"#;

const MOVED: &str = r#"idempotent = true
alternatives = [{ generation = "2026-03", method = "get", path = "/old/{name}", moved = [
  { name = "name", in = "query", api = "n" },
] }]"#;

fn problems(text: &str) -> Vec<String> {
    let toolset = load::parse(text).unwrap();
    check::problems(&Catalogue { toolsets: vec![toolset] })
}

#[test]
fn the_catalogue_that_is_built_keeps_the_rules() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/catalogue");
    let catalogue = load::read(folder.as_ref()).unwrap();
    assert_eq!(check::problems(&catalogue), [""; 0]);
    let built = include_str!(concat!(env!("OUT_DIR"), "/sitebay_table.rs"));
    // The build keeps the order of keys, this test does not: texts are compared as JSON.
    let texts: Vec<_> =
        super::catalogue::OPERATIONS.iter().map(|tool| tool.definition.to_owned()).collect();
    assert_eq!(table::render(&catalogue, &texts).unwrap(), built);
    let json = |text: &String| serde_json::from_str::<Value>(text).unwrap();
    let rendered = definitions::render(&catalogue);
    assert!(rendered.iter().map(json).eq(texts.iter().map(json)));
}

/// `cargo xtask docs` runs it with `UPDATE_DOCS`, which writes the document instead.
#[test]
fn the_reference_is_what_the_catalogue_says() {
    let root = env!("CARGO_MANIFEST_DIR");
    let folder = format!("{root}/catalogue");
    let text = reference::render(&load::read(folder.as_ref()).unwrap());
    let file = format!("{root}/../../docs/TOOLS_REFERENCE.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == text, "docs/TOOLS_REFERENCE.md is not current: run cargo xtask docs");
}

#[test]
fn every_broken_rule_is_told() {
    assert_eq!(problems(GOOD), [""; 0]);
    for (part, broken, told) in [
        ("\"get_thing\"", "\"Get-Thing\"", "1 to 64 of a-z"),
        ("Reads a thing of the service by its name.", "Reads.", "description has 6 characters"),
        ("{name}\"", "{id}\"", "no path parameter fills {id}"),
        ("{name}\"", "x\"", "name has no place in the path"),
        ("\"/thing", "\"thing", "is not a plain path"),
        ("required = true", "required = false", "must be required"),
        ("in = \"query\"", "in = \"body\"", "get has no body"),
        ("default = 5", "default = \"5\"", "the default is not of the type"),
        ("output = \"thing\"", "output = \"other\"", "no shape is called other"),
        ("effect = \"read\"", "effect = \"write\"", "`check` belongs to"),
        ("method = \"get\"", "method = \"post\"", "only reads uses get"),
        ("heading = \"name\"", "heading = \"title\"", "the heading title is not a field"),
        ("type = \"text\" }]", "type = \"thing\" }]", "unknown type thing"),
        ("\"size\"", "\"name\"", "two of this name"),
        ("idempotent = true", "idempotent = true\nsafe = true", "`safe` is for a post"),
        ("idempotent = true", "idempotent = true\noriginal = true", "always offered"),
        ("idempotent = true", "idempotent = true\nhidden = true", "`hidden` is for what"),
        ("idempotent = true", "idempotent = true\nretired = \"x\"", "`hidden` is for what"),
        ("idempotent = true", "idempotent = true\nhidden = true\ndefault = true", "exclude"),
        (
            "idempotent = true",
            "idempotent = true\nconsent = \"All of {name} is lost.\"",
            "destroys",
        ),
        ("idempotent = true", "idempotent = true\nlong = true", "`long` is for what changes"),
        ("idempotent = true", "idempotent = true\npaged = true", "`paged` is for lists"),
        ("idempotent = true", "idempotent = true\nreveal = \"it\"", "`reveal` belongs to"),
        ("\"text\" }]", "\"text\", secret = true }]", "`reveal` belongs to"),
        ("heading = \"name\"", "heading = \"name\"\nfree = true", "one field of type any"),
        ("type = \"integer\", default = 5", "type = \"objects\"", "`items` belong to"),
        ("idempotent = true", SAME, "the alternative 2026-03 differs in nothing"),
        ("idempotent = true", MOVED, "name cannot be moved"),
        ("idempotent = true", "idempotent = true\nsays = \"{size} is done.\"", "`says` names size"),
    ] {
        let text = GOOD.replace(part, broken);
        assert_ne!(text, GOOD, "{part}");
        let found = problems(&text).join("\n");
        assert!(found.contains(told), "{broken}: {found}");
    }
}

#[test]
fn unknown_keys_and_values_are_refused() {
    for (part, broken) in [
        ("idempotent", "idempotant"),
        ("required", "requird"),
        ("\"get\"", "\"fetch\""),
        ("heading", "headline"),
        ("in = \"path\"", "in = \"header\""),
        ("idempotent = true", "idempotent = true\nalternatives = [{ path = \"/a\" }]"),
        ("\"text\" }]", "\"text\", secret = \"no\" }]"),
    ] {
        assert!(load::parse(&GOOD.replace(part, broken)).is_err(), "{broken}");
    }
}
