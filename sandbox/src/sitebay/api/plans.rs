//! Plans and regions; the later generation's. Prices and regions need no token.

use serde_json::{Value, json};

use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::data::World;
use crate::sitebay::route::{Outcome, Route, get};

pub(super) const ROUTES: &[Route] = &[
    get("/plan", plans).since_october(),
    get("/plan/pricing", plans).since_october().open(),
    get("/plan/{team_id}", of_team).since_october(),
    get("/region", regions).since_october().open(),
    get("/region/{region_id}", region).since_october().open(),
];

/// The plans with their price by the month.
const PLANS: [(&str, u64, u64); 4] =
    [("free", 0, 1), ("micro", 9, 3), ("starter", 29, 10), ("business", 99, 50)];
const REGIONS: [(&str, &str); 2] = [("eu-central", "Frankfurt"), ("us-east", "Virginia")];

fn plans(_: &mut World, _: &Ask<'_>) -> Outcome {
    let plan = |(name, price, sites): &(&str, u64, u64)| json!({ "name": name, "price": price, "interval": "month", "max_sites": sites });
    Ok(Reply::ok(&PLANS.iter().map(plan).collect()))
}

fn of_team(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let team = world.team(ask.uuid("team_id")?)?.view();
    Ok(Reply::ok(&json!({ "team_id": team.field("id"), "plan_type": team.field("plan_type") })))
}

fn regions(_: &mut World, _: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&REGIONS.iter().map(view).collect()))
}

fn region(_: &mut World, ask: &Ask<'_>) -> Outcome {
    let found = REGIONS.iter().find(|(id, _)| *id == ask.argument("region_id"));
    let found = found.map(|one| Reply::ok(&view(one)));
    found.ok_or_else(|| Reply::detail(404, "Region not found"))
}

fn view((id, name): &(&str, &str)) -> Value {
    json!({ "id": id, "name": name, "is_default": *id == "eu-central" })
}
