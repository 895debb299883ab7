use serde_json::json;

use crate::{
    call::MAX_ANSWER,
    testing::{FakeKeboola, fails, run},
};

const TOOL: &str = "keboola_get_buckets";
const LIST: &str = "Get connection /v2/storage/branch/default/buckets";

fn bucket(id: &str) -> serde_json::Value {
    let (stage, name) = id.split_once('.').unwrap();
    json!({
        "id": id, "name": name, "displayName": name.trim_start_matches("c-"), "stage": stage,
        "description": "auto", "created": "2026-01-01T00:00:00+0100", "dataSizeBytes": 12,
        "lastChangeDate": "2026-03-01T00:00:00+0100", "tables": "https://x/tables",
        "metadata": [],
    })
}

#[test]
fn all_buckets_are_counted_by_stage() {
    let fake = FakeKeboola::new();
    fake.on(LIST, 200, json!([bucket("in.c-a"), bucket("in.c-b"), bucket("out.c-c")]));
    let listed = run(&fake, TOOL, json!({}));
    assert_eq!(
        listed["bucket_counts"],
        json!({"total_buckets": 3, "input_buckets": 2, "output_buckets": 1})
    );
    assert_eq!(listed["buckets"][0]["display_name"], "a");
    assert_eq!(listed["buckets"][0]["updated"], "2026-03-01T00:00:00+0100");
    assert_eq!(listed["buckets"][0]["tables_count"], json!(null));
    assert_eq!(fake.lines(), [format!("{LIST}?include=metadata%2ClinkedBuckets")]);
}

#[test]
fn some_are_read_in_full_and_missing_ones_named() {
    let fake = FakeKeboola::new();
    let mut one = bucket("in.c-a");
    one["metadata"] = json!([
        {"key": "KBC.description", "value": "by hand", "provider": "user"},
        {"key": "KBC.lastUpdatedBy.component.id", "value": "ex", "timestamp": "2026-04-01T00:00:00Z"},
        {"key": "KBC.lastUpdatedBy.configuration.id", "value": "7", "timestamp": "2026-04-01T00:00:00Z"},
    ]);
    one["sourceBucket"] = json!({"id": "in.c-z", "project": {"id": 3, "name": "Other"}});
    fake.on(&format!("{LIST}/in.c-a"), 200, one);
    let read = run(&fake, TOOL, json!({"bucket_ids": ["in.c-a", "in.c-gone", "in.c-a"]}));
    let one = &read["buckets"][0];
    assert_eq!(
        (&one["description"], &one["source_project"]),
        (&json!("by hand"), &json!("Other (ID: 3)"))
    );
    assert_eq!(one["last_updated_by"]["configuration_id"], "7");
    assert_eq!(one["updated"], "2026-04-01T00:00:00Z");
    assert_eq!(read["buckets_not_found"], json!(["in.c-gone"]));
    assert_eq!(read["buckets"].as_array().unwrap().len(), 1);
}

#[test]
fn an_id_is_a_part_of_the_path_whatever_is_in_it() {
    let fake = FakeKeboola::new();
    let odd = "in.c-a/../b%2f ü?x#y";
    let read = run(&fake, TOOL, json!({"bucket_ids": [odd]}));
    assert_eq!(read["buckets_not_found"], json!([odd]));
    assert_eq!(fake.lines(), [format!("{LIST}/in.c-a%2F..%2Fb%252f%20%C3%BC%3Fx%23y")]);
    for refused in ["..", "", &"x".repeat(1_025)] {
        let why = fails(&fake, TOOL, json!({"bucket_ids": [refused]}));
        assert!(why.contains("empty, a dot, or longer"), "{why}");
    }
    assert_eq!(fake.lines().len(), 1);
}

#[test]
fn a_branch_sees_its_own_buckets_in_place_of_mains() {
    let own = |branch: &str| {
        let mut own = bucket(&format!("in.c-{branch}-a"));
        own["metadata"] = json!([{"key": "KBC.createdBy.branch.id", "value": branch}]);
        own
    };
    let fake = FakeKeboola::new();
    fake.on(LIST, 200, json!([bucket("in.c-a"), own("9"), own("10"), bucket("in.c-b")]));
    let listed = run(&fake, TOOL, json!({"branch_id": "9"}));
    let ids: Vec<_> =
        listed["buckets"].as_array().unwrap().iter().map(|b| b["id"].clone()).collect();
    assert_eq!(ids, ["in.c-a", "in.c-b"]);
    assert_eq!(listed["buckets"][0]["name"], "c-9-a");
    let fake = FakeKeboola::with_project(json!({"features": ["storage-branches"]}));
    fake.on(LIST, 200, json!([bucket("in.c-a"), bucket("in.c-b")]));
    let mut newer = bucket("in.c-a");
    newer["dataSizeBytes"] = json!(99);
    fake.on("Get connection /v2/storage/branch/9/buckets", 200, json!([newer]));
    let listed = run(&fake, TOOL, json!({"branch_id": "9"}));
    assert_eq!(listed["buckets"][0]["data_size_bytes"], 99);
    assert_eq!(listed["buckets"].as_array().unwrap().len(), 2);
}

#[test]
fn an_answer_that_is_no_list_is_no_empty_list() {
    for odd in [json!({}), json!(null), json!("x"), json!({"error": "no"})] {
        let fake = FakeKeboola::new();
        fake.on(LIST, 200, odd.clone());
        let why = fails(&fake, TOOL, json!({}));
        assert!(why.contains("not a list"), "{odd}: {why}");
    }
}

#[test]
fn maintenance_is_waited_for_and_then_told() {
    let fake = FakeKeboola::new();
    fake.on(LIST, 503, json!({"status": "maintenance", "reason": "upgrade"}));
    let why = fails(&fake, TOOL, json!({}));
    assert!(why.contains("maintenance (upgrade)") && why.contains("Call again later"), "{why}");
    assert_eq!(fake.count(LIST), 4);
}

#[test]
fn buckets_beyond_the_budget_of_a_call_are_named() {
    let fake = FakeKeboola::new();
    let ids: Vec<String> = (0..6).map(|n| format!("in.c-{n}")).collect();
    for id in &ids {
        let route = format!("Get connection /v2/storage/branch/default/buckets/{id}");
        let large = "x".repeat(MAX_ANSWER - 10_000);
        fake.on(&route, 200, json!({"id": id, "name": id, "metadata": [], "description": large}));
    }
    let read = run(&fake, TOOL, json!({ "bucket_ids": ids }));
    assert_eq!(read["buckets"].as_array().unwrap().len(), 4);
    let why = read["incomplete"].as_str().unwrap();
    assert!(
        why.contains("Not read: the buckets in.c-4, in.c-5.") && why.contains("fewer"),
        "{why}"
    );
}
