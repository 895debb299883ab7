//! Responses to OAuth clients where OAuth is off.

use reqwest::Method;

use crate::support::{
    Client,
    oauth::{send, with_oauth},
    options, start,
};

#[tokio::test]
async fn where_oauth_is_off_its_clients_read_how_to_get_in() {
    for (options, said) in [
        (options(), "no sign-in is needed"),
        (options().var("MCP_API_KEY", "a-key-of-the-operator"), "Authorization: Bearer"),
        (
            with_oauth().var("CREDENTIAL_KEY", "").var("MCP_API_KEY", "a-key-of-the-operator"),
            "Authorization: Bearer",
        ),
        (options().var("ENVIRONMENT", "production"), "MCP_API_KEY"),
    ] {
        let server = start(options).await;
        for (method, path) in OFF {
            let url = format!("{}{path}", server.url());
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let headers =
                [("origin", "https://inspector.example"), ("content-type", "application/json")];
            let answer = send(method.clone(), &url, &headers, String::new()).await;
            assert_eq!(answer.status, 404, "{path}: {answer:?}");
            assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
            assert_eq!(answer.header("content-type"), "application/json", "{path}");
            let body = answer.json();
            assert_eq!(body["error"], "invalid_request", "{path}");
            let description = body["error_description"].as_str().expect("a description");
            assert!(description.contains(said), "{path}: {description}");
            // RFC 6749 §5.2.
            let is_allowed = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
            assert!(description.chars().all(is_allowed), "{description}");
            let preflight = send(
                Method::OPTIONS,
                &url,
                &[
                    ("origin", "https://inspector.example"),
                    ("access-control-request-method", method.as_str()),
                    ("access-control-request-headers", "content-type,mcp-protocol-version"),
                ],
                String::new(),
            )
            .await;
            assert_eq!(preflight.status, 204, "{path}: {preflight:?}");
            assert!(
                preflight.header("access-control-allow-headers").contains("MCP-Protocol-Version")
            );
        }
        let client = Client::new(&server.url());
        assert!(
            !client
                .initialize("2025-11-25")
                .await
                .header("www-authenticate")
                .contains("resource_metadata")
        );
    }
}

/// The requests of OAuth clients to a server without OAuth.
const OFF: [(&str, &str); 15] = [
    ("GET", "/.well-known/oauth-protected-resource"),
    ("GET", "/.well-known/oauth-protected-resource/mcp"),
    ("GET", "/.well-known/oauth-protected-resource/mcp/?toolsets=dns"),
    ("GET", "/.well-known/oauth-protected-resource/other/path"),
    ("GET", "/.well-known/oauth-authorization-server"),
    ("GET", "/.well-known/oauth-authorization-server/mcp"),
    ("GET", "/.well-known/openid-configuration"),
    ("GET", "/.well-known/openid-configuration/mcp"),
    ("GET", "/mcp/.well-known/openid-configuration"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/authorize?response_type=code"),
    ("POST", "/register"),
    ("POST", "/token"),
    ("POST", "/revoke"),
    ("POST", "/register/"),
];
