//! What a tool sees of its call: who asks, the machine around it, and the way back to the client.
//!
//! Invariant: a tool reaches the world only through its context, so the same tool runs in a
//! session, and on the host in a test.

use std::{rc::Rc, time::Duration};

use serde_json::Value;

use crate::{
    access::principal::Principal,
    protocol::log_level::LogLevel,
    server::{
        ask::{Ask, Stop},
        notify::{News, Notifier},
        platform::SharedPlatform,
    },
    sitebay::Account,
};

/// The program that speaks to this server, as it calls itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// Its name, cut to 64 bytes.
    pub name: String,
    /// Its version, cut to 32 bytes.
    pub version: String,
}

/// The context of one call.
#[derive(Clone)]
pub struct Context {
    /// Who asks.
    pub principal: Rc<Principal>,
    /// The program that the person uses.
    pub client: Rc<Client>,
    /// The SiteBay account that this call acts on.
    pub account: Rc<Account>,
    /// Items on one page of a list.
    pub page_size: usize,
    /// The machine around the server.
    pub platform: SharedPlatform,
    /// The way back to the client while the call runs.
    pub notifier: Rc<dyn Notifier>,
}

impl Context {
    /// Waits without blocking anything else.
    pub async fn sleep(&self, duration: Duration) {
        self.platform.sleep(duration).await;
    }

    /// Tells the client how far the call is. `progress` must grow from one report to the next.
    /// Nothing is sent where the client gave no progress token.
    pub fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        self.notifier.progress(progress, total, message);
    }

    /// Sends a log message to the client, where it wants messages of this level.
    pub fn log(&self, level: LogLevel, logger: &str, data: impl Into<Value>) {
        self.notifier.log(level, logger, data.into());
    }

    /// Asks the client one question, or several in one round.
    ///
    /// # Errors
    /// A [`Stop`] to pass on with `?`: the client cannot be asked, or the answer is yet to come.
    pub async fn ask<Q: Ask>(&self, question: Q) -> Result<Q::Answers, Stop> {
        let answers = self.notifier.ask(question.questions()).await?;
        Q::answers(&mut answers.into_iter())
    }

    /// Whether the client declared what these questions need.
    pub fn can_ask(&self, questions: &impl Ask) -> bool {
        let capabilities = self.notifier.capabilities();
        questions.questions().iter().all(|asked| capabilities.has(asked.question.needs()))
    }

    /// Tells every client whom it concerns that something changed.
    pub fn announce(&self, news: News) {
        self.notifier.announce(news);
    }

    /// Whether the client took its request back. Work that can stop cleanly should.
    pub fn is_cancelled(&self) -> bool {
        self.notifier.is_cancelled()
    }
}
