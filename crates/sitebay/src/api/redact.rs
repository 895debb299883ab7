//! The keys of SiteBay's answers that are secret.

use serde_json::Value;

use crate::service::SitebayService;
use catalogue::redact::{self, SecretKeys};
use mcp_auth::secret::Secret;

pub use redact::PLACEHOLDER;
pub(crate) use redact::scrub;

/// What SiteBay keeps secret for a site.
pub(crate) const KEYS: SecretKeys = SecretKeys {
    on_demand: &["http_auth_password", "code_server_password"],
    never: &["wordpress_password"],
    beginnings: &[],
};

/// Replaces the values of secret keys at any depth.
pub fn redact(value: &mut Value, reveal: bool) {
    redact::redact::<SitebayService>(value, reveal);
}

/// A text without the secrets, as they are or as JSON writes them.
pub(crate) fn scrub_text(text: &str, secrets: &[Secret]) -> String {
    redact::scrub_text::<SitebayService>(text, secrets)
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
