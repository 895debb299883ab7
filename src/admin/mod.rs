//! The admin API, `/admin/*`: the state of the server, keys, the share of subjects that is let in, what a subject used, ending
//! its sessions, upstreams and their pins, the audit, unlocking a protected stage. JSON over HTTP; `openapi.json` beside this file describes it.
//!
//! Invariant: nothing here is done without the admin scope, or for [`unlock_stage`] without the key of its own, and every change is
//! in the audit.

mod keys;
mod read;
mod stored_upstreams;
mod unlock;
mod upstreams;

use std::rc::Rc;

use worker::Method;

use crate::{
    body::read_body,
    error::{AppResult, Error},
    health,
    platform::{
        clock::now_s,
        http::{Request, Response},
        workers::WorkersPlatform,
    },
    response,
    stubs::{audit, hub::Hub, named_keys, quota, rollout},
    transports::{endpoint::AdmittedRequest, sessions},
};
use mcp_auth::{refusal::Refusal, scope::Scopes, subject::Subject};
use mcp_protocol::{
    fields::fields,
    object::{Object, array, quoted},
    raw,
};
use mcp_server::{
    changes::Changes,
    telemetry::audit::{AuditEntry, PendingEntry},
};

pub use unlock::{handle as unlock_stage, unlocked_by};

/// The prefix of its paths.
pub const PREFIX: &str = "/admin/";
/// The path of its description, which is public.
pub const DESCRIPTION: &str = "/admin/openapi.json";
/// Its description.
pub const OPENAPI: &str = include_str!("openapi.json");

/// The routes of the admin API.
#[derive(Debug, Clone, PartialEq, Eq)]
enum AdminRoute<'a> {
    Health,
    Keys,
    Key(&'a str),
    Rollout,
    Audit,
    Quota(Subject),
    Sessions(Subject),
    Upstreams,
    Upstream(&'a str),
    Pins(&'a str),
}

impl<'a> AdminRoute<'a> {
    fn read(path: &'a str) -> Option<Self> {
        let mut parts = path.strip_prefix(PREFIX)?.split('/');
        let parts = [parts.next(), parts.next(), parts.next(), parts.next()];
        Some(match parts {
            [Some("health"), None, ..] => Self::Health,
            [Some("keys"), None, ..] => Self::Keys,
            [Some("keys"), Some(id), None, _] => Self::Key(id),
            [Some("dark-launch"), None, ..] => Self::Rollout,
            [Some("audit"), None, ..] => Self::Audit,
            [Some("upstreams"), None, ..] => Self::Upstreams,
            [Some("upstreams"), Some(name), None, _] => Self::Upstream(name),
            [Some("upstreams"), Some(name), Some("pins"), None] => Self::Pins(name),
            [Some("subjects"), Some(subject), Some(what), None] => match what {
                "quota" => Self::Quota(Subject::read(subject)?),
                "sessions" => Self::Sessions(Subject::read(subject)?),
                _ => return None,
            },
            _ => return None,
        })
    }

    fn methods(&self) -> &'static str {
        match self {
            Self::Keys => "GET, POST, OPTIONS",
            Self::Rollout => "GET, PUT, OPTIONS",
            Self::Health | Self::Audit | Self::Quota(_) | Self::Upstreams => "GET, OPTIONS",
            Self::Upstream(_) => "GET, PUT, DELETE, OPTIONS",
            Self::Pins(_) => "POST, DELETE, OPTIONS",
            Self::Sessions(_) => "GET, DELETE, OPTIONS",
            Self::Key(_) => "DELETE, OPTIONS",
        }
    }
}

/// The response of the admin API: a status and JSON, or 204 without a body.
type AdminReply = (u16, Option<String>);

/// Answers a request of a caller that was admitted.
pub async fn handle(
    endpoint: AdmittedRequest<'_>,
    request: Request,
    path: &str,
) -> AppResult<Response> {
    let action = format!("{} {path}", request.method());
    let by = &endpoint.principal;
    let note = |effect, outcome| {
        let refused =
            AuditEntry::refused(Some(by), &action, outcome, now_s().saturating_mul(1_000));
        // An unverified token identifies no subject.
        let subject = by.limited_as().to_text();
        endpoint.audit().note(AuditEntry { effect, subject, ..refused });
    };
    if let Err(beyond) = by.scopes.require(Scopes::ADMIN) {
        note("refusal", "beyond-scope");
        return Err(Refusal::Scope(beyond).into());
    }
    let of = AdminRoute::read(path).ok_or(Refusal::NotFound)?;
    // A caller that leaves ends neither the change nor what is noted of it.
    let changes = Changes::in_request(endpoint.wait_until());
    let change = (request.method() != Method::Get).then(|| {
        changes.begin();
        let entry = AuditEntry { effect: "write", ..AuditEntry::refused(Some(by), &action, "", 0) };
        PendingEntry::begin(endpoint.audit(), entry, Rc::new(WorkersPlatform))
    });
    let carried_out = execute(&endpoint, request, of).await;
    if let Some(change) = change {
        change.end(outcome(&carried_out));
    }
    let (status, body) = carried_out?;
    Ok(match body {
        Some(body) => response::json(status, body.as_bytes(), endpoint.caller)?,
        None => response::no_content(endpoint.caller)?,
    })
}

/// How a change ended. A failure inside this server may come after the change.
fn outcome(carried_out: &AppResult<AdminReply>) -> &'static str {
    match carried_out {
        Ok((200..300, _)) => "done",
        Ok((500.., _)) => "unknown",
        Ok(_) => "failed",
        Err(Error::Refused(refusal)) if refusal.status() < 500 => "failed",
        Err(_) => "unknown",
    }
}

async fn execute(
    endpoint: &AdmittedRequest<'_>,
    request: Request,
    of: AdminRoute<'_>,
) -> AppResult<AdminReply> {
    let env = endpoint.env;
    Ok(match (request.method(), of) {
        (Method::Get, AdminRoute::Health) => {
            let percentage = rollout::percentage(env).await;
            let config = upstreams::config(env).await;
            (200, Some(health::report(env, &config, percentage, request.url())))
        }
        (Method::Get, AdminRoute::Keys) => {
            let keys = named_keys::list(env).await?;
            (200, Some(Object::new().raw("keys", &keys).end()))
        }
        (Method::Post, AdminRoute::Keys) => {
            let body = body(&request).await?;
            match keys::parse_new_key(&body, now_s()) {
                Ok(wanted) => {
                    let by = &endpoint.principal.client;
                    let (id, key) = named_keys::create(env, &wanted, by).await?;
                    (201, Some(keys::created(&id, &key, &wanted)))
                }
                Err(why) => wrong(why),
            }
        }
        (Method::Delete, AdminRoute::Key(id)) => match named_keys::revoke(env, id).await? {
            true => (204, None),
            false => (404, Some(said("there is no valid key with this id"))),
        },
        (Method::Get, AdminRoute::Rollout) => (200, Some(rollout_text(endpoint).await)),
        (Method::Put, AdminRoute::Rollout) => {
            let body = body(&request).await?;
            let percentage = fields(&body, ["percentage"]).ok();
            let percentage = percentage.and_then(|[found]| raw::whole_number(found?));
            match percentage.and_then(|whole| u8::try_from(whole).ok()).filter(|it| *it <= 100) {
                Some(percentage) => {
                    rollout::set(env, percentage).await?;
                    (200, Some(rollout_text(endpoint).await))
                }
                None => wrong("`percentage`: expected a whole number from 0 to 100"),
            }
        }
        (Method::Get, AdminRoute::Audit) => match read::filter(request.url()) {
            Ok(filter) => {
                let entries = audit::list(env, &filter).await?;
                (200, Some(read::entries(&entries, filter.limit)))
            }
            Err(why) => wrong(why),
        },
        (Method::Get, AdminRoute::Quota(subject)) => {
            let count = quota::count(env, subject).await?;
            let tokens = quota::accepted(env, subject).await?.count();
            (200, Some(read::quota(count, endpoint.config.rate_limit, tokens)))
        }
        (Method::Get, AdminRoute::Sessions(subject)) => {
            let watchers = Hub::new(env, subject).watchers().await?;
            (200, Some(read::sessions(&watchers)))
        }
        (Method::Delete, AdminRoute::Sessions(subject)) => {
            sessions::end(&Hub::new(env, subject)).await?;
            (204, None)
        }
        (Method::Get, AdminRoute::Upstreams) => upstreams::all(endpoint).await,
        (Method::Get, AdminRoute::Upstream(name)) => upstreams::one(endpoint, &request, name).await,
        (Method::Put, AdminRoute::Upstream(name)) => {
            let body = body(&request).await?;
            stored_upstreams::put(endpoint, &request, name, &body).await?
        }
        (Method::Delete, AdminRoute::Upstream(name)) => {
            stored_upstreams::remove(endpoint, name).await?
        }
        (Method::Post, AdminRoute::Pins(name)) => {
            let body = body(&request).await?;
            upstreams::approve(endpoint, &request, name, &body).await
        }
        (Method::Delete, AdminRoute::Pins(name)) => {
            upstreams::forget(endpoint, &request, name).await
        }
        (_, of) => return Err(Refusal::Method(of.methods()).into()),
    })
}

async fn rollout_text(endpoint: &AdmittedRequest<'_>) -> String {
    let percentage = rollout::percentage(endpoint.env).await;
    let allowed: Vec<String> = endpoint.config.rollout_allow.names().map(quoted).collect();
    Object::new()
        .raw("percentage", &percentage.map_or("null".to_owned(), |share| share.to_string()))
        .raw("allow", &array(&allowed))
        .end()
}

async fn body(request: &Request) -> AppResult<String> {
    let body = read_body(request).await?;
    // Text that is not UTF-8 is not JSON either.
    Ok(String::from_utf8(body).unwrap_or_default())
}

fn wrong(why: &str) -> AdminReply {
    (400, Some(said(why)))
}

fn said(why: &str) -> String {
    Object::new().text("error", why).end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_what_they_name() {
        let subject = Subject([7; 16]);
        let text = subject.to_text();
        assert_eq!(AdminRoute::read("/admin/health"), Some(AdminRoute::Health));
        assert_eq!(AdminRoute::read("/admin/keys"), Some(AdminRoute::Keys));
        assert_eq!(AdminRoute::read("/admin/keys/a"), Some(AdminRoute::Key("a")));
        assert_eq!(AdminRoute::read("/admin/upstreams"), Some(AdminRoute::Upstreams));
        let upstream = AdminRoute::read("/admin/upstreams/t");
        assert_eq!(upstream, Some(AdminRoute::Upstream("t")));
        assert_eq!(AdminRoute::read("/admin/upstreams/t/pins"), Some(AdminRoute::Pins("t")));
        let quota = format!("/admin/subjects/{text}/quota");
        assert_eq!(AdminRoute::read(&quota), Some(AdminRoute::Quota(subject)));
        for wrong in [
            "/admin/",
            "/admin/keys/a/b",
            "/admin/health/a",
            "/admin/subjects/x/quota",
            "/admin/moon",
            "/admin/upstreams/t/pin",
            "/admin/upstreams/t/pins/a",
        ] {
            assert_eq!(AdminRoute::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_description_is_json_and_knows_every_path() {
        let description: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        for path in description["paths"].as_object().unwrap().keys() {
            let subject = Subject([7; 16]).to_text();
            let path =
                path.replace("{subject}", &subject).replace("{id}", "a").replace("{name}", "a");
            // It has a key of its own.
            let unlocks = unlocked_by(&path.replace("{stage}", "a")) == Some("a");
            assert!(AdminRoute::read(&path).is_some() != unlocks, "{path}");
        }
        assert_eq!(description["paths"].as_object().unwrap().len(), 11);
    }
}
