use super::*;
use crate::{
    apply::FailureKind,
    manifest::Kind,
    state::{Answer, Status},
    testing::{deployed, stage as sample},
};

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

fn most_sent(world: &World) -> usize {
    let log = world.log.borrow();
    let changes = || log.iter().filter(|line| !line.starts_with("empty"));
    changes().map(|line| changes().filter(|other| *other == line).count()).max().unwrap_or(0)
}

fn begun(wish: Wish) -> (Rc<World>, Task) {
    let stage_of = sample("preview-1");
    let world = Rc::new(match wish {
        Wish::Deploy => {
            let world = World::new("preview-1");
            world.upload(&stage_of);
            world
        }
        Wish::Destroy => {
            let world = deployed(&stage_of);
            let bucket =
                world.account.borrow().iter().find(|one| one.kind == Kind::R2).unwrap().id.clone();
            world.change(&bucket, |it| it.contents.count = Some(3));
            world
        }
    });
    let empty = if wish == Wish::Destroy { vec!["uploads".to_owned()] } else { Vec::new() };
    let caller = Caller::of(&world);
    let asked = caller.agreed(wish, &Asked { empty, ..stage("preview-1") });
    world.points.set(0);
    let task = Task::new(&caller, wish, &asked);
    (world, task)
}

/// Statement 9: killed after every single step, of the stage's object, of the task's storage and of the account.
#[test]
fn a_task_that_is_killed_at_any_point_ends_as_the_undisturbed_one_and_sends_nothing_twice() {
    for wish in [Wish::Deploy, Wish::Destroy] {
        let (calm, task) = begun(wish);
        let ended = task.to_its_end();
        assert!(!ended.is_error, "{}", text(&ended));
        let points = calm.points.get();
        assert!(points > 60, "{points}");
        for point in 1..=points {
            let (world, task) = begun(wish);
            world.dies_at.set(Some(point));
            let again = task.to_its_end();
            assert!(!again.is_error, "killed at {point}: {}", text(&again));
            assert_eq!(world.names(), calm.names(), "killed at {point}");
            assert_settled(&world);
            assert_eq!(most_sent(&world), 1, "killed at {point}: {:?}", world.log.borrow());
        }
    }
}

/// Statement 10.
#[test]
fn a_creation_whose_answer_is_lost_is_found_by_its_name() {
    let (world, task) = begun(Wish::Deploy);
    world.loses_answers.set(true);
    assert!(!task.to_its_end().is_error);
    assert_settled(&world);
    assert_eq!(most_sent(&world), 1);
}

/// Statement 19.
#[test]
fn one_failure_leaves_the_others_done_and_one_call_continues() {
    let (world, task) = begun(Wish::Deploy);
    world.failures.borrow_mut().insert("shop-preview-1-uploads".into(), FailureKind::Refused);
    let ended = task.to_its_end();
    assert!(ended.is_error);
    let said = text(&ended);
    for part in ["done: create db", "failed: create uploads: no shop", "call deploy_infrastructure"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let data = ended.structured_content.unwrap();
    assert_eq!(data["failed"][0]["code"], 10_001, "{data}");
    let caller = Caller::of(&world);
    let asked = caller.agreed(Wish::Deploy, &stage("preview-1"));
    assert!(!caller.call(Wish::Deploy, &asked).is_error);
    assert_settled(&world);
    assert_eq!(world.names().len(), 6);
}

#[test]
fn a_destroy_that_did_not_end_is_continued_by_one_call_and_blocks_a_deploy() {
    let (world, task) = begun(Wish::Destroy);
    world.failures.borrow_mut().insert("shop-preview-1-onboarding".into(), FailureKind::Refused);
    assert!(task.to_its_end().is_error);
    let caller = Caller::of(&world);
    let refused = text(&caller.call(Wish::Deploy, &stage("preview-1")));
    assert!(refused.contains("did not end") && refused.contains("destroy_infrastructure"));
    let rest = text(&caller.call(Wish::Destroy, &stage("preview-1")));
    assert!(rest.contains("Left: delete onboarding, delete worker"), "{rest}");
    let other = Asked { confirm: true, plan_id: Some("preview-1.0".into()), ..stage("preview-1") };
    assert!(caller.call(Wish::Destroy, &other).is_error);
    let asked = caller.agreed(Wish::Destroy, &stage("preview-1"));
    let ended = caller.call(Wish::Destroy, &asked);
    assert!(!ended.is_error, "{}", text(&ended));
    assert_eq!(world.names(), [""; 0]);
}

/// Who continues agrees to what is there by then.
#[test]
fn the_rest_of_a_destroy_is_shown_with_what_is_in_it_by_now() {
    let (world, task) = begun(Wish::Destroy);
    world.failures.borrow_mut().insert("shop-preview-1-onboarding".into(), FailureKind::Refused);
    assert!(task.to_its_end().is_error);
    let cache = world.account.borrow().iter().find(|one| one.kind == Kind::Kv).unwrap().id.clone();
    world.change(&cache, |it| it.contents.count = Some(70));
    world.unseen.set(Some(Kind::Queue));
    let caller = Caller::of(&world).with(Person::typing("no"));
    let seen = text(&caller.call(Wish::Destroy, &Asked { is_preview: true, ..stage("preview-1") }));
    assert!(caller.call(Wish::Destroy, &stage("preview-1")).is_error);
    for shown in [&seen, &caller.person.asked.borrow()[0]] {
        let now = "By now: the KV namespace `shop-preview-1-cache` with 70 keys; the queue cannot be seen";
        assert!(shown.contains(now), "{shown}");
    }
}

#[test]
fn a_bucket_that_was_made_anew_while_a_destroy_did_not_end_is_left_and_said() {
    let (world, task) = begun(Wish::Destroy);
    world.failures.borrow_mut().insert("shop-preview-1-onboarding".into(), FailureKind::Refused);
    assert!(task.to_its_end().is_error);
    world.remake(Kind::R2);
    let caller = Caller::of(&world);
    let asked = caller.agreed(Wish::Destroy, &stage("preview-1"));
    let ended = caller.call(Wish::Destroy, &asked);
    assert!(!ended.is_error, "{}", text(&ended));
    assert!(text(&ended).contains("which was made later and was left alone"), "{}", text(&ended));
    assert_eq!(world.names(), ["r2 shop-preview-1-uploads"]);
}

/// Statement 20.
#[test]
fn a_task_sleeps_where_cloudflare_asks_to_wait_and_keeps_its_lease() {
    let (world, task) = begun(Wish::Deploy);
    let later = FailureKind::Later(Duration::from_secs(300));
    world.failures.borrow_mut().insert("shop-preview-1-cache".into(), later);
    let since = world.now_ms.get();
    let mut sent = 0;
    let ended = loop {
        match task.live() {
            Life::Ended(RunEnd::Sleeps(until)) => {
                if sent > 0 {
                    assert_eq!(world.log.borrow().len(), sent, "nothing is sent while it waits");
                }
                sent = world.log.borrow().len();
                assert!(!world.go_on("another").has_changed(), "the lease is kept");
                world.now_ms.set(until);
            }
            Life::Ended(RunEnd::Ended(ended)) => break ended.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert!(!ended.is_error, "{}", text(&ended));
    assert!(world.now_ms.get() - since >= 300_000);
    assert_settled(&world);
}

#[test]
fn a_cancelled_task_stops_between_two_steps_undoes_nothing_and_frees_the_stage() {
    let (world, task) = begun(Wish::Destroy);
    world.dies_at.set(Some(40));
    assert!(matches!(task.live(), Life::Killed));
    world.dies_at.set(None);
    task.is_cancelled.set(true);
    assert!(matches!(task.live(), Life::Ended(RunEnd::Cancelled)));
    let before = world.log.borrow().len();
    let (ctx, _) = task.context();
    let said = poll_once(super::super::take_back(&ctx)).unwrap().unwrap();
    assert!(said.contains("nothing was undone") && said.contains("Not done:"), "{said}");
    assert_eq!(world.log.borrow().len(), before);
    let caller = Caller::of(&world);
    let asked = caller.agreed(Wish::Destroy, &stage("preview-1"));
    assert!(!caller.call(Wish::Destroy, &asked).is_error, "the stage is free");
    assert_eq!(most_sent(&world), 1);
    let again = poll_once(super::super::take_back(&ctx)).unwrap();
    assert_eq!(again, Ok(String::new()), "it is not its own any more");
}

#[test]
fn a_task_that_was_replaced_changes_nothing_more() {
    let (world, task) = begun(Wish::Deploy);
    world.dies_at.set(Some(40));
    assert!(matches!(task.live(), Life::Killed));
    world.dies_at.set(None);
    world.pass(130_000);
    assert!(matches!(world.go_on("another"), Answer::Begun { .. }));
    let before = world.log.borrow().len();
    let said = text(&task.to_its_end());
    assert!(said.contains("taken over"), "{said}");
    assert_eq!(world.log.borrow().len(), before);
}
