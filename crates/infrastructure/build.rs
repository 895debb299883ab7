//! Renders the catalogue of the tools (`catalogue/*.toml`) into the executor's table.

#[path = "catalogue/settings.rs"]
mod settings;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    catalogue_build::write(&settings::SETTINGS, "catalogue", "infrastructure_table.rs")
}
