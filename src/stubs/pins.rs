//! The way to the objects that keep the pins of upstreams.

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use worker::{Env, Headers, Result};

use crate::{
    platform::{object_stub::ObjectStub, request},
    stubs::upstream::UPSTREAM_AGENT,
};
use gateway::pin_store::{PinStore, PinsAnswer, PinsRequest};
use mcp_platform::{message, record::Record as _};

/// What the names of the objects begin with.
const PINS: &str = "pins:";

/// The pins of this deployment.
pub struct PinObjects(pub Env);

impl PinStore for PinObjects {
    fn ask(
        &self,
        pins: &str,
        request: PinsRequest,
    ) -> LocalBoxFuture<'static, std::result::Result<PinsAnswer, String>> {
        let (env, name) = (self.0.clone(), format!("{PINS}{pins}"));
        async move { ask(&env, &name, &request).await.map_err(|error| error.to_string()) }
            .boxed_local()
    }
}

async fn ask(env: &Env, name: &str, asked: &PinsRequest) -> Result<PinsAnswer> {
    let json = asked.to_json();
    let url = format!("https://object{}", message::path(&json));
    let request = request::request("POST", &url, &Headers::new(), Some(&json))?;
    let (status, text) = ObjectStub::named(env, UPSTREAM_AGENT, name)?.text(&request).await?;
    let answer = (status == 200).then(|| PinsAnswer::from_json(&text)).flatten();
    answer.ok_or_else(|| worker::Error::RustError(format!("the object answers {status}")))
}
