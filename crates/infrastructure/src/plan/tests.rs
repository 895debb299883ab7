use proptest::prelude::*;

use super::*;
use crate::{
    manifest::{Kind, Manifest, SAMPLE, Stage},
    testing::{DEPLOY, World, deployed, destroy, stage},
};

fn verbs(plan: &Plan) -> Vec<(Verb, &str)> {
    plan.actions.iter().map(|action| (action.verb, action.resource.as_str())).collect()
}

/// The sample with another text in the place of one of its own.
fn changed(from: &str, to: &str, name: &str) -> Stage {
    assert!(SAMPLE.contains(from), "{from}");
    Manifest::parse(&SAMPLE.replace(from, to)).unwrap().stage(name).unwrap()
}

#[test]
fn the_first_plan_makes_everything_and_waits_for_the_worker() {
    let stage = stage("preview-1");
    let world = World::new("preview-1");
    let plan = world.plan(Some(&stage), DEPLOY);
    assert_eq!(
        verbs(&plan),
        [
            (Verb::Create, "db"),
            (Verb::Create, "uploads"),
            (Verb::Create, "cache"),
            (Verb::Create, "jobs"),
            (Verb::Await, "worker"),
            (Verb::Await, "onboarding"),
        ]
    );
    world.upload(&stage);
    let plan = world.plan(Some(&stage), DEPLOY);
    assert_eq!(verbs(&plan)[4..], [(Verb::Adopt, "worker"), (Verb::Create, "onboarding")]);
    assert!(plan.may_apply() && plan.changes() && !plan.needs_unlock());
}

#[test]
fn a_plan_of_what_is_there_changes_nothing_and_is_the_same_again() {
    let stage = stage("staging");
    let world = deployed(&stage);
    let plan = world.plan(Some(&stage), DEPLOY);
    assert!(!plan.changes(), "{}", plan.text());
    world.pass(5_000);
    let again = world.plan(Some(&stage), DEPLOY);
    assert_eq!(again.id(), plan.id());
    assert!(plan.text().contains("Nothing would change."));
}

#[test]
fn a_foreign_change_is_drift_and_another_plan() {
    let stage = stage("staging");
    let world = deployed(&stage);
    let before = world.plan(Some(&stage), DEPLOY);
    world.remove("shop-staging-uploads", Kind::R2);
    let missing = world.plan(Some(&stage), DEPLOY);
    assert_ne!(missing.id(), before.id());
    assert_eq!(missing.drift, [Drift::Missing { resource: "uploads".into() }]);
    assert!(verbs(&missing).contains(&(Verb::Create, "uploads")));

    let world = deployed(&stage);
    let bucket = world.account.borrow().iter().find(|one| one.kind == Kind::R2).unwrap().id.clone();
    world.change(&bucket, |it| {
        it.settings.insert("storage_class".into(), "InfrequentAccess".into());
        it.settings.insert("filled_in_by_cloudflare".into(), "x".into());
    });
    let plan = world.plan(Some(&stage), DEPLOY);
    assert_eq!(plan.drift.len(), 1);
    let text = plan.text();
    assert!(text.contains("~ update  uploads: R2 bucket `shop-staging-uploads` (storage_class: InfrequentAccess → Standard)"), "{text}");
    assert!(text.contains("uploads: storage_class is InfrequentAccess by now"), "{text}");
}

#[test]
fn what_this_server_did_not_make_is_adopted_only_where_that_is_asked_for() {
    let stage = stage("preview-1");
    let world = World::new("preview-1");
    world.put(Kind::D1, "shop-preview-1");
    let plan = world.plan(Some(&stage), DEPLOY);
    assert!(!plan.may_apply());
    assert_eq!(
        plan.obstacles,
        [Obstacle::Foreign { resource: "db".into(), name: "shop-preview-1".into() }]
    );
    let plan = world.plan(Some(&stage), Intent::Deploy { adopt: true });
    assert!(plan.may_apply());
    assert!(verbs(&plan).contains(&(Verb::Adopt, "db")));
    world.put(Kind::D1, "shop-preview-1");
    let plan = world.plan(Some(&stage), Intent::Deploy { adopt: true });
    assert!(matches!(plan.obstacles[..], [Obstacle::Ambiguous { .. }]));
}

#[test]
fn a_worker_of_another_stage_is_never_adopted() {
    let stage = stage("preview-1");
    let world = World::new("preview-1");
    let id = world.upload(&stage);
    world.change(&id, |it| it.mark = Some(Mark { app: "shop".into(), stage: "preview-2".into() }));
    let plan = world.plan(Some(&stage), Intent::Deploy { adopt: true });
    assert!(matches!(plan.obstacles[..], [Obstacle::Foreign { .. }]), "{:?}", plan.obstacles);
}

#[test]
fn what_could_only_be_replaced_is_refused() {
    let world = deployed(&stage("staging"));
    let renamed = changed(r#""{app}-{stage}-cache""#, r#""{app}-{stage}-store""#, "staging");
    let plan = world.plan(Some(&renamed), DEPLOY);
    assert!(
        matches!(&plan.obstacles[..], [Obstacle::Replace { resource, .. }] if resource == "cache")
    );
    let world = deployed(&stage("staging"));
    let db = world.account.borrow().iter().find(|one| one.kind == Kind::D1).unwrap().id.clone();
    world.change(&db, |it| drop(it.settings.insert("location".into(), "weur".into())));
    let moved = changed(r#""query": true,"#, r#""query": true, "location": "apac","#, "staging");
    let plan = world.plan(Some(&moved), DEPLOY);
    assert!(
        matches!(&plan.obstacles[..], [Obstacle::Replace { resource, .. }] if resource == "db")
    );
    let same = changed(r#""query": true,"#, r#""query": true, "location": "weur","#, "staging");
    assert!(world.plan(Some(&same), DEPLOY).may_apply());
}

#[test]
fn what_the_manifest_no_longer_has_leaves_the_stage_unless_it_is_retained() {
    let world = deployed(&stage("staging"));
    let fewer =
        changed(r#""jobs": { "kind": "queue", "name": "{app}-{stage}-jobs" },"#, "", "staging");
    let plan = world.plan(Some(&fewer), DEPLOY);
    assert_eq!(verbs(&plan).last(), Some(&(Verb::Delete, "jobs")));
    world.state.borrow_mut().rows.get_mut("jobs").unwrap().is_retained = true;
    let plan = world.plan(Some(&fewer), DEPLOY);
    assert_eq!(verbs(&plan).last(), Some(&(Verb::Retain, "jobs")));
}

#[test]
fn a_kind_that_cannot_be_seen_is_never_taken_for_empty() {
    let stage = stage("preview-1");
    let world = World::new("preview-1");
    world.unseen.set(Some(Kind::R2));
    let plan = world.plan(Some(&stage), DEPLOY);
    assert!(!plan.may_apply());
    assert!(plan.actions.iter().all(|action| action.kind != Kind::R2));
    assert!(plan.text().contains("the R2 bucket cannot be seen: the token may not"));
}

#[test]
fn a_destroy_goes_by_what_is_recorded_and_in_reverse() {
    let stage = stage("preview-1");
    let world = deployed(&stage);
    world.put(Kind::Kv, "shop-preview-1-other");
    let plan = world.plan(Some(&stage), destroy(&[]));
    assert_eq!(
        verbs(&plan),
        [
            (Verb::Delete, "onboarding"),
            (Verb::Delete, "worker"),
            (Verb::Delete, "jobs"),
            (Verb::Delete, "cache"),
            (Verb::Delete, "uploads"),
            (Verb::Delete, "db"),
        ]
    );
    let gone = world.plan(None, destroy(&[]));
    assert_eq!(verbs(&gone), verbs(&plan), "the manifest is not needed");
}

#[test]
fn a_destroy_leaves_what_it_did_not_make_and_says_so() {
    let stage = stage("preview-1");
    let world = World::new("preview-1");
    world.put(Kind::D1, "shop-preview-1");
    let plan = world.plan(Some(&stage), destroy(&[]));
    assert!(plan.actions.is_empty());
    assert_eq!(plan.warnings.len(), 1);
    assert!(plan.warnings[0].contains("`shop-preview-1`"), "{:?}", plan.warnings);
}

#[test]
fn a_bucket_with_objects_survives_unless_it_is_named() {
    let stage = stage("preview-1");
    let world = deployed(&stage);
    let bucket = world.account.borrow().iter().find(|one| one.kind == Kind::R2).unwrap().id.clone();
    world.change(&bucket, |it| it.contents = Contents { count: Some(12), bytes: Some(2048) });
    let plan = world.plan(Some(&stage), destroy(&[]));
    assert_eq!(
        plan.obstacles,
        [Obstacle::NotEmpty { resource: "uploads".into(), count: Some(12) }]
    );
    let named = world.plan(Some(&stage), destroy(&["uploads"]));
    assert!(named.may_apply());
    assert!(
        named
            .losses()
            .contains("the R2 bucket `shop-preview-1-uploads` with 12 objects (under 10 kB)")
    );
    world.change(&bucket, |it| it.contents.count = Some(13));
    assert_ne!(world.plan(Some(&stage), destroy(&["uploads"])).id(), named.id(), "one object more");
    world.change(&bucket, |it| it.contents = Contents { count: Some(12), bytes: Some(1) });
    assert_eq!(world.plan(Some(&stage), destroy(&["uploads"])).id(), named.id());
    world.change(&bucket, |it| it.contents.count = None);
    assert!(!world.plan(Some(&stage), destroy(&[])).may_apply(), "an unknown number is not none");
    let wrong = world.plan(Some(&stage), destroy(&["db"]));
    assert!(wrong.obstacles.contains(&Obstacle::NothingToEmpty { resource: "db".into() }));
}

#[test]
fn a_worker_that_others_use_or_that_is_this_server_is_not_deleted() {
    let stage = stage("preview-1");
    let world = deployed(&stage);
    let worker =
        world.account.borrow().iter().find(|one| one.kind == Kind::Worker).unwrap().id.clone();
    world.change(&worker, |it| it.dependents = vec!["shop-preview-1".into(), "billing".into()]);
    let plan = world.plan(Some(&stage), destroy(&[]));
    assert_eq!(
        plan.obstacles,
        [Obstacle::Dependents { resource: "worker".into(), by: vec!["billing".into()] }]
    );
    world.change(&worker, |it| it.dependents = vec!["shop-preview-1".into()]);
    assert!(world.plan(Some(&stage), destroy(&[])).may_apply());
    let own = Intent::Destroy { empty: vec![], own_worker: Some("shop-preview-1".into()) };
    let plan = world.plan(Some(&stage), own);
    assert_eq!(plan.obstacles, [Obstacle::Own { resource: "worker".into() }]);
}

#[test]
fn production_retains_its_data_and_needs_an_unlock() {
    let stage = stage("production");
    let world = deployed(&stage);
    let plan = world.plan(Some(&stage), destroy(&[]));
    assert!(plan.needs_unlock());
    assert_eq!(verbs(&plan)[..2], [(Verb::Delete, "domain"), (Verb::Delete, "onboarding")]);
    assert_eq!(verbs(&plan)[5..], [(Verb::Retain, "uploads"), (Verb::Retain, "db")]);
    assert!(!world.plan(Some(&stage), DEPLOY).needs_unlock(), "nothing is deleted");
    let unprotected = changed(r#""protected": true,"#, "", "production");
    let plan = world.plan(Some(&unprotected), destroy(&[]));
    assert!(plan.needs_unlock(), "it was protected when it was deployed");
}

#[test]
fn a_stage_that_serves_a_domain_is_not_destroyed_once_the_manifest_no_longer_has_it() {
    let stage = stage("production");
    let world = deployed(&stage);
    let plan = world.plan(None, destroy(&[]));
    let (resource, name) = ("domain".to_owned(), "shop.example.com".to_owned());
    assert_eq!(plan.obstacles, [Obstacle::Serving { resource, name }]);
    assert!(plan.needs_unlock(), "it was protected when it was deployed");
}

#[test]
fn nothing_that_leaves_has_an_id_of_cloudflare() {
    let stage = stage("production");
    let world = deployed(&stage);
    for plan in [world.plan(Some(&stage), DEPLOY), world.plan(Some(&stage), destroy(&[]))] {
        let texts = [plan.text(), plan.shown().to_string(), plan.losses()];
        assert!(plan.actions.iter().any(|action| action.id.is_some()));
        assert!(texts.iter().all(|text| !text.contains("id-")), "{texts:?}");
    }
}

#[test]
fn the_id_of_a_plan_is_read_back_and_nothing_else_is() {
    let plan = World::new("staging").plan(Some(&stage("staging")), DEPLOY);
    let text = plan.id().to_string();
    assert_eq!(text.parse(), Ok(plan.id()));
    let digest = text.split_once('.').unwrap().1;
    for wrong in [
        "",
        ".",
        "staging",
        digest,
        &format!("staging.{digest}0"),
        &text.to_uppercase(),
        &format!(".{digest}"),
    ] {
        assert_eq!(wrong.parse::<PlanId>(), Err(PlanIdError), "{wrong}");
    }
}

#[test]
fn the_text_of_a_plan_is_as_it_was() {
    let stage = stage("preview-1");
    let world = deployed(&stage);
    let text = world.plan(Some(&stage), destroy(&[])).text();
    let (body, last) = text.rsplit_once('\n').unwrap();
    assert_eq!(
        body,
        "Destroy the stage `preview-1`
  - delete  onboarding: Workflow `shop-preview-1-onboarding`
  - delete  worker: Worker `shop-preview-1` with 0 Durable Objects, for good
  - delete  jobs: queue `shop-preview-1-jobs` with 0 messages, for good
  - delete  cache: KV namespace `shop-preview-1-cache` with 0 keys, for good
  - delete  uploads: R2 bucket `shop-preview-1-uploads` with 0 objects, for good
  - delete  db: D1 database `shop-preview-1` with 0 tables, for good
6 to delete"
    );
    assert!(
        last.starts_with("Plan preview-1.")
            && last.ends_with(", good once until 2026-11-20T08:15:00Z"),
        "{last}"
    );
}

proptest! {
    /// Whatever was done to the account, planning is stable, and a destroy names recorded ids alone.
    #[test]
    fn a_plan_is_stable_and_deletes_only_what_is_recorded(
        removed in prop::collection::vec(0_usize..6, 0..4),
        added in prop::collection::vec((0_usize..6, "[a-z]{3,8}"), 0..4),
        forgotten in prop::collection::vec(0_usize..6, 0..3),
    ) {
        let stage = stage("preview-1");
        let world = deployed(&stage);
        let kinds = [Kind::D1, Kind::R2, Kind::Kv, Kind::Queue, Kind::Worker, Kind::Workflow];
        for at in removed {
            let kind = kinds[at];
            world.account.borrow_mut().retain(|one| one.kind != kind);
        }
        for (at, name) in &added {
            world.put(kinds[*at], name);
        }
        for at in forgotten {
            let kind = kinds[at];
            world.state.borrow_mut().rows.retain(|_, row| row.kind != kind);
        }
        let recorded: Vec<String> =
            world.state.borrow().rows.values().filter_map(|row| row.id.clone()).collect();
        for intent in [DEPLOY, destroy(&[])] {
            let plan = world.plan(Some(&stage), intent.clone());
            prop_assert_eq!(world.plan(Some(&stage), intent).id(), plan.id());
            for action in plan.actions.iter().filter(|action| action.verb == Verb::Delete) {
                prop_assert!(recorded.contains(action.id.as_ref().unwrap()));
            }
        }
    }
}

#[test]
fn what_is_retained_from_now_on_is_recorded_so_that_a_later_manifest_loses_nothing() {
    let world = deployed(&stage("staging"));
    let retained = changed(
        r#""read_replication": "disabled",
      "retain": ["production"]"#,
        r#""read_replication": "disabled",
      "retain": ["production", "staging"]"#,
        "staging",
    );
    let plan = world.plan(Some(&retained), DEPLOY);
    assert!(plan.changes() && plan.text().contains("(retain: false → true)"), "{}", plan.text());
    assert!(world.apply(Some(&retained), DEPLOY).is_done());
    assert_eq!(*world.log.borrow(), [""; 0]);
    assert!(!world.plan(Some(&retained), DEPLOY).changes());
    let mut without = retained;
    without.resources.retain(|resource| resource.id != "db");
    let plan = world.plan(Some(&without), DEPLOY);
    assert_eq!(verbs(&plan).last(), Some(&(Verb::Retain, "db")));
}

/// Buckets, Workers and Workflows have their names as ids.
#[test]
fn what_was_made_anew_under_a_recorded_name_is_a_strangers() {
    let stage = stage("preview-1");
    for (kind, resource) in
        [(Kind::R2, "uploads"), (Kind::Worker, "worker"), (Kind::Workflow, "onboarding")]
    {
        let world = deployed(&stage);
        let before = world.plan(Some(&stage), destroy(&[])).id();
        let id = world.remake(kind);
        world.change(&id, |it| it.mark = None);
        let plan = world.plan(Some(&stage), destroy(&[]));
        assert_ne!(plan.id(), before);
        assert!(verbs(&plan).contains(&(Verb::Forget, resource)), "{}", plan.text());
        assert!(plan.warnings[0].contains("was made later, and it stays"), "{:?}", plan.warnings);
        let plan = world.plan(Some(&stage), DEPLOY);
        assert_eq!(plan.drift, [Drift::Missing { resource: resource.into() }]);
        assert!(matches!(plan.obstacles[..], [Obstacle::Foreign { .. }]), "{}", plan.text());
        assert!(world.apply(Some(&stage), Intent::Deploy { adopt: true }).is_done());
        let plan = world.plan(Some(&stage), destroy(&[]));
        assert!(verbs(&plan).contains(&(Verb::Delete, resource)), "it was adopted");
    }
}

#[test]
fn what_belongs_to_another_stage_by_now_is_not_deleted_with_this_one() {
    let stage = stage("preview-1");
    let owned = |it: &mut Observed| it.owner = Some("production".into());
    let marked = |it: &mut Observed| {
        it.mark = Some(Mark { app: "shop".into(), stage: "production".into() });
    };
    for give in [&owned as &dyn Fn(&mut Observed), &marked] {
        let world = deployed(&stage);
        let worker =
            world.account.borrow().iter().find(|one| one.kind == Kind::Worker).unwrap().id.clone();
        world.change(&worker, give);
        let plan = world.plan(Some(&stage), destroy(&[]));
        assert!(verbs(&plan).contains(&(Verb::Retain, "worker")), "{}", plan.text());
        assert!(plan.warnings[0].contains("belongs to the stage `production` by now"));
        assert!(world.apply(Some(&stage), destroy(&[])).is_done());
        assert_eq!(world.names(), ["worker shop-preview-1"]);
    }
}

#[test]
fn a_domain_or_a_workflow_that_was_given_to_another_worker_stays_there() {
    let stage = stage("production");
    for (kind, resource) in [(Kind::Domain, "domain"), (Kind::Workflow, "onboarding")] {
        let world = deployed(&stage);
        let id = world.account.borrow().iter().find(|one| one.kind == kind).unwrap().id.clone();
        world.change(&id, |it| it.dependents = vec!["shop".into()]);
        let own = world.plan(Some(&stage), destroy(&[]));
        assert!(verbs(&own).contains(&(Verb::Delete, resource)), "it is its own Worker's");
        world.change(&id, |it| it.dependents = vec!["billing".into()]);
        let plan = world.plan(Some(&stage), destroy(&[]));
        assert!(verbs(&plan).contains(&(Verb::Retain, resource)), "{}", plan.text());
        assert!(plan.warnings[0].contains("the Worker `billing`"), "{:?}", plan.warnings);
        let plan = world.plan(Some(&stage), DEPLOY);
        assert!(plan.text().contains("its Worker is billing by now"), "{}", plan.text());
        world.state.borrow_mut().rows.remove(resource);
        let plan = world.plan(Some(&stage), Intent::Deploy { adopt: true });
        assert!(matches!(plan.obstacles[..], [Obstacle::Dependents { .. }]), "{}", plan.text());
    }
}

#[test]
fn the_stage_of_this_server_is_not_destroyed_around_a_worker_that_is_not_recorded() {
    let stage = stage("preview-1");
    let world = deployed(&stage);
    world.state.borrow_mut().rows.remove("worker");
    let own = Intent::Destroy { empty: vec![], own_worker: Some("shop-preview-1".into()) };
    let plan = world.plan(Some(&stage), own);
    assert_eq!(plan.obstacles, [Obstacle::Own { resource: "worker".into() }]);
}
