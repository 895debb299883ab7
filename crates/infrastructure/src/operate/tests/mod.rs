//! The two tools against an account, a stage's object and a task in memory.

mod audit;
mod consent;
mod isolation;
mod kills;
mod plans;
mod protected;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_auth::{
    scope::Scopes,
    subject::{AuthMethod, Subject},
};
use mcp_platform::{
    NetworkFailure, OutboundRequest, OutboundResponse, Platform, record::Record as _,
};
use mcp_protocol::{
    capabilities::ClientCapabilities, content::CallToolResult, stateless::mrtr::KeyedRequest,
};
use mcp_server::{
    client_request::Stop,
    context::{Consent, Context},
    execution::InPlace,
    notifier::{ChangeEvent, Notifier},
    stages::Stages,
    task::{RunEnd, TaskEvent, TaskRecord, TaskRun, TaskSpec, TaskStore, drive},
    tasks::TaskCall,
    testing::FakePlatform,
};
use serde_json::{Value, json};

use super::{Asked, Cloud, Operate, Wish};
use crate::{
    manifest::{Manifest, SAMPLE},
    state::Request,
    testing::{World, poll_once},
};
use mcp_server::execution::Begun;

impl Cloud for World {
    type Steps<'a> = &'a Self;

    fn steps<'a>(&'a self, _begun: &'a Begun, _worker: &'a str) -> &'a Self {
        self
    }
}

/// The world as runtime.
struct Clock(Rc<World>);

impl Platform for Clock {
    fn fetch(
        &self,
        _request: OutboundRequest,
    ) -> LocalBoxFuture<'static, Result<OutboundResponse, NetworkFailure>> {
        panic!("the account is in memory")
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        self.0.pass(u64::try_from(duration.as_millis()).unwrap());
        ready(()).boxed_local()
    }

    fn now_ms(&self) -> u64 {
        self.0.now_ms.get()
    }

    fn uuid(&self) -> String {
        format!("uuid-{}", self.0.points.get())
    }
}

/// The object of the world's stage. Those of other stages know nothing.
struct Objects(Rc<World>);

impl Stages for Objects {
    fn ask(&self, stage: &str, request: String) -> LocalBoxFuture<'static, Result<String, String>> {
        let (world, stage) = (self.0.clone(), stage.to_owned());
        async move {
            world.point().await;
            let request = Request::from_json(&request).ok_or("not for a stage")?;
            let is_own = world.state.borrow().stage == stage;
            let answer = match is_own {
                true => world.handle(request),
                false => crate::state::StageState::new(&stage).handle(request, 0),
            };
            world.point().await;
            Ok(answer.to_json())
        }
        .boxed_local()
    }
}

/// A person at a client that can ask them. None: it cannot.
#[derive(Clone, Default)]
struct Person {
    answer: Option<Value>,
    asked: Rc<RefCell<Vec<String>>>,
}

impl Person {
    fn typing(text: &str) -> Self {
        Self::answering(json!({ "action": "accept", "content": { "stage": text } }))
    }

    fn answering(answer: Value) -> Self {
        Self { answer: Some(answer), asked: Rc::default() }
    }
}

impl Notifier for Person {
    fn ask(
        &self,
        questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        let texts = questions.iter().map(|asked| asked.question.to_json());
        self.asked.borrow_mut().extend(texts);
        ready(Ok(self.answer.clone().into_iter().collect())).boxed_local()
    }

    fn capabilities(&self) -> ClientCapabilities {
        match self.answer {
            Some(_) => ClientCapabilities::ELICITATION_FORM,
            None => ClientCapabilities::default(),
        }
    }
}

/// A caller.
#[derive(Clone)]
struct Caller {
    world: Rc<World>,
    person: Person,
    consent: Consent,
    scopes: Scopes,
    subject: u8,
}

impl Caller {
    fn of(world: &Rc<World>) -> Self {
        Self {
            world: world.clone(),
            person: Person::default(),
            consent: Consent::Person,
            scopes: Scopes::ADMIN,
            subject: 0,
        }
    }

    fn with(&self, person: Person) -> Self {
        Self { person, ..self.clone() }
    }

    fn context(&self) -> Context {
        let base = FakePlatform::new([]).context();
        let platform: Rc<dyn Platform> = Rc::new(Clock(self.world.clone()));
        let mut principal = (*base.principal).clone();
        principal.auth_method = AuthMethod::ApiKey;
        principal.scopes = self.scopes;
        principal.subject = Subject([self.subject; 16]);
        Context {
            principal: Rc::new(principal),
            consent: self.consent,
            notifier: Rc::new(self.person.clone()),
            execution: Rc::new(InPlace::new(platform.clone())),
            platform,
            stages: Some(Rc::new(Objects(self.world.clone()))),
            ..base
        }
    }

    /// Calls in place. None: it was killed.
    fn try_call(&self, wish: Wish, asked: &Asked) -> Option<Result<CallToolResult, Stop>> {
        poll_once(called(self.context(), self.world.clone(), wish, asked.clone()))
    }

    fn call(&self, wish: Wish, asked: &Asked) -> CallToolResult {
        self.try_call(wish, asked).unwrap().unwrap()
    }

    /// The id of the plan that is there now.
    fn preview(&self, wish: Wish, asked: &Asked) -> String {
        let seen = self.call(wish, &Asked { is_preview: true, ..asked.clone() });
        seen.structured_content.unwrap()["plan_id"].as_str().unwrap().to_owned()
    }

    /// The arguments that apply the plan that is there now.
    fn agreed(&self, wish: Wish, asked: &Asked) -> Asked {
        let plan_id = Some(self.preview(wish, asked));
        Asked { confirm: true, plan_id, ..asked.clone() }
    }
}

async fn called(
    ctx: Context,
    world: Rc<World>,
    wish: Wish,
    asked: Asked,
) -> Result<CallToolResult, Stop> {
    let manifest = Manifest::parse(SAMPLE).unwrap();
    let operate = Operate {
        ctx: &ctx,
        manifest: &manifest,
        cloud: &*world,
        own_worker: None,
        wish,
        asked: &asked,
    };
    operate.run().await
}

fn stage(name: &str) -> Asked {
    Asked { stage: name.to_owned(), ..Asked::default() }
}

fn text(result: &CallToolResult) -> String {
    let value: Value = serde_json::from_str(&result.to_json()).unwrap();
    value["content"][0]["text"].as_str().unwrap().to_owned()
}

/// A task and what is stored of it.
struct Task {
    caller: Caller,
    wish: Wish,
    asked: Asked,
    stored: Rc<RefCell<String>>,
    is_cancelled: Cell<bool>,
}

/// How one life of a task ended.
#[derive(Debug)]
enum Life {
    Killed,
    Ended(RunEnd),
}

/// The storage of a task: what is not saved is lost with a life.
struct Disk {
    world: Rc<World>,
    kept: Rc<RefCell<TaskRecord>>,
    stored: Rc<RefCell<String>>,
}

impl TaskStore for Disk {
    fn save(&self) -> LocalBoxFuture<'static, Result<(), String>> {
        let (world, text) = (self.world.clone(), self.kept.borrow().to_json());
        let stored = self.stored.clone();
        async move {
            world.point().await;
            stored.replace(text);
            world.point().await;
            Ok(())
        }
        .boxed_local()
    }

    fn emit(&self, _told: &TaskEvent) {}

    fn announce(&self, _news: ChangeEvent) {}
}

impl Task {
    fn new(caller: &Caller, wish: Wish, asked: &Asked) -> Self {
        let start = TaskCall {
            tool: wish.tool().to_owned(),
            arguments: None,
            answers: Vec::new(),
            capabilities: ClientCapabilities::default(),
            can_ask: false,
            trace: None,
            bound: None,
            nonce: None,
            read_only: false,
        };
        let order = TaskSpec {
            id: "the-task".into(),
            ends_s: 4_000_000_000,
            start,
            principal: (*caller.context().principal).clone(),
            client_name: String::new(),
            client_version: String::new(),
        };
        let record = TaskRecord::new(order, None, caller.world.now_ms.get());
        let stored = Rc::new(RefCell::new(record.to_json()));
        let is_cancelled = Cell::new(false);
        Self { caller: caller.clone(), wish, asked: asked.clone(), stored, is_cancelled }
    }

    fn context(&self) -> (Context, Rc<TaskRun>) {
        let world = self.caller.world.clone();
        let kept = TaskRecord::from_json(&self.stored.borrow()).unwrap();
        let kept = Rc::new(RefCell::new(kept));
        let disk = Disk { world: world.clone(), kept: kept.clone(), stored: self.stored.clone() };
        let run = Rc::new(TaskRun::new(kept, Rc::new(disk), Rc::new(Clock(world))));
        let ctx =
            Context { notifier: run.clone(), execution: run.clone(), ..self.caller.context() };
        (ctx, run)
    }

    /// One life, from what is stored.
    fn live(&self) -> Life {
        let (ctx, run) = self.context();
        if self.is_cancelled.get() {
            run.cancel();
        }
        let call = called(ctx, self.caller.world.clone(), self.wish, self.asked.clone());
        match poll_once(drive(call.boxed_local(), run)) {
            Some(ended) => Life::Ended(ended),
            None => Life::Killed,
        }
    }

    /// Lives on, however often it is killed or sleeps, until its tool ends.
    fn to_its_end(&self) -> CallToolResult {
        for _ in 0..100 {
            match self.live() {
                Life::Killed => self.caller.world.dies_at.set(None),
                Life::Ended(RunEnd::Sleeps(until)) => {
                    let now = self.caller.world.now_ms.get();
                    self.caller.world.now_ms.set(until.max(now));
                }
                Life::Ended(RunEnd::Ended(ended)) => return ended.unwrap(),
                Life::Ended(other) => panic!("{other:?}"),
            }
        }
        panic!("it does not end")
    }
}
