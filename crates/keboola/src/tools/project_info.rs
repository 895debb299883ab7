//! The project of the connection, and instructions for working with it.

use serde_json::{Value, json};

use super::workspace;
use crate::{
    api::{Path, plain},
    call::{Branch, Call, Outcome},
    metadata::{self, PROJECT_DESCRIPTION},
};

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let project = &call.project;
    let path = Path::new("branch").part(call.branch.segment()).then("metadata");
    let metadata = call.storage(path, &[]).await?;
    let description = metadata::property(Some(&metadata), PROJECT_DESCRIPTION, None);
    let branch = call.branch_record().await?.unwrap_or_default();
    // A token without the right to see workspaces has a project all the same.
    let workspace = workspace::find(call).await.ok().flatten();
    let role = if project.role.is_empty() { "unknown" } else { &project.role };
    let dialect = if project.is_bigquery() { "BigQuery" } else { "Snowflake" };
    Ok(json!({
        "project_id": project.id,
        "project_name": project.name,
        "project_description": description.unwrap_or_default(),
        "organization_id": if project.organization.is_null() { json!("") } else { project.organization.clone() },
        "sql_dialect": dialect,
        "workspace_id": workspace.map(|workspace| workspace.id),
        "conditional_flows": !project.has("hide-conditional-flows"),
        "links": [call.links().project()],
        "branch_id": branch.get("id").cloned().unwrap_or_else(|| json!(call.branch.segment())),
        "branch_name": branch.get("name").map(plain).unwrap_or_else(|| "unknown".to_owned()),
        "is_development_branch": call.branch != Branch::Main,
        "user_role": role,
        "toolset_restrictions": restrictions(role),
        "llm_instruction": instruction(dialect),
    }))
}

fn restrictions(role: &str) -> Value {
    match role {
        "admin" | "share" => Value::Null,
        "readonly" => {
            json!("The person's role is readonly: tools that change something are refused.")
        }
        "unknown" => json!(
            "The person's role is unknown: the token may have rights to some buckets and components only."
        ),
        role => {
            json!(format!("The person's role is {role}: Keboola refuses what it has no right to."))
        }
    }
}

/// The base instructions for a model, in the project's SQL dialect.
fn instruction(dialect: &str) -> String {
    let quoting = match dialect {
        "BigQuery" => "Quote identifiers with backticks. Cast with SAFE_CAST.",
        _ => {
            "Quote identifiers with double quotes: unquoted ones become upper case. Cast with TRY_CAST, \
             and give numbers a precision and a scale."
        }
    };
    format!(
        "You work in one Keboola project. Data lies in tables, tables in buckets; ids are such as \
         in.c-main (bucket) and in.c-main.orders (table). Components (extractors, writers, \
         applications, transformations) have configurations, some with rows; a job runs a \
         configuration, a flow runs several in order.\n\
         - Find things with keboola_search before you list everything.\n\
         - Before SQL, read the tables with keboola_get_tables and copy fully_qualified_name and \
         quoted_name as they are. The dialect is {dialect}. {quoting} Storage keeps empty cells as \
         empty strings. Compute in SQL and use LIMIT.\n\
         - Before you make or change a configuration, read its component with \
         keboola_get_components and the configuration with keboola_get_configs. Change as little as \
         possible. Secrets stand under keys that begin with #; never invent them and never send \
         [REDACTED].\n\
         - A job may overwrite data: say what it will do before you run it."
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{FakeKeboola, fails, run};

    const TOOL: &str = "keboola_get_project_info";
    const METADATA: &str = "Get connection /v2/storage/branch/default/metadata";

    #[test]
    fn the_project_is_described_without_making_a_workspace() {
        let fake = FakeKeboola::new();
        fake.on(METADATA, 200, json!([{"key": "KBC.projectDescription", "value": "our sales"}]));
        let info = run(&fake, TOOL, json!({}));
        assert_eq!(info["project_id"], 58);
        assert_eq!(info["project_description"], "our sales");
        assert_eq!((&info["branch_id"], &info["branch_name"]), (&json!(5), &json!("Main")));
        assert_eq!(
            (&info["sql_dialect"], &info["workspace_id"]),
            (&json!("Snowflake"), &json!(null))
        );
        assert_eq!(info["conditional_flows"], true);
        assert!(fake.lines().iter().all(|line| line.starts_with("Get ")), "{:?}", fake.lines());
    }

    #[test]
    fn a_development_branch_is_named_and_an_unknown_one_refused() {
        let fake = FakeKeboola::with_project(json!({"id": "58", "defaultBackend": "bigquery"}));
        fake.on("Get connection /v2/storage/branch/9/metadata", 200, json!([]));
        let info = run(&fake, TOOL, json!({"branch_id": "9"}));
        assert_eq!((&info["project_id"], &info["branch_name"]), (&json!("58"), &json!("Trial")));
        assert_eq!(
            (&info["is_development_branch"], &info["sql_dialect"]),
            (&json!(true), &json!("BigQuery"))
        );
        let why = fails(&fake, TOOL, json!({"branch_id": "9/../5"}));
        assert!(why.contains("no branch \"9/../5\""), "{why}");
    }

    #[test]
    fn a_token_that_is_not_valid_is_not_repeated() {
        let fake = FakeKeboola::new();
        let verify = "Get connection /v2/storage/tokens/verify";
        fake.clear(verify);
        let error = format!("Invalid access token {}", crate::testing::TOKEN);
        fake.on(
            verify,
            401,
            json!({"error": error, "code": "storage.tokenInvalid", "exceptionId": "e-1"}),
        );
        let why = fails(&fake, TOOL, json!({}));
        for part in
            ["401", "Invalid access token [secret]", "storage.tokenInvalid", "e-1", "connect"]
        {
            assert!(why.contains(part), "{part}: {why}");
        }
    }

    #[test]
    fn a_disabled_project_is_told() {
        let fake = FakeKeboola::with_project(json!({"isDisabled": true}));
        assert!(fails(&fake, TOOL, json!({})).contains("Sales is disabled"));
    }
}
