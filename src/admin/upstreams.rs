//! Upstreams in the admin API: how each is, as far as this isolate knows, and its pins.
//!
//! Invariant: no answer has a secret or the query of a URL; of secrets there are the names.

use std::rc::Rc;

use futures_util::future::join_all;
use worker::Env;

use super::{AdminReply, said, wrong};
use crate::{
    config::Config,
    platform::{clock::now_ms, http::Request},
    state,
    stubs::{pins::PinObjects, stored_upstreams},
    transports::endpoint::AdmittedRequest,
};
use gateway::{
    config::Upstream,
    door::status::summary,
    pin_store::{PinStore as _, PinsAnswer, PinsRequest, name_of_pins},
    pins::{PinPolicy, Pins},
};
use mcp_auth::subject::Subject;
use mcp_platform::url::query_value;
use mcp_protocol::{
    fields::fields,
    object::{Object, array},
    raw,
};

/// The JSON text of all upstreams, with the faults of those that were left out.
pub(super) async fn all(endpoint: &AdmittedRequest<'_>) -> AdminReply {
    let config = config(endpoint.env).await;
    let known = &config;
    let shown = config.upstreams.iter().map(|upstream| async move {
        let pins = read(endpoint.env, upstream, None).await;
        described(known, upstream, pins.as_ref()).end()
    });
    let shown = join_all(shown).await;
    let faults: Vec<String> = config.upstreams.errors.iter().map(ToString::to_string).collect();
    let all = Object::new().raw("upstreams", &array(&shown));
    (200, Some(all.texts("faults", faults.iter().map(String::as_str)).end()))
}

/// The JSON text of one, with its settings and all of its pins.
pub(super) async fn one(
    endpoint: &AdmittedRequest<'_>,
    request: &Request,
    name: &str,
) -> AdminReply {
    let config = config(endpoint.env).await;
    let Some(upstream) = config.upstreams.get(name) else {
        return unknown();
    };
    let person = match person(request) {
        Ok(person) => person,
        Err(reply) => return reply,
    };
    let pins = read(endpoint.env, upstream, person).await;
    let shown = described(&config, upstream, pins.as_ref());
    let shown = shown.raw("settings", &upstream.to_shown_json());
    (200, Some(shown.raw("pinned", &pinned(pins.as_ref().ok())).end()))
}

/// Approves the definition of a tool that the body names by its hash.
pub(super) async fn approve(
    endpoint: &AdmittedRequest<'_>,
    request: &Request,
    name: &str,
    body: &str,
) -> AdminReply {
    match approval(body) {
        Ok(asked) => change(endpoint, request, name, asked).await,
        Err(why) => wrong(why),
    }
}

/// Forgets the pins of an upstream.
pub(super) async fn forget(
    endpoint: &AdmittedRequest<'_>,
    request: &Request,
    name: &str,
) -> AdminReply {
    change(endpoint, request, name, PinsRequest::ForgetPins).await
}

async fn change(
    endpoint: &AdmittedRequest<'_>,
    request: &Request,
    name: &str,
    asked: PinsRequest,
) -> AdminReply {
    if config(endpoint.env).await.upstreams.get(name).is_none() {
        return unknown();
    }
    let person = match person(request) {
        Ok(person) => person,
        Err(reply) => return reply,
    };
    let pins = PinObjects(endpoint.env.clone());
    match pins.ask(&name_of_pins(name, person), asked).await {
        Ok(PinsAnswer::Approved(false)) => {
            let why = "this hash is not the one that was seen last of this tool";
            (409, Some(said(why)))
        }
        Ok(_) => {
            // Here at once; elsewhere with the next list.
            state::upstreams().forget_lists(name);
            (204, None)
        }
        Err(why) => {
            log::error!("the pins of the upstream `{name}` cannot be changed: {why}");
            (
                503,
                Some(said("the pins cannot be changed at the moment: try again in a few seconds")),
            )
        }
    }
}

/// Reads the body of an approval.
fn approval(body: &str) -> Result<PinsRequest, &'static str> {
    let found = fields(body, ["tool", "hash"]).map_err(|_| "expected a JSON object")?;
    let [tool, hash] = found.map(|found| found.and_then(raw::string));
    let is_digest =
        |hash: &String| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let tool = tool.ok_or("`tool`: expected the name of a tool at its upstream")?;
    let hash = hash.filter(is_digest).ok_or("`hash`: expected 64 hexadecimal digits")?;
    Ok(PinsRequest::ApprovePin { tool, hash: hash.to_ascii_lowercase() })
}

/// The person whose pins are meant, where an upstream is called with people's own credentials.
fn person(request: &Request) -> Result<Option<Subject>, AdminReply> {
    let Some(said) = query_value(request.url(), "subject") else {
        return Ok(None);
    };
    Subject::read(&said).map(Some).ok_or_else(|| wrong("`subject`: expected the name of a subject"))
}

/// The configuration with the upstreams that are stored now; those that are known where they cannot be read.
pub(super) async fn config(env: &Env) -> Rc<Config> {
    stored_upstreams::latest(env).await.unwrap_or_else(|_| state::config(env))
}

pub(super) fn unknown() -> AdminReply {
    (404, Some(said("there is no upstream of this name")))
}

/// The pins of an upstream. Where nothing is pinned, nothing is asked.
async fn read(env: &Env, upstream: &Upstream, person: Option<Subject>) -> Result<Pins, String> {
    if upstream.pins == PinPolicy::Off {
        return Ok(Pins::default());
    }
    let name = name_of_pins(&upstream.name, person);
    match PinObjects(env.clone()).ask(&name, PinsRequest::ReadPins).await {
        Ok(PinsAnswer::Pins(pins)) => Ok(pins),
        Ok(_) => Err("they answer something else".to_owned()),
        Err(why) => Err(why),
    }
}

/// How an upstream is, and what of it waits for an administrator.
fn described(config: &Config, upstream: &Upstream, pins: Result<&Pins, &String>) -> Object {
    let source = if config.upstreams.is_claimed(&upstream.name) { "variable" } else { "stored" };
    let waiting: Vec<String> = pins
        .iter()
        .flat_map(|pins| pins.pending())
        .map(|(tool, pinned, seen)| {
            let one = Object::new().text("tool", tool);
            one.raw("pinned", &or_null(pinned)).text("seen", seen).end()
        })
        .collect();
    summary(upstream, &state::upstreams(), now_ms())
        .text("source", source)
        .text("scope", &upstream.scope)
        .text("pins", upstream.pins.word())
        .text("unknown", upstream.unknown.word())
        .raw("waiting", &array(&waiting))
        .text_if("pinsFailure", pins.err().map(|_| "the pins cannot be read at the moment"))
}

fn pinned(pins: Option<&Pins>) -> String {
    let all: Vec<String> = pins
        .into_iter()
        .flat_map(Pins::iter)
        .map(|(tool, pin)| {
            let approved = or_null(pin.approved.as_deref());
            let seen = or_null(pin.seen.as_deref());
            Object::new().text("tool", tool).raw("approved", &approved).raw("seen", &seen).end()
        })
        .collect();
    array(&all)
}

fn or_null(text: Option<&str>) -> String {
    text.map_or("null".to_owned(), mcp_protocol::object::quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef";

    #[test]
    fn an_approval_names_a_tool_and_a_hash() {
        let body = Object::new().text("tool", "get all").text("hash", HASH).end();
        let asked = PinsRequest::ApprovePin { tool: "get all".into(), hash: HASH.to_lowercase() };
        assert_eq!(approval(&body), Ok(asked));
        for (body, why) in [
            ("", "object"),
            ("[]", "object"),
            ("{}", "tool"),
            (r#"{"tool":7,"hash":"a"}"#, "tool"),
            (r#"{"tool":"a"}"#, "hash"),
            (r#"{"tool":"a","hash":"abc"}"#, "hash"),
            (r#"{"tool":"a","hash":null}"#, "hash"),
            (&*body.replace("abcdef", "xyzdef"), "hash"),
            (r#"{"tool":"a","tool":"b","hash":"c"}"#, "object"),
        ] {
            assert!(approval(body).is_err_and(|found| found.contains(why)), "{body}");
        }
    }

    #[test]
    fn an_upstream_is_shown_without_secrets_and_query_and_with_what_waits() {
        let lookup = |name: &str| {
            match name {
            "UPSTREAMS" => Some(
                r#"{"t":{"url":"https://t.example.com/mcp?key=hunter2","auth":{"kind":"static","secret":"THEIR_KEY"}}}"#
                    .to_owned(),
            ),
            "THEIR_KEY" => Some("hunter3".to_owned()),
            _ => None,
        }
        };
        let config = Config::read(&lookup);
        let upstream = config.upstreams.get("t").unwrap();
        let mut pins = Pins::default();
        let allow = gateway::pins::UnknownTools::Allow;
        pins.compare([("a", "1")], allow);
        pins.compare([("a", "2")], allow);
        // The clock of the platform is the runtime's.
        let waiting = pins.pending().next().unwrap();
        assert_eq!(waiting, ("a", Some("1"), "2"));
        assert_eq!(pinned(Some(&pins)), r#"[{"tool":"a","approved":"1","seen":"2"}]"#);
        assert_eq!(pinned(None), "[]");
        let settings = upstream.to_shown_json();
        assert!(!settings.contains("hunter") && settings.contains("THEIR_KEY"), "{settings}");
    }
}
