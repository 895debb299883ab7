//! WP-CLI, as far as options, posts, plugins, themes and users go.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::commands::{Printed, Shell, fails, ok};
use crate::engine::json::Fields as _;
use crate::sitebay::data::{
    Extension, add_post, install_plugin, option, plugins, post, posts, remove_post, set_option,
    set_post, switch_plugin, themes,
};

/// A command's words, parted.
struct Words<'a> {
    plain: Vec<&'a str>,
    options: BTreeMap<&'a str, &'a str>,
}

/// Runs what follows `wp`.
pub(super) fn run(shell: &mut Shell<'_>, words: &[&str]) -> Printed {
    let mut parted = Words { plain: Vec::new(), options: BTreeMap::new() };
    for word in words {
        match word.strip_prefix("--") {
            Some(option) => {
                let (name, value) = option.split_once('=').unwrap_or((option, ""));
                parted.options.insert(name, value);
            }
            None => parted.plain.push(word),
        }
    }
    match parted.plain.as_slice() {
        ["core", "version"] => ok("6.8.2"),
        ["core", "is-installed"] => ok(""),
        ["cli", "version"] => ok("WP-CLI 2.12.0"),
        ["cache", "flush"] => ok("Success: The cache was flushed."),
        ["rewrite", "flush"] => ok("Success: Rewrite rules flushed."),
        ["transient", "delete", ..] => ok("Success: 0 transients deleted from the database."),
        ["plugin", rest @ ..] => plugin(shell, rest, &parted),
        ["theme", rest @ ..] => theme(shell, rest, &parted),
        ["option", rest @ ..] => options(shell, rest),
        ["post", rest @ ..] => post_command(shell, rest, &parted),
        ["user", "list"] => users(shell, &parted),
        ["db", "tables"] => {
            ok(shell.place().tables().keys().map(String::as_str).collect::<Vec<_>>().join("\n"))
        }
        ["search-replace", from, to, ..] => replace(shell, from, to, &parted),
        [] => ok("usage: wp <command>"),
        [name, ..] => fails(format!(
            "Error: '{name}' is not a registered wp command. See 'wp help' for available commands."
        )),
    }
}

fn plugin(shell: &mut Shell<'_>, words: &[&str], parted: &Words<'_>) -> Printed {
    let known = plugins(shell.place().content());
    let found = |slug: &str| known.iter().find(|plugin| plugin.slug == slug);
    match words {
        ["list"] => extensions(&known, parted),
        ["is-active", slug] => (String::new(), found(slug).is_some_and(|plugin| plugin.active)),
        ["install", slug] => {
            if found(slug).is_none() {
                files(shell, |files| install_plugin(files, slug));
            }
            if parted.options.contains_key("activate") {
                return plugin(shell, &["activate", slug], parted);
            }
            ok("Success: Installed 1 of 1 plugins.")
        }
        [verb @ ("activate" | "deactivate" | "delete" | "update"), slug] => {
            let Some(found) = found(slug) else {
                return fails(format!(
                    "Warning: The '{slug}' plugin could not be found.\nError: No plugins {verb}d."
                ));
            };
            change_plugin(shell, verb, found)
        }
        _ => fails("usage: wp plugin <activate|deactivate|delete|install|list|update>"),
    }
}

fn change_plugin(shell: &mut Shell<'_>, verb: &str, found: &Extension) -> Printed {
    let Extension { slug, file, .. } = found;
    match verb {
        "activate" | "deactivate" => {
            let on = verb == "activate";
            tables(shell, &format!("{verb} plugin {slug}"), |t| switch_plugin(t, file, on));
            ok(format!("Plugin '{slug}' {verb}d.\nSuccess: {}d 1 of 1 plugins.", capital(verb)))
        }
        "delete" => {
            files(shell, |files| {
                let folder = format!("plugins/{slug}/");
                let own = format!("plugins/{file}");
                files.retain(|path, _| *path != own && !path.starts_with(&folder));
            });
            tables(shell, &format!("delete plugin {slug}"), |t| switch_plugin(t, file, false));
            ok(format!("Deleted '{slug}' plugin.\nSuccess: Deleted 1 of 1 plugins."))
        }
        _ => ok("Success: Plugin already updated."),
    }
}

fn capital(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

fn theme(shell: &mut Shell<'_>, words: &[&str], parted: &Words<'_>) -> Printed {
    let known = themes(shell.place().content());
    match words {
        ["list"] => extensions(&known, parted),
        ["activate", slug] if known.iter().any(|theme| theme.slug == *slug) => {
            tables(shell, &format!("activate theme {slug}"), |t| set_option(t, "stylesheet", slug));
            ok(format!("Success: Switched to '{slug}' theme."))
        }
        ["activate", slug] => fails(format!("Error: The '{slug}' theme could not be found.")),
        _ => fails("usage: wp theme <activate|list>"),
    }
}

fn extensions(known: &[Extension], parted: &Words<'_>) -> Printed {
    let rows = known.iter().map(|one| {
        json!({
            "name": one.slug,
            "status": if one.active { "active" } else { "inactive" },
            "update": "none",
            "version": one.version,
        })
    });
    listed(&rows.collect::<Vec<_>>(), &["name", "status", "update", "version"], parted)
}

fn options(shell: &mut Shell<'_>, words: &[&str]) -> Printed {
    let fqdn = shell.site.fqdn.clone();
    match words {
        ["get", name] => match option(shell.place().tables(), &fqdn, name) {
            Some(value) => ok(value),
            None => fails(format!("Error: Could not get '{name}' option. Does it exist?")),
        },
        [verb @ ("update" | "add" | "set"), name, value] => {
            let before = option(shell.place().tables(), &fqdn, name);
            if before.as_deref() == Some(*value) {
                return ok(format!("Success: Value passed for '{name}' option is unchanged."));
            }
            tables(shell, &format!("{verb} option {name}"), |t| set_option(t, name, value));
            ok(format!("Success: Updated '{name}' option."))
        }
        ["delete", name] => {
            let gone = tables(shell, &format!("delete option {name}"), |t| {
                t.get_mut("wp_options").and_then(|options| options.remove(*name)).is_some()
            });
            if gone == Some(true) {
                ok(format!("Success: Deleted '{name}' option."))
            } else {
                fails(format!("Error: Could not delete '{name}' option. Does it exist?"))
            }
        }
        ["list"] => {
            let rows = shell.place().tables().get("wp_options").into_iter();
            let rows: Vec<Value> = rows.flat_map(|rows| rows.values().cloned()).collect();
            let empty = Words { plain: Vec::new(), options: BTreeMap::new() };
            listed(&rows, &["option_name", "option_value"], &empty)
        }
        _ => fails("usage: wp option <add|delete|get|list|update>"),
    }
}

fn post_command(shell: &mut Shell<'_>, words: &[&str], parted: &Words<'_>) -> Printed {
    let fields: Vec<(&str, String)> = parted
        .options
        .iter()
        .filter(|(name, _)| name.starts_with("post_"))
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    let kind = parted.options.get("post_type").copied().unwrap_or("post");
    let missing = |id: &str| fails(format!("Error: Could not find the post with ID {id}."));
    match words {
        ["list"] => {
            let status = parted.options.get("post_status").copied();
            let rows: Vec<Value> =
                posts(shell.place().tables(), kind, status).into_iter().cloned().collect();
            listed(&rows, &["ID", "post_title", "post_name", "post_status"], parted)
        }
        ["get", id] => match post(shell.place().tables(), id) {
            Some(row) => ok(row.to_string()),
            None => missing(id),
        },
        ["create"] => {
            let row = tables(shell, "create post", |t| add_post(t, kind, &fields));
            let id = row.unwrap_or_default().field("ID").to_string();
            let short = parted.options.contains_key("porcelain");
            ok(if short { id } else { format!("Success: Created post {id}.") })
        }
        ["update", id] => {
            if post(shell.place().tables(), id).is_none() {
                return missing(id);
            }
            tables(shell, &format!("update post {id}"), |t| set_post(t, id, &fields));
            ok(format!("Success: Updated post {id}."))
        }
        ["delete", id] => {
            if post(shell.place().tables(), id).is_none() {
                return missing(id);
            }
            if parted.options.contains_key("force") {
                tables(shell, &format!("delete post {id}"), |t| remove_post(t, id));
                return ok(format!("Success: Deleted post {id}."));
            }
            let bin = [("post_status", "trash".to_owned())];
            tables(shell, &format!("trash post {id}"), |t| set_post(t, id, &bin));
            ok(format!("Success: Trashed post {id}."))
        }
        _ => fails("usage: wp post <create|delete|get|list|update>"),
    }
}

fn users(shell: &Shell<'_>, parted: &Words<'_>) -> Printed {
    let rows = shell.place().tables().get("wp_users").into_iter();
    let rows: Vec<Value> = rows.flat_map(|rows| rows.values().cloned()).collect();
    listed(&rows, &["ID", "user_login", "display_name", "user_email", "role"], parted)
}

/// Replaces text in every row, as strings go.
fn replace(shell: &mut Shell<'_>, from: &str, to: &str, parted: &Words<'_>) -> Printed {
    let holds = |row: &Value| {
        let values = row.as_object().into_iter().flat_map(Map::values);
        values.filter_map(Value::as_str).any(|text| text.contains(from))
    };
    let rows = shell.place().tables().values().flat_map(|table| table.values());
    let count = rows.filter(|row| holds(row)).count();
    if parted.options.contains_key("dry-run") {
        return ok(format!("Success: {count} replacements to be made."));
    }
    if count > 0 {
        tables(shell, &format!("search-replace {from} {to}"), |tables| {
            let rows = tables.values_mut().flat_map(|table| table.values_mut());
            for field in rows.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
                if let Value::String(text) = field {
                    *text = text.replace(from, to);
                }
            }
        });
    }
    ok(format!("Success: Made {count} replacements."))
}

/// Rows in the format asked for: JSON, ids, a count, CSV, or columns with tabs between them.
fn listed(rows: &[Value], usual: &[&str], parted: &Words<'_>) -> Printed {
    let chosen = parted.options.get("fields").or_else(|| parted.options.get("field"));
    let fields: Vec<&str> = chosen.map_or_else(|| usual.to_vec(), |text| text.split(',').collect());
    let cell = |row: &Value, field: &str| match row.field(field) {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let format = parted.options.get("format").copied().unwrap_or("table");
    let text = match format {
        "json" => {
            let pick = |row: &Value| -> Value {
                fields.iter().map(|field| ((*field).to_owned(), row.field(field).clone())).collect()
            };
            rows.iter().map(pick).collect::<Value>().to_string()
        }
        "count" => rows.len().to_string(),
        "ids" => {
            let first = usual.first().copied().unwrap_or_default();
            rows.iter().map(|row| cell(row, first)).collect::<Vec<_>>().join(" ")
        }
        _ => {
            let between = if format == "csv" { "," } else { "\t" };
            let line = |row: &Value| {
                fields.iter().map(|field| cell(row, field)).collect::<Vec<_>>().join(between)
            };
            let head = parted.options.contains_key("field").then(String::new);
            let head = head.unwrap_or_else(|| fields.join(between));
            let lines = std::iter::once(head).filter(|head| !head.is_empty());
            lines.chain(rows.iter().map(line)).collect::<Vec<_>>().join("\n")
        }
    };
    ok(text)
}

fn tables<T>(
    shell: &mut Shell<'_>,
    message: &str,
    change: impl FnOnce(&mut crate::sitebay::data::Tables) -> T,
) -> Option<T> {
    let place = shell.site.place_mut(shell.stage)?;
    Some(place.change_tables(&format!("wp-cli: {message}"), change))
}

fn files(shell: &mut Shell<'_>, change: impl FnOnce(&mut crate::sitebay::data::Files)) {
    if let Some(place) = shell.site.place_mut(shell.stage) {
        place.change_files(change);
    }
}
