//! The settings that say who may come in.

use std::rc::Rc;

use super::{
    Config, Get,
    settings::{self, Setting},
};
use mcp_auth::{
    address::is_protected,
    authentication::AuthConfig,
    jwt::JwtPolicy,
    oauth::oidc::OidcProvider,
    secret::{Secret, Secrets, first_shorter, keys},
};

impl Config {
    pub(super) fn read_auth(&mut self, get: Get<'_>) {
        let api_keys = self.secrets(&settings::MCP_API_KEY, get);
        let admin_keys = self.secrets(&settings::MCP_ADMIN_KEY, get);
        let shared_secrets = self.secrets(&settings::MCP_SHARED_SECRET, get);
        let unlock_keys = self.unlock_keys(get, &[&api_keys, &admin_keys, &shared_secrets]);
        let jwt = [
            &settings::MCP_JWT_SECRET,
            &settings::MCP_JWKS_URL,
            &settings::MCP_JWT_ISSUER,
            &settings::MCP_JWT_AUDIENCE,
        ];
        let jwt = jwt.map(get);
        let secret = get(&settings::MCP_JWT_SECRET).unwrap_or_default();
        let jwt = match (JwtPolicy::parse(jwt), self.accepts(&settings::MCP_JWT_SECRET, &secret)) {
            (rules, true) => rules,
            (rules, false) => rules.with_unusable_secrets(),
        };
        let jwt = self.checked(jwt);
        self.auth = AuthConfig {
            development: self.is_development(),
            api_keys,
            admin_keys,
            unlock_keys,
            named_keys: false,
            shared_secrets,
            jwt,
            oauth: false,
            keys_in_url: self.is_on(&settings::ALLOW_KEY_IN_URL, get),
        };
    }

    /// The keys that unlock stages, which must not let in as well: an agent may hold those.
    fn unlock_keys(&mut self, get: Get<'_>, others: &[&Secrets]) -> Secrets {
        let keys = self.secrets(&settings::STAGE_UNLOCK_KEY, get);
        if !others.iter().any(|other| keys.overlaps(other)) {
            return keys;
        }
        self.errors.push(
            "STAGE_UNLOCK_KEY has a key that also lets callers in: it unlocks nothing until it is another one"
                .to_owned(),
        );
        Secrets::unusable()
    }

    fn secrets(&mut self, setting: &Setting, get: Get<'_>) -> Secrets {
        let text = get(setting).unwrap_or_default();
        match self.accepts(setting, &text) {
            true => Secrets::parse(&text),
            false => Secrets::unusable(),
        }
    }

    /// Whether the keys of a setting are long enough to be used. In development all are, with a warning.
    fn accepts(&mut self, setting: &Setting, text: &str) -> bool {
        let (name, least) = (setting.name, setting.least_chars());
        if keys(text).any(|key| key.contains(char::is_whitespace)) {
            self.warnings.push(format!(
                "{name} has a key with a space in it, which counts as one key: separate the keys of a \
                 list by commas or line ends"
            ));
        }
        let Some(place) = first_shorter(text, least) else {
            return true;
        };
        let short = format!("{name}: key number {place} has fewer than {least} characters");
        if self.is_development() {
            let outside = "outside development it is refused";
            self.warnings.push(format!("{short}: {outside}"));
            return true;
        }
        self.has_broken_way = true;
        self.errors.push(format!(
            "{short}: all credentials of this kind are refused; make a key with `openssl rand -base64 32`"
        ));
        false
    }

    /// Public keys alone say nothing: the same ones may sign for many servers and many tenants.
    fn checked(&mut self, mut jwt: JwtPolicy) -> JwtPolicy {
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

    pub(super) fn read_oauth(&mut self, get: Get<'_>) {
        if self.word(&settings::MCP_OAUTH, get) != "on" {
            return;
        }
        match &self.credential_keys {
            Some(_) => self.auth.oauth = true,
            None => self.close_oauth("MCP_OAUTH is on, but CREDENTIAL_KEY is not set"),
        }
    }

    pub(super) fn read_oidc(&mut self, get: Get<'_>) {
        let [issuer, id, secret] = [
            &settings::MCP_OIDC_ISSUER,
            &settings::MCP_OIDC_CLIENT_ID,
            &settings::MCP_OIDC_CLIENT_SECRET,
        ]
        .map(get);
        let (issuer, client_id, client_secret) = match (issuer, id, secret) {
            (None, None, None) => return,
            (Some(issuer), Some(id), Some(secret)) => (issuer, id, Secret::new(secret)),
            _ => {
                let names = "MCP_OIDC_ISSUER, MCP_OIDC_CLIENT_ID and MCP_OIDC_CLIENT_SECRET";
                return self.close_oauth(&format!("{names} must be set together"));
            }
        };
        let loopback = self.is_development();
        if !is_protected(&issuer, loopback) {
            return self.close_oauth("MCP_OIDC_ISSUER must begin with https://");
        }
        self.oidc = Some(Rc::new(OidcProvider { issuer, client_id, client_secret, loopback }));
    }

    /// Turns OAuth off. An operator who chose a provider does not want people to sign in without it.
    fn close_oauth(&mut self, why: &str) {
        self.has_broken_way |= self.auth.oauth;
        self.auth.oauth = false;
        self.warnings.push(format!("{why}: OAuth is off"));
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
        assert!(read(&[("ENVIRONMENT", "development")]).auth.is_open());
        for way in ["MCP_API_KEY", "MCP_SHARED_SECRET", "MCP_JWT_SECRET"] {
            let auth = read(&[("ENVIRONMENT", "development"), (way, "k")]).auth;
            assert!(!auth.is_open() && !auth.is_closed(), "{way}");
        }
        for empty in ["  ", " , "] {
            assert!(read(&[("MCP_API_KEY", empty)]).auth.is_closed(), "{empty}");
        }
    }

    #[test]
    fn a_key_that_lets_in_unlocks_no_stage() {
        let key = "a-key-of-this-test-with-enough-characters";
        let read = |vars: &[(&str, &str)]| read(vars).auth.unlock_keys;
        assert!(read(&[("STAGE_UNLOCK_KEY", key)]).contains(key));
        assert!(read(&[("STAGE_UNLOCK_KEY", "short")]).is_unusable());
        for other in ["MCP_API_KEY", "MCP_ADMIN_KEY", "MCP_SHARED_SECRET"] {
            let list = format!("another-key-with-enough-characters,{key}");
            let keys = read(&[("STAGE_UNLOCK_KEY", &list), (other, key)]);
            assert!(keys.is_unusable() && !keys.contains(key), "{other}");
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
                    assert!(config.auth.is_misconfigured(), "{name} {environment}");
                    assert!(config.errors.iter().any(|error| error.starts_with(name)), "{name}");
                    assert!(!config.errors.concat().contains(&short), "{name}");
                }
                let config = of(&long);
                assert!(!config.auth.is_misconfigured() && config.errors.is_empty(), "{name}");
            }
            let config = read(&[("ENVIRONMENT", "development"), (name, &short)]);
            assert!(!config.auth.is_misconfigured() && config.errors.is_empty(), "{name}");
            assert!(config.warnings.iter().any(|warning| warning.starts_with(name)), "{name}");
        }
    }

    #[test]
    fn public_keys_of_an_issuer_need_the_issuer_and_the_audience() {
        let url = ("MCP_JWKS_URL", "https://issuer.example/keys");
        let (issuer, audience) = (("MCP_JWT_ISSUER", "i"), ("MCP_JWT_AUDIENCE", "a"));
        assert!(!read(&[url, issuer, audience]).auth.is_closed());
        let plain = ("MCP_JWKS_URL", "http://127.0.0.1:1/keys");
        for vars in
            [vec![url], vec![url, issuer], vec![url, audience], vec![plain, issuer, audience]]
        {
            let config = read(&vars);
            assert!(config.auth.is_closed(), "{vars:?}");
            assert!(config.warnings.iter().any(|w| w.starts_with("MCP_JWKS_URL")), "{vars:?}");
        }
        let development = [plain, issuer, audience, ("ENVIRONMENT", "development")];
        assert!(!read(&development).auth.is_open());
    }
}
