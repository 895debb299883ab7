//! The facts about this catalogue that are not in its files.

use catalogue_build::Settings;

pub(crate) const SETTINGS: Settings = Settings {
    service: "Cloudflare",
    prefix: "",
    behaviours: &[
        "deploy",
        "deployments",
        "describe_database",
        "destroy",
        "error_rates",
        "list_objects",
        "list_stages",
        "query",
        "rollback",
        "rollout",
        "send_message",
        "stats",
        "status",
        "trigger_workflow",
        "workflow_run",
    ],
    kinds: &[],
    hosts: &[],
};
