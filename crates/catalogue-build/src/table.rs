//! The executor's table as Rust source. Its types are those of the crate `catalogue`.

use std::fmt::{Error, Write as _};

use crate::{
    check::PLAIN_FIELDS,
    model::{Alternative, Catalogue, Field, Kind, Method, Parameter, Shape, Tool},
};

/// The source text. `definitions` are those of the tools, in their order.
pub(crate) fn render(catalogue: &Catalogue, definitions: &[String]) -> Result<String, Error> {
    let mut out = String::new();
    for shape in catalogue.shapes() {
        write_shape(&mut out, shape)?;
    }
    let count = definitions.len();
    writeln!(out, "/// The input schema of each operation, once it was read.")?;
    writeln!(
        out,
        "static SCHEMAS: [SchemaCell; {count}] = [const {{ SchemaCell::new() }}; {count}];"
    )?;
    writeln!(out, "/// Every operation, in catalogue order.")?;
    writeln!(out, "pub(crate) static OPERATIONS: &[Operation] = &[")?;
    for (at, ((toolset, tool), definition)) in catalogue.tools().zip(definitions).enumerate() {
        write_tool(&mut out, toolset, tool)?;
        writeln!(out, "], definition: {definition:?}, schema: &SCHEMAS[{at}] }},")?;
    }
    writeln!(out, "];")?;
    Ok(out)
}

fn constant(name: &str) -> String {
    format!("SHAPE_{}", name.to_uppercase())
}

fn variant(name: &str) -> String {
    name.split('_')
        .flat_map(|word| word.chars().enumerate())
        .map(|(at, c)| if at == 0 { c.to_ascii_uppercase() } else { c })
        .collect()
}

fn write_shape(out: &mut String, shape: &Shape) -> Result<(), Error> {
    writeln!(out, "static {}: Shape = Shape {{", constant(&shape.name))?;
    writeln!(out, "  name: {:?}, heading: {:?},", shape.name, shape.heading)?;
    writeln!(out, "  free: {}, fields: &[", shape.free)?;
    for field in &shape.fields {
        write_field(out, field)?;
    }
    writeln!(out, "] }};")
}

fn write_field(out: &mut String, field: &Field) -> Result<(), Error> {
    let kind = match field.items() {
        Some(items) => format!("Many(&{})", constant(items)),
        None if PLAIN_FIELDS.contains(&field.kind.as_str()) => variant(&field.kind),
        None => format!("One(&{})", constant(&field.kind)),
    };
    let (name, label) = (&field.name, &field.label);
    let secret = field.secret;
    writeln!(out, "  Field {{ name: {name:?}, kind: FieldKind::{kind}, label: {label:?},")?;
    writeln!(out, "    secret: {secret} }},")
}

fn write_tool(out: &mut String, toolset: &str, tool: &Tool) -> Result<(), Error> {
    let behaviour = tool.behaviour.as_deref().map_or_else(|| "Plain".to_owned(), variant);
    writeln!(
        out,
        "Operation {{ name: {:?}, title: {:?}, toolset: {toolset:?},",
        tool.name, tool.title
    )?;
    // A tool without a request of its own has an empty path.
    let (method, path) = (tool.method.unwrap_or(Method::Post), tool.path.as_deref());
    let path = path.unwrap_or_default();
    writeln!(out, "  method: Method::{method:?}, path: {path:?}, host: {:?},", tool.host)?;
    writeln!(out, "  effect: Effect::{:?}, behaviour: Behaviour::{behaviour},", tool.effect)?;
    writeln!(out, "  output: &{}, list: {:?},", constant(&tool.output), tool.list)?;
    writeln!(out, "  wrapped: {},", tool.wrapped)?;
    writeln!(out, "  says: {:?}, check: {:?},", tool.says, tool.check)?;
    writeln!(out, "  retired: {:?}, keyed: {},", tool.retired, tool.keyed)?;
    writeln!(out, "  default: {}, hidden: {}, long: {},", tool.default, tool.hidden, tool.long)?;
    writeln!(out, "  consent: {:?}, checkpoint: {},", tool.consent, tool.checkpoint)?;
    writeln!(out, "  alternatives: &[")?;
    for alternative in &tool.alternatives {
        write_alternative(out, alternative)?;
    }
    writeln!(out, "  ], parameters: &[")?;
    for parameter in &tool.parameters {
        write_parameter(out, parameter)?;
    }
    Ok(())
}

fn write_alternative(out: &mut String, alternative: &Alternative) -> Result<(), Error> {
    let Alternative { generation, method, path, moved } = alternative;
    writeln!(out, "  Alternative {{ generation: {generation:?}, method: Method::{method:?},")?;
    writeln!(out, "    path: {path:?}, moved: &[")?;
    for moved in moved {
        let (name, place, api) = (&moved.name, moved.place, &moved.api);
        writeln!(out, "    Moved {{ name: {name:?}, place: Place::{place:?}, api: {api:?} }},")?;
    }
    writeln!(out, "  ] }},")
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Own(name) => format!("Kind::Own(OwnKind::{})", variant(name)),
        shared => format!("Kind::{shared:?}"),
    }
}

fn write_parameter(out: &mut String, parameter: &Parameter) -> Result<(), Error> {
    let api = parameter.api.as_ref().unwrap_or(&parameter.name);
    let empty = match parameter.empty {
        None => "Empty::Itself".to_owned(),
        Some(empty) => format!("Empty::{empty:?}"),
    };
    writeln!(out, "  Parameter {{ name: {:?}, api: {api:?},", parameter.name)?;
    writeln!(out, "    place: Place::{:?}, kind: {},", parameter.place, kind(&parameter.kind))?;
    writeln!(out, "    required: {},", parameter.required)?;
    writeln!(
        out,
        "    min_length: {:?}, max_length: {:?},",
        parameter.min_length, parameter.max_length
    )?;
    writeln!(
        out,
        "    choices: &{:?}, empty: {empty}, secret: {}, items: &[",
        parameter.choices, parameter.secret
    )?;
    for item in &parameter.items {
        write_parameter(out, item)?;
    }
    writeln!(out, "  ] }},")
}
