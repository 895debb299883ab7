//! The way to a caller's tasks, from the Worker and from session objects.
//!
//! Invariant: only an id that verifies for the caller reaches an object.

use std::{future::poll_fn, rc::Rc, task::Poll, time::Duration};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{Either, LocalBoxFuture, select},
};
use serde_json::{Map, Value};
use uuid::Uuid;
use worker::{Env, EventStream, Headers, WebSocket, WebsocketEvent};

use crate::{
    platform::{
        object_stub::{CallError, ObjectStub},
        request,
        sleep::Sleep,
        workers::WorkersPlatform,
    },
    state,
    stubs::{quota, token_check::TokenCheck},
};
use mcp_auth::{
    authentication::OWN_TOKEN_HEADER, keys::Keyring, principal::Principal, refusal::Refusal,
    secret::Secret, subject::Subject, task_id::TaskId,
};
use mcp_platform::{Platform as _, record::Record as _};
use mcp_protocol::{fields::fields, implementation::Implementation, stateless::mrtr::KeyedRequest};
use mcp_server::{
    changes::Hold,
    client_request::Stop,
    cold::cold,
    notifier::Notifier,
    task::{
        FOLLOW, HEARS_NOTHING_ASKED, OWN, Status, TaskEvent, TaskRequest, TaskResponse, TaskSpec,
    },
    tasks::{TaskCall, TaskError, TaskFuture, TaskOutcome, TaskSnapshot, Tasks},
};

/// The binding of the tasks.
const TASK_AGENT: &str = "TASK_AGENT";
/// How long a task is kept, in seconds.
const KEPT_FOR: u64 = 24 * 60 * 60;
/// How often a follower comes back to an object that went away, a second apart.
const TRIES: usize = 60;
/// A follower whose socket is silent looks at its task after so long, and less and less often while the
/// task has nothing to tell: a socket that was lost unnoticed must not hold the call.
const LOOK_AFTER: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Looks that fail in a row before the follower comes back on another socket.
const LOOKS: u32 = 3;
/// How often answers are sent to an object that does not take them, before the last time.
const ANSWER_TRIES: usize = 3;

/// A caller's way to its tasks.
#[derive(Clone)]
pub struct TaskClient {
    /// The bindings.
    pub env: Env,
    /// The keys of the ids.
    pub keys: Rc<Keyring>,
    /// The caller.
    pub principal: Rc<Principal>,
    /// The program that the person uses.
    pub client: Rc<Implementation>,
    /// The SiteBay credential that the caller brings.
    pub own_token: Option<Secret>,
}

type TaskResult<T> = std::result::Result<T, TaskError>;

/// The fault of a call that the runtime broke.
fn broken(error: worker::Error) -> TaskError {
    TaskError::Failed(error.to_string())
}

/// The fault of a request that never left.
fn unsent(error: worker::Error) -> TaskError {
    TaskError::Refused(error.to_string())
}

fn unanswered(error: CallError) -> TaskError {
    TaskError::Failed(error.to_string())
}

/// The fault of an answer that says nothing.
fn unreadable(what: &str) -> TaskError {
    TaskError::Failed(format!("the answer about its {what} cannot be read"))
}

impl TaskClient {
    /// The way to the tasks of a subject, without starting any.
    pub fn of_subject(env: Env, keys: Rc<Keyring>, subject: Subject) -> Self {
        let (principal, client) = (Rc::new(Principal::without_rights(subject)), Rc::default());
        Self { env, keys, principal, client, own_token: None }
    }

    async fn begin(mut self, id: String, start: TaskCall) -> TaskResult<TaskSnapshot> {
        self.verify().await?;
        let claims = self.verified(&id)?;
        let (ends_s, principal) = (claims.ends.into(), (*self.principal).clone());
        let Implementation { name: client_name, version: client_version } = (*self.client).clone();
        let order = TaskSpec { id, ends_s, start, principal, client_name, client_version };
        let headers = Headers::new();
        if let Some(token) = &self.own_token {
            headers.set(OWN_TOKEN_HEADER, token.expose()).map_err(unsent)?;
        }
        match self.send(claims, &TaskRequest::Start(Box::new(order)), &headers).await? {
            TaskResponse::Started(seen) => Ok(seen),
            _ => Err(unreadable("start")),
        }
    }

    /// A task keeps the caller's token, so SiteBay is asked first whether it accepts it.
    async fn verify(&mut self) -> TaskResult<()> {
        let Some(account) = self.principal.unverified else {
            return Ok(());
        };
        let own = self.own_token.as_ref().map(|token| token.expose().to_owned());
        let principal = Principal { unverified: None, ..(*self.principal).clone() };
        let config = state::config(&self.env);
        let check = TokenCheck(config.background(principal.clone(), own, Rc::new(WorkersPlatform)));
        let refused = |refusal: Refusal| TaskError::Refused(refusal.to_string());
        cold(check.run()).await.map_err(refused)?;
        quota::accept(&self.env, account, principal.subject).await;
        self.principal = Rc::new(principal);
        Ok(())
    }

    fn verified(&self, id: &str) -> TaskResult<TaskId> {
        let now_s = WorkersPlatform.now_ms() / 1_000;
        TaskId::verify(id, &self.keys, self.principal.subject, now_s).ok_or(TaskError::Unknown)
    }

    async fn ask(&self, id: &str, ask: &TaskRequest) -> TaskResult<TaskResponse> {
        self.send(self.verified(id)?, ask, &Headers::new()).await
    }

    async fn send(
        &self,
        id: TaskId,
        ask: &TaskRequest,
        headers: &Headers,
    ) -> TaskResult<TaskResponse> {
        match self.stub(id)?.ask(ask, headers).await.map_err(unanswered)? {
            TaskResponse::Unknown => Err(TaskError::Unknown),
            TaskResponse::Refused(why) => Err(TaskError::Refused(why)),
            TaskResponse::NotOver => Err(TaskError::Failed("it is not over".to_owned())),
            answer => Ok(answer),
        }
    }

    fn stub(&self, id: TaskId) -> TaskResult<ObjectStub> {
        ObjectStub::named(&self.env, TASK_AGENT, &id.object()).map_err(unsent)
    }

    async fn wait(
        self,
        id: String,
        owner: bool,
        notifier: Rc<dyn Notifier>,
        mut held: Option<Hold>,
    ) -> TaskResult<TaskOutcome> {
        let mut open = None;
        for _ in 0..TRIES {
            match self.listen(&id, owner, &*notifier, (&mut open, &mut held)).await {
                Ok(Some(ended)) => return Ok(ended),
                Ok(None) | Err(TaskError::Failed(_)) => {}
                Err(fault) => return Err(fault),
            }
            Sleep::new(Duration::from_secs(1)).await;
        }
        Err(TaskError::Failed("the task's object cannot be reached".to_owned()))
    }

    /// Follows a task until it ends. None: its object went away. `open` outlives the connection, so that
    /// the client is not asked again what it is being asked. `held` is let go once there is one.
    async fn listen(
        &self,
        id: &str,
        owner: bool,
        notifier: &dyn Notifier,
        (open, held): (&mut Option<OpenRound>, &mut Option<Hold>),
    ) -> TaskResult<Option<TaskOutcome>> {
        let path = format!("{}{HEARS_NOTHING_ASKED}", if owner { OWN } else { FOLLOW });
        let socket = self.open(id, &path).await?;
        drop(held.take());
        let mut events = socket.0.events().map_err(broken)?;
        socket.0.accept().map_err(broken)?;
        let mut patience = FollowerBackoff::default();
        loop {
            // The client, another view of the task, or its end: whichever is first settles the round.
            let event = match next_input(&mut events, open, patience.pause()).await {
                FollowerInput::Event(event) => event,
                FollowerInput::Answers(answers) => {
                    match (open.take(), answers) {
                        (Some(round), Ok(answers)) => {
                            self.answer(id, round.questions, answers).await?;
                        }
                        (_, Err(stop)) => return self.give_up(id, stop).await.map(Some),
                        (None, Ok(_)) => {}
                    }
                    continue;
                }
                FollowerInput::Nothing => match self.missed(id, open.is_some()).await {
                    Ok(MissedEvent::Nothing) => {
                        patience.is_quiet();
                        continue;
                    }
                    Ok(MissedEvent::Question) => return Ok(None),
                    Ok(MissedEvent::End) => return self.ended(id).await.map(Some),
                    // Coming back would give up a task of the call's own.
                    Err(fault @ TaskError::Failed(_)) => match patience.is_lost() {
                        true => return Err(fault),
                        false => continue,
                    },
                    Err(fault) => return Err(fault),
                },
            };
            patience = FollowerBackoff::default();
            let Some(Ok(WebsocketEvent::Message(message))) = event else {
                return Ok(None);
            };
            let told = message.text().and_then(|text| TaskEvent::from_json(&text));
            match told {
                Some(TaskEvent::Progress(progress, total, message)) => {
                    notifier.progress(progress, total, message.as_deref());
                }
                Some(TaskEvent::Log(level, logger, data)) => notifier.log(level, &logger, data),
                Some(TaskEvent::Asks(asked)) => OpenRound::follow(open, asked, notifier),
                Some(TaskEvent::Over) => {
                    *open = None;
                    return self.ended(id).await.map(Some);
                }
                None => {}
            }
        }
    }

    /// Looks what a socket that is silent did not tell.
    async fn missed(&self, id: &str, is_asking: bool) -> TaskResult<MissedEvent> {
        let TaskResponse::Task(task) = self.ask(id, &TaskRequest::Look).await? else {
            return Err(unreadable("state"));
        };
        MissedEvent::of(&task, is_asking).ok_or_else(|| unreadable("state"))
    }

    /// Cancels a task whose question the client did not answer.
    async fn give_up(&self, id: &str, stop: Stop) -> TaskResult<TaskOutcome> {
        self.ask(id, &TaskRequest::Cancel).await?;
        Ok(TaskOutcome::Completed(stop.into_result().to_json()))
    }

    /// Hands the client's answers to the task. Sending them again changes nothing.
    async fn answer(
        &self,
        id: &str,
        asked: Vec<KeyedRequest>,
        answers: Vec<Value>,
    ) -> TaskResult<()> {
        let keys = asked.into_iter().map(|one| one.key);
        let responses: Map<String, Value> = keys.zip(answers).collect();
        let update = TaskRequest::Update { responses: Value::Object(responses).to_string() };
        for _ in 0..ANSWER_TRIES {
            match self.ask(id, &update).await {
                Err(TaskError::Failed(_)) => Sleep::new(Duration::from_millis(500)).await,
                outcome => return outcome.map(drop),
            }
        }
        self.ask(id, &update).await.map(drop)
    }

    async fn ended(&self, id: &str) -> TaskResult<TaskOutcome> {
        match self.ask(id, &TaskRequest::Ended).await? {
            TaskResponse::Ended(ended) => Ok(ended),
            _ => Err(unreadable("end")),
        }
    }

    async fn open(&self, id: &str, path: &str) -> TaskResult<Follower> {
        let request =
            request::upgrade(&format!("https://object{path}"), &Headers::new()).map_err(broken)?;
        let stub = self.stub(self.verified(id)?)?;
        let response = stub.open(&request).await.map_err(unanswered)?;
        match (response.status_code(), response.websocket()) {
            (_, Some(socket)) => Ok(Follower(socket)),
            (404, None) => Err(TaskError::Unknown),
            (status, None) => Err(TaskError::Failed(format!("{status} in place of a socket"))),
        }
    }
}

/// The next input of a follower.
enum FollowerInput {
    /// Something on the socket, or its end.
    Event(Option<worker::Result<WebsocketEvent>>),
    /// The client's answers to the questions that it has open.
    Answers(std::result::Result<Vec<Value>, Stop>),
    /// Nothing for this long.
    Nothing,
}

async fn next_input(
    events: &mut EventStream<'_>,
    open: &mut Option<OpenRound>,
    at_most: Duration,
) -> FollowerInput {
    let answers = poll_fn(|cx| match open {
        Some(round) => round.answers.as_mut().poll(cx),
        None => Poll::Pending,
    });
    match select(select(events.next(), answers), Sleep::new(at_most)).await {
        Either::Left((Either::Left((event, _)), _)) => FollowerInput::Event(event),
        Either::Left((Either::Right((answers, _)), _)) => FollowerInput::Answers(answers),
        Either::Right(_) => FollowerInput::Nothing,
    }
}

/// For how long a follower believes a socket that is silent.
struct FollowerBackoff {
    pause: Duration,
    failures: u32,
}

impl Default for FollowerBackoff {
    fn default() -> Self {
        Self { pause: LOOK_AFTER, failures: 0 }
    }
}

impl FollowerBackoff {
    fn pause(&self) -> Duration {
        self.pause
    }

    /// The task has nothing to tell: the next look comes later.
    fn is_quiet(&mut self) {
        self.failures = 0;
        self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
    }

    /// The task could not be looked at; true when that was tried often enough.
    fn is_lost(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.failures >= LOOKS
    }
}

/// A change that a silent socket did not report.
#[derive(Debug, PartialEq, Eq)]
enum MissedEvent {
    Nothing,
    /// That a question was asked, or answered elsewhere.
    Question,
    /// That the task is over.
    End,
}

impl MissedEvent {
    /// Finds out from the JSON text of the task, and whether the client is being asked.
    fn of(task: &str, is_asking: bool) -> Option<Self> {
        let [status] = fields(task, ["status"]).ok()?;
        Some(match serde_json::from_str(status?.get()).ok()? {
            Status::Working if !is_asking => Self::Nothing,
            Status::InputRequired if is_asking => Self::Nothing,
            Status::Working | Status::InputRequired => Self::Question,
            Status::Completed | Status::Failed | Status::Cancelled => Self::End,
        })
    }
}

/// The questions of a task that its follower put to the client, and the answers to come. Dropping it takes
/// the questions back.
struct OpenRound {
    questions: Vec<KeyedRequest>,
    answers: LocalBoxFuture<'static, std::result::Result<Vec<Value>, Stop>>,
}

impl OpenRound {
    /// Puts the questions that a task asks now in the place of those before. The same ones stay open.
    fn follow(open: &mut Option<Self>, questions: Vec<KeyedRequest>, notifier: &dyn Notifier) {
        if open.as_ref().is_some_and(|round| round.questions == questions) {
            return;
        }
        *open = None;
        if !questions.is_empty() {
            let answers = notifier.ask(questions.clone());
            *open = Some(Self { questions, answers });
        }
    }
}

/// A follower's socket; its object learns at once when it leaves.
struct Follower(WebSocket);

impl Drop for Follower {
    fn drop(&mut self) {
        // One that is closed already does not mind.
        let _ = self.0.close(Some(1000), Some("done"));
    }
}

impl Tasks for TaskClient {
    fn name(&self, nonce: Option<[u8; 16]>) -> String {
        let ends_s = (WorkersPlatform.now_ms() / 1_000).saturating_add(KEPT_FOR);
        let id = TaskId {
            // A request that comes again names the same task.
            task: nonce.map_or_else(Uuid::new_v4, Uuid::from_bytes),
            subject: self.principal.subject,
            ends: u32::try_from(ends_s).unwrap_or(u32::MAX),
        };
        id.sign(&self.keys)
    }

    fn start(&self, id: &str, start: TaskCall) -> TaskFuture<TaskSnapshot> {
        self.clone().begin(id.to_owned(), start).boxed_local()
    }

    fn look(&self, id: &str) -> TaskFuture<String> {
        let (link, id) = (self.clone(), id.to_owned());
        async move {
            match link.ask(&id, &TaskRequest::Look).await? {
                TaskResponse::Task(task) => Ok(task),
                _ => Err(unreadable("state")),
            }
        }
        .boxed_local()
    }

    fn update(&self, id: &str, responses: String) -> TaskFuture<()> {
        let (link, id) = (self.clone(), id.to_owned());
        async move { link.ask(&id, &TaskRequest::Update { responses }).await.map(drop) }
            .boxed_local()
    }

    fn cancel(&self, id: &str) -> TaskFuture<()> {
        let (link, id) = (self.clone(), id.to_owned());
        async move { link.ask(&id, &TaskRequest::Cancel).await.map(drop) }.boxed_local()
    }

    fn follow(
        &self,
        id: &str,
        owner: bool,
        notifier: Rc<dyn Notifier>,
        held: Option<Hold>,
    ) -> TaskFuture<TaskOutcome> {
        self.clone().wait(id.to_owned(), owner, notifier, held).boxed_local()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_looks_less_and_less_often_and_gives_a_lost_socket_up() {
        let mut patience = FollowerBackoff::default();
        let mut pauses = Vec::new();
        for _ in 0..6 {
            pauses.push(patience.pause().as_secs());
            patience.is_quiet();
        }
        assert_eq!(pauses, [30, 60, 120, 240, 300, 300]);
        assert_eq!([(); 3].map(|()| patience.is_lost()), [false, false, true]);
    }

    #[test]
    fn a_look_shows_what_a_silent_socket_did_not_tell() {
        for (status, unasked, asked) in [
            ("working", MissedEvent::Nothing, MissedEvent::Question),
            ("input_required", MissedEvent::Question, MissedEvent::Nothing),
            ("completed", MissedEvent::End, MissedEvent::End),
            ("failed", MissedEvent::End, MissedEvent::End),
            ("cancelled", MissedEvent::End, MissedEvent::End),
        ] {
            let task = format!(r#"{{"taskId":"x","status":"{status}"}}"#);
            assert_eq!(MissedEvent::of(&task, false), Some(unasked), "{status}");
            assert_eq!(MissedEvent::of(&task, true), Some(asked), "{status}");
        }
        assert_eq!(MissedEvent::of("{}", false), None);
    }
}
