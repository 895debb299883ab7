//! From a request to its answer: the log, the faults, then the service itself.

use std::fmt;
use std::time::Duration;

use crate::engine::call::Call;
use crate::engine::control;
use crate::engine::reply::Reply;
use crate::engine::service::{Service, Shared};

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
pub(crate) async fn answer<S: Service>(shared: &Shared<S>, call: &Call) -> Result<Reply, Cut> {
    if call.path.starts_with(control::PREFIX) {
        return Ok(control::answer(shared, call));
    }
    let ticket = shared.lock().log.note(call, S::RECORDS_CREDENTIALS);
    let reply = perform(shared, call).await?;
    shared.lock().log.settle(ticket, reply.status);
    Ok(reply)
}

async fn perform<S: Service>(shared: &Shared<S>, call: &Call) -> Result<Reply, Cut> {
    let real_answer = || shared.lock().service.answer(call);
    let Some(fault) = shared.lock().faults.take(call, &S::fault_paths(call)) else {
        return Ok(real_answer());
    };
    let mut real = fault.after.then(real_answer);
    if let Some(millis) = fault.delay_ms {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    if fault.cut {
        return Err(Cut);
    }
    if !fault.replaces() && real.is_none() {
        real = Some(real_answer());
    }
    Ok(fault.apply(real, |status, reason| S::failure(call, status, reason)))
}
