use super::*;
use crate::{
    manifest::Kind,
    testing::{deployed, stage as sample},
};

fn fresh() -> Rc<World> {
    let world = World::new("preview-1");
    world.upload(&sample("preview-1"));
    Rc::new(world)
}

/// Statements 6 and 7.
#[test]
fn a_preview_sends_nothing_and_two_of_them_are_one_plan() {
    let world = fresh();
    let caller = Caller::of(&world);
    let first = caller.preview(Wish::Deploy, &stage("preview-1"));
    world.pass(60_000);
    assert_eq!(caller.preview(Wish::Deploy, &stage("preview-1")), first);
    world.put(Kind::Kv, "shop-preview-1-cache");
    assert_ne!(caller.preview(Wish::Deploy, &stage("preview-1")), first);
    assert!(world.log.borrow().is_empty());
    assert_eq!(world.state.borrow().operation, None);
}

/// Statement 8.
#[test]
fn a_stale_plan_changes_nothing_and_shows_the_difference() {
    let world = Rc::new(deployed(&sample("preview-1")));
    let caller = Caller::of(&world);
    let asked = caller.agreed(Wish::Destroy, &stage("preview-1"));
    let queue =
        world.account.borrow().iter().find(|one| one.kind == Kind::Queue).unwrap().id.clone();
    world.change(&queue, |it| it.contents.count = Some(7));
    let refused = caller.call(Wish::Destroy, &asked);
    assert!(refused.is_error);
    let said = text(&refused);
    assert!(said.contains("Nothing was done"), "{said}");
    assert!(
        said.contains("no longer: - delete  jobs: queue `shop-preview-1-jobs` with 0"),
        "{said}"
    );
    assert!(said.contains("now: - delete  jobs: queue `shop-preview-1-jobs` with 7"), "{said}");
    assert!(world.log.borrow().is_empty());
}

/// What changed after the person agreed is found when the work begins, too: wherever the task was killed before.
#[test]
fn a_plan_that_changed_between_the_question_and_the_work_changes_nothing() {
    let mut was_agreed = false;
    for point in 1.. {
        let world = Rc::new(deployed(&sample("preview-1")));
        let caller = Caller::of(&world);
        let asked = caller.agreed(Wish::Destroy, &stage("preview-1"));
        let task = Task::new(&caller, Wish::Destroy, &asked);
        world.points.set(0);
        world.dies_at.set(Some(point));
        assert!(matches!(task.live(), Life::Killed), "it went too far");
        if world.state.borrow().operation.is_some() {
            break;
        }
        was_agreed |= task.stored.borrow().contains(r#""agreed""#);
        world.dies_at.set(None);
        let queue =
            world.account.borrow().iter().find(|one| one.kind == Kind::Queue).unwrap().id.clone();
        world.change(&queue, |it| it.contents.count = Some(7));
        let ended = task.to_its_end();
        let said = text(&ended);
        assert!(ended.is_error && said.contains("Nothing was done"), "killed at {point}: {said}");
        assert!(world.log.borrow().is_empty(), "killed at {point}");
    }
    assert!(was_agreed, "agreed to and stored, not begun");
}

/// Statement 11.
#[test]
fn a_second_call_in_a_stage_is_told_which_task_runs_and_looks_at_nothing() {
    let world = fresh();
    let caller = Caller::of(&world);
    let asked = caller.agreed(Wish::Deploy, &stage("preview-1"));
    let task = Task::new(&caller, Wish::Deploy, &asked);
    world.points.set(0);
    world.dies_at.set(Some(40));
    assert!(matches!(task.live(), Life::Killed));
    world.dies_at.set(None);
    world.unseen.set(Some(Kind::D1));
    let busy = text(&caller.call(Wish::Deploy, &stage("preview-1")));
    assert!(busy.contains("sitebay://operation/the-task works on it since"), "{busy}");
    let seen = caller.call(Wish::Deploy, &Asked { is_preview: true, ..stage("preview-1") });
    assert!(text(&seen).contains("sitebay://operation/the-task"), "a preview says so as well");
}

/// Statement 13.
#[test]
fn a_resource_of_the_right_name_is_adopted_only_where_that_is_asked_for() {
    let world = fresh();
    world.put(Kind::D1, "shop-preview-1");
    let caller = Caller::of(&world);
    let refused = caller.call(Wish::Deploy, &stage("preview-1"));
    assert!(refused.is_error && text(&refused).contains("`adopt: true`"), "{}", text(&refused));
    let adopting = Asked { adopt: true, ..stage("preview-1") };
    let seen = caller.call(Wish::Deploy, &Asked { is_preview: true, ..adopting.clone() });
    assert!(text(&seen).contains(r#""adopt":true"#), "{}", text(&seen));
    let asked = caller.agreed(Wish::Deploy, &adopting);
    assert!(!caller.call(Wish::Deploy, &asked).is_error);
    assert!(world.state.borrow().rows.contains_key("db"));
    assert!(!world.log.borrow().iter().any(|line| line.contains("create d1")));
}

/// Statement 22.
#[test]
fn after_a_destroy_the_account_is_looked_at_once_more() {
    let world = Rc::new(deployed(&sample("preview-1")));
    let caller = Caller::of(&world);
    let asked = caller.agreed(Wish::Destroy, &stage("preview-1"));
    let ended = caller.call(Wish::Destroy, &asked);
    assert!(!ended.is_error);
    assert!(text(&ended).contains("nothing of what was deleted is left"), "{}", text(&ended));
    assert_eq!(ended.structured_content.unwrap()["left"], json!([]));
    assert!(world.state.borrow().rows.is_empty());
    let again = text(&caller.call(Wish::Destroy, &stage("preview-1")));
    assert!(again.contains("Nothing would change"), "{again}");
}

#[test]
fn names_that_are_no_stages_are_refused_without_a_request() {
    let world = fresh();
    world.unseen.set(Some(Kind::D1));
    let caller = Caller::of(&world);
    let long = "p".repeat(200);
    for name in ["", "Production", " prod", "../x", "prod;", "preview-*", "moon", &long] {
        for wish in [Wish::Deploy, Wish::Destroy] {
            let refused = caller.call(wish, &stage(name));
            assert!(refused.is_error, "{name}");
            assert!(
                text(&refused).contains("The stages are staging, production (or prod)"),
                "{name}"
            );
        }
    }
    assert!(world.log.borrow().is_empty());
}

#[test]
fn a_stage_that_the_manifest_no_longer_has_is_destroyed_by_its_records() {
    let mut state = crate::state::StageState::new("old");
    let world = World::new("old");
    let id = world.put(Kind::Kv, "shop-old-cache");
    let row =
        json!({ "kind": "kv", "name": "shop-old-cache", "id": id, "status": "ready", "at_ms": 1 });
    state.rows.insert("cache".into(), serde_json::from_value(row).unwrap());
    world.state.replace(state);
    let world = Rc::new(world);
    let caller = Caller::of(&world);
    let asked = caller.agreed(Wish::Destroy, &stage("old"));
    assert!(!caller.call(Wish::Destroy, &asked).is_error);
    assert_eq!(world.names(), [""; 0]);
    assert!(caller.call(Wish::Deploy, &stage("old")).is_error);
}

#[test]
fn no_answer_has_an_id_of_cloudflare() {
    let world = Rc::new(deployed(&sample("preview-1")));
    let caller = Caller::of(&world);
    let asked = caller.agreed(Wish::Destroy, &stage("preview-1"));
    let preview = Asked { is_preview: true, ..stage("preview-1") };
    for asked in [&preview, &stage("preview-1"), &asked] {
        let said = caller.call(Wish::Destroy, asked).to_json();
        assert!(!said.contains("id-0"), "{said}");
    }
}
