//! The catalogue that is built keeps the rules, and the reference describes it.

#[path = "../catalogue/settings.rs"]
mod settings;

use catalogue_build::Catalogue;
use serde_json::Value;
use settings::SETTINGS;

const HEAD: &str = "# Tools

Written by `cargo xtask docs` from `crates/sitebay/catalogue/*.toml`; a test keeps it current.

Tools marked *default* are listed for callers who choose no toolsets. *Retired* tools call routes that SiteBay removed in October 2026; those that
are also *hidden* are not listed. *Sensitive* tools show secrets if `reveal` is true. Any tool can be called by its name. Paths are below
`/f/api/v1`.

With the toolset `dynamic` there is one more tool: `sitebay_find_tools` finds tools by what you want to do (`query`, in a few words), returns their
whole definitions, and lists toolsets (`enable`) for the rest of a session.
";

fn catalogue() -> Catalogue {
    Catalogue::read(concat!(env!("CARGO_MANIFEST_DIR"), "/catalogue").as_ref()).unwrap()
}

#[test]
fn the_catalogue_that_is_built_keeps_the_rules() {
    let catalogue = catalogue();
    assert_eq!(catalogue.problems(&SETTINGS), [""; 0]);
    let built = include_str!(concat!(env!("OUT_DIR"), "/sitebay_table.rs"));
    // The build keeps the order of keys, this test does not: texts are compared as JSON.
    let texts: Vec<_> =
        super::operations::OPERATIONS.iter().map(|tool| tool.definition.to_owned()).collect();
    assert_eq!(catalogue.table(&texts).unwrap(), built);
    let json = |text: &String| serde_json::from_str::<Value>(text).unwrap();
    let rendered = catalogue.definitions(&SETTINGS);
    assert!(rendered.iter().map(json).eq(texts.iter().map(json)));
}

/// `cargo xtask docs` runs it with `UPDATE_DOCS`, which writes the document instead.
#[test]
fn the_reference_is_what_the_catalogue_says() {
    let text = catalogue().reference(&SETTINGS, HEAD);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/TOOLS_REFERENCE.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(written == text, "docs/TOOLS_REFERENCE.md is not current: run cargo xtask docs");
}
