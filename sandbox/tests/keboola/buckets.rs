//! Buckets: lists, making, removing, sharing and linking.

use serde_json::{Value, json};

use crate::client::{Lab, assert_refused, each};

#[tokio::test]
async fn buckets_are_listed_with_what_is_asked_for() {
    let lab = Lab::start().await;
    let (status, plain) = lab.get("branch/default/buckets").await;
    assert_eq!(status, 200);
    assert_eq!(each(&plain, "id"), ["in.c-main", "out.c-results", "in.c-names", "in.c-many"]);
    let main = &plain[0];
    assert_eq!((&main["name"], &main["displayName"]), (&json!("c-main"), &json!("main")));
    assert_eq!((&main["idBranch"], &main["stage"]), (&json!(1011), &json!("in")));
    assert_eq!(main["backendPath"], json!(["KEBOOLA_101", "in.c-main"]));
    assert_eq!(main["created"], "2025-01-01T14:10:00+0200");
    assert!(main.get("metadata").is_none() && main.get("linkedBy").is_none());
    assert!(main["tables"].as_str().unwrap().ends_with("/v2/storage/buckets/in.c-main/tables"));
    let (_, full) = lab.get("branch/default/buckets?include=metadata,linkedBuckets").await;
    assert_eq!(full[0]["metadata"][0]["value"], "Orders and customers");
    assert_eq!(full[0]["linkedBy"][0]["project"], json!({ "id": 102, "name": "Analytics" }));
    assert_eq!(full[2]["displayName"], "Zákazníci „A“ & \"B\" 雪");
}

#[tokio::test]
async fn one_bucket_comes_with_everything_and_an_unknown_one_is_named() {
    let lab = Lab::start().await;
    let (_, bucket) = lab.get("branch/default/buckets/in.c-main").await;
    assert_eq!(bucket["sharing"], "organization");
    assert_eq!(bucket["metadata"].as_array().unwrap().len(), 3);
    assert_eq!(lab.get("buckets/in.c-main").await.1, bucket);
    let missing = lab.get("branch/default/buckets/in.c-nope").await;
    assert_refused(&missing, 404, "storage.buckets.notFound");
    let text = missing.1["error"].as_str().unwrap();
    assert!(text.contains("in.c-nope") && text.contains("101"), "{text}");
}

#[tokio::test]
async fn a_limited_token_sees_and_changes_only_its_buckets() {
    let lab = Lab::start().await.with_token(101, "limited");
    let (_, buckets) = lab.get("branch/default/buckets").await;
    assert_eq!(each(&buckets, "id"), ["in.c-main", "out.c-results"]);
    assert_refused(&lab.get("buckets/in.c-names").await, 403, "storage.accessDenied");
    assert_refused(&lab.get("tables/in.c-names.people").await, 403, "storage.accessDenied");
    let metadata = json!({ "provider": "user", "metadata": [{ "key": "k", "value": "v" }] });
    let refused = lab.post("buckets/in.c-main/metadata", metadata.clone()).await;
    assert_refused(&refused, 403, "storage.accessDenied");
    assert_eq!(lab.post("buckets/out.c-results/metadata", metadata).await.0, 201);
    let create = lab.post("branch/default/buckets", json!({ "name": "x", "stage": "in" })).await;
    assert_refused(&create, 403, "accessDenied");
}

#[tokio::test]
async fn a_bucket_is_made_once_and_removed() {
    let lab = Lab::start().await;
    let body = json!({ "name": "new", "stage": "out", "description": "Fresh" });
    let (status, made) = lab.post("branch/default/buckets", body.clone()).await;
    assert_eq!((status, &made["id"]), (201, &json!("out.c-new")));
    assert_eq!(
        (&made["created"], &made["description"]),
        (&json!("2026-08-17T07:39:18+0200"), &json!("Fresh"))
    );
    let again = lab.post("branch/default/buckets", body).await;
    assert_refused(&again, 400, "storage.buckets.alreadyExists");
    assert_eq!(lab.delete("branch/default/buckets/out.c-new").await, (204, Value::Null));
    assert_eq!(lab.get("buckets/out.c-new").await.0, 404);
    for wrong in [
        json!({ "stage": "in" }),
        json!({ "name": "a", "stage": "sys" }),
        json!({ "name": "a b", "stage": "in" }),
        json!({ "name": 7.5, "stage": ["in"] }),
    ] {
        assert_eq!(lab.post("branch/default/buckets", wrong).await.0, 400);
    }
}

#[tokio::test]
async fn a_full_bucket_is_removed_only_by_force() {
    let lab = Lab::start().await;
    let refused = lab.delete("branch/default/buckets/in.c-names").await;
    assert_refused(&refused, 400, "buckets.deleteNotEmpty");
    let (status, job) = lab.delete("branch/default/buckets/in.c-names?force=1&async=true").await;
    assert_eq!((status, &job["operationName"]), (202, &json!("bucketDelete")));
    assert_eq!(lab.get("buckets/in.c-names").await.0, 200);
    lab.keboola.finish();
    assert_eq!(lab.get("buckets/in.c-names").await.0, 404);
    assert_eq!(lab.get("tables/in.c-names.people").await.0, 404);
    let linked = lab.delete("branch/default/buckets/in.c-main?force=1").await;
    assert_refused(&linked, 400, "storage.buckets.alreadyLinked");
}

#[tokio::test]
async fn shared_buckets_are_those_of_other_projects_of_the_organization() {
    let lab = Lab::start().await.with_token(103, "master");
    let (_, shared) = lab.get("branch/default/shared-buckets").await;
    let projects: Vec<_> =
        shared.as_array().unwrap().iter().map(|bucket| bucket["project"]["id"].clone()).collect();
    assert_eq!(projects, [json!(101), json!(102)]);
    assert_eq!(shared[0]["sharingParameters"], json!([]));
    assert_eq!(shared[0]["sharedBy"]["id"], 101);
    assert!(each(&shared[0]["tables"], "id").contains(&"in.c-main.orders"));
}

#[tokio::test]
async fn a_shared_bucket_is_linked_with_its_tables() {
    let lab = Lab::start().await.with_token(103, "master");
    let link = |id: &str| json!({ "name": "sales", "stage": "in", "sourceProjectId": 101, "sourceBucketId": id });
    let refused = lab.post("branch/default/buckets", link("out.c-results")).await;
    assert_refused(&refused, 404, "storage.buckets.notFound");
    let (status, linked) = lab.post("branch/default/buckets", link("in.c-main")).await;
    assert_eq!((status, &linked["isLinkedBucket"]), (201, &json!(true)));
    assert_eq!(linked["sourceBucket"]["project"], json!({ "id": 101, "name": "Shop" }));
    assert_eq!(linked["backendPath"], json!(["KEBOOLA_101", "in.c-main"]));
    let (_, table) = lab.get("branch/default/tables/in.c-sales.orders").await;
    assert_eq!(table["sourceTable"]["id"], "in.c-main.orders");
    assert_eq!(table["rowsCount"], 3);
    // Linking is not idempotent: the second is an error.
    let again = lab.post("branch/default/buckets", link("in.c-main")).await;
    assert_refused(&again, 400, "storage.buckets.alreadyExists");
}
