use proptest::prelude::*;

use super::*;
use crate::{
    state::{Answer, UnlockRequest},
    testing::{deployed, stage as sample},
};

fn production() -> Rc<World> {
    Rc::new(deployed(&sample("production")))
}

fn unlock(world: &World, plan_id: &str) -> Answer {
    world.unlock(UnlockRequest { plan_id: plan_id.into(), minutes: 15, by: "root".into() })
}

/// Without it the property below would hold of a tool that does nothing.
#[test]
fn a_protected_stage_is_destroyed_by_the_same_call_after_an_unlock_and_the_persons_yes() {
    let world = production();
    let caller = Caller::of(&world).with(Person::typing("production"));
    let locked = text(&caller.call(Wish::Destroy, &stage("prod")));
    assert!(locked.contains("cargo xtask stage unlock production production."), "{locked}");
    assert!(caller.person.asked.borrow().is_empty(), "no question that leads nowhere");
    let plan_id = caller.preview(Wish::Destroy, &stage("production"));
    let unlocked = unlock(&world, &plan_id);
    let Answer::Unlocked { plan, .. } = unlocked else { panic!("{unlocked:?}") };
    assert!(plan.contains("Destroy the stage `production` (protected)"), "{plan}");
    // The operator's wish that an argument is enough does not reach it.
    let argument = Caller { consent: Consent::Argument, ..caller.with(Person::typing("no")) };
    let confirmed = Asked { confirm: true, plan_id: Some(plan_id), ..stage("prod") };
    assert!(argument.call(Wish::Destroy, &confirmed).is_error);
    assert_eq!(argument.person.asked.borrow().len(), 1);
    let ended = caller.call(Wish::Destroy, &stage("prod"));
    assert!(!ended.is_error, "{}", text(&ended));
    // The data are retained.
    assert_eq!(world.names(), ["d1 shop-production", "r2 shop-production-uploads"]);
}

#[test]
fn an_unlock_is_for_one_plan_and_once() {
    let world = production();
    let caller = Caller::of(&world).with(Person::typing("production"));
    let plan_id = caller.preview(Wish::Destroy, &stage("production"));
    assert!(matches!(unlock(&world, &plan_id), Answer::Unlocked { .. }));
    let queue = |it: &crate::plan::Observed| it.kind == crate::manifest::Kind::Queue;
    let queue = world.account.borrow().iter().find(|one| queue(one)).unwrap().id.clone();
    world.change(&queue, |it| it.contents.count = Some(1));
    assert!(caller.call(Wish::Destroy, &stage("production")).is_error, "it is another plan");
    assert!(world.log.borrow().is_empty());
}

#[test]
fn the_rest_of_a_destroy_needs_another_unlock_and_the_persons_yes() {
    let world = production();
    let caller = Caller::of(&world).with(Person::typing("production"));
    let plan_id = caller.preview(Wish::Destroy, &stage("production"));
    assert!(matches!(unlock(&world, &plan_id), Answer::Unlocked { .. }));
    let refuses = crate::apply::FailureKind::Refused;
    world.failures.borrow_mut().insert("shop-production-onboarding".into(), refuses);
    assert!(caller.call(Wish::Destroy, &stage("production")).is_error);
    let (names, asked) = (world.names(), caller.person.asked.borrow().len());
    let locked = caller.call(Wish::Destroy, &stage("production"));
    let said = text(&locked);
    assert!(locked.is_error && said.contains("cargo xtask stage unlock production"), "{said}");
    assert!(said.contains("This plan did not end."), "{said}");
    let confirmed = Asked { confirm: true, plan_id: Some(plan_id.clone()), ..stage("production") };
    assert!(Caller::of(&world).call(Wish::Destroy, &confirmed).is_error);
    assert_eq!((world.names(), caller.person.asked.borrow().len()), (names, asked));
    assert!(matches!(unlock(&world, &plan_id), Answer::Unlocked { .. }));
    let ended = caller.call(Wish::Destroy, &stage("production"));
    assert!(!ended.is_error, "{}", text(&ended));
    assert_eq!(caller.person.asked.borrow().len(), asked + 1);
}

/// A Worker's name went from one stage of the manifest to a protected one.
#[test]
fn a_recorded_name_that_the_manifest_gives_to_a_protected_stage_by_now_stays() {
    let world = Rc::new(deployed(&sample("preview-1")));
    let id = world.put(crate::manifest::Kind::Worker, "shop");
    let mut row = world.state.borrow().rows["worker"].clone();
    (row.name, row.id) = ("shop".into(), Some(id));
    world.state.borrow_mut().rows.insert("worker".into(), row);
    world.remove("shop-preview-1", crate::manifest::Kind::Worker);
    let caller = Caller::of(&world).with(Person::typing("preview-1"));
    let ended = caller.call(Wish::Destroy, &stage("preview-1"));
    assert!(!ended.is_error, "{}", text(&ended));
    assert!(caller.person.asked.borrow()[0].contains("belongs to the stage `production` by now"));
    assert_eq!(world.names(), ["worker shop"]);
}

/// One thing that a caller of MCP does.
#[derive(Debug, Clone)]
struct Move {
    destroys: bool,
    stage: &'static str,
    is_preview: bool,
    confirm: bool,
    plan: u8,
    empty: bool,
    types: Option<&'static str>,
    consent: u8,
    subject: u8,
    passes_ms: u64,
    dies_at: Option<u32>,
    raw: Option<&'static str>,
}

const RAW: [&str; 6] = [
    r#"{"plan_id":"PLAN","minutes":15,"by":"root"}"#,
    r#"{"unlock":{"plan_id":"PLAN","minutes":15,"by":"root"}}"#,
    r#"{"offer":{"unlock":{"plan_id":"PLAN","by":"me","since_ms":0,"until_ms":9e15}}}"#,
    r#"{"continue":{"holder":"me","plan_id":"PLAN"}}"#,
    r#"{"end":{"fencing":1}}"#,
    r#"{"renew":{"fencing":99}}"#,
];

prop_compose! {
    fn moves()(
        (destroys, is_preview, confirm, empty) in any::<(bool, bool, bool, bool)>(),
        stage in prop::sample::select(&["production", "prod", "Production", "staging", "production "][..]),
        plan in 0_u8..5,
        types in prop::option::of(prop::sample::select(&["production", "prod", "yes", ""][..])),
        consent in 0_u8..3,
        subject in 0_u8..2,
        passes_ms in prop::sample::select(&[0_u64, 1_000, 130_000, 1_000_000][..]),
        dies_at in prop::option::of(1_u32..60),
        raw in prop::option::of(prop::sample::select(&RAW[..])),
    ) -> Move {
        Move { destroys, stage, is_preview, confirm, plan, empty, types, consent, subject, passes_ms, dies_at, raw }
    }
}

proptest! {
    /// Statements 16 and 17: whatever is called, answered and sent, in whichever order, by whichever caller, nothing of a
    /// protected stage is deleted without an unlock.
    #[test]
    fn no_sequence_of_calls_destroys_a_protected_stage(sequence in prop::collection::vec(moves(), 1..25)) {
        let world = production();
        let before = world.names();
        let mut plans: Vec<String> = vec!["true".into(), String::new()];
        for step in sequence {
            world.pass(step.passes_ms);
            world.points.set(0);
            let person = step.types.map(Person::typing).unwrap_or_default();
            let consent = [Consent::Person, Consent::Argument, Consent::Refuse][usize::from(step.consent)];
            let caller = Caller { consent, subject: step.subject, ..Caller::of(&world).with(person) };
            let plan_id = plans.iter().rev().nth(usize::from(step.plan)).cloned();
            if let Some(raw) = step.raw {
                let text = raw.replace("PLAN", plan_id.as_deref().unwrap_or_default());
                let _ = poll_once(Objects(world.clone()).ask("production", text));
                prop_assert_eq!(world.state.borrow().unlock.clone(), None);
            }
            world.dies_at.set(step.dies_at);
            let asked = Asked {
                stage: step.stage.to_owned(),
                is_preview: step.is_preview,
                confirm: step.confirm,
                plan_id,
                adopt: false,
                empty: if step.empty { vec!["uploads".to_owned()] } else { Vec::new() },
            };
            let wish = if step.destroys { Wish::Destroy } else { Wish::Deploy };
            let ended = caller.try_call(wish, &asked);
            world.dies_at.set(None);
            let data = ended.and_then(Result::ok).and_then(|result| result.structured_content);
            plans.extend(data.and_then(|data| Some(data.get("plan_id")?.as_str()?.to_owned())));
            prop_assert!(!world.log.borrow().iter().any(|line| line.starts_with("delete")));
            prop_assert!(!world.log.borrow().iter().any(|line| line.starts_with("empty")));
        }
        prop_assert_eq!(world.names(), before);
    }
}
