//! Datasets of Analytics Engine.

use sandbox::bindings::Point;
use serde_json::{Value, json};

use crate::client::Lab;

/// The points of the dataset, once there are this many.
async fn points(lab: &Lab, count: usize) -> Vec<Point> {
    lab.until("points", |bindings| bindings.points("points").len() >= count).await;
    lab.bindings.points("points")
}

fn write(point: Value) -> Value {
    json!(["AE", ["writeDataPoint", point]])
}

#[tokio::test]
async fn a_point_is_read_as_it_was_written() {
    let lab = Lab::start().await;
    let given = json!({ "indexes": ["ü"], "blobs": ["a", null, "😀"], "doubles": [1, -2.5e300] });
    assert_eq!(lab.ok(write(given)).await, Value::Null);
    let point = points(&lab, 1).await.remove(0);
    assert_eq!(point.index, "ü");
    assert_eq!(point.blobs[..4], ["a", "", "😀", ""]);
    assert_eq!(point.doubles[..3], [1.0, -2.5e300, 0.0]);
    assert_eq!((point.blobs.len(), point.doubles.len()), (20, 20));
    lab.ok(json!(["AE", ["writeDataPoint"]])).await;
    assert_eq!(points(&lab, 2).await[1].index, "");
    assert!(lab.bindings.points("another").is_empty());
}

#[tokio::test]
async fn points_are_found_with_sql() {
    let lab = Lab::start().await;
    for (status, tool) in [(200, "a"), (200, "b"), (500, "a")] {
        lab.ok(write(json!({ "blobs": [tool], "doubles": [status] }))).await;
    }
    points(&lab, 3).await;
    let sql = "SELECT blob1 AS tool, sumIf(_sample_interval, double1 >= 500) / sum(_sample_interval) AS failed \
               FROM points WHERE timestamp > NOW() - INTERVAL '15' MINUTE GROUP BY tool ORDER BY tool";
    let rows = lab.bindings.query_points(sql).unwrap();
    assert_eq!(rows, [json!({ "tool": "a", "failed": 0.5 }), json!({ "tool": "b", "failed": 0 })]);
    assert!(lab.bindings.query_points("SELECT 1 FROM none").is_err());
}

#[tokio::test]
async fn a_point_that_is_too_large_is_not_written() {
    let lab = Lab::start().await;
    for point in [
        json!({ "indexes": ["x".repeat(97)] }),
        json!({ "indexes": ["a", "b"] }),
        json!({ "blobs": vec!["x"; 21] }),
        json!({ "blobs": ["x".repeat(16_001)] }),
        json!({ "doubles": vec![1; 21] }),
    ] {
        // Whether the Worker learns of it is up to the runtime.
        let _ = lab.ask(write(point)).await;
    }
    let largest = json!({ "indexes": ["x".repeat(96)], "blobs": ["y".repeat(16_000)] });
    lab.ok(write(largest)).await;
    let written = points(&lab, 1).await;
    assert_eq!((written.len(), written[0].index.len(), written[0].blobs[0].len()), (1, 96, 16_000));
}
