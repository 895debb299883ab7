//! The catalogue as it is written in TOML. Unknown keys are refused.

use std::{error::Error, fs, path::Path};

use serde::Deserialize;
use serde_json::{Value, json};

/// One file: a toolset with its tools and the shapes of their answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Toolset {
    pub(crate) toolset: String,
    /// Place of the toolset in the list of tools.
    pub(crate) order: u32,
    #[serde(default)]
    pub(crate) tool: Vec<Tool>,
    #[serde(default)]
    pub(crate) shape: Vec<Shape>,
}

/// One tool.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) description: String,
    /// The request that the tool is about, for those who read the catalogue.
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) effect: Effect,
    pub(crate) idempotent: bool,
    /// The Rust module that runs it.
    pub(crate) behaviour: String,
    /// The shape of the answer.
    pub(crate) output: String,
    /// The answer stands under `result`, as the Python server wraps answers of several shapes.
    #[serde(default)]
    pub(crate) wrapped: bool,
    /// How to find out whether a change happened when its answer was lost.
    pub(crate) check: Option<String>,
    /// A post that only reads.
    #[serde(default)]
    pub(crate) safe: bool,
    /// In the default set.
    #[serde(default)]
    pub(crate) default: bool,
    /// Its work may outlive the call, so it becomes a task.
    #[serde(default)]
    pub(crate) long: bool,
    /// What the consent form is about. Adds the parameter `confirm`.
    pub(crate) consent: Option<String>,
    /// The tool works in a branch. Adds the parameter `branch_id`.
    #[serde(default)]
    pub(crate) branch: bool,
    #[serde(default)]
    pub(crate) parameters: Vec<Parameter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effect {
    Read,
    Write,
    Destructive,
}

/// One argument of a tool.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// Where it is sent, for those who read the catalogue.
    #[serde(rename = "in")]
    pub(crate) place: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) required: bool,
    pub(crate) default: Option<Value>,
    pub(crate) minimum: Option<i64>,
    pub(crate) maximum: Option<i64>,
    pub(crate) min_length: Option<u32>,
    pub(crate) max_length: Option<u32>,
    #[serde(default, rename = "enum")]
    pub(crate) choices: Vec<String>,
    /// The fields of the objects in an array of objects; none: any object.
    #[serde(default)]
    pub(crate) items: Vec<Self>,
    pub(crate) description: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Text,
    Flag,
    Integer,
    Texts,
    Objects,
    Object,
    Any,
}

/// The shape of an answer. Every field may be null or missing unless it is guaranteed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// text, flag, integer, number, texts, object, objects, any, the name of a shape, or the name
    /// with `[]` for a list of them.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The tool itself makes sure that the field is there.
    #[serde(default)]
    pub(crate) guaranteed: bool,
    pub(crate) description: Option<String>,
}

/// All toolsets, in order.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) toolsets: Vec<Toolset>,
}

impl Catalogue {
    /// All tools with the name of their toolset.
    pub(crate) fn tools(&self) -> impl Iterator<Item = (&str, &Tool)> {
        self.toolsets
            .iter()
            .flat_map(|set| set.tool.iter().map(|tool| (set.toolset.as_str(), tool)))
    }

    /// All shapes.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = &Shape> {
        self.toolsets.iter().flat_map(|set| &set.shape)
    }

    /// The shape of that name.
    pub(crate) fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes().find(|shape| shape.name == name)
    }
}

/// Reads every `*.toml` of the folder, ordered by the toolsets' own `order`.
pub(crate) fn read(folder: &Path) -> Result<Catalogue, Box<dyn Error>> {
    let mut toolsets = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let file: Result<Toolset, _> = toml::from_str(&fs::read_to_string(&path)?);
            toolsets.push(file.map_err(|error| format!("{}: {error}", path.display()))?);
        }
    }
    toolsets.sort_by(|a, b| (a.order, &a.toolset).cmp(&(b.order, &b.toolset)));
    toolsets.iter_mut().flat_map(|set| &mut set.tool).for_each(share);
    Ok(Catalogue { toolsets })
}

/// Adds the parameters that a key of the tool stands for.
fn share(tool: &mut Tool) {
    if tool.branch {
        let text = "The development branch to work in (an id from keboola_list_branches). Default: \
                    the branch of the connection, else main.";
        tool.parameters.push(added("branch_id", Kind::Text, text));
    }
    if tool.consent.is_some() {
        let text = "For clients that cannot ask: true once the person agreed to what is named. \
                    Leave it out to see what that is. Where the client can ask, the person is asked.";
        tool.parameters
            .push(Parameter { default: Some(json!(false)), ..added("confirm", Kind::Flag, text) });
    }
}

fn added(name: &str, kind: Kind, description: &str) -> Parameter {
    Parameter {
        name: name.into(),
        place: None,
        kind,
        required: false,
        default: None,
        minimum: None,
        maximum: None,
        min_length: None,
        max_length: None,
        choices: Vec::new(),
        items: Vec::new(),
        description: description.into(),
    }
}
