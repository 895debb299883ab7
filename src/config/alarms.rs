//! Reads the settings of the alarms.
//!
//! Invariant: without `ALARM_WEBHOOK_URL` they are off; where another setting is missing or wrong they are off as well,
//! and a warning says why.

use ::alarms::{reading::is_dataset, rule::Thresholds, watch::Settings, webhook::WebhookKey};
use mcp_auth::{address::is_protected, secret::Secret};

use super::{
    Config, Get, alarm_settings as own,
    infrastructure::{CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_URL},
    settings::Setting,
};

impl Config {
    /// Reads them.
    pub(super) fn read_alarms(&mut self, get: Get<'_>) {
        // Every one of them is read, so that a test sees that none is declared for nothing.
        let shared = [&CLOUDFLARE_ACCOUNT_ID, &CLOUDFLARE_API_URL];
        let all = own::ALARMS.iter().copied().chain(shared);
        let values = all.map(|setting| (setting.name, get(setting))).collect::<Vec<_>>();
        let value = |setting: &Setting| {
            let found = values.iter().find(|(name, _)| *name == setting.name);
            found.and_then(|(_, value)| value.clone())
        };
        let Some(url) = value(&own::ALARM_WEBHOOK_URL) else { return };
        match self.alarms_of(&url, &value) {
            Ok(alarms) => self.alarms = Some(alarms),
            Err(why) => self.warnings.push(format!("{why}; the alarms are off")),
        }
    }

    fn alarms_of(
        &self,
        url: &str,
        value: &dyn Fn(&Setting) -> Option<String>,
    ) -> Result<Settings, String> {
        let or_default =
            |setting: &Setting| value(setting).unwrap_or_else(|| setting.default.to_owned());
        let needed = |setting: &'static Setting| {
            value(setting).ok_or_else(|| format!("{} is not set", setting.name))
        };
        let wrong =
            |setting: &Setting, expected: &str| format!("{}: expected {expected}", setting.name);
        let is_development = self.is_development();
        if !is_protected(url, is_development) {
            return Err(wrong(&own::ALARM_WEBHOOK_URL, "an https URL"));
        }
        let api_url = or_default(&CLOUDFLARE_API_URL).trim_end_matches('/').to_owned();
        if !is_protected(&api_url, is_development) {
            return Err(wrong(&CLOUDFLARE_API_URL, "an https URL"));
        }
        let account = needed(&CLOUDFLARE_ACCOUNT_ID)?;
        if account.len() != 32 || !account.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong(&CLOUDFLARE_ACCOUNT_ID, "32 hexadecimal digits"));
        }
        let dataset = or_default(&own::ALARM_DATASET);
        if !is_dataset(&dataset) {
            return Err(wrong(&own::ALARM_DATASET, "letters, digits and `_`"));
        }
        let key = WebhookKey::parse(&needed(&own::ALARM_WEBHOOK_SECRET)?)
            .map_err(|error| format!("{}: {error}", own::ALARM_WEBHOOK_SECRET.name))?;
        let thresholds = Thresholds::parse(&or_default(&own::ALARM_THRESHOLDS))
            .map_err(|error| format!("{}: {error}", own::ALARM_THRESHOLDS.name))?;
        Ok(Settings {
            api_url,
            account: Secret::new(account),
            token: Secret::new(needed(&own::ALARM_API_TOKEN)?),
            dataset,
            webhook_url: Secret::new(url),
            key,
            thresholds,
            environment: self.environment.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 4] = [
        ("ALARM_WEBHOOK_URL", "https://hooks.example/a-secret"),
        ("ALARM_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("ALARM_API_TOKEN", "a-token-of-the-alarms"),
        ("CLOUDFLARE_ACCOUNT_ID", "0123456789abcdef0123456789abcdef"),
    ];

    fn read(vars: &[(&str, &str)]) -> Config {
        let all = || vars.iter().chain(&GOOD);
        Config::read(&|name| {
            let found = all().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn warning(config: &Config) -> Option<&String> {
        config.warnings.iter().find(|warning| warning.contains("the alarms are off"))
    }

    #[test]
    fn alarms_are_off_until_there_is_somewhere_to_post_them() {
        let off = read(&[("ALARM_WEBHOOK_URL", "")]);
        assert!(off.alarms.is_none() && warning(&off).is_none());
        let on = read(&[]);
        let alarms = on.alarms.as_ref().unwrap();
        assert_eq!(alarms.dataset, "sitebay_mcp");
        assert_eq!(alarms.thresholds, Thresholds::default(), "the documented ones are the default");
        assert!(warning(&on).is_none());
        let shown = format!("{alarms:?}");
        assert!(!shown.contains("a-secret") && !shown.contains("a-token"), "{shown}");
    }

    #[test]
    fn a_setting_that_is_missing_or_wrong_is_named_and_the_alarms_are_off() {
        for (name, value) in [
            ("ALARM_WEBHOOK_URL", "http://hooks.example"),
            ("ALARM_WEBHOOK_SECRET", ""),
            ("ALARM_WEBHOOK_SECRET", "short"),
            ("ALARM_API_TOKEN", ""),
            ("CLOUDFLARE_ACCOUNT_ID", ""),
            ("CLOUDFLARE_ACCOUNT_ID", "../x"),
            ("CLOUDFLARE_API_URL", "http://api.example"),
            ("ALARM_DATASET", "a; b"),
            ("ALARM_THRESHOLDS", "failed=x"),
        ] {
            let config = read(&[(name, value)]);
            assert!(config.alarms.is_none(), "{name}");
            assert!(warning(&config).unwrap().starts_with(name), "{:?}", config.warnings);
            assert!(!warning(&config).unwrap().contains("hooks.example"));
        }
    }
}
