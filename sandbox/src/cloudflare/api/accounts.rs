//! Who the token is, and which accounts and zones it sees.
//!
//! Known: the shape of verifying. Inferred: a token that has ended is still verified, with its status;
//! that of an account is unknown at `/user/tokens/verify`.

use serde_json::{Value, json};

use crate::cloudflare::access::{Owner, Product};
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::World;
use crate::cloudflare::paging::{Totals, numbered};
use crate::cloudflare::problem::{Problem, success};
use crate::cloudflare::route::{Outcome, Route, get, open};

pub(super) const ROUTES: &[Route] = &[
    open("user/tokens/verify", verify_user),
    open("accounts/{account}/tokens/verify", verify_account),
    get("user/tokens/{token}", Product::ApiTokens, token),
    open("user", user),
    open("memberships", memberships),
    open("accounts", list),
    open("accounts/{account}", one),
    get("zones", Product::Zone, zones),
    get("zones/{zone}", Product::Zone, zone),
];

fn verify_user(_: &mut World, ask: &Ask<'_>) -> Outcome {
    verify(ask, &Owner::User)
}

fn verify_account(_: &mut World, ask: &Ask<'_>) -> Outcome {
    verify(ask, &Owner::Account)
}

fn verify(ask: &Ask<'_>, owner: &Owner) -> Outcome {
    if ask.token.owner != *owner {
        return Err(Problem::new(401, 1000, "Invalid API Token"));
    }
    Ok(success(&ask.token.verified(ask.now)))
}

fn token(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("token");
    let found = world.tokens.iter().find(|token| token.id == id);
    let found = found.ok_or_else(|| Problem::new(404, 1003, "Token not found"))?;
    Ok(success(&found.view(ask.now)))
}

fn user(_: &mut World, _: &Ask<'_>) -> Outcome {
    let view = json!({ "id": "0".repeat(32), "email": "developer@example.com" });
    Ok(success(&view))
}

fn memberships(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let seen = world.accounts.iter().filter(|account| ask.token.accounts.contains(&account.id));
    let views = seen.map(
        |account| json!({ "id": account.id, "status": "accepted", "account": account.view() }),
    );
    let views = views.collect();
    numbered(ask, views, (20, 50), Totals::Pages)
}

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let seen = world.accounts.iter().filter(|account| ask.token.accounts.contains(&account.id));
    let views = seen.map(|account| account.view()).collect();
    numbered(ask, views, (20, 50), Totals::Pages)
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(success(&world.account(&ask.account)?.view()))
}

fn zones(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let name = ask.param("name");
    let mut views: Vec<Value> = Vec::new();
    for account in &world.accounts {
        if ask.token.accounts.contains(&account.id) {
            let fits = account.zones.iter();
            let fits = fits.filter(|zone| name.as_ref().is_none_or(|name| *name == zone.name));
            views.extend(fits.map(|zone| zone.view(&account.id, &account.name)));
        }
    }
    numbered(ask, views, (20, 50), Totals::Pages)
}

fn zone(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("zone");
    let account = world.account(&ask.account)?;
    let zone = account.zones.iter().find(|zone| zone.id == id).ok_or_else(Problem::denied)?;
    Ok(success(&zone.view(&account.id, &account.name)))
}
