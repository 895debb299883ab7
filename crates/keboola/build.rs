//! Renders the catalogue (`catalogue/*.toml`) into static text.
//!
//! Invariant: what is rendered was checked; a catalogue that breaks a rule of `build_rs/check.rs`
//! does not compile. Output: the table of operations as Rust, with each tool's definition as JSON.

#[path = "build_rs/check.rs"]
mod check;
#[path = "build_rs/definitions.rs"]
mod definitions;
#[path = "build_rs/model.rs"]
mod model;
#[path = "build_rs/table.rs"]
mod table;

use std::{env, error::Error, fs, path::PathBuf};

const CATALOGUE: &str = "catalogue";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={CATALOGUE}");
    println!("cargo::rerun-if-changed=build_rs");
    let catalogue = model::read(CATALOGUE.as_ref())?;
    let problems = check::problems(&catalogue);
    if !problems.is_empty() {
        return Err(format!("the catalogue is not valid:\n{}", problems.join("\n")).into());
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("keboola_table.rs"), table::render(&catalogue))?;
    Ok(())
}
