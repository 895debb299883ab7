//! The facts about Keboola's catalogue that are not in its files.

use catalogue_build::Settings;

pub(crate) const SETTINGS: Settings = Settings {
    service: "Keboola",
    prefix: "keboola_",
    behaviours: &[
        "add_config_row",
        "buckets",
        "components",
        "configs",
        "create_config",
        "create_sql_transformation",
        "docs_query",
        "events",
        "flows",
        "jobs",
        "list_branches",
        "preview_table",
        "project_info",
        "query_data",
        "rollback_config",
        "run_job",
        "search",
        "stop_job",
        "tables",
        "update_config",
        "update_config_row",
        "update_descriptions",
        "update_sql_transformation",
    ],
    kinds: &[],
    hosts: &[],
};
