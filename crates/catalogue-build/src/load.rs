//! Reads a catalogue's files.

use std::{error::Error, fs, path::Path};

use serde_json::json;

use crate::model::{Catalogue, Kind, Parameter, Place, Tool, Toolset};

/// Reads every `*.toml` of the folder, ordered by the toolsets' own `order`.
pub(crate) fn read(folder: &Path) -> Result<Catalogue, Box<dyn Error>> {
    let mut toolsets = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let file = parse(&fs::read_to_string(&path)?);
            toolsets.push(file.map_err(|error| format!("{}: {error}", path.display()))?);
        }
    }
    toolsets.sort_by(|a, b| (a.order, &a.toolset).cmp(&(b.order, &b.toolset)));
    Ok(whole(toolsets))
}

/// One file.
pub(crate) fn parse(text: &str) -> Result<Toolset, toml::de::Error> {
    toml::from_str(text)
}

/// The catalogue of these files, with the parameters that tools share.
pub(crate) fn whole(mut toolsets: Vec<Toolset>) -> Catalogue {
    let shared: Vec<Parameter> = toolsets.iter().flat_map(|set| &set.shared).cloned().collect();
    for tool in toolsets.iter_mut().flat_map(|set| &mut set.tool) {
        let named = shared.iter().filter(|parameter| tool.with.contains(&parameter.name));
        tool.parameters.extend(named.cloned());
        share(tool);
    }
    Catalogue { toolsets }
}

/// Parameters that a key of the tool stands for.
fn share(tool: &mut Tool) {
    if tool.has_no_request() {
        tool.parameters.iter_mut().for_each(|parameter| parameter.place = Place::Local);
    }
    if tool.paged {
        tool.parameters.push(Parameter {
            minimum: Some(1),
            ..added(
                "page",
                Place::Query,
                Kind::Integer,
                "Only this page, from 1. Default: all pages.",
            )
        });
        tool.parameters.push(Parameter {
            minimum: Some(1),
            maximum: Some(100),
            ..added(
                "size",
                Place::Query,
                Kind::Integer,
                "How many on a page. Alone: the first page.",
            )
        });
    }
    if tool.consent.is_some() {
        let text = "For clients that cannot ask: true once the person agreed to lose what is named. \
                    Leave it out to see what that is. Where the client can ask, the person is asked.";
        tool.parameters.push(Parameter {
            default: Some(json!(false)),
            ..added("confirm", Place::Local, Kind::Flag, text)
        });
    }
    if let Some(what) = &tool.reveal {
        let text = format!("Show {what} instead of [redacted]. Only where the person wants it.");
        tool.parameters.push(Parameter {
            default: Some(json!(false)),
            ..added("reveal", Place::Local, Kind::Flag, &text)
        });
    }
}

fn added(name: &str, place: Place, kind: Kind, description: &str) -> Parameter {
    Parameter {
        name: name.into(),
        place,
        api: None,
        kind,
        required: false,
        default: None,
        minimum: None,
        maximum: None,
        min_length: None,
        max_length: None,
        choices: Vec::new(),
        empty: None,
        secret: false,
        items: Vec::new(),
        description: description.into(),
    }
}
