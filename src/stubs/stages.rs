//! The way to the objects of stages.
//!
//! Invariant: the tools have [`StageObjects`], which cannot unlock a stage. [`unlock`] is called by the admin API alone.

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use infrastructure::state::{Answer, UnlockRequest};
use worker::{Env, Error, Headers, Result};

use crate::platform::{object_stub::ObjectStub, request};
use mcp_platform::{message, record::Record as _};
use mcp_server::stages::Stages;

/// The binding of the stages.
const STAGE_AGENT: &str = "STAGE_AGENT";
/// Where the object of a stage is unlocked.
pub const UNLOCK: &str = "/unlock";

/// The objects of stages.
pub struct StageObjects(pub Env);

impl Stages for StageObjects {
    fn ask(
        &self,
        stage: &str,
        request: String,
    ) -> LocalBoxFuture<'static, std::result::Result<String, String>> {
        let (env, stage) = (self.0.clone(), stage.to_owned());
        async move {
            let asked = post(&env, &stage, &message::path(&request), &request).await;
            asked.map_err(|error| {
                log::error!("the object of a stage does not answer: {error}");
                error.to_string()
            })
        }
        .boxed_local()
    }
}

/// Unlocks a protected stage for one plan.
///
/// # Errors
/// Where its object does not answer.
pub async fn unlock(env: &Env, stage: &str, request: &UnlockRequest) -> Result<Answer> {
    let text = post(env, stage, UNLOCK, &request.to_json()).await?;
    let unreadable = || Error::RustError("the answer cannot be read".to_owned());
    Answer::from_json(&text).ok_or_else(unreadable)
}

async fn post(env: &Env, stage: &str, path: &str, json: &str) -> Result<String> {
    let url = format!("https://object{path}");
    let request = request::request("POST", &url, &Headers::new(), Some(json))?;
    match ObjectStub::named(env, STAGE_AGENT, stage)?.text(&request).await? {
        (200, text) => Ok(text),
        (status, _) => Err(Error::RustError(format!("the object answers {status}"))),
    }
}
