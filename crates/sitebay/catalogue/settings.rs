//! The facts about SiteBay's catalogue that are not in its files.

use catalogue_build::Settings;

pub(crate) const SETTINGS: Settings = Settings {
    service: "SiteBay",
    prefix: "sitebay_",
    behaviours: &[
        "checkout",
        "delete_site",
        "edit_file",
        "list_commits",
        "logs",
        "proxy",
        "restore",
        "screenshot",
        "shell",
        "update",
    ],
    kinds: &[("content_path", "path below wp-content"), ("blocks", "search and replace blocks")],
    hosts: &[],
};
