//! Who may do what with a stage.
//!
//! | scope | opens |
//! |---|---|
//! | `infrastructure:read` | tools that read |
//! | `infrastructure:write` | changes of stages that are not protected, plans |
//! | `infrastructure:admin` | changes of protected stages, destroying a stage |
//!
//! Each includes the ones before it. Keys and secrets of the operator and named keys have what their own scopes `read`, `write` and
//! `admin` say. A JWT or an OAuth token needs one of the names above, or `admin`: a person who signs in with an account of
//! another service has nothing here. Invariant: what is not opened is refused before anything is sent.

use mcp_auth::{principal::Principal, scope::Scopes, subject::AuthMethod};

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing.
    Nothing,
    /// Read.
    Read,
    /// Change stages that are not protected.
    Write,
    /// Everything that a caller of MCP may do.
    Admin,
}

/// The names of the scopes, with what they open.
const NAMES: [(&str, Level); 3] = [
    ("infrastructure:read", Level::Read),
    ("infrastructure:write", Level::Write),
    ("infrastructure:admin", Level::Admin),
];

/// Whether this is a scope of the toolset.
pub fn is_scope(name: &str) -> bool {
    NAMES.iter().any(|(known, _)| *known == name)
}

impl Level {
    /// The scope that opens it.
    pub(crate) fn scope(self) -> &'static str {
        NAMES.iter().find(|(_, level)| *level >= self).map_or("", |(name, _)| name)
    }

    /// What this caller may do.
    pub(crate) fn of(principal: &Principal) -> Self {
        let own = match principal.scopes {
            scopes if scopes.has(Scopes::ADMIN) => Self::Admin,
            scopes if scopes.has(Scopes::WRITE) => Self::Write,
            scopes if scopes.has(Scopes::READ) => Self::Read,
            _ => Self::Nothing,
        };
        match principal.auth_method {
            // Development without any key.
            AuthMethod::Open => Self::Admin,
            AuthMethod::ApiKey | AuthMethod::NamedKey | AuthMethod::Secret => own,
            AuthMethod::Jwt | AuthMethod::OAuth if own == Self::Admin => Self::Admin,
            AuthMethod::Jwt | AuthMethod::OAuth => {
                let had = NAMES.iter().filter(|(name, _)| principal.upstreams.has(name));
                had.map(|(_, level)| *level).max().unwrap_or(Self::Nothing)
            }
        }
    }

    /// Goes on where the caller may do so much.
    ///
    /// # Errors
    /// What is missing, in words.
    pub(crate) fn require(self, needed: Self, what: &str) -> Result<(), String> {
        if self >= needed {
            return Ok(());
        }
        let scope = needed.scope();
        let own = scope.rsplit(':').next().unwrap_or_default();
        Err(format!(
            "Nothing was done: {what} needs the scope `{scope}`, which this caller does not have. The operator can give it: to a JWT \
             by this name, to a named key by the scope `{own}`."
        ))
    }
}

#[cfg(test)]
mod tests {
    use mcp_auth::{subject::Subject, upstream_scopes::UpstreamScopes};

    use super::*;

    fn level(auth_method: AuthMethod, own: Scopes, named: &str) -> Level {
        Level::of(&Principal {
            auth_method,
            scopes: own,
            upstreams: UpstreamScopes::parse(named),
            ..Principal::without_rights(Subject([0; 16]))
        })
    }

    #[test]
    fn keys_of_the_operator_have_what_their_own_scopes_say() {
        for auth_method in [AuthMethod::ApiKey, AuthMethod::NamedKey, AuthMethod::Secret] {
            assert_eq!(level(auth_method, Scopes::NONE, "infrastructure:admin"), Level::Nothing);
            assert_eq!(level(auth_method, Scopes::READ, ""), Level::Read);
            assert_eq!(level(auth_method, Scopes::WRITE, ""), Level::Write);
            assert_eq!(level(auth_method, Scopes::ADMIN, ""), Level::Admin);
        }
    }

    #[test]
    fn who_signs_in_or_brings_a_jwt_has_nothing_without_a_scope_by_name() {
        for auth_method in [AuthMethod::Jwt, AuthMethod::OAuth] {
            assert_eq!(level(auth_method, Scopes::WRITE, "upstream:keboola"), Level::Nothing);
            assert_eq!(level(auth_method, Scopes::WRITE, "infrastructure"), Level::Nothing);
            assert_eq!(level(auth_method, Scopes::READ, "infrastructure:read"), Level::Read);
            let both = "infrastructure:write infrastructure:read";
            assert_eq!(level(auth_method, Scopes::WRITE, both), Level::Write);
            assert_eq!(level(auth_method, Scopes::WRITE, "infrastructure:admin"), Level::Admin);
            assert_eq!(level(auth_method, Scopes::ADMIN, ""), Level::Admin);
        }
    }

    #[test]
    fn a_refusal_names_the_scope() {
        assert_eq!(Level::Read.require(Level::Read, "this"), Ok(()));
        assert_eq!(Level::Admin.require(Level::Write, "this"), Ok(()));
        let why = Level::Read.require(Level::Write, "this").unwrap_err();
        assert!(why.contains("`infrastructure:write`") && why.contains("`write`"), "{why}");
        assert!(is_scope("infrastructure:admin") && !is_scope("infrastructure"));
    }
}
