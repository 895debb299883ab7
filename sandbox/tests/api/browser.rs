//! The browser that shows a site.

use serde_json::{Value, json};

use crate::client::{Api, SITE, answer, detail, october};

async fn browse(api: &Api, name: &str, body: Value) -> (u16, Value) {
    api.post(&format!("{SITE}/browser/{name}"), body).await
}

#[tokio::test]
async fn pages_show_what_the_site_holds() {
    let api = Api::start().await;
    let (_, front) = browse(&api, "goto", json!({})).await;
    let expected = json!({
        "url": "https://site-1.example.com/",
        "title": "site-1.example.com",
        "status": 200,
    });
    assert_eq!(front, expected);
    let (_, text) = browse(&api, "text", json!({})).await;
    assert_eq!(text["text"], "site-1.example.com\nA post numbered 2\nA post numbered 1");
    let (_, there) = browse(&api, "click", json!({ "selector": "article a" })).await;
    assert_eq!(there["url"], "https://site-1.example.com/post-2/");
    let (_, heading) = browse(&api, "text", json!({ "selector": "h1" })).await;
    assert_eq!(heading["text"], "A post numbered 2");
    let (_, lost) = browse(&api, "goto", json!({ "path": "/nowhere/" })).await;
    assert_eq!(lost["status"], 404);
    assert_eq!(browse(&api, "goto", json!({ "path": "nowhere" })).await.0, 400);

    let command = json!({ "cmd": "wp post update 2 --post_title='A new title'" });
    api.post(&format!("{SITE}/cmd"), command).await;
    let (_, page) = browse(&api, "goto", json!({ "path": "/post-2/" })).await;
    assert_eq!(page["title"], "A new title – site-1.example.com");
}

#[tokio::test]
async fn fields_keep_what_is_filled_in_until_the_page_is_left() {
    let api = Api::start().await;
    browse(&api, "goto", json!({ "path": "/wp-login.php" })).await;
    let fill = json!({ "selector": "#user_login", "value": "jane" });
    assert_eq!(browse(&api, "fill", fill.clone()).await.0, 200);
    let value = json!({ "js": "document.querySelector('#user_login').value" });
    assert_eq!(browse(&api, "eval", value.clone()).await.1["result"], "jane");
    assert_eq!(browse(&api, "click", json!({ "selector": "#wp-submit" })).await.0, 200);
    browse(&api, "goto", json!({ "path": "/" })).await;
    assert_eq!(browse(&api, "eval", value).await.1["result"], Value::Null);
    let missing = (404, detail("No element matches selector: #user_login"));
    assert_eq!(browse(&api, "fill", fill).await, missing);
    for (js, result) in [
        ("location.pathname", json!("/")),
        ("document.title;", json!("site-1.example.com")),
        ("document.querySelectorAll('h1').length", json!(1)),
        ("document.querySelectorAll('.none').length", json!(0)),
        ("[1, \"a\"]", json!([1, "a"])),
        ("something()", Value::Null),
    ] {
        assert_eq!(browse(&api, "eval", json!({ "js": js })).await.1["result"], result, "{js}");
    }
}

#[tokio::test]
async fn a_screenshot_is_a_png_and_needs_no_body() {
    let api = Api::start().await;
    let path = format!("{SITE}/browser/screenshot");
    let (code, shot) = answer(api.request("POST", &path)).await;
    assert_eq!((code, &shot["full_page"]), (200, &json!(false)));
    // The signature of a PNG, in base64.
    assert!(shot["screenshot"].as_str().unwrap().starts_with("iVBORw0KGgo"));
    assert_eq!(shot["url"], "https://site-1.example.com/");
    assert_eq!(browse(&api, "screenshot", json!({ "full_page": 1 })).await.0, 422);
}

#[tokio::test]
async fn a_cookie_for_the_administration_is_made_up() {
    let api = Api::start().await;
    let (_, cookie) = answer(api.request("POST", &format!("{SITE}/browser/admin-cookie"))).await;
    assert_eq!(cookie["domain"], "site-1.example.com");
    assert!(cookie["value"].as_str().unwrap().starts_with("secret-cookie-"));
}

#[tokio::test]
async fn the_later_generation_shows_the_console_and_closes_the_browser() {
    let api = Api::with(october()).await;
    browse(&api, "goto", json!({ "path": "/nowhere/" })).await;
    browse(&api, "eval", json!({ "js": "console.log('hello')" })).await;
    let logs = format!("{SITE}/browser/logs");
    let (_, all) = api.get(&logs).await;
    assert_eq!(all["logs"][0]["message"], "hello");
    let (_, errors) = api.get(&format!("{logs}?level=error&limit=5")).await;
    assert_eq!(errors["logs"].as_array().map(Vec::len), Some(1));
    assert_eq!(api.get(&format!("{logs}?level=loud")).await.0, 422);
    assert_eq!(browse(&api, "close", json!({})).await.1["closed"], true);
    assert_eq!(browse(&api, "close", json!({})).await.1["closed"], false);
    assert_eq!(api.get(&logs).await.1["logs"], json!([]));
}
