//! The guard of event streams that pass through the Worker: silence ends them, so that an object
//! that went away is never a hang.
//!
//! Invariant: only the time counts in which the client waits for the object; the time that a client
//! takes to read does not.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, StreamExt as _, future::LocalBoxFuture, stream::LocalBoxStream};
use worker::{Error, Result};

use mcp_platform::SharedPlatform;
use mcp_protocol::event;
use mcp_server::{
    call::KEEP_ALIVE,
    telemetry::record::{BROKE, RequestRecord, SILENT},
};

/// Silence after which a stream is given up: two and a half keep-alives.
const SILENCE: Duration = Duration::from_millis(37_500);
const _: () = assert!(SILENCE.as_millis() * 2 == KEEP_ALIVE.as_millis() * 5);

/// A stream of bytes that ends when its source is silent for too long, or breaks. It takes a piece of
/// its source only when it is polled, so that nothing waits in it.
pub struct WatchedStream {
    source: Option<LocalBoxStream<'static, Result<Vec<u8>>>>,
    /// `None` while the source is not polled.
    patience: Option<LocalBoxFuture<'static, ()>>,
    platform: SharedPlatform,
    record: Rc<RequestRecord>,
}

impl WatchedStream {
    /// Guards a stream.
    pub fn new(
        source: impl Stream<Item = Result<Vec<u8>>> + 'static,
        platform: SharedPlatform,
        record: Rc<RequestRecord>,
    ) -> Self {
        Self { source: Some(source.boxed_local()), patience: None, platform, record }
    }

    fn give_up(&mut self, outcome: &'static str, why: &str) -> Poll<Option<Result<Vec<u8>>>> {
        self.source = None;
        self.record.stream_broke(outcome);
        Poll::Ready(Some(Ok(event::comment(why))))
    }
}

impl Stream for WatchedStream {
    type Item = Result<Vec<u8>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(source) = &mut this.source else {
            return Poll::Ready(None);
        };
        let Poll::Ready(piece) = source.poll_next_unpin(cx) else {
            let platform = &this.platform;
            let patience = this.patience.get_or_insert_with(|| platform.sleep(SILENCE));
            return match patience.as_mut().poll(cx) {
                Poll::Ready(()) => this.give_up(SILENT, "closed: the session's stream fell silent"),
                Poll::Pending => Poll::Pending,
            };
        };
        this.patience = None;
        match piece {
            Some(Err(_)) => this.give_up(BROKE, "closed: the session's stream broke"),
            piece => Poll::Ready(piece),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, collections::VecDeque, future::poll_fn, task::Waker};

    use futures_util::{FutureExt as _, future::pending, stream};

    use super::*;
    use mcp_platform::{NetworkFailure, OutboundRequest, OutboundResponse, Platform};

    /// A machine whose time is moved by hand.
    #[derive(Default)]
    struct ByHand(Rc<Cell<Duration>>);

    impl ByHand {
        fn pass(&self, time: Duration) {
            self.0.set(self.0.get().saturating_add(time));
        }
    }

    impl Platform for ByHand {
        fn fetch(
            &self,
            _request: OutboundRequest,
        ) -> LocalBoxFuture<'static, std::result::Result<OutboundResponse, NetworkFailure>>
        {
            pending().boxed_local()
        }

        fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
            let (now, due) = (self.0.clone(), self.0.get().saturating_add(duration));
            poll_fn(move |_| if now.get() < due { Poll::Pending } else { Poll::Ready(()) })
                .boxed_local()
        }

        fn now_ms(&self) -> u64 {
            0
        }

        fn uuid(&self) -> String {
            String::new()
        }
    }

    /// A stream over a source that has these pieces when it is asked, and the time that it goes by.
    fn watched(pieces: &[Option<&str>]) -> (WatchedStream, Rc<ByHand>) {
        let mut pieces: VecDeque<_> =
            pieces.iter().map(|piece| piece.map(|text| text.as_bytes().to_vec())).collect();
        let source = stream::poll_fn(move |_| match pieces.pop_front() {
            Some(Some(piece)) => Poll::Ready(Some(Ok(piece))),
            Some(None) => Poll::Pending,
            None => Poll::Ready(None),
        });
        let time = Rc::new(ByHand::default());
        (WatchedStream::new(source, time.clone(), RequestRecord::disabled()), time)
    }

    fn poll(watched: &mut WatchedStream) -> Poll<Option<String>> {
        let piece = watched.poll_next_unpin(&mut Context::from_waker(Waker::noop()));
        piece.map(|piece| piece.map(|piece| String::from_utf8(piece.unwrap()).unwrap()))
    }

    #[test]
    fn a_client_that_reads_slowly_is_not_taken_for_a_source_that_is_silent() {
        let (mut watched, time) = watched(&[Some("one"), None, Some("two")]);
        assert_eq!(poll(&mut watched), Poll::Ready(Some("one".into())));
        time.pass(Duration::from_secs(3_600));
        assert_eq!(poll(&mut watched), Poll::Pending);
        time.pass(Duration::from_secs(30));
        assert_eq!(poll(&mut watched), Poll::Ready(Some("two".into())));
        assert_eq!(poll(&mut watched), Poll::Ready(None));
    }

    #[test]
    fn a_source_that_is_silent_is_given_up_with_a_reason() {
        let (mut watched, time) = watched(&[None, Some("one"), None, None, None]);
        assert_eq!(poll(&mut watched), Poll::Pending);
        time.pass(Duration::from_secs(37));
        assert_eq!(poll(&mut watched), Poll::Ready(Some("one".into())));
        assert_eq!(poll(&mut watched), Poll::Pending);
        time.pass(Duration::from_secs(37));
        assert_eq!(poll(&mut watched), Poll::Pending);
        time.pass(Duration::from_secs(1));
        let last = ": closed: the session's stream fell silent\n\n";
        assert_eq!(poll(&mut watched), Poll::Ready(Some(last.into())));
        assert_eq!(poll(&mut watched), Poll::Ready(None));
    }
}
