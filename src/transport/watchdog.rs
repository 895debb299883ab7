//! The guard of event streams that pass through the Worker: silence ends them, so that an object
//! that went away is never a hang.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::Stream;
use worker::{ByteStream, Error, Result};

use crate::{
    agents::call::KEEP_ALIVE,
    protocol::event,
    runtime::sleep::Sleep,
    telemetry::record::{BROKE, Record, SILENT},
};

/// Silence after which a stream is given up: two and a half keep-alives.
const SILENCE: Duration = Duration::from_millis(37_500);
const _: () = assert!(SILENCE.as_millis() * 2 == KEEP_ALIVE.as_millis() * 5);

/// A stream of bytes that ends when its source is silent for too long, or breaks.
pub struct Watched {
    source: Option<ByteStream>,
    patience: Sleep,
    record: Rc<Record>,
}

impl Watched {
    /// Guards a stream.
    pub fn new(source: ByteStream, record: Rc<Record>) -> Self {
        Self { source: Some(source), patience: Sleep::new(SILENCE), record }
    }

    fn give_up(&mut self, outcome: &'static str, why: &str) -> Poll<Option<Result<Vec<u8>>>> {
        self.source = None;
        self.record.broke(outcome);
        Poll::Ready(Some(Ok(event::comment(why))))
    }
}

impl Stream for Watched {
    type Item = Result<Vec<u8>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(source) = &mut self.source else {
            return Poll::Ready(None);
        };
        match Pin::new(source).poll_next(cx) {
            Poll::Ready(Some(Ok(bytes))) => {
                self.patience = Sleep::new(SILENCE);
                Poll::Ready(Some(Ok(bytes)))
            }
            Poll::Ready(Some(Err(_))) => self.give_up(BROKE, "closed: the session's stream broke"),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => match Future::poll(Pin::new(&mut self.patience), cx) {
                Poll::Ready(()) => self.give_up(SILENT, "closed: the session's stream fell silent"),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}
