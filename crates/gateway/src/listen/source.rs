//! The stream of one upstream with its end, and its beginning again.
//!
//! ```text
//! Opening ──► Open ──► Paused ──► Opening …     it ended, broke, or could not be opened
//!    │
//!    └──────► Over                              the upstream has nothing to say outside of calls
//! ```
//!
//! Invariant: [`Source::next`] may be dropped and called again at any point. The pauses grow while no stream lasts, and
//! nothing is tried once this is dropped.

use std::{rc::Rc, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{Either, LocalBoxFuture, pending, select},
};
use mcp_protocol::stateless::listen::SubscriptionFilter;

use super::{
    Listener,
    notice::{self, Notice},
    wire::{Closed, Opened, Session, Wire, open},
};

/// The first pause before a stream is opened again, and the longest, in milliseconds.
const FIRST_PAUSE: u64 = 1_000;
const LONGEST_PAUSE: u64 = 60_000;
/// A stream that lasted so long is no failure, in milliseconds.
const LASTED: u64 = 30_000;

/// What comes of it.
#[derive(Debug)]
pub(super) enum Heard {
    /// The upstream agreed to this from now on. With a gap, changes may have been missed.
    Agreed {
        /// What it agreed to.
        filter: SubscriptionFilter,
        /// Whether changes may have been missed.
        has_gap: bool,
    },
    /// It has nothing to say.
    Refused,
    /// An announcement.
    Notice(Notice),
}

type Opening = LocalBoxFuture<'static, Result<Opened, Closed>>;

enum State {
    Opening(Opening),
    Open(Wire, SubscriptionFilter),
    Paused(LocalBoxFuture<'static, ()>),
    Over,
}

/// The stream.
pub(super) struct Source {
    listener: Rc<Listener>,
    upstream: Rc<str>,
    wanted: SubscriptionFilter,
    state: State,
    /// A stream for other wishes, which takes the place of the open one.
    replacement: Option<Opening>,
    /// The session of a stream that ended.
    session: Option<Session>,
    failures: u32,
    /// When the stream was opened, in milliseconds since 1970. None: none was ever open.
    opened_ms: Option<u64>,
}

impl Source {
    /// The stream of an upstream. It is opened when it is asked for something.
    pub(super) fn new(
        listener: Rc<Listener>,
        upstream: Rc<str>,
        wanted: SubscriptionFilter,
    ) -> Self {
        let state = State::Opening(opening(&listener, &upstream, &wanted, None));
        Self {
            listener,
            upstream,
            wanted,
            state,
            replacement: None,
            session: None,
            failures: 0,
            opened_ms: None,
        }
    }

    /// Wants other changes from now on. An open stream goes on until another one is there, so that nothing is missed.
    pub(super) fn want(&mut self, wanted: SubscriptionFilter) {
        if self.wanted == wanted {
            return;
        }
        self.wanted = wanted;
        self.session = None;
        let opening = self.opening();
        match &self.state {
            State::Open(..) => self.replacement = Some(opening),
            State::Opening(_) | State::Paused(_) | State::Over => {
                self.state = State::Opening(opening);
            }
        }
    }

    /// What comes next. It never ends.
    pub(super) async fn next(&mut self) -> Heard {
        loop {
            match &mut self.state {
                State::Opening(opening) => {
                    let opened = opening.await;
                    if let Some(heard) = self.opened(opened) {
                        return heard;
                    }
                }
                State::Open(wire, agreed) => {
                    let replaced = async {
                        match &mut self.replacement {
                            Some(replacement) => replacement.await,
                            None => pending().await,
                        }
                    };
                    let (came, replaced) = {
                        let (came, replaced) =
                            (std::pin::pin!(wire.next()), std::pin::pin!(replaced));
                        match select(replaced, came).await {
                            Either::Left((opened, _)) => (None, Some(opened)),
                            Either::Right((came, _)) => (Some(came), None),
                        }
                    };
                    match came {
                        Some(Ok(Some(incoming))) => {
                            if let Some(notice) =
                                notice::read(&incoming, agreed, wire.subscription())
                            {
                                return Heard::Notice(notice);
                            }
                        }
                        Some(Ok(None) | Err(_)) => self.ended(),
                        None => {
                            self.replacement = None;
                            if let Some(heard) = replaced.and_then(|opened| self.replaced(opened)) {
                                return heard;
                            }
                        }
                    }
                }
                State::Paused(pause) => {
                    pause.await;
                    self.state = State::Opening(self.opening());
                }
                State::Over => pending().await,
            }
        }
    }

    fn opening(&mut self) -> Opening {
        let session = self.session.take();
        opening(&self.listener, &self.upstream, &self.wanted, session)
    }

    fn opened(&mut self, opened: Result<Opened, Closed>) -> Option<Heard> {
        match opened {
            Ok(Opened { wire, agreed, goes_on, has_missed }) => {
                let now_ms = self.listener.ctx.platform.now_ms();
                let is_first = self.opened_ms.replace(now_ms).is_none();
                let has_gap = has_missed || !(is_first || goes_on);
                self.state = State::Open(wire, agreed.clone());
                Some(Heard::Agreed { filter: agreed, has_gap })
            }
            Err(Closed::ForGood) => {
                self.state = State::Over;
                Some(Heard::Refused)
            }
            Err(Closed::ForNow) => {
                self.pause(0);
                None
            }
        }
    }

    /// Another stream is there in the place of the open one, or cannot be.
    fn replaced(&mut self, opened: Result<Opened, Closed>) -> Option<Heard> {
        let has_missed = opened.as_ref().is_ok_and(|opened| opened.has_missed);
        Some(match self.opened(opened)? {
            Heard::Agreed { filter, .. } => Heard::Agreed { filter, has_gap: has_missed },
            heard => heard,
        })
    }

    /// The stream ended.
    fn ended(&mut self) {
        let State::Open(wire, _) = std::mem::replace(&mut self.state, State::Over) else {
            return;
        };
        let lasted = self.opened_ms.is_some_and(|opened_ms| {
            self.listener.ctx.platform.now_ms().abs_diff(opened_ms) >= LASTED
        });
        if lasted {
            self.failures = 0;
        }
        let retry_ms = wire.retry_ms();
        match self.replacement.take() {
            // It is on its way already.
            Some(replacement) => self.state = State::Opening(replacement),
            None => {
                self.session = wire.into_session();
                self.pause(retry_ms);
            }
        }
    }

    /// Waits before the next attempt, for at least so long.
    fn pause(&mut self, at_least_ms: u64) {
        let doubled = FIRST_PAUSE.checked_shl(self.failures).unwrap_or(LONGEST_PAUSE);
        let pause = doubled.max(at_least_ms).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1).min(16);
        let pause = self.listener.ctx.platform.sleep(Duration::from_millis(pause));
        self.state = State::Paused(pause);
    }
}

fn opening(
    listener: &Rc<Listener>,
    upstream: &Rc<str>,
    wanted: &SubscriptionFilter,
    session: Option<Session>,
) -> Opening {
    open(listener.clone(), upstream.clone(), wanted.clone(), session).boxed_local()
}
