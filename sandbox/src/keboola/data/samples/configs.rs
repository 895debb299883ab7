//! Configurations, with what belongs to them: schedules, data apps, semantic objects.

use serde_json::{Value, json};

use crate::engine::clock::sample;
use crate::keboola::data::{App, Backend, Config, Meta, Object, Project, Row, Schedule, Snapshot};

/// Gives a project its configurations.
pub(super) fn fill(project: &mut Project) {
    let mut configs = vec![mysql(project), http(project, "http-1", false)];
    configs.extend([http(project, "deleted-1", true), http(project, "always-fails", false)]);
    configs.extend([writer(project), transformation(project), orchestration(project)]);
    if !project.features.contains(&"hide-conditional-flows") {
        configs.push(flow(project));
    }
    configs.extend([schedule(project), app(project), variables(project)]);
    project.configs.extend(configs);
    let number = |last: u64| project.id.saturating_mul(1000).saturating_add(last);
    project.schedules.push(Schedule {
        id: number(1),
        token: project.id.saturating_mul(100).saturating_add(1),
        config: "schedule-1".to_owned(),
        version: 1,
        schedule: json!({ "cronTab": "0 6 * * *", "timezone": "UTC", "state": "enabled" }),
        target: json!({
            "componentId": "keboola.orchestrator", "configurationId": "orch-1",
            "mode": "run", "tag": null,
        }),
    });
    project.apps.push(App {
        id: number(1),
        branch: None,
        config: "app-1".to_owned(),
        config_version: 1,
        kind: "streamlit".to_owned(),
        has_repository: false,
        state: "running".to_owned(),
        desired: "running".to_owned(),
        started: Some(sample(50)),
    });
    if project.id == 101 {
        project.objects = objects();
    }
}

fn config(project: &Project, component: &str, id: &str, name: &str, content: Value) -> Config {
    let creator = (project.id.saturating_mul(100).saturating_add(1), "master".to_owned());
    let first = Snapshot {
        version: 1,
        changed: sample(30),
        changed_by: creator.clone(),
        change: "Configuration created".to_owned(),
        name: name.to_owned(),
        description: format!("{name} of the sandbox"),
        is_disabled: false,
        configuration: content,
        rows: Vec::new(),
        rows_sort_order: Vec::new(),
    };
    Config {
        id: id.to_owned(),
        component: component.to_owned(),
        branch: project.default_branch(),
        created: sample(30),
        creator,
        is_deleted: false,
        state: json!({}),
        metadata: Vec::new(),
        empties_are_lists: false,
        versions: vec![first.clone()],
        now: first,
    }
}

/// With an encrypted secret, rows and several versions.
fn mysql(project: &Project) -> Config {
    let content = json!({ "parameters": { "db": {
        "host": "db.example.com", "user": "reader", "port": 3306,
        "#password": "KBC::ProjectSecure::c2FuZGJveA==",
    } } });
    let mut config =
        config(project, "keboola.ex-db-mysql", "236606822", "MySQL of the shop", content);
    let creator = config.creator.clone();
    for (minute, table) in [(31, "orders"), (32, "customers")] {
        config.now.rows.push(Row {
            id: format!("row-{table}"),
            name: format!("Table {table}"),
            description: String::new(),
            is_disabled: false,
            version: 1,
            created: sample(minute),
            creator: creator.clone(),
            change: "Row created".to_owned(),
            configuration: json!({
                "parameters": { "table": table },
                "storage": { "output": { "tables": [
                    { "source": table, "destination": format!("in.c-main.{table}") },
                ] } },
            }),
            state: json!({}),
        });
        config.changed(format!("Row for {table} added"), creator.clone(), sample(minute));
    }
    config
}

fn http(project: &Project, id: &str, is_deleted: bool) -> Config {
    let content = json!({ "parameters": { "baseUrl": "https://example.com", "path": "a.csv" } });
    let config = config(project, "keboola.ex-http", id, &format!("Download {id}"), content);
    Config { is_deleted, ..config }
}

fn writer(project: &Project) -> Config {
    let content = json!({
        "parameters": { "db": { "host": "warehouse.example.com" } },
        "storage": { "input": { "tables": [
            { "source": "in.c-main.orders", "destination": "orders.csv" },
        ] } },
    });
    config(project, "keboola.wr-db-snowflake", "writer-1", "Warehouse", content)
}

fn transformation(project: &Project) -> Config {
    let component = match project.backend {
        Backend::Snowflake => "keboola.snowflake-transformation",
        Backend::BigQuery => "keboola.google-bigquery-transformation",
    };
    let content = json!({
        "parameters": { "blocks": [{ "name": "Block 1", "codes": [
            { "name": "Totals", "script": ["CREATE TABLE summary AS SELECT 1 AS total"] },
        ] }] },
        "storage": {
            "input": { "tables": [
                { "source": "in.c-main.orders", "destination": "orders" },
            ] },
            "output": { "tables": [
                { "source": "summary", "destination": "out.c-results.summary" },
            ] },
        },
    });
    let mut config = config(project, component, "transform-1", "Daily totals", content);
    config.metadata.push(Meta {
        id: project.id.saturating_mul(1000),
        key: "KBC.configuration.folderName".to_owned(),
        value: "Reports".to_owned(),
        provider: None,
        timestamp: sample(35),
    });
    config
}

fn task(component: &str, id: &str) -> Value {
    json!({ "componentId": component, "configId": id, "mode": "run" })
}

fn orchestration(project: &Project) -> Config {
    let content = json!({
        "phases": [{ "id": 1, "name": "Extract", "dependsOn": [] }],
        "tasks": [{
            "id": 1001, "name": "MySQL", "phase": 1, "enabled": true, "continueOnFailure": false,
            "task": task("keboola.ex-db-mysql", "236606822"),
        }],
    });
    config(project, "keboola.orchestrator", "orch-1", "Nightly", content)
}

fn flow(project: &Project) -> Config {
    let mut task = task("keboola.ex-http", "http-1");
    if let Some(fields) = task.as_object_mut() {
        fields.insert("type".to_owned(), json!("job"));
    }
    let content = json!({
        "phases": [{ "id": "p1", "name": "Start", "next": [{ "id": "end", "goto": null }] }],
        "tasks": [{ "id": "t1", "name": "Download", "phase": "p1", "enabled": true, "task": task }],
    });
    config(project, "keboola.flow", "flow-1", "Hourly", content)
}

fn schedule(project: &Project) -> Config {
    let content = json!({
        "schedule": { "cronTab": "0 6 * * *", "timezone": "UTC", "state": "enabled" },
        "target": {
            "componentId": "keboola.orchestrator", "configurationId": "orch-1", "mode": "run",
        },
    });
    config(project, "keboola.scheduler", "schedule-1", "Every morning", content)
}

fn app(project: &Project) -> Config {
    let id = project.id.saturating_mul(1000).saturating_add(1).to_string();
    let content = json!({
        "parameters": {
            "id": id,
            "size": "tiny",
            "autoSuspendAfterSeconds": 900,
            "dataApp": { "slug": "totals", "secrets": {}, "streamlit": { "config.toml": "" } },
            "script": ["import streamlit as st\nst.title('Totals')"],
            "packages": ["pandas"],
        },
        "authorization": { "app_proxy": { "auth_providers": [], "auth_rules": [
            { "type": "pathPrefix", "value": "/", "auth_required": false },
        ] } },
    });
    config(project, "keboola.data-apps", "app-1", "Totals", content)
}

/// An old one: its empty objects come as lists.
fn variables(project: &Project) -> Config {
    let config = config(project, "keboola.variables", "vars-1", "Variables", json!({}));
    Config { empties_are_lists: true, ..config }
}

fn objects() -> Vec<Object> {
    let object = |number: u64, kind: &str, name: &str, attributes: Value| Object {
        id: format!("00000000-0000-4000-8000-{number:012}"),
        kind: format!("semantic-{kind}"),
        name: name.to_owned(),
        attributes,
        earlier: Vec::new(),
        created: sample(40),
    };
    let model = "00000000-0000-4000-8000-000000000001";
    vec![
        object(1, "model", "Sales", json!({ "name": "Sales", "sql_dialect": "Snowflake" })),
        object(
            2,
            "dataset",
            "orders",
            json!({
                "name": "orders", "tableId": "in.c-main.orders", "modelUUID": model,
                "fields": [{ "name": "amount", "role": "measure" }],
            }),
        ),
        object(
            3,
            "metric",
            "revenue",
            json!({
                "name": "revenue", "sql": "SUM(\"amount\")", "dataset": "in.c-main.orders",
                "modelUUID": model,
            }),
        ),
    ]
}
