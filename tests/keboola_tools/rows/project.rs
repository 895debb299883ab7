//! The project, its branches, the documentation, and finding things.

use serde_json::json;

use crate::keboola_tools::row::{Row, call};

const STORAGE: &str = "connection /v2/storage";

pub fn rows() -> Vec<Row> {
    vec![
        call("list_branches", json!({}))
            .says("\"id\":\"1012\"")
            .wrong(json!({ "branch_id": "1012" }), "- branch_id"),
        call("get_project_info", json!({}))
            .get(&format!("{STORAGE}/branch/default/metadata"))
            .says("What the sandbox sells.")
            .wrong(json!({ "branch_id": 1012 }), "- branch_id: expected")
            .wrong(json!({ "branch_id": "77" }), "The project has no branch \"77\"")
            .wrong(json!({ "branch_id": "../1012" }), "has no branch \"../1012\""),
        call("get_project_info", json!({ "branch_id": "1012" }))
            .get(&format!("{STORAGE}/branch/1012/metadata"))
            .says("\"branch_name\":\"Development\""),
        call("docs_query", json!({ "query": "What is a bucket? „Žluť“" }))
            .post("ai /docs/question", json!({ "query": "What is a bucket? „Žluť“" }))
            .says("source_urls")
            .wrong(json!({ "query": "" }), "- query: expected")
            .wrong(json!({ "query": "a".repeat(4_001) }), "- query: expected")
            .wrong(json!({ "query": null }), "- query: ")
            .wrong(json!({ "query": ["a"] }), "- query: expected"),
        // This project has Keboola's own index of names.
        call("search", json!({ "patterns": ["orders"], "item_types": ["table"], "limit": 7 }))
            .get(&format!(
                "{STORAGE}/global-search?query=orders&projectIds[]=101&limit=7&offset=0&types[]=table\
                 &branchTypes[]=production"
            ))
            .says("in.c-main.orders")
            .wrong(json!({ "patterns": [] }), "- patterns: expected")
            .wrong(json!({ "patterns": ["  "] }), "pattern")
            .wrong(json!({ "patterns": "orders" }), "- patterns: expected")
            .wrong(json!({ "item_types": ["tables"] }), "- item_types[0]: expected")
            .wrong(json!({ "mode": "regex" }), "- mode: expected")
            .wrong(json!({ "limit": "10" }), "- limit: expected"),
        call("search", json!({ "patterns": ["example.com"], "search_type": "config-based", "scopes": ["parameters.db"] }))
            .get(&format!("{STORAGE}/branch/default/components?include=configuration,rows"))
            .says("parameters.db.host")
            .wrong(json!({ "search_type": "semantic" }), "- search_type: expected"),
    ]
}
