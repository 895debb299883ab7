//! Doors before upstreams whose definitions change.

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures_util::future::LocalBoxFuture;
use mcp_platform::{
    Platform as _,
    testing::{ScriptedStream, VirtualPlatform},
};
use mcp_server::{
    context::Context,
    notifier::Declared,
    outcome::Outcome,
    remote::{Carried, Remote as _},
    tool_selection::ToolSelection,
};
use serde_json::{Value, json};

use super::{
    Door,
    tests::{answer, caller, door_with, failure, list, tools},
};
use crate::{
    memory::Memory,
    pin_store::{PinStore, PinsAnswer, PinsRequest},
    relay::place::Carriage,
    testing::FakePins,
};

/// An upstream, its door, and what is asked of its pins.
struct Stand {
    platform: Rc<VirtualPlatform>,
    door: Door,
    pins: Rc<FakePins>,
    subjects: u8,
}

impl Stand {
    /// One whose lists are these, in turn.
    fn new(settings: &Value, lists: &[Value]) -> Self {
        let answers = lists.iter().map(|list| answer(Duration::ZERO, list));
        Self::scripted(settings, answers.collect())
    }

    /// One that answers so.
    fn scripted(settings: &Value, answers: Vec<ScriptedStream>) -> Self {
        let pins = Rc::<FakePins>::default();
        let door = door_with("", settings, pins.clone());
        Self { platform: VirtualPlatform::new(answers), door, pins, subjects: 0 }
    }

    /// A caller who has not asked yet, so that the upstream is.
    fn caller(&mut self) -> Context {
        self.subjects = self.subjects.saturating_add(1);
        caller(&self.platform, self.subjects)
    }

    /// The names in a new list, and what is missing from it.
    fn list(&mut self) -> (Vec<String>, Vec<String>) {
        let ctx = self.caller();
        list(&self.door, &self.platform, &ctx)
    }

    /// Approves what the pins say was seen of a tool.
    fn approve(&self, tool: &str) {
        let mut pins = self.pins.pins.borrow_mut();
        let pins = pins.get_mut("tickets").unwrap();
        let seen = pins.pending().find(|(name, ..)| *name == tool).unwrap().2.to_owned();
        assert!(pins.approve(tool, &seen));
    }
}

fn described(name: &str, description: &str) -> Value {
    let schema = json!({ "type": "object" });
    json!({ "tools": [{ "name": name, "description": description, "inputSchema": schema }] })
}

// Statement 17.
#[test]
fn a_changed_tool_is_neither_listed_nor_called_until_its_hash_is_approved() {
    let lists = [described("a", "one"), described("a", "two"), described("a", "two")];
    let mut stand = Stand::new(&json!({ "pins": "block" }), &lists);
    assert_eq!(stand.list().0, ["tickets_a"]);
    let ctx = stand.caller();
    let told = failure(stand.platform.run(stand.door.tool(&ctx, "tickets_a")));
    assert!(told.contains("`tickets_a` is blocked") && told.contains("no longer"), "{told}");
    assert!(told.contains("GET /admin/upstreams/tickets"), "{told}");
    let (names, notes) = list(&stand.door, &stand.platform, &ctx);
    assert!(names.is_empty());
    assert!(matches!(&notes[..], [note] if note.contains("`a` wait for an administrator")));
    // A name that was never there is unknown.
    assert!(stand.platform.run(stand.door.tool(&ctx, "tickets_b")).unwrap().is_none());
    // One who may not see it otherwise does not learn that it is there.
    let choice = ToolSelection { read_only: true, ..ctx.choice };
    let reader = Context { choice, ..ctx };
    assert!(stand.platform.run(stand.door.tool(&reader, "tickets_a")).unwrap().is_none());
    stand.approve("a");
    assert_eq!(stand.list(), (vec!["tickets_a".to_owned()], vec![]));
}

#[test]
fn a_blocked_tool_is_looked_up_anew_and_found_once_it_is_approved() {
    let later = Duration::from_secs(2);
    let now = Duration::ZERO;
    let (one, two) = (described("a", "one"), described("a", "two"));
    let answers = vec![answer(now, &one), answer(now, &two), answer(later, &two)];
    let mut stand = Stand::scripted(&json!({ "pins": "block" }), answers);
    stand.list();
    let ctx = stand.caller();
    assert!(stand.platform.run(stand.door.tool(&ctx, "tickets_a")).is_err());
    stand.approve("a");
    stand.platform.run(stand.platform.sleep(later));
    assert!(stand.platform.run(stand.door.tool(&ctx, "tickets_a")).unwrap().is_some());
}

#[test]
fn with_warnings_a_changed_tool_is_offered_and_marked() {
    let lists = [described("a", "one"), described("a", "two")];
    let mut stand = Stand::new(&json!({}), &lists);
    stand.list();
    let ctx = stand.caller();
    let (names, notes) = list(&stand.door, &stand.platform, &ctx);
    assert_eq!((names, notes), (vec!["tickets_a".to_owned()], vec![]));
    assert!(stand.platform.run(stand.door.tool(&ctx, "tickets_a")).unwrap().is_some());
    let read = stand.door.request(&ctx, "resources/read", r#"{"uri":"gateway://upstreams"}"#);
    let Some(Outcome::Text(status)) = stand.platform.run(read) else { panic!() };
    let status: Value = serde_json::from_str(&status).unwrap();
    let status: Value =
        serde_json::from_str(status["contents"][0]["text"].as_str().unwrap()).unwrap();
    let [mark] = &status["upstreams"][0]["changed"].as_array().unwrap()[..] else { panic!() };
    assert_eq!((&mark["tool"], &mark["hidden"]), (&json!("tickets_a"), &json!(false)));
    assert_ne!(mark["pinned"], mark["seen"]);
}

#[test]
fn pins_are_asked_once_for_a_list_and_never_for_a_call() {
    let same = tools(&["a", "b"]);
    let mut stand = Stand::new(&json!({}), &[same.clone(), same.clone(), same]);
    let ctx = stand.caller();
    list(&stand.door, &stand.platform, &ctx);
    for _ in 0..9 {
        assert!(stand.platform.run(stand.door.tool(&ctx, "tickets_a")).unwrap().is_some());
        list(&stand.door, &stand.platform, &ctx);
    }
    assert_eq!(stand.pins.asked.get(), 1);
    // Another subject's list has the same definitions.
    stand.list();
    assert_eq!(stand.pins.asked.get(), 1);
    let mut unpinned = Stand::new(&json!({ "pins": "off" }), &[tools(&["a"])]);
    assert_eq!(unpinned.list().0, ["tickets_a"]);
    assert_eq!(unpinned.pins.asked.get(), 0);
}

/// Pins that are changed in the moment in which a list is compared with them.
struct ChangingPins {
    pins: FakePins,
    memory: RefCell<Rc<Memory>>,
}

impl PinStore for ChangingPins {
    fn ask(
        &self,
        pins: &str,
        request: PinsRequest,
    ) -> LocalBoxFuture<'static, Result<PinsAnswer, String>> {
        let compared = self.pins.ask(pins, request);
        // So does the admin API.
        self.memory.borrow().forget_lists("tickets");
        compared
    }
}

#[test]
fn a_comparison_with_pins_that_were_changed_meanwhile_is_not_remembered() {
    let pins = Rc::new(ChangingPins { pins: FakePins::default(), memory: RefCell::default() });
    let door = door_with("", &json!({}), pins.clone());
    pins.memory.replace(door.memory.clone());
    let platform = VirtualPlatform::new((0..3).map(|_| answer(Duration::ZERO, &tools(&["a"]))));
    for asked in 1..=3 {
        // The third time the first one asks again.
        let ctx = caller(&platform, asked % 2);
        assert_eq!(list(&door, &platform, &ctx).0, ["tickets_a"]);
        assert_eq!(pins.pins.asked.get(), u32::from(asked));
        assert_eq!(platform.requests().len(), usize::from(asked));
    }
}

#[test]
fn where_pins_cannot_be_asked_only_what_could_be_hidden_is_not_offered() {
    for (settings, is_closed) in [
        (json!({ "pins": "block" }), true),
        (json!({ "pins": "warn", "unknown": "block" }), true),
        (json!({ "pins": "warn" }), false),
        (json!({ "pins": "off", "unknown": "block" }), false),
    ] {
        let mut stand = Stand::new(&settings, &[tools(&["a"]), tools(&["a"])]);
        stand.pins.fail.set(true);
        let (names, notes) = stand.list();
        assert_eq!((names.is_empty(), !notes.is_empty()), (is_closed, is_closed), "{settings}");
        let ctx = stand.caller();
        match stand.platform.run(stand.door.tool(&ctx, "tickets_a")) {
            Ok(found) => assert!(found.is_some() && !is_closed, "{settings}"),
            Err(Outcome::Stopped(stop)) => {
                let told = format!("{stop:?}");
                assert!(is_closed && told.contains("pins cannot be read"), "{settings}: {told}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_call_that_was_begun_is_not_called_unsent_where_its_tool_is_hidden() {
    let lists = [described("a", "one"), described("a", "two"), described("a", "three")];
    let mut stand = Stand::new(&json!({ "pins": "block" }), &lists);
    stand.list();
    let back = |ctx| {
        let state = Carriage::Park("life".to_owned(), 1, 1).to_json();
        let carried = Some(Carried { state, responses: Vec::new() });
        Context { notifier: Rc::new(Declared { carried, ..Declared::default() }), ..ctx }
    };
    let ctx = back(stand.caller());
    let told = failure(stand.platform.run(stand.door.tool(&ctx, "tickets_a")));
    assert!(
        told.contains("is blocked") && told.contains("outcome of the call is unknown"),
        "{told}"
    );
    assert!(!told.contains("nothing was sent"), "{told}");
    stand.pins.fail.set(true);
    let ctx = back(stand.caller());
    let found = stand.platform.run(stand.door.tool(&ctx, "tickets_a"));
    let Err(Outcome::Stopped(stop)) = found else { panic!("{found:?}") };
    let told = format!("{stop:?}");
    assert!(
        told.contains("The outcome is unknown") && told.contains("pins cannot be read"),
        "{told}"
    );
}

#[test]
fn new_tools_wait_for_approval_where_they_must() {
    let lists = [tools(&["a"]), tools(&["a"])];
    let mut stand = Stand::new(&json!({ "unknown": "block" }), &lists);
    let ctx = stand.caller();
    let told = failure(stand.platform.run(stand.door.tool(&ctx, "tickets_a")));
    assert!(told.contains("new tools wait for approval"), "{told}");
    stand.approve("a");
    assert_eq!(stand.list().0, ["tickets_a"]);
}
