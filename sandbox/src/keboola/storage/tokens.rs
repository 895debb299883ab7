//! Tokens: verifying the own one, and minting others.
//!
//! Chosen: only a token that may manage tokens sees and changes others; one without that mints
//! tokens that can do what it can itself, of which only description and expiry are taken. A share
//! by mail does nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::engine::clock::later;
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::body::Body;
use crate::keboola::data::{Token, World};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, delete, get, post, put};

pub(super) const ROUTES: &[Route] = &[
    get("tokens/verify", verify).in_branch(),
    get("tokens", list),
    post("tokens", mint),
    get("tokens/{token}", one),
    put("tokens/{token}", change),
    delete("tokens/{token}", remove),
    post("tokens/{token}/refresh", refresh),
    post("tokens/{token}/share", share),
];

fn verify(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let project = world.project(ask.project)?;
    Ok(Reply::ok(&ask.token()?.verified(project, ask.place.stack, ask.now)))
}

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    may_manage(ask)?;
    let tokens = world.tokens.iter().filter(|token| token.project == ask.project);
    let tokens = tokens.filter(|token| !token.is_bearer);
    Ok(Reply::ok(&tokens.map(|token| token.view(ask.now)).collect()))
}

fn may_manage(ask: &Ask<'_>) -> Result<(), Problem> {
    if ask.token()?.can_manage_tokens {
        return Ok(());
    }
    Err(Problem::denied("You don't have permission to manage tokens"))
}

fn mint(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let by = ask.token()?;
    let body = ask.body()?;
    let id = world.next_id();
    let mut token = Token {
        id,
        text: format!("{}-{id}-{}", ask.project, Uuid::new_v4().simple()),
        is_bearer: false,
        description: body.text("description")?.unwrap_or_default(),
        created: ask.now,
        refreshed: ask.now,
        expires: expiry(&body, ask)?,
        is_disabled: false,
        admin: None,
        can_manage_tokens: false,
        creator: Some(by.named()),
        ..by.clone()
    };
    if by.can_manage_tokens {
        token.can_manage_buckets = body.flag("canManageBuckets")?.unwrap_or(false);
        token.can_read_all_file_uploads = body.flag("canReadAllFileUploads")?.unwrap_or(false);
        token.can_purge_trash = body.flag("canPurgeTrash")?.unwrap_or(false);
        token.bucket_permissions = permissions(&body)?;
        token.component_access = body.texts("componentAccess")?;
    }
    // What is sent is shown now and never again.
    let mut view = token.view(ask.now);
    view.set("token", token.text.as_str());
    world.tokens.push(token);
    Ok(Reply::json(201, &view))
}

fn expiry(body: &Body, ask: &Ask<'_>) -> Result<Option<crate::engine::clock::Time>, Problem> {
    let seconds = body.whole("expiresIn")?;
    if seconds == Some(0) {
        return Err(Problem::invalid("Parameter \"expiresIn\" must be greater than 0"));
    }
    Ok(seconds.map(|seconds| later(ask.now, Duration::from_secs(seconds))))
}

fn permissions(body: &Body) -> Result<BTreeMap<String, String>, Problem> {
    let given = body.object("bucketPermissions")?.unwrap_or_default();
    let pairs = given.as_object().cloned().unwrap_or_default().into_iter();
    let pairs = pairs.map(|(bucket, permission)| match permission {
        Value::String(permission) if ["read", "write"].contains(&permission.as_str()) => {
            Ok((bucket, permission))
        }
        _ => Err(Problem::invalid(format!("Invalid permission for bucket \"{bucket}\""))),
    });
    pairs.collect()
}

/// The token of the path: any for one that manages tokens, else only itself.
fn found<'a>(world: &'a mut World, ask: &Ask<'_>) -> Result<&'a mut Token, Problem> {
    let id = ask.number("token");
    if ask.token()?.id != id {
        may_manage(ask)?;
    }
    let mut tokens = world.tokens.iter_mut();
    let token = tokens.find(|token| token.id == id && token.project == ask.project);
    token.ok_or_else(|| Problem::missing(format!("Token \"{id}\" not found")))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&found(world, ask)?.view(ask.now)))
}

fn change(world: &mut World, ask: &Ask<'_>) -> Outcome {
    may_manage(ask)?;
    let body = ask.body()?;
    let token = found(world, ask)?;
    if let Some(description) = body.text("description")? {
        token.description = description;
    }
    if body.get("bucketPermissions").is_some() {
        token.bucket_permissions = permissions(&body)?;
    }
    if body.get("componentAccess").is_some() {
        token.component_access = body.texts("componentAccess")?;
    }
    Ok(Reply::ok(&token.view(ask.now)))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = found(world, ask)?.id;
    world.tokens.retain(|token| token.id != id);
    Ok(Reply::empty(204))
}

fn refresh(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let token = found(world, ask)?;
    token.text = format!("{}-{}-{}", token.project, token.id, Uuid::new_v4().simple());
    token.refreshed = ask.now;
    let mut view = token.view(ask.now);
    view.set("token", token.text.as_str());
    Ok(Reply::ok(&view))
}

fn share(world: &mut World, ask: &Ask<'_>) -> Outcome {
    ask.body()?.required("recipientEmail")?;
    found(world, ask)?;
    Ok(Reply::empty(204))
}
