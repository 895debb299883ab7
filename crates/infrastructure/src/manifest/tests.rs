use jsonschema::validator_for;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn sample() -> Manifest {
    Manifest::parse(SAMPLE).unwrap()
}

/// The sample with a change.
fn with(change: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(SAMPLE).unwrap();
    change(&mut value);
    value.to_string()
}

fn faults(text: &str) -> Vec<String> {
    Manifest::parse(text).unwrap_err().0.iter().map(ToString::to_string).collect()
}

fn stage_names(stage: &Stage) -> Vec<(&str, &str)> {
    stage.resources.iter().map(|one| (one.id.as_str(), one.name.as_str())).collect()
}

#[test]
fn the_sample_is_right_and_every_stage_has_names_of_its_own() {
    assert_eq!(check(SAMPLE), Ok(()));
    let manifest = sample();
    let staging = manifest.stage_or_default(None).unwrap();
    assert_eq!(
        stage_names(&staging),
        [
            ("db", "shop-staging"),
            ("uploads", "shop-staging-uploads"),
            ("cache", "shop-staging-cache"),
            ("jobs", "shop-staging-jobs"),
            ("chat", "ChatDO"),
            ("worker", "shop-staging"),
            ("onboarding", "shop-staging-onboarding"),
        ]
    );
    let production = manifest.stage("prod").unwrap();
    assert_eq!((production.name.as_str(), production.is_protected), ("production", true));
    assert_eq!(production.worker(), Some("shop"));
    let retained: Vec<&str> = production
        .resources
        .iter()
        .filter(|one| one.is_retained)
        .map(|one| one.id.as_str())
        .collect();
    assert_eq!(retained, ["db", "uploads"]);
    let preview = manifest.stage("preview-123").unwrap();
    assert_eq!(preview.ttl_hours, Some(72));
    assert!(preview.resources.iter().all(|one| !one.is_retained));
    assert_eq!(preview.named(Kind::Workflow, "OnboardingWorkflow").unwrap().id, "onboarding");
    assert_eq!(preview.named(Kind::DurableObject, "chat").unwrap().name, "ChatDO");
    assert_eq!(preview.named(Kind::DurableObject, "SessionAgent"), None);
}

#[test]
fn a_name_that_is_no_stage_is_refused_with_those_that_are() {
    let manifest = sample();
    let long = "s".repeat(200);
    for name in [
        "Production",
        " prod",
        "prod ",
        "../x",
        "prod;",
        "",
        &long,
        "prоd",
        "preview-*",
        "preview-",
        "*",
        "stag",
        "production2",
        "STAGING",
    ] {
        let error = manifest.stage(name).unwrap_err().to_string();
        assert!(
            error.ends_with("The stages are staging, production (or prod), preview-*."),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_call_that_changes_something_does_not_fall_back_to_a_protected_stage() {
    let text = with(|sample| sample["default"] = json!("production"));
    let manifest = Manifest::parse(&text).unwrap();
    assert!(manifest.stage_or_default(None).is_ok());
    assert!(matches!(manifest.stage_to_use(None), Err(StageError::Missing { .. })));
    assert_eq!(manifest.stage_to_use(Some("prod")).unwrap().name, "production");
    let text = with(|sample| drop(sample.as_object_mut().unwrap().remove("default")));
    let manifest = Manifest::parse(&text).unwrap();
    assert!(matches!(manifest.stage_or_default(None), Err(StageError::Missing { .. })));
}

#[test]
fn every_fault_is_named_with_its_place_at_once() {
    let text = r#"{
        "app": "Shop", "default": "nowhere", "account_id": "1", "extra": 1,
        "stages": {
            "Big": {"worker": "w"},
            "one": {"worker": 7, "protected": "yes"},
            "two": {"worker": "{app}-{what}", "ttl_hours": 0, "aliases": ["x", 3]},
            "three": {"protected": true, "ttl_hours": 5, "worker": "w"},
            "three": {"worker": "v"}
        },
        "resources": {
            "a": {"kind": "mysql"},
            "b": {"kind": "d1", "name": "{stage}", "database_id": "1", "location": "mars"},
            "c": {"name": "{stage}"},
            "worker": {"kind": "kv", "title": "{stage}"},
            "d": {"kind": "durable_object", "class": "D", "message": "x"},
            "e": 5
        }
    }"#;
    assert_eq!(
        faults(text),
        [
            "account_id: ids do not belong here: everything is found by its name",
            "extra: unknown key; known are $schema, app, default, stages, resources",
            "app: expected 1 to 32 lower-case letters, digits and hyphens",
            "stages.three: the key comes twice",
            "stages.Big: a stage's name has 1 to 32 of a-z, 0-9, `-` and `_`, and begins with a letter or digit; a pattern ends with `*`",
            "stages.one.worker: expected a string, found a number",
            "stages.one.protected: expected true or false, found a string",
            "stages.two.worker: the only placeholders are `{app}` and `{stage}`",
            "stages.two.ttl_hours: expected a whole number from 1 to 8760, found 0",
            "stages.two.aliases[1]: expected a string, found a number",
            "stages.three.ttl_hours: a protected stage does not end by itself",
            "resources.a.kind: `mysql` is none of d1, r2, kv, queue, durable_object, workflow",
            "resources.b.database_id: ids do not belong here: everything is found by its name",
            "resources.b.location: `mars` is none of wnam, enam, weur, eeur, apac, oc",
            "resources.c: `kind` is missing",
            "resources.worker: a resource's name has 1 to 32 of a-z, 0-9, `-` and `_`; `worker` and `domain` are the stage's own",
            "resources.d.message: expected a path that begins with `/`",
            "resources.e: expected an object, found a number",
            "default: `nowhere` is not the name of a stage",
        ]
    );
    assert!(faults("{").concat().starts_with("this is no JSON: "));
    assert_eq!(faults("[]"), ["expected an object, found a list"]);
    assert_eq!(faults("{}"), ["`app` is missing", "`stages` is missing", "`resources` is missing"]);
}

#[test]
fn names_that_stages_would_share_are_faults() {
    let one = |change: fn(&mut Value)| faults(&with(change)).join("\n");
    let said = one(|sample| sample["resources"]["db"]["name"] = json!("{app}"));
    assert!(said.contains("resources.db: `{stage}` is missing in the name"), "{said}");
    let said = one(|sample| sample["stages"]["staging"]["worker"] = json!("shop"));
    assert!(
        said.contains(
            "stages.staging.worker: `worker` would be called `shop`, as in the stage `production`"
        ),
        "{said}"
    );
    let said = one(|sample| sample["stages"]["preview-*"]["worker"] = json!("{app}"));
    assert!(said.contains("stages.preview-*.worker: `{stage}` is missing"), "{said}");
    let said = one(|sample| sample["resources"]["db2"] = sample["resources"]["db"].clone());
    assert!(
        said.contains(
            "resources.db2: in the stage `staging` it has the name of `db`, `shop-staging`"
        ),
        "{said}"
    );
    let said =
        one(|sample| sample["resources"]["uploads"]["name"] = json!("{app}-{stage}-Uploads"));
    assert!(said.contains("the name of a R2 bucket has 3 to 63"), "{said}");
    let said = one(|sample| {
        sample["resources"]["jobs"]["name"] = json!(format!("{{stage}}-{}", "j".repeat(40)))
    });
    assert!(said.contains("the name of a queue has 1 to 63"), "{said}");
    let said = one(|sample| sample["stages"]["pre*"] = json!({"worker": "x-{stage}"}));
    assert!(said.contains(": a stage may match this pattern and `pre"), "{said}");
    let said = one(|sample| sample["resources"]["chat2"] = sample["resources"]["chat"].clone());
    assert!(said.contains("resources.chat2: `ChatDO` is already the name of `chat`"), "{said}");
    let said = one(|sample| {
        sample["stages"]["staging"]["aliases"] = json!(["prod", "production", "preview-1"])
    });
    for alias in ["`prod` is given twice", "`production` is a stage", "`preview-1` is a stage"] {
        assert!(said.contains(alias), "{said}");
    }
    let said = one(|sample| sample["resources"]["db"]["retain"] = json!(["nowhere"]));
    assert!(said.contains("resources.db.retain: `nowhere` is no stage"), "{said}");
}

/// §i: a name that the product would refuse is a fault of the manifest.
#[test]
fn names_have_the_lengths_and_characters_of_their_products() {
    let names: [(Kind, &str, &str); 14] = [
        (Kind::R2, "abc", "ab"),
        (Kind::R2, "a1-b", "A1-b"),
        (Kind::R2, "a-b", "a-b-"),
        (Kind::R2, &"b".repeat(63), &"b".repeat(64)),
        (Kind::D1, &"d".repeat(63), &"d".repeat(64)),
        (Kind::D1, "a_b", "a b"),
        (Kind::Queue, "q", ""),
        (Kind::Queue, &"q".repeat(63), &"q".repeat(64)),
        (Kind::Kv, &"ü".repeat(256), &"ü".repeat(257)),
        (Kind::Kv, "any title", "a\nb"),
        (Kind::Workflow, &"w".repeat(64), &"w".repeat(65)),
        (Kind::Workflow, "W_1", "-w"),
        (Kind::Domain, "shop.example.com", "*.example.com"),
        (Kind::Domain, "a.b", "localhost"),
    ];
    for (kind, good, bad) in names {
        assert_eq!(kind.check_name(good), Ok(()), "{good}");
        assert!(kind.check_name(bad).is_err(), "{bad}");
    }
}

#[test]
fn of_two_stages_of_a_pattern_whose_names_would_meet_the_longer_one_is_refused() {
    let text = with(|sample| {
        sample["resources"]["db2"] = json!({"kind": "d1", "name": "{app}-{stage}-two"});
    });
    let manifest = Manifest::parse(&text).unwrap();
    assert!(manifest.stage("preview-1").is_ok());
    assert_eq!(
        manifest.stage("preview-1-two").unwrap_err().to_string(),
        "There can be no stage `preview-1-two`: `db` would be called `shop-preview-1-two`, as in the stage `preview-1`."
    );
}

#[test]
fn the_schema_accepts_the_sample_and_refuses_what_the_reader_refuses() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = validator_for(&schema).unwrap();
    let is_right = |text: &str| validator.is_valid(&serde_json::from_str(text).unwrap());
    assert!(is_right(SAMPLE));
    let changes: [fn(&mut Value); 12] = [
        |it| it["account_id"] = json!("1"),
        |it| it["app"] = json!("Shop"),
        |it| it["stages"]["x"] = json!({}),
        |it| it["stages"]["Big"] = json!({"worker": "w"}),
        |it| it["stages"]["production"]["ttl_hours"] = json!(5),
        |it| it["stages"]["staging"]["protected"] = json!("no"),
        |it| it["stages"]["staging"]["ttl_hours"] = json!(0),
        |it| it["resources"]["db"]["kind"] = json!("mysql"),
        |it| it["resources"]["db"]["name"] = json!("shop"),
        |it| it["resources"]["db"]["database_id"] = json!("1"),
        |it| it["resources"]["domain"] = it["resources"]["db"].clone(),
        |it| it["resources"]["chat"]["message"] = json!("x"),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let text = with(change);
        assert!(!is_right(&text), "{at}");
        assert!(Manifest::parse(&text).is_err(), "{at}");
    }
}

proptest! {
    /// Two stages that exist never share a name of a kind.
    #[test]
    fn no_two_stages_share_a_name(one in "(preview-)?[a-z0-9_-]{1,12}(-two)?", two in "preview-[a-z0-9_-]{1,12}(-two)?") {
        let text = with(|sample| {
            sample["resources"]["db2"] = json!({"kind": "d1", "name": "{app}-{stage}-two"});
            sample["resources"]["db3"] = json!({"kind": "d1", "name": "{app}-preview-{stage}"});
        });
        let manifest = Manifest::parse(&text).unwrap();
        let (Ok(one), Ok(two)) = (manifest.stage(&one), manifest.stage(&two)) else { return Ok(()) };
        prop_assume!(one.name != two.name);
        for resource in one.resources.iter().filter(|one| one.kind != Kind::DurableObject) {
            let same = two.resources.iter().find(|other| other.kind == resource.kind && other.name == resource.name);
            prop_assert_eq!(same, None);
        }
    }

    /// Text of any form is refused or read, and never more.
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}", place in 0_usize..700) {
        let mut broken = SAMPLE.to_owned();
        if broken.is_char_boundary(place) {
            broken.insert_str(place, &text);
        }
        let _ = Manifest::parse(&broken);
        let _ = sample().stage(&text);
    }
}
