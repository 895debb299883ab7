//! The settings that say who may come in.

use std::rc::Rc;

use super::{ACCESS_MAX_AGE, Config, Lookup};
use crate::access::{
    admission::Door,
    jwt::Rules,
    keys::MIN_KEY_CHARS,
    oauth::upstream::Provider,
    secret::{Secret, Secrets, listed},
};

/// Characters below which a part of a list is hardly meant as a secret of its own.
const MIN_LISTED: usize = 16;

impl Config {
    pub(super) fn read_door(&mut self, get: Lookup<'_>) {
        let api_keys = self.secrets("MCP_API_KEY", get);
        let admin_keys = self.secrets("MCP_ADMIN_KEY", get);
        let shared_secrets = self.secrets("MCP_SHARED_SECRET", get);
        let jwt = ["MCP_JWT_SECRET", "MCP_JWKS_URL", "MCP_JWT_ISSUER", "MCP_JWT_AUDIENCE"];
        let jwt = self.checked(Rules::parse(jwt.map(get)));
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
        let short = |text: &str| text.chars().count() < MIN_LISTED;
        if listed(&setting).count() > 1 && listed(&setting).any(short) {
            self.warnings.push(format!(
                "{name} is a list, any part of which opens, and one has fewer than {MIN_LISTED} characters"
            ));
        }
        Secrets::parse(&setting)
    }

    /// Public keys alone say nothing: the same ones may sign for many servers and many tenants.
    fn checked(&mut self, mut jwt: Rules) -> Rules {
        let mut warn = |text: &str| self.warnings.push(text.to_owned());
        if jwt.secrets.iter().any(|secret| secret.expose().chars().count() < MIN_KEY_CHARS) {
            warn("MCP_JWT_SECRET has fewer than 32 characters: who has a token could guess it");
        }
        let Some(url) = &jwt.keys_url else {
            return jwt;
        };
        if !(url.starts_with("https://") || (self.environment == "development" && is_local(url))) {
            warn("MCP_JWKS_URL must begin with https://: tokens of its keys are refused");
            jwt.keys_url = None;
        } else if jwt.issuer.is_none() || jwt.audiences.is_empty() {
            warn(
                "MCP_JWKS_URL needs MCP_JWT_ISSUER and MCP_JWT_AUDIENCE: tokens of its keys are refused",
            );
            jwt.keys_url = None;
        }
        jwt
    }

    pub(super) fn read_oauth(&mut self, setting: Option<&str>) {
        let warning = match (setting, &self.credential_keys) {
            (None | Some("off"), _) => return,
            (Some("on"), Some(_)) => return self.door.oauth = true,
            (Some("on"), None) => {
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
        if !(issuer.starts_with("https://") || (self.is_development() && is_local(&issuer))) {
            return self.close_oauth("MCP_OIDC_ISSUER must begin with https://");
        }
        self.oidc = Some(Rc::new(Provider { issuer, client_id, client_secret }));
    }

    /// Who chose where people sign in does not want them to come in otherwise.
    fn close_oauth(&mut self, why: &str) {
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

/// Whether a URL leads to this machine.
fn is_local(url: &str) -> bool {
    ["http://127.0.0.1:", "http://localhost:"].iter().any(|local| url.starts_with(local))
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
