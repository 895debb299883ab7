//! Databases of D1.
//!
//! Known: 7404 for one that there is not, 7502 for a name that there is, 7406 for too many. Inferred:
//! a list of at most 100 a page, the default of 100; a thousand databases are the most.

use serde_json::Value;

use crate::cloudflare::access::Product::D1;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::body::Body;
use crate::cloudflare::data::{Database, World};
use crate::cloudflare::paging::{Totals, numbered};
use crate::cloudflare::problem::{Problem, success};
use crate::cloudflare::route::{Outcome, Route, delete, get, patch, post};
use crate::engine::json::Fields as _;

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/d1/database", D1, list),
    post("accounts/{account}/d1/database", D1, create),
    get("accounts/{account}/d1/database/{database}", D1, one),
    patch("accounts/{account}/d1/database/{database}", D1, change),
    delete("accounts/{account}/d1/database/{database}", D1, remove),
];

/// How many databases an account may have.
const MOST: usize = 1000;

/// The database of a path, by its id, or by its name as well.
pub(super) fn find<'a>(
    world: &'a mut World,
    ask: &Ask<'_>,
    by_name: bool,
) -> Result<&'a mut Database, Problem> {
    let wanted = ask.argument("database");
    let mut all = world.account_mut(&ask.account)?.databases.iter_mut();
    let found = all.find(|one| one.id == wanted || (by_name && one.name == wanted));
    found
        .ok_or_else(|| Problem::new(404, 7404, format!("The database {wanted} could not be found")))
}

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let name = ask.param("name");
    let all = world.account(&ask.account)?.databases.iter();
    let fits = all.filter(|one| name.as_ref().is_none_or(|name| one.name.contains(name)));
    let views = fits.map(Database::view).collect();
    numbered(ask, views, (100, 10_000), Totals::Count)
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(success(&find(world, ask, true)?.view()))
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let name = body.required("name")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.len() > 64 || !name.chars().all(fits) {
        return Err(body.wrong("name", "must have at most 64 letters, digits, - and _"));
    }
    let (location, jurisdiction) =
        (body.text("primary_location_hint")?, body.text("jurisdiction")?);
    let replication = replication(&body)?;
    let World { accounts, ids, .. } = world;
    let account = accounts.iter_mut().find(|account| account.id == ask.account);
    let account = account.ok_or_else(Problem::denied)?;
    if account.databases.iter().any(|known| known.name == name) {
        let text = format!("Database with name '{name}' already exists");
        return Err(Problem::new(400, 7502, text));
    }
    if account.databases.len() >= MOST {
        return Err(Problem::new(400, 7406, "The account has too many databases"));
    }
    let mut database = Database::new(ids, &name, ask.now).map_err(Problem::broken)?;
    (database.location, database.jurisdiction) = (location, jurisdiction);
    if let Some(mode) = replication {
        database.replication = mode;
    }
    let view = database.view();
    account.databases.push(database);
    Ok(success(&view))
}

fn replication(body: &Body) -> Result<Option<String>, Problem> {
    let Some(wanted) = body.object("read_replication")? else {
        return Ok(None);
    };
    let mode = wanted.field("mode").as_str().unwrap_or_default();
    if !["auto", "disabled"].contains(&mode) {
        return Err(body.wrong("read_replication.mode", "must be auto or disabled"));
    }
    Ok(Some(mode.to_owned()))
}

fn change(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mode = replication(&ask.body()?)?;
    let database = find(world, ask, false)?;
    if let Some(mode) = mode {
        database.replication = mode;
    }
    Ok(success(&database.view()))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = find(world, ask, false)?.id.clone();
    world.account_mut(&ask.account)?.databases.retain(|one| one.id != id);
    Ok(success(&Value::Null))
}
