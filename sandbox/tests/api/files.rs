//! File edits.

use serde_json::{Value, json};

use crate::client::{Api, answer, detail};

const STYLE: &str = "wp-content/themes/twentytwentyfive/style.css";

async fn edit(api: &Api, path: &str, blocks: &str) -> (u16, Value) {
    let body = json!({ "file_path": path, "file_edit_using_search_replace_blocks": blocks });
    api.post("/site/site-1.example.com/wpfile_diff_edit", body).await
}

/// The content of a file of the first site, if it was edited.
async fn content(api: &Api, path: &str) -> Option<String> {
    let (_, state) = answer(api.bare("GET", "/__control/state")).await;
    let text = state["sites"][0]["edited_files"][path].as_str();
    text.map(str::to_owned)
}

fn block(brackets: usize, search: &str, replace: &str) -> String {
    let [open, middle, close] = ["<", "=", ">"].map(|mark| mark.repeat(brackets));
    format!("{open} SEARCH\n{search}\n{middle}\n{replace}\n{close} REPLACE\n")
}

#[tokio::test]
async fn blocks_replace_text_and_the_answer_is_a_string() {
    let api = Api::start().await;
    let (status, body) = edit(&api, STYLE, &block(7, "#111111", "#222222")).await;
    assert_eq!(status, 200);
    assert!(body.is_string());
    let both = block(6, "#222222", "#333333") + &block(6, "#ffffff", "#eeeeee");
    assert_eq!(edit(&api, STYLE, &both).await.0, 200);
    let text = content(&api, STYLE).await.unwrap();
    assert!(text.contains("#333333") && text.contains("#eeeeee") && !text.contains("#111111"));
}

#[tokio::test]
async fn text_that_is_not_there_changes_nothing() {
    let api = Api::start().await;
    let blocks = block(7, "#111111", "#222222") + &block(7, "not there", "x");
    let (status, body) = edit(&api, STYLE, &blocks).await;
    assert_eq!((status, body), (400, detail(&format!("Search text not found in {STYLE}"))));
    assert_eq!(content(&api, STYLE).await, None);
}

#[tokio::test]
async fn only_paths_below_wp_content_are_taken() {
    let api = Api::start().await;
    let refused = (400, detail("file_path must start with wp-content/"));
    for path in ["themes/a.css", "/wp-content/a.css", "wp-content/../wp-config.php", ""] {
        assert_eq!(edit(&api, path, &block(7, "", "x")).await, refused);
    }
}

#[tokio::test]
async fn an_empty_search_makes_a_new_file() {
    let api = Api::start().await;
    let path = "wp-content/themes/new.css";
    assert_eq!(edit(&api, path, &block(7, "a", "b")).await.0, 404);
    assert_eq!(edit(&api, path, &block(7, "", "body {}")).await.0, 200);
    assert_eq!(content(&api, path).await.as_deref(), Some("body {}"));
    assert_eq!(edit(&api, path, &block(7, "", "again")).await.0, 400);
}

#[tokio::test]
async fn an_edit_without_blocks_is_refused() {
    let api = Api::start().await;
    let refused = (400, detail("No valid search/replace blocks found"));
    assert_eq!(edit(&api, STYLE, "just text").await, refused);
}

async fn call(api: &Api, name: &str, body: Value) -> (u16, Value) {
    api.post(&format!("/site/site-1.example.com/wpfile/{name}"), body).await
}

fn one(path: &str, blocks: &str) -> Value {
    json!({ "file_path": path, "file_edit_using_search_replace_blocks": blocks })
}

#[tokio::test]
async fn lines_of_a_file_are_read() {
    let api = Api::start().await;
    let path = "plugins/hello.php";
    let (_, whole) = call(&api, "read", json!({ "file_path": path })).await;
    assert_eq!(whole["total_lines"], 9);
    assert!(whole["content"].as_str().unwrap().ends_with("}\n"));
    let lines = |from: Value, to: Value| {
        call(&api, "read", json!({ "file_path": path, "start_line": from, "end_line": to }))
    };
    assert_eq!(
        lines(json!(3), json!(4)).await.1["content"],
        "Plugin Name: Hello Dolly\nVersion: 1.7.2\n"
    );
    assert_eq!(lines(json!(9), json!(99)).await.1["content"], "}\n");
    assert_eq!(lines(json!(99), json!(null)).await.1["content"], "");
    let wrong = (400, detail("Invalid line range"));
    assert_eq!(lines(json!(0), json!(null)).await, wrong);
    assert_eq!(lines(json!(4), json!(3)).await, wrong);
    assert_eq!(lines(json!("1"), json!(null)).await.0, 422);
    let missing = call(&api, "read", json!({ "file_path": "no.php" })).await;
    assert_eq!(missing, (404, detail("File not found: no.php")));
    for path in ["../wp-config.php", "/etc/passwd", ""] {
        let body = json!({ "file_path": path });
        assert_eq!(call(&api, "read", body).await.0, 400, "{path}");
    }
}

#[tokio::test]
async fn an_edit_shows_its_difference_and_a_dry_run_changes_nothing() {
    let api = Api::start().await;
    let path = "themes/twentytwentyfive/style.css";
    let mut body = one(path, &block(7, "#111111", "#222222"));
    body["dry_run"] = json!(true);
    let (_, tried) = call(&api, "edit", body.clone()).await;
    let diff = tried["diff"].as_str().unwrap();
    assert!(diff.ends_with("-    color: #111111;\n+    color: #222222;"), "{diff}");
    assert_eq!(content(&api, STYLE).await, None);
    let (_, tried) = call(&api, "read_and_edit", body.clone()).await;
    assert!(tried["original_content"].as_str().unwrap().contains("#111111"));
    body["dry_run"] = json!(false);
    assert_eq!(call(&api, "edit", body).await.0, 200);
    assert!(content(&api, STYLE).await.unwrap().contains("#222222"));
}

#[tokio::test]
async fn edits_of_several_files_are_made_all_or_none() {
    let api = Api::start().await;
    let entry =
        |path: &str, blocks: String| json!({ "file_path": path, "search_replace_blocks": blocks });
    let good = entry("a.txt", block(7, "", "one"));
    let more = entry("a.txt", block(7, "one", "two"));
    let bad = entry("index.php", block(7, "not there", "x"));
    let (code, body) = call(&api, "multi_edit", json!({ "edits": [good, bad] })).await;
    assert_eq!((code, body), (400, detail("Search text not found in index.php")));
    assert_eq!(content(&api, "wp-content/a.txt").await, None);
    let (code, body) = call(&api, "multi_edit", json!({ "edits": [good, more] })).await;
    assert_eq!((code, body["results"].as_array().map(Vec::len)), (200, Some(2)));
    assert_eq!(content(&api, "wp-content/a.txt").await.as_deref(), Some("two"));
    let (code, body) =
        call(&api, "multi_edit", json!({ "edits": [good, { "file_path": 1 }] })).await;
    assert_eq!(code, 422);
    let places = body["detail"].as_array().unwrap().iter().map(|error| error["loc"].clone());
    let expected = [
        json!(["body", "edits", 1, "file_path"]),
        json!(["body", "edits", 1, "search_replace_blocks"]),
    ];
    assert_eq!(places.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn the_tree_goes_as_deep_as_asked() {
    let api = Api::start().await;
    let (_, tree) = call(&api, "tree", json!({ "max_depth": 1 })).await;
    let names = |tree: &Value| {
        let entries = tree["tree"].as_array().unwrap().iter();
        entries.map(|entry| entry["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&tree), ["plugins", "themes", "uploads", "index.php"]);
    assert_eq!(tree["tree"][0]["children"], Value::Null);
    let (_, tree) = call(&api, "tree", json!({ "path": "/themes/" })).await;
    assert_eq!(names(&tree), ["twentytwentyfive"]);
    assert_eq!(tree["tree"][0]["children"][0]["name"], "templates");
    assert_eq!(call(&api, "tree", json!({ "path": "no" })).await.0, 404);
    for depth in [json!(0), json!(11), json!("3")] {
        assert_eq!(call(&api, "tree", json!({ "max_depth": depth })).await.0, 422);
    }
}
