//! The account's user and those the account has referred.

use serde_json::{Value, json};
use uuid::Uuid;

use super::sample_id;
use super::team::Team;
use crate::engine::clock;
use crate::engine::json::Fields as _;

/// The user the account belongs to.
pub(crate) fn owner_id() -> Uuid {
    sample_id(0x05e4, 1)
}

/// The account's user as the API shows it inside other objects.
pub(crate) fn owner() -> Value {
    person(owner_id(), "jane@example.com", "Jane", "Smith", true)
}

/// A referred user as the API shows it; the first has led to a payout.
pub(crate) fn affiliate(number: u64) -> Value {
    let id = sample_id(0x0aff, number);
    let paid = number == 1;
    let mut view = match number {
        1 => person(id, "ada@example.com", "Ada", "Moreno", true),
        _ => person(id, "noor@example.com", "Noor", "Haddad", false),
    };
    let payouts = if paid {
        vec![json!({
            "amount": 1500,
            "currency": "usd",
            "bonus": false,
            "user": view.clone(),
            "team": Team::sample(3, "Ada's team", true).view(),
        })]
    } else {
        Vec::new()
    };
    view.set("referral_url", Value::from("https://my.sitebay.org/?ref=jane"));
    view.set("affiliate_payouts", Value::from(payouts));
    view
}

fn person(id: Uuid, email: &str, first: &str, last: &str, verified: bool) -> Value {
    json!({
        "id": id,
        "email": email,
        "is_active": true,
        "is_superuser": false,
        "is_verified": verified,
        "full_name": format!("{first} {last}"),
        "first_name": first,
        "last_name": last,
        "created_at": clock::text(clock::sample(0)),
        "is_payment_verified": verified,
        "posthog_user_id": verified.then_some(42),
    })
}
