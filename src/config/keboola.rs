//! Who answers under the name `keboola` (`KEBOOLA`): this server, Keboola's own MCP server, or nobody.
//!
//! Invariant: in each case the name, its scope and the keys of people are those of the upstream `keboola`.

use gateway::{
    config::{Rules, Template, Upstream, Upstreams},
    connect::oauth::client::Client,
};
use mcp_auth::secret::Secret;

use super::{
    Config, Get,
    settings::{self, Values},
    values::one_of,
};
use crate::wiring::KEBOOLA;

/// The settings of the upstream where `UPSTREAMS` has none.
const USUAL: &str = r#"{"template":"keboola"}"#;

/// The warning of a client that nothing uses.
const UNUSED_CLIENT: &str = "KEBOOLA_CLIENT_ID and KEBOOLA_CLIENT_SECRET: no upstream has the template `keboola` with keys of \
                             people, so that people cannot sign in with them";

/// What `KEBOOLA` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// This server.
    Native,
    /// The server that the upstream names.
    Upstream,
    /// Nobody.
    Nobody,
}

fn is_visible(text: &str) -> bool {
    text.len() <= 8_192 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Config {
    /// Reads `KEBOOLA`. None: it says nothing, so that `UPSTREAMS` decides.
    pub(super) fn keboola(&mut self, get: Get<'_>) -> Option<Owner> {
        let text = get(&settings::KEBOOLA)?;
        match text.as_str() {
            "native" => Some(Owner::Native),
            "upstream" => Some(Owner::Upstream),
            "off" => Some(Owner::Nobody),
            other => {
                let words = match settings::KEBOOLA.values {
                    Values::Word(words) => one_of(words),
                    _ => String::new(),
                };
                self.wrong(&settings::KEBOOLA, other, &words, "what UPSTREAMS says");
                None
            }
        }
    }

    /// Reads `KEBOOLA_CLIENT_ID` and `KEBOOLA_CLIENT_SECRET`.
    pub(super) fn read_keboola_client(&mut self, get: Get<'_>) {
        let both = [&settings::KEBOOLA_CLIENT_ID, &settings::KEBOOLA_CLIENT_SECRET].map(get);
        let why = match both {
            [None, None] => return,
            [Some(id), Some(secret)] if [&id, &secret].into_iter().all(|text| is_visible(text)) => {
                let client = Client::configured(&id, Some(&Secret::new(secret)));
                self.keboola_client = Some(client);
                return;
            }
            [Some(_), Some(_)] => "expected visible ASCII",
            _ => "must be set together",
        };
        self.warnings.push(format!(
            "KEBOOLA_CLIENT_ID and KEBOOLA_CLIENT_SECRET: {why}; people cannot sign in at Keboola, and enter tokens"
        ));
    }

    /// Warns of a client with which nobody can sign in, because no upstream has people sign in at stacks. Those that are
    /// stored count as soon as they are known.
    pub(super) fn warn_of_unused_client(&mut self) {
        self.warnings.retain(|warning| warning != UNUSED_CLIENT);
        let is_used = self.upstreams.iter().any(|upstream| self.signs_in(upstream).is_some());
        if self.keboola_client.is_some() && !is_used {
            self.warnings.push(UNUSED_CLIENT.to_owned());
        }
    }

    /// This server as the client of the stacks of an upstream at which people can sign in. None: they enter a key.
    pub fn signs_in(&self, upstream: &Upstream) -> Option<&Client> {
        let is_there = |template: &Template| template.sign_in.is_some();
        let can = upstream.asks_stack() && upstream.template.is_some_and(is_there);
        self.keboola_client.as_ref().filter(|_| can)
    }

    /// Gives the name to its owner.
    pub(super) fn give_keboola(
        &mut self,
        owner: Owner,
        upstreams: &mut Upstreams,
        rules: &Rules<'_>,
    ) {
        if owner == Owner::Nobody {
            if upstreams.leave_out(KEBOOLA) {
                let why = "KEBOOLA is `off`: the upstream `keboola` of UPSTREAMS is left out";
                self.warnings.push(why.to_owned());
            }
            return;
        }
        // What UPSTREAMS was to deny must not be allowed because it cannot be read.
        if upstreams.is_unreadable {
            upstreams.leave_out(KEBOOLA);
            let why = "KEBOOLA: the upstream `keboola` is left out, because UPSTREAMS, which may limit it, cannot be read";
            self.warnings.push(why.to_owned());
            return;
        }
        upstreams.add_usual(KEBOOLA, USUAL, rules);
        if owner == Owner::Native {
            upstreams.answer_here(KEBOOLA);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(keboola: &str, upstreams: &str) -> Config {
        Config::read(&|name| match name {
            "KEBOOLA" => Some(keboola.to_owned()),
            "UPSTREAMS" => Some(upstreams.to_owned()),
            "CREDENTIAL_KEY" => Some("c".repeat(64)),
            _ => None,
        })
    }

    fn owner(config: &Config) -> Option<bool> {
        config.upstreams.get(KEBOOLA).map(|upstream| upstream.is_answered_here)
    }

    fn about_keboola(config: &Config) -> Vec<&str> {
        let warnings = config.warnings.iter().map(String::as_str);
        warnings.filter(|text| text.contains("KEBOOLA") || text.contains("keboola")).collect()
    }

    const SERVER: &str =
        r#"{"keboola":{"template":"keboola","url":"https://k.example/mcp","deny":["run_job"]}}"#;

    #[test]
    fn the_setting_decides_who_answers() {
        for (keboola, upstreams, expected) in [
            ("", "", None),
            ("", SERVER, Some(false)),
            ("upstream", "", Some(false)),
            ("upstream", SERVER, Some(false)),
            ("native", "", Some(true)),
            ("native", SERVER, Some(true)),
            ("off", "", None),
            ("off", "{}", None),
        ] {
            let config = read(keboola, upstreams);
            assert_eq!(owner(&config), expected, "{keboola} {upstreams}");
            assert!(about_keboola(&config).is_empty(), "{:?}", config.warnings);
        }
    }

    #[test]
    fn what_is_in_front_is_the_same_whoever_answers() {
        let [native, upstream] = ["native", "upstream"].map(|word| read(word, SERVER));
        let [native, upstream] = [&native, &upstream].map(|config| {
            let found = config.upstreams.get(KEBOOLA).unwrap();
            let bound = found.key_binding(Some("keboola.com"));
            (found.scope.clone(), found.filter.shows("run_job"), bound.unwrap())
        });
        assert_eq!(native, upstream);
    }

    #[test]
    fn switched_off_the_upstream_is_left_out_and_the_warning_says_why() {
        let config = read("off", SERVER);
        assert_eq!(owner(&config), None);
        let why = "KEBOOLA is `off`: the upstream `keboola` of UPSTREAMS is left out";
        assert_eq!(about_keboola(&config), [why]);
    }

    #[test]
    fn a_stored_upstream_does_not_take_the_name() {
        let stored = [(KEBOOLA.to_owned(), r#"{"url":"https://other.example/mcp"}"#.to_owned())];
        for (keboola, expected) in
            [("off", None), ("native", Some(true)), ("upstream", Some(false))]
        {
            let config = read(keboola, "").with_stored(&stored, &|_| None);
            assert_eq!(owner(&config), expected, "{keboola}");
            let template = config.upstreams.get(KEBOOLA).map(|one| one.template.is_some());
            assert_eq!(template, expected.map(|_| true), "{keboola}");
        }
    }

    #[test]
    fn this_server_answers_only_for_people_with_keys_of_their_own() {
        let one_stack = r#""stacks":["keboola.com"],"auth":{"kind":"oauth"}"#;
        for (settings, field) in [
            (r#""url":"https://k.example/mcp","auth":{"kind":"subject"}"#.to_owned(), "template"),
            (format!(r#""template":"keboola",{one_stack}"#), "auth.kind"),
        ] {
            let upstreams = format!(r#"{{"keboola":{{{settings}}}}}"#);
            assert_eq!(owner(&read("upstream", &upstreams)), Some(false), "{upstreams}");
            let config = read("native", &upstreams);
            assert_eq!(owner(&config), None);
            let [warning] = &about_keboola(&config)[..] else { panic!("{:?}", config.warnings) };
            assert!(
                warning.starts_with(&format!("UPSTREAMS.keboola.{field}: expected ")),
                "{warning}"
            );
        }
    }

    #[test]
    fn no_settings_of_an_upstream_say_that_this_server_answers() {
        for field in ["is_answered_here", "answered_here", "native"] {
            let upstreams = format!(r#"{{"keboola":{{"template":"keboola","{field}":true}}}}"#);
            let config = read("", &upstreams);
            assert!(config.upstreams.get(KEBOOLA).is_none(), "{field}");
        }
        let native = read("native", "");
        let rules = gateway::config::Rules {
            reserved: &[],
            surroundings: gateway::address::Surroundings::default(),
            secret: &|_| None,
        };
        let written = native.upstreams.get(KEBOOLA).unwrap().to_json();
        let again = Upstream::read(KEBOOLA, &written, "k", &rules).unwrap();
        assert!(!again.is_answered_here, "{written}");
    }

    #[test]
    fn where_its_limits_cannot_be_read_it_is_left_out() {
        for keboola in ["native", "upstream"] {
            for upstreams in [r#"{"keboola":{"template":"keboola","deny":["run_job"]}"#, "[]", "x"]
            {
                let config = read(keboola, upstreams);
                assert_eq!(owner(&config), None, "{keboola} {upstreams}");
                let about = about_keboola(&config);
                assert!(about.iter().any(|text| text.starts_with("KEBOOLA: ")), "{about:?}");
                let stored =
                    [(KEBOOLA.to_owned(), r#"{"url":"https://o.example/mcp"}"#.to_owned())];
                assert_eq!(owner(&config.with_stored(&stored, &|_| None)), None);
            }
            // A fault of its own leaves it out as well, and says so itself.
            let config = read(keboola, r#"{"keboola":{"template":"keboola","stacks":[]}}"#);
            assert_eq!(owner(&config), None);
            let [warning] = &about_keboola(&config)[..] else { panic!("{:?}", config.warnings) };
            assert!(warning.starts_with("UPSTREAMS.keboola.stacks: expected "), "{warning}");
        }
    }

    #[test]
    fn an_entry_with_a_fault_that_may_be_meant_for_it_leaves_it_out() {
        for keboola in ["native", "upstream"] {
            for upstreams in [
                r#"{"Keboola":{"template":"keboola","deny":["run_job"]}}"#,
                r#"{"my keboola":{"template":"keboola","deny":["run_job"]}}"#,
                r#"{"kbc":{"template":" Keboola ","deny":["run_job"]}}"#,
                r#"{"kbc":{"template":"keboola","deny":7}}"#,
                r#"{"KEBOOLA ":{"url":"https://k.example/mcp"}}"#,
                r#"{"keboola ":"x"}"#,
            ] {
                let config = read(keboola, upstreams);
                assert_eq!(owner(&config), None, "{keboola} {upstreams}");
                let about = about_keboola(&config);
                assert!(about.iter().any(|text| text.contains("is left out")), "{about:?}");
                let stored =
                    [(KEBOOLA.to_owned(), r#"{"url":"https://o.example/mcp"}"#.to_owned())];
                assert_eq!(owner(&config.with_stored(&stored, &|_| None)), None);
            }
            for others in [
                r#"{"kbc":{"template":"keboola","deny":["run_job"]}}"#,
                r#"{"Tickets":{"url":"https://t.example/mcp"}}"#,
            ] {
                assert!(owner(&read(keboola, others)).is_some(), "{others}");
            }
        }
    }

    #[test]
    fn without_the_key_for_tokens_the_warning_names_the_setting_that_was_set() {
        for (upstreams, begins) in [("", "KEBOOLA: "), (SERVER, "UPSTREAMS: ")] {
            for keboola in ["native", "upstream"] {
                let config = Config::read(&|name| match name {
                    "KEBOOLA" => Some(keboola.to_owned()),
                    "UPSTREAMS" => Some(upstreams.to_owned()),
                    _ => None,
                });
                let about = about_keboola(&config);
                assert_eq!(about.len(), if keboola == "native" { 1 } else { 2 }, "{about:?}");
                for text in about {
                    assert!(text.starts_with(begins) && text.contains("CREDENTIAL_KEY"), "{text}");
                }
            }
        }
    }

    #[test]
    fn people_sign_in_where_both_parts_of_the_client_are_set() {
        let read = |id: &str, secret: &str| {
            Config::read(&|name| match name {
                "KEBOOLA" => Some("native".to_owned()),
                "UPSTREAMS" => Some(
                    r#"{"t":{"url":"https://t.example/mcp","auth":{"kind":"subject"}}}"#.to_owned(),
                ),
                "CREDENTIAL_KEY" => Some("c".repeat(64)),
                "KEBOOLA_CLIENT_ID" => Some(id.to_owned()),
                "KEBOOLA_CLIENT_SECRET" => Some(secret.to_owned()),
                _ => None,
            })
        };
        let signs_in = |config: &Config, name: &str| {
            config.signs_in(config.upstreams.get(name).unwrap()).is_some()
        };
        let both = read("an-id", "a-s3cret");
        assert!(signs_in(&both, KEBOOLA) && !signs_in(&both, "t"));
        assert!(about_keboola(&both).is_empty(), "{:?}", both.warnings);
        for (id, secret, why) in [
            ("an-id", "", "must be set together"),
            ("", "a-s3cret", "must be set together"),
            ("an-id", "a s3cret\u{e9}", "expected visible ASCII"),
        ] {
            let config = read(id, secret);
            assert!(!signs_in(&config, KEBOOLA), "{id}");
            let [warning] = &about_keboola(&config)[..] else { panic!("{:?}", config.warnings) };
            assert!(warning.contains(why) && !warning.contains("s3cret"), "{warning}");
        }
        assert!(about_keboola(&read("", "")).is_empty());
    }

    #[test]
    fn a_client_that_no_upstream_uses_is_named_until_a_stored_one_does() {
        let read = |keboola: &str, upstreams: &str| {
            let lookup = |name: &str| match name {
                "KEBOOLA" => Some(keboola.to_owned()),
                "UPSTREAMS" => Some(upstreams.to_owned()),
                "CREDENTIAL_KEY" => Some("c".repeat(64)),
                "KEBOOLA_CLIENT_ID" => Some("an-id".to_owned()),
                "KEBOOLA_CLIENT_SECRET" => Some("a-s3cret".to_owned()),
                _ => None,
            };
            Config::read(&lookup)
        };
        let is_named = |config: &Config| {
            config.warnings.iter().filter(|text| *text == UNUSED_CLIENT).count() == 1
        };
        let of_server =
            r#"{"kbc":{"template":"keboola","stacks":["keboola.com"],"auth":{"kind":"oauth"}}}"#;
        let other = r#"{"t":{"url":"https://t.example/mcp","auth":{"kind":"subject"}}}"#;
        for (keboola, upstreams, expected) in [
            ("", "", true),
            ("off", "", true),
            ("", other, true),
            ("", of_server, true),
            ("native", "", false),
            ("upstream", "", false),
            ("", r#"{"kbc":{"template":"keboola"}}"#, false),
        ] {
            let config = read(keboola, upstreams);
            assert_eq!(is_named(&config), expected, "{keboola} {upstreams}: {:?}", config.warnings);
        }
        let stored = |settings: &str| {
            let stored = [("kbc".to_owned(), settings.to_owned())];
            read("", "").with_stored(&stored, &|_| None)
        };
        assert!(!is_named(&stored(r#"{"template":"keboola"}"#)));
        assert!(is_named(&stored(r#"{"url":"https://t.example/mcp"}"#)));
    }

    #[test]
    fn another_word_is_named_with_the_three_and_changes_nothing() {
        let config = read("both", SERVER);
        let why =
            "KEBOOLA is `both`: expected `native`, `upstream` or `off`; using what UPSTREAMS says";
        assert_eq!(about_keboola(&config), [why]);
        assert_eq!(owner(&config), Some(false));
    }
}
