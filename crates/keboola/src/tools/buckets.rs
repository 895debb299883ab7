//! Buckets: a list, or some in full.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::{
    api::{ApiError, Path, plain},
    call::{Branch, Call, Incomplete, Outcome, ShortCircuit, all, id_of, items, within},
    links::packed,
    metadata::{self, BRANCH, DESCRIPTION, SHARED_DESCRIPTION},
    moment,
};

/// How to ask for less.
const NARROWER: &str = "Ask for fewer buckets in one call.";

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let ids = call.texts("bucket_ids");
    let links = call.links();
    if ids.is_empty() {
        let read = async |path: Path| Ok(items(call.storage(path, &include()).await?)?);
        let buckets: Vec<Value> =
            list(call, read).await?.iter().map(|found| view(call, found, false)).collect();
        let inputs = buckets.iter().filter(|bucket| bucket.get("stage") == Some(&json!("in")));
        let (total, inputs) = (buckets.len(), inputs.count());
        let counts = json!({
            "total_buckets": total,
            "input_buckets": inputs,
            "output_buckets": total.saturating_sub(inputs),
        });
        let links = json!([links.buckets()]);
        return Ok(answer(buckets, links, Value::Null, counts));
    }
    call.budget();
    let found = all(ids, async |id: String| Ok((within(find(call, &id).await)?, id))).await?;
    let (mut buckets, mut missing, mut shown) = (Vec::new(), Vec::new(), vec![links.buckets()]);
    let (mut unread, mut incomplete) = (Vec::new(), Incomplete::default());
    for (found, id) in found {
        match found {
            Some(Some(found)) => {
                shown.push(links.bucket(&id_of(&found.bucket), &found.name()));
                buckets.push(view(call, &found, true));
            }
            Some(None) => missing.push(id),
            None => unread.push(id),
        }
    }
    incomplete.note_all("the buckets", &unread);
    let missing = if missing.is_empty() { Value::Null } else { json!(missing) };
    let mut answer = answer(buckets, packed(shown), missing, Value::Null);
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("incomplete".to_owned(), json!(incomplete.text(NARROWER)));
    }
    Ok(answer)
}

fn answer(buckets: Vec<Value>, links: Value, missing: Value, counts: Value) -> Value {
    json!({
        "buckets": buckets,
        "links": links,
        "buckets_not_found": missing,
        "bucket_counts": counts,
        "incomplete": null,
    })
}

/// A bucket as it is seen from the call's branch.
pub(super) struct Found {
    /// The record of the API; that of the branch, where the branch has one of its own.
    pub(super) bucket: Value,
    /// The id that it has in main.
    pub(super) main_id: String,
    /// The branch of the path under which the API has it.
    pub(super) segment: String,
}

impl Found {
    /// Whether the API has it in the call's branch: a development branch sees main's, too.
    pub(super) fn is_of(&self, call: &Call<'_>) -> bool {
        is_of(call, &self.bucket, self.bucket.get("idBranch"), &self.segment)
    }

    /// Its path in the API.
    pub(super) fn path(&self) -> Path {
        in_branch(&self.segment, "buckets").part(&id_of(&self.bucket))
    }

    fn name(&self) -> String {
        let name = self.bucket.get("name").and_then(Value::as_str);
        name.map_or_else(|| self.main_id.clone(), str::to_owned)
    }
}

/// Whether a record that the call's branch sees is of that branch.
pub(super) fn is_of(call: &Call<'_>, record: &Value, place: Option<&Value>, segment: &str) -> bool {
    let Some(branch) = call.branch.id() else { return true };
    let marked = metadata::property(record.get("metadata"), BRANCH, None);
    let place = place.map(plain).filter(|place| !place.is_empty());
    marked == Some(branch) || segment == branch && place.is_none_or(|place| place == branch)
}

/// A path in a branch. That of main has none, as some requests are there without a branch alone.
pub(super) fn in_branch(segment: &str, fixed: &str) -> Path {
    match segment {
        "default" => Path::new(fixed),
        segment => Path::new("branch").part(segment).then(fixed),
    }
}

/// The query of a list of buckets.
pub(super) fn include() -> [(&'static str, String); 1] {
    [("include", "metadata,linkedBuckets".to_owned())]
}

/// All buckets that the call's branch sees, each once under its id in main. `read` reads a list of them.
pub(super) async fn list(
    call: &Call<'_>,
    read: impl AsyncFn(Path) -> Result<Vec<Value>, ShortCircuit>,
) -> Result<Vec<Found>, ShortCircuit> {
    let mut all = Visible::default();
    for bucket in read(Path::new("branch/default/buckets")).await? {
        all.put(placed(call, bucket, "default"));
    }
    if call.has_storage_branches() {
        for bucket in read(call.below("buckets")).await? {
            all.put(placed(call, bucket, call.branch.segment()));
        }
    }
    Ok(all.buckets)
}

/// The buckets that a branch sees, in the order in which they came.
#[derive(Default)]
struct Visible {
    buckets: Vec<Found>,
    /// Where the bucket of an id in main is.
    places: HashMap<String, usize>,
}

impl Visible {
    /// Adds a bucket. One of a branch comes in place of main's.
    fn put(&mut self, found: Option<Found>) {
        let Some(found) = found else { return };
        let place = self.places.get(&found.main_id).and_then(|at| self.buckets.get_mut(*at));
        match place {
            Some(known) if id_of(&known.bucket) == known.main_id => *known = found,
            Some(_) => {}
            None => {
                self.places.insert(found.main_id.clone(), self.buckets.len());
                self.buckets.push(found);
            }
        }
    }
}

/// A record where it belongs; None where it is of another development branch.
fn placed(call: &Call<'_>, bucket: Value, segment: &str) -> Option<Found> {
    let id = id_of(&bucket);
    let segment = segment.to_owned();
    match metadata::property(bucket.get("metadata"), BRANCH, None) {
        None => Some(Found { bucket, main_id: id, segment }),
        Some(branch) if call.branch.id() == Some(branch) => {
            let main_id = id.replacen(&format!("c-{branch}-"), "c-", 1);
            Some(Found { bucket, main_id, segment })
        }
        Some(_) => None,
    }
}

/// A bucket by its id in main; None: there is none.
pub(super) async fn find(call: &Call<'_>, id: &str) -> Result<Option<Found>, ApiError> {
    if call.has_storage_branches()
        && let Some(bucket) = read(call, call.below("buckets").part(id)).await?
        && let Some(found) = placed(call, bucket, call.branch.segment())
    {
        return Ok(Some(found));
    }
    // Older projects keep a branch's buckets in main, with the branch in their names.
    if let (Branch::Development(branch), false) = (&call.branch, call.has_storage_branches()) {
        let own = id.replacen("c-", &format!("c-{branch}-"), 1);
        if let Some(bucket) = read(call, main(&own)).await?
            && let Some(found) = placed(call, bucket, "default")
        {
            return Ok(Some(found));
        }
    }
    Ok(read(call, main(id)).await?.and_then(|bucket| placed(call, bucket, "default")))
}

fn main(id: &str) -> Path {
    Path::new("branch/default/buckets").part(id)
}

/// A record; None where there is none.
pub(super) async fn read(call: &Call<'_>, path: Path) -> Result<Option<Value>, ApiError> {
    match call.storage(path, &[]).await {
        Err(ApiError::Refused { status: 404, .. }) => Ok(None),
        record => record.map(Some),
    }
}

fn view(call: &Call<'_>, found: &Found, full: bool) -> Value {
    let bucket = &found.bucket;
    let metadata = bucket.get("metadata");
    let text = |name: &str| bucket.get(name).and_then(Value::as_str);
    let described = |key: &str| metadata::property(metadata, key, None);
    let description = described(SHARED_DESCRIPTION)
        .or_else(|| described(DESCRIPTION))
        .or_else(|| text("description").filter(|text| !text.is_empty()));
    let changed =
        text("updated").filter(|text| !text.is_empty()).or_else(|| text("lastChangeDate"));
    let (made, last) = match full {
        true => (
            metadata::reference(metadata, "createdBy"),
            metadata::reference(metadata, "lastUpdatedBy"),
        ),
        false => (Value::Null, Value::Null),
    };
    let stamps = changed.into_iter().chain(last.get("timestamp").and_then(Value::as_str));
    let name = text("name").unwrap_or_default();
    json!({
        "id": if call.branch == Branch::Main { id_of(bucket) } else { found.main_id.clone() },
        "name": name,
        "display_name": text("displayName").unwrap_or(name),
        "description": description,
        "stage": text("stage").unwrap_or_default(),
        "created": text("created").unwrap_or_default(),
        "updated": moment::latest(stamps),
        "data_size_bytes": bucket.get("dataSizeBytes").filter(|size| size.is_u64()),
        "tables_count": bucket.get("tables").and_then(Value::as_array).map(Vec::len),
        "links": null,
        "source_project": source_project(bucket, "sourceBucket"),
        "created_by": made,
        "last_updated_by": last,
    })
}

/// The project that a linked bucket or table comes from.
pub(super) fn source_project(record: &Value, source: &str) -> Option<String> {
    let project = record.get(source)?.get("project")?;
    let name = project.get("name")?.as_str()?;
    Some(format!("{name} (ID: {})", id_of(project)))
}

#[cfg(test)]
#[path = "buckets_tests.rs"]
mod tests;
