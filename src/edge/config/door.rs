//! The settings that say who may come in.

use std::rc::Rc;

use super::{ACCESS_MAX_AGE, Config, Lookup};
use crate::access::{
    address::is_protected,
    admission::Door,
    jwt::Rules,
    keys::MIN_KEY_CHARS,
    oauth::upstream::Provider,
    secret::{Secret, Secrets, first_shorter, keys},
};

/// Characters that a key or a shared secret must have outside development: 16 of a generated key carry
/// 64 bits or more, which nobody finds by trying.
const MIN_SECRET_CHARS: usize = 16;

impl Config {
    pub(super) fn read_door(&mut self, get: Lookup<'_>) {
        let api_keys = self.secrets("MCP_API_KEY", get);
        let admin_keys = self.secrets("MCP_ADMIN_KEY", get);
        let shared_secrets = self.secrets("MCP_SHARED_SECRET", get);
        let jwt = ["MCP_JWT_SECRET", "MCP_JWKS_URL", "MCP_JWT_ISSUER", "MCP_JWT_AUDIENCE"];
        let secret = get("MCP_JWT_SECRET").unwrap_or_default();
        let jwt = match (
            Rules::parse(jwt.map(get)),
            self.accepts("MCP_JWT_SECRET", &secret, MIN_KEY_CHARS),
        ) {
            (rules, true) => rules,
            (rules, false) => rules.with_unusable_secrets(),
        };
        let jwt = self.checked(jwt);
        self.door = Door {
            development: self.is_development(),
            api_keys,
            admin_keys,
            named_keys: false,
            shared_secrets,
            jwt,
            oauth: false,
            keys_in_url: get("ALLOW_KEY_IN_URL").as_deref() == Some("1"),
        };
    }

    fn secrets(&mut self, name: &str, get: Lookup<'_>) -> Secrets {
        let setting = get(name).unwrap_or_default();
        match self.accepts(name, &setting, MIN_SECRET_CHARS) {
            true => Secrets::parse(&setting),
            false => Secrets::unusable(),
        }
    }

    /// Whether the keys of a setting are long enough to be used. In development all are, with a warning.
    fn accepts(&mut self, name: &str, setting: &str, least: usize) -> bool {
        if keys(setting).any(|key| key.contains(char::is_whitespace)) {
            self.warnings.push(format!(
                "{name} has a key with a space in it, which is one key: lists are separated by commas \
                 or line ends"
            ));
        }
        let Some(place) = first_shorter(setting, least) else {
            return true;
        };
        let short = format!("{name}: key number {place} has fewer than {least} characters");
        if self.is_development() {
            let outside = "outside development it would be refused";
            self.warnings.push(format!("{short}: {outside}"));
            return true;
        }
        self.has_broken_way = true;
        self.errors.push(format!(
            "{short}: nobody is let in by {name}; make one with `openssl rand -base64 32`"
        ));
        false
    }

    /// Public keys alone say nothing: the same ones may sign for many servers and many tenants.
    fn checked(&mut self, mut jwt: Rules) -> Rules {
        let development = self.is_development();
        let mut warn = |text: &str| self.warnings.push(text.to_owned());
        let Some(url) = &jwt.keys_url else {
            return jwt;
        };
        if !is_protected(url, development) {
            warn("MCP_JWKS_URL must begin with https://: tokens of its keys are refused");
            jwt.keys_url = None;
            self.has_broken_way = true;
        } else if jwt.issuer.is_none() || jwt.audiences.is_empty() {
            warn(
                "MCP_JWKS_URL needs MCP_JWT_ISSUER and MCP_JWT_AUDIENCE: tokens of its keys are refused",
            );
            jwt.keys_url = None;
            self.has_broken_way = true;
        }
        jwt
    }

    pub(super) fn read_oauth(&mut self, setting: Option<&str>) {
        let warning = match (setting, &self.credential_keys) {
            (None | Some("off"), _) => return,
            (Some("on"), Some(_)) => return self.door.oauth = true,
            (Some("on"), None) => {
                self.has_broken_way = true;
                "MCP_OAUTH is on, but CREDENTIAL_KEY is not set: nobody can sign in".to_owned()
            }
            (Some(other), _) => {
                format!("MCP_OAUTH is `{other}`: expected `on` or `off`; using `off`")
            }
        };
        self.warnings.push(warning);
    }

    pub(super) fn read_oidc(
        &mut self,
        issuer: Option<String>,
        id: Option<String>,
        secret: Option<String>,
    ) {
        let (issuer, client_id, client_secret) = match (issuer, id, secret) {
            (None, None, None) => return,
            (Some(issuer), Some(id), Some(secret)) => (issuer, id, Secret::new(secret)),
            _ => {
                let names = "MCP_OIDC_ISSUER, MCP_OIDC_CLIENT_ID and MCP_OIDC_CLIENT_SECRET";
                return self.close_oauth(&format!("{names} go together"));
            }
        };
        let loopback = self.is_development();
        if !is_protected(&issuer, loopback) {
            return self.close_oauth("MCP_OIDC_ISSUER must begin with https://");
        }
        self.oidc = Some(Rc::new(Provider { issuer, client_id, client_secret, loopback }));
    }

    /// Who chose where people sign in does not want them to come in otherwise.
    fn close_oauth(&mut self, why: &str) {
        self.has_broken_way |= self.door.oauth;
        self.door.oauth = false;
        self.warnings.push(format!("{why}: nobody can sign in"));
    }

    pub(super) fn read_access_max_age(&mut self, setting: Option<&str>) {
        let Some(setting) = setting else {
            return;
        };
        match setting.parse::<u32>() {
            Ok(seconds) if (1..=24 * 60 * 60).contains(&seconds) => self.access_max_age = seconds,
            _ => self.warnings.push(format!(
                "MCP_OAUTH_ACCESS_MAX_AGE is `{setting}`: expected seconds, 1 to 86400; using {ACCESS_MAX_AGE}"
            )),
        }
    }
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

    #[test]
    fn development_is_open_until_a_key_is_set() {
        assert!(read(&[("ENVIRONMENT", "development")]).door.is_open());
        for way in ["MCP_API_KEY", "MCP_SHARED_SECRET", "MCP_JWT_SECRET"] {
            let door = read(&[("ENVIRONMENT", "development"), (way, "k")]).door;
            assert!(!door.is_open() && !door.is_closed(), "{way}");
        }
        for empty in ["  ", " , "] {
            assert!(read(&[("MCP_API_KEY", empty)]).door.is_closed(), "{empty}");
        }
    }

    #[test]
    fn short_keys_open_nothing_outside_development() {
        for (name, least) in [
            ("MCP_API_KEY", 16),
            ("MCP_ADMIN_KEY", 16),
            ("MCP_SHARED_SECRET", 16),
            ("MCP_JWT_SECRET", 32),
        ] {
            let (short, long) = ("k".repeat(least - 1), "k".repeat(least));
            let list = format!("{long}\n{short}");
            for environment in ["production", "staging", "Development", "test"] {
                let of = |value: &str| read(&[("ENVIRONMENT", environment), (name, value)]);
                for value in [&short, &list] {
                    let config = of(value);
                    assert!(config.door.is_misconfigured(), "{name} {environment}");
                    assert!(config.errors.iter().any(|error| error.starts_with(name)), "{name}");
                    assert!(!config.errors.concat().contains(&short), "{name}");
                }
                let config = of(&long);
                assert!(!config.door.is_misconfigured() && config.errors.is_empty(), "{name}");
            }
            let config = read(&[("ENVIRONMENT", "development"), (name, &short)]);
            assert!(!config.door.is_misconfigured() && config.errors.is_empty(), "{name}");
            assert!(config.warnings.iter().any(|warning| warning.starts_with(name)), "{name}");
        }
    }

    #[test]
    fn public_keys_of_an_issuer_need_the_issuer_and_the_audience() {
        let url = ("MCP_JWKS_URL", "https://issuer.example/keys");
        let (issuer, audience) = (("MCP_JWT_ISSUER", "i"), ("MCP_JWT_AUDIENCE", "a"));
        assert!(!read(&[url, issuer, audience]).door.is_closed());
        let plain = ("MCP_JWKS_URL", "http://127.0.0.1:1/keys");
        for vars in
            [vec![url], vec![url, issuer], vec![url, audience], vec![plain, issuer, audience]]
        {
            let config = read(&vars);
            assert!(config.door.is_closed(), "{vars:?}");
            assert!(config.warnings.iter().any(|w| w.starts_with("MCP_JWKS_URL")), "{vars:?}");
        }
        let development = [plain, issuer, audience, ("ENVIRONMENT", "development")];
        assert!(!read(&development).door.is_open());
    }
}
