//! The object of one task: it runs the task's tool until it ends, and keeps how it ended.
//!
//! Invariant: before the tool runs, an alarm is set that would run it again, so that a life of the
//! object which ends in the middle is followed by another. Between looks and while a person is asked
//! nothing runs. What is kept has an end, and the credential goes with the work.

#![expect(missing_docs, reason = "`durable_object` makes methods without")]

mod run;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use futures_util::FutureExt as _;
use worker::{Env, Result, State, WebSocket, WebSocketPair};

use crate::wiring;
use crate::{
    objects::{
        class::class,
        rows::Rows,
        task_context::{self},
    },
    platform::{
        clock::now_s,
        http::{self, Request, Response},
        object::{self, wait_until},
        socket,
        workers::WorkersPlatform,
    },
    state,
    stubs::{audit, hub::Hub},
};
use mcp_auth::{authentication::OWN_TOKEN_HEADER, secret::Secret, subject::Subject};
use mcp_platform::{Platform as _, record::Record as _};
use mcp_protocol::capabilities::ClientCapabilities;
use mcp_server::{
    notifier::ChangeEvent,
    task::{
        FOLLOW, HEARS_NOTHING_ASKED, OWN, Status, TaskEvent, TaskRecord, TaskRequest, TaskResponse,
        TaskRun, TaskSpec,
    },
    tasks::{OPERATION, TaskOutcome, TaskSnapshot},
    telemetry::{audit::Audit, record::RequestRecord},
};

pub(super) const TASK: &str = "task";
pub(super) const ENDED: &str = "ended";
/// The tag of a follower whose leaving takes the task back.
const OWNER: &str = "owner";
/// A life of the object that ends in the middle of a run is followed by another after so long.
const RUN_LEASE: Duration = Duration::from_secs(10);
/// A stored task that this version cannot read is looked at again after so long.
const UNREADABLE: Duration = Duration::from_secs(600);

class! {
    /// Runs one task.
    TaskAgent(requests, alarm, sockets)
}

struct Inner {
    state: Rc<State>,
    env: Env,
    rows: Rows,
    kept: RefCell<Option<Rc<RefCell<TaskRecord>>>>,
    /// The task in memory is in storage, too.
    stored: Cell<bool>,
    live: RefCell<Option<Rc<TaskRun>>>,
    /// A run is being made or is under way.
    busy: Cell<bool>,
    /// The record of this incarnation of the object.
    record: Rc<RequestRecord>,
}

type SharedTask = Rc<RefCell<TaskRecord>>;

impl Inner {
    fn new(state: State, env: Env) -> Self {
        let state = Rc::new(state);
        Self {
            rows: Rows::in_table(state.clone()),
            state,
            record: state::record(&env),
            env,
            kept: RefCell::default(),
            stored: Cell::new(false),
            live: RefCell::default(),
            busy: Cell::new(false),
        }
    }

    async fn receive(self: Rc<Self>, request: Request) -> Result<Response> {
        if let path @ (FOLLOW | OWN) = request.path() {
            let Some(kept) = self.load().await? else {
                return http::text(404, "no such task");
            };
            self.go_on();
            let hears_nothing_asked = request.url().ends_with(HEARS_NOTHING_ASKED);
            return self.follow(&kept, path == OWN, hears_nothing_asked);
        }
        match object::asked::<TaskRequest>(&request).await? {
            Some((ask, form)) => {
                let own_token = request.header_text(OWN_TOKEN_HEADER);
                object::answered::<TaskRequest>(&self.answer(ask, own_token).await?, form)
            }
            None => http::text(400, "the request cannot be read"),
        }
    }

    async fn answer(
        self: &Rc<Self>,
        ask: TaskRequest,
        token: Option<String>,
    ) -> Result<TaskResponse> {
        if let TaskRequest::Start(order) = ask {
            return self.start(*order, token).await;
        }
        let Some(kept) = self.load().await? else {
            return Ok(TaskResponse::Unknown);
        };
        self.go_on();
        match ask {
            TaskRequest::Update { responses } => self.update(&kept, &responses).await,
            TaskRequest::Cancel => self.cancel(&kept).await,
            TaskRequest::Ended => {
                Ok(self.ended().await?.map_or(TaskResponse::NotOver, TaskResponse::Ended))
            }
            _ => self.view(&kept).await.map(TaskResponse::Task),
        }
    }

    async fn due(self: Rc<Self>) -> Result<()> {
        self.rows.woken();
        match self.load().await {
            Ok(Some(kept)) if kept.borrow().order.ends_s > now_s() => {
                let is_given_up = kept.borrow().given_up(WorkersPlatform.now_ms()).is_some();
                if is_given_up && self.busy.get() {
                    return self.wake_in(RUN_LEASE).await;
                }
                // The run ends one whose time is over, also where it sleeps or waits for an answer.
                if !is_given_up && !self.is_due(&kept) {
                    return self.wake_for(&kept).await;
                }
                self.wake_in(RUN_LEASE).await?;
                self.run_now(kept);
                Ok(())
            }
            Ok(_) => self.rows.delete_all().await,
            Err(error) => {
                log::error!("a task cannot be read: {error}");
                let stored = self.rows.get_with_end(TASK).await?;
                if stored.is_none_or(|(until, _)| until <= now_s()) {
                    return self.rows.delete_all().await;
                }
                // Another version of the server may read it.
                self.wake_in(UNREADABLE).await
            }
        }
    }

    /// A follower left; if it owned the task, the task is cancelled.
    async fn left(self: Rc<Self>, socket: WebSocket) -> Result<()> {
        let owner = self.state.get_tags(&socket).iter().any(|tag| tag == OWNER);
        if let (true, Some(kept)) = (owner, self.load().await?) {
            self.cancel(&kept).await?;
        }
        Ok(())
    }

    async fn load(&self) -> Result<Option<SharedTask>> {
        if let Some(kept) = self.kept.borrow().clone() {
            return Ok(Some(kept));
        }
        let read = match self.rows.get(TASK).await? {
            Some(text) => {
                Some(TaskRecord::from_json(&text).ok_or("the stored task cannot be read")?)
            }
            None => None,
        };
        let mut kept = self.kept.borrow_mut();
        // Another request may have come first while this one read.
        if let (None, Some(read)) = (kept.as_ref(), read) {
            *kept = Some(Rc::new(RefCell::new(read)));
            self.stored.set(true);
        }
        Ok(kept.clone())
    }

    /// Begins, unless this very task has begun before: a start that comes again gives the task that
    /// there is. Where it is refused, nothing has begun. Before an answer leaves, the task is stored.
    async fn start(
        self: &Rc<Self>,
        order: TaskSpec,
        own_token: Option<String>,
    ) -> Result<TaskResponse> {
        let kept = match self.load().await? {
            Some(kept) => kept,
            None => match self.made(order, own_token).await {
                // Another start may have come first while this one was made.
                Ok(made) => self.kept.borrow_mut().get_or_insert(made).clone(),
                Err(why) => return Ok(TaskResponse::Refused(why)),
            },
        };
        if !self.stored.get() {
            self.save(&kept).await?;
            self.stored.set(true);
        }
        self.go_on();
        let id = kept.borrow().order.id.clone();
        Ok(TaskResponse::Started(TaskSnapshot { id, task: self.view(&kept).await? }))
    }

    /// A task as it is ordered, or why it cannot be begun.
    async fn made(
        &self,
        order: TaskSpec,
        own_token: Option<String>,
    ) -> std::result::Result<SharedTask, String> {
        let credential = match own_token {
            Some(token) => {
                Some(task_context::sealed(&self.env, &order.id, Secret::new(token)).await?)
            }
            None => None,
        };
        Ok(Rc::new(RefCell::new(TaskRecord::new(order, credential, WorkersPlatform.now_ms()))))
    }

    async fn view(&self, kept: &SharedTask) -> Result<String> {
        let over = kept.borrow().is_over();
        let ended = if over { self.ended().await? } else { None };
        Ok(kept.borrow().view(ended.as_ref(), WorkersPlatform.now_ms()))
    }

    /// How it ended, where it is over.
    async fn ended(&self) -> Result<Option<TaskOutcome>> {
        Ok(self.rows.get(ENDED).await?.as_deref().and_then(TaskOutcome::from_json))
    }

    async fn update(self: &Rc<Self>, kept: &SharedTask, responses: &str) -> Result<TaskResponse> {
        if kept.borrow().status == Status::InputRequired {
            let answered = kept.borrow_mut().answer(responses);
            match answered {
                Err(fault) => return Ok(TaskResponse::Refused(fault.to_string())),
                Ok(true) => self.becomes(kept, Status::Working).await?,
                Ok(false) => self.save(kept).await?,
            }
            // Other followers may be asking for the same answers.
            let open = TaskEvent::Asks(kept.borrow().asked.clone());
            self.emit(&open);
            self.go_on();
        }
        Ok(TaskResponse::Done)
    }

    /// Ends a task. One that may have something under way elsewhere ends once that was taken back, or was tried for
    /// long enough; until then it is cancelled in storage, too.
    async fn cancel(self: &Rc<Self>, kept: &SharedTask) -> Result<TaskResponse> {
        let takes_back = self.takes_back(kept);
        if takes_back {
            kept.borrow_mut().cancel();
            self.save(kept).await?;
        }
        let live = self.live.borrow().clone();
        match live {
            Some(run) => run.cancel(),
            None if kept.borrow().is_over() => {}
            None if takes_back => self.run_now(kept.clone()),
            None => self.end(kept, TaskOutcome::Cancelled).await?,
        }
        Ok(TaskResponse::Done)
    }

    fn follow(
        &self,
        kept: &SharedTask,
        owner: bool,
        hears_nothing_asked: bool,
    ) -> Result<Response> {
        let pair = WebSocketPair::new()?;
        let tags: &[&str] = if owner { &[OWNER] } else { &[] };
        self.state.accept_websocket_with_tags(&pair.server, tags);
        let kept = kept.borrow();
        if kept.is_over() {
            socket::send(&pair.server, &TaskEvent::Over.to_json());
        } else if hears_nothing_asked || !kept.asked.is_empty() {
            // A follower that comes back learns also that nothing is asked any more.
            socket::send(&pair.server, &TaskEvent::Asks(kept.asked.clone()).to_json());
        }
        http::upgraded(pair.client)
    }

    /// Whether its tool should be running.
    fn is_due(&self, kept: &SharedTask) -> bool {
        kept.borrow().is_due(WorkersPlatform.now_ms())
    }

    /// The log record of the task.
    fn record(&self, kept: &SharedTask) -> Rc<RequestRecord> {
        task_context::fill_record(&self.record, &kept.borrow());
        self.record.clone()
    }

    /// The audit, whose entries the object writes.
    fn audit(&self) -> Rc<dyn Audit> {
        let state = self.state.clone();
        let keep = Rc::new(move |task| wait_until(&state, task));
        audit::of(&self.env, &state::config(&self.env), keep)
    }

    /// Notes in the audit and in the log how the task ended.
    fn note(&self, kept: &SharedTask, status: Status) {
        let (found, began_ms) = {
            let kept = kept.borrow();
            (wiring::find(&kept.order.start.tool), kept.created_ms)
        };
        let tool = found.map(|found| found.tool.name);
        self.record(kept).task(tool, status.as_str(), began_ms);
        self.audit().note(kept.borrow().entry(found, status, WorkersPlatform.now_ms()));
    }

    async fn end(&self, kept: &SharedTask, ended: TaskOutcome) -> Result<()> {
        let until = kept.borrow().order.ends_s;
        self.rows.write(ENDED, &ended.to_json(), until).await?;
        let status = Status::of(&ended);
        self.becomes(kept, status).await?;
        self.note(kept, status);
        self.emit(&TaskEvent::Over);
        self.wake_for(kept).await
    }

    async fn becomes(&self, kept: &SharedTask, status: Status) -> Result<()> {
        kept.borrow_mut().becomes(status, WorkersPlatform.now_ms());
        self.save(kept).await?;
        let (id, capabilities, subject) = {
            let order = &kept.borrow().order;
            (order.id.clone(), order.start.capabilities, order.principal.subject)
        };
        if kept.borrow().is_over() {
            self.announce(subject, ChangeEvent::ResourceUpdated(format!("{OPERATION}{id}")));
        }
        if capabilities.has(ClientCapabilities::TASKS) {
            let news = ChangeEvent::Task(id, self.view(kept).await?);
            self.announce(subject, news);
        }
        Ok(())
    }

    fn announce(&self, subject: Subject, news: ChangeEvent) {
        let hub = Hub::new(&self.env, subject);
        wait_until(&self.state, async move { hub.announce(&[news]).await }.boxed_local());
    }

    async fn save(&self, kept: &SharedTask) -> Result<()> {
        let (text, until) = {
            let kept = kept.borrow();
            (kept.to_json(), kept.order.ends_s)
        };
        self.rows.write(TASK, &text, until).await
    }

    fn emit(&self, told: &TaskEvent) {
        let text = told.to_json();
        for socket in self.state.get_websockets() {
            // One that is closing hears nothing more; its follower comes back.
            let _ = socket::send(&socket, &text);
        }
    }

    /// Sets the alarm for what the task waits for.
    async fn wake_for(&self, kept: &SharedTask) -> Result<()> {
        let (now, at) = (WorkersPlatform.now_ms(), kept.borrow().wakes_ms());
        self.wake_in(Duration::from_millis(at.saturating_sub(now))).await
    }

    async fn wake_in(&self, pause: Duration) -> Result<()> {
        self.state.storage().set_alarm(pause).await
    }
}
