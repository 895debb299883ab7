//! Who asks, and whether that is enough.
//!
//! Chosen where nothing is known: an expired or a disabled token is a 401 like an unknown one,
//! with a text of its own, and a token of a disabled project is a 403. A token that is sent as a
//! bearer, or a bearer as a token, is unknown. A token that may manage buckets reaches all of
//! its project's buckets and components, as a master token does.

use crate::engine::call::Call;
use crate::engine::clock::Time;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Token, World};
use crate::keboola::place::Place;
use crate::keboola::problem::Problem;
use crate::keboola::route::Access;

/// The services that take only tokens of Storage. They hand the token on to Storage as one.
const TOKEN_ONLY: [&str; 3] = ["queue", "ai", "sync-actions"];

/// Finds the token of a request, and checks that it may do what the operation does.
pub(crate) fn identify(
    world: &World,
    call: &Call,
    place: &Place,
    access: Access,
) -> Result<Token, Problem> {
    let now = world.clock.now();
    let (sent, is_bearer) = sent(call)?;
    if is_bearer && TOKEN_ONLY.contains(&place.service) {
        return Err(unknown("Invalid access token"));
    }
    let token = world.tokens.iter().find(|token| {
        token.text == sent && token.is_bearer == is_bearer && is_of(world, token, place)
    });
    let token = token.ok_or_else(|| unknown("Invalid access token"))?;
    check(world, token, access, now)?;
    Ok(token.clone())
}

/// What is sent. Where both are, the token of Storage counts.
fn sent(call: &Call) -> Result<(&str, bool), Problem> {
    let none = || Problem::new(401, "", "Access token must be set");
    if let Some(token) = call.header("x-storageapi-token") {
        return Ok((token, false));
    }
    let (scheme, token) =
        call.header("authorization").and_then(|value| value.split_once(' ')).ok_or_else(none)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok((token.trim(), true)) } else { Err(none()) }
}

fn is_of(world: &World, token: &Token, place: &Place) -> bool {
    world.project(token.project).is_ok_and(|project| project.stack == place.stack.name)
}

fn check(world: &World, token: &Token, access: Access, now: Time) -> Result<(), Problem> {
    if token.is_expired(now) {
        return Err(unknown("Access token has expired"));
    }
    if token.is_disabled {
        return Err(unknown("Access token is disabled"));
    }
    if world.project(token.project)?.is_disabled {
        return Err(Problem::denied("Project is disabled"));
    }
    if access == Access::Write && !token.may_write() {
        return Err(Problem::denied("You don't have access to the resource."));
    }
    Ok(())
}

fn unknown(text: &str) -> Problem {
    Problem::new(401, "storage.tokenInvalid", text)
}

impl Ask<'_> {
    /// Fails where the token may not read a bucket.
    pub(crate) fn may_read(&self, bucket: &str) -> Result<(), Problem> {
        let allowed = self.token()?.may_read(bucket);
        if allowed { Ok(()) } else { Err(no_access(bucket)) }
    }

    /// Fails where the token may not change a bucket.
    pub(crate) fn may_change(&self, bucket: &str) -> Result<(), Problem> {
        let allowed = self.token()?.may_change(bucket);
        if allowed { Ok(()) } else { Err(no_access(bucket)) }
    }

    /// Fails where the token may not use a component.
    pub(crate) fn may_use(&self, component: &str) -> Result<(), Problem> {
        if self.token()?.may_use(component) {
            return Ok(());
        }
        Err(Problem::denied(format!("You don't have access to the component \"{component}\"")))
    }

    /// Fails for a token that may not manage buckets.
    pub(crate) fn may_manage_buckets(&self) -> Result<(), Problem> {
        if self.token()?.can_manage_buckets {
            return Ok(());
        }
        Err(Problem::denied("You don't have permission to manage buckets"))
    }
}

fn no_access(bucket: &str) -> Problem {
    Problem::new(
        403,
        "storage.accessDenied",
        format!("You don't have access to bucket \"{bucket}\""),
    )
}
