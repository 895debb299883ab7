//! The steps of a plan as requests.

use mcp_platform::Method;
use mcp_server::execution::Begun;
use serde_json::{Map, Value, json};

use super::{
    client::{Client, Path},
    error::ApiError,
    lists::id_of_the_only,
    observe::{View, made_ms},
    settings::Purpose,
};
use crate::{
    apply::{Executor, Failure, FailureKind, Made},
    manifest::Kind,
    plan::{Action, Observed, Wanted},
};

/// Objects that one request deletes.
const AT_ONCE: usize = 1_000;

/// Carries out the steps of a stage.
pub struct Changes<'a> {
    /// The client.
    pub client: &'a Client<'a>,
    /// The permission.
    pub begun: &'a Begun,
    /// The Worker of the stage.
    pub worker: &'a str,
}

impl Changes<'_> {
    async fn send(
        &self,
        method: Method,
        path: &Path,
        body: Option<&Value>,
    ) -> Result<Value, ApiError> {
        let sent = self.client.change(self.begun, Purpose::Write, method, path, body).await;
        sent.map(|envelope| envelope.result)
    }

    async fn created(&self, action: &Action) -> Result<Made, ApiError> {
        let Action { name, settings, .. } = action;
        let mut body = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(key.to_owned(), value);
            }
        };
        let setting = |name: &str| settings.get(name).map(|value| json!(value));
        let (path, field) = match action.kind {
            Kind::D1 => {
                put("name", Some(json!(name)));
                put("primary_location_hint", setting("location"));
                let mode = setting("read_replication").map(|mode| json!({ "mode": mode }));
                put("read_replication", mode);
                ("d1/database", "uuid")
            }
            Kind::R2 => {
                put("name", Some(json!(name)));
                put("locationHint", setting("location"));
                put("storageClass", setting("storage_class"));
                ("r2/buckets", "name")
            }
            Kind::Kv => {
                put("title", Some(json!(name)));
                ("storage/kv/namespaces", "id")
            }
            Kind::Queue => {
                put("queue_name", Some(json!(name)));
                ("queues", "queue_id")
            }
            Kind::Workflow => return self.put_workflow(action).await,
            Kind::Domain => return self.put_domain(name).await,
            Kind::DurableObject | Kind::Worker => return Err(ApiError::BadPath),
        };
        let path = self.client.account(path)?;
        let made = self.send(Method::Post, &path, Some(&Value::Object(body))).await?;
        let id = made.get(field).and_then(Value::as_str);
        let id = match (action.kind, id) {
            // A bucket's name is its id, whatever the answer has.
            (Kind::R2, _) => name.clone(),
            (_, Some(id)) => id.to_owned(),
            (_, None) => return Err(ApiError::Incomplete("id")),
        };
        Ok(Made { id, made_ms: made_ms(&made) })
    }

    async fn put_workflow(&self, action: &Action) -> Result<Made, ApiError> {
        let path = self.client.account("workflows")?.part(&action.name);
        let class = action.settings.get("class");
        let body = json!({ "class_name": class, "script_name": self.worker });
        let made = self.send(Method::Put, &path, Some(&body)).await?;
        Ok(Made { id: action.name.clone(), made_ms: made_ms(&made) })
    }

    async fn put_domain(&self, hostname: &str) -> Result<Made, ApiError> {
        let zone = self.zone(hostname).await?;
        let path = self.client.account("workers/domains")?;
        let body = json!({ "hostname": hostname, "service": self.worker, "zone_id": zone });
        let made = self.send(Method::Put, &path, Some(&body)).await?;
        let id = made.get("id").and_then(Value::as_str);
        let id = id.map(str::to_owned).ok_or(ApiError::Incomplete("id"))?;
        Ok(Made { id, made_ms: made_ms(&made) })
    }

    /// The id of the zone that a host name is in: the longest name of one that the token sees.
    async fn zone(&self, hostname: &str) -> Result<String, ApiError> {
        let mut name = hostname;
        while name.contains('.') {
            let query = [("name", name.to_owned())];
            let Value::Array(zones) = self.client.get(&Path::new("zones"), &query).await?.result
            else {
                return Err(ApiError::Incomplete("zones"));
            };
            if let Some(id) = id_of_the_only(&zones, ("name", name), "id")? {
                return Ok(id);
            }
            name = name.split_once('.').map(|(_, rest)| rest).unwrap_or_default();
        }
        Err(ApiError::NotSet("a zone for the host name that the token may see"))
    }

    async fn updated(&self, action: &Action, id: &str) -> Result<(), ApiError> {
        match action.kind {
            Kind::D1 => {
                let path = self.client.account("d1/database")?.part(id);
                let mode = action.settings.get("read_replication");
                let body = json!({ "read_replication": { "mode": mode } });
                self.send(Method::Patch, &path, Some(&body)).await?;
            }
            Kind::R2 => {
                let path = self.client.account("r2/buckets")?.part(id);
                let body = json!({ "storageClass": action.settings.get("storage_class") });
                self.send(Method::Patch, &path, Some(&body)).await?;
            }
            Kind::Workflow => drop(self.put_workflow(action).await?),
            _ => {}
        }
        Ok(())
    }

    async fn emptied(&self, action: &Action) -> Result<(), Failure> {
        let failure = |error: ApiError| error.failure();
        let refused = |why: &str| Failure {
            kind: FailureKind::Refused,
            code: None,
            why: format!("`{}` {why}", action.name),
        };
        let keys = View(self.client).objects(&action.name).await.map_err(failure)?;
        let keys = keys.ok_or_else(|| {
            refused(
                "has too many objects to be emptied here: delete them elsewhere, and call again",
            )
        })?;
        let agreed = action.contents.count.and_then(|count| usize::try_from(count).ok());
        if agreed.is_none_or(|agreed| keys.len() > agreed) {
            return Err(refused(
                "has more objects than were agreed to: delete those that may go, and call again",
            ));
        }
        let path = self.client.account("r2/buckets").map_err(failure)?;
        let path = path.part(&action.name).then("objects");
        for some in keys.chunks(AT_ONCE) {
            self.send(Method::Delete, &path, Some(&json!(some))).await.map_err(failure)?;
        }
        Ok(())
    }

    fn address(&self, kind: Kind, id: &str) -> Result<Path, ApiError> {
        let collection = match kind {
            Kind::D1 => "d1/database",
            Kind::R2 => "r2/buckets",
            Kind::Kv => "storage/kv/namespaces",
            Kind::Queue => "queues",
            Kind::Worker => "workers/scripts",
            Kind::Workflow => "workflows",
            Kind::Domain => "workers/domains",
            Kind::DurableObject => return Err(ApiError::BadPath),
        };
        Ok(self.client.account(collection)?.part(id))
    }
}

impl Executor for Changes<'_> {
    async fn create(&self, action: &Action) -> Result<Made, Failure> {
        self.client.start_over();
        self.created(action).await.map_err(|error| error.failure())
    }

    async fn update(&self, action: &Action, id: &str) -> Result<(), Failure> {
        self.client.start_over();
        self.updated(action, id).await.map_err(|error| error.failure())
    }

    async fn empty(&self, action: &Action, _id: &str) -> Result<(), Failure> {
        self.client.start_over();
        self.emptied(action).await
    }

    /// A Worker is deleted without `force`: what others use is refused by Cloudflare.
    async fn delete(&self, action: &Action, id: &str) -> Result<(), Failure> {
        self.client.start_over();
        let path = self.address(action.kind, id).map_err(|error| error.failure())?;
        let deleted = self.send(Method::Delete, &path, None).await;
        deleted.map(drop).map_err(|error| error.failure())
    }

    async fn find(&self, kind: Kind, name: &str) -> Result<Vec<Observed>, Failure> {
        self.client.start_over();
        let wanted = Wanted { names: vec![name.to_owned()], ids: Vec::new() };
        View(self.client).found(kind, &wanted).await.map_err(|error| error.failure())
    }

    async fn read(&self, kind: Kind, id: &str) -> Result<Option<Observed>, Failure> {
        self.client.start_over();
        let wanted = Wanted { names: Vec::new(), ids: vec![id.to_owned()] };
        let found = View(self.client).found(kind, &wanted).await;
        let found = found.map_err(|error| error.failure())?;
        Ok(found.into_iter().find(|one| one.id == id))
    }

    fn now_ms(&self) -> u64 {
        self.client.now_ms()
    }
}
