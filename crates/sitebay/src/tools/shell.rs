//! Runs a shell command and finds what it printed.

use serde_json::Value;

use crate::call::{Call, CallOutcome, Requests as _, data, finished};
use catalogue::render;

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let answer = call.sent().await?;
    let output = output(&answer.json);
    let text = match output.as_str() {
        "" => "The command printed nothing.".to_owned(),
        printed => printed.to_owned(),
    };
    Ok(finished(data(vec![("output", output.into())]), text, Vec::new()))
}

/// The first of the places where the service is known to put it, else the whole answer.
fn output(json: &Value) -> String {
    let keys = ["response", "output", "result"];
    let found = keys.iter().find_map(|key| json.get(key).filter(|value| !value.is_null()));
    match found.unwrap_or(json) {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => render::json(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::run;
    use mcp_server::testing::{FakePlatform, json, text};

    const TOOL: &str = "sitebay_site_shell_command";

    #[test]
    fn the_output_is_found_in_every_known_place() {
        for (body, output) in [
            (json!({"response": "a", "output": "b"}), "a"),
            (json!({"output": "b", "result": "c"}), "b"),
            (json!({"result": "c"}), "c"),
            (json!("d"), "d"),
            (json!({"code": 0}), "{\n  \"code\": 0\n}"),
        ] {
            let fake = FakePlatform::new([json(200, body)]);
            let result = run(&fake, TOOL, json!({"fqdn": "a.org", "command": "ls"}));
            assert_eq!(result.data["output"], output);
        }
    }

    #[test]
    fn only_what_was_given_is_sent() {
        let fake = FakePlatform::new([json(200, json!("")), json(200, json!(""))]);
        run(&fake, TOOL, json!({"fqdn": "a.org", "command": "ls", "cwd": null}));
        assert_eq!(fake.lines(), ["Post /site/a.org/cmd"]);
        assert_eq!(fake.body(0), json!({"cmd": "ls"}));
        let all = json!({"fqdn": "a.org", "command": "ls", "cwd": "/tmp", "auto_track_dir": false});
        run(&fake, TOOL, all);
        assert_eq!(fake.body(1), json!({"cmd": "ls", "cwd": "/tmp", "auto_track_dir": false}));
    }

    #[test]
    fn a_retired_route_names_what_to_use_instead() {
        for step in [
            text(410, "gone"),
            json(404, json!({"detail": "Not Found"})),
            json(405, json!({"detail": "Method Not Allowed"})),
        ] {
            let fake = FakePlatform::new([step]);
            let result = run(&fake, TOOL, json!({"fqdn": "a.org", "command": "ls"}));
            assert!(result.is_error && result.text.contains("retired"), "{}", result.text);
            assert!(result.text.contains("sitebay_wordpress_proxy"));
        }
        let fake = FakePlatform::new([json(404, json!({"detail": "Site not found"}))]);
        let result = run(&fake, TOOL, json!({"fqdn": "a.org", "command": "ls"}));
        assert!(!result.text.contains("retired"), "{}", result.text);
    }
}
