//! The shell: a few commands with made-up output, none with an effect on the site.

use serde_json::json;

use super::Outcome;
use crate::call::Call;
use crate::check::{boolean, string};
use crate::data::World;
use crate::form::Form;
use crate::reply::Reply;

const HOME: &str = "/bitnami/wordpress/wp-content";

/// Runs a command. With `auto_track_dir` the directory it ends in is answered, else the one it
/// began in.
pub(super) fn run(world: &World, call: &Call, fqdn: &str) -> Outcome {
    let mut form = Form::body(call)?;
    let command = form.required("cmd", string);
    let cwd = form.given("cwd", string);
    let track = form.given("auto_track_dir", boolean).unwrap_or(false);
    form.finish()?;
    world.site(fqdn)?.require_idle()?;

    let mut cwd = cwd.unwrap_or_else(|| HOME.to_owned());
    let words: Vec<&str> = command.split_whitespace().collect();
    let response = match words.as_slice() {
        ["cd", target] => {
            if track {
                cwd = entered(&cwd, target);
            }
            String::new()
        }
        ["pwd"] => cwd.clone(),
        ["ls", ..] => "index.php\nplugins\nthemes\nuploads".to_owned(),
        ["echo", ..] => echo(&command),
        ["wp", rest @ ..] => wp(rest),
        [] => String::new(),
        [first, ..] => format!("bash: {first}: command not found"),
    };
    Ok(Reply::ok(&json!({ "response": response, "cwd": cwd })))
}

fn entered(cwd: &str, target: &str) -> String {
    match target {
        "~" => HOME.to_owned(),
        "." => cwd.to_owned(),
        ".." => match cwd.rsplit_once('/') {
            Some((parent, _)) if !parent.is_empty() => parent.to_owned(),
            _ => "/".to_owned(),
        },
        _ if target.starts_with('/') => target.to_owned(),
        _ => format!("{}/{target}", cwd.trim_end_matches('/')),
    }
}

/// What follows `echo`, with one pair of quotes around it taken off.
fn echo(command: &str) -> String {
    let text = command.trim().strip_prefix("echo").unwrap_or_default();
    let text = text.trim();
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(text).to_owned()
}

fn wp(words: &[&str]) -> String {
    match words {
        ["core", "version"] => "6.8.2".to_owned(),
        ["plugin", "list", options @ ..] if options.contains(&"--format=json") => json!([
            { "name": "akismet", "status": "inactive", "update": "none", "version": "5.5" },
            { "name": "hello", "status": "active", "update": "none", "version": "1.7.2" },
        ])
        .to_string(),
        ["plugin", "list", ..] => "name\tstatus\tupdate\tversion\n\
                                   akismet\tinactive\tnone\t5.5\n\
                                   hello\tactive\tnone\t1.7.2"
            .to_owned(),
        [] => "usage: wp <command>".to_owned(),
        [name, ..] => format!(
            "Error: '{name}' is not a registered wp command. See 'wp help' for available commands."
        ),
    }
}
