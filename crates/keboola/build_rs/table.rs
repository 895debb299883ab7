//! The table of operations as Rust source. Its types are in `src/catalogue.rs`.

use super::{
    definitions,
    model::{Catalogue, Tool},
};

/// The source text.
pub(crate) fn render(catalogue: &Catalogue) -> String {
    let mut out = String::from(
        "/// Every operation, in catalogue order.\npub(crate) static OPERATIONS: &[Operation] = &[\n",
    );
    for (toolset, tool) in catalogue.tools() {
        let definition = definitions::definition(catalogue, tool).to_string();
        out.push_str(&row(toolset, tool, &definition));
    }
    out.push_str("];\n");
    out
}

fn row(toolset: &str, tool: &Tool, definition: &str) -> String {
    let behaviour: String = tool
        .behaviour
        .split('_')
        .flat_map(|word| word.chars().enumerate())
        .map(|(at, c)| if at == 0 { c.to_ascii_uppercase() } else { c })
        .collect();
    format!(
        "Operation {{ name: {:?}, title: {:?}, toolset: {toolset:?}, effect: Effect::{:?}, \
         behaviour: Behaviour::{behaviour}, wrapped: {}, check: {:?}, default: {}, long: {}, \
         consent: {:?}, definition: {definition:?} }},\n",
        tool.name,
        tool.title,
        tool.effect,
        tool.wrapped,
        tool.check,
        tool.default,
        tool.long,
        tool.consent,
    )
}
