//! The routes tests in another process steer a stand-in with. They need no token and are not
//! recorded.

use serde::de::DeserializeOwned;
use serde_json::json;

use crate::engine::call::Call;
use crate::engine::fault::Fault;
use crate::engine::reply::Reply;
use crate::engine::service::{Service, Shared};

/// The prefix of the control routes' paths.
pub(crate) const PREFIX: &str = "/__control/";

/// Answers a control request.
pub(crate) fn answer<S: Service>(shared: &Shared<S>, call: &Call) -> Reply {
    let name = call.path.strip_prefix(PREFIX).unwrap_or_default();
    let mut inner = shared.lock();
    match (call.method.as_str(), name) {
        ("POST", "fault") => match read::<Fault>(call) {
            Ok(fault) => {
                inner.faults.add(fault);
                done()
            }
            Err(reply) => reply,
        },
        ("GET", "requests") => Reply::ok(&json!(inner.log.all())),
        ("POST", "reset") => {
            inner.reset();
            done()
        }
        _ => S::control(&mut inner, name, call).unwrap_or_else(|| failed(404, "Not Found")),
    }
}

/// The body of a control request.
pub(crate) fn read<T: DeserializeOwned>(call: &Call) -> Result<T, Reply> {
    serde_json::from_slice(&call.body).map_err(|error| failed(400, &error.to_string()))
}

/// The answer to a control request that was followed.
pub(crate) fn done() -> Reply {
    Reply::ok(&json!({ "ok": true }))
}

fn failed(status: u16, detail: &str) -> Reply {
    Reply::json(status, &json!({ "detail": detail }))
}
