use proptest::prelude::*;

use super::*;
use crate::{
    manifest::Kind,
    plan::{Contents, Intent},
    state::{Progress, Refusal, Status},
    testing::{DEPLOY, World, deployed, destroy, stage},
};

/// How often each change was sent.
fn most_sent(world: &World) -> usize {
    let log = world.log.borrow();
    log.iter().map(|line| log.iter().filter(|other| *other == line).count()).max().unwrap_or(0)
}

/// The records agree with the account, and nothing is open.
fn assert_settled(world: &World) {
    let state = world.state.borrow();
    assert_eq!(state.operation, None);
    for (resource, row) in &state.rows {
        assert_eq!(row.status, Status::Ready, "{resource}");
        let account = world.account.borrow();
        let there = account.iter().find(|one| Some(&one.id) == row.id.as_ref());
        assert_eq!(there.map(|one| &one.name), Some(&row.name), "{resource}");
    }
}

#[test]
fn a_stage_is_made_and_destroyed() {
    let stage = stage("preview-1");
    let world = World::new("preview-1");
    world.upload(&stage);
    let report = world.apply(Some(&stage), DEPLOY);
    assert!(report.is_done());
    assert_settled(&world);
    assert_eq!(world.state.borrow().rows.len(), 6);
    assert!(world.apply(Some(&stage), destroy(&[])).is_done());
    assert_eq!(world.names(), [""; 0]);
    assert!(world.state.borrow().rows.is_empty());
}

/// A kill after every single point of an apply and of a destroy ends as the undisturbed run, and no change is sent twice.
#[test]
fn a_kill_at_any_point_ends_in_the_same_state_and_sends_nothing_twice() {
    let stage = stage("preview-1");
    let run = |dies_at: Option<u32>, destroys: bool| {
        let world = match destroys {
            false => {
                let world = World::new("preview-1");
                world.upload(&stage);
                world
            }
            true => {
                let world = deployed(&stage);
                let bucket = bucket(&world);
                world.change(&bucket, |it| it.contents.count = Some(3));
                world
            }
        };
        world.dies_at.set(dies_at);
        let intent = if destroys { destroy(&["uploads"]) } else { DEPLOY };
        assert!(world.apply(Some(&stage), intent).is_done());
        world
    };
    for destroys in [false, true] {
        let calm = run(None, destroys);
        let points = calm.points.get();
        assert!(points > 30, "{points}");
        for point in 1..=points {
            let world = run(Some(point), destroys);
            assert_eq!(world.names(), calm.names(), "killed at {point}");
            assert_settled(&world);
            let mut twice = most_sent(&world);
            if destroys {
                // Emptying is the same however often it is done.
                world.log.borrow_mut().retain(|line| !line.starts_with("empty"));
                twice = most_sent(&world);
            }
            assert_eq!(twice, 1, "killed at {point}: {:?}", world.log.borrow());
        }
    }
}

fn bucket(world: &World) -> String {
    world.account.borrow().iter().find(|one| one.kind == Kind::R2).unwrap().id.clone()
}

#[test]
fn a_resource_whose_answer_was_lost_is_found_by_its_name() {
    let stage = stage("preview-1");
    let world = World::new("preview-1");
    world.upload(&stage);
    world.loses_answers.set(true);
    assert!(world.apply(Some(&stage), DEPLOY).is_done());
    assert_settled(&world);
    assert_eq!(most_sent(&world), 1);
}

#[test]
fn a_deletion_whose_answer_was_lost_is_looked_up_and_not_sent_again() {
    let stage = stage("preview-1");
    let world = deployed(&stage);
    world.loses_answers.set(true);
    assert!(world.apply(Some(&stage), destroy(&[])).is_done());
    assert_eq!(world.names(), [""; 0]);
    assert_eq!(most_sent(&world), 1);
}

#[test]
fn a_setting_that_others_changed_is_set_again_once() {
    let stage = stage("preview-1");
    let calm = deployed(&stage);
    let disturb = |world: &World| {
        world.change(&bucket(world), |it| {
            it.settings.insert("storage_class".into(), "InfrequentAccess".into());
        });
    };
    disturb(&calm);
    assert!(calm.apply(Some(&stage), DEPLOY).is_done());
    for point in 1..=calm.points.get() {
        let world = deployed(&stage);
        disturb(&world);
        world.dies_at.set(Some(point));
        assert!(world.apply(Some(&stage), DEPLOY).is_done());
        assert_eq!(*world.log.borrow(), ["update r2 shop-preview-1-uploads"], "killed at {point}");
        assert!(!world.plan(Some(&stage), DEPLOY).changes());
    }
}

#[test]
fn a_stranger_that_came_between_plan_and_step_is_not_taken_over() {
    let stage = stage("preview-1");
    let world = World::new("preview-1");
    let plan = world.plan(Some(&stage), DEPLOY);
    world.offer(&plan);
    let state = world.begin(&plan).unwrap();
    world.put(Kind::Kv, "shop-preview-1-cache");
    let report = world.run(&state).unwrap().unwrap();
    let failed: Vec<_> = report.failed().collect();
    assert_eq!(failed, [("cache", "`shop-preview-1-cache` exists", Some(10_014))]);
    assert_eq!(report.actions.iter().filter(|it| it.progress == Progress::Done).count(), 5);
    let plan = world.plan(Some(&stage), DEPLOY);
    assert!(!plan.may_apply(), "it is a stranger's later, too: {}", plan.text());
}

#[test]
fn what_an_older_stranger_has_is_not_taken_for_the_outcome_of_a_step() {
    let stage = stage("preview-1");
    let world = World::new("preview-1");
    let stranger = world.put(Kind::D1, "shop-preview-1");
    world.change(&stranger, |it| {
        it.name = "other".into();
        it.made_ms = Some(1);
    });
    let plan = world.plan(Some(&stage), DEPLOY);
    world.offer(&plan);
    let state = world.begin(&plan).unwrap();
    // Killed after the intent for the database was recorded and before it was sent.
    world.dies_at.set(Some(3));
    assert_eq!(world.run(&state), None);
    world.dies_at.set(None);
    world.change(&stranger, |it| it.name = "shop-preview-1".into());
    world.pass(200_000);
    let state = world.resume().unwrap();
    let report = world.run(&state).unwrap().unwrap();
    let failed: Vec<_> = report.failed().map(|(resource, ..)| resource).collect();
    assert_eq!(failed, ["db"]);
}

#[test]
fn a_failure_blocks_what_needs_it_and_nothing_else_and_one_call_continues() {
    let stage = stage("preview-1");
    let world = deployed(&stage);
    world.failures.borrow_mut().insert("shop-preview-1-onboarding".into(), FailureKind::Refused);
    let report = world.apply(Some(&stage), destroy(&[]));
    let ends: Vec<(&str, &str)> = report
        .actions
        .iter()
        .map(|ended| {
            let end = match &ended.progress {
                Progress::Done => "done",
                Progress::Failed { .. } => "failed",
                Progress::Blocked { by } => by,
            };
            (ended.resource.as_str(), end)
        })
        .collect();
    assert_eq!(
        ends,
        [
            ("onboarding", "failed"),
            ("worker", "onboarding"),
            ("jobs", "worker"),
            ("cache", "worker"),
            ("uploads", "worker"),
            ("db", "worker"),
        ]
    );
    let plan = world.plan(Some(&stage), DEPLOY);
    world.offer(&plan);
    assert_eq!(world.begin(&plan), Err(Refusal::Unfinished));
    let state = world.resume().unwrap();
    assert!(world.run(&state).unwrap().unwrap().is_done());
    assert_eq!(world.names(), [""; 0]);
}

#[test]
fn one_of_several_that_fails_does_not_keep_the_others_from_being_made() {
    let stage = stage("preview-1");
    let world = World::new("preview-1");
    world.failures.borrow_mut().insert("shop-preview-1-uploads".into(), FailureKind::Refused);
    let report = world.apply(Some(&stage), DEPLOY);
    assert_eq!(
        report.failed().collect::<Vec<_>>(),
        [("uploads", "no shop-preview-1-uploads", Some(10_001))]
    );
    assert_eq!(world.names().len(), 3);
    let state = world.resume().unwrap();
    assert!(world.run(&state).unwrap().unwrap().is_done());
    assert_eq!(world.names().len(), 4);
    assert_settled(&world);
}

#[test]
fn the_work_stops_where_cloudflare_asks_to_wait_and_goes_on_there() {
    let stage = stage("preview-1");
    let world = World::new("preview-1");
    let wait = std::time::Duration::from_secs(300);
    world.failures.borrow_mut().insert("shop-preview-1-cache".into(), FailureKind::Later(wait));
    let plan = world.plan(Some(&stage), DEPLOY);
    world.offer(&plan);
    let state = world.begin(&plan).unwrap();
    assert_eq!(world.run(&state), Some(Err(Halt::Wait(wait))));
    assert_eq!(world.names().len(), 2);
    world.pass(300_000);
    let state = world.resume().unwrap();
    assert!(world.run(&state).unwrap().unwrap().is_done());
    assert_settled(&world);
}

#[test]
fn an_id_that_leads_to_another_name_by_now_is_not_deleted() {
    let stage = stage("preview-1");
    let world = deployed(&stage);
    let plan = world.plan(Some(&stage), destroy(&[]));
    world.offer(&plan);
    let state = world.begin(&plan).unwrap();
    // Killed after the intent for the Workflow was recorded.
    world.dies_at.set(Some(3));
    assert_eq!(world.run(&state), None);
    world.dies_at.set(None);
    let workflow =
        world.account.borrow().iter().find(|one| one.kind == Kind::Workflow).unwrap().id.clone();
    world.change(&workflow, |it| it.name = "another".into());
    world.pass(200_000);
    let state = world.resume().unwrap();
    let report = world.run(&state).unwrap().unwrap();
    assert_eq!(report.failed().next().unwrap().0, "onboarding");
    assert_eq!(world.names().len(), 6);
}

#[test]
fn what_is_gone_already_is_no_failure() {
    let stage = stage("preview-1");
    let world = deployed(&stage);
    let plan = world.plan(Some(&stage), destroy(&[]));
    world.offer(&plan);
    let state = world.begin(&plan).unwrap();
    world.account.borrow_mut().clear();
    assert!(world.run(&state).unwrap().unwrap().is_done());
    assert!(world.state.borrow().rows.is_empty());
}

#[test]
fn a_destroy_of_one_stage_touches_no_id_of_another() {
    let (one, two) = (stage("preview-1"), stage("preview-2"));
    let world = deployed(&one);
    let other = deployed(&two);
    for resource in other.account.borrow().iter() {
        let id = world.put(resource.kind, &resource.name);
        world.change(&id, |it| it.contents = Contents { count: Some(5), bytes: None });
    }
    let before = other.names();
    assert!(world.apply(Some(&one), destroy(&[])).is_done());
    assert_eq!(world.names(), before);
}

#[test]
fn what_is_made_anew_between_plan_and_step_is_neither_emptied_nor_deleted() {
    let stage = stage("preview-1");
    for kind in [Kind::R2, Kind::Worker, Kind::Workflow] {
        let world = deployed(&stage);
        let bucket = bucket(&world);
        world.change(&bucket, |it| it.contents.count = Some(3));
        let plan = world.plan(Some(&stage), destroy(&["uploads"]));
        world.offer(&plan);
        let state = world.begin(&plan).unwrap();
        let id = world.remake(kind);
        assert!(world.run(&state).unwrap().unwrap().is_done());
        assert_eq!(world.names().len(), 1, "{:?}", world.log.borrow());
        assert_eq!(world.account.borrow()[0].id, id);
        let sent = |line: &String| line.starts_with("empty") || line.ends_with(&id);
        assert_eq!(
            world.log.borrow().iter().any(sent),
            kind != Kind::R2,
            "{:?}",
            world.log.borrow()
        );
        assert!(world.state.borrow().rows.is_empty());
    }
}

#[test]
fn what_is_made_anew_or_renamed_between_plan_and_step_is_not_changed() {
    let stage = stage("preview-1");
    for remade in [true, false] {
        let world = deployed(&stage);
        world.change(&bucket(&world), |it| {
            it.settings.insert("storage_class".into(), "InfrequentAccess".into());
        });
        let plan = world.plan(Some(&stage), DEPLOY);
        world.offer(&plan);
        let state = world.begin(&plan).unwrap();
        match remade {
            true => drop(world.remake(Kind::R2)),
            false => world.change(&bucket(&world), |it| it.name = "another".into()),
        }
        let report = world.run(&state).unwrap().unwrap();
        assert_eq!(report.failed().next().unwrap().0, "uploads");
        assert_eq!(*world.log.borrow(), [""; 0]);
    }
}

/// The request that makes a Workflow takes over what has its name.
#[test]
fn a_strangers_workflow_that_came_between_plan_and_step_is_not_taken_over() {
    let stage = stage("preview-1");
    let world = World::new("preview-1");
    world.upload(&stage);
    let plan = world.plan(Some(&stage), DEPLOY);
    world.offer(&plan);
    let state = world.begin(&plan).unwrap();
    let stranger = world.put(Kind::Workflow, "shop-preview-1-onboarding");
    let report = world.run(&state).unwrap().unwrap();
    assert_eq!(report.failed().next().unwrap().0, "onboarding");
    assert!(world.account.borrow().iter().any(|one| one.id == stranger));
    assert!(!world.log.borrow().iter().any(|line| line.contains("workflow")));
    assert!(!world.plan(Some(&stage), DEPLOY).may_apply(), "it is a stranger's later, too");
}

proptest! {
    /// Several kills at any points, lost answers and failures: in the end the stage is as the manifest has it, and then gone.
    #[test]
    fn whatever_happens_a_stage_ends_as_it_should(
        kills in prop::collection::vec(1_u32..60, 0..5),
        loses in any::<bool>(),
        failing in prop::collection::vec(prop::sample::select(&["-cache", "-jobs", "-uploads", "-onboarding", ""][..]), 0..3),
    ) {
        let stage = stage("preview-1");
        let world = World::new("preview-1");
        world.upload(&stage);
        world.loses_answers.set(loses);
        for intent in [Intent::Deploy { adopt: false }, destroy(&["uploads"])] {
            for name in &failing {
                let name = format!("shop-preview-1{name}");
                world.failures.borrow_mut().insert(name, FailureKind::Refused);
            }
            let plan = world.plan(Some(&stage), intent);
            world.offer(&plan);
            let mut state = world.begin(&plan).unwrap();
            let mut kills = kills.iter();
            for _ in 0..30 {
                world.points.set(0);
                world.dies_at.set(kills.next().copied());
                let ended = world.run(&state);
                let is_done = ended.is_some_and(|report| report.unwrap().is_done());
                if is_done {
                    break;
                }
                world.pass(200_000);
                state = world.resume().unwrap();
            }
            assert_settled(&world);
            world.failures.borrow_mut().clear();
        }
        prop_assert_eq!(world.names(), Vec::<String>::new());
    }
}
