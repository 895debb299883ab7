//! The way back to the client of a stateless request: what it sends while it runs, and its questions,
//! which are answers that make the client send the request again.
//!
//! Invariant: a run asks the same questions in the same order as the run before it, and takes an
//! answer only for the very question it was given to; a question that changed is asked again.
//! Source: MCP 2026-07-28 `basic/patterns/mrtr`.

use std::{cell::RefCell, rc::Rc};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use serde_json::{Value, json, value::RawValue};

use crate::{
    agents::channel::Channel,
    protocol::{
        capabilities::ClientCapabilities,
        jsonrpc::{RequestId, notification_text},
        log_level::LogLevel,
        stateless::{
            input::{InputResponses, Keyed},
            inquiry::Inquiry,
            request_state::{Binding, RequestState},
        },
    },
    server::{
        ask::{Reason, Stop},
        notify::{News, Notifier},
    },
};

/// Seconds that a client may take to come back with its answers.
const ROUND_LASTS: u32 = 600;

/// What a run of a request brought with it.
pub struct Brought {
    /// Its notifications go here.
    pub channel: Rc<Channel>,
    /// What the client can do.
    pub capabilities: ClientCapabilities,
    /// The token for progress.
    pub token: Option<RequestId>,
    /// From which level on the client wants log messages.
    pub log_level: Option<LogLevel>,
    /// What a state is bound to; None: the method may not ask.
    pub binding: Option<Binding>,
    /// The state of the round before.
    pub before: Option<RequestState>,
    /// The client's answers.
    pub responses: Option<Box<RawValue>>,
    /// The time, in seconds since 1970.
    pub now_s: u32,
    /// A name for the request, where it has none yet.
    pub nonce: [u8; 16],
}

/// One run of a request.
pub struct Run {
    brought: Brought,
    /// The questions of this run that had their answers.
    answered: RefCell<Vec<Keyed>>,
    /// What the next round must remember.
    next: RefCell<Option<RequestState>>,
    news: RefCell<Vec<News>>,
}

impl Run {
    /// A run.
    pub fn new(brought: Brought) -> Self {
        Self {
            brought,
            answered: RefCell::default(),
            next: RefCell::default(),
            news: RefCell::default(),
        }
    }

    /// What the next round must remember, where the run stopped at a question.
    pub fn take_next(&self) -> Option<RequestState> {
        self.next.take()
    }

    /// What the run announced.
    pub fn take_news(&self) -> Vec<News> {
        self.news.take()
    }

    fn answers(&self, questions: Vec<Keyed>) -> Result<Vec<Value>, Stop> {
        let Some(binding) = self.brought.binding else {
            return Err(Stop::unanswered("this method may not ask"));
        };
        let questions = self.named(questions);
        let responses = InputResponses::read(self.brought.responses.as_deref());
        let responses = responses.map_err(|fault| Stop(Reason::Malformed(fault)))?;
        let mut inquiry = Inquiry::new(binding, self.brought.before.clone(), responses);
        for earlier in self.answered.borrow().iter() {
            let _ = inquiry.answer(earlier);
        }
        let (mut values, mut open) = (Vec::new(), Vec::new());
        for asked in &questions {
            match inquiry.answer(asked).map_err(|fault| Stop(Reason::Malformed(fault)))? {
                Some(_) => values.push(self.text_of(asked)),
                None => open.push(asked.clone()),
            }
        }
        if open.is_empty() {
            self.answered.borrow_mut().extend(questions);
            return Ok(values);
        }
        self.suspend(inquiry, open)
    }

    fn suspend(&self, inquiry: Inquiry<'_>, open: Vec<Keyed>) -> Result<Vec<Value>, Stop> {
        let able = |asked: &&Keyed| self.brought.capabilities.has(asked.question.needs());
        if let Some(asked) = open.iter().find(|asked| !able(asked)) {
            return Err(Stop(Reason::Incapable(asked.question.clone())));
        }
        let expires = self.brought.now_s.saturating_add(ROUND_LASTS);
        *self.next.borrow_mut() = Some(inquiry.next(&open, expires, self.brought.nonce));
        Err(Stop(Reason::Suspended(open)))
    }

    /// Questions without a name take their place in the run.
    fn named(&self, mut questions: Vec<Keyed>) -> Vec<Keyed> {
        let before = self.answered.borrow().len();
        for (place, asked) in questions.iter_mut().enumerate() {
            if asked.key.is_empty() {
                asked.key = format!("question_{}", before.saturating_add(place).saturating_add(1));
            }
        }
        questions
    }

    /// The answer as the client wrote it, from an earlier round or from this one.
    fn text_of(&self, asked: &Keyed) -> Value {
        let digest = asked.question.digest();
        let before = self.brought.before.as_ref();
        let earlier = before.and_then(|state| state.answer_to(&asked.key, &digest));
        let responses = InputResponses::read(self.brought.responses.as_deref()).unwrap_or_default();
        let text = earlier.or_else(|| responses.get(&asked.key).map(RawValue::get));
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

impl Notifier for Run {
    fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        let token = self.brought.token.as_ref();
        let Some(token) = token.and_then(|t| serde_json::from_str::<Value>(t.as_json()).ok())
        else {
            return;
        };
        let mut params = json!({ "progressToken": token, "progress": progress });
        if let Some(fields) = params.as_object_mut() {
            fields.extend(total.map(|total| ("total".to_owned(), json!(total))));
            fields.extend(message.map(|text| ("message".to_owned(), json!(text))));
        }
        self.brought.channel.push(&notification_text("notifications/progress", &params));
    }

    fn log(&self, level: LogLevel, logger: &str, data: Value) {
        if self.brought.log_level.is_some_and(|wanted| level >= wanted) {
            let params = json!({ "level": level, "logger": logger, "data": data });
            self.brought.channel.push(&notification_text("notifications/message", &params));
        }
    }

    fn announce(&self, news: News) {
        self.news.borrow_mut().push(news);
    }

    fn ask(&self, questions: Vec<Keyed>) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        ready(self.answers(questions)).boxed_local()
    }

    fn capabilities(&self) -> ClientCapabilities {
        self.brought.capabilities
    }

    fn pause_stream(&self, _retry_ms: u32) {
        // A stream of this era cannot be read on: to end it would be to cancel the request.
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access::principal::Subject,
        protocol::{question::Question, stateless::method::Method},
    };

    fn form(key: &str, message: &str) -> Keyed {
        let requested_schema = json!({ "type": "object", "properties": {} });
        Keyed::new(key, Question::Form { message: message.to_owned(), requested_schema })
    }

    fn run(before: Option<RequestState>, responses: Option<Value>) -> Run {
        let binding = Binding::of(Method::ToolsCall, "t", None, Subject([1; 16]));
        Run::new(Brought {
            channel: Channel::new(),
            capabilities: ClientCapabilities::ELICITATION_FORM,
            token: None,
            log_level: None,
            binding: Some(binding),
            before,
            responses: responses.and_then(|r| RawValue::from_string(r.to_string()).ok()),
            now_s: 1_000,
            nonce: [9; 16],
        })
    }

    fn accepted() -> Value {
        json!({ "action": "accept", "content": {} })
    }

    #[test]
    fn two_rounds_lead_to_both_answers() {
        let first = run(None, None);
        assert!(first.answers(vec![form("", "one")]).is_err());
        let state = first.take_next();
        let second = run(state, Some(json!({ "question_1": accepted() })));
        assert_eq!(second.answers(vec![form("", "one")]).unwrap(), [accepted()]);
        assert!(second.answers(vec![form("", "two")]).is_err());
        let state = second.take_next();
        let third = run(state, Some(json!({ "question_2": accepted() })));
        assert!(third.answers(vec![form("", "one")]).is_ok());
        assert!(third.answers(vec![form("", "two")]).is_ok());
    }

    #[test]
    fn a_question_that_changed_is_asked_again() {
        let first = run(None, None);
        assert!(first.answers(vec![form("k", "Delete a?")]).is_err());
        let second = run(first.take_next(), Some(json!({ "k": accepted() })));
        let Err(Stop(Reason::Suspended(open))) = second.answers(vec![form("k", "Delete b?")])
        else {
            panic!("should be asked again")
        };
        assert_eq!(open.len(), 1);
    }

    #[test]
    fn a_client_is_not_asked_what_it_cannot_answer() {
        let first = run(None, None);
        let roots = Keyed::new("r", Question::Roots);
        let Err(Stop(Reason::Incapable(_))) = first.answers(vec![roots]) else {
            panic!("should not be asked")
        };
    }
}
