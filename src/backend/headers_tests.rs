use super::*;
use crate::config::backend::{BackendAccess, BackendPaths};
use mcp_auth::secret::Secret;

const URL: &str = "https://mcp.example/x?y";

fn backend() -> Backend {
    Backend {
        origin: Some("https://backend.example".to_owned()),
        paths: BackendPaths::Rest,
        access: BackendAccess::Door,
        auth: None,
        forwards_auth: false,
        card: None,
        via: "sitebay-mcp-1".to_owned(),
    }
}

fn sent(backend: &Backend, headers: &[(&str, &str)]) -> HeaderChanges {
    sent_by(backend, "GET", headers, Permission::All)
}

fn sent_by(
    backend: &Backend,
    method: &str,
    headers: &[(&str, &str)],
    permission: Permission,
) -> HeaderChanges {
    let own = OwnCredentials {
        authorization: &|value| value.contains("own"),
        token: &|value| value.contains("own"),
        cleaned: &|url| url.replace("?auth=own", ""),
    };
    to_backend(&ReceivedHeaders::of(headers), (method, URL), backend, &own, permission)
}

#[test]
fn headers_of_one_connection_end_here() {
    let changes = sent(
        &backend(),
        &[
            ("connection", "keep-alive, X-Custom ,close"),
            ("x-custom", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("expect", "100-continue"),
            ("proxy-authorization", "Basic x"),
            ("upgrade", "h2c"),
            ("x-kept", "1"),
        ],
    );
    for name in ["connection", "keep-alive", "x-custom", "te", "trailer", "expect", "upgrade"] {
        assert!(changes.removed().contains(&name), "{name}");
    }
    assert!(changes.removed().contains(&"proxy-authorization"));
    assert!(!changes.removed().contains(&"x-kept"));
}

#[test]
fn the_client_says_nothing_of_itself_and_nothing_in_the_name_of_this_server() {
    let changes = sent(
        &backend(),
        &[
            ("cf-connecting-ip", "203.0.113.7"),
            ("connection", "x-forwarded-for, via"),
            ("forwarded", "for=1.2.3.4"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-port", "1"),
            ("x-internal-seal", "forged"),
            ("x-real-ip", "1.2.3.4"),
            ("via", "1.1 front"),
        ],
    );
    for name in ["forwarded", "x-forwarded-port", "x-real-ip", "x-internal-seal"] {
        assert!(changes.removed().contains(&name) && changes.value(name).is_none(), "{name}");
    }
    assert_eq!(changes.value("x-forwarded-for"), Some("203.0.113.7"));
    assert_eq!(changes.value("x-forwarded-host"), Some("mcp.example"));
    assert_eq!(changes.value("x-forwarded-proto"), Some("https"));
    assert_eq!(changes.value("via"), Some("1.1 front, 1.1 sitebay-mcp-1"));
    let unknown = sent(&backend(), &[("x-forwarded-for", "1.2.3.4")]);
    assert!(unknown.removed().contains(&"x-forwarded-for"));
    assert_eq!(unknown.value("x-forwarded-for"), None);
}

#[test]
fn no_credential_travels_unless_that_is_switched_on_and_then_no_own_one() {
    let all = [
        ("authorization", "Bearer foreign"),
        ("x-api-key", "foreign"),
        ("cf-access-jwt-assertion", "a"),
        ("x-mcp-secret", "foreign"),
        ("x-sitebay-token", "foreign"),
    ];
    let names = |changes: &HeaderChanges| {
        all.iter().map(|(name, _)| changes.removed().contains(name)).collect::<Vec<_>>()
    };
    assert_eq!(names(&sent(&backend(), &all)), [true; 5]);
    let forwarding = Backend { forwards_auth: true, ..backend() };
    assert_eq!(names(&sent(&forwarding, &all)), [false, false, false, true, true]);
    let own = [("authorization", "Bearer own"), ("x-api-key", "own")];
    assert_eq!(names(&sent(&forwarding, &own)), [true, true, false, false, false]);
}

#[test]
fn the_credential_of_this_server_stands_in_the_place_of_the_clients() {
    let auth = Some(("x-key".to_owned(), Secret::new("secret")));
    let backend = Backend { auth, ..backend() };
    assert_eq!(sent(&backend, &[("x-key", "forged")]).value("x-key"), Some("secret"));
    assert_eq!(sent(&backend, &[]).value("x-key"), Some("secret"));
    let preflight = sent_by(&backend, "OPTIONS", &[("x-key", "forged")], Permission::Preflight);
    assert!(preflight.removed().contains(&"x-key") && preflight.value("x-key").is_none());
}

#[test]
fn a_cookie_travels_unless_it_is_of_this_server() {
    let of = |cookie| sent(&backend(), &[("cookie", cookie)]).value("cookie").map(str::to_owned);
    assert_eq!(of("a=1; b=2"), None);
    assert_eq!(of("a=1; __Host-mcp-account=x; b=2").as_deref(), Some("a=1; b=2"));
    assert_eq!(of("mcp-form=x; b=2").as_deref(), Some("b=2"));
    let only = sent(&backend(), &[("cookie", "CF_Authorization=x")]);
    assert!(only.removed().contains(&"cookie") && only.value("cookie").is_none());
    assert!(!sent(&backend(), &[("cookie", "a=1")]).removed().contains(&"cookie"));
}

#[test]
fn a_referer_loses_own_keys() {
    let changes = sent(&backend(), &[("referer", "https://mcp.example/a?auth=own")]);
    assert_eq!(changes.value("referer"), Some("https://mcp.example/a"));
    assert_eq!(sent(&backend(), &[("referer", "https://a.example/?b")]).value("referer"), None);
}

#[test]
fn a_socket_is_opened_through_and_other_upgrades_are_not() {
    let changes = sent(&backend(), &[("connection", "Upgrade, x-hop"), ("upgrade", "websocket")]);
    assert!(!changes.removed().contains(&"upgrade") && !changes.removed().contains(&"connection"));
    assert!(changes.removed().contains(&"x-hop"));
    assert!(sent(&backend(), &[("upgrade", "h2c")]).removed().contains(&"upgrade"));
}

#[test]
fn only_a_get_opens_a_socket() {
    let upgrade = [("connection", "upgrade"), ("upgrade", "WebSocket")];
    let received = ReceivedHeaders::of(&upgrade);
    assert!(is_websocket("GET", &received));
    for method in ["OPTIONS", "HEAD", "POST", "PUT", "get"] {
        assert!(!is_websocket(method, &received), "{method}");
        let changes = sent_by(&backend(), method, &upgrade, Permission::All);
        for name in ["upgrade", "connection"] {
            assert!(changes.removed().contains(&name), "{method} {name}");
        }
    }
}

#[test]
fn only_who_may_write_has_a_request_taken_for_another_method() {
    use Permission::{All, AsItsMethodSays, Preflight};
    for name in ["x-http-method-override", "x-http-method", "x-method-override", "x_http_method"] {
        let header = [(name, "DELETE")];
        assert!(overrides_method(&ReceivedHeaders::of(&header)), "{name}");
        for (permission, is_removed) in [(All, false), (AsItsMethodSays, true), (Preflight, true)] {
            let changes = sent_by(&backend(), "GET", &header, permission);
            assert_eq!(changes.removed().contains(&name), is_removed, "{name} {permission:?}");
        }
    }
    assert!(!overrides_method(&ReceivedHeaders::of(&[("x-method", "DELETE")])));
}

#[test]
fn a_preflight_has_no_upgrade() {
    let asked = [("origin", "https://page.example"), ("access-control-request-method", "PUT")];
    let is_it = |method: &str, more: &[(&str, &str)]| {
        is_preflight(method, &ReceivedHeaders::of(&[&asked[..], more].concat()))
    };
    assert!(is_it("OPTIONS", &[]));
    assert!(!is_it("GET", &[]) && !is_it("OPTIONS", &[("upgrade", "websocket")]));
    assert!(!is_preflight("OPTIONS", &ReceivedHeaders::of(&asked[..1])));
    assert!(!is_preflight("OPTIONS", &ReceivedHeaders::of(&asked[1..])));
}

#[test]
fn a_request_that_comes_back_went_in_a_circle() {
    let circle = |via| went_in_a_circle(&ReceivedHeaders::of(&[("via", via)]), &backend());
    assert!(circle("1.1 sitebay-mcp-1") && circle("1.1 a, 1.1 sitebay-mcp-1 (x), 1.1 b"));
    assert!(!circle("1.1 sitebay-mcp-2") && !circle("") && !circle("1.1 sitebay-mcp-11"));
}

#[test]
fn an_answer_keeps_its_headers_but_those_of_the_connection() {
    let answered = |headers: &[(&str, &str)]| {
        to_client(&ReceivedHeaders::of(headers), URL, &backend(), None, false)
    };
    let plain =
        [("content-type", "a/b"), ("set-cookie", "a=1"), ("access-control-allow-origin", "*")];
    assert!(answered(&plain).is_empty());
    let changes = answered(&[("connection", "x-custom"), ("x-custom", "1"), ("keep-alive", "5")]);
    assert_eq!(changes.removed(), ["x-custom", "connection", "keep-alive"]);
}

#[test]
fn a_redirect_to_the_backend_leads_to_the_same_place_here() {
    let answered = |location| {
        let received = ReceivedHeaders::of(&[("location", location)]);
        let changes = to_client(&received, URL, &backend(), None, false);
        changes.value("location").map(str::to_owned)
    };
    let here = Some("https://mcp.example/a/?b#c".to_owned());
    assert_eq!(answered("https://backend.example/a/?b#c"), here);
    assert_eq!(answered("http://BACKEND.example/a/?b#c"), here);
    for other in
        ["/a/", "https://other.example/", "https://backend.example.evil/", "//backend.example"]
    {
        assert_eq!(answered(other), None, "{other}");
    }
}

#[test]
fn on_the_mcp_endpoints_this_server_answers_for_cors() {
    let received = ReceivedHeaders::of(&[
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("vary", "Accept"),
    ]);
    let changes = to_client(&received, URL, &backend(), Some("https://page.example"), true);
    assert_eq!(changes.value("access-control-allow-origin"), Some("https://page.example"));
    assert!(changes.removed().contains(&"access-control-allow-credentials"));
    assert_eq!(changes.value("access-control-allow-credentials"), None);
    assert_eq!(changes.value("vary"), Some("Accept, Origin"));
    let program = to_client(&received, URL, &backend(), None, true);
    assert!(program.removed().contains(&"access-control-allow-origin"));
}
