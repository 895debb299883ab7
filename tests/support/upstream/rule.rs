//! Which requests a scripted answer is for.

use std::sync::Arc;

use super::{reply::Reply, request::Request};

type Condition = Arc<dyn Fn(&Request) -> bool + Send + Sync>;

/// Requests of which all conditions hold.
#[derive(Clone, Default)]
pub struct Match {
    conditions: Vec<Condition>,
    times: Option<usize>,
    is_early: bool,
}

/// Every request.
pub fn any() -> Match {
    Match::default()
}

/// Requests of this HTTP method.
pub fn http(method: &'static str) -> Match {
    any().when(move |request| request.method == method)
}

/// Requests of this JSON-RPC method.
pub fn rpc(method: &'static str) -> Match {
    any().when(move |request| request.rpc() == method)
}

/// Calls of this tool.
pub fn tool(name: &'static str) -> Match {
    any().when(move |request| request.tool() == name)
}

impl Match {
    /// Of which this holds too.
    pub fn when(mut self, condition: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        self.conditions.push(Arc::new(condition));
        self
    }

    /// With this path.
    pub fn path(self, path: &'static str) -> Self {
        self.when(move |request| request.path() == path)
    }

    /// With this value of a header.
    pub fn header(self, name: &'static str, value: &'static str) -> Self {
        self.when(move |request| request.header(name) == value)
    }

    /// Only the first so many.
    pub fn times(self, times: usize) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Answered when the head is there, before the body is read.
    pub fn early(self) -> Self {
        Self { is_early: true, ..self }
    }

    /// Whether a request is one of those.
    pub fn fits(&self, request: &Request) -> bool {
        self.conditions.iter().all(|condition| condition(request))
    }
}

/// The rules of a script, in their order.
#[derive(Default)]
pub(super) struct Rules(Vec<(Match, Answer)>);

type Answer = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

impl Rules {
    pub(super) fn add(&mut self, matches: Match, answer: Answer) {
        self.0.push((matches, answer));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The answer of the first rule that fits and has times left.
    pub(super) fn take(&mut self, request: &Request, early: bool) -> Option<Answer> {
        let due = |matches: &Match| matches.is_early == early && matches.times != Some(0);
        let found = self.0.iter_mut().find(|(matches, _)| due(matches) && matches.fits(request));
        let (matches, answer) = found?;
        matches.times = matches.times.map(|times| times - 1);
        Some(Arc::clone(answer))
    }
}
