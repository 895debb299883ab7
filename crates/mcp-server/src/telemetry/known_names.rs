//! Names that records and counters may carry: known ones. A client chooses none.

use mcp_auth::refusal::Refusal;

/// The label of unknown names.
pub const OTHER: &str = "other";

/// The methods of this server, what is no request, and those of HTTP, for what is no JSON-RPC.
static METHODS: [&str; 30] = [
    "tools/call",
    "tools/list",
    "initialize",
    "notifications/initialized",
    "POST",
    "GET",
    "DELETE",
    "OPTIONS",
    "PUT",
    "HEAD",
    "server/discover",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "completion/complete",
    "subscriptions/listen",
    "tasks/get",
    "tasks/update",
    "tasks/cancel",
    "logging/setLevel",
    "ping",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/roots/list_changed",
    "response",
    "batch",
];

/// The known name of a method.
pub fn method(name: &str) -> &'static str {
    METHODS.iter().find(|known| **known == name).copied().unwrap_or(OTHER)
}

/// The name of a refusal in log lines, counters and the audit.
pub fn refusal(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotConfigured => "not-configured",
        Refusal::Misconfigured(_) | Refusal::Unjudged => "misconfigured",
        Refusal::Unauthorized(_) | Refusal::NoSecret(_) | Refusal::SignIn(..) => "no-credential",
        Refusal::WrongCredential(_) => "wrong-credential",
        Refusal::AccessOver(_) => "access-over",
        Refusal::Scope(_) | Refusal::UpstreamScope(..) => "beyond-scope",
        Refusal::RateLimit(..) => "rate-limit",
        Refusal::TooManyAttempts(_) => "too-many-attempts",
        Refusal::TokenNotAccepted => "token-not-accepted",
        Refusal::TokenUnchecked => "token-unchecked",
        Refusal::QuotaUnreachable => "quota-unreachable",
        Refusal::Rollout(..) => "rollout",
        Refusal::NotBound(_) => "not-bound",
        Refusal::DatabaseFailed => "database-failed",
        Refusal::IssuerUnreachable => "issuer-unreachable",
        Refusal::Origin(_) => "origin",
        Refusal::Body(_) => "body",
        Refusal::TooLarge => "too-large",
        Refusal::ContentType => "content-type",
        Refusal::AcceptPost | Refusal::AcceptQuestion | Refusal::AcceptStream => "accept",
        Refusal::NoSession | Refusal::NoSessionInUrl => "no-session",
        Refusal::SessionNotFound => "session-not-found",
        Refusal::Version(_) => "version",
        Refusal::Initialize(_) => "initialize",
        Refusal::Toolset(_) => "toolset",
        Refusal::Batch => "batch",
        Refusal::Method(_) => "http-method",
        Refusal::NotFound => "not-found",
        Refusal::TimedOut(_) => "object-timed-out",
        Refusal::Loop => "loop",
        Refusal::Upstream(_) => "upstream",
        Refusal::Failed => "object-failed",
        Refusal::HubUnreachable => "hub-unreachable",
        Refusal::GrantUnreachable => "grant-unreachable",
        Refusal::Overloaded => "object-overloaded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_protocol::stateless::method::Method;

    #[test]
    fn every_method_without_a_session_has_its_name() {
        for known in Method::ALL.map(Method::as_str) {
            assert_eq!(method(known), known);
        }
    }

    #[test]
    fn a_method_that_nobody_knows_has_no_name() {
        assert_eq!(method("tools/call"), "tools/call");
        assert_eq!(method("notifications/cancelled"), "notifications/cancelled");
        assert_eq!((method("secret\n"), method("")), (OTHER, OTHER));
    }
}
