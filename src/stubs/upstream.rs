//! The doors of upstreams, and the Worker's side of the objects that keep upstreams' sessions for clients which have none
//! themselves.

use std::{borrow::Cow, rc::Rc};

use futures_util::{FutureExt as _, StreamExt as _, future::LocalBoxFuture};
use worker::{Env, Headers, Result};

use crate::{
    config::Config,
    platform::{object_stub::ObjectStub, request},
    response::STREAMED,
    state,
};
use gateway::{
    config::Upstream,
    door::{Door, Place},
    relay::place::{FrameBody, ObjectRequest, UpstreamObjects},
};
use mcp_auth::{
    keys::Keyring,
    principal::Principal,
    refusal::Refusal,
    scope::Scopes,
    subject::{AuthMethod, Subject},
};
use mcp_client::headers::{TRAIL_HEADER, Trail};
use mcp_platform::{message, record::Record as _};

/// The binding of the objects.
const UPSTREAM_AGENT: &str = "UPSTREAM_AGENT";

/// One caller's objects, one for each upstream.
pub struct UpstreamStub {
    /// The Worker's bindings.
    pub env: Env,
    /// The caller.
    pub subject: Subject,
}

impl UpstreamObjects for UpstreamStub {
    fn send(
        &self,
        upstream: &str,
        request: ObjectRequest,
    ) -> LocalBoxFuture<'static, std::result::Result<FrameBody, String>> {
        let name = format!("calls:{upstream}:{}", self.subject.to_text());
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

/// The upstreams behind a door. None: there are none. `name`: the upstream that the door is for, or nothing.
///
/// # Errors
/// 508 where the request was here before.
pub fn door(
    config: &Config,
    keys: &Keyring,
    name: &str,
    place: impl FnOnce() -> Place,
    passed: Option<String>,
) -> std::result::Result<Option<Rc<Door>>, Refusal> {
    if config.upstreams.is_empty() {
        return Ok(None);
    }
    Ok(Some(Rc::new(Door {
        upstreams: config.upstreams.clone(),
        name: name.to_owned(),
        place: place(),
        memory: state::upstreams(),
        trail: trail(passed.as_deref(), keys)?,
        passed,
        may_use,
    })))
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
        AuthMethod::Jwt | AuthMethod::OAuth => {
            let named = Scopes::named(&upstream.scope);
            let needed = if named == Scopes::NONE { Scopes::ADMIN } else { named };
            principal.scopes.has(needed)
        }
    }
}
