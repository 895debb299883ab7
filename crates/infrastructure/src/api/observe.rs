//! The account as plans see it.

use std::collections::BTreeMap;

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{client::Client, envelope::Envelope, error::ApiError, lists::has_more};
use crate::{
    manifest::Kind,
    plan::{Contents, Mark, Observed, Observer, Unseen, Wanted},
};

/// Pages that are read to count what is in a resource: 20,000 things.
const COUNTED_PAGES: usize = 20;

/// Looks at an account through a client.
pub struct View<'a>(
    /// The client.
    pub &'a Client<'a>,
);

impl Observer for View<'_> {
    async fn look(&self, kind: Kind, wanted: &Wanted) -> Result<Vec<Observed>, Unseen> {
        self.found(kind, wanted).await.map_err(|error| {
            let why = match error.may_not() {
                true => format!("the token has no right to read it ({error})"),
                false => error.to_string(),
            };
            Unseen { kind, why }
        })
    }
}

fn text(item: &Value, name: &str) -> Option<String> {
    item.get(name)?.as_str().map(str::to_owned)
}

fn number(item: &Value, name: &str) -> Option<u64> {
    item.get(name)?.as_u64()
}

/// A date as RFC 3339 writes it, in milliseconds since 1970.
fn moment(item: &Value, name: &str) -> Option<u64> {
    let at = OffsetDateTime::parse(item.get(name)?.as_str()?, &Rfc3339).ok()?;
    u64::try_from(at.unix_timestamp()).ok()?.checked_mul(1000)
}

/// When a thing was made, as the products say it.
pub(super) fn made_ms(item: &Value) -> Option<u64> {
    let fields = ["created_at", "created_on", "creation_date"];
    fields.into_iter().find_map(|field| moment(item, field))
}

fn observed(kind: Kind, id: String, name: String, made_ms: Option<u64>) -> Observed {
    Observed {
        id,
        kind,
        name,
        settings: BTreeMap::new(),
        made_ms,
        mark: None,
        contents: Contents::default(),
        dependents: Vec::new(),
        owner: None,
    }
}

/// The settings that an item has, by the names of the manifest.
fn settings(pairs: [(&str, Option<String>); 2]) -> BTreeMap<String, String> {
    let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    pairs.collect()
}

impl View<'_> {
    /// The resources of a kind that are wanted.
    pub(super) async fn found(
        &self,
        kind: Kind,
        wanted: &Wanted,
    ) -> Result<Vec<Observed>, ApiError> {
        let listed = match kind {
            Kind::D1 => self.listed("d1/database", "databases", kind, ("uuid", "name")).await?,
            Kind::Kv => {
                self.listed("storage/kv/namespaces", "namespaces", kind, ("id", "title")).await?
            }
            Kind::Workflow => self.listed("workflows", "Workflows", kind, ("name", "name")).await?,
            Kind::Domain => {
                self.listed("workers/domains", "domains", kind, ("id", "hostname")).await?
            }
            Kind::R2 => self.buckets().await?,
            Kind::Queue => self.whole("queues", "queues", kind, ("queue_id", "queue_name")).await?,
            Kind::Worker => self.whole("workers/scripts", "Workers", kind, ("id", "id")).await?,
            Kind::DurableObject => Vec::new(),
        };
        let mut found = Vec::new();
        for (item, one) in listed {
            if wanted.has(&one.id, &one.name) {
                found.push(self.detailed(&item, one).await?);
            }
        }
        Ok(found)
    }

    async fn listed(
        &self,
        path: &str,
        what: &'static str,
        kind: Kind,
        (id, name): (&str, &str),
    ) -> Result<Vec<(Value, Observed)>, ApiError> {
        let items = self.0.pages(&self.0.account(path)?, what, &[]).await?;
        read_items(items, what, kind, id, name)
    }

    /// A list without pages.
    async fn whole(
        &self,
        path: &str,
        what: &'static str,
        kind: Kind,
        (id, name): (&str, &str),
    ) -> Result<Vec<(Value, Observed)>, ApiError> {
        let Envelope { result: Value::Array(items), info } =
            self.0.get(&self.0.account(path)?, &[]).await?
        else {
            return Err(ApiError::Incomplete(what));
        };
        // Of what is on other pages nothing is known.
        match has_more(&info, 1, items.len()) {
            true => Err(ApiError::Endless(what)),
            false => read_items(items, what, kind, id, name),
        }
    }

    async fn buckets(&self) -> Result<Vec<(Value, Observed)>, ApiError> {
        let path = self.0.account("r2/buckets")?;
        let items = |mut result: Value| match result.get_mut("buckets").map(Value::take) {
            Some(Value::Array(buckets)) => Some(buckets),
            _ => None,
        };
        let per_page = [("per_page", "1000".to_owned())];
        let (buckets, is_whole) =
            self.0.cursors(&path, "buckets", &per_page, COUNTED_PAGES, items).await?;
        if !is_whole {
            return Err(ApiError::Endless("buckets"));
        }
        read_items(buckets, "buckets", Kind::R2, "name", "name")
    }

    /// The same with its settings, what is in it, and who uses it.
    async fn detailed(&self, item: &Value, mut one: Observed) -> Result<Observed, ApiError> {
        match one.kind {
            Kind::D1 => {
                let path = self.0.account("d1/database")?.part(&one.id);
                let item = self.0.get(&path, &[]).await?.result;
                let mode = item.get("read_replication").and_then(|it| text(it, "mode"));
                let location = text(&item, "running_in_region").map(|it| it.to_lowercase());
                one.settings = settings([("read_replication", mode), ("location", location)]);
                one.contents = Contents {
                    count: number(&item, "num_tables"),
                    bytes: number(&item, "file_size"),
                };
            }
            Kind::R2 => {
                let location = text(item, "location").map(|it| it.to_lowercase());
                let class = text(item, "storage_class");
                one.settings = settings([("location", location), ("storage_class", class)]);
                one.contents.count = self.objects(&one.name).await?.map(|keys| count(keys.len()));
            }
            Kind::Kv => one.contents.count = self.keys(&one.id).await?,
            Kind::Queue => {
                let path = self.0.account("queues")?.part(&one.id).then("metrics");
                // Its messages may be hidden where it is not.
                let metrics = self.0.get(&path, &[]).await.map(|envelope| envelope.result);
                let metrics = metrics.unwrap_or_default();
                one.contents = Contents {
                    count: number(&metrics, "backlog_count"),
                    bytes: number(&metrics, "backlog_bytes"),
                };
            }
            Kind::Workflow => {
                one.settings = settings([("class", text(item, "class_name")), ("", None)]);
                one.dependents = text(item, "script_name").into_iter().collect();
            }
            Kind::Worker => {
                one.mark = mark(item);
                one.dependents = self.dependents(&one.name).await?;
                one.contents.count = self.durable_objects(&one.name).await?;
            }
            Kind::Domain => one.dependents = text(item, "service").into_iter().collect(),
            Kind::DurableObject => {}
        }
        Ok(one)
    }

    /// The keys of a bucket's objects. None: there are too many to count.
    pub(super) async fn objects(&self, bucket: &str) -> Result<Option<Vec<String>>, ApiError> {
        let path = self.0.account("r2/buckets")?.part(bucket).then("objects");
        let items = |result: Value| match result {
            Value::Array(objects) => Some(objects),
            _ => None,
        };
        let per_page = [("per_page", "1000".to_owned())];
        let (objects, is_whole) =
            self.0.cursors(&path, "objects", &per_page, COUNTED_PAGES, items).await?;
        Ok(is_whole.then(|| objects.iter().filter_map(|object| text(object, "key")).collect()))
    }

    /// The number of keys in a namespace. None: there are too many to count.
    async fn keys(&self, id: &str) -> Result<Option<u64>, ApiError> {
        let path = self.0.account("storage/kv/namespaces")?.part(id).then("keys");
        let items = |result: Value| match result {
            Value::Array(keys) => Some(keys),
            _ => None,
        };
        let limit = [("limit", "1000".to_owned())];
        let (keys, is_whole) = self.0.cursors(&path, "keys", &limit, 1, items).await?;
        Ok(is_whole.then(|| count(keys.len())))
    }

    /// Who would break without a Worker. An answer that cannot be read is an error, never "no one".
    async fn dependents(&self, worker: &str) -> Result<Vec<String>, ApiError> {
        let path = self.0.account("workers/scripts")?.part(worker).then("references");
        let references = self.0.get(&path, &[]).await?.result;
        if !references.is_object() {
            return Err(ApiError::Incomplete("references"));
        }
        let path = self.0.account("workers/tails/by-consumer")?.part(worker);
        let tails = match self.0.get(&path, &[]).await {
            Ok(envelope) => envelope.result,
            Err(error) if error.is_gone() => Value::Null,
            Err(error) => return Err(error),
        };
        let mut by = Vec::new();
        let services = references.get("services");
        by.extend(workers(services.and_then(|it| it.get("incoming"))));
        by.extend(workers(references.get("durable_objects")));
        by.extend(workers(references.get("dispatch_outbounds")));
        by.extend(workers(Some(&tails)));
        if services.and_then(|it| it.get("pages_function")).and_then(Value::as_bool) == Some(true) {
            by.push("a Pages project".to_owned());
        }
        by.sort();
        by.dedup();
        Ok(by)
    }

    /// The number of a Worker's Durable Objects. None: there are too many to count.
    async fn durable_objects(&self, worker: &str) -> Result<Option<u64>, ApiError> {
        let path = self.0.account("workers/durable_objects/namespaces")?;
        let namespaces = self.0.pages(&path, "classes", &[]).await?;
        let mut sum = Some(0_u64);
        for namespace in
            namespaces.iter().filter(|it| text(it, "script").as_deref() == Some(worker))
        {
            let id = text(namespace, "id").ok_or(ApiError::Incomplete("id"))?;
            let path = path.clone().part(&id).then("objects");
            let items = |result: Value| match result {
                Value::Array(objects) => Some(objects),
                _ => None,
            };
            let limit = [("limit", "1000".to_owned())];
            let (objects, is_whole) = self.0.cursors(&path, "objects", &limit, 1, items).await?;
            sum = sum.filter(|_| is_whole).map(|sum| sum.saturating_add(count(objects.len())));
        }
        Ok(sum)
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn read_items(
    items: Vec<Value>,
    what: &'static str,
    kind: Kind,
    id: &str,
    name: &str,
) -> Result<Vec<(Value, Observed)>, ApiError> {
    let read = |item: Value| {
        // A title of others may have several lines, and is shown to a person.
        let name = text(&item, name)?.replace(char::is_control, "\u{fffd}");
        let one = observed(kind, text(&item, id)?, name, made_ms(&item));
        Some((item, one))
    };
    let read: Option<Vec<_>> = items.into_iter().map(read).collect();
    read.ok_or(ApiError::Incomplete(what))
}

/// The system and the stage in a Worker's tags, `app=…` and `stage=…`.
fn mark(item: &Value) -> Option<Mark> {
    let tags = item.get("tags")?.as_array()?;
    let value = |name: &str| {
        let tag = tags.iter().filter_map(Value::as_str).find_map(|tag| tag.strip_prefix(name));
        tag.map(str::to_owned)
    };
    Some(Mark { app: value("app=")?, stage: value("stage=")? })
}

/// Where a reference or the producer of a tail has the name of its Worker. Its own `name` may be that of a binding.
const WORKER: [&str; 4] = ["service", "script", "namespace", "name"];

/// The Workers in a list of references or tails.
fn workers(list: Option<&Value>) -> Vec<String> {
    let name = |item: &Value| match item.get("producer").unwrap_or(item) {
        Value::String(name) => name.clone(),
        item => {
            let found = WORKER.iter().find_map(|field| text(item, field));
            found.unwrap_or_else(|| "a service without a name".to_owned())
        }
    };
    list.and_then(Value::as_array).into_iter().flatten().map(name).collect()
}
