use std::rc::Rc;

use mcp_server::context::Context;
use serde_json::{Value, json};

use crate::testing::{FakeKeboola, Steps, bind, run_in};

const START: &str = "Post queue /jobs";
const VERIFY: &str = "Get connection /v2/storage/tokens/verify";
const TOOL: &str = "keboola_run_job";

fn arguments() -> Value {
    json!({"component_id": "ex", "configuration_id": "7", "confirm": true})
}

/// A task whose first run ended before it started its job.
fn asked_for() -> (Rc<FakeKeboola>, Rc<Steps>) {
    let fake = FakeKeboola::new();
    fake.on(START, 201, json!({"id": 12, "status": "created", "component": "ex", "config": "7"}));
    let steps = Rc::new(Steps::default());
    fake.on(START, 201, json!({"id": 12, "status": "created", "component": "ex", "config": "7"}));
    run(&fake, &steps);
    for key in ["start", "opened", "since"] {
        steps.forgets(key);
    }
    (fake, steps)
}

fn run(fake: &Rc<FakeKeboola>, steps: &Rc<Steps>) -> (bool, String) {
    let ctx = Context { execution: steps.clone(), ..fake.context() };
    let seen = run_in(&ctx, TOOL, arguments());
    (seen.is_error, seen.text)
}

#[test]
fn a_task_starts_its_job_in_the_project_that_it_was_asked_for_or_not_at_all() {
    let (fake, steps) = asked_for();
    fake.clear(VERIFY);
    let other =
        json!({"id": "1", "owner": {"id": 77, "name": "Other"}, "admin": {"role": "admin"}});
    fake.on(VERIFY, 200, other);
    let started = fake.count(START);
    let (failed, text) = run(&fake, &steps);
    assert!(failed && text.starts_with("Nothing was started"), "{text}");
    assert!(text.contains("asked for in the project \"Sales\" (58)"), "{text}");
    assert!(text.contains("connected the project \"Other\" (77)"), "{text}");
    assert_eq!(fake.count(START), started);
}

#[test]
fn a_task_starts_its_job_in_the_branch_that_it_was_asked_for_or_not_at_all() {
    let (fake, steps) = asked_for();
    let started = fake.count(START);
    bind(Some("9"));
    let (failed, text) = run(&fake, &steps);
    bind(None);
    assert!(failed && text.contains("branch main") && text.contains("branch 9"), "{text}");
    assert_eq!(fake.count(START), started);
    let (failed, text) = run(&fake, &steps);
    assert!(!failed, "{text}");
}
