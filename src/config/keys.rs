//! The settings that hold the server's own keys.

use super::{Config, Get, settings::Setting};
use mcp_auth::keys::{Keyring, SubjectKey};

/// The `SUBJECT_KEY` of a deployment that began without a `SESSION_KEY`: the key that was generated then
/// goes on naming subjects.
const GENERATED: &str = "generated";

impl Config {
    /// The keys in force, where the settings alone say which. None: an object keeps one of them.
    pub fn keyring(&self) -> Option<Keyring> {
        let keys = self.keys.clone().filter(|_| !self.has_generated_subject_key)?;
        Some(self.named(keys))
    }

    /// These keys with subjects named by `SUBJECT_KEY`, where that is set.
    pub fn named(&self, keys: Keyring) -> Keyring {
        match self.subject_key.clone() {
            Some(names) => keys.named_by(names),
            None => keys,
        }
    }

    pub(super) fn read_keys(&mut self, setting: &Setting, get: Get<'_>) -> Option<Keyring> {
        match Keyring::parse(&get(setting)?) {
            Ok(keys) => Some(keys),
            Err(error) => {
                let name = setting.name;
                self.broken =
                    Some(format!("{name}: {error}; make a key with `openssl rand -base64 32`"));
                None
            }
        }
    }

    pub(super) fn read_subject_key(&mut self, setting: Option<&str>) {
        match (setting, &self.keys) {
            (None, None) => {}
            (None, Some(_)) => self.warnings.push(
                "SUBJECT_KEY is not set: the last key of SESSION_KEY names all callers, and \
                 removing it makes every caller a new subject; set SUBJECT_KEY to that key first, \
                 or to `generated` if this deployment had no SESSION_KEY before"
                    .to_owned(),
            ),
            (Some(GENERATED), _) => self.has_generated_subject_key = true,
            (Some(text), _) => match SubjectKey::parse(text) {
                Ok(key) => self.subject_key = Some(key),
                Err(error) => self.broken = Some(format!("SUBJECT_KEY: {error}")),
            },
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
    fn a_weak_session_key_breaks_the_server() {
        assert!(read(&[("SESSION_KEY", "short")]).broken.is_some());
    }

    #[test]
    fn subjects_have_a_key_of_their_own_or_a_warning() {
        let [old, new] = ["o", "n"].map(|letter| letter.repeat(40));
        let list = format!("{new},{old}");
        let name = |vars: &[(&str, &str)]| {
            let config = read(vars);
            assert_eq!(config.broken, None);
            let warned = config.warnings.iter().any(|w| w.starts_with("SUBJECT_KEY is not set"));
            (config.keyring().map(|keys| keys.name(b"somebody")), warned)
        };
        let (before, warned) = name(&[("SESSION_KEY", &list)]);
        assert!(before.is_some() && warned);
        for keys in [&list, &new] {
            assert_eq!(name(&[("SESSION_KEY", keys), ("SUBJECT_KEY", &old)]), (before, false));
        }
        assert_ne!(name(&[("SESSION_KEY", &new)]).0, before);
        assert_eq!(name(&[("SESSION_KEY", &new), ("SUBJECT_KEY", "generated")]), (None, false));
        assert_eq!(name(&[]), (None, false));
        for wrong in ["short", &list] {
            let broken = read(&[("SESSION_KEY", &new), ("SUBJECT_KEY", wrong)]).broken.unwrap();
            assert!(broken.starts_with("SUBJECT_KEY") && !broken.contains(wrong), "{broken}");
        }
    }
}
