//! Renders the catalogue of Keboola's tools (`catalogue/*.toml`) into the executor's table.

#[path = "catalogue/settings.rs"]
mod settings;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    catalogue_build::write(&settings::SETTINGS, "catalogue", "keboola_table.rs")
}
