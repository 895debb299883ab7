//! The Worker's side of the objects that keep upstreams' sessions for clients which have none themselves.

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, future::LocalBoxFuture};
use worker::{Env, Headers, Result};

use crate::platform::{object_stub::ObjectStub, request};
use gateway::place::{FrameBody, ObjectRequest, UpstreamObjects};
use mcp_auth::subject::Subject;
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
    if response.status_code() != 200 {
        let status = response.status_code();
        return Err(worker::Error::RustError(format!("the object answers {status}")));
    }
    // Dropping the stream cancels it.
    let chunks = response.stream()?.map_err(|error| error.to_string());
    Ok(chunks.map(|chunk| chunk).boxed_local())
}
