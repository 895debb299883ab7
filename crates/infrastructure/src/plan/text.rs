//! A plan as text, for the person who agrees to it. It has numbers and names, and no id but the plan's.

use serde_json::{Value, json};

use super::{
    action::{Action, Verb},
    make::Plan,
    observed::Contents,
};
use crate::manifest::Kind;

impl Plan {
    /// The plan as a text.
    pub fn text(&self) -> String {
        let mut text = self.question();
        if self.may_apply() && self.changes() {
            let until = mcp_platform::time::rfc3339(self.expires_ms());
            text.push_str(&format!("\nPlan {}, good once until {until}", self.id()));
        }
        text
    }

    /// The same without what differs between two looks at the same account, so that it is the same question.
    pub fn question(&self) -> String {
        let what = if self.intent.is_destroy() { "Destroy" } else { "Deploy" };
        let guard = if self.is_protected { " (protected)" } else { "" };
        let mut lines = vec![format!("{what} the stage `{}`{guard}", self.stage)];
        lines.extend(self.actions.iter().map(line));
        if !self.changes() {
            lines.push("Nothing would change.".to_owned());
        }
        lines.extend(listed("Others changed:", &self.drift));
        lines.extend(listed("Note:", &self.warnings));
        lines.extend(listed("It cannot be applied:", &self.obstacles));
        lines.push(self.summary_line());
        lines.join("\n")
    }

    /// What would be lost for good, one line each; empty where nothing is.
    pub fn losses(&self) -> String {
        let lost = self.actions.iter().filter(|action| action.is_irreversible());
        lost.map(Action::label).collect::<Vec<_>>().join("\n")
    }

    /// The plan as data for the caller.
    pub fn shown(&self) -> Value {
        let actions: Vec<Value> = self.actions.iter().map(shown).collect();
        let texts: Vec<String> = self.obstacles.iter().map(ToString::to_string).collect();
        let drift: Vec<String> = self.drift.iter().map(ToString::to_string).collect();
        json!({
            "plan_id": self.id().to_string(),
            "stage": self.stage,
            "protected": self.is_protected,
            "summary": {
                "create": self.count(Verb::Create),
                "adopt": self.count(Verb::Adopt),
                "update": self.count(Verb::Update),
                "delete": self.count(Verb::Delete),
                "retain": self.count(Verb::Retain),
                "none": self.count(Verb::Keep),
            },
            "actions": actions,
            "drift": drift,
            "warnings": self.warnings,
            "obstacles": texts,
            "needs_unlock": self.needs_unlock(),
            "expires_at": mcp_platform::time::rfc3339(self.expires_ms()),
        })
    }

    fn summary_line(&self) -> String {
        let part = |verb: Verb| match self.count(verb) {
            0 => None,
            count => Some(format!("{count} to {}", verb.name())),
        };
        let verbs =
            [Verb::Create, Verb::Adopt, Verb::Update, Verb::Delete, Verb::Retain, Verb::Keep];
        let parts: Vec<String> = verbs.into_iter().filter_map(part).collect();
        match parts.is_empty() {
            true => "Nothing to do.".to_owned(),
            false => parts.join(", "),
        }
    }
}

impl Action {
    /// Its resource with what is in it, such as ``the queue `shop-jobs` with 3 messages``.
    pub(crate) fn label(&self) -> String {
        let (label, name) = (self.kind.label(), &self.name);
        format!("the {label} `{name}`{}", contents(self.kind, &self.contents))
    }
}

/// A title with items below it; nothing where there are none.
fn listed(title: &str, items: &[impl ToString]) -> Option<String> {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    (!items.is_empty()).then(|| format!("{title}\n  {}", items.join("\n  ")))
}

fn line(action: &Action) -> String {
    let Action { verb, resource, kind, name, .. } = action;
    let changes: Vec<String> = action
        .changes
        .iter()
        .map(|it| format!("{}: {} → {}", it.setting, it.from.as_deref().unwrap_or("-"), it.to))
        .collect();
    let more = match verb {
        Verb::Update | Verb::Adopt if !changes.is_empty() => format!(" ({})", changes.join(", ")),
        Verb::Delete => contents(*kind, &action.contents),
        Verb::Retain => ", which stays at Cloudflare".to_owned(),
        Verb::Forget => ", which is gone already".to_owned(),
        Verb::Await => ", with the upload of the Worker".to_owned(),
        Verb::Create | Verb::Adopt | Verb::Update | Verb::Keep => String::new(),
    };
    let forever = if action.is_irreversible() { ", for good" } else { "" };
    format!(
        "  {} {:7} {resource}: {} `{name}`{more}{forever}",
        verb.sign(),
        verb.name(),
        kind.label()
    )
}

/// What is in a resource, such as ` with 3 objects (under 10 kB)`. Sizes are rounded up to a power of ten: those of a
/// database in use change all the time.
fn contents(kind: Kind, contents: &Contents) -> String {
    let unit = match kind {
        Kind::D1 => "tables",
        Kind::R2 => "objects",
        Kind::Kv => "keys",
        Kind::Queue => "messages",
        Kind::Worker => "Durable Objects",
        _ => return String::new(),
    };
    match (contents.count, contents.bytes) {
        (Some(count), Some(bytes)) => format!(" with {count} {unit} ({})", size(bytes)),
        (Some(count), None) => format!(" with {count} {unit}"),
        (None, Some(bytes)) => format!(" with {unit} ({})", size(bytes)),
        (None, None) => format!(" with an unknown number of {unit}"),
    }
}

/// The next power of ten above a number of bytes, such as `under 100 kB`.
fn size(bytes: u64) -> String {
    let mut above = 1_000_u64;
    while above <= bytes && above < 1_000_000_000_000_000 {
        above = above.saturating_mul(10);
    }
    let units =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let unit = units.into_iter().find(|(unit, _)| above >= *unit);
    let (unit, name) = unit.unwrap_or((1, "bytes"));
    let count = above.checked_div(unit).unwrap_or_default();
    format!("under {count} {name}")
}

fn shown(action: &Action) -> Value {
    json!({
        "action": action.verb.name(),
        "resource": action.resource,
        "kind": action.kind.name(),
        "name": action.name,
        "changes": action.changes,
        "irreversible": action.is_irreversible(),
        "contents": { "count": action.contents.count, "bytes": action.contents.bytes },
        "empties": action.empties,
    })
}
