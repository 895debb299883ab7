//! WP-CLI and the commands around it.

use serde_json::json;

use crate::client::{Api, SITE};

async fn run(api: &Api, cmd: &str) -> String {
    let (code, body) = api.post(&format!("{SITE}/cmd"), json!({ "cmd": cmd })).await;
    assert_eq!(code, 200);
    body["response"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn plugins_are_switched_installed_and_deleted() {
    let api = Api::start().await;
    let status = "wp plugin list --format=csv --fields=name,status";
    assert_eq!(run(&api, status).await, "name,status\nakismet,inactive\nhello,active");
    let said = run(&api, "wp plugin activate akismet").await;
    assert_eq!(said, "Plugin 'akismet' activated.\nSuccess: Activated 1 of 1 plugins.");
    run(&api, "wp plugin deactivate hello").await;
    run(&api, "wp plugin install woocommerce --activate").await;
    let after = "name,status\nakismet,active\nhello,inactive\nwoocommerce,active";
    assert_eq!(run(&api, status).await, after);
    run(&api, "wp plugin delete akismet").await;
    assert_eq!(run(&api, "ls plugins").await, "hello.php\nindex.php\nwoocommerce");
    assert!(run(&api, "wp plugin activate akismet").await.contains("could not be found"));
}

#[tokio::test]
async fn options_and_posts_are_kept() {
    let api = Api::start().await;
    assert_eq!(run(&api, "wp option get siteurl").await, "https://site-1.example.com");
    run(&api, "wp option update blogname \"A 'quoted' name\"").await;
    assert_eq!(run(&api, "wp option get blogname").await, "A 'quoted' name");
    assert!(run(&api, "wp option get nothing").await.starts_with("Error:"));
    let id = run(&api, "wp post create --post_title=Hi --post_status=publish --porcelain").await;
    assert_eq!(id, "101");
    assert_eq!(run(&api, "wp post list --format=ids").await, "101 2 1");
    run(&api, "wp post delete 101").await;
    assert_eq!(run(&api, "wp post list --post_status=trash --format=count").await, "1");
    assert_eq!(
        run(&api, "wp post list --post_type=page --field=post_name").await,
        "page-4\npage-3"
    );
    assert!(run(&api, "wp post get 7").await.starts_with("Error:"));
    assert!(run(&api, "wp user list").await.contains("jane@example.com"));
}

#[tokio::test]
async fn text_is_replaced_everywhere() {
    let api = Api::start().await;
    let replace = "wp search-replace numbered called";
    let tried = run(&api, &format!("{replace} --dry-run")).await;
    assert_eq!(tried, "Success: 4 replacements to be made.");
    assert_eq!(run(&api, replace).await, "Success: Made 4 replacements.");
    assert!(run(&api, "wp post list").await.contains("A post called 1"));
}

#[tokio::test]
async fn lines_are_chained_piped_and_written() {
    let api = Api::start().await;
    assert_eq!(run(&api, "echo one; false && echo two; echo 'a;b'").await, "one\na;b");
    assert_eq!(
        run(&api, "cat plugins/hello.php | grep Version | head -n 1").await,
        "Version: 1.7.2"
    );
    assert_eq!(run(&api, "tail -2 plugins/hello.php | wc -l").await, "2");
    run(&api, "cd themes && echo first > a.txt && echo second >> a.txt").await;
    assert_eq!(run(&api, "cat themes/a.txt").await, "first\nsecond");
    assert_eq!(run(&api, "cat ../wp-content/themes/a.txt").await, "first\nsecond");
    run(&api, "rm -rf themes/a.txt").await;
    assert!(run(&api, "cat themes/a.txt").await.ends_with("No such file or directory"));
    assert!(run(&api, "echo x > /etc/passwd").await.ends_with("Permission denied"));
}
