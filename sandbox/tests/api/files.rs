//! File edits.

use serde_json::{Value, json};

use crate::client::{Api, answer, detail};

const STYLE: &str = "wp-content/themes/twentytwentyfive/style.css";

async fn edit(api: &Api, path: &str, blocks: &str) -> (u16, Value) {
    let body = json!({ "file_path": path, "file_edit_using_search_replace_blocks": blocks });
    api.post("/site/site-1.example.com/wpfile_diff_edit", body).await
}

/// What a file of the first site holds now, if it was edited.
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
    assert_eq!(edit(&api, path, &block(7, "a", "b")).await.0, 400);
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
