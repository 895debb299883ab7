//! The settings of the server behind this one.

use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use super::{Config, Get, settings};
use mcp_auth::{address::is_protected, origin::own, secret::Secret};
use mcp_platform::url::Url;

/// Headers that this server writes itself, or that belong to one connection: no credential can be in them.
const MANAGED: [&str; 19] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Which paths go to the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendPaths {
    /// Those that this server does not answer.
    Rest,
    /// Those of the MCP endpoints as well.
    All,
}

/// Whether callers of the backend are admitted as those of `/mcp` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendAccess {
    /// They are.
    Door,
    /// Every caller reaches the backend.
    Open,
}

/// The server behind this one (`BACKEND_URL`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Its origin, without trailing slash. None: a setting is wrong, and requests to it are refused.
    pub origin: Option<String>,
    /// Which paths it answers.
    pub paths: BackendPaths,
    /// Who reaches it.
    pub access: BackendAccess,
    /// The header that it authenticates this server by, and the header's value.
    pub auth: Option<(String, Secret)>,
    /// Whether a caller's credential that is not for this server reaches it.
    pub forwards_auth: bool,
    /// The server card where it answers the MCP endpoints: a JSON object.
    pub card: Option<String>,
    /// The name of this server in `Via`: the same in all deployments with this backend, so that a request that comes
    /// with it has gone in a circle.
    pub via: String,
}

impl Backend {
    /// Whether the MCP endpoints are its.
    pub fn has_mcp(&self) -> bool {
        self.paths == BackendPaths::All
    }

    /// Whether it is the server that was asked for at `url`.
    pub fn is_at(&self, url: &str) -> bool {
        let host = |url: &str| url.split_once("://").map(|(_, host)| host.to_ascii_lowercase());
        let asked = own(url).and_then(host);
        asked.is_some() && self.origin.as_deref().and_then(host) == asked
    }
}

impl Config {
    pub(super) fn read_backend(&mut self, get: Get<'_>) {
        let url = get(&settings::BACKEND_URL);
        let paths = match self.word(&settings::BACKEND_PATHS, get) {
            "all" => BackendPaths::All,
            _ => BackendPaths::Rest,
        };
        let access = self.backend_access(get(&settings::BACKEND_ACCESS).as_deref());
        let forwards_auth = self.is_on(&settings::BACKEND_FORWARD_AUTH, get);
        let header = get(&settings::BACKEND_AUTH_HEADER);
        let secret = get(&settings::BACKEND_AUTH);
        let card = get(&settings::BACKEND_CARD);
        let Some(url) = url else {
            if secret.is_some() || paths == BackendPaths::All {
                let text = "BACKEND_URL is not set: the other settings of a backend do nothing";
                self.warnings.push(text.to_owned());
            }
            return;
        };
        let origin = self.checked_part("BACKEND_URL", origin(&url, self.is_development()));
        let auth = self.checked_part("BACKEND_AUTH_HEADER", credential(header, secret));
        let card = self.checked_part("BACKEND_CARD", card_of(card));
        let via = via(origin.as_deref().unwrap_or_default());
        // A backend without its credential might answer as it does for strangers.
        let origin = origin.filter(|_| auth.is_some());
        let (auth, card) = (auth.flatten(), card.flatten());
        self.backend =
            Some(Rc::new(Backend { origin, paths, access, auth, forwards_auth, card, via }));
    }

    fn backend_access(&mut self, setting: Option<&str>) -> BackendAccess {
        let usual = match self.is_development() {
            true => BackendAccess::Open,
            false => BackendAccess::Door,
        };
        match setting {
            None => usual,
            Some("door") => BackendAccess::Door,
            Some("open") => BackendAccess::Open,
            Some(other) => {
                self.wrong(&settings::BACKEND_ACCESS, other, "`door` or `open`", "`door`");
                BackendAccess::Door
            }
        }
    }

    /// The value, or None with an error that names the setting. The setting's own text may be secret.
    fn checked_part<T>(&mut self, name: &str, read: Result<T, String>) -> Option<T> {
        let noted = read.map_err(|expected| self.errors.push(format!("{name}: {expected}")));
        noted.ok()
    }
}

/// The origin that `BACKEND_URL` names.
fn origin(text: &str, development: bool) -> Result<String, String> {
    let refused = "requests to it are refused";
    let url = Url::parse(text)
        .filter(|url| !url.host.is_empty() && url.origin.starts_with("http"))
        .ok_or_else(|| format!("expected a URL such as https://backend.example: {refused}"))?;
    if url.href != format!("{}/", url.origin) {
        return Err(format!(
            "expected scheme, host and port alone, without user, path, query and fragment, because paths pass \
             unchanged: {refused}"
        ));
    }
    if !is_protected(&url.origin, development) {
        return Err(format!(
            "expected https://; http:// leads to this machine only, and in development only: {refused}"
        ));
    }
    Ok(url.origin)
}

/// The header by which the backend knows this server.
fn credential(
    header: Option<String>,
    secret: Option<String>,
) -> Result<Option<(String, Secret)>, String> {
    let Some(secret) = secret else {
        return match header {
            None => Ok(None),
            Some(_) => Err("needs the secret BACKEND_AUTH with its value".to_owned()),
        };
    };
    let name = header.unwrap_or_else(|| settings::BACKEND_AUTH_HEADER.default.to_owned());
    let name = name.to_ascii_lowercase();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_managed = MANAGED.contains(&name.as_str())
        || ["x-forwarded-", "x-internal-", "sec-", "cf-connecting-"]
            .iter()
            .any(|start| name.starts_with(start));
    if name.is_empty() || !name.bytes().all(is_token) || is_managed {
        return Err("expected the name of a header for a credential, such as Authorization".into());
    }
    if !secret.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err("expected one line of ASCII characters in the secret BACKEND_AUTH".into());
    }
    Ok(Some((name, Secret::new(secret))))
}

fn card_of(card: Option<String>) -> Result<Option<String>, String> {
    let is_object = |text: &String| {
        serde_json::from_str::<serde_json::Value>(text).is_ok_and(|value| value.is_object())
    };
    match card {
        Some(text) if !is_object(&text) => {
            Err("expected a server card, which is a JSON object: a card without it is made".into())
        }
        card => Ok(card),
    }
}

fn via(origin: &str) -> String {
    let digest = Sha256::digest(format!("backend {origin}"));
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("sitebay-mcp-{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Config {
        let lookup = |name: &str| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Config::read(&lookup)
    }

    fn backend(vars: &[(&str, &str)]) -> Rc<Backend> {
        read(vars).backend.unwrap()
    }

    const URL: (&str, &str) = ("BACKEND_URL", "https://backend.example");

    #[test]
    fn without_a_url_there_is_no_backend() {
        assert_eq!(read(&[]).backend, None);
        let config = read(&[("BACKEND_AUTH", "k")]);
        assert_eq!(config.backend, None);
        assert!(config.warnings.iter().any(|w| w.starts_with("BACKEND_URL is not set")));
    }

    #[test]
    fn a_url_is_an_origin() {
        for url in ["https://backend.example", "https://Backend.Example:443/"] {
            let backend = backend(&[("BACKEND_URL", url)]);
            assert_eq!(backend.origin.as_deref(), Some("https://backend.example"), "{url}");
        }
    }

    #[test]
    fn a_wrong_url_is_an_error_that_names_the_setting_and_shows_nothing_of_it() {
        for url in [
            "https://backend.example/hidden",
            "https://backend.example/?hidden",
            "https://backend.example/#hidden",
            "https://hidden@backend.example",
            "https://u:hidden@backend.example/",
            "backend.example/hidden",
            "//hidden.example",
            "hidden",
            "ftp://hidden.example",
            "wss://hidden.example",
            "http://hidden.example",
            "http://127.0.0.1:9/hidden",
            "http://127.0.0.1:9",
        ] {
            let config = read(&[("BACKEND_URL", url)]);
            let error = config.errors.iter().find(|error| error.starts_with("BACKEND_URL: "));
            let error = error.unwrap_or_else(|| panic!("{url}: {:?}", config.errors));
            assert!(error.contains("expected") && !error.contains("hidden"), "{error}");
            assert_eq!(config.backend.unwrap().origin, None, "{url}");
        }
    }

    #[test]
    fn plain_http_leads_to_this_machine_in_development_only() {
        let development = ("ENVIRONMENT", "development");
        let of = |url| backend(&[development, ("BACKEND_URL", url)]).origin.clone();
        assert_eq!(of("http://127.0.0.1:9").as_deref(), Some("http://127.0.0.1:9"));
        assert_eq!(of("http://localhost:9/").as_deref(), Some("http://localhost:9"));
        assert_eq!(of("http://backend.example"), None);
    }

    #[test]
    fn the_door_stands_in_front_unless_it_is_taken_away_or_this_is_development() {
        let development = ("ENVIRONMENT", "development");
        assert_eq!(backend(&[URL]).access, BackendAccess::Door);
        assert_eq!(backend(&[URL, development]).access, BackendAccess::Open);
        for (word, access) in [
            ("open", BackendAccess::Open),
            ("door", BackendAccess::Door),
            ("x", BackendAccess::Door),
        ] {
            let set = ("BACKEND_ACCESS", word);
            assert_eq!(backend(&[URL, set]).access, access, "{word}");
            assert_eq!(backend(&[URL, set, development]).access, access, "{word}");
        }
    }

    #[test]
    fn a_credential_has_a_header_for_credentials_and_is_never_left_out_in_silence() {
        let with = |header: Option<&str>, secret: Option<&str>| {
            let mut vars = vec![URL];
            vars.extend(header.map(|header| ("BACKEND_AUTH_HEADER", header)));
            vars.extend(secret.map(|secret| ("BACKEND_AUTH", secret)));
            read(&vars)
        };
        let name = |config: &Config| config.backend.as_ref()?.auth.as_ref().map(|a| a.0.clone());
        assert_eq!(name(&with(None, Some("Bearer k"))).as_deref(), Some("authorization"));
        assert_eq!(name(&with(Some("X-Key"), Some("k"))).as_deref(), Some("x-key"));
        for header in ["Host", "via", "X-Forwarded-For", "a b", "x:y", "Connection", "é"] {
            let config = with(Some(header), Some("hidden"));
            let error = config.errors.iter().find(|e| e.starts_with("BACKEND_AUTH_HEADER: "));
            assert!(!error.unwrap().contains("hidden"), "{header}");
            assert_eq!(config.backend.unwrap().origin, None, "{header}");
        }
        assert_eq!(with(Some("X-Key"), None).backend.unwrap().origin, None);
        assert_eq!(with(None, Some("a\nb")).backend.unwrap().origin, None);
    }

    #[test]
    fn a_card_is_a_json_object() {
        let of = |card| read(&[URL, ("BACKEND_CARD", card)]);
        assert!(of(r#"{"name":"x"}"#).backend.unwrap().card.is_some());
        for wrong in ["[]", "{", "https://x.example/card.json"] {
            let config = of(wrong);
            assert!(config.errors.iter().any(|e| e.starts_with("BACKEND_CARD: ")), "{wrong}");
            let backend = config.backend.unwrap();
            assert!(backend.card.is_none() && backend.origin.is_some(), "{wrong}");
        }
    }

    #[test]
    fn a_backend_at_the_own_address_is_seen() {
        let backend = backend(&[URL]);
        assert!(backend.is_at("https://BACKEND.example/x?y"));
        assert!(backend.is_at("http://backend.example/"));
        assert!(!backend.is_at("https://backend.example.org/"));
        assert!(!backend.is_at("https://mcp.example/backend.example"));
    }

    #[test]
    fn deployments_with_one_backend_have_one_name_in_via() {
        let of = |url| backend(&[("BACKEND_URL", url)]).via.clone();
        assert_eq!(of("https://a.example"), of("https://a.example/"));
        assert_ne!(of("https://a.example"), of("https://b.example"));
    }
}
