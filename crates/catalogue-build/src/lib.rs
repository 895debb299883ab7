//! The build step of catalogues: operations that are written in TOML become static text.
//!
//! The build script of a toolset's crate calls [`write()`], which leaves one file of Rust: the table that the
//! executor runs (its types are in the crate `catalogue`), with each tool's definition as JSON text. Invariant:
//! what is rendered was checked; a catalogue that breaks a rule of `check` does not compile.

mod check;
mod definitions;
mod load;
mod model;
mod reference;
mod table;
#[cfg(test)]
mod tests;

use std::{env, error::Error, fmt, fs, path::Path, path::PathBuf};

pub use model::Catalogue;

/// The facts about a catalogue that are not in its files.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The service's name in texts, such as `SiteBay`.
    pub service: &'static str,
    /// The beginning of the names of all its tools, such as `sitebay_`.
    pub prefix: &'static str,
    /// The values of `behaviour`. Each is a variant of the crate's enum `Behaviour`, in snake case.
    pub behaviours: &'static [&'static str],
    /// The kinds of text that only this catalogue has, with their names for readers. Each is a
    /// variant of the crate's enum `OwnKind`, in snake case.
    pub kinds: &'static [(&'static str, &'static str)],
    /// The values of `host`, where a service has several.
    pub hosts: &'static [&'static str],
}

impl Settings {
    /// The name for readers of one of the catalogue's own kinds.
    fn own_kind(&self, name: &str) -> Option<&'static str> {
        self.kinds.iter().find(|(known, _)| *known == name).map(|(_, label)| *label)
    }
}

/// Renders the catalogue in `folder` into `file` in the build script's `OUT_DIR`.
///
/// # Errors
/// The catalogue cannot be read or breaks a rule, or the file cannot be written.
pub fn write(settings: &Settings, folder: &str, file: &str) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={folder}");
    let catalogue = Catalogue::read(folder.as_ref())?;
    let problems = catalogue.problems(settings);
    if !problems.is_empty() {
        return Err(format!("the catalogue is not valid:\n{}", problems.join("\n")).into());
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join(file), catalogue.table(&catalogue.definitions(settings))?)?;
    Ok(())
}

impl Catalogue {
    /// Reads every `*.toml` of a folder, ordered by the toolsets' own `order`.
    ///
    /// # Errors
    /// A file cannot be read, or has a key or a value that is not known.
    pub fn read(folder: &Path) -> Result<Self, Box<dyn Error>> {
        load::read(folder)
    }

    /// Each broken rule, in one line that names the tool.
    pub fn problems(&self, settings: &Settings) -> Vec<String> {
        check::problems(settings, self)
    }

    /// The definition of every tool as JSON, in catalogue order.
    pub fn definitions(&self, settings: &Settings) -> Vec<String> {
        definitions::render(settings, self)
    }

    /// The executor's table as Rust source. `definitions` are those of the tools, in their order.
    ///
    /// # Errors
    /// None that a text in memory has.
    pub fn table(&self, definitions: &[String]) -> Result<String, fmt::Error> {
        table::render(self, definitions)
    }

    /// The catalogue for readers, in Markdown, below the `head` of the document.
    pub fn reference(&self, settings: &Settings, head: &str) -> String {
        reference::render(settings, self, head)
    }
}
