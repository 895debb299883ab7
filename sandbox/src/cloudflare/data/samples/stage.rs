//! One stage of the sample app: a Worker and what it is bound to.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::cloudflare::data::{
    Account, Bucket, Consumer, DataPoint, Database, Entry, Instance, Namespace, Number, Object,
    ObjectNamespace, Outline, Queue, StoredObject, Upload, Worker, Workflow, WorkflowPlan,
};
use crate::cloudflare::ids::Ids;
use crate::cloudflare::sql::Statement;
use crate::engine::clock::{Time, minutes_after, minutes_before};

/// What makes a stage.
pub(super) struct Stage {
    name: &'static str,
    worker: &'static str,
    dataset: &'static str,
    people: &'static [(&'static str, &'static str)],
    uploads: &'static [(&'static str, &'static str, usize)],
    keys: u32,
    chats: usize,
}

/// The stages.
pub(super) const STAGES: &[Stage] = &[
    Stage {
        name: "staging",
        worker: "sitebay-mcp-staging",
        dataset: "sitebay_mcp_staging",
        people: &[("Ada Example", "ada@example.com"), ("Bo Example", "bo@example.com")],
        uploads: &[
            ("uploads/avatars/ada.png", "image/png", 2048),
            ("uploads/notes.txt", "text/plain", 120),
            ("exports/2026-11.csv", "text/csv", 900),
        ],
        keys: 12,
        chats: 2,
    },
    Stage {
        name: "production",
        worker: "sitebay-mcp",
        dataset: "sitebay_mcp",
        people: &[
            ("Chris Example", "chris@example.com"),
            ("Dana Example", "dana@example.com"),
            ("Eli Example", "eli@example.com"),
        ],
        uploads: &[
            ("uploads/avatars/chris.png", "image/png", 4096),
            ("uploads/avatars/dana.png", "image/png", 5120),
            ("uploads/contract.pdf", "application/pdf", 60_000),
            ("uploads/readme.txt", "text/plain", 64),
        ],
        keys: 40,
        chats: 5,
    },
];

/// The bindings and classes of this server's own objects.
const AGENTS: [(&str, &str); 8] = [
    ("SESSION_AGENT", "SessionAgent"),
    ("HUB_AGENT", "HubAgent"),
    ("TASK_AGENT", "TaskAgent"),
    ("KEY_AGENT", "KeyAgent"),
    ("GRANT_AGENT", "GrantAgent"),
    ("QUOTA_AGENT", "QuotaAgent"),
    ("UPSTREAM_AGENT", "UpstreamAgent"),
    ("STAGE_AGENT", "StageAgent"),
];

/// Adds a stage to an account.
pub(super) fn add(
    account: &mut Account,
    ids: &mut Ids,
    stage: &Stage,
    now: Time,
) -> Result<(), rusqlite::Error> {
    let name = |what: &str| format!("sitebay-mcp-{}{what}", stage.name);
    let database = database(ids, stage, &name(""), now)?;
    let namespace = namespace(ids, stage, &name("-cache"));
    let queue = queue(ids, stage, &name("-jobs"), now);
    let mut bound = vec![
        json!({ "type": "d1", "name": "APP_DB", "id": database.id }),
        json!({ "type": "kv_namespace", "name": "CACHE", "namespace_id": namespace.id }),
        json!({ "type": "r2_bucket", "name": "UPLOADS", "bucket_name": name("-uploads") }),
        json!({ "type": "queue", "name": "JOBS", "queue_name": queue.name }),
        json!({ "type": "workflow", "name": "ONBOARDING", "workflow_name": name("-onboarding"),
                "class_name": "OnboardingWorkflow" }),
        json!({ "type": "durable_object_namespace", "name": "CHAT", "class_name": "ChatDO" }),
        json!({ "type": "analytics_engine", "name": "MCP_ANALYTICS", "dataset": stage.dataset }),
    ];
    bound.extend(AGENTS.iter().map(|(name, class)| {
        json!({ "type": "durable_object_namespace", "name": name, "class_name": class })
    }));
    let worker = worker(ids, stage, &bound, now);
    let version = worker.versions.last().map(|last| last.id.clone()).unwrap_or_default();
    account.workflows.push(workflow(ids, stage, &name("-onboarding"), version, now));
    account.buckets.push(bucket(stage, &name("-uploads"), now));
    account.objects.push(objects(ids, stage, "ChatDO", stage.chats));
    for (_, class) in AGENTS {
        account.objects.push(objects(ids, stage, class, 1));
    }
    account.numbers.extend(numbers(stage, &namespace.id, now));
    account.workers.push(worker);
    account.databases.push(database);
    account.namespaces.push(namespace);
    account.queues.push(queue);
    if let Some(points) = &account.points {
        for (status, outcome, count) in [(200.0, "ok", 40), (429.0, "rate-limit", 1)] {
            let blobs = ["info", "request", "/mcp", "tools/call", "list_sites", outcome];
            let point = DataPoint {
                index: "subject".to_owned(),
                blobs: blobs.map(str::to_owned).to_vec(),
                doubles: vec![80.0, 12.0, status],
                count,
                ..DataPoint::default()
            };
            points.write(stage.dataset, minutes_after(now, 55), &point)?;
        }
    }
    Ok(())
}

fn worker(ids: &mut Ids, stage: &Stage, bindings: &[Value], now: Time) -> Worker {
    let mut worker = Worker::new(ids, stage.worker, now);
    for name in ["MCP_JWT_SECRET", "MCP_SHARED_SECRET"] {
        worker.put_secret(name, "secret_text", stage.name);
    }
    worker.migration_tag = Some("v5".to_owned());
    worker.schedules.push(("*/5 * * * *".to_owned(), now));
    for (tag, minutes) in [("v1.0.0", 50), ("v1.1.0", 20)] {
        let upload = Upload {
            bindings: bindings.to_vec(),
            compatibility_date: "2026-11-17".to_owned(),
            compatibility_flags: vec!["nodejs_compat".to_owned()],
            handlers: vec!["fetch".to_owned(), "scheduled".to_owned()],
            exports: vec!["ChatDO".to_owned()],
            message: Some(format!("release {tag}")),
            tag: Some(tag.to_owned()),
            etag: ids.long_hex(),
        };
        let at = minutes_before(minutes_after(now, 60), minutes);
        let version = worker.add_version(ids, upload, "wrangler", at);
        worker.deploy_whole(ids, &version, "upload", at);
    }
    worker
}

fn database(
    ids: &mut Ids,
    stage: &Stage,
    name: &str,
    now: Time,
) -> Result<Database, rusqlite::Error> {
    let mut database = Database::new(ids, name, now)?;
    let table = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, \
                 email TEXT UNIQUE, active INTEGER NOT NULL DEFAULT 1, created_at TEXT); \
                 CREATE INDEX users_by_name ON users (name);";
    let text = |text: &str, params: Vec<Value>| Statement { text: text.to_owned(), params };
    let mut statements = vec![text(table, Vec::new())];
    for (name, email) in stage.people {
        let insert = "INSERT INTO users (name, email, created_at) VALUES (?, ?, '2026-11-01')";
        statements.push(text(insert, vec![json!(name), json!(email)]));
    }
    // Statements of a sample fail only where SQLite does.
    let _ = database.store.run(&statements, false, Duration::from_secs(30));
    database.remember(now);
    Ok(database)
}

fn bucket(stage: &Stage, name: &str, now: Time) -> Bucket {
    let mut bucket = Bucket::new(name, now);
    for (key, content_type, size) in stage.uploads {
        let body = Bytes::from(vec![b'.'; *size]);
        bucket.objects.insert((*key).to_owned(), Object::new(body, Some(content_type), now));
    }
    bucket
}

fn namespace(ids: &mut Ids, stage: &Stage, title: &str) -> Namespace {
    let mut namespace = Namespace::new(ids, title);
    for at in 0..stage.keys {
        let value = format!("{} page {at}", stage.name);
        namespace.entries.insert(format!("page:{at:03}"), Entry::new(value));
    }
    namespace
}

fn queue(ids: &mut Ids, stage: &Stage, name: &str, now: Time) -> Queue {
    let mut queue = Queue::new(ids.hex(), name, now);
    queue.consumers.push(Consumer {
        id: ids.hex(),
        kind: "worker".to_owned(),
        script: stage.worker.to_owned(),
        settings: json!({ "batch_size": 10, "max_retries": 3, "max_wait_time_ms": 5000 }),
        created: now,
    });
    queue
}

fn workflow(ids: &mut Ids, stage: &Stage, name: &str, version: String, now: Time) -> Workflow {
    let instance = Instance {
        id: format!("first-{}", stage.name),
        created: now,
        params: json!({ "userId": 1 }),
        source: "api".to_owned(),
        outline: Outline {
            starts: now,
            runs: Duration::from_secs(2),
            plan: WorkflowPlan::default(),
        },
        held: None,
        events: Vec::new(),
    };
    Workflow {
        id: ids.uuid(),
        name: name.to_owned(),
        class: "OnboardingWorkflow".to_owned(),
        script: stage.worker.to_owned(),
        version,
        created: now,
        modified: now,
        instances: vec![instance],
    }
}

fn objects(ids: &mut Ids, stage: &Stage, class: &str, count: usize) -> ObjectNamespace {
    let object = |id| StoredObject { id, has_data: true };
    ObjectNamespace {
        id: ids.hex(),
        script: stage.worker.to_owned(),
        class: class.to_owned(),
        objects: (0..count).map(|_| object(ids.long_hex())).collect(),
    }
}

fn numbers(stage: &Stage, namespace: &str, now: Time) -> Vec<Number> {
    let date = now.format("%Y-%m-%d").to_string();
    let fields = |value: Value| value.as_object().cloned().unwrap_or_default();
    let reads = u64::from(stage.keys).saturating_mul(25);
    let mut all = vec![Number {
        dataset: "kvStorageAdaptiveGroups".to_owned(),
        dimensions: fields(json!({ "date": date, "namespaceId": namespace })),
        max: fields(json!({ "keyCount": stage.keys, "byteCount": stage.keys.saturating_mul(20) })),
        ..Number::default()
    }];
    for (action, requests) in [("read", reads), ("write", 12), ("list", 3), ("delete", 1)] {
        all.push(Number {
            dataset: "kvOperationsAdaptiveGroups".to_owned(),
            dimensions: fields(
                json!({ "date": date, "namespaceId": namespace, "actionType": action }),
            ),
            sum: fields(json!({ "requests": requests })),
            quantiles: fields(json!({ "latencyMsP50": 4.5, "latencyMsP99": 31.0 })),
            ..Number::default()
        });
    }
    all.push(Number {
        dataset: "workersInvocationsAdaptive".to_owned(),
        dimensions: fields(json!({ "scriptName": stage.worker, "status": "success" })),
        sum: fields(json!({ "requests": reads, "errors": 0, "subrequests": reads })),
        quantiles: fields(json!({ "cpuTimeP50": 900, "cpuTimeP99": 4200 })),
        ..Number::default()
    });
    all
}
