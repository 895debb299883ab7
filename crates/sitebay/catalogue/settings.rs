//! What the catalogue's files do not say about it.

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
