//! Static assets.

use sandbox::bindings::Options;
use serde_json::{Value, json};

use crate::client::Lab;

async fn site() -> Lab {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir_all(root.join("docs")).unwrap();
    for (path, content) in [
        ("index.html", "<h1>home</h1>"),
        ("about.html", "<h1>about</h1>"),
        ("docs/index.html", "<h1>docs</h1>"),
        ("app.js", "start()"),
        ("a b.txt", "blank"),
        ("_headers", "/*\n  x: y"),
    ] {
        std::fs::write(root.join(path), content).unwrap();
    }
    let assets = vec![("site".to_owned(), root.to_path_buf())];
    Lab::with(Options { assets, ..Options::default() }).await
}

async fn fetch(lab: &Lab, path: &str, more: Value) -> Value {
    let mut options = json!({ "redirect": "manual" });
    options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    lab.ok(json!(["ASSETS", ["fetch", format!("https://example.com{path}"), options]])).await
}

#[tokio::test]
async fn each_page_has_one_address() {
    let lab = site().await;
    for (path, status, text) in [
        ("/", 200, "<h1>home</h1>"),
        ("/about", 200, "<h1>about</h1>"),
        ("/docs/", 200, "<h1>docs</h1>"),
        ("/app.js?v=1", 200, "start()"),
        ("/a%20b.txt", 200, "blank"),
        ("/index.html", 307, "/"),
        ("/about.html?q=1", 307, "/about?q=1"),
        ("/about/", 307, "/about"),
        ("/docs", 307, "/docs/"),
        ("/docs/index.html", 307, "/docs/"),
        ("/none", 404, ""),
        ("/_headers", 404, ""),
        ("/docs/..%2f..%2fsecret", 404, ""),
    ] {
        let answer = fetch(&lab, path, json!({})).await;
        let shown = if status == 307 { &answer["headers"]["location"] } else { &answer["text"] };
        assert_eq!((&answer["status"], shown), (&json!(status), &json!(text)), "{path}: {answer}");
    }
}

#[tokio::test]
async fn an_asset_has_a_type_and_is_not_sent_again() {
    let lab = site().await;
    let page = fetch(&lab, "/about", json!({})).await;
    let headers = &page["headers"];
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(headers["cache-control"], "public, max-age=0, must-revalidate");
    let etag = headers["etag"].as_str().unwrap();
    for known in [etag.to_owned(), format!("W/{etag}")] {
        let again = fetch(&lab, "/about", json!({ "headers": { "if-none-match": known } })).await;
        assert_eq!((&again["status"], &again["text"]), (&json!(304), &json!("")));
    }
    let other = fetch(&lab, "/", json!({ "headers": { "if-none-match": etag } })).await;
    assert_eq!(other["status"], 200);
    let head = fetch(&lab, "/about", json!({ "method": "HEAD" })).await;
    assert_eq!((&head["status"], &head["text"]), (&json!(200), &json!("")));
    let posted = fetch(&lab, "/about", json!({ "method": "POST", "body": "x" })).await;
    assert_eq!(posted["status"], 405);
    lab.bindings.put_asset("site", "/new.css", "a{}");
    let added = fetch(&lab, "/new.css", json!({})).await;
    assert_eq!((&added["status"], &added["text"]), (&json!(200), &json!("a{}")));
}
