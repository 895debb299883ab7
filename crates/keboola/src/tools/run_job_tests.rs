use std::{rc::Rc, time::Duration};

use mcp_server::context::Context;
use serde_json::{Value, json};

use crate::testing::{FakeKeboola, Steps, fails, rises, run, run_in};

const TOOL: &str = "keboola_run_job";
const START: &str = "Post queue /jobs";
const SEARCH: &str = "Get queue /search/jobs";
const CONFIG: &str = "Get connection /v2/storage/branch/default/components/ex/configs/7";

fn job(status: &str) -> Value {
    json!({"id": 12, "status": status, "component": "ex", "config": "7", "result": [], "configData": [],
        "isFinished": matches!(status, "success" | "error"), "runId": "12", "url": "https://q/jobs/12"})
}

fn arguments() -> Value {
    json!({"component_id": "ex", "configuration_id": "7", "confirm": true})
}

#[test]
fn a_job_is_started_once_and_shown() {
    let fake = FakeKeboola::new();
    fake.on(START, 201, job("created"));
    let mut arguments = arguments();
    arguments["configuration_row_ids"] = json!(["r"]);
    let started = run(&fake, TOOL, arguments);
    assert_eq!(
        (&started["id"], &started["status"], &started["result"]),
        (&json!("12"), &json!("created"), &json!({}))
    );
    assert_eq!(
        fake.body(START),
        json!({"component": "ex", "config": "7", "mode": "run", "configRowIds": ["r"]})
    );
    assert_eq!(fake.lines(), [START]);
}

#[test]
fn a_job_of_a_branch_says_so() {
    let fake = FakeKeboola::new();
    fake.on(START, 201, job("created"));
    let mut arguments = arguments();
    arguments["branch_id"] = json!("9");
    run(&fake, TOOL, arguments);
    assert_eq!(fake.body(START)["branchId"], "9");
}

#[test]
fn the_person_is_told_what_would_run() {
    let fake = FakeKeboola::new();
    fake.on(CONFIG, 200, json!({"id": "7", "name": "Orders", "version": 4}));
    let why = fails(&fake, TOOL, json!({"component_id": "ex", "configuration_id": "7"}));
    for part in [
        "\"Sales\" (58)",
        "Branch: main",
        "\"Orders\" (\"7\"), version 4",
        "Rows: all",
        "confirm: true",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert_eq!(fake.count(START), 0);
}

#[test]
fn texts_of_others_are_no_lines_of_the_form() {
    let fake = FakeKeboola::with_project(json!({"name": "S\n- Branch: a"}));
    fake.on(CONFIG, 200, json!({"id": "7", "name": "O\n- Rows: b", "version": 4}));
    let rows = json!(["r\n- Project: c", "all"]);
    let arguments =
        json!({"component_id": "ex", "configuration_id": "7", "configuration_row_ids": rows});
    let why = fails(&fake, TOOL, arguments);
    for line in ["- Branch: ", "- Rows: ", "- Project: "] {
        let lines = why.lines().filter(|known| known.starts_with(line));
        assert_eq!(lines.count(), 1, "{why}");
    }
    assert!(why.contains(r#"- Rows: "r\n- Project: c", "all""#), "{why}");
}

#[test]
fn waiting_ends_with_the_job() {
    let fake = FakeKeboola::new();
    fake.on(START, 201, job("created"));
    for status in ["waiting", "processing", "processing", "error"] {
        fake.on("Get queue /jobs/12", 200, job(status));
    }
    let mut arguments = arguments();
    arguments["wait"] = json!(true);
    let ended = run(&fake, TOOL, arguments);
    assert_eq!((&ended["status"], &ended["is_finished"]), (&json!("error"), &json!(true)));
    let reports = fake.reports();
    assert!(reports[0] == "1/Some(2.0) job 12 is running" && rises(&reports), "{reports:?}");
    assert!(reports.len() == 4 && reports.iter().all(|line| line.starts_with("1")), "{reports:?}");
}

#[test]
fn a_job_that_never_ends_is_left_alone_after_hours() {
    let fake = FakeKeboola::new();
    fake.on(START, 201, job("created"));
    fake.on("Get queue /jobs/12", 200, job("processing"));
    let mut arguments = arguments();
    arguments["wait"] = json!(true);
    let why = fails(&fake, TOOL, arguments.clone());
    assert!(
        why.contains("Job 12 was started, and still runs after 6 hours")
            && why.contains("do not start it again"),
        "{why}"
    );
    assert!(fake.elapsed() >= Duration::from_secs(6 * 3_600));
    assert_eq!(fake.count(START), 1);
    fake.clear("Get queue /jobs/12");
    let why = fails(&fake, TOOL, arguments);
    assert!(why.contains("Job 12 was started, but cannot be read any more"), "{why}");
}

#[test]
fn a_start_whose_answer_is_lost_is_looked_up_and_not_sent_again() {
    let fake = FakeKeboola::new();
    fake.breaks(START);
    fake.on(SEARCH, 200, json!([job("processing")]));
    let started = run(&fake, TOOL, arguments());
    assert_eq!(started["id"], "12");
    assert_eq!(fake.count(START), 1);
    let line = fake.lines().pop().unwrap();
    for part in
        ["componentId=ex", "configId=7", "createdTimeFrom=2026-11-20T07%3A59%3A55Z", "tokenId=44"]
    {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn a_lost_start_that_is_not_found_is_doubt() {
    for (found, part) in [
        (json!([]), "no such job so far"),
        (json!([job("created"), {"id": 11}]), "one of the jobs 12, 11"),
    ] {
        let fake = FakeKeboola::new();
        fake.on(START, 502, json!({"error": "bad gateway"}));
        fake.on(SEARCH, 200, found);
        let why = fails(&fake, TOOL, arguments());
        assert!(why.contains(part) && why.contains("MAY have happened"), "{why}");
        assert_eq!(fake.count(START), 1);
    }
}

#[test]
fn a_refusal_is_not_doubt_and_a_429_is_not_sent_again() {
    for status in [400, 401, 403, 429] {
        let fake = FakeKeboola::new();
        fake.on(START, status, json!({"error": "no", "code": status}));
        let why = fails(&fake, TOOL, arguments());
        assert!(why.starts_with("Nothing was started.") && !why.contains("MAY"), "{why}");
        assert_eq!(fake.lines(), [START]);
    }
}

#[test]
fn a_task_that_is_run_again_looks_at_the_job_that_it_started() {
    let fake = FakeKeboola::new();
    fake.on(START, 201, job("created"));
    fake.on("Get queue /jobs/12", 200, job("success"));
    let steps = Rc::new(Steps::default());
    let ctx = || Context { execution: steps.clone(), ..fake.context() };
    let mut arguments = arguments();
    arguments["wait"] = json!(true);
    assert_eq!(run_in(&ctx(), TOOL, arguments.clone()).data["status"], "success");
    steps.forgets("ended");
    assert_eq!(run_in(&ctx(), TOOL, arguments.clone()).data["status"], "success");
    assert_eq!(fake.count(START), 1, "{:?}", fake.lines());
    // A run that died between the request and its answer.
    steps.loses("start");
    steps.forgets("found");
    fake.on(SEARCH, 200, json!([job("processing")]));
    assert_eq!(run_in(&ctx(), TOOL, arguments).data["id"], "12");
    assert_eq!((fake.count(START), fake.count(SEARCH)), (1, 1));
}

#[test]
fn a_job_that_was_found_stays_the_one_whatever_starts_later() {
    let fake = FakeKeboola::new();
    fake.breaks(START);
    fake.on(SEARCH, 200, json!([job("processing")]));
    fake.on(SEARCH, 200, json!([{"id": 13}, job("processing")]));
    fake.on("Get queue /jobs/12", 404, json!({"error": "gone"}));
    let steps = Rc::new(Steps::default());
    let ctx = || Context { execution: steps.clone(), ..fake.context() };
    let mut arguments = arguments();
    arguments["wait"] = json!(true);
    for _ in 0..2 {
        let why = run_in(&ctx(), TOOL, arguments.clone()).text;
        assert!(why.contains("Job 12 was found") && !why.contains("was started"), "{why}");
        steps.forgets("ended");
    }
    assert_eq!((fake.count(START), fake.count(SEARCH)), (1, 1));
    assert_eq!(fake.reports()[0], "0.5/Some(2.0) job 12 was found in the queue");
    let search = fake.lines().into_iter().find(|line| line.starts_with(SEARCH)).unwrap();
    assert!(search.contains("createdTimeTo="), "{search}");
}

#[test]
fn only_a_job_of_the_same_rows_and_branch_is_the_lost_one() {
    let with = |id: u64, rows: Value, branch: Value| {
        let mut job = job("processing");
        job["id"] = json!(id);
        job["configRowIds"] = rows;
        job["branchId"] = branch;
        job
    };
    let fake = FakeKeboola::new();
    fake.breaks(START);
    fake.on(
        SEARCH,
        200,
        json!([
            with(21, json!(["r1"]), json!(null)),
            with(22, json!([]), json!("5")),
            with(23, json!(["r2", "r1"]), json!("9")),
            with(24, json!(["r2", "r1"]), json!("5")),
        ]),
    );
    let mut of_rows = arguments();
    of_rows["configuration_row_ids"] = json!(["r1", "r2"]);
    assert_eq!(run(&fake, TOOL, of_rows)["id"], "24");
    assert_eq!(run(&fake, TOOL, arguments())["id"], "22");
}
