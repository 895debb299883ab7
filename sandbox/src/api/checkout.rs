//! The checkout for a paid plan.

use serde_json::json;
use uuid::Uuid;

use super::Outcome;
use crate::call::Call;
use crate::check::{one_of, string};
use crate::data::World;
use crate::form::Form;
use crate::reply::Reply;

/// Makes a checkout session and answers its address, which leads nowhere.
pub(super) fn create(world: &World, call: &Call) -> Outcome {
    let mut form = Form::body(call)?;
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
