//! Earlier states of a database, and exports.
//!
//! Known: the paths, `bookmark` and `previous_bookmark`. Inferred: the form of a bookmark, which only
//! has to sort; a bookmark of no kept state is a 400 with 7400; reading a bookmark takes a token that
//! reads, an export one that writes; an export is complete at once, at an address that leads nowhere.
//! Not played: ten restores in ten minutes.

use serde_json::json;

use crate::cloudflare::access::Product::D1;
use crate::cloudflare::api::d1::find;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::{Moment, World};
use crate::cloudflare::problem::{Problem, success};
use crate::cloudflare::route::{Outcome, Route, get, post};
use crate::engine::clock;

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/d1/database/{database}/time_travel/bookmark", D1, bookmark),
    post("accounts/{account}/d1/database/{database}/time_travel/restore", D1, restore),
    post("accounts/{account}/d1/database/{database}/export", D1, export),
];

/// The last state that a database had at a time.
fn at<'a>(moments: &'a [Moment], ask: &Ask<'_>) -> Result<Option<&'a Moment>, Problem> {
    let Some(text) = ask.param("timestamp") else {
        return Ok(moments.last());
    };
    let time = clock::parse(&text).ok_or_else(|| ask.invalid("timestamp must be a date-time"))?;
    Ok(moments.iter().rev().find(|moment| moment.at <= time))
}

fn none(ask: &Ask<'_>) -> Problem {
    ask.invalid("The database had no such state")
}

fn bookmark(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let database = find(world, ask, false)?;
    let moment = at(&database.moments, ask)?.ok_or_else(|| none(ask))?;
    Ok(success(&json!({ "bookmark": moment.bookmark })))
}

fn restore(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let database = find(world, ask, false)?;
    let previous = database.bookmark().to_owned();
    let moment = match ask.param("bookmark") {
        Some(bookmark) => database.moments.iter().find(|moment| moment.bookmark == bookmark),
        None if ask.param("timestamp").is_none() => {
            return Err(ask.invalid("Either bookmark or timestamp is required"));
        }
        None => at(&database.moments, ask)?,
    };
    let image = moment.ok_or_else(|| none(ask))?.image.clone();
    database.store.restore(&image).map_err(Problem::broken)?;
    database.remember(ask.now);
    Ok(success(&json!({
        "bookmark": database.bookmark(),
        "previous_bookmark": previous,
        "message": "The database was restored",
    })))
}

fn export(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let database = find(world, ask, false)?;
    let bookmark = database.bookmark();
    let file = format!("{}.sql", database.name);
    Ok(success(&json!({
        "success": true,
        "type": "export",
        "status": "complete",
        "at_bookmark": bookmark,
        "messages": [],
        "result": {
            "filename": file,
            "signed_url": format!("https://export.invalid/{file}"),
        },
    })))
}
