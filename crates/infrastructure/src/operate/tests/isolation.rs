//! What a destroy leaves alone: other stages, strangers, and what is in a bucket.

use proptest::prelude::*;

use super::*;
use crate::{
    apply::FailureKind,
    manifest::Kind,
    plan::Observed,
    testing::{deployed, stage as sample},
};

/// Other stages of the account, some of them with names that begin as this one's.
const OTHERS: [&str; 5] = ["preview-2", "preview-10", "preview-1-1", "staging", "production"];

/// The first stage, not yet deployed, in an account with the others.
fn with_others() -> (Rc<World>, Vec<Observed>) {
    let world = World::new("preview-1");
    world.upload(&sample("preview-1"));
    for other in OTHERS {
        for resource in deployed(&sample(other)).account.borrow().iter() {
            let id = world.put(resource.kind, &resource.name);
            world.change(&id, |it| {
                it.mark.clone_from(&resource.mark);
                it.contents.count = Some(5);
            });
        }
    }
    let others = world.account.borrow()[1..].to_vec();
    (Rc::new(world), others)
}

/// Lives to the end of a task that is killed at these points of its lives.
fn lived(task: &Task, kills: &mut impl Iterator<Item = u32>) -> CallToolResult {
    let world = &task.caller.world;
    for _ in 0..100 {
        world.points.set(0);
        world.dies_at.set(kills.next());
        match task.live() {
            Life::Killed => {}
            Life::Ended(RunEnd::Sleeps(until)) => world.now_ms.set(until),
            Life::Ended(RunEnd::Ended(ended)) => {
                world.dies_at.set(None);
                return ended.unwrap();
            }
            Life::Ended(other) => panic!("{other:?}"),
        }
    }
    panic!("it does not end")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Statement 12: wherever it is killed, whatever is lost and asked for, no change that is sent is about another stage.
    #[test]
    fn a_destroy_of_one_stage_sends_nothing_about_another(
        kills in prop::collection::vec(1_u32..90, 0..6),
        (loses, adopt, empties) in any::<(bool, bool, bool)>(),
    ) {
        let (world, others) = with_others();
        world.loses_answers.set(loses);
        let caller = Caller::of(&world);
        let mut kills = kills.into_iter();
        let empty = if empties { vec!["uploads".to_owned()] } else { Vec::new() };
        for (wish, asked) in [
            (Wish::Deploy, Asked { adopt, ..stage("preview-1") }),
            (Wish::Destroy, Asked { empty, ..stage("preview-1") }),
        ] {
            let task = Task::new(&caller, wish, &caller.agreed(wish, &asked));
            let ended = lived(&task, &mut kills);
            prop_assert!(!ended.is_error, "{}", text(&ended));
        }
        let log = world.log.borrow();
        prop_assert!(log.iter().filter(|line| line.starts_with("delete ")).count() >= 6);
        for line in log.iter() {
            let about = line.rsplit(' ').next().unwrap();
            prop_assert!(others.iter().all(|it| it.id != about && it.name != about), "{line}");
        }
        prop_assert_eq!(&*world.account.borrow(), &others);
    }
}

/// Statement 13.
#[test]
fn a_destroy_leaves_a_resource_of_the_right_name_that_this_server_did_not_make() {
    let world = Rc::new(World::new("preview-1"));
    for (kind, name) in [(Kind::D1, "shop-preview-1"), (Kind::R2, "shop-preview-1-uploads")] {
        world.put(kind, name);
    }
    let before = world.names();
    let caller = Caller::of(&world).with(Person::typing("preview-1"));
    let said = text(&caller.call(Wish::Destroy, &Asked { confirm: true, ..stage("preview-1") }));
    assert!(said.contains("which this server did not make; it stays"), "{said}");
    assert!(caller.person.asked.borrow().is_empty() && world.log.borrow().is_empty());
    assert_eq!(world.names(), before);
}

fn fill(world: &World, count: u64) {
    let bucket = world.account.borrow().iter().find(|it| it.kind == Kind::R2).unwrap().id.clone();
    world.change(&bucket, |it| it.contents.count = Some(count));
}

/// Statement 14.
#[test]
fn a_bucket_with_objects_is_emptied_where_it_is_named_and_as_many_were_agreed_to() {
    let world = Rc::new(deployed(&sample("preview-1")));
    fill(&world, 12);
    let caller = Caller::of(&world).with(Person::typing("preview-1"));
    let unnamed = caller.call(Wish::Destroy, &stage("preview-1"));
    assert!(unnamed.is_error && text(&unnamed).contains("uploads has 12 objects in it"));
    assert!(caller.person.asked.borrow().is_empty() && world.log.borrow().is_empty());
    let named = Asked { empty: vec!["uploads".to_owned()], ..stage("preview-1") };
    let without_person = Caller::of(&world);
    let agreed = without_person.agreed(Wish::Destroy, &named);
    fill(&world, 13);
    let stale = without_person.call(Wish::Destroy, &agreed);
    assert!(stale.is_error && text(&stale).contains("with 13 objects"), "{}", text(&stale));
    assert!(world.log.borrow().is_empty(), "one object more is another plan");
    let ended = caller.call(Wish::Destroy, &named);
    assert!(!ended.is_error, "{}", text(&ended));
    assert!(caller.person.asked.borrow()[0].contains("with 13 objects"));
    let log = world.log.borrow();
    assert_eq!(log.iter().filter(|line| line.starts_with("empty ")).count(), 1, "{log:?}");
    assert_eq!(world.names(), [""; 0]);
}

/// §i: the token is revoked in the middle of a deploy.
#[test]
fn what_a_revoked_token_left_undone_is_told_and_one_call_continues() {
    let world = World::new("preview-1");
    world.upload(&sample("preview-1"));
    let world = Rc::new(world);
    let caller = Caller::of(&world);
    for name in ["-uploads", "-cache", "-jobs", "-onboarding"] {
        let name = format!("shop-preview-1{name}");
        world.failures.borrow_mut().insert(name, FailureKind::Refused);
    }
    let asked = caller.agreed(Wish::Deploy, &stage("preview-1"));
    let ended = caller.call(Wish::Deploy, &asked);
    let data = ended.structured_content.unwrap();
    assert!(ended.is_error && data["status"] == "partial", "{data}");
    assert_eq!(data["failed"].as_array().unwrap().len(), 4, "{data}");
    let asked = caller.agreed(Wish::Deploy, &stage("preview-1"));
    let ended = caller.call(Wish::Deploy, &asked);
    assert!(!ended.is_error, "{}", text(&ended));
    assert_eq!(world.names().len(), 6);
}
