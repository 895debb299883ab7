//! The shell.

use serde_json::json;

use crate::client::Api;

const CMD: &str = "/site/site-1.example.com/cmd";

#[tokio::test]
async fn known_commands_answer_and_others_are_not_found() {
    let api = Api::start().await;
    let cases = [
        ("wp core version", "6.8.2"),
        ("echo hello  there", "hello there"),
        ("echo 'quoted'", "quoted"),
        ("pwd", "/bitnami/wordpress/wp-content"),
        ("ls -la", "index.php\nplugins\nthemes\nuploads"),
        ("frobnicate --now", "bash: frobnicate: command not found"),
    ];
    for (command, response) in cases {
        let (status, body) = api.post(CMD, json!({ "cmd": command })).await;
        assert_eq!(status, 200);
        assert_eq!(body["response"], response);
        assert_eq!(body["cwd"], "/bitnami/wordpress/wp-content");
    }
    let (_, body) = api.post(CMD, json!({ "cmd": "wp plugin list" })).await;
    assert!(body["response"].as_str().unwrap().starts_with("name\tstatus"));
}

#[tokio::test]
async fn the_directory_is_tracked_when_asked_to() {
    let api = Api::start().await;
    let cd = |track: bool| json!({ "cmd": "cd themes", "cwd": "/srv", "auto_track_dir": track });
    assert_eq!(api.post(CMD, cd(false)).await.1["cwd"], "/srv");
    assert_eq!(api.post(CMD, cd(true)).await.1["cwd"], "/srv/themes");
    let (_, body) = api.post(CMD, json!({ "cmd": "pwd", "cwd": "/srv" })).await;
    assert_eq!(body["response"], "/srv");
}
