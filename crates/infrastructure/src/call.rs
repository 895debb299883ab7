//! What a call has beside its arguments: the stage, the account, and how it ends.
//!
//! Invariant: a call that may not, or names no stage, sends nothing.

use std::{cell::RefCell, rc::Rc};

use catalogue::{ShortCircuit, arguments::Arguments};
use mcp_auth::secret::Secret;
use mcp_protocol::{
    characters::{is_hidden, is_plain},
    content::CallToolResult,
    object::quoted,
};
use mcp_server::{context::Context, toolset::Effect};
use serde_json::Value;

use crate::{
    access::Level,
    api::{ApiError, Client, Purpose, Settings, hide},
    host::Host,
    manifest::{Kind, Manifest, Resource, Stage, StageError},
    operations::{Behaviour, Operation},
    service::InfrastructureService,
    target,
};

/// What is said of a change whose answer was lost.
const POSSIBLE: &str = "The change MAY have happened.";

/// A call, as its tool sees it.
pub(crate) type Call<'a> = catalogue::Call<'a, InfrastructureService>;

/// What a call has beside its arguments.
pub(crate) struct State<'a> {
    pub(crate) host: &'a dyn Host,
    pub(crate) manifest: &'a Manifest,
    pub(crate) settings: Rc<Settings>,
    stage: Option<Stage>,
    /// What the person was shown of the state that they agreed to change.
    shown: RefCell<Option<String>>,
}

impl<'a> State<'a> {
    /// Finds out whether the caller may, in which stage the call works, and whether the server is set up for it.
    pub(crate) async fn open(
        (manifest, host): (&'a Manifest, &'a dyn Host),
        ctx: &'a Context,
        operation: &'static Operation,
        arguments: &Arguments,
    ) -> Result<Self, ShortCircuit> {
        let level = Level::of(&ctx.principal);
        let needed = if operation.effect == Effect::Read { Level::Read } else { Level::Write };
        level.require(needed, operation.name).map_err(error)?;
        let stage = stage(manifest, operation, arguments.text("stage"))?;
        let settings = host.settings();
        let state = Self { host, manifest, settings, stage, shown: RefCell::default() };
        state.check_protection(level, operation)?;
        state.check_settings(operation)?;
        if operation.effect != Effect::Read {
            let stage = state.stage.as_ref().map(|stage| stage.name.as_str());
            let changes = target::of(stage, |name| arguments.text(name).map(str::to_owned));
            ctx.changes_what(changes).await?;
        }
        Ok(state)
    }

    /// What changes a protected stage needs more. A plan only reads, so that a deploy and a destroy check it themselves.
    fn check_protection(&self, level: Level, operation: &Operation) -> Result<(), ShortCircuit> {
        let Some(stage) = self.stage.as_ref().filter(|stage| stage.is_protected) else {
            return Ok(());
        };
        let plans = matches!(operation.behaviour, Behaviour::Deploy | Behaviour::Destroy);
        if operation.effect == Effect::Read || plans {
            return Ok(());
        }
        let what = format!("{} in the protected stage `{}`", operation.name, stage.name);
        level.require(Level::Admin, &what).map_err(error)
    }

    fn check_settings(&self, operation: &Operation) -> Result<(), ShortCircuit> {
        let purposes: &[Purpose] = match operation.behaviour {
            Behaviour::ListStages | Behaviour::SendMessage => &[],
            // A binding may lead there: `State::way` decides.
            Behaviour::Query
            | Behaviour::DescribeDatabase
            | Behaviour::ListObjects
            | Behaviour::TriggerWorkflow
            | Behaviour::WorkflowRun => &[],
            Behaviour::Deploy | Behaviour::Destroy | Behaviour::Rollback | Behaviour::Rollout => {
                &[Purpose::Write, Purpose::Read]
            }
            _ => &[Purpose::Read],
        };
        for purpose in purposes {
            self.settings.check(*purpose).map_err(|error| told(&error))?;
        }
        Ok(())
    }

    /// The stage of the call.
    pub(crate) fn stage(&self) -> Result<&Stage, ShortCircuit> {
        self.stage.as_ref().ok_or_else(|| error("Name a stage."))
    }

    /// The Worker of the call's stage.
    pub(crate) fn worker(&self) -> Result<&str, ShortCircuit> {
        let stage = self.stage()?;
        stage.worker().ok_or_else(|| error(format!("The stage `{}` has no Worker.", stage.name)))
    }

    /// The key of cursors: that of the token which reads, or the server's own.
    pub(crate) fn cursor_key(&self) -> Option<Secret> {
        let token = self.settings.token(Purpose::Read).ok().cloned();
        token.or_else(|| self.host.cursor_key())
    }

    /// What something that is bound says of its failure, without ids and secrets.
    pub(crate) fn hidden(&self, error: &impl ToString) -> String {
        hide(&error.to_string(), &self.settings.secrets())
    }

    /// The client of Cloudflare's API. Its time begins now.
    pub(crate) fn client(&self, ctx: &Context) -> Client<'_> {
        Client::new(ctx.platform.clone(), &self.settings)
    }

    /// Notes what the person is shown of the state that would change.
    pub(crate) fn show(&self, what: String) {
        *self.shown.borrow_mut() = Some(what);
    }

    /// Goes on where that is what it is now. Who was shown nothing agreed to whatever it is.
    pub(crate) fn check_shown(&self, now: &str) -> Result<(), ShortCircuit> {
        match self.shown.borrow().as_deref() {
            Some(shown) if shown != now => Err(error(
                "Nothing was changed: it is another one by now than the person was shown. Call again.",
            )),
            _ => Ok(()),
        }
    }

    /// The resource of a kind that a caller names, or the only one that fits. `argument`: what names it; `what`: the kind in words;
    /// `opens`: whether callers may use it so.
    pub(crate) fn resource(
        &self,
        kind: Kind,
        (argument, named): (&str, Option<&str>),
        what: &str,
        opens: impl Fn(&Resource) -> bool,
    ) -> Result<&Resource, ShortCircuit> {
        let stage = self.stage()?;
        let open: Vec<&Resource> = stage.of_kind(kind).filter(|one| opens(one)).collect();
        let names: Vec<String> = open.iter().map(|one| word_for(one)).collect();
        let known = match names.is_empty() {
            true => format!("The manifest has no {what} in the stage `{}`.", stage.name),
            false => {
                format!("The stage `{}` has as {what}: {}.", stage.name, names.join(", "))
            }
        };
        let found = match named {
            Some(name) => stage.named(kind, name).filter(|one| opens(one)),
            None => match open.as_slice() {
                [only] => Some(*only),
                _ => None,
            },
        };
        found.ok_or_else(|| {
            let asks = match (named, names.len()) {
                (Some(name), _) => format!("`{argument}`: {} is none. ", foreign(name)),
                (None, 0) => String::new(),
                (None, _) => format!("`{argument}` is needed. "),
            };
            error(format!("Nothing was sent. {asks}{known}"))
        })
    }
}

/// The name by which callers call a resource.
fn word_for(resource: &Resource) -> String {
    match &resource.class {
        Some(class) => format!("`{class}` (`{}`)", resource.id),
        None => format!("`{}`", resource.id),
    }
}

fn stage(
    manifest: &Manifest,
    operation: &Operation,
    named: Option<&str>,
) -> Result<Option<Stage>, ShortCircuit> {
    let found = match operation.behaviour {
        Behaviour::ListStages => return Ok(None),
        Behaviour::TriggerWorkflow | Behaviour::SendMessage => manifest.stage_to_use(named),
        // What is recorded of a stage that the manifest no longer has can be destroyed.
        Behaviour::Destroy => match manifest.stage(named.unwrap_or_default()) {
            Err(StageError::Unknown { .. }) => return Ok(None),
            found => found,
        },
        Behaviour::Deploy | Behaviour::Rollback | Behaviour::Rollout => {
            manifest.stage(named.unwrap_or_default())
        }
        _ => manifest.stage_or_default(named),
    };
    found.map(Some).map_err(|why| error(format!("Nothing was sent. {why}")))
}

/// A failure in these words.
pub(crate) fn error(text: impl Into<String>) -> ShortCircuit {
    CallToolResult::error(text).into()
}

/// The failure of a read.
pub(crate) fn told(error: &ApiError) -> ShortCircuit {
    self::error(sentence(error))
}

/// An error with what can be done about it.
pub(crate) fn sentence(error: &ApiError) -> String {
    match error {
        ApiError::NotSet(_) => {
            format!("Nothing was sent to Cloudflare: {error}. The operator of this server sets it.")
        }
        _ if error.may_not() => format!(
            "{error}. The server's token has no right to it, which says nothing of whether it exists. The operator gives the token the \
             permission."
        ),
        error => match error.wait() {
            Some(wait) => format!(
                "{error}. Cloudflare takes no more requests for now: call again in {} s.",
                wait.as_secs()
            ),
            None => format!("{error}."),
        },
    }
}

/// The failure of a change: whether it may have happened, and how to find out.
pub(crate) fn unchanged(call: &Call<'_>, error: &ApiError) -> ShortCircuit {
    let check = call.operation.check.unwrap_or_default();
    self::error(match error.leaves_doubt() {
        true => format!("{error}. {POSSIBLE} {check}"),
        false => format!("Nothing was changed. {}", sentence(error)),
    })
}

/// The same where the answer was lost for this reason.
pub(crate) fn in_doubt(call: &Call<'_>, why: &str) -> ShortCircuit {
    error(format!("{why} {POSSIBLE} {}", call.operation.check.unwrap_or_default()))
}

/// Characters of a text of others that are shown to a person.
const MOST_FOREIGN: usize = 200;

/// A text of others in a sentence: in quotes, on one line, without characters that hide or reorder it.
pub(crate) fn foreign(text: &str) -> String {
    let shown = |c: char| if is_plain(c) && !is_hidden(c) { c } else { '\u{fffd}' };
    let cut: String = text.chars().take(MOST_FOREIGN).map(shown).collect();
    let more = if text.chars().nth(MOST_FOREIGN).is_some() { "…" } else { "" };
    format!("{}{more}", quoted(&cut))
}

/// A text field of an answer.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}
