//! The Worker's configuration: variables and secrets, read once per isolate.

pub mod alarm_settings;
mod alarms;
mod auth;
pub mod backend;
mod choice;
pub mod infrastructure;
mod keboola;
mod keys;
#[cfg(test)]
mod page_tests;
mod setting;
pub mod settings;
mod stored_upstreams;
mod upstreams;
mod values;

use std::{rc::Rc, time::Duration};

use crate::wiring::REGISTRY;
use gateway::{config::Upstreams, connect::oauth::client::Client};
use mcp_auth::origin::AllowedOrigins;
use mcp_auth::{
    address::is_protected,
    authentication::AuthConfig,
    credential::Credential,
    keys::{Keyring, SubjectKey},
    oauth::oidc::OidcProvider,
    principal::Principal,
    refusal::Refusal,
    rollout::Allowed,
    seal::Sealed,
    secret::Secret,
    session_id::Placement,
};
use mcp_platform::SharedPlatform;
use mcp_protocol::implementation::Implementation;
use mcp_server::{
    context::{Consent, Context},
    execution::InPlace,
    notifier::NoClient,
    telemetry::{audit::NoAudit, level::Level, record::RequestRecord},
    upstream_selection::Selection,
};

use self::infrastructure::Infrastructure;
use backend::Backend;
use settings::Setting;
use stored_upstreams::AllowedSecrets;

/// The values of the variables and secrets.
#[derive(Clone)]
pub struct Config {
    /// `ENVIRONMENT`, `production` where it is missing.
    pub environment: String,
    /// The authentication settings.
    pub auth: AuthConfig,
    /// Whether a way in that the operator set cannot be used.
    pub has_broken_way: bool,
    /// Which pages may call.
    pub origins: AllowedOrigins,
    /// The keys of `SESSION_KEY`. None: an object keeps one.
    pub keys: Option<Keyring>,
    /// The key of `SUBJECT_KEY`. None: the last one of `SESSION_KEY` names subjects, or what the object
    /// keeps.
    pub subject_key: Option<SubjectKey>,
    /// Whether the key that the object keeps names subjects (`SUBJECT_KEY=generated`).
    pub has_generated_subject_key: bool,
    /// The keys of `CREDENTIAL_KEY`, under which credentials are kept. None: nothing is offered that
    /// must keep one.
    pub credential_keys: Option<Rc<Keyring>>,
    /// Where people sign in. None: by their SiteBay token.
    pub oidc: Option<Rc<OidcProvider>>,
    /// How long an OAuth access token is good, in seconds.
    pub access_max_age: u32,
    /// Which object a session lives in.
    pub placement: Placement,
    /// How long a session may last.
    pub session_max_age: Duration,
    /// The server behind this one. None: there is none.
    pub backend: Option<Rc<Backend>>,
    /// The SiteBay service, without trailing slash.
    pub sitebay_url: String,
    /// The server's own SiteBay token.
    pub sitebay_token: Option<Secret>,
    /// Whether the audit notes what only reads, too.
    pub audit_reads: bool,
    /// Whether a dataset for metrics is bound.
    pub analytics: bool,
    /// Whether there is a store that says which share of the subjects is let in.
    pub has_rollout: bool,
    /// How much is logged.
    pub log_level: Level,
    /// For how many days the audit keeps what it noted.
    pub audit_days: u32,
    /// The callers who are admitted at every percentage.
    pub rollout_allow: Allowed,
    /// Requests that a subject may make in a minute. None: as many as it likes.
    pub rate_limit: Option<u32>,
    /// Items on one page of a list.
    pub page_size: usize,
    /// How a person agrees to what destroys something.
    pub consent: Consent,
    /// The tools and upstreams that are offered where the caller does not choose.
    pub choice: Selection,
    /// This server as a client of Keboola's authorization servers. None: people enter tokens.
    pub keboola_client: Option<Client>,
    /// What the toolset `infrastructure` has.
    pub infrastructure: Infrastructure,
    /// Other MCP servers behind the same door.
    pub upstreams: Rc<Upstreams>,
    /// The secrets that stored ones may name.
    pub upstream_secrets: Rc<AllowedSecrets>,
    /// What the alarms need. None: they are off.
    pub alarms: Option<::alarms::watch::Settings>,
    /// Warnings for the operator.
    pub warnings: Vec<String>,
    /// Settings because of which callers are refused.
    pub errors: Vec<String>,
    /// The error that makes the server unusable.
    pub broken: Option<String>,
}

/// Reads a variable or a secret by name.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads a declared setting: its value without white space around it, or `None` where it is empty or missing.
type Get<'a> = &'a dyn Fn(&Setting) -> Option<String>;

impl Config {
    /// Reads every setting. A missing one takes its default, a wrong one also a warning or an error.
    pub fn read(lookup: Lookup<'_>) -> Self {
        let get = |setting: &Setting| {
            lookup(setting.name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
        };
        let or_default =
            |setting: &Setting| get(setting).unwrap_or_else(|| setting.default.to_owned());
        let environment = or_default(&settings::ENVIRONMENT);
        let development = environment == "development";
        let mut config = Self {
            auth: AuthConfig { development, ..AuthConfig::default() },
            has_broken_way: false,
            origins: AllowedOrigins::parse(
                get(&settings::MCP_ALLOWED_ORIGINS).as_deref(),
                development,
            ),
            keys: None,
            subject_key: None,
            has_generated_subject_key: false,
            credential_keys: None,
            access_max_age: 0,
            oidc: None,
            keboola_client: None,
            placement: Placement::Session,
            session_max_age: Duration::ZERO,
            backend: None,
            sitebay_url: or_default(&settings::SITEBAY_API_URL),
            sitebay_token: get(&settings::SITEBAY_API_TOKEN).map(Secret::new),
            audit_reads: false,
            analytics: false,
            has_rollout: false,
            log_level: Level::default(),
            audit_days: 0,
            rollout_allow: Allowed::parse(&or_default(&settings::ROLLOUT_ALLOW)),
            rate_limit: None,
            page_size: 0,
            consent: Consent::default(),
            choice: Selection::default(),
            infrastructure: Infrastructure::default(),
            upstreams: Rc::default(),
            upstream_secrets: Rc::default(),
            alarms: None,
            warnings: Vec::new(),
            errors: Vec::new(),
            broken: None,
            environment,
        };
        config.read_auth(&get);
        config.check_sitebay_url();
        config.keys = config.read_keys(&settings::SESSION_KEY, &get);
        config.read_subject_key(get(&settings::SUBJECT_KEY).as_deref());
        config.credential_keys = config.read_keys(&settings::CREDENTIAL_KEY, &get).map(Rc::new);
        config.read_oauth(&get);
        config.read_oidc(&get);
        config.read_keboola_client(&get);
        config.read_infrastructure(&get);
        config.read_numbers(&get);
        config.read_words(&get);
        config.read_rate_limit(get(&settings::RATE_LIMIT).as_deref());
        config.read_upstreams(&get, lookup);
        config.warn_of_unused_client();
        config.read_toolsets(&or_default(&settings::MCP_TOOLSETS));
        config.read_upstream_secrets(&get);
        config.read_backend(&get);
        config.read_alarms(&get);
        config.audit_reads = config.is_on(&settings::AUDIT_READS, &get);
        config.choice.tools.legacy = config.is_on(&settings::SITEBAY_LEGACY_ROUTES, &get);
        config.warn();
        config
    }

    /// Whether the environment is development.
    pub fn is_development(&self) -> bool {
        self.environment == "development"
    }

    /// Whether long work may become a task.
    pub fn offers_tasks(&self) -> bool {
        self.credential_keys.is_some()
    }

    /// The SiteBay account that a caller acts on.
    pub fn credential(&self, principal: &Principal, own_token: Option<&str>) -> Credential {
        let token = match principal.own_credential {
            true => own_token.map(|token| Secret::new(token.trim())),
            // Others never act on the operator's account.
            false => {
                self.sitebay_token.clone().filter(|_| principal.auth_method.acts_for_operator())
            }
        };
        Credential { base_url: self.sitebay_url.clone(), token }
    }

    /// The context of a caller's requests, before a request puts its own way back there.
    pub fn context(
        &self,
        sealed: Sealed,
        own_token: Option<String>,
        platform: SharedPlatform,
    ) -> Context {
        let Selection { tools, upstreams } = self.claimed(sealed.claims.choice());
        let (name, version) = (sealed.claims.client_name, sealed.claims.client_version);
        Context {
            client: Rc::new(Implementation { name, version }),
            choice: tools,
            upstreams,
            ..self.background(sealed.principal, own_token, platform)
        }
    }

    /// The context of background work.
    pub fn background(
        &self,
        principal: Principal,
        own_token: Option<String>,
        platform: SharedPlatform,
    ) -> Context {
        let credential = self.credential(&principal, own_token.as_deref());
        Context {
            principal: Rc::new(principal),
            client: Rc::default(),
            credential: Rc::new(credential),
            page_size: self.page_size,
            consent: self.consent,
            choice: self.choice.tools,
            upstreams: self.choice.upstreams.clone(),
            registry: &REGISTRY,
            remote: None,
            execution: Rc::new(InPlace::new(platform.clone())),
            platform,
            notifier: Rc::new(NoClient),
            audit: Rc::new(NoAudit),
            changes: Rc::default(),
            record: RequestRecord::disabled(),
            tasks: None,
            result_store: None,
            stages: None,
        }
    }

    /// The refusal of a request because of the configuration, for this reason.
    pub fn misconfigured(&self, reason: &str) -> Refusal {
        Refusal::Misconfigured(self.is_development().then(|| reason.to_owned()))
    }

    /// Whether anybody wants to know what was done: a database, a dataset.
    pub fn keeps_audit(&self) -> bool {
        self.auth.named_keys || self.analytics
    }

    /// Whether there are upstreams, or may be some that are stored.
    pub fn may_have_upstreams(&self) -> bool {
        !self.upstreams.is_empty() || self.auth.named_keys
    }

    /// Whether a hub may look at what this caller watches.
    pub fn may_watch(&self, principal: &Principal) -> bool {
        !principal.own_credential || self.credential_keys.is_some()
    }

    /// Callers' tokens are sent there: outside development the connection must be encrypted.
    fn check_sitebay_url(&mut self) {
        self.sitebay_url.truncate(self.sitebay_url.trim_end_matches('/').len());
        if !self.is_development() && !is_protected(&self.sitebay_url, true) {
            self.broken = Some("SITEBAY_API_URL must begin with https://".to_owned());
        }
    }

    fn read_numbers(&mut self, get: Get<'_>) {
        self.session_max_age = Duration::from_secs(self.number(&settings::SESSION_MAX_AGE, get));
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        self.access_max_age = small(self.number(&settings::MCP_OAUTH_ACCESS_MAX_AGE, get));
        self.audit_days = small(self.number(&settings::AUDIT_DAYS, get));
        let page_size = self.number(&settings::MCP_PAGE_SIZE, get);
        self.page_size = usize::try_from(page_size).unwrap_or(usize::MAX);
    }

    fn read_words(&mut self, get: Get<'_>) {
        self.placement = match self.word(&settings::SESSION_PLACEMENT, get) {
            "subject" => Placement::Subject,
            _ => Placement::Session,
        };
        self.log_level = Level::parse(self.word(&settings::LOG_LEVEL, get)).unwrap_or_default();
        self.consent = match self.word(&settings::MCP_CONSENT, get) {
            "argument" => Consent::Argument,
            "refuse" => Consent::Refuse,
            _ => Consent::default(),
        };
    }

    fn read_rate_limit(&mut self, setting: Option<&str>) {
        let usual = match self.environment.as_str() {
            "development" => 1_000,
            "staging" => 500,
            _ => 100,
        };
        let setting = setting.map(|setting| (setting, setting.parse()));
        self.rate_limit = match setting {
            None => Some(usual),
            Some(("off", _) | (_, Ok(0))) => None,
            Some((_, Ok(limit))) => Some(limit),
            Some((wrong, Err(_))) => {
                let expected = "requests in a minute, or `off`";
                self.wrong(&settings::RATE_LIMIT, wrong, expected, &usual.to_string());
                Some(usual)
            }
        };
    }

    fn warn(&mut self) {
        if self.auth.is_closed() {
            let text = "no credential is configured (MCP_API_KEY or another), and ENVIRONMENT is \
                        not development: all MCP requests are refused";
            self.errors.push(text.to_owned());
        }
        let mut warn = |text: &str| self.warnings.push(text.to_owned());
        if self.auth.is_open() {
            warn(
                "no credential is configured (MCP_API_KEY or another): the server is open to all \
                 callers (development) as long as the database has no named key",
            );
        }
        if self.auth.keys_in_url {
            warn("ALLOW_KEY_IN_URL is 1: keys may be sent in URLs, which logs and histories keep");
        }
        if self.keys.is_none() && self.broken.is_none() {
            warn("SESSION_KEY is not set: a generated key is used and stored in a Durable Object");
        }
        if self.credential_keys.is_none() {
            warn(
                "CREDENTIAL_KEY is not set: tasks are not offered, and long work ends with its \
                  call",
            );
        }
        if self.sitebay_token.is_none() {
            warn(
                "SITEBAY_API_TOKEN is not set: only callers that send X-SiteBay-Token can use the tools",
            );
        }
        if self.origins == AllowedOrigins::Any {
            warn("MCP_ALLOWED_ORIGINS is *: pages of every origin may call the server");
        }
        self.errors.extend(self.broken.clone());
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
    fn nothing_set_is_closed_and_says_so() {
        let config = read(&[]);
        assert!(config.auth.is_closed());
        assert_eq!(config.environment, "production");
        assert!(config.errors.iter().any(|w| w.contains("refused")), "{:?}", config.errors);
    }

    #[test]
    fn a_wrong_setting_is_named_and_the_default_holds() {
        let config = read(&[("SESSION_PLACEMENT", "moon"), ("SESSION_MAX_AGE", "-1")]);
        assert_eq!(config.placement, Placement::Session);
        assert_eq!(config.session_max_age, Duration::from_secs(24 * 60 * 60));
        for warning in [
            "SESSION_PLACEMENT is `moon`: expected `session` or `subject`; using `session`",
            "SESSION_MAX_AGE is `-1`: expected 1 to 2592000 seconds; using 86400",
        ] {
            assert!(config.warnings.iter().any(|w| w == warning), "{:?}", config.warnings);
        }
    }

    #[test]
    fn no_wrong_value_of_a_setting_is_passed_over_in_silence() {
        for (name, value) in [
            ("LOG_LEVEL", "loud"),
            ("MCP_CONSENT", "nobody"),
            ("MCP_OAUTH", "yes"),
            ("MCP_OAUTH_ACCESS_MAX_AGE", "86401"),
            ("MCP_PAGE_SIZE", "0"),
            ("AUDIT_DAYS", "forever"),
            ("AUDIT_READS", "true"),
            ("ALLOW_KEY_IN_URL", "yes"),
            ("SITEBAY_LEGACY_ROUTES", "on"),
            ("BACKEND_PATHS", "some"),
            ("BACKEND_ACCESS", "closed"),
            ("BACKEND_FORWARD_AUTH", "yes"),
            ("RATE_LIMIT", "many"),
            ("KEBOOLA", "both"),
        ] {
            let warnings = read(&[(name, value)]).warnings;
            let start = format!("{name} is `{value}`: expected ");
            assert!(warnings.iter().any(|w| w.starts_with(&start)), "{name}: {warnings:?}");
        }
        let off = read(&[("AUDIT_READS", "0")]);
        assert!(!off.audit_reads && !off.warnings.iter().any(|w| w.starts_with("AUDIT_READS")));
    }

    #[test]
    fn the_rate_limit_is_that_of_the_environment_unless_it_is_set() {
        let of = |vars: &[(&str, &str)]| read(vars).rate_limit;
        assert_eq!((of(&[]), of(&[("ENVIRONMENT", "staging")])), (Some(100), Some(500)));
        assert_eq!(of(&[("ENVIRONMENT", "development")]), Some(1_000));
        assert_eq!(
            (of(&[("RATE_LIMIT", "7")]), of(&[("RATE_LIMIT", "many")])),
            (Some(7), Some(100))
        );
        assert_eq!((of(&[("RATE_LIMIT", "0")]), of(&[("RATE_LIMIT", "off")])), (None, None));
    }

    #[test]
    fn a_trailing_slash_of_the_service_is_dropped() {
        assert_eq!(read(&[("SITEBAY_API_URL", "https://x/")]).sitebay_url, "https://x");
    }

    #[test]
    fn outside_development_tokens_go_to_https_or_this_machine_only() {
        let broken = |url: &str, environment: &str| {
            read(&[("SITEBAY_API_URL", url), ("ENVIRONMENT", environment)]).broken
        };
        for environment in ["production", "staging"] {
            assert!(broken("http://x.example", environment).is_some());
            assert_eq!(broken("https://x.example", environment), None);
            assert_eq!(broken("http://127.0.0.1:1/", environment), None);
        }
        assert_eq!(broken("http://x.example", "development"), None);
    }
}
