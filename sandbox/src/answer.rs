//! From a request to its answer: the log, the faults, then the API itself.

use std::fmt;
use std::time::Duration;

use crate::api;
use crate::call::Call;
use crate::control;
use crate::reply::Reply;
use crate::shared::Shared;

/// The connection is to be closed without an answer.
#[derive(Debug)]
pub(crate) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is cut on purpose")
    }
}

impl std::error::Error for Cut {}

/// Answers one request.
pub(crate) async fn answer(shared: &Shared, call: &Call) -> Result<Reply, Cut> {
    if call.path.starts_with(control::PREFIX) {
        return Ok(control::answer(shared, call));
    }
    let ticket = shared.lock().log.note(call);
    let reply = perform(shared, call).await?;
    shared.lock().log.settle(ticket, reply.status);
    Ok(reply)
}

async fn perform(shared: &Shared, call: &Call) -> Result<Reply, Cut> {
    let Some(fault) = shared.lock().faults.take(call) else {
        return Ok(api::answer(shared, call));
    };
    let mut real = fault.after.then(|| api::answer(shared, call));
    if let Some(millis) = fault.delay_ms {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    if fault.cut {
        return Err(Cut);
    }
    if !fault.replaces() && real.is_none() {
        real = Some(api::answer(shared, call));
    }
    Ok(fault.apply(real))
}
