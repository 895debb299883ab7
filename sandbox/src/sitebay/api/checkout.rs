//! The checkout for a paid plan.

use serde_json::json;
use uuid::Uuid;

use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{one_of, string};
use crate::sitebay::data::World;
use crate::sitebay::route::{Outcome, Route, post};

pub(super) const ROUTES: &[Route] = &[post("/create_checkout_session", create)];

/// Makes a checkout session and answers its address, which leads nowhere.
fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let plan = form.given("plan_name", one_of(&["free", "micro", "starter", "business"]));
    let interval = form.given("interval", one_of(&["month", "year"]));
    let team = form.required("for_team_id", string);
    form.finish()?;

    // The contract asks for text, not for a UUID: what is none is a team that does not exist.
    let team = Uuid::parse_str(&team).unwrap_or_default();
    world.require_team(team)?;
    let plan = plan.as_deref().unwrap_or("starter");
    let interval = interval.as_deref().unwrap_or("month");
    let session = Uuid::new_v4().simple();
    let url = format!("https://checkout.example.com/c/pay/cs_test_{session}#{plan}-{interval}");
    Ok(Reply::ok(&json!({ "url": url })))
}
