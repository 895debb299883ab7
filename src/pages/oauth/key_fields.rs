//! The fields for a person's key, and what a key opens: parts of several pages.

use maud::{Markup, html};

use super::input_error::InputError;
use gateway::{config::Upstream, connect::keboola::Project};

/// The field of a key.
pub(super) const KEY: &str = "key";
/// The field of the stack that a person chooses.
pub(super) const STACK: &str = "stack";

/// The fields for a key, on a page that has several forms or questions.
pub(super) struct KeyFields<'a> {
    /// The server that the key is for.
    pub(super) upstream: &'a Upstream,
    /// What the names of the fields end with. Empty: the page asks for one key.
    pub(super) suffix: &'a str,
    /// Whether the form needs the key.
    pub(super) is_required: bool,
    /// The stack that the person chose before.
    pub(super) stack: Option<&'a str>,
    /// The error of the last submission.
    pub(super) error: Option<&'a InputError>,
}

/// A field's name on the wire.
pub(super) fn name(field: &str, suffix: &str) -> String {
    match suffix {
        "" => field.to_owned(),
        suffix => format!("{field}-{suffix}"),
    }
}

impl KeyFields<'_> {
    /// The fields.
    pub(super) fn markup(&self) -> Markup {
        let Self { upstream, suffix, .. } = self;
        let (key, stack) = (name(KEY, suffix), name(STACK, suffix));
        let hint = format!("{key}-hint");
        let [of_key, of_stack] = [&key, &stack].map(|field| InputError::at(self.error, field));
        let what = upstream.template.map_or("key", |template| template.key);
        html! {
            @if upstream.asks_stack() {
                label for=(stack) { "The stack of your project" }
                select id=(stack) name=(stack) required[self.is_required] autofocus[of_stack.is_there()]
                    aria-invalid=[of_stack.invalid()] aria-describedby=[of_stack.described_by(None)] {
                    @for one in &upstream.stacks {
                        option value=(one.name) selected[self.stack == Some(&one.name)] { (one.label()) }
                    }
                }
                (of_stack.text())
            }
            label for=(key) {
                "Your " (what) " for " (upstream.name)
                @if !self.is_required { " (optional: without it, you can connect one later)" }
            }
            input id=(key) name=(key) type="password" autocomplete="off" spellcheck="false"
                required[self.is_required] maxlength="8192" autofocus[of_key.is_there()]
                aria-invalid=[of_key.invalid()] aria-describedby=[of_key.described_by(Some(&hint))];
            (of_key.text())
            p.hint id=(hint) {
                @if let Some(template) = upstream.template { (template.key_hint) " " }
                (where_it_goes(upstream))
            }
        }
    }
}

fn where_it_goes(upstream: &Upstream) -> Markup {
    let place = upstream.place();
    html! {
        @match upstream.asks_stack() {
            true => { "It is checked at the stack that you choose, and kept encrypted. It is sent to that stack and its MCP "
                      "server and nowhere else; no app sees it." },
            false => { "It is checked at " (place) ", and kept encrypted. It is sent to " (place)
                       " and nowhere else; no app sees it." },
        }
    }
}

/// What a key opens.
pub(super) fn opened(upstream: &Upstream, project: &Project) -> Markup {
    let stack = upstream.stack(&project.stack);
    let stack = stack.map_or_else(|| project.stack.clone(), gateway::config::Stack::label);
    html! {
        dl {
            dt { "Project" } dd { (project.name) " (" (project.id) ")" }
            dt { "Stack" } dd { (stack) }
            dt { "Role" } dd { (project.role.as_deref().unwrap_or("none: the token has permissions of its own")) }
            dt { "The token expires" } dd { (project.expires.as_deref().unwrap_or("never")) }
        }
        @if project.is_master {
            p.wrong {
                "This is a master token: apps may do in the project whatever you may do. Prefer a token that is limited to what "
                "they need; connect it in place of this one, or remove this one on your account page."
            }
        }
    }
}

/// The same in one line.
pub(super) fn opened_in_short(project: &Project) -> String {
    let Project { id, name, stack, role, is_master, expires } = project;
    let mut all = vec![format!("project {name} ({id}) at {stack}")];
    all.extend(role.as_ref().map(|role| format!("role {role}")));
    all.extend(is_master.then(|| "master token".to_owned()));
    all.extend(expires.as_ref().map(|expires| format!("expires {expires}")));
    all.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway::{
        address::Surroundings,
        config::{Rules, Upstreams},
    };

    pub(super) fn upstreams(settings: &str) -> Upstreams {
        let rules =
            Rules { reserved: &[], surroundings: Surroundings::default(), secret: &|_: &str| None };
        Upstreams::read(Some(settings), &rules)
    }

    fn shown(settings: &str, suffix: &str, is_required: bool, stack: Option<&str>) -> String {
        let upstreams = upstreams(settings);
        let upstream = upstreams.get("keboola").unwrap();
        KeyFields { upstream, suffix, is_required, stack, error: None }.markup().0
    }

    const TEMPLATE: &str = r#"{"keboola":{"template":"keboola"}}"#;

    #[test]
    fn each_field_has_a_label_and_the_key_is_not_shown() {
        for suffix in ["", "keboola"] {
            let fields = shown(TEMPLATE, suffix, true, None);
            for field in [name(KEY, suffix), name(STACK, suffix)] {
                for part in [format!("for=\"{field}\""), format!("id=\"{field}\" name=\"{field}\"")]
                {
                    assert!(fields.contains(&part), "{part}: {fields}");
                }
            }
            let described = format!("aria-describedby=\"{}-hint\"", name(KEY, suffix));
            for part in ["type=\"password\"", "autocomplete=\"off\"", " required", &described] {
                assert!(fields.contains(part), "{part}: {fields}");
            }
            assert!(!fields.contains("<script") && !fields.contains(" value=\"\""), "{fields}");
        }
        let optional = shown(TEMPLATE, "keboola", false, None);
        assert!(!optional.contains("required") && optional.contains("(optional: "), "{optional}");
    }

    #[test]
    fn every_stack_can_be_chosen_and_stays_chosen() {
        let fields = shown(TEMPLATE, "", true, Some("eu-central-1.keboola.com"));
        assert_eq!(fields.matches("<option").count(), 5, "{fields}");
        let chosen = "value=\"eu-central-1.keboola.com\" selected>EU Frankfurt, AWS (eu-central-1.keboola.com)";
        assert!(fields.contains(chosen) && fields.matches(" selected").count() == 1, "{fields}");
        let unknown = shown(TEMPLATE, "", true, Some("\"><script>"));
        assert!(!unknown.contains("script") && !unknown.contains(" selected"), "{unknown}");
        let plain =
            r#"{"keboola":{"url":"https://t.example/mcp?k=hidden","auth":{"kind":"subject"}}}"#;
        let plain = shown(plain, "", true, None);
        assert!(!plain.contains("<select") && plain.contains("checked at t.example"), "{plain}");
        assert!(!plain.contains("hidden"), "{plain}");
    }

    #[test]
    fn a_person_sees_what_their_token_opens_and_is_warned_of_a_master_token() {
        let upstreams = upstreams(TEMPLATE);
        let upstream = upstreams.get("keboola").unwrap();
        let limited = Project {
            stack: "keboola.com".into(),
            id: "58".into(),
            name: "<b>Sales".into(),
            ..Project::default()
        };
        let page = opened(upstream, &limited).0;
        for part in ["&lt;b&gt;Sales (58)", "US Virginia, AWS (keboola.com)", "<dd>never</dd>"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("master token"), "{page}");
        let master = Project {
            is_master: true,
            role: Some("admin".into()),
            expires: Some("2027-01-01".into()),
            ..limited
        };
        let page = opened(upstream, &master).0;
        for part in ["a master token", "<dd>admin</dd>", "<dd>2027-01-01</dd>", "limited"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert_eq!(
            opened_in_short(&master),
            "project <b>Sales (58) at keboola.com; role admin; master token; expires 2027-01-01",
        );
    }
}
