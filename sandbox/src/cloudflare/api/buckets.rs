//! Buckets of R2.
//!
//! Known: 10006 for a bucket that there is not, 409 without a code for one that is not empty, lists by
//! cursor. Inferred: 10004 for a name that there is, 10005 for one that does not fit; the numbers of
//! `/r2/metrics` are those of the moment, where Cloudflare's lag.

use serde_json::{Value, json};

use crate::cloudflare::access::Product::R2;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::{Bucket, World};
use crate::cloudflare::paging::cut;
use crate::cloudflare::problem::{Problem, success, success_page};
use crate::cloudflare::route::{Outcome, Route, delete, get, patch, post};

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/r2/metrics", R2, metrics),
    get("accounts/{account}/r2/buckets", R2, list),
    post("accounts/{account}/r2/buckets", R2, create),
    get("accounts/{account}/r2/buckets/{bucket}", R2, one),
    patch("accounts/{account}/r2/buckets/{bucket}", R2, change),
    delete("accounts/{account}/r2/buckets/{bucket}", R2, remove),
];

/// The jurisdiction that a request is about.
fn jurisdiction<'a>(ask: &Ask<'a>) -> &'a str {
    ask.call.header("cf-r2-jurisdiction").unwrap_or("default")
}

/// The bucket of a path, in the jurisdiction of the request.
pub(super) fn find<'a>(world: &'a mut World, ask: &Ask<'_>) -> Result<&'a mut Bucket, Problem> {
    let (name, place) = (ask.argument("bucket"), jurisdiction(ask));
    let mut all = world.account_mut(&ask.account)?.buckets.iter_mut();
    let found = all.find(|bucket| bucket.name == name && bucket.jurisdiction == place);
    found.ok_or_else(|| Problem::new(404, 10006, "The specified bucket does not exist."))
}

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (part, after) = (ask.param("name_contains").unwrap_or_default(), ask.param("start_after"));
    let most = ask.whole("per_page", 20, (1, 1000))?;
    let account = world.account(&ask.account)?;
    let mut fits: Vec<_> = account
        .buckets
        .iter()
        .filter(|bucket| bucket.jurisdiction == jurisdiction(ask) && bucket.name.contains(&part))
        .filter(|bucket| after.as_ref().is_none_or(|after| bucket.name > *after))
        .map(|bucket| (bucket.name.clone(), bucket.view()))
        .collect();
    fits.sort_by(|a, b| a.0.cmp(&b.0));
    if ask.param("direction").as_deref() == Some("desc") {
        // A cursor goes by names that rise, so a list that falls is one page.
        fits.reverse();
        let views: Vec<_> = fits.into_iter().map(|(_, view)| view).take(most).collect();
        return Ok(success(&json!({ "buckets": views })));
    }
    let page = cut(ask, &format!("buckets {part}"), fits.into_iter(), most)?;
    let mut info = json!({ "per_page": most });
    if let (Some(cursor), Value::Object(fields)) = (page.cursor, &mut info) {
        fields.insert("cursor".to_owned(), json!(cursor));
    }
    Ok(success_page(json!({ "buckets": page.items }), info))
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let name = body.required("name")?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !(3..=63).contains(&name.len())
        || !name.chars().all(fits)
        || name.starts_with('-')
        || name.ends_with('-')
    {
        return Err(ask.invalid("The specified bucket name is not valid."));
    }
    let (location, class) = (body.text("locationHint")?, body.text("storageClass")?);
    let place = jurisdiction(ask).to_owned();
    let account = world.account_mut(&ask.account)?;
    if account.buckets.iter().any(|bucket| bucket.name == name && bucket.jurisdiction == place) {
        let text = "The bucket you tried to create already exists, and you own it.";
        return Err(Problem::new(409, 10004, text));
    }
    let mut bucket = Bucket::new(&name, ask.now);
    bucket.jurisdiction = place;
    if let Some(location) = location {
        bucket.location = location.to_uppercase();
    }
    if let Some(class) = class {
        bucket.storage_class = storage_class(ask, class)?;
    }
    let view = bucket.view();
    account.buckets.push(bucket);
    Ok(success(&view))
}

fn storage_class(ask: &Ask<'_>, class: String) -> Result<String, Problem> {
    let is_known = ["Standard", "InfrequentAccess"].contains(&class.as_str());
    let unknown = || ask.invalid("The specified storage class is not valid.");
    if is_known { Ok(class) } else { Err(unknown()) }
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(success(&find(world, ask)?.view()))
}

/// Changes the storage class, which R2 takes from a header.
fn change(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let class = ask.call.header("cf-r2-storage-class").unwrap_or_default().to_owned();
    let class = storage_class(ask, class)?;
    let bucket = find(world, ask)?;
    bucket.storage_class = class;
    Ok(success(&bucket.view()))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let bucket = find(world, ask)?;
    if !bucket.objects.is_empty() {
        let text = "The bucket you tried to delete is not empty.";
        return Err(Problem::new(409, 0, text));
    }
    let (name, place) = (bucket.name.clone(), bucket.jurisdiction.clone());
    let buckets = &mut world.account_mut(&ask.account)?.buckets;
    buckets.retain(|known| known.name != name || known.jurisdiction != place);
    Ok(success(&json!({})))
}

fn metrics(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let account = world.account(&ask.account)?;
    let numbers = |class: &str| {
        let all = account.buckets.iter().flat_map(|bucket| bucket.objects.values());
        let sizes = all.filter(|one| one.storage_class == class).map(|one| one.body.len() as u64);
        let (count, bytes) = sizes.fold((0_u64, 0_u64), |(count, sum), size| {
            (count.saturating_add(1), sum.saturating_add(size))
        });
        let nothing = json!({ "objects": 0, "payloadSize": 0, "metadataSize": 0 });
        json!({
            "published": { "objects": count, "payloadSize": bytes, "metadataSize": 0 },
            "uploaded": nothing,
        })
    };
    Ok(success(&json!({
        "standard": numbers("Standard"),
        "infrequentAccess": numbers("InfrequentAccess"),
    })))
}
