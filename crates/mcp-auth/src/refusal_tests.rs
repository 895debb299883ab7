//! Every refusal as a client sees it. `INSTA_UPDATE=always cargo test refusal_tests` accepts a change.

use crate::{
    quota::Rate,
    refusal::{Refusal, UnknownToolset},
    scope::{BeyondScope, Scopes},
    subject::Subject,
};
use mcp_protocol::jsonrpc::DecodeError;

/// One of each kind, and of each kind within it.
fn all() -> Vec<Refusal> {
    let rate = Rate { limit: 100, remaining: 0, reset: 1_260 };
    vec![
        Refusal::NotConfigured,
        Refusal::Misconfigured(None),
        Refusal::Misconfigured(Some("MCP_API_KEY: the reason".into())),
        Refusal::Unauthorized("no credential"),
        Refusal::SignIn("no credential", "Bearer resource_metadata=\"https://a.example/\"".into()),
        Refusal::WrongCredential("the key is wrong"),
        Refusal::AccessOver("the token expired"),
        Refusal::Scope(BeyondScope(Scopes::WRITE)),
        Refusal::RateLimit(rate, 42),
        Refusal::TooManyAttempts(42),
        Refusal::QuotaUnreachable,
        Refusal::TokenNotAccepted,
        Refusal::TokenUnchecked,
        Refusal::Rollout(10, Subject([7; 16])),
        Refusal::NotBound("METRICS"),
        Refusal::DatabaseFailed,
        Refusal::IssuerUnreachable,
        Refusal::Origin("https://page.example".into()),
        Refusal::Body(DecodeError::NotUtf8),
        Refusal::Body(DecodeError::NotJson("line 1".into())),
        Refusal::Body(DecodeError::NotJsonRpc("no method")),
        Refusal::TooLarge,
        Refusal::ContentType,
        Refusal::AcceptPost,
        Refusal::AcceptQuestion,
        Refusal::AcceptStream,
        Refusal::NoSession,
        Refusal::NoSessionInUrl,
        Refusal::SessionNotFound,
        Refusal::Version("1.0".into()),
        Refusal::Initialize("initialize must come alone"),
        Refusal::Toolset(UnknownToolset { name: "nonsense".into(), known: "sites, dns".into() }),
        Refusal::Batch,
        Refusal::Method("POST, GET"),
        Refusal::NotFound,
        Refusal::TimedOut(30),
        Refusal::Failed,
        Refusal::HubUnreachable,
        Refusal::GrantUnreachable,
        Refusal::Overloaded,
        Refusal::Unjudged,
        Refusal::NoSecret("no credential"),
        Refusal::Loop,
        Refusal::Upstream("`tickets` did not answer".into()),
        Refusal::UpstreamScope(
            "read upstream:tickets".into(),
            "Bearer error=\"insufficient_scope\", scope=\"read upstream:tickets\"".into(),
        ),
    ]
}

/// The place of a kind in [`Refusal`]. A new kind does not compile before it has one.
fn place(refusal: &Refusal) -> usize {
    match refusal {
        Refusal::NotConfigured => 0,
        Refusal::Misconfigured(_) => 1,
        Refusal::Unauthorized(_) => 2,
        Refusal::SignIn(..) => 3,
        Refusal::WrongCredential(_) => 4,
        Refusal::AccessOver(_) => 5,
        Refusal::Scope(_) => 6,
        Refusal::RateLimit(..) => 7,
        Refusal::TooManyAttempts(_) => 8,
        Refusal::QuotaUnreachable => 9,
        Refusal::TokenNotAccepted => 10,
        Refusal::TokenUnchecked => 11,
        Refusal::Rollout(..) => 12,
        Refusal::NotBound(_) => 13,
        Refusal::DatabaseFailed => 14,
        Refusal::IssuerUnreachable => 15,
        Refusal::Origin(_) => 16,
        Refusal::Body(_) => 17,
        Refusal::TooLarge => 18,
        Refusal::ContentType => 19,
        Refusal::AcceptPost => 20,
        Refusal::AcceptQuestion => 21,
        Refusal::AcceptStream => 22,
        Refusal::NoSession => 23,
        Refusal::NoSessionInUrl => 24,
        Refusal::SessionNotFound => 25,
        Refusal::Version(_) => 26,
        Refusal::Initialize(_) => 27,
        Refusal::Toolset(_) => 28,
        Refusal::Batch => 29,
        Refusal::Method(_) => 30,
        Refusal::NotFound => 31,
        Refusal::TimedOut(_) => 32,
        Refusal::Failed => 33,
        Refusal::HubUnreachable => 34,
        Refusal::GrantUnreachable => 35,
        Refusal::Overloaded => 36,
        Refusal::Unjudged => 37,
        Refusal::NoSecret(_) => 38,
        Refusal::Loop => 39,
        Refusal::Upstream(_) => 40,
        Refusal::UpstreamScope(..) => 41,
    }
}

#[test]
fn every_refusal_is_as_it_was() {
    let all = all();
    let mut places: Vec<usize> = all.iter().map(place).collect();
    places.dedup();
    assert_eq!(places, Vec::from_iter(0..=41), "one of each kind, in the order of the enum");
    let shown = all.iter().map(|refusal| {
        let header = refusal.header().map(|(name, value)| format!("\n{name}: {value}"));
        let body = String::from_utf8(refusal.body()).unwrap();
        format!("{refusal:?}\n{}{}\n{body}", refusal.status(), header.unwrap_or_default())
    });
    let shown = Vec::from_iter(shown).join("\n\n");
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false,
                            snapshot_path => "../../../tests/snapshots" }, {
        insta::assert_snapshot!("refusals", shown);
    });
}
