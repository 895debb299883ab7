//! WordPress's own things inside a site's content: options, posts, plugins and themes.

use serde_json::{Value, json};

use super::place::{Content, Files, Tables};

use crate::engine::json::Fields as _;

/// The first id of a new post.
const FIRST: u64 = 101;

/// A plugin or a theme.
#[derive(Debug)]
pub(crate) struct Extension {
    /// The name commands know it by.
    pub(crate) slug: String,
    /// Its main file, below the folder of its kind.
    pub(crate) file: String,
    /// The name for people.
    pub(crate) title: String,
    /// Its version.
    pub(crate) version: String,
    /// Whether it is in use.
    pub(crate) active: bool,
}

/// An option. Those that come from the site's name are not stored until someone sets them.
pub(crate) fn option(tables: &Tables, fqdn: &str, name: &str) -> Option<String> {
    let row = tables.get("wp_options").and_then(|options| options.get(name));
    if let Some(row) = row {
        return Some(match row.field("option_value") {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
    }
    match name {
        "siteurl" | "home" => Some(format!("https://{fqdn}")),
        "blogname" => Some(fqdn.to_owned()),
        _ => None,
    }
}

/// Sets an option.
pub(crate) fn set_option(tables: &mut Tables, name: &str, value: &str) {
    let row = json!({ "option_name": name, "option_value": value });
    tables.entry("wp_options".to_owned()).or_default().insert(name.to_owned(), row);
}

/// The posts or pages there are, newest first; those in the bin only when asked for.
pub(crate) fn posts<'a>(tables: &'a Tables, kind: &str, status: Option<&str>) -> Vec<&'a Value> {
    let rows = tables.get("wp_posts").into_iter().flat_map(|rows| rows.values());
    let wanted = |row: &&Value| {
        let of_status = match status {
            Some(status) => row.field("post_status") == status,
            None => row.field("post_status") != "trash",
        };
        row.field("post_type") == kind && of_status
    };
    let mut found: Vec<&Value> = rows.filter(wanted).collect();
    found.sort_by_key(|row| std::cmp::Reverse(row.field("ID").as_u64()));
    found
}

/// One post or page.
pub(crate) fn post<'a>(tables: &'a Tables, id: &str) -> Option<&'a Value> {
    tables.get("wp_posts")?.get(id)
}

/// Makes a post and answers its row.
pub(crate) fn add_post(tables: &mut Tables, kind: &str, fields: &[(&str, String)]) -> Value {
    let rows = tables.entry("wp_posts".to_owned()).or_default();
    let last = rows.values().filter_map(|row| row.field("ID").as_u64()).max().unwrap_or_default();
    let id = last.saturating_add(1).max(FIRST);
    let mut row = json!({
        "ID": id,
        "post_type": kind,
        "post_status": "draft",
        "post_name": format!("{kind}-{id}"),
        "post_title": "",
        "post_content": "",
    });
    for (name, value) in fields {
        row.set(name, Value::from(value.as_str()));
    }
    rows.insert(id.to_string(), row.clone());
    row
}

/// Changes a post and answers its row.
pub(crate) fn set_post(tables: &mut Tables, id: &str, fields: &[(&str, String)]) -> Option<Value> {
    let row = tables.get_mut("wp_posts")?.get_mut(id)?;
    for (name, value) in fields {
        row.set(name, Value::from(value.as_str()));
    }
    Some(row.clone())
}

/// Removes a post for good.
pub(crate) fn remove_post(tables: &mut Tables, id: &str) -> Option<Value> {
    tables.get_mut("wp_posts")?.remove(id)
}

/// The plugins there are.
pub(crate) fn plugins(content: &Content) -> Vec<Extension> {
    let active = active_plugins(&content.tables);
    let files = content.files.iter().filter_map(|(path, text)| {
        let file = path.strip_prefix("plugins/")?;
        let title = header(text, "Plugin Name:")?;
        let folder = file.split_once('/').map(|(folder, _)| folder);
        let slug = folder.unwrap_or_else(|| file.trim_end_matches(".php")).to_owned();
        let active = active.iter().any(|known| known == file);
        let version = header(text, "Version:").unwrap_or_default();
        Some(Extension { slug, file: file.to_owned(), title, version, active })
    });
    files.collect()
}

/// The themes there are.
pub(crate) fn themes(content: &Content) -> Vec<Extension> {
    let current = option(&content.tables, "", "stylesheet").unwrap_or_default();
    let files = content.files.iter().filter_map(|(path, text)| {
        let slug = path.strip_prefix("themes/")?.strip_suffix("/style.css")?;
        Some(Extension {
            slug: slug.to_owned(),
            file: format!("{slug}/style.css"),
            title: header(text, "Theme Name:")?,
            version: header(text, "Version:").unwrap_or_default(),
            active: slug == current,
        })
    });
    files.collect()
}

/// Switches a plugin on or off.
pub(crate) fn switch_plugin(tables: &mut Tables, file: &str, on: bool) {
    let mut active = active_plugins(tables);
    active.retain(|known| known != file);
    if on {
        active.push(file.to_owned());
    }
    set_option(tables, "active_plugins", &json!(active).to_string());
}

/// Puts a plugin's files there.
pub(crate) fn install_plugin(files: &mut Files, slug: &str) {
    let text = format!("<?php\n/*\nPlugin Name: {slug}\nVersion: 1.0.0\n*/\n");
    files.insert(format!("plugins/{slug}/{slug}.php"), text);
}

fn active_plugins(tables: &Tables) -> Vec<String> {
    let text = option(tables, "", "active_plugins").unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn header(text: &str, name: &str) -> Option<String> {
    let found = text.lines().find_map(|line| line.trim().strip_prefix(name));
    found.map(|value| value.trim().to_owned())
}
