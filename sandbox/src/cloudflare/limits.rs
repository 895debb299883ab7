//! The limit of the API: 1,200 requests in five minutes for each token; one more, and every request is
//! refused for the five minutes that follow.
//!
//! Known: both numbers and the headers. Inferred: the window begins with its first request, refused
//! requests do not lengthen the block, and `/graphql` counts like any other path. Not played: the
//! limit by address, and other tokens of the same user counting along.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cloudflare::problem::Problem;
use crate::engine::clock::{Time, later};
use crate::engine::reply::Reply;

const WINDOW: Duration = Duration::from_secs(300);

/// The windows of all tokens, by the token's id.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    windows: BTreeMap<String, Window>,
}

/// What a token has used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    ends: Time,
    used: u32,
    blocked: Option<Time>,
}

impl Limits {
    /// Counts a request.
    pub(crate) fn count(&mut self, token: &str, most: u32, now: Time) -> Window {
        let fresh = Window { ends: later(now, WINDOW), used: 0, blocked: None };
        let window = self.windows.entry(token.to_owned()).or_insert(fresh);
        if window.blocked.map_or(window.ends <= now, |end| end <= now) {
            *window = fresh;
        }
        window.used = window.used.saturating_add(1);
        if window.used > most && window.blocked.is_none() {
            window.blocked = Some(later(now, WINDOW));
        }
        *window
    }
}

impl Window {
    /// Why a request is refused.
    pub(crate) fn refusal(&self) -> Option<Problem> {
        let text = "Rate limited. Please wait and consider throttling your request speed";
        self.blocked.map(|_| Problem::new(429, 10013, text))
    }

    /// An answer with what is left.
    pub(crate) fn label(&self, reply: Reply, most: u32, now: Time) -> Reply {
        let end = self.blocked.unwrap_or(self.ends);
        let wait = end.signed_duration_since(now).num_seconds().max(0);
        let left = if self.blocked.is_some() { 0 } else { most.saturating_sub(self.used) };
        let reply = reply
            .with("ratelimit", format!("\"default\";r={left};t={wait}"))
            .with("ratelimit-policy", format!("\"default\";q={most};w={}", WINDOW.as_secs()));
        if self.blocked.is_some() { reply.with("retry-after", wait.to_string()) } else { reply }
    }
}
