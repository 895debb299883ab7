//! The older file edit, whose paths start with `wp-content/`.

use serde_json::Value;

use super::blocks::edited;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::string;
use crate::sitebay::data::World;
use crate::sitebay::route::{Outcome, Route, post};

pub(super) const ROUTES: &[Route] = &[post("/site/{fqdn}/wpfile_diff_edit", edit).retired()];

const PATH: &str = "file_path";
const BLOCKS: &str = "file_edit_using_search_replace_blocks";

/// Applies all blocks of an edit, or none.
fn edit(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let path = form.required(PATH, string);
    let text = form.required(BLOCKS, string);
    form.nothing_but(&[PATH, BLOCKS]);
    form.finish()?;

    let (site, stage) = world.target_mut(ask.fqdn())?;
    site.require_idle()?;
    let inside = path.strip_prefix("wp-content/");
    let Some(inside) = inside.filter(|inside| !inside.split('/').any(|part| part == "..")) else {
        return Err(Reply::detail(400, "file_path must start with wp-content/"));
    };
    let before = site.place(stage)?.files().get(inside);
    let after = edited(&path, before.map(String::as_str), &text)?;
    if let Some(place) = site.place_mut(stage) {
        place.change_files(|files| files.insert(inside.to_owned(), after));
    }
    site.events.note("wordpress", "info", format!("Edited {path}"));
    Ok(Reply::ok(&Value::from(format!("Edited {path}"))))
}
