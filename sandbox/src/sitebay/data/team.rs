//! Teams.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{sample_id, user};
use crate::engine::clock::{self, Time};

/// A team that sites belong to.
#[derive(Debug)]
pub(crate) struct Team {
    /// Its id.
    pub(crate) id: Uuid,
    /// Its name.
    pub(crate) name: String,
    /// Whether it is the account's default.
    pub(crate) is_default: bool,
    /// Its time zone.
    pub(crate) timezone: String,
    /// The open invitations.
    pub(crate) invites: Vec<Invite>,
    /// The e-mail addresses of those in it besides the owner, by their user's id.
    pub(crate) members: Vec<(Uuid, String)>,
    number: u64,
}

/// An invitation to a team.
#[derive(Debug)]
pub(crate) struct Invite {
    /// Its id.
    pub(crate) id: Uuid,
    /// The invited person.
    pub(crate) email: String,
    /// When.
    pub(crate) created_at: Time,
}

impl Invite {
    /// The invitation as the API shows it.
    pub(crate) fn view(&self, team: &Team) -> Value {
        json!({
            "id": self.id,
            "email": self.email,
            "team_id": team.id,
            "team_name": team.name,
            "status": "pending",
            "created_at": clock::text(self.created_at),
        })
    }
}

impl Team {
    /// A team of the sample data; the default one has a paid plan, the others are free.
    pub(crate) fn sample(number: u64, name: &str, is_default: bool) -> Self {
        let members = vec![(sample_id(0x3e3b, number), format!("member-{number}@example.com"))];
        Self {
            id: sample_id(0x7ea0, number),
            name: name.to_owned(),
            is_default,
            timezone: "UTC".to_owned(),
            invites: Vec::new(),
            members,
            number,
        }
    }

    /// The team as the API shows it.
    pub(crate) fn view(&self) -> Value {
        let paid = self.is_default;
        let plan = if paid { "starter" } else { "free" };
        let cycle = |minutes| clock::text(clock::sample(minutes));
        json!({
            "id": self.id,
            "grafana_org_id": self.number,
            "posthog_team_id": self.number,
            "tenant_id": format!("tenant-{}", self.number),
            "user_id": user::owner_id(),
            "name": self.name,
            "timezone": self.timezone,
            "created_at": clock::text(clock::sample(self.number)),
            "user": user::owner(),
            "additional_sites": 0,
            "plan_type_name": plan,
            "sub_id": paid.then(|| format!("sub_sample{}", self.number)),
            "interval": paid.then_some("month"),
            "currency": paid.then_some("usd"),
            "cancel_at_period_end": false,
            "should_allow_shopify_payment": false,
            "current_cycle_visits": 1200,
            "storage_usage": 2048,
            "current_cycle_bandwidth": 4096,
            "cycle_start": paid.then(|| cycle(0)),
            "cycle_end": paid.then(|| cycle(43_200)),
            "trial_ends_on": null,
            "plan_type": {
                "name": plan,
                "max_sites": if paid { 10 } else { 1 },
                "price": if paid { 29 } else { 0 },
            },
            "visits_usage_percentage": 12,
            "storage_usage_percentage": 20,
            "is_active": true,
            "is_expired": false,
            "cancel_at": null,
            "is_default": self.is_default,
        })
    }
}
