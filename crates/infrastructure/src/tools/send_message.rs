//! Sends a message to a Durable Object.
//!
//! Invariants: only classes that the manifest opens for messages are reached, and only in the stage to which this server is
//! bound; this server's own classes never are. A message is sent once.

use std::time::Duration;

use catalogue::{CallOutcome, ShortCircuit, call::data};
use mcp_protocol::raw;
use serde_json::{Value, json};

use crate::{
    call::{Call, error, foreign, in_doubt},
    host::{BindingError, ObjectMessage},
    manifest::{Kind, Resource},
};

/// How long an object may take for its answer.
const DEADLINE: Duration = Duration::from_secs(15);
/// Characters of an answer that are shown.
const MOST_CHARS: usize = 65_536;
/// Bytes that have more characters than that, whatever they are.
const MORE_BYTES: u32 = 4 * 65_536 + 1;

/// What would be sent.
pub(super) fn plan(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let (class, ..) = way(call)?;
    let text = |name: &str| foreign(call.arguments.text(name).unwrap_or_default());
    Ok(format!(
        "- Object: {} of the class {}\n- Message: {}",
        text("object"),
        word(class),
        text("message")
    ))
}

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let (class, binding, path) = way(call)?;
    let object = call.arguments.text("object").unwrap_or_default();
    let message = call.arguments.text("message").unwrap_or_default();
    let body = json!({ "message": message }).to_string();
    let _begun = call.ctx.begin().await?;
    let (body, deadline, at_least) = (body.as_str(), DEADLINE, MORE_BYTES);
    let message = ObjectMessage { binding, object, path, body, deadline, at_least };
    let answer = match call.state.host.send(message).await {
        Ok(answer) => answer,
        Err(why @ BindingError::NoBinding(_)) => {
            return Err(error(format!("Nothing was sent: {why}.")));
        }
        Err(why) => {
            // What the object threw is a text of others.
            let why = match why {
                BindingError::Failed(text) => format!("it failed: {}", foreign(&text)),
                why => why.to_string(),
            };
            return Err(in_doubt(call, &format!("The object did not answer: {why}.")));
        }
    };
    if answer.status >= 400 {
        let text = foreign(&answer.text);
        return Err(error(format!("The object answered {} to the message: {text}", answer.status)));
    }
    let shown = catalogue::render::cut(&answer.text, MOST_CHARS);
    let truncated = shown.len() != answer.text.len();
    let value = match truncated {
        true => Value::String(shown),
        false => raw::value(&shown).unwrap_or(Value::String(shown)),
    };
    let fields = vec![
        ("stage", json!(call.state.stage()?.name)),
        ("class", json!(word(class))),
        ("object", json!(object)),
        ("status", json!(answer.status)),
        ("answer", value),
        ("truncated", json!(truncated)),
    ];
    Ok(call.shown(data(fields), Vec::new()))
}

fn word(class: &Resource) -> &str {
    class.class.as_deref().unwrap_or(&class.id)
}

/// The class, the binding that leads to it and the path at which its objects take messages.
fn way<'a>(call: &'a Call<'_>) -> Result<(&'a Resource, &'a str, &'a str), ShortCircuit> {
    let stage = call.state.stage()?;
    let named = ("objectName", call.arguments.text("objectName"));
    let opens = |resource: &Resource| resource.message_path.is_some() && !is_own(resource);
    let what = "classes that take messages";
    let class = call.state.resource(Kind::DurableObject, named, what, opens)?;
    if !call.state.is_own_stage() {
        let own = call.state.host.own_stage();
        let own = own.and_then(|name| call.state.manifest.stage(&name).ok());
        let bound = match own {
            Some(own) => format!("it is bound to those of the stage `{}`", own.name),
            None => "it is bound to those of no stage (INFRASTRUCTURE_STAGE)".to_owned(),
        };
        return Err(error(format!(
            "Nothing was sent: objects of the stage `{}` cannot be reached from this server, {bound}.",
            stage.name
        )));
    }
    let Some(binding) = class.binding.as_deref() else {
        return Err(error(format!(
            "Nothing was sent: the manifest names no binding for `{}`.",
            class.id
        )));
    };
    Ok((class, binding, class.message_path.as_deref().unwrap_or_default()))
}

/// Whether a class is one of this server's own.
fn is_own(resource: &Resource) -> bool {
    let names = [resource.class.as_deref(), resource.binding.as_deref()];
    names.into_iter().flatten().any(|name| {
        let name = name.to_ascii_lowercase();
        OWN_CLASSES.contains(&name.replace('_', "").as_str())
    })
}

/// The names of this server's own classes in small letters; their bindings have them with a `_`.
const OWN_CLASSES: [&str; 8] = [
    "grantagent",
    "hubagent",
    "keyagent",
    "quotaagent",
    "sessionagent",
    "stageagent",
    "taskagent",
    "upstreamagent",
];
