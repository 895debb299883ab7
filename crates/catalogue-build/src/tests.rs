//! The rules of `check`, each broken once.

use serde_json::{Value, json};

use crate::{Catalogue, Settings, check, load};

const SETTINGS: Settings = Settings {
    service: "Things",
    prefix: "get_",
    behaviours: &["count"],
    kinds: &[("colour", "colour")],
    hosts: &["store"],
};

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

const ITEMS: &str =
    r#"items = [{ name = "a", type = "text", description = "Its name." }], default = 5"#;

/// Two shapes that use each other.
const CIRCLE: &str = r#""text" }, { name = "a", type = "inner" }]

[[shape]]
name = "inner"
fields = [{ name = "b", type = "inner" }]"#;

fn catalogue(text: &str) -> Catalogue {
    load::whole(vec![load::parse(text).unwrap()])
}

fn problems(text: &str) -> Vec<String> {
    check::problems(&SETTINGS, &catalogue(text))
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
        ("default = 5", ITEMS, "`items` belong to"),
        (
            "idempotent = true",
            "idempotent = true\nwith = [\"moon\"]",
            "no shared parameter is called",
        ),
        ("idempotent = true", "idempotent = true\nlist = \"x\"\nwrapped = true", "are no list"),
        ("\"get_thing\"", "\"read_thing\"", "does not begin with get_"),
        ("idempotent = true", "idempotent = true\nbehaviour = \"dance\"", "no behaviour is called"),
        ("idempotent = true", "idempotent = true\nhost = \"moon\"", "no host is called moon"),
        ("\"text\", required", "\"smell\", required", "the type smell is not known"),
        ("method = \"get\"\n", "", "`method` and `path` belong together"),
        ("method = \"get\"\npath = \"/thing/{name}\"\n", "", "needs a `behaviour`"),
        (
            "\"text\" }]",
            "\"text\" }, { name = \"name\", type = \"flag\" }]",
            "field name: there are two",
        ),
        ("\"text\" }]", "\"other[]\" }]", "unknown type other[]"),
        ("\"text\" }]", "\"thing[]\" }]", "unknown type thing[]"),
        ("\"text\" }]", CIRCLE, "b has the unknown type inner"),
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

#[test]
fn a_catalogue_may_use_what_its_settings_declare() {
    let own = [
        ("\"text\", required", "\"colour\", required"),
        ("idempotent = true", "idempotent = true\nhost = \"store\"\nbehaviour = \"count\""),
        ("\"text\" }]", "\"text\" }, { name = \"a\", type = \"part[]\" }]"),
    ];
    let mut text = own.iter().fold(GOOD.to_owned(), |text, (part, own)| text.replace(part, own));
    text.push_str(
        "[[shape]]\nname = \"part\"\nfields = [{ name = \"b\", type = \"bolt[]\" }]\n\
         [[shape]]\nname = \"bolt\"\nfields = [{ name = \"C\", type = \"text\", guaranteed = true }]",
    );
    assert_eq!(problems(&text), [""; 0]);
    let catalogue = catalogue(&text);
    let definitions = catalogue.definitions(&SETTINGS);
    let definition: Value = serde_json::from_str(&definitions[0]).unwrap();
    let parts = &definition["outputSchema"]["properties"]["a"];
    assert_eq!(parts["type"], json!(["array", "null"]));
    let bolts = &parts["items"]["properties"]["b"]["items"];
    assert_eq!(bolts["properties"]["C"], json!({"type": "string"}));
    assert_eq!(bolts["required"], json!(["C"]));
    let table = catalogue.table(&definitions).unwrap();
    for part in [
        "kind: Kind::Own(OwnKind::Colour)",
        "host: Some(\"store\")",
        "behaviour: Behaviour::Count",
        "kind: FieldKind::Many(&SHAPE_PART)",
        "kind: FieldKind::Many(&SHAPE_BOLT)",
        "schema: &SCHEMAS[0]",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let reference = catalogue.reference(&SETTINGS, "# Things\n");
    assert!(reference.starts_with("# Things\n"), "{reference}");
    assert!(reference.contains("`store: GET /thing/{name}` · reads"), "{reference}");
    assert!(reference.contains("| `name` **required** | colour | path |"), "{reference}");
}

#[test]
fn tools_share_parameters_and_a_wrapped_answer_stands_under_result() {
    let shared = "[[shared]]\nname = \"branch\"\nin = \"local\"\ntype = \"text\"\n\
                  description = \"Where to look.\"\n\n[[tool]]";
    let own = "idempotent = true\nwith = [\"branch\"]\nwrapped = true";
    let choices = "type = \"texts\", enum = [\"s\", \"m\"]";
    let text = GOOD
        .replace("[[tool]]", shared)
        .replace("idempotent = true", own)
        .replace("type = \"integer\", default = 5", choices);
    assert_eq!(problems(&text), [""; 0]);
    let definitions = catalogue(&text).definitions(&SETTINGS);
    let definition: Value = serde_json::from_str(&definitions[0]).unwrap();
    let input = &definition["inputSchema"]["properties"];
    assert_eq!(input["branch"], json!({"type": "string", "description": "Where to look."}));
    assert_eq!(input["size"]["items"], json!({"type": "string", "enum": ["s", "m"]}));
    assert!(input["size"].get("enum").is_none(), "{input}");
    let output = &definition["outputSchema"];
    assert_eq!(output["required"], json!(["result"]));
    assert_eq!(output["properties"]["result"]["properties"]["name"]["type"][0], "string");
    assert!(output["properties"]["warnings"].is_object(), "{output}");
}

#[test]
fn a_tool_reaches_outside_of_its_service_unless_it_says_otherwise() {
    let hint = |text: &str| {
        let definitions = catalogue(text).definitions(&SETTINGS);
        let definition: Value = serde_json::from_str(&definitions[0]).unwrap();
        definition["annotations"]["openWorldHint"].clone()
    };
    assert_eq!(hint(GOOD), true);
    let closed = GOOD.replace("idempotent = true", "idempotent = true\nopen_world = false");
    assert_eq!(hint(&closed), false);
}

#[test]
fn a_tool_without_a_request_sends_no_argument() {
    let request = "method = \"get\"\npath = \"/thing/{name}\"\n";
    let text = GOOD.replace(request, "behaviour = \"count\"\n");
    assert_eq!(problems(&text), [""; 0]);
    let catalogue = catalogue(&text);
    let table = catalogue.table(&catalogue.definitions(&SETTINGS)).unwrap();
    assert!(table.contains("path: \"\""), "{table}");
    assert_eq!(table.matches("place: Place::Local").count(), 2, "{table}");
    assert!(catalogue.reference(&SETTINGS, "").contains("\n\nreads\n"));
}
