//! The way back to the client of a call that may be parked.

use std::{rc::Rc, task::Poll};

use futures_channel::oneshot;
use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, join_all, poll_fn, ready},
};
use mcp_protocol::{
    capabilities::ClientCapabilities,
    jsonrpc::{INTERNAL_ERROR, INVALID_PARAMS, RpcError},
    log_level::LoggingLevel,
    stateless::mrtr::KeyedRequest,
};
use mcp_server::{
    client_request::Stop,
    notifier::{ChangeEvent, Notifier},
};
use serde_json::Value;

use super::{FULL, OpenQuestion, ParkedCall};
use crate::relay::{budget::Charge, frames::Frame, questions::MAX_QUESTIONS};

/// The way back to the client of such a call.
pub struct ParkNotifier(pub Rc<ParkedCall>);

impl Notifier for ParkNotifier {
    fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        let message = message.map(str::to_owned);
        self.0.push(&Frame::Progress { progress, total, message });
    }

    fn log(&self, level: LoggingLevel, logger: &str, data: Value) {
        if self.0.log_level.is_some_and(|wanted| level >= wanted) {
            self.0.push(&Frame::Log { level, logger: logger.to_owned(), data });
        }
    }

    fn announce(&self, _news: ChangeEvent) {}

    fn ask(
        &self,
        questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        let able = |asked: &KeyedRequest| self.0.capabilities.has(asked.question.needs());
        if !questions.iter().all(able) {
            let why = RpcError::new(INVALID_PARAMS, "the client did not declare what this needs");
            return ready(Err(Stop::refused(why))).boxed_local();
        }
        if self.0.open.borrow().len().saturating_add(questions.len()) > MAX_QUESTIONS {
            let why = RpcError::new(INTERNAL_ERROR, "too many questions are open");
            return ready(Err(Stop::refused(why))).boxed_local();
        }
        let bytes = |keyed: &KeyedRequest| serde_json::to_vec(keyed).map_or(0, |json| json.len());
        let charges = questions.iter().map(|keyed| self.0.room.held.charge(bytes(keyed)));
        let Some(charges) = charges.collect::<Option<Vec<Charge>>>() else {
            let why = RpcError::new(INTERNAL_ERROR, format!("the client cannot be asked: {FULL}"));
            return ready(Err(Stop::refused(why))).boxed_local();
        };
        let mut answers = Vec::new();
        for (keyed, charge) in questions.into_iter().zip(charges) {
            let asked = self.0.asked.get().saturating_add(1);
            self.0.asked.set(asked);
            let (answer, answered) = oneshot::channel();
            let keyed = KeyedRequest { key: format!("question_{asked}"), ..keyed };
            self.0.open.borrow_mut().push(OpenQuestion { keyed, answer, _charge: charge });
            self.0.is_changed.set(true);
            answers.push(answered);
        }
        let taken_back = || {
            let why = RpcError::new(INVALID_PARAMS, "the client took its request back");
            Stop::refused(why)
        };
        async move {
            let answers = join_all(answers).await;
            answers.into_iter().map(|answer| answer.map_err(|_| taken_back())).collect()
        }
        .boxed_local()
    }

    fn capabilities(&self) -> ClientCapabilities {
        self.0.capabilities
    }

    fn pause_stream(&self, _retry_ms: u32) {}

    fn is_cancelled(&self) -> bool {
        self.0.cancelled.get()
    }

    fn cancelled(&self) -> LocalBoxFuture<'static, ()> {
        let call = self.0.clone();
        let over = poll_fn(move |cx| match call.cancelled.get() {
            true => Poll::Ready(()),
            false => {
                *call.waker.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        });
        over.boxed_local()
    }
}
