//! Keboola's MCP server.
//!
//! It reads its settings from headers, whatever their prefix, case, hyphens and underscores: the address of its stack and other
//! credentials, and before 1.105 also the secret of its tokens. So only the headers named here are sent.
//!
//! Source: keboola/mcp-server 1.76 and 1.105, `config.py`, `mcp.py`, TOOLS.md.

use std::time::Duration;

use mcp_client::endpoint::{RefusalError, Timeouts};

use super::Template;

pub(super) const KEBOOLA: Template = Template {
    name: "keboola",
    title: "Keboola",
    key: "Storage API token",
    key_hint: "You make one in your project under Settings → API Tokens. Prefer a token that is limited to the buckets and \
               components that your apps need, and that expires.",
    // `run_sync_action` was marked as one that reads before 1.105, and runs what a component defines. The tools that are
    // denied work on projects other than the one that the token opens.
    settings: r#"{"era":"session","auth":{"kind":"subject"},"effects":{"run_sync_action":"write"},
        "deny":["create_project","get_accessible_projects","set_project_scope"]}"#,
    // A query runs for up to 300 s, and says nothing meanwhile.
    timeouts: Timeouts {
        headers: Duration::from_secs(30),
        idle: Duration::from_secs(310),
        whole: Duration::from_secs(330),
        lists: Duration::from_secs(20),
    },
    stacks: &[
        ("keboola.com", "US Virginia, AWS"),
        ("us-east4.gcp.keboola.com", "US Virginia, GCP"),
        ("eu-central-1.keboola.com", "EU Frankfurt, AWS"),
        ("north-europe.azure.keboola.com", "EU Ireland, Azure"),
        ("europe-west3.gcp.keboola.com", "EU Frankfurt, GCP"),
    ],
    domain: "keboola.com",
    key_header: "X-StorageAPI-Token",
    stack_header: "X-StorageAPI-URL",
    options: &[("branch", "X-Branch-Id"), ("workspace_schema", "X-Workspace-Schema")],
    sign_in: Some(("/oauth/authorize", "/oauth/token")),
    filters: ("X-Allowed-Tools", "X-Disallowed-Tools"),
    read_only: ("x-read-only-mode", "true"),
    // It answers so where Storage refuses the token before a tool runs; a tool that fails has a result.
    refusal: Some(RefusalError {
        code: 0,
        begins: "Client error '401 Unauthorized' for url '",
        url_has: "/v2/storage/",
    }),
    forwardable: &[
        "accept-language",
        "baggage",
        "traceparent",
        "tracestate",
        "x-conversation-id",
        "x-correlation-id",
        "x-request-id",
    ],
};
