//! The GraphQL API: numbers of Workers, KV, R2 and objects. Its answers have no envelope.
//!
//! Known: the datasets and fields that the samples have; another dataset, or a filter by what it does not have, is an
//! error. Inferred: rows that are equal in the
//! dimensions that are selected are one, whose sums are added and whose other numbers are the largest;
//! a filter by a dimension that a row does not have lets it pass. `orderBy` is not played.

use serde_json::{Map, Value, json};

use crate::cloudflare::access::Product::Analytics;
use crate::cloudflare::api::selection::{Field, read};
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::{Account, Number, World};
use crate::cloudflare::route::{Outcome, Route, post};
use crate::engine::reply::Reply;

pub(super) const ROUTES: &[Route] = &[post("graphql", Analytics, query).reads()];

fn query(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let variables = body.object("variables")?.unwrap_or_default();
    let answer = read(&body.text("query")?.unwrap_or_default(), &variables)
        .and_then(|fields| viewer(world, ask, &fields));
    Ok(match answer {
        Ok(data) => Reply::ok(&json!({ "data": data, "errors": Value::Null })),
        Err(text) => {
            let error = json!({ "message": text, "path": Value::Null });
            Reply::ok(&json!({ "data": Value::Null, "errors": [error] }))
        }
    })
}

fn viewer(world: &World, ask: &Ask<'_>, fields: &[Field]) -> Result<Value, String> {
    let mut data = Map::new();
    for viewer in fields {
        if viewer.name != "viewer" {
            return Err(format!("unknown field \"{}\"", viewer.name));
        }
        let mut inner = Map::new();
        for accounts in &viewer.fields {
            if accounts.name != "accounts" {
                return Err(format!("unknown field \"{}\"", accounts.name));
            }
            let filter = accounts.arguments.get("filter").unwrap_or(&Value::Null);
            let tag = filter.get("accountTag").and_then(Value::as_str).unwrap_or_default();
            if !ask.token.accounts.iter().any(|id| id == tag) {
                return Err("not authorized for that account".to_owned());
            }
            let account = world.account(tag).map_err(|problem| problem.message)?;
            let mut groups = Map::new();
            for field in &accounts.fields {
                groups.insert(field.alias.clone(), dataset(account, field)?);
            }
            inner.insert(accounts.alias.clone(), json!([groups]));
        }
        data.insert(viewer.alias.clone(), Value::Object(inner));
    }
    Ok(Value::Object(data))
}

/// The datasets, and what their rows are filtered and grouped by.
const DATASETS: &[(&str, &[&str])] = &[
    ("kvOperationsAdaptiveGroups", &["actionType", "date", "datetime", "namespaceId"]),
    ("kvStorageAdaptiveGroups", &["date", "datetime", "namespaceId"]),
    ("r2StorageAdaptiveGroups", &["bucketName", "date", "datetime"]),
    ("workersInvocationsAdaptive", &["date", "datetime", "scriptName", "scriptVersion", "status"]),
];

/// Refuses a filter by something that a dataset does not have, as the API's schema does.
fn check_filter(known: &[&str], filter: &Value) -> Result<(), String> {
    for (name, inner) in filter.as_object().into_iter().flatten() {
        match name.as_str() {
            "AND" | "OR" => {
                for one in inner.as_array().into_iter().flatten() {
                    check_filter(known, one)?;
                }
            }
            name if known.contains(&without_end(name).0) => {}
            name => return Err(format!("unknown arg \"{name}\"")),
        }
    }
    Ok(())
}

/// The name of a dimension in a filter, and how it is compared.
fn without_end(name: &str) -> (&str, &str) {
    let ends = ["_geq", "_leq", "_gt", "_lt", "_neq", "_in"];
    let end = ends.into_iter().find(|end| name.ends_with(end)).unwrap_or_default();
    (name.strip_suffix(end).unwrap_or(name), end)
}

fn dataset(account: &Account, field: &Field) -> Result<Value, String> {
    let known = DATASETS.iter().find(|(name, _)| *name == field.name);
    let (_, known) = known.ok_or_else(|| format!("unknown field \"{}\"", field.name))?;
    let nothing = Value::Null;
    let filter = field.arguments.get("filter").unwrap_or(&nothing);
    check_filter(known, filter)?;
    let limit = field.arguments.get("limit").and_then(Value::as_u64).unwrap_or(10_000);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let fits = account.numbers.iter();
    let fits = fits.filter(|row| row.dataset == field.name && passes(&row.dimensions, filter));
    let mut groups: Vec<(Value, Number)> = Vec::new();
    for row in fits {
        let key = pick(&row.dimensions, field, "dimensions");
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, sum)) => merge(sum, row),
            None => groups.push((key, row.clone())),
        }
    }
    let views = groups.into_iter().take(limit).map(|(dimensions, row)| {
        let mut view = Map::new();
        for part in &field.fields {
            let value = match part.name.as_str() {
                "dimensions" => dimensions.clone(),
                "sum" => pick(&row.sum, field, "sum"),
                "max" => pick(&row.max, field, "max"),
                "quantiles" => pick(&row.quantiles, field, "quantiles"),
                "count" => json!(1),
                _ => Value::Null,
            };
            view.insert(part.alias.clone(), value);
        }
        Value::Object(view)
    });
    Ok(views.collect())
}

/// The fields of a part of a row that are selected.
fn pick(values: &Map<String, Value>, field: &Field, part: &str) -> Value {
    let wanted = field.fields.iter().filter(|one| one.name == part).flat_map(|one| &one.fields);
    let fields =
        wanted.map(|one| (one.alias.clone(), values.get(&one.name).cloned().unwrap_or_default()));
    Value::Object(fields.collect())
}

fn merge(sum: &mut Number, row: &Number) {
    let larger = |a: f64, b: f64| a.max(b);
    let add = |a: f64, b: f64| a + b;
    fold(&mut sum.sum, &row.sum, add);
    fold(&mut sum.max, &row.max, larger);
    fold(&mut sum.quantiles, &row.quantiles, larger);
}

fn fold(into: &mut Map<String, Value>, from: &Map<String, Value>, with: impl Fn(f64, f64) -> f64) {
    for (name, value) in from {
        let known = into.get(name).and_then(Value::as_f64).unwrap_or_default();
        let both = with(known, value.as_f64().unwrap_or_default());
        let both = if both.fract() == 0.0 { json!(both as i64) } else { json!(both) };
        into.insert(name.clone(), both);
    }
}

/// Whether the dimensions of a row pass a filter.
fn passes(dimensions: &Map<String, Value>, filter: &Value) -> bool {
    filter.as_object().into_iter().flatten().all(|(name, wanted)| {
        if name == "AND" {
            return wanted.as_array().into_iter().flatten().all(|one| passes(dimensions, one));
        }
        if name == "OR" {
            return wanted.as_array().into_iter().flatten().any(|one| passes(dimensions, one));
        }
        let (name, end) = without_end(name);
        let Some(held) = dimensions.get(name) else {
            return true;
        };
        let order = order(held, wanted);
        match end {
            "_geq" => order.is_some_and(|order| order.is_ge()),
            "_leq" => order.is_some_and(|order| order.is_le()),
            "_gt" => order.is_some_and(|order| order.is_gt()),
            "_lt" => order.is_some_and(|order| order.is_lt()),
            "_neq" => held != wanted,
            "_in" => wanted.as_array().is_some_and(|items| items.contains(held)),
            _ => held == wanted,
        }
    })
}

fn order(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}
