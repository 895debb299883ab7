//! Reads the latest lines of a log: the end of it as text, with a link to the rest.
//!
//! Invariant: where the beginning is left out, the text says so, and where it is.

use serde_json::Value;

use crate::call::{Call, CallOutcome, Requests as _, data, finished};
use catalogue::render;
use mcp_protocol::content::ContentBlock;

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let answer = call.sent().await?;
    let lines = lines(&answer.json);
    let text = match &lines {
        Some(lines) => lines.clone(),
        None => render::json(&answer.json),
    };
    let (shown, whole) = render::tail(&text);
    let (uri, name) = address(call);
    let text = match (shown.trim(), whole) {
        ("", _) => format!("The {name} has no such lines."),
        (_, true) => shown.to_owned(),
        (_, false) => format!("(The end of what was read; the rest is in {uri}.)\n{shown}"),
    };
    let mut result = finished(data(vec![("result", answer.json)]), text, Vec::new());
    let mime_type = Some("text/plain".to_owned());
    result.content.push(ContentBlock::ResourceLink { uri, name, mime_type });
    Ok(result)
}

/// The resource that has more of it, and what it is called.
fn address(call: &Call<'_>) -> (String, String) {
    let text = |name: &str| call.arguments.text(name).unwrap_or("wordpress");
    let fqdn = text("fqdn");
    match call.arguments.text("container_name") {
        Some(container) => {
            let container = crate::api::encode_part(container).unwrap_or_default();
            let uri = format!("sitebay://site/{fqdn}/containers/{container}/logs");
            (uri, format!("log of container {container}"))
        }
        None => {
            let log = crate::api::encode_part(text("log_type")).unwrap_or_default();
            (format!("sitebay://site/{fqdn}/logs/{log}"), format!("{log} log"))
        }
    }
}

/// The lines of a log in the forms the service is known to use.
pub(crate) fn lines(json: &Value) -> Option<String> {
    let found = match json {
        Value::Object(map) => map.get("logs").or_else(|| map.get("lines"))?,
        other => other,
    };
    match found {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let line = |item: &Value| match item {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Some(items.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::run;
    use mcp_server::testing::{FakePlatform, json};

    #[test]
    fn the_end_of_a_long_log_is_shown_with_a_link_to_the_rest() {
        let logs: Vec<String> = (0..5_000).map(|n| format!("line {n}")).collect();
        let fake = FakePlatform::new([json(200, json!({ "logs": logs }))]);
        let arguments = json!({"fqdn": "a.org", "log_type": "php", "lines": 5_000});
        let seen = run(&fake, "sitebay_get_site_logs", arguments);
        assert!(seen.text.ends_with("line 4999") && !seen.text.contains("line 1\n"));
        assert!(seen.text.contains("sitebay://site/a.org/logs/php"), "{}", &seen.text[..100]);
        assert_eq!(seen.link.as_deref(), Some("sitebay://site/a.org/logs/php"));
        assert_eq!(seen.data["result"]["logs"].as_array().unwrap().len(), 5_000);
    }

    #[test]
    fn a_short_log_is_whole_whatever_its_form() {
        for (answer, text) in [
            (json!({"logs": ["a", "b"]}), "a\nb"),
            (json!("a\nb"), "a\nb"),
            (json!({"lines": "a"}), "a"),
            (json!({"logs": []}), "The nginx log has no such lines."),
        ] {
            let fake = FakePlatform::new([json(200, answer)]);
            let arguments = json!({"fqdn": "a.org", "log_type": "nginx"});
            let seen = run(&fake, "sitebay_get_site_logs", arguments);
            assert_eq!(seen.text, text);
        }
        let fake = FakePlatform::new([json(200, json!({"logs": ["a"]}))]);
        let arguments = json!({"fqdn": "a.org", "container_name": "nginx"});
        let seen = run(&fake, "sitebay_get_container_logs", arguments);
        assert_eq!(seen.link.as_deref(), Some("sitebay://site/a.org/containers/nginx/logs"));
    }
}
