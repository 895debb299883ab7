//! An account and a stage's object in memory, which can be killed at any point.

#![expect(clippy::arithmetic_side_effects, reason = "the numbers of a test are small")]

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::{pending, poll_fn},
    pin::pin,
    task::{Context, Poll, Waker},
};

use crate::{
    apply::{self, Executor, Failure, FailureKind, Halt, Journal, Made, Report},
    manifest::{Kind, Manifest, SAMPLE, Stage},
    plan::{
        Account, Action, Contents, Intent, Mark, Observed, Observer, Plan, Unseen, Wanted, make,
        observe,
    },
    state::{Answer, Lease, Progress, Refusal, Request, RowChange, StageState, UnlockRequest},
};

/// When the world begins.
pub(crate) const START_MS: u64 = 1_795_161_600_000;

/// The stage of the sample with this name.
pub(crate) fn stage(name: &str) -> Stage {
    Manifest::parse(SAMPLE).unwrap().stage(name).unwrap()
}

/// Polls a future once. None: it waits, and with this world for ever.
pub(crate) fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

/// An account, the object of one stage, and a clock.
pub(crate) struct World {
    pub(crate) account: RefCell<Vec<Observed>>,
    pub(crate) state: RefCell<StageState>,
    pub(crate) log: RefCell<Vec<String>>,
    pub(crate) unseen: Cell<Option<Kind>>,
    pub(crate) now_ms: Cell<u64>,
    /// Failures of the next change of a resource with this name.
    pub(crate) failures: RefCell<BTreeMap<String, FailureKind>>,
    /// Answers to creations and deletions are lost.
    pub(crate) loses_answers: Cell<bool>,
    /// The point at which it is killed.
    pub(crate) dies_at: Cell<Option<u32>>,
    pub(crate) points: Cell<u32>,
    next_id: Cell<u32>,
    fencing: Cell<u64>,
}

impl World {
    pub(crate) fn new(stage: &str) -> Self {
        Self {
            account: RefCell::default(),
            state: RefCell::new(StageState::new(stage)),
            log: RefCell::default(),
            unseen: Cell::new(None),
            now_ms: Cell::new(START_MS),
            failures: RefCell::default(),
            loses_answers: Cell::new(false),
            dies_at: Cell::new(None),
            points: Cell::new(0),
            next_id: Cell::new(1),
            fencing: Cell::new(0),
        }
    }

    /// Puts a resource there, as others do.
    pub(crate) fn put(&self, kind: Kind, name: &str) -> String {
        self.next_id.set(self.next_id.get() + 1);
        let id = format!("id-{:04}", self.next_id.get());
        self.account.borrow_mut().push(Observed {
            id: id.clone(),
            kind,
            name: name.to_owned(),
            settings: BTreeMap::new(),
            made_ms: Some(self.now_ms.get()),
            mark: None,
            contents: Contents { count: Some(0), bytes: None },
            dependents: Vec::new(),
            owner: None,
        });
        id
    }

    /// Uploads the Worker of a stage, marked with it.
    pub(crate) fn upload(&self, stage: &Stage) -> String {
        let id = self.put(Kind::Worker, stage.worker().unwrap());
        let mark = Mark { app: stage.app.clone(), stage: stage.name.clone() };
        self.change(&id, |worker| worker.mark = Some(mark));
        id
    }

    pub(crate) fn change(&self, id: &str, change: impl FnOnce(&mut Observed)) {
        change(self.account.borrow_mut().iter_mut().find(|one| one.id == id).unwrap());
    }

    /// Makes a resource anew under its name, as others do, and gives its id, which is the name's.
    pub(crate) fn remake(&self, kind: Kind) -> String {
        self.pass(60_000);
        let id = self.account.borrow().iter().find(|one| one.kind == kind).unwrap().id.clone();
        self.change(&id, |it| it.made_ms = Some(self.now_ms.get()));
        id
    }

    pub(crate) fn remove(&self, name: &str, kind: Kind) {
        self.account.borrow_mut().retain(|one| one.name != name || one.kind != kind);
    }

    pub(crate) fn pass(&self, ms: u64) {
        self.now_ms.set(self.now_ms.get() + ms);
    }

    /// The names and kinds that are there, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let account = self.account.borrow();
        let mut names: Vec<String> =
            account.iter().map(|one| format!("{} {}", one.kind.name(), one.name)).collect();
        names.sort();
        names
    }

    pub(crate) fn handle(&self, request: Request) -> Answer {
        // What travels and what is stored goes through its text.
        use mcp_platform::record::Record as _;
        let request = Request::from_json(&request.to_json()).unwrap();
        let mut state = self.state.borrow_mut();
        let answer = state.handle(request, self.now_ms.get());
        *state = StageState::from_json(&state.to_json()).unwrap();
        Answer::from_json(&answer.to_json()).unwrap()
    }

    pub(crate) fn unlock(&self, request: UnlockRequest) -> Answer {
        let mut state = self.state.borrow_mut();
        state.unlock(request, self.now_ms.get())
    }

    pub(crate) fn account(&self, stage: Option<&Stage>) -> Account {
        let state = self.state.borrow().clone();
        poll_once(observe(self, stage, &state)).unwrap()
    }

    pub(crate) fn plan(&self, stage: Option<&Stage>, intent: Intent) -> Plan {
        let account = self.account(stage);
        make(stage, &self.state.borrow(), &account, intent, self.now_ms.get())
    }

    pub(crate) fn offer(&self, plan: &Plan) {
        let request = Request::Offer { plan: Box::new(plan.clone()), subject: "ann".into() };
        assert!(matches!(self.handle(request), Answer::Offered(_)));
    }

    pub(crate) fn begin(&self, plan: &Plan) -> Result<StageState, Refusal> {
        let answer = self.handle(Request::Begin {
            plan: Box::new(plan.clone()),
            plan_id: plan.id().to_string(),
            subject: "ann".into(),
            holder: "task-1".into(),
        });
        self.begun(answer)
    }

    pub(crate) fn resume(&self) -> Result<StageState, Refusal> {
        let answer = self.go_on("task-2");
        self.begun(answer)
    }

    /// A task goes on with the operation that did not end.
    pub(crate) fn go_on(&self, holder: &str) -> Answer {
        let plan_id =
            self.state.borrow().operation.as_ref().map(|known| known.plan.id().to_string());
        let plan_id = plan_id.unwrap_or_else(|| self.plan(None, DEPLOY).id().to_string());
        self.handle(Request::Continue { holder: holder.into(), plan_id, is_protected: false })
    }

    fn begun(&self, answer: Answer) -> Result<StageState, Refusal> {
        match answer {
            Answer::Begun { lease: Lease { fencing }, state } => {
                self.fencing.set(fencing);
                Ok(*state)
            }
            Answer::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    /// Runs what was begun. None: it was killed.
    pub(crate) fn run(&self, state: &StageState) -> Option<Result<Report, Halt>> {
        let report = poll_once(apply::run(state, self, self))?;
        if report.is_ok() {
            let fencing = self.fencing.get();
            assert_eq!(self.handle(Request::End { fencing }), Answer::Recorded);
        }
        Some(report)
    }

    /// Plans, is shown, begins and runs; after a death it goes on until it ends.
    pub(crate) fn apply(&self, stage: Option<&Stage>, intent: Intent) -> Report {
        let plan = self.plan(stage, intent);
        self.offer(&plan);
        let mut state = self.begin(&plan).unwrap();
        loop {
            match self.run(&state) {
                Some(report) => return report.unwrap(),
                None => {
                    self.dies_at.set(None);
                    self.pass(200_000);
                    state = self.resume().unwrap();
                }
            }
        }
    }

    /// A point at which it may be killed.
    pub(crate) async fn point(&self) {
        self.points.set(self.points.get() + 1);
        if self.dies_at.get() == Some(self.points.get()) {
            pending::<()>().await;
        }
        poll_fn(|_| Poll::Ready(())).await;
    }

    fn fails(&self, name: &str) -> Result<(), Failure> {
        match self.failures.borrow_mut().remove(name) {
            Some(kind) => Err(Failure { kind, code: Some(10_001), why: format!("no {name}") }),
            None => Ok(()),
        }
    }
}

impl Observer for World {
    async fn look(&self, kind: Kind, wanted: &Wanted) -> Result<Vec<Observed>, Unseen> {
        if self.unseen.get() == Some(kind) {
            return Err(Unseen { kind, why: "the token may not".into() });
        }
        let account = self.account.borrow();
        let found = account.iter().filter(|one| one.kind == kind && wanted.has(&one.id, &one.name));
        Ok(found.cloned().collect())
    }
}

impl Executor for World {
    async fn create(&self, action: &Action) -> Result<Made, Failure> {
        self.point().await;
        self.log.borrow_mut().push(format!("create {} {}", action.kind.name(), action.name));
        self.fails(&action.name)?;
        let is_there = |one: &Observed| one.kind == action.kind && one.name == action.name;
        if action.kind.is_put() {
            // As at Cloudflare: what is there is taken over.
            self.account.borrow_mut().retain(|one| !is_there(one));
        }
        if self.account.borrow().iter().any(is_there) {
            return Err(Failure {
                kind: FailureKind::Exists,
                code: Some(10_014),
                why: format!("`{}` exists", action.name),
            });
        }
        let id = self.put(action.kind, &action.name);
        self.change(&id, |made| made.settings = action.settings.clone());
        self.point().await;
        match self.loses_answers.get() {
            true => Err(Failure { kind: FailureKind::Doubt, code: None, why: "lost".into() }),
            false => Ok(Made { id, made_ms: Some(self.now_ms.get()) }),
        }
    }

    async fn update(&self, action: &Action, id: &str) -> Result<(), Failure> {
        self.point().await;
        self.log.borrow_mut().push(format!("update {} {}", action.kind.name(), action.name));
        self.fails(&action.name)?;
        self.change(id, |it| it.settings.extend(action.settings.clone()));
        self.point().await;
        Ok(())
    }

    async fn empty(&self, action: &Action, id: &str) -> Result<(), Failure> {
        self.point().await;
        self.log.borrow_mut().push(format!("empty {}", action.name));
        self.change(id, |it| it.contents.count = Some(0));
        self.point().await;
        Ok(())
    }

    async fn delete(&self, action: &Action, id: &str) -> Result<(), Failure> {
        self.point().await;
        self.log.borrow_mut().push(format!("delete {} {id}", action.kind.name()));
        self.fails(&action.name)?;
        let before = self.account.borrow().len();
        self.account.borrow_mut().retain(|one| one.id != id);
        if self.account.borrow().len() == before {
            return Err(Failure {
                kind: FailureKind::Gone,
                code: Some(10_006),
                why: "gone".into(),
            });
        }
        self.point().await;
        match self.loses_answers.get() {
            true => Err(Failure { kind: FailureKind::Doubt, code: None, why: "lost".into() }),
            false => Ok(()),
        }
    }

    async fn find(&self, kind: Kind, name: &str) -> Result<Vec<Observed>, Failure> {
        let account = self.account.borrow();
        Ok(account.iter().filter(|one| one.kind == kind && one.name == name).cloned().collect())
    }

    async fn read(&self, kind: Kind, id: &str) -> Result<Option<Observed>, Failure> {
        let account = self.account.borrow();
        Ok(account.iter().find(|one| one.kind == kind && one.id == id).cloned())
    }

    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }
}

impl Journal for World {
    async fn record(
        &self,
        resource: &str,
        row: RowChange,
        progress: Option<Progress>,
    ) -> Result<(), Halt> {
        self.point().await;
        let fencing = self.fencing.get();
        let resource = resource.to_owned();
        let answer = self.handle(Request::Record { fencing, resource, row, progress });
        self.point().await;
        match answer {
            Answer::Recorded => Ok(()),
            Answer::Refused(refusal) => Err(Halt::Unrecorded(refusal.to_string())),
            other => panic!("{other:?}"),
        }
    }
}

/// A deploy that adopts nothing.
pub(crate) const DEPLOY: Intent = Intent::Deploy { adopt: false };

/// A destroy that empties these buckets.
pub(crate) fn destroy(empty: &[&str]) -> Intent {
    let empty = empty.iter().map(|name| (*name).to_owned()).collect();
    Intent::Destroy { empty, own_worker: None }
}

/// A world in which a stage was deployed.
pub(crate) fn deployed(stage: &Stage) -> World {
    let world = World::new(&stage.name);
    world.upload(stage);
    assert!(world.apply(Some(stage), DEPLOY).is_done());
    world.log.borrow_mut().clear();
    world.points.set(0);
    world
}
