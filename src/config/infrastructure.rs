//! The settings of the toolset `infrastructure`.

#![expect(missing_docs, reason = "`does` and `when` document a setting")]

use std::rc::Rc;

use infrastructure::api;
use mcp_auth::{address::is_protected, secret::Secret};

use super::{
    Config, Get,
    setting::{Setting, Values},
};

pub static CLOUDFLARE_ACCOUNT_ID: Setting = Setting::variable(
    "CLOUDFLARE_ACCOUNT_ID",
    Values::Text("the id of an account at Cloudflare: 32 hexadecimal digits"),
    "",
)
.does("The account in which [stages](INFRASTRUCTURE.md) are. It never appears in an answer.")
.when("Set it, and a token, where `infrastructure.json` describes stages, and for the alarms.");

pub static CLOUDFLARE_API_TOKEN: Setting =
    Setting::secret("CLOUDFLARE_API_TOKEN", Values::Text("an API token of Cloudflare"))
        .does("The token that changes stages. It also reads and starts Workflows where the next two are not set.")
        .when(
            "Set it where callers deploy, roll back or destroy. [INFRASTRUCTURE.md](INFRASTRUCTURE.md#tokens) has the \
             permissions that it needs.",
        );

pub static CLOUDFLARE_READ_TOKEN: Setting =
    Setting::secret("CLOUDFLARE_READ_TOKEN", Values::Text("an API token of Cloudflare"))
        .does("The token for everything that reads. Databases of protected stages are queried with it alone.")
        .when("Set it always, with permissions to read only: then Cloudflare itself refuses what would write.");

pub static CLOUDFLARE_WORKFLOWS_TOKEN: Setting =
    Setting::secret("CLOUDFLARE_WORKFLOWS_TOKEN", Values::Text("an API token of Cloudflare"))
        .does("The token that starts Workflows.")
        .when("Set it where callers start Workflows and change nothing else.");

pub static CLOUDFLARE_API_URL: Setting = Setting::variable(
    "CLOUDFLARE_API_URL",
    Values::Text("an https URL; http in development on this machine"),
    "https://api.cloudflare.com/client/v4",
)
.does("The address of Cloudflare's API. The tokens are sent there.")
.when("Leave it, unless a stand-in answers.");

pub static INFRASTRUCTURE_STAGE: Setting = Setting::variable(
    "INFRASTRUCTURE_STAGE",
    Values::Text("a stage of `infrastructure.json`, by its name or alias"),
    "the value of `ENVIRONMENT`; in development the manifest's default stage",
)
.does("The stage to which the bindings of this server lead: messages reach Durable Objects of that stage alone, \
             and its databases, buckets and Workflows are reached [without a token](INFRASTRUCTURE.md#with-a-token-or-by-a-binding).")
.when("Set it where the stage is called otherwise than the environment.");

/// What the toolset has of the configuration.
#[derive(Clone, Default)]
pub struct Infrastructure {
    /// The account and its tokens.
    pub api: Rc<api::Settings>,
    /// The stage to which the bindings lead. None: the manifest's default, in development.
    pub own_stage: Option<String>,
}

impl Config {
    /// Reads the settings of the toolset `infrastructure`.
    pub(super) fn read_infrastructure(&mut self, get: Get<'_>) {
        let secret = |setting: &Setting| get(setting).map(Secret::new);
        let mut url = get(&CLOUDFLARE_API_URL);
        let is_right = |url: &String| is_protected(url, self.is_development());
        if url.as_ref().is_some_and(|url| !is_right(url)) {
            // Nothing is sent then: the address is where the tokens go.
            url = Some(String::new());
            let why = "CLOUDFLARE_API_URL: expected an https URL, or http on this machine in development; nothing is sent to Cloudflare";
            self.warnings.push(why.to_owned());
        }
        let own_stage = get(&INFRASTRUCTURE_STAGE);
        let environment = || (!self.is_development()).then(|| self.environment.clone());
        self.infrastructure = Infrastructure {
            own_stage: own_stage.or_else(environment),
            api: Rc::new(api::Settings {
                url: url.unwrap_or_else(|| CLOUDFLARE_API_URL.default.to_owned()),
                account: secret(&CLOUDFLARE_ACCOUNT_ID),
                token: secret(&CLOUDFLARE_API_TOKEN),
                read_token: secret(&CLOUDFLARE_READ_TOKEN),
                workflows_token: secret(&CLOUDFLARE_WORKFLOWS_TOKEN),
            }),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(environment: &str, url: &str, stage: &str) -> Config {
        Config::read(&|name| match name {
            "ENVIRONMENT" => Some(environment.to_owned()),
            "CLOUDFLARE_API_URL" => Some(url.to_owned()),
            "INFRASTRUCTURE_STAGE" => Some(stage.to_owned()),
            "CLOUDFLARE_READ_TOKEN" => Some("to-ken".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn tokens_go_to_an_encrypted_address_or_this_machine_in_development() {
        for (environment, url, used) in [
            ("production", "", "https://api.cloudflare.com/client/v4"),
            ("production", "https://x.example/v4", "https://x.example/v4"),
            ("production", "http://127.0.0.1:9/client/v4", ""),
            ("development", "http://127.0.0.1:9/client/v4", "http://127.0.0.1:9/client/v4"),
            ("development", "http://x.example", ""),
        ] {
            let config = read(environment, url, "");
            assert_eq!(config.infrastructure.api.url, used, "{environment} {url}");
            let warns = config.warnings.iter().any(|text| text.starts_with("CLOUDFLARE_API_URL"));
            assert_eq!(warns, used.is_empty());
            assert!(config.warnings.iter().all(|text| !text.contains("to-ken")));
        }
    }

    #[test]
    fn bindings_lead_to_the_stage_of_the_environment_unless_it_is_set() {
        let own = |environment, stage| read(environment, "", stage).infrastructure.own_stage;
        assert_eq!(own("production", "").as_deref(), Some("production"));
        assert_eq!(own("production", "preview-7").as_deref(), Some("preview-7"));
        assert_eq!(own("development", ""), None);
        assert_eq!(own("development", "staging").as_deref(), Some("staging"));
    }
}
