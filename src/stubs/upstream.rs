//! The doors of upstreams, and the Worker's side of the objects that keep upstreams' sessions for clients which have none
//! themselves.

use std::{
    borrow::Cow,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, future::LocalBoxFuture};
use uuid::Uuid;
use worker::{Env, Headers, Result};

use crate::{
    config::Config,
    platform::{object_stub::ObjectStub, request, workers::WorkersPlatform},
    response::STREAMED,
    state,
    stubs::{connect::PersonalKeys, pins::PinObjects},
    wiring::native,
};
use gateway::{
    config::Upstream,
    connect::NoConnections,
    door::{Door, Place},
    forwarded::Forwarded,
    relay::{
        park::ParkedCall,
        place::{FrameBody, ObjectRequest, UpstreamObjects},
    },
};
use mcp_auth::{
    keys::Keyring,
    principal::Principal,
    refusal::Refusal,
    scope::Scopes,
    subject::{AuthMethod, Subject},
    upstream_scopes::UpstreamScopes,
    upstream_task_id::UpstreamTaskId,
};
use mcp_client::headers::{TRAIL_HEADER, Trail};
use mcp_platform::{Platform as _, message, record::Record as _};
use mcp_server::upstream_selection::Selection;

/// The header that names the toolsets that a caller wants; upstreams are toolsets, too.
pub const TOOLSETS_HEADER: &str = "x-mcp-toolsets";
/// The binding of the objects.
pub(super) const UPSTREAM_AGENT: &str = "UPSTREAM_AGENT";

/// A caller's objects.
pub struct UpstreamStub {
    /// The Worker's bindings.
    pub env: Env,
    /// The caller.
    pub subject: Subject,
    /// Whether the subject is one person. Callers who share a key, or have none, never share a session with an upstream:
    /// each of their calls has an object of its own.
    pub is_personal: bool,
}

/// What the names of objects begin with that keep the sessions of a subject.
const SHARED: &str = "calls:";
/// What the names of objects begin with that run one call.
const OF_ONE_CALL: &str = "call:";

/// The name of the object that runs a call, behind its beginning; None for the one of the subject. It is the beginning of
/// what a parked call calls its object's life.
fn own_object(epoch: &str) -> Option<&str> {
    epoch.split_once('.').map(|(own, _)| own).filter(|own| !own.is_empty())
}

/// The life of an object of this name, as parked calls call it.
pub fn life(object: &str, life: &str) -> String {
    let own = object.strip_prefix(OF_ONE_CALL).and_then(|rest| rest.rsplit(':').next());
    format!("{}.{life}", own.unwrap_or_default())
}

/// Whether an object of this name runs one call, so that its session with the upstream ends with that.
pub fn runs_one_call(object: &str) -> bool {
    object.starts_with(OF_ONE_CALL)
}

/// How often an object in which a call waits is asked, so that it stays.
const ASKED_EVERY: Duration = Duration::from_secs(45);

/// Keeps the object of this name in memory for as long as a call waits in it for its client. Never ends. It is polled by the
/// task that runs the call, so that a call which never waits has no timer for it.
pub async fn stay_awake(env: Env, name: Option<String>, call: Rc<ParkedCall>) {
    let name = name.unwrap_or_default();
    let waits = |_: &mut Context<'_>| match call.is_asleep() {
        true => Poll::Ready(()),
        false => Poll::Pending,
    };
    loop {
        poll_fn(waits).await;
        WorkersPlatform.sleep(ASKED_EVERY).await;
        if call.is_asleep()
            && let Err(error) = ask_nothing(&env, &name).await
        {
            log::warn!("an object in which a call waits does not answer itself: {error}");
        }
    }
}

async fn ask_nothing(env: &Env, name: &str) -> Result<()> {
    let request = request::request("POST", "https://object/", &Headers::new(), Some(""))?;
    ObjectStub::named(env, UPSTREAM_AGENT, name)?.text(&request).await?;
    Ok(())
}

impl UpstreamStub {
    fn object(&self, upstream: &str, request: &ObjectRequest) -> String {
        let own = match request {
            ObjectRequest::Resume { epoch, .. } => own_object(epoch).map(str::to_owned),
            // Lists and descriptions say nothing of the person who asks.
            ObjectRequest::About { .. } => None,
            ObjectRequest::Call(call) if self.is_personal || call.method.ends_with("/list") => None,
            ObjectRequest::Call(_) => Some(Uuid::new_v4().simple().to_string()),
        };
        match own {
            Some(own) => format!("{OF_ONE_CALL}{upstream}:{own}"),
            None => format!("{SHARED}{upstream}:{}", self.subject.to_text()),
        }
    }
}

impl UpstreamObjects for UpstreamStub {
    fn send(
        &self,
        upstream: &str,
        request: ObjectRequest,
    ) -> LocalBoxFuture<'static, std::result::Result<FrameBody, String>> {
        let name = self.object(upstream, &request);
        let env = self.env.clone();
        async move { open(&env, &name, &request).await.map_err(|error| error.to_string()) }
            .boxed_local()
    }
}

async fn open(env: &Env, name: &str, asked: &ObjectRequest) -> Result<FrameBody> {
    let json = asked.to_json();
    let url = format!("https://object{}", message::path(&json));
    let request = request::request("POST", &url, &Headers::new(), Some(&json))?;
    let mut response = ObjectStub::named(env, UPSTREAM_AGENT, name)?.open(&request).await?;
    if response.status_code() != STREAMED {
        let status = response.status_code();
        return Err(worker::Error::RustError(format!("the object answers {status}")));
    }
    // Dropping the stream cancels it.
    let chunks = response.stream()?;
    Ok(chunks.map(|chunk| chunk.map_err(|error| error.to_string())).boxed_local())
}

/// The header to a session's object that carries the headers of its client which upstreams want.
pub const FORWARD_HEADER: &str = "x-internal-forward";

/// The header that names the gateways which a request passed.
pub const GATEWAYS_HEADER: &str = TRAIL_HEADER;

/// The name of this deployment among gateways: it says nothing, and no other has it.
fn own_name(keys: &Keyring) -> String {
    let id = keys.signing_id();
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The gateways that a request passed, this one included.
///
/// # Errors
/// 508 where it was here before.
pub fn trail(passed: Option<&str>, keys: &Keyring) -> std::result::Result<Trail, Refusal> {
    Trail::of(passed, &own_name(keys)).map_err(|_| Refusal::Loop)
}

/// The upstreams that a caller may use.
pub fn usable<'a>(config: &'a Config, principal: &Principal) -> impl Iterator<Item = &'a Upstream> {
    config.upstreams.iter().filter(move |upstream| may_use(principal, upstream))
}

/// Lets a caller in at a door. An upstream whose scope nobody is granted is as unknown as one that is not there.
///
/// # Errors
/// 403 that names the scopes which are missing, 404.
pub fn enter(
    config: &Config,
    principal: &Principal,
    door: &str,
) -> std::result::Result<(), Refusal> {
    if door.is_empty() {
        return Ok(());
    }
    let upstream = config.upstreams.get(door).ok_or(Refusal::NotFound)?;
    if may_use(principal, upstream) {
        return Ok(());
    }
    let needed = match Scopes::named(&upstream.scope) {
        Scopes::ADMIN => return Err(Refusal::NotFound),
        own => UpstreamScopes::of([upstream.scope.as_str()]).with_own(own.with(Scopes::READ)),
    };
    let challenge = format!(r#"Bearer error="insufficient_scope", scope="{needed}""#);
    Err(Refusal::UpstreamScope(needed, challenge))
}

/// Whether there is any upstream behind a door for a caller who made this choice. The door of one upstream has it,
/// whatever was chosen.
pub fn is_any(config: &Config, door: &str, choice: &Selection) -> bool {
    let is_chosen = !door.is_empty() || !choice.upstreams.is_empty(choice.tools);
    is_chosen && !config.upstreams.is_empty()
}

/// The upstreams behind a door. None: there are none. `name`: the upstream that the door is for, or nothing.
///
/// # Errors
/// 508 where the request was here before.
pub fn door(
    (env, config): (&Env, &Config),
    keys: &Rc<Keyring>,
    name: &str,
    place: impl FnOnce() -> Place,
    (passed, forwarded, connections): (Option<String>, Forwarded, impl FnOnce() -> PersonalKeys),
) -> std::result::Result<Option<Rc<Door>>, Refusal> {
    if config.upstreams.is_empty() {
        return Ok(None);
    }
    Ok(Some(Rc::new(Door {
        upstreams: config.upstreams.clone(),
        name: name.to_owned(),
        place: place(),
        memory: state::upstreams(),
        pins: Rc::new(PinObjects(env.clone())),
        trail: trail(passed.as_deref(), keys)?,
        passed,
        forwarded,
        keys: keys.clone(),
        may_use,
        connections: match config.has_personal_upstreams() {
            true => Rc::new(connections()),
            false => Rc::new(NoConnections),
        },
        natives: native,
    })))
}

/// Whether an id is that of an upstream's task, and this subject's. Whether there is a way to the upstream is for its door
/// to say.
pub fn is_task(config: &Config, keys: &Keyring, subject: Subject, id: &str) -> bool {
    !config.upstreams.is_empty() && UpstreamTaskId::verify(id, keys, subject).is_some()
}

/// What a state is bound to, of what a request names: two upstreams may have tools of one name, each at its own door.
pub fn target_at<'a>(door: &str, target: &'a str) -> Cow<'a, str> {
    match door {
        "" => Cow::Borrowed(target),
        door => Cow::Owned(format!("/u/{door} {target}")),
    }
}

/// Whether a caller may use an upstream. The operator's own keys may use all; a token of somebody else's issuing
/// opens only those whose scope it has.
fn may_use(principal: &Principal, upstream: &Upstream) -> bool {
    match principal.auth_method {
        AuthMethod::Open | AuthMethod::ApiKey | AuthMethod::NamedKey | AuthMethod::Secret => true,
        AuthMethod::Jwt | AuthMethod::OAuth => match Scopes::named(&upstream.scope) {
            Scopes::NONE => {
                principal.upstreams.has(&upstream.scope) || principal.scopes.has(Scopes::ADMIN)
            }
            own => principal.scopes.has(own),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parked_call_is_found_in_the_object_that_runs_it() {
        for (object, own) in [("call:tickets:0a1b", Some("0a1b")), ("calls:tickets:AbC", None)] {
            assert_eq!(own_object(&life(object, "life")), own, "{object}");
            assert_eq!(runs_one_call(object), own.is_some());
        }
        assert_ne!(life("call:tickets:0a1b", "one"), life("call:tickets:0a1b", "two"));
    }
}
