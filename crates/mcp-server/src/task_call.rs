//! Calls whose work goes on in a task: handed over when it begins, and waited for where the client
//! cannot follow tasks itself.
//!
//! Invariant: what the client has answered goes with the work, so that it is not asked again. A client that leaves while
//! its task starts takes it back, unless the same request may come again for it.

use std::{rc::Rc, time::Duration};

use serde_json::value::RawValue;

use crate::{
    client_request::{Stop, StopReason},
    context::Context,
    execution::InPlace,
    outcome::Outcome,
    registry::FoundTool,
    tasks::{
        Follows, OPERATION, TaskCall, TaskError, TaskOutcome, TaskPolicy, TaskSnapshot, Tasks,
    },
    telemetry::trace::span,
    toolset::Arguments,
};
use mcp_protocol::{
    content::{CallToolResult, ResourceContents},
    jsonrpc::{INTERNAL_ERROR, RpcError},
};

/// Pauses before a start that was lost is sent again: an object that was reset is back by then.
const START_RETRIES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// Calls a tool whose work may become a task.
pub(super) async fn call(
    ctx: &Context,
    tasks: &Rc<dyn Tasks>,
    found: FoundTool,
    arguments: Arguments<'_>,
) -> Outcome {
    let name = found.tool.name;
    if found.tool.task_policy == TaskPolicy::AtOnce && ctx.notifier.follows() == Follows::Handle {
        return move_to_task(ctx, tasks, name, arguments, None).await;
    }
    let work = Rc::new(InPlace::until_begun(ctx.platform.clone()));
    let here = Context { execution: work.clone(), ..ctx.clone() };
    match found.call(&here, arguments).await {
        Err(Stop(StopReason::Moves)) => {
            move_to_task(ctx, tasks, name, arguments, work.take_bound()).await
        }
        called => called.map_or_else(Outcome::Stopped, Outcome::Tool),
    }
}

async fn move_to_task(
    ctx: &Context,
    tasks: &Rc<dyn Tasks>,
    name: &str,
    arguments: Option<&RawValue>,
    bound: Option<String>,
) -> Outcome {
    if ctx.is_cancelled() {
        return Outcome::Stopped(Stop::cancelled());
    }
    let follows = ctx.notifier.follows();
    let nonce = ctx.notifier.nonce();
    let start = TaskCall {
        tool: name.to_owned(),
        arguments: arguments.map(ToOwned::to_owned),
        answers: ctx.notifier.answered(),
        capabilities: ctx.notifier.capabilities(),
        // A request without a session that waits cannot ask any more.
        can_ask: follows != Follows::Owns,
        trace: Some(ctx.record.trace(&*ctx.platform).to_text(span(&*ctx.platform))),
        bound,
        nonce,
        read_only: ctx.choice.read_only,
    };
    let id = tasks.name(nonce);
    ctx.changes.move_to_task();
    // A call that ended with its client here would leave a task which its person cannot find: its id is known to that
    // call alone, and the extension has no list.
    let held = ctx.changes.hold();
    // Before the start, so that a session which dies meanwhile still finds the task.
    ctx.notifier.moved(&id);
    let seen = match start_task(ctx, tasks, &id, start).await {
        Ok(seen) => seen,
        Err(TaskError::Refused(why)) => return refused(&why).into(),
        Err(TaskError::Failed(_) | TaskError::Unknown) => {
            return Outcome::Tool(may_have_begun(&id));
        }
    };
    // A request with a name may come again after its connection was lost, and is given this very task.
    let comes_again = follows == Follows::Handle && nonce.is_some();
    if ctx.notifier.is_cancelled() && !comes_again {
        // A cancellation that came while the task was started may have found none. One that fails leaves a task that
        // ends by itself.
        let _ = tasks.cancel(&seen.id).await;
    }
    if follows == Follows::Handle {
        return Outcome::Task(seen);
    }
    if seen.id != id {
        ctx.notifier.moved(&seen.id);
    }
    let owner = follows == Follows::Owns;
    ended(&seen.id, tasks.follow(&seen.id, owner, ctx.notifier.clone(), Some(held)).await)
}

/// Starts a task. A start that is lost is sent again under the same id, which starts nothing twice.
async fn start_task(
    ctx: &Context,
    tasks: &Rc<dyn Tasks>,
    id: &str,
    start: TaskCall,
) -> Result<TaskSnapshot, TaskError> {
    let mut is_lost = false;
    for pause in START_RETRIES {
        match tasks.start(id, start.clone()).await {
            Err(TaskError::Failed(_)) => ctx.platform.sleep(pause).await,
            outcome => return known(outcome, is_lost),
        }
        is_lost = true;
    }
    known(tasks.start(id, start).await, is_lost)
}

/// The outcome of a start, of which one before may have been lost: then a refusal to send it again says
/// nothing of the one before.
fn known(
    outcome: Result<TaskSnapshot, TaskError>,
    is_lost: bool,
) -> Result<TaskSnapshot, TaskError> {
    match outcome {
        Err(TaskError::Refused(why)) if is_lost => Err(TaskError::Failed(why)),
        outcome => outcome,
    }
}

/// The outcome of a task that was waited for.
pub fn ended(id: &str, ended: Result<TaskOutcome, TaskError>) -> Outcome {
    match ended {
        Ok(TaskOutcome::Completed(result)) => Outcome::Text(result),
        Ok(TaskOutcome::Failed(code, message)) => RpcError::new(code, message).into(),
        Ok(TaskOutcome::Cancelled) => {
            Outcome::Tool(CallToolResult::error("The work was cancelled."))
        }
        Err(TaskError::Unknown) => Outcome::Tool(CallToolResult::error(format!(
            "There is no task {OPERATION}{id}: it never began, or it began more than a day ago. \
             Check what was changed before you call this again."
        ))),
        Err(_) => Outcome::Tool(CallToolResult::error(format!(
            "The work continues, but this call can no longer wait for it. Read {OPERATION}{id} to \
             see how it ended; do not start it again until then."
        ))),
    }
}

/// The answer to a call whose task did not begin.
fn refused(why: &str) -> RpcError {
    let message = format!("the task was not started: {why}. Nothing was changed");
    RpcError::new(INTERNAL_ERROR, message)
}

/// The answer to a call whose task may or may not have begun.
fn may_have_begun(id: &str) -> CallToolResult {
    CallToolResult::error(format!(
        "The work may have begun: the server lost the answer to its start. Read {OPERATION}{id} \
         to see whether it runs and how it ended. Call this again only if there is no such \
         operation."
    ))
}

/// A task as a resource.
pub(super) async fn read(tasks: &Rc<dyn Tasks>, id: &str, uri: &str) -> Result<Outcome, RpcError> {
    match tasks.look(id).await {
        Ok(task) => {
            let contents = ResourceContents::text(uri, "application/json", task);
            Ok(Outcome::Result(contents.to_result()))
        }
        Err(TaskError::Unknown) => Ok(Outcome::NoResource(uri.to_owned())),
        Err(TaskError::Refused(why) | TaskError::Failed(why)) => {
            Err(RpcError::new(INTERNAL_ERROR, why))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures_channel::oneshot::{self, Receiver};
    use futures_util::{
        FutureExt as _,
        future::{LocalBoxFuture, ready},
    };
    use serde_json::Value;

    use super::*;
    use crate::{
        call::{AttachedAnswer, run_attached},
        changes::{Changes, Hold},
        channel::{Channel, Reply},
        execution::{BOUND, Execution as _},
        notifier::Notifier,
        tasks::TaskFuture,
        testing::{FakePlatform, START_MS},
        tool_selection::ToolSelection,
    };
    use mcp_protocol::{capabilities::ClientCapabilities, stateless::mrtr::KeyedRequest};

    /// Tasks whose starts come to this, the last one for ever.
    struct Starts {
        outcomes: RefCell<Vec<Result<(), TaskError>>>,
        calls: RefCell<Vec<String>>,
        last: RefCell<Option<TaskCall>>,
        /// The answer to a start comes once this is opened.
        gate: RefCell<Option<Receiver<()>>>,
    }

    impl Starts {
        fn new(outcomes: &[Result<(), TaskError>]) -> Rc<Self> {
            let (outcomes, calls) = (RefCell::new(outcomes.to_vec()), RefCell::default());
            Rc::new(Self { outcomes, calls, last: RefCell::default(), gate: RefCell::default() })
        }

        fn note(&self, call: &str, id: &str) {
            self.calls.borrow_mut().push(format!("{call} {id}"));
        }
    }

    impl Tasks for Starts {
        fn name(&self, _nonce: Option<[u8; 16]>) -> String {
            "the-id".to_owned()
        }

        fn start(&self, id: &str, start: TaskCall) -> TaskFuture<TaskSnapshot> {
            self.note("start", id);
            *self.last.borrow_mut() = Some(start);
            let mut outcomes = self.outcomes.borrow_mut();
            let outcome = if outcomes.len() > 1 { outcomes.remove(0) } else { outcomes[0].clone() };
            let outcome =
                outcome.map(|()| TaskSnapshot { id: id.to_owned(), task: "{}".to_owned() });
            match self.gate.take() {
                Some(gate) => gate.map(|_| outcome).boxed_local(),
                None => ready(outcome).boxed_local(),
            }
        }

        fn look(&self, _id: &str) -> TaskFuture<String> {
            ready(Err(TaskError::Unknown)).boxed_local()
        }

        fn update(&self, _id: &str, _responses: String) -> TaskFuture<()> {
            ready(Ok(())).boxed_local()
        }

        fn cancel(&self, id: &str) -> TaskFuture<()> {
            self.note("cancel", id);
            ready(Ok(())).boxed_local()
        }

        fn follow(
            &self,
            id: &str,
            _owner: bool,
            _notifier: Rc<dyn Notifier>,
            held: Option<Hold>,
        ) -> TaskFuture<TaskOutcome> {
            assert!(held.is_some());
            self.note("follow", id);
            ready(Ok(TaskOutcome::Completed("{}".to_owned()))).boxed_local()
        }
    }

    struct Call {
        follows: Follows,
        /// None: never. Else whether the call was cancelled before its task was named, or after.
        cancelled: Option<bool>,
        moved: RefCell<Vec<String>>,
        /// Whether the request has a name, so that it may come again.
        named: bool,
    }

    impl Notifier for Call {
        fn ask(
            &self,
            _questions: Vec<KeyedRequest>,
        ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
            ready(Ok(Vec::new())).boxed_local()
        }

        fn capabilities(&self) -> ClientCapabilities {
            ClientCapabilities::default()
        }

        fn is_cancelled(&self) -> bool {
            self.cancelled.is_some_and(|before| before || !self.moved.borrow().is_empty())
        }

        fn nonce(&self) -> Option<[u8; 16]> {
            self.named.then_some([7; 16])
        }

        fn follows(&self) -> Follows {
            self.follows
        }

        fn moved(&self, task: &str) {
            self.moved.borrow_mut().push(task.to_owned());
        }
    }

    fn lost() -> Result<(), TaskError> {
        Err(TaskError::Failed("reset".to_owned()))
    }

    fn call(follows: Follows) -> Rc<Call> {
        Rc::new(Call { follows, cancelled: None, moved: RefCell::default(), named: false })
    }

    fn cancelled(before: bool) -> Rc<Call> {
        let (follows, cancelled) = (Follows::Waits, Some(before));
        Rc::new(Call { follows, cancelled, moved: RefCell::default(), named: false })
    }

    /// The outcome of a call, and how long it took.
    fn moved_on(tasks: &Rc<Starts>, call: Rc<Call>) -> (String, u64) {
        let fake = FakePlatform::new([]);
        let ctx = Context { notifier: call, ..fake.context() };
        let tasks: Rc<dyn Tasks> = tasks.clone();
        let outcome = move_to_task(&ctx, &tasks, "tool", None, None).now_or_never().unwrap();
        let text = match outcome {
            Outcome::Tool(result) => result.to_json(),
            Outcome::Failed(error) => error.message,
            Outcome::Text(text) => text,
            Outcome::Task(seen) => seen.id,
            Outcome::Stopped(stop) => stop.into_message(),
            _ => panic!("another outcome"),
        };
        (text, ctx.platform.now_ms().saturating_sub(START_MS))
    }

    #[test]
    fn a_start_that_is_lost_is_sent_again_under_the_same_id() {
        let tasks = Starts::new(&[lost(), lost(), Ok(())]);
        let waits = call(Follows::Waits);
        let (text, took_ms) = moved_on(&tasks, waits.clone());
        assert_eq!((text.as_str(), took_ms), ("{}", 1_200));
        let calls = ["start the-id", "start the-id", "start the-id", "follow the-id"];
        assert_eq!(*tasks.calls.borrow(), calls);
        assert_eq!(*waits.moved.borrow(), ["the-id"]);
        let tasks = Starts::new(&[lost(), Ok(())]);
        assert_eq!(moved_on(&tasks, call(Follows::Handle)).0, "the-id");
    }

    #[test]
    fn a_start_that_stays_lost_may_have_begun() {
        for follows in [Follows::Handle, Follows::Waits, Follows::Owns] {
            let tasks = Starts::new(&[lost()]);
            let (text, _) = moved_on(&tasks, call(follows));
            assert!(text.contains("may have begun"), "{text}");
            assert!(text.contains("sitebay://operation/the-id"), "{text}");
            assert!(!text.contains("Nothing was changed"), "{text}");
            assert_eq!(tasks.calls.borrow().len(), 3);
        }
    }

    #[test]
    fn only_a_start_that_was_refused_changed_nothing() {
        let refused = Err(TaskError::Refused("no key".to_owned()));
        let tasks = Starts::new(std::slice::from_ref(&refused));
        let (text, _) = moved_on(&tasks, call(Follows::Waits));
        assert_eq!(text, "the task was not started: no key. Nothing was changed");
        assert_eq!(tasks.calls.borrow().len(), 1);
        // A start that is refused the second time may have succeeded the first time.
        let tasks = Starts::new(&[lost(), refused]);
        let (text, _) = moved_on(&tasks, call(Follows::Waits));
        assert!(text.contains("may have begun"), "{text}");
        assert_eq!(tasks.calls.borrow().len(), 2);
    }

    #[test]
    fn a_call_that_is_cancelled_while_its_task_starts_cancels_the_task() {
        let tasks = Starts::new(&[Ok(())]);
        moved_on(&tasks, cancelled(false));
        assert_eq!(*tasks.calls.borrow(), ["start the-id", "cancel the-id", "follow the-id"]);
    }

    #[test]
    fn a_task_that_its_client_may_ask_for_again_is_not_cancelled_with_the_connection() {
        let call = |named| {
            let call = Rc::new(Call {
                follows: Follows::Handle,
                cancelled: Some(false),
                moved: RefCell::default(),
                named,
            });
            let tasks = Starts::new(&[Ok(())]);
            moved_on(&tasks, call);
            tasks.calls.take()
        };
        assert_eq!(call(false), ["start the-id", "cancel the-id"]);
        assert_eq!(call(true), ["start the-id"]);
    }

    #[test]
    fn a_task_is_told_what_its_call_was_for() {
        let fake = FakePlatform::new([]);
        let work = InPlace::until_begun(fake.clone());
        work.record(BOUND, Some("\"this\"".to_owned())).now_or_never().unwrap().unwrap();
        work.record("other", Some("1".to_owned())).now_or_never().unwrap().unwrap();
        let tasks = Starts::new(&[Ok(())]);
        let ctx = Context { notifier: call(Follows::Handle), ..fake.context() };
        let kept: Rc<dyn Tasks> = tasks.clone();
        let moved = move_to_task(&ctx, &kept, "tool", None, work.take_bound());
        moved.now_or_never().unwrap();
        let start = tasks.last.take().unwrap();
        assert_eq!((start.bound.as_deref(), start.read_only), (Some("\"this\""), false));
    }

    #[test]
    fn a_task_reads_alone_where_its_caller_chose_so() {
        let fake = FakePlatform::new([]);
        let choice = ToolSelection { read_only: true, ..ToolSelection::default() };
        let tasks = Starts::new(&[Ok(())]);
        let ctx = Context { notifier: call(Follows::Handle), choice, ..fake.context() };
        let kept: Rc<dyn Tasks> = tasks.clone();
        move_to_task(&ctx, &kept, "tool", None, None).now_or_never().unwrap();
        assert!(tasks.last.take().unwrap().read_only);
    }

    /// What becomes of a task whose client leaves while it starts.
    fn left_while_it_starts(follows: Follows, named: bool) -> Vec<String> {
        let runs_on: Rc<RefCell<Vec<LocalBoxFuture<'static, ()>>>> = Rc::default();
        let kept = runs_on.clone();
        let wait_until = Rc::new(move |rest| kept.borrow_mut().push(rest));
        let changes = Rc::new(Changes::in_request(wait_until));
        let (opens, gate) = oneshot::channel();
        let tasks = Starts::new(&[Ok(())]);
        tasks.gate.replace(Some(gate));
        let fake = FakePlatform::new([]);
        // It is found out once the task is named.
        let notifier =
            Rc::new(Call { follows, cancelled: Some(false), moved: RefCell::default(), named });
        let ctx = Context { notifier, changes: changes.clone(), ..fake.context() };
        let started: Rc<dyn Tasks> = tasks.clone();
        let called = async move {
            move_to_task(&ctx, &started, "tool", None, None).await;
            Reply::Accepted
        };
        let answer = run_attached(called.boxed_local(), Channel::new(), fake, changes);
        let Some(AttachedAnswer::Stream(stream)) = answer.now_or_never() else {
            panic!("no stream")
        };
        drop(stream);
        opens.send(()).unwrap();
        for rest in runs_on.take() {
            rest.now_or_never();
        }
        tasks.calls.take()
    }

    #[test]
    fn a_client_that_leaves_while_its_task_starts_takes_it_back_or_may_come_again() {
        let (start, cancel, follow) = ("start the-id", "cancel the-id", "follow the-id");
        assert_eq!(left_while_it_starts(Follows::Handle, false), [start, cancel]);
        assert_eq!(left_while_it_starts(Follows::Handle, true), [start]);
        assert_eq!(left_while_it_starts(Follows::Owns, false), [start, cancel, follow]);
    }

    #[test]
    fn a_call_that_was_cancelled_starts_no_task() {
        let tasks = Starts::new(&[Ok(())]);
        let (text, _) = moved_on(&tasks, cancelled(true));
        assert!(text.contains("cancelled"), "{text}");
        assert_eq!(*tasks.calls.borrow(), Vec::<String>::new());
    }

    #[test]
    fn a_task_that_is_unknown_does_not_go_on() {
        let Outcome::Tool(result) = ended("x", Err(TaskError::Unknown)) else { panic!("a tool") };
        assert!(result.to_json().contains("There is no task sitebay://operation/x"));
    }
}
