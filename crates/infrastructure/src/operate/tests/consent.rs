use super::*;
use crate::testing::{deployed, stage as sample};

fn there() -> Rc<World> {
    Rc::new(deployed(&sample("preview-1")))
}

fn destroyed(caller: &Caller, asked: &Asked) -> (String, bool) {
    let result = caller.call(Wish::Destroy, asked);
    let is_gone = caller.world.names().is_empty();
    assert_eq!(result.is_error, !is_gone, "{}", text(&result));
    assert_eq!(caller.world.log.borrow().is_empty(), !is_gone);
    (text(&result), is_gone)
}

#[test]
fn a_person_reads_the_list_and_types_the_name_of_the_stage() {
    let world = there();
    let person = Person::typing("preview-1");
    let caller = Caller::of(&world).with(person.clone());
    let (_, is_gone) = destroyed(&caller, &stage("preview-1"));
    assert!(is_gone);
    let asked = person.asked.borrow();
    assert_eq!(asked.len(), 1);
    for part in [
        "Destroy the stage `preview-1`",
        "shop-preview-1-uploads",
        "with 0 objects",
        "Type `preview-1`",
    ] {
        assert!(asked[0].contains(part), "{part}: {}", asked[0]);
    }
}

/// A client that accepts every question types no name.
#[test]
fn whatever_else_a_person_or_a_client_answers_changes_nothing() {
    let accepts = |content: Value| json!({ "action": "accept", "content": content });
    for answer in [
        accepts(json!({ "stage": "" })),
        accepts(json!({ "stage": "yes" })),
        accepts(json!({ "stage": "Preview-1" })),
        accepts(json!({ "stage": " preview-1" })),
        json!({ "action": "decline" }),
        json!({ "action": "cancel" }),
    ] {
        let world = there();
        let caller = Caller::of(&world).with(Person::answering(answer.clone()));
        let asked = Asked { confirm: true, ..stage("preview-1") };
        let (said, is_gone) = destroyed(&caller, &asked);
        assert!(!is_gone && said.contains("nothing was changed"), "{answer}: {said}");
    }
    for answer in
        [accepts(json!({})), accepts(json!({ "stage": true })), json!({ "action": "yes" })]
    {
        let world = there();
        let caller = Caller::of(&world).with(Person::answering(answer.clone()));
        let ended = caller.try_call(Wish::Destroy, &stage("preview-1")).unwrap();
        assert!(ended.is_err(), "{answer}");
        assert!(world.log.borrow().is_empty());
    }
}

/// The seed's `destroy {stage, confirm: true}`.
#[test]
fn without_a_person_to_ask_confirm_counts_with_a_plan_that_was_shown_and_never_alone() {
    let world = there();
    let caller = Caller::of(&world);
    let id = |plan_id: &str| Some(plan_id.to_owned());
    let (said, is_gone) = destroyed(&caller, &Asked { confirm: true, ..stage("preview-1") });
    assert!(!is_gone);
    let next = said.split("call destroy_infrastructure ").nth(1).unwrap();
    let next: Value = serde_json::from_str(next.lines().next().unwrap()).unwrap();
    assert_eq!((&next["stage"], &next["confirm"]), (&json!("preview-1"), &json!(true)));
    let plan_id = next["plan_id"].as_str().unwrap();
    for asked in [
        Asked { plan_id: id(plan_id), ..stage("preview-1") },
        Asked { confirm: true, plan_id: id("true"), ..stage("preview-1") },
        Asked {
            confirm: true,
            plan_id: id(&plan_id.replace("preview-1", "staging")),
            ..stage("preview-1")
        },
        Asked {
            confirm: true,
            plan_id: id(&format!("preview-1.{}", "0".repeat(32))),
            ..stage("preview-1")
        },
    ] {
        assert!(!destroyed(&caller, &asked).1, "{asked:?}");
    }
    let other = Caller { subject: 9, ..caller.clone() };
    let asked = Asked { confirm: true, plan_id: id(plan_id), ..stage("preview-1") };
    let (said, is_gone) = destroyed(&other, &asked);
    assert!(!is_gone && said.contains("another person"), "{said}");
    world.pass(16 * 60_000);
    let (said, is_gone) = destroyed(&caller, &asked);
    assert!(!is_gone && said.contains("ended"), "{said}");
    let asked = caller.agreed(Wish::Destroy, &stage("preview-1"));
    assert!(destroyed(&caller, &asked).1);
}

#[test]
fn the_operator_decides_whether_a_person_must_be_asked() {
    let world = there();
    let refuse = Caller { consent: Consent::Refuse, ..Caller::of(&world) };
    let asked = refuse.agreed(Wish::Destroy, &stage("preview-1"));
    let (said, is_gone) = destroyed(&refuse, &asked);
    assert!(!is_gone && said.contains("a person must agree"), "{said}");
    let person = Person::typing("no");
    let argument = Caller { consent: Consent::Argument, ..Caller::of(&world).with(person.clone()) };
    assert!(!destroyed(&argument, &Asked { confirm: true, ..stage("preview-1") }).1);
    assert!(destroyed(&argument, &asked).1, "the plan was shown");
    assert!(person.asked.borrow().is_empty());
}

#[test]
fn destroying_needs_the_scope_admin_and_looking_does_not() {
    let world = there();
    let writer = Caller { scopes: Scopes::WRITE, ..Caller::of(&world) };
    let asked = writer.agreed(Wish::Destroy, &stage("preview-1"));
    let (said, is_gone) = destroyed(&writer, &asked);
    assert!(!is_gone && said.contains("needs the scope `infrastructure:admin`"), "{said}");
    let world = Rc::new(World::new("preview-1"));
    let writer = Caller { scopes: Scopes::WRITE, ..Caller::of(&world) };
    let asked = writer.agreed(Wish::Deploy, &stage("preview-1"));
    assert!(!writer.call(Wish::Deploy, &asked).is_error);
    let world = Rc::new(World::new("production"));
    let writer = Caller { scopes: Scopes::WRITE, ..Caller::of(&world) };
    let asked = writer.agreed(Wish::Deploy, &stage("production"));
    assert!(writer.call(Wish::Deploy, &asked).is_error, "a protected stage");
}

/// §i: which of its faults a plan id has is said, and nothing is done.
#[test]
fn what_is_wrong_with_the_id_of_a_plan_is_said() {
    let world = there();
    let caller = Caller::of(&world);
    let good = caller.preview(Wish::Destroy, &stage("preview-1"));
    let with = |plan_id: &str| Asked {
        confirm: true,
        plan_id: Some(plan_id.to_owned()),
        ..stage("preview-1")
    };
    let says = |caller: &Caller, asked: &Asked, words: &str| {
        let (said, is_gone) = destroyed(caller, asked);
        assert!(!is_gone && said.contains(words), "{words}: {said}");
    };
    for malformed in ["plan", "preview-1", "preview-1.12", &good.to_uppercase()] {
        says(&caller, &with(malformed), "`plan_id` is no id of a plan");
    }
    let of_another = good.replace("preview-1", "preview-2");
    says(&caller, &with(&of_another), "for the stage `preview-2`");
    let unknown = format!("preview-1.{}", "0".repeat(32));
    says(&caller, &with(&unknown), "There is no such plan");
    says(&Caller { subject: 9, ..caller.clone() }, &with(&good), "another person");
    world.now_ms.set(world.now_ms.get() - 1);
    says(&caller, &with(&good), "That plan ended at");
    world.pass(1 + 15 * 60_000);
    says(&caller, &with(&good), "That plan ended at");
    let good = caller.preview(Wish::Destroy, &stage("preview-1"));
    assert!(destroyed(&caller, &with(&good)).1);
    let used = caller.call(Wish::Destroy, &with(&good));
    assert!(used.is_error || text(&used).contains("Nothing would change"), "{}", text(&used));
}
