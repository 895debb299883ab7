use super::*;
use crate::{
    plan::Plan,
    testing::{DEPLOY, World, deployed, destroy, stage},
};

fn begin(world: &World, plan: &Plan, plan_id: &str, subject: &str) -> Answer {
    world.handle(Request::Begin {
        plan: Box::new(plan.clone()),
        plan_id: plan_id.to_owned(),
        subject: subject.to_owned(),
        holder: "task-9".to_owned(),
    })
}

fn refused(answer: Answer) -> Refusal {
    match answer {
        Answer::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn unlock(world: &World, plan: &Plan, minutes: u64) -> Answer {
    let plan_id = plan.id().to_string();
    world.unlock(UnlockRequest { plan_id, minutes, by: "root".into() })
}

#[test]
fn a_plan_is_applied_by_its_subject_once_while_it_is_good() {
    let stage = stage("staging");
    let world = World::new("staging");
    let plan = world.plan(Some(&stage), DEPLOY);
    let id = plan.id().to_string();
    assert_eq!(refused(begin(&world, &plan, &id, "ann")), Refusal::UnknownPlan);
    world.offer(&plan);
    for wrong in ["", "plan", "staging.12", "true"] {
        assert_eq!(refused(begin(&world, &plan, wrong, "ann")), Refusal::MalformedPlan);
    }
    let other = id.replace("staging", "production");
    let of = "production".to_owned();
    assert_eq!(refused(begin(&world, &plan, &other, "ann")), Refusal::OtherStage { of });
    assert_eq!(refused(begin(&world, &plan, &id, "bob")), Refusal::OtherSubject);
    world.pass(15 * 60_000);
    assert!(matches!(refused(begin(&world, &plan, &id, "ann")), Refusal::Expired { .. }));
    world.offer(&plan);
    assert!(matches!(begin(&world, &plan, &id, "ann"), Answer::Begun { .. }));
    world.state.borrow_mut().operation = None;
    assert_eq!(refused(begin(&world, &plan, &id, "ann")), Refusal::Used);
    assert_ne!(world.plan(Some(&stage), DEPLOY).id(), plan.id(), "an id is good once");
}

#[test]
fn a_plan_that_is_another_one_by_now_changes_nothing() {
    let stage = stage("staging");
    let world = World::new("staging");
    let plan = world.plan(Some(&stage), DEPLOY);
    world.offer(&plan);
    world.upload(&stage);
    let now = world.plan(Some(&stage), DEPLOY);
    let before = world.state.borrow().clone();
    let answer = begin(&world, &now, &plan.id().to_string(), "ann");
    assert!(!answer.has_changed());
    assert_eq!(refused(answer), Refusal::Changed { now: now.id() });
    assert_eq!(*world.state.borrow(), before);
}

#[test]
fn a_plan_with_an_obstacle_is_not_begun() {
    let stage = stage("staging");
    let world = World::new("staging");
    world.put(crate::manifest::Kind::D1, "shop-staging");
    let plan = world.plan(Some(&stage), DEPLOY);
    world.offer(&plan);
    assert!(matches!(world.begin(&plan), Err(Refusal::Obstacles { .. })));
}

#[test]
fn one_operation_runs_at_a_time_and_the_other_learns_which() {
    let stage = stage("staging");
    let world = World::new("staging");
    let plan = world.plan(Some(&stage), DEPLOY);
    world.offer(&plan);
    world.begin(&plan).unwrap();
    let again = world.plan(Some(&stage), DEPLOY);
    world.offer(&again);
    let busy = world.begin(&again).unwrap_err();
    assert!(
        busy.to_string().starts_with("The stage is busy: task-1 works on it since 2026-"),
        "{busy}"
    );
    assert!(matches!(world.resume(), Err(Refusal::Busy { .. })));
    world.pass(119_000);
    assert!(matches!(world.resume(), Err(Refusal::Busy { .. })));
    world.pass(2_000);
    assert!(world.begin(&again).is_ok(), "the lease ran out, and nothing was to be destroyed");
}

#[test]
fn a_task_that_was_replaced_writes_nothing_more() {
    let stage = stage("staging");
    let world = World::new("staging");
    let plan = world.plan(Some(&stage), DEPLOY);
    world.offer(&plan);
    let old = world.begin(&plan).unwrap().fencing;
    world.pass(130_000);
    let record = |fencing| Request::Record {
        fencing,
        resource: "db".into(),
        row: RowChange::Drop,
        progress: Some(Progress::Done),
    };
    assert_eq!(world.handle(record(old)), Answer::Recorded, "it ran out, and was not replaced");
    world.pass(130_000);
    let new = world.resume().unwrap().fencing;
    assert!(new > old);
    for request in [record(old), Request::Renew { fencing: old }, Request::End { fencing: old }] {
        assert_eq!(refused(world.handle(request)), Refusal::Fenced);
    }
    assert_eq!(world.handle(Request::End { fencing: new }), Answer::Recorded);
    assert_eq!(refused(world.handle(record(new))), Refusal::Fenced, "it was given back");
}

#[test]
fn a_destroy_that_did_not_end_blocks_everything_but_itself() {
    let stage = stage("preview-1");
    let world = deployed(&stage);
    let plan = world.plan(Some(&stage), destroy(&[]));
    world.offer(&plan);
    world.begin(&plan).unwrap();
    world.pass(130_000);
    for intent in [DEPLOY, destroy(&[])] {
        let other = world.plan(Some(&stage), intent);
        world.offer(&other);
        assert_eq!(world.begin(&other), Err(Refusal::Unfinished));
        let (holder, plan_id) = ("task-2".to_owned(), other.id().to_string());
        let rest_of_another =
            world.handle(Request::Continue { holder, plan_id, is_protected: false });
        assert_eq!(refused(rest_of_another), Refusal::Changed { now: plan.id() });
    }
    assert!(world.resume().is_ok());
}

#[test]
fn a_protected_stage_is_destroyed_with_an_unlock_for_that_plan_only_once_and_in_time() {
    let stage = stage("production");
    let world = deployed(&stage);
    let plan = world.plan(Some(&stage), destroy(&[]));
    world.offer(&plan);
    assert!(matches!(world.begin(&plan), Err(Refusal::Locked { .. })));
    assert_eq!(refused(unlock(&world, &plan, 0)), Refusal::Minutes);
    assert_eq!(refused(unlock(&world, &plan, 61)), Refusal::Minutes);
    let other = world.plan(Some(&stage), destroy(&["db"]));
    assert_eq!(refused(unlock(&world, &other, 5)), Refusal::UnknownPlan, "it was shown to no one");
    world.offer(&other);
    assert!(matches!(unlock(&world, &other, 5), Answer::Unlocked { .. }));
    assert!(matches!(world.begin(&plan), Err(Refusal::Locked { .. })), "for another plan");
    assert!(matches!(unlock(&world, &plan, 5), Answer::Unlocked { .. }));
    world.pass(5 * 60_000);
    assert!(matches!(world.begin(&plan), Err(Refusal::Locked { .. })), "too late");
    assert!(matches!(unlock(&world, &plan, 5), Answer::Unlocked { .. }));
    world.now_ms.set(world.now_ms.get() - 1);
    assert!(matches!(world.begin(&plan), Err(Refusal::Locked { .. })), "before it was given");
    world.pass(1);
    let begun = world.begin(&plan).unwrap();
    assert_eq!(begun.unlock, None, "it is good once");
    assert!(world.run(&begun).unwrap().unwrap().is_done());
    assert!(matches!(world.begin(&plan), Err(Refusal::Used)));
}

/// §i: the unlock of a second administrator is in the place of the first one's, and either is good once.
#[test]
fn of_two_administrators_who_unlock_the_last_one_counts() {
    let stage = stage("production");
    let world = deployed(&stage);
    let (one, two) =
        (world.plan(Some(&stage), destroy(&[])), world.plan(Some(&stage), destroy(&["db"])));
    world.offer(&one);
    world.offer(&two);
    for plan in [&one, &two] {
        assert!(matches!(unlock(&world, plan, 5), Answer::Unlocked { .. }));
    }
    assert!(matches!(world.begin(&one), Err(Refusal::Locked { .. })), "it was unlocked for two");
    for _ in 0..2 {
        assert!(matches!(unlock(&world, &one, 5), Answer::Unlocked { .. }));
    }
    assert_eq!(world.begin(&one).unwrap().unlock, None);
    world.state.borrow_mut().operation = None;
    let again = world.plan(Some(&stage), destroy(&[]));
    world.offer(&again);
    assert!(matches!(world.begin(&again), Err(Refusal::Locked { .. })), "neither is left");
}

/// §i: the manifest was changed after the plan was shown.
#[test]
fn a_plan_of_another_manifest_changes_nothing() {
    use crate::manifest::{Manifest, SAMPLE};
    let world = World::new("staging");
    let plan = world.plan(Some(&stage("staging")), DEPLOY);
    world.offer(&plan);
    let other = SAMPLE.replace("\"Standard\"", "\"InfrequentAccess\"");
    assert_ne!(other, SAMPLE);
    let other = Manifest::parse(&other).unwrap().stage("staging").unwrap();
    let now = world.plan(Some(&other), DEPLOY);
    let answer = begin(&world, &now, &plan.id().to_string(), "ann");
    assert_eq!(refused(answer), Refusal::Changed { now: now.id() });
}

/// §i: a clock that went back makes no plan good that lies in the future.
#[test]
fn a_plan_that_was_shown_in_the_future_is_not_applied() {
    let stage = stage("staging");
    let world = World::new("staging");
    let plan = world.plan(Some(&stage), DEPLOY);
    world.offer(&plan);
    world.now_ms.set(world.now_ms.get() - 1);
    assert!(matches!(world.begin(&plan), Err(Refusal::Expired { .. })));
    world.pass(1);
    assert!(world.begin(&plan).is_ok());
}

#[test]
fn the_rest_of_a_destroy_needs_an_unlock_of_its_own() {
    let stage = stage("production");
    let world = deployed(&stage);
    let plan = world.plan(Some(&stage), destroy(&[]));
    world.offer(&plan);
    assert!(matches!(unlock(&world, &plan, 5), Answer::Unlocked { .. }));
    world.begin(&plan).unwrap();
    assert_eq!(refused(unlock(&world, &plan, 5)), Refusal::UnknownPlan, "it runs");
    assert!(matches!(world.go_on("task-1"), Answer::Begun { .. }), "it is its own");
    world.pass(130_000);
    assert!(matches!(refused(world.go_on("task-2")), Refusal::Locked { .. }));
    let Answer::Unlocked { plan: text, .. } = unlock(&world, &plan, 5) else { panic!("no unlock") };
    assert!(text.contains("Destroy the stage `production`"), "{text}");
    assert!(matches!(world.go_on("task-2"), Answer::Begun { .. }));
    world.pass(130_000);
    assert!(matches!(refused(world.go_on("task-3")), Refusal::Locked { .. }), "it is good once");
}

#[test]
fn a_stage_that_became_protected_while_its_destroy_did_not_end_is_locked() {
    let stage = stage("preview-1");
    let world = deployed(&stage);
    let plan = world.plan(Some(&stage), destroy(&[]));
    world.offer(&plan);
    world.begin(&plan).unwrap();
    world.pass(130_000);
    let go_on = || Request::Continue {
        holder: "task-2".into(),
        plan_id: plan.id().to_string(),
        is_protected: true,
    };
    assert!(matches!(refused(world.handle(go_on())), Refusal::Locked { .. }));
    assert!(matches!(unlock(&world, &plan, 5), Answer::Unlocked { .. }));
    assert!(matches!(world.handle(go_on()), Answer::Begun { .. }));
    assert!(world.state.borrow().is_protected);
}

#[test]
fn an_unlock_needs_the_id_of_a_plan_of_this_stage() {
    let world = World::new("production");
    let other = World::new("staging").plan(Some(&stage("staging")), DEPLOY);
    assert!(matches!(refused(unlock(&world, &other, 5)), Refusal::OtherStage { .. }));
    let request = UnlockRequest { plan_id: "all".into(), minutes: 5, by: "root".into() };
    assert_eq!(refused(world.unlock(request)), Refusal::MalformedPlan);
}

#[test]
fn a_later_life_of_the_task_goes_on_at_once_and_tries_nothing_again_that_failed() {
    let stage = stage("staging");
    let world = World::new("staging");
    let plan = world.plan(Some(&stage), DEPLOY);
    world.offer(&plan);
    let fencing = world.begin(&plan).unwrap().fencing;
    let failed = Progress::Failed { why: "no".into(), code: None };
    for (resource, progress) in [("db", Progress::Done), ("cache", failed.clone())] {
        let (resource, progress) = (resource.into(), Some(progress));
        world.handle(Request::Record { fencing, resource, row: RowChange::Same, progress });
    }
    let resume = |holder: &str| world.go_on(holder);
    assert!(matches!(refused(resume("task-2")), Refusal::Busy { .. }));
    let Answer::Begun { lease, state } = resume("task-1") else { panic!("it is its own") };
    assert!(lease.fencing > fencing);
    assert_eq!(state.operation.unwrap().progress["cache"], failed);
    world.pass(130_000);
    let Answer::Begun { state, .. } = resume("task-2") else { panic!("the lease ran out") };
    let progress = state.operation.unwrap().progress;
    assert_eq!(progress.keys().collect::<Vec<_>>(), ["db"]);
}

#[test]
fn what_a_newer_version_keeps_is_left_alone_and_older_rows_are_read() {
    use mcp_platform::record::Record as _;
    let mut newer = StageState { form: FORM + 1, ..StageState::new("staging") };
    assert_eq!(newer.handle(Request::Read, 0), Answer::Refused(Refusal::Newer));
    let text = r#"{"form":1,"stage":"staging","rows":{"db":{"kind":"d1","name":"n","status":"ready","at_ms":1}}}"#;
    let state = StageState::from_json(text).unwrap();
    assert_eq!((state.rows["db"].id.clone(), state.generation), (None, 0));
}

#[test]
fn offers_and_used_plans_are_bounded() {
    let stage = stage("staging");
    let world = World::new("staging");
    let mut state = world.state.borrow().clone();
    for generation in 0..40 {
        state.generation = generation;
        state.operation = None;
        let account = world.account(Some(&stage));
        let plan = crate::plan::make(Some(&stage), &state, &account, DEPLOY, 0);
        for subject in 0..20 {
            let subject = subject.to_string();
            state.handle(Request::Offer { plan: Box::new(plan.clone()), subject }, 0);
        }
        assert!(state.offers.len() <= 16);
        let (plan_id, plan) = (plan.id().to_string(), Box::new(plan));
        let (subject, holder) = ("19".to_owned(), "task".to_owned());
        let answer = state.handle(Request::Begin { plan, plan_id, subject, holder }, 0);
        assert!(answer.has_changed(), "{answer:?}");
    }
    assert_eq!(state.used.len(), 32);
}

#[test]
fn many_plans_of_one_person_end_no_plan_of_another() {
    let stage = stage("preview-1");
    let world = deployed(&stage);
    let plan = world.plan(Some(&stage), destroy(&[]));
    world.offer(&plan);
    for count in 0..40 {
        let another = world.plan(Some(&stage), destroy(&vec!["uploads"; count + 1]));
        let subject = "bob".to_owned();
        world.handle(Request::Offer { plan: Box::new(another), subject });
    }
    assert!(world.state.borrow().offers.len() <= 16);
    assert!(matches!(unlock(&world, &plan, 5), Answer::Unlocked { .. }));
}
