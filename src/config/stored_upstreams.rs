//! Upstreams that administrators stored, beside those of `UPSTREAMS`.
//!
//! Invariant: what the variable names wins. A stored upstream names a secret only where the operator allowed that secret for
//! its host (`UPSTREAM_SECRETS`), and for the host of the issuer to which a client secret goes, so that nobody with an admin
//! key reads a secret by sending it to a host of their own. The secrets of this server itself are never allowed.

use std::{collections::BTreeSet, rc::Rc};

use super::{Config, Get, Lookup, settings};
use gateway::{
    address::Surroundings,
    config::{ConfigError, Rules, Upstream},
    stored::StoredUpstream,
};
use mcp_auth::secret::Secret;
use mcp_platform::url::Url;

/// The secrets that stored upstreams may name, each with a host that it may be sent to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedSecrets(BTreeSet<(String, String)>);

impl AllowedSecrets {
    /// Reads `NAME@host` of each, and what of it cannot be used.
    fn parse(text: &str) -> (Self, Vec<String>) {
        let (mut allowed, mut wrong) = (BTreeSet::new(), Vec::new());
        let words = text.split([',', ' ', '\n', '\t']).filter(|word| !word.is_empty());
        for word in words {
            let part = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
            let parts = word.split_once('@').filter(|(name, host)| {
                let is_name = !name.is_empty() && name.bytes().all(part);
                is_name && !host.is_empty() && !is_own(name)
            });
            match parts {
                Some((name, host)) => {
                    allowed.insert((name.to_owned(), host.to_ascii_lowercase()));
                }
                // A secret may have been put here by mistake.
                None => wrong.push(word.split('@').next().filter(|name| is_own(name)).map_or_else(
                    || "an entry has another form".to_owned(),
                    |name| format!("`{name}` is this server's own"),
                )),
            }
        }
        (Self(allowed), wrong)
    }

    fn names(&self, secret: &str) -> bool {
        self.0.iter().any(|(name, _)| name == secret)
    }

    fn permits(&self, secret: &str, host: &str) -> bool {
        self.0.iter().any(|(name, at)| name == secret && at == host)
    }
}

/// Whether a setting of this server has this name.
fn is_own(name: &str) -> bool {
    settings::GROUPS.iter().any(|(_, all)| all.iter().any(|setting| setting.name == name))
}

impl Config {
    pub(super) fn read_upstream_secrets(&mut self, get: Get<'_>) {
        let Some(text) = get(&settings::UPSTREAM_SECRETS) else {
            return;
        };
        let (allowed, wrong) = AllowedSecrets::parse(&text);
        let name = settings::UPSTREAM_SECRETS.name;
        let expected =
            "expected names of secrets with hosts, such as `TICKETS_TOKEN@tickets.example`";
        self.warnings.extend(wrong.iter().map(|why| format!("{name}: {expected}; {why}")));
        self.upstream_secrets = Rc::new(allowed);
    }

    /// Reads the settings of an upstream that is stored, or is about to be. `own_origins`: addresses of this server.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read_stored(
        &self,
        (name, settings): (&str, &str),
        own_origins: &[String],
        lookup: Lookup<'_>,
    ) -> Result<Upstream, Vec<ConfigError>> {
        let allowed = &self.upstream_secrets;
        // One that is not allowed is as unknown as one that is not set.
        let secret = |name: &str| {
            let value = lookup(name).filter(|_| allowed.names(name));
            let value = value.map(|value| value.trim().to_owned());
            value.filter(|value| !value.is_empty()).map(Secret::new)
        };
        let reserved = super::upstreams::reserved();
        let rules = Rules {
            reserved: &reserved,
            surroundings: Surroundings { own_origins, development: self.is_development() },
            secret: &secret,
        };
        let at = format!("upstreams.{}", name.chars().take(32).collect::<String>());
        let upstream = Upstream::read(name, settings, &at, &rules)?;
        let issuer = upstream.credential.issuer();
        let issuer =
            issuer.map(|issuer| Url::parse(issuer).map(|url| url.host).unwrap_or_default());
        let mut hosts = std::iter::once(upstream.url.host.as_str()).chain(issuer.as_deref());
        let expected = match upstream.credential.secret_name() {
            Some(secret) if !hosts.all(|host| allowed.permits(secret, host)) => match issuer {
                Some(_) => {
                    "a secret that UPSTREAM_SECRETS allows for the hosts of `url` and of `issuer`"
                }
                None => "a secret that UPSTREAM_SECRETS allows for the host of `url`",
            },
            _ => return Ok(upstream),
        };
        let field = format!("{at}.auth.secret");
        Err(vec![ConfigError { field, expected: expected.to_owned(), got: None }])
    }

    /// The same with the upstreams that are stored. Those with a fault are left out, and named in the warnings.
    #[must_use]
    pub fn with_stored(&self, stored: &[StoredUpstream], lookup: Lookup<'_>) -> Self {
        let mut upstreams = (*self.upstreams).clone();
        let known = upstreams.errors.len();
        for (name, settings) in stored {
            upstreams.add_stored(name, || self.read_stored((name, settings), &[], lookup));
        }
        let mut config = self.clone();
        config.warnings.extend(upstreams.errors.iter().skip(known).map(ToString::to_string));
        config.upstreams = Rc::new(upstreams);
        config.warn_of_unused_client();
        config.read_toolsets_again(lookup);
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRETS: &str = "TICKETS_TOKEN@tickets.example.com, TICKETS_TOKEN@as.example.com, \
                           OTHER_TOKEN@other.example.com";

    fn lookup(name: &str) -> Option<String> {
        Some(match name {
            "UPSTREAM_SECRETS" => SECRETS.to_owned(),
            "UPSTREAMS" => r#"{"fixed":{"url":"https://fixed.example.com/mcp"}}"#.to_owned(),
            "TICKETS_TOKEN" | "OTHER_TOKEN" => "their-key".to_owned(),
            "SESSION_KEY" => "s".repeat(64),
            _ => return None,
        })
    }

    fn stored(settings: &str) -> Result<Upstream, Vec<String>> {
        let config = Config::read(&lookup);
        let own = ["https://mcp.own.example.com".to_owned()];
        let read = config.read_stored(("tickets", settings), &own, &lookup);
        read.map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    fn with_secret(secret: &str, host: &str) -> Result<Upstream, Vec<String>> {
        let auth = format!(r#"{{"kind":"static","secret":"{secret}"}}"#);
        stored(&format!(r#"{{"url":"https://{host}/mcp","auth":{auth}}}"#))
    }

    #[test]
    fn a_stored_upstream_gets_a_secret_only_where_that_is_allowed_for_its_host() {
        assert!(with_secret("TICKETS_TOKEN", "tickets.example.com").is_ok());
        assert!(with_secret("TICKETS_TOKEN", "Tickets.example.com:8443").is_ok());
        for (secret, host) in [
            ("TICKETS_TOKEN", "other.example.com"),
            ("TICKETS_TOKEN", "tickets.example.com.evil.example.org"),
            ("SESSION_KEY", "tickets.example.com"),
            ("NOT_SET", "tickets.example.com"),
        ] {
            let faults = with_secret(secret, host).unwrap_err();
            let [fault] = &faults[..] else { panic!("{faults:?}") };
            assert!(fault.starts_with("upstreams.tickets.auth.secret: expected"), "{fault}");
            assert!(!fault.contains("their-key"));
        }
        // Which secrets there are is not to be found out.
        let of = |secret| with_secret(secret, "tickets.example.com").unwrap_err();
        assert_eq!(of("SESSION_KEY"), of("NOT_SET"));
    }

    #[test]
    fn a_client_secret_is_allowed_for_the_issuer_as_well_to_which_it_goes() {
        let with = |issuer: &str| {
            let auth = format!(
                r#"{{"kind":"oauth","issuer":"{issuer}","client_id":"a","secret":"TICKETS_TOKEN"}}"#
            );
            stored(&format!(r#"{{"url":"https://tickets.example.com/mcp","auth":{auth}}}"#))
        };
        assert!(with("https://tickets.example.com/as").is_ok());
        assert!(with("https://as.example.com").is_ok());
        for issuer in ["https://other.example.com", "https://as.example.com.evil.example.org"] {
            let faults = with(issuer).unwrap_err();
            let [fault] = &faults[..] else { panic!("{faults:?}") };
            assert!(fault.contains("the hosts of `url` and of `issuer`"), "{fault}");
        }
    }

    #[test]
    fn the_settings_are_checked_as_those_of_the_variable() {
        for (settings, what) in [
            (r#"{"url":"http://tickets.example.com/"}"#, "the scheme http"),
            (r#"{"url":"https://127.0.0.1/"}"#, "no name of the public web"),
            (r#"{"url":"https://mcp.own.example.com/mcp"}"#, "this server's own"),
            (r#"{"url":"https://t.example.com/","colour":1}"#, "one of the fields"),
            (r#"{"url":"https://t.example.com/","era":"new"}"#, "tickets.era"),
            ("[]", "an object"),
            ("", "an object"),
        ] {
            let faults = stored(settings).unwrap_err();
            assert!(faults.iter().any(|fault| fault.contains(what)), "{settings}: {faults:?}");
        }
    }

    #[test]
    fn a_stored_upstream_is_a_toolset_of_its_name() {
        let lookup = |name: &str| match name {
            "MCP_TOOLSETS" => Some("tickets".to_owned()),
            "SITEBAY_LEGACY_ROUTES" => Some("1".to_owned()),
            name => lookup(name),
        };
        let told = |config: &Config| {
            config.warnings.iter().filter(|text| text.starts_with("MCP_TOOLSETS")).count()
        };
        let base = Config::read(&lookup);
        assert_eq!((told(&base), base.choice.tools.has_own()), (1, true));
        let row = ("tickets".to_owned(), r#"{"url":"https://t.example.com/mcp"}"#.to_owned());
        let config = base.with_stored(&[row], &lookup);
        assert_eq!((told(&config), config.choice.tools.has_own()), (0, false));
        assert!(
            config.choice.upstreams.lists("tickets") && !config.choice.upstreams.lists("fixed")
        );
        assert!(config.choice.tools.legacy && config.has_scope("upstream:tickets"));
        assert_eq!(told(&base.with_stored(&[], &lookup)), 1);
    }

    #[test]
    fn what_the_variable_names_wins_and_faults_are_warnings() {
        let base = Config::read(&lookup);
        let row = |name: &str, settings: &str| (name.to_owned(), settings.to_owned());
        let rows = [
            row("fixed", r#"{"url":"https://elsewhere.example.com/mcp"}"#),
            row("good", r#"{"url":"https://good.example.com/mcp"}"#),
            row("bad", r#"{"url":"ftp://x"}"#),
            row("sitebay", r#"{"url":"https://good.example.com/mcp"}"#),
        ];
        let config = base.with_stored(&rows, &lookup);
        let names: Vec<&str> = config.upstreams.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["fixed", "good"]);
        assert_eq!(config.upstreams.get("fixed").unwrap().url.host, "fixed.example.com");
        let new: Vec<&String> = config.warnings.iter().skip(base.warnings.len()).collect();
        assert!(
            matches!(&new[..], [bad, reserved] if bad.starts_with("upstreams.bad.url")
            && reserved.starts_with("upstreams.sitebay")),
            "{new:?}"
        );
        // Nothing is left of them where they are gone.
        let without = base.with_stored(&[], &lookup);
        assert_eq!(without.upstreams.iter().count(), 1);
        assert_eq!(without.warnings, base.warnings);
    }

    #[test]
    fn the_secrets_of_this_server_are_not_allowed_and_no_entry_is_repeated() {
        let (allowed, wrong) =
            AllowedSecrets::parse("SESSION_KEY@a.example.com hunter2 A_B@X.example.com @c D_E@");
        assert!(allowed.permits("A_B", "x.example.com") && !allowed.names("SESSION_KEY"));
        assert_eq!((allowed.0.len(), wrong.len()), (1, 4));
        assert_eq!(wrong[0], "`SESSION_KEY` is this server's own");
        assert!(!wrong.concat().contains("hunter2"), "{wrong:?}");
    }
}
