//! Takes secrets out of answers.
//!
//! Invariant: what a caller gave as secret, and the token, never come back; what SiteBay keeps
//! secret for a site comes back only where the caller asked to see it. Fields that are secret in one
//! answer only are marked in the catalogue; the keys here are secret wherever they turn up, and so is
//! a password in an address.

use serde_json::Value;

use mcp_auth::secret::Secret;

/// The replacement for a secret.
pub const PLACEHOLDER: &str = "[redacted]";
/// Keys whose values are shown only on demand.
const ON_DEMAND: [&str; 2] = ["http_auth_password", "code_server_password"];
/// Keys whose values are never shown.
const NEVER: [&str; 1] = ["wordpress_password"];

/// Replaces the values of secret keys at any depth.
pub fn redact(value: &mut Value, reveal: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, reveal)),
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                let on_demand = ON_DEMAND.contains(&key.as_str()) && !reveal;
                if (on_demand || NEVER.contains(&key.as_str())) && !inner.is_null() {
                    *inner = Value::from(PLACEHOLDER);
                } else {
                    redact(inner, reveal);
                }
            }
        }
        Value::String(text) => {
            if let Some(clean) = without_userinfo(text) {
                *text = clean;
            }
        }
        _ => {}
    }
}

/// An address without the password in it (RFC 3986 §3.2.1), such as that of a Git repository. None:
/// it has none.
fn without_userinfo(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    // A text around an address, such as a file, stays what it is.
    if text.contains(char::is_whitespace) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    let after = rest.get(user.len()..)?;
    let user = match user.split_once(':') {
        Some((name, _)) => format!("{name}:{PLACEHOLDER}"),
        None if user == "git" => return None,
        // A token alone is a password, too.
        None => PLACEHOLDER.to_owned(),
    };
    Some(format!("{scheme}://{user}{after}"))
}

/// Replaces secrets in all strings of a value.
pub(crate) fn scrub(value: &mut Value, secrets: &[Secret]) {
    match value {
        Value::String(text) => {
            if let Some(clean) = scrubbed(text, secrets) {
                *text = clean;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| scrub(item, secrets)),
        Value::Object(map) => map.values_mut().for_each(|inner| scrub(inner, secrets)),
        _ => {}
    }
}

/// A text without the secrets, as they are or as JSON writes them. From the first secret key on
/// nothing is kept: the end of its value cannot be found in a text that is not whole JSON.
pub(crate) fn scrub_text(text: &str, secrets: &[Secret]) -> String {
    let keys = ON_DEMAND.iter().chain(&NEVER);
    let safe = keys.filter_map(|key| text.find(key)).min().and_then(|end| text.get(..end));
    let kept = safe.unwrap_or(text);
    let mut clean = scrubbed(kept, secrets).unwrap_or_else(|| kept.to_owned());
    if safe.is_some() {
        clean.push_str(PLACEHOLDER);
    }
    clean
}

fn scrubbed(text: &str, secrets: &[Secret]) -> Option<String> {
    let mut clean = None;
    for secret in secrets.iter().filter(|secret| !secret.expose().is_empty()) {
        for form in [secret.expose().to_owned(), in_json(secret.expose())] {
            let current = clean.as_deref().unwrap_or(text);
            if current.contains(&form) {
                clean = Some(current.replace(&form, PLACEHOLDER));
            }
        }
    }
    clean
}

fn in_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn passwords_are_hidden_at_any_depth_unless_asked_for() {
        let site = json!({"http_auth_password": "a", "x": [{"code_server_password": "b"}],
            "wordpress_password": "c", "other": {"http_auth_password": null}});
        let mut hidden = site.clone();
        redact(&mut hidden, false);
        assert_eq!(hidden["http_auth_password"], "[redacted]");
        assert_eq!(hidden["x"][0]["code_server_password"], "[redacted]");
        assert_eq!(hidden["other"]["http_auth_password"], Value::Null);
        let mut shown = site;
        redact(&mut shown, true);
        assert_eq!(shown["x"][0]["code_server_password"], "b");
        assert_eq!(shown["wordpress_password"], "[redacted]");
    }

    #[test]
    fn an_address_is_shown_without_the_password_in_it() {
        for (address, shown) in [
            ("https://me:ghp_secret@a.org/x.git", "https://me:[redacted]@a.org/x.git"),
            ("https://ghp_secret@a.org/x.git", "https://[redacted]@a.org/x.git"),
            ("ssh://git@a.org/x.git", "ssh://git@a.org/x.git"),
            ("https://a.org/x@y", "https://a.org/x@y"),
            ("https://a.org", "https://a.org"),
            ("me@a.org", "me@a.org"),
            ("see https://a.org\nme@a.org", "see https://a.org\nme@a.org"),
        ] {
            let mut site = json!({ "git_url": address });
            redact(&mut site, true);
            assert_eq!(site["git_url"], shown);
        }
    }

    #[test]
    fn a_secret_is_found_in_both_its_forms() {
        let secrets = [Secret::new("pass\"word")];
        let clean = scrub_text(r#"{"input": "pass\"word"} pass"word"#, &secrets);
        assert_eq!(clean, r#"{"input": "[redacted]"} [redacted]"#);
        let mut value = json!({"a": ["it is pass\"word."]});
        scrub(&mut value, &secrets);
        assert_eq!(value["a"][0], "it is [redacted].");
    }
}
