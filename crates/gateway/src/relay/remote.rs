//! The Worker's side of a call that an upstream's object runs for a stateless client.
//!
//! Invariant: dropping the call takes it back there. Silence of the object is an error, and never a hang.

use std::time::Duration;

use futures_util::{
    StreamExt as _,
    future::{Either, select},
};
use mcp_client::error::UpstreamError;
use mcp_platform::SharedPlatform;
use mcp_protocol::jsonrpc::{INTERNAL_ERROR, RpcError};
use mcp_server::{client_request::Stop, notifier::Notifier, outcome::Outcome};
use serde_json::value::RawValue;

use super::{
    Asked, Failure,
    frames::{Frame, FrameReader},
    is_key_refused,
    place::{Caller, Carriage, FrameBody, ObjectRequest, RelayedCall, UpstreamObjects},
};

/// How long the object may be silent: two and a half of its signs of life.
const SILENCE: Duration = Duration::from_secs(25);

/// Sends a request, or goes on with the one that the client was asked for.
///
/// # Errors
/// Where there is no result, and where the client must answer with a new request.
pub async fn ask(
    objects: &dyn UpstreamObjects,
    (upstream, caller): (&str, Caller),
    asked: &Asked<'_>,
    back: &dyn Notifier,
    platform: &SharedPlatform,
) -> Result<String, Failure> {
    let carried = back.carried();
    let park = carried.as_ref().and_then(|carried| Carriage::read(&carried.state));
    let request = match (park, carried) {
        (Some(Carriage::Park(epoch, park, round)), Some(carried)) => {
            ObjectRequest::Resume { epoch, park, round, responses: carried.responses }
        }
        // A call that asked before is not sent again.
        (None, Some(_)) => return Err(broken("its place cannot be read")),
        _ => ObjectRequest::Call(RelayedCall {
            upstream: upstream.to_owned(),
            method: asked.method.to_owned(),
            params: RawValue::from_string(asked.params.to_owned())
                .map_err(|_| broken("its parameters"))?,
            caller,
            capabilities: back.capabilities().bits(),
            log_level: asked.log_level,
            reads: asked.reads,
            changes: asked.changes,
        }),
    };
    let body = objects.send(upstream, request).await.map_err(|why| broken(&why))?;
    read(body, back, platform).await
}

/// Reads the frames to the last one.
///
/// # Errors
/// As [`ask`].
pub async fn read(
    mut body: FrameBody,
    back: &dyn Notifier,
    platform: &SharedPlatform,
) -> Result<String, Failure> {
    let (mut reader, mut is_certain) = (FrameReader::default(), true);
    loop {
        while let Some(frame) = reader.take().map_err(|error| broken(&error.to_string()))? {
            match frame {
                Frame::Alive => {}
                Frame::Progress { progress, total, message } => {
                    back.progress(progress, total, message.as_deref());
                }
                Frame::Log { level, logger, data } => back.log(level, &logger, data),
                Frame::Unknown => is_certain = false,
                Frame::Result(result) if is_certain => return Ok(result.get().to_owned()),
                Frame::Result(result) => {
                    return Err(Failure::Unknown(Outcome::Relayed(result.get().to_owned())));
                }
                Frame::Error(error) if is_certain && is_key_refused(&error) => {
                    return Err(UpstreamError::Unauthorized { challenge: None }.into());
                }
                Frame::Error(error) if is_certain => {
                    return Err(Failure::Stopped(Stop::refused(error)));
                }
                Frame::Error(error) => return Err(Failure::Unknown(Outcome::Failed(error))),
                Frame::Ask { epoch, park, round, questions } => {
                    let carriage = Carriage::Park(epoch, park, round).to_json();
                    let asks = back.relay(questions, &carriage).await;
                    return Err(Failure::Stopped(asks.err().unwrap_or_else(lost)));
                }
            }
        }
        match select(body.next(), platform.sleep(SILENCE)).await {
            Either::Left((Some(Ok(chunk)), _)) => {
                reader.push(&chunk).map_err(|error| broken(&error.to_string()))?;
            }
            Either::Left((Some(Err(why)), _)) => return Err(broken(&why)),
            Either::Left((None, _)) => return Err(broken("its answer broke off")),
            Either::Right(_) => return Err(broken("it fell silent")),
        }
    }
}

fn lost() -> Stop {
    Stop::refused(RpcError::new(INTERNAL_ERROR, "the questions were lost"))
}

/// The object did not answer. What it does not say may have happened all the same.
fn broken(why: &str) -> Failure {
    let why = format!(
        "the outcome is not known: the object that speaks to the server failed ({why}). Check what \
         was done before you send the request again"
    );
    Failure::Unknown(Outcome::Failed(RpcError::new(INTERNAL_ERROR, why)))
}
