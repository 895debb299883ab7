//! Passes a request on to the REST API of a site, a shop or PostHog.
//!
//! Invariant: only get, head and options are ever repeated.

use crate::{
    api::Repeat,
    call::{Call, CallOutcome, Requests as _},
};

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let client = call.client()?;
    let mut request = call.request(&client)?;
    if matches!(call.arguments.text("method"), Some("get" | "head" | "options")) {
        request.repeat = Repeat::Safe;
    }
    let answer = call.send(&client, &request).await?;
    Ok(call.free(answer.json))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::run;
    use mcp_server::testing::{FakePlatform, broken, json, text};

    #[test]
    fn each_proxy_has_its_own_request() {
        for (tool, arguments, line, body) in [
            (
                "sitebay_wordpress_proxy",
                json!({"fqdn": "a.org"}),
                "Post /wp-proxy",
                json!({"fqdn": "a.org", "path": "/wp-json/wp/v2/", "method": "get"}),
            ),
            (
                "sitebay_shopify_proxy",
                json!({"shop_name": "s", "method": "POST", "query_params_json": "{\"a\":1}"}),
                "Post /shopify-proxy",
                json!({"shop_name": "s", "path": "/admin/api/2024-04", "method": "post",
                    "query_params_json": "{\"a\":1}"}),
            ),
            (
                "sitebay_posthog_proxy",
                json!({"path": "/api/projects/6/insights", "query_params_json": ""}),
                "Post /posthog-proxy",
                json!({"path": "/api/projects/6/insights", "method": "get"}),
            ),
        ] {
            let fake = FakePlatform::new([json(200, json!([{"id": 1}]))]);
            let result = run(&fake, tool, arguments);
            assert_eq!(fake.lines(), [line]);
            assert_eq!(fake.body(0), body);
            assert_eq!(result.data, json!({"result": [{"id": 1}]}));
        }
    }

    #[test]
    fn reads_are_repeated_and_changes_are_not() {
        let fake = FakePlatform::new([broken(), text(503, ""), json(200, json!({}))]);
        let result = run(&fake, "sitebay_wordpress_proxy", json!({"fqdn": "a.org"}));
        assert!(!result.is_error);
        assert_eq!(fake.requests().len(), 3);
        let fake = FakePlatform::new([broken(), json(200, json!({}))]);
        let arguments = json!({"fqdn": "a.org", "method": "patch"});
        let result = run(&fake, "sitebay_wordpress_proxy", arguments);
        assert_eq!(fake.requests().len(), 1);
        assert!(result.is_error && result.text.contains("MAY have happened"), "{}", result.text);
    }

    #[test]
    fn a_long_answer_is_cut_in_the_text_only() {
        let fake = FakePlatform::new([json(200, json!("x".repeat(50_000)))]);
        let result = run(&fake, "sitebay_wordpress_proxy", json!({"fqdn": "a.org"}));
        assert!(result.text.contains("cut after"));
        assert_eq!(result.data["result"].as_str().unwrap().len(), 50_000);
    }
}
