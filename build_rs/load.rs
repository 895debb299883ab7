//! Reads the catalogue's files.

use std::{error::Error, fs, path::Path};

use super::model::{Catalogue, Toolset};

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
    Ok(Catalogue { toolsets })
}

/// One file.
pub(crate) fn parse(text: &str) -> Result<Toolset, toml::de::Error> {
    toml::from_str(text)
}
