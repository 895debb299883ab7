//! Tokens and what they may do.
//!
//! A token has permission groups by name, such as `D1 Read`, for whole accounts: there is none for a
//! single Worker or database. Inferred: a group that writes also reads; workflows have no group of
//! their own and count as Workers Scripts; an unknown, expired or disabled token is a 401, and a
//! known one without the permission a 403, both with 10000.

use serde_json::{Value, json};

use crate::cloudflare::problem::Problem;
use crate::engine::call::Call;
use crate::engine::clock::{self, Time};
use crate::engine::json::Fields as _;

/// A product that permissions are given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    Account,
    Analytics,
    ApiTokens,
    D1,
    Kv,
    Notifications,
    Queues,
    R2,
    Routes,
    Scripts,
    Tail,
    Zone,
}

/// How much a permission allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Read,
    Write,
}

/// All products, with the names that permission groups begin with.
pub(crate) const PRODUCTS: &[(Product, &str)] = &[
    (Product::Account, "Account Settings"),
    (Product::Analytics, "Account Analytics"),
    (Product::ApiTokens, "API Tokens"),
    (Product::D1, "D1"),
    (Product::Kv, "Workers KV Storage"),
    (Product::Notifications, "Notifications"),
    (Product::Queues, "Queues"),
    (Product::R2, "Workers R2 Storage"),
    (Product::Routes, "Workers Routes"),
    (Product::Scripts, "Workers Scripts"),
    (Product::Tail, "Workers Tail"),
    (Product::Zone, "Zone"),
];

impl Product {
    /// The code of a body or a parameter that does not fit. Known: D1's. Inferred: the others.
    pub(crate) fn invalid(self) -> u32 {
        match self {
            Self::D1 => 7400,
            Self::R2 => 10005,
            Self::Kv => 10019,
            Self::Queues => 10026,
            Self::Notifications => 17103,
            Self::Scripts | Self::Tail => 10021,
            _ => 1001,
        }
    }
}

/// Which side of Cloudflare a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A user's, checked at `/user/tokens/verify`.
    User,
    /// An account's, checked at `/accounts/{id}/tokens/verify`.
    Account,
}

/// A token.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// Its id, which is no secret.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// The credential.
    pub(crate) text: String,
    /// Whose it is.
    pub(crate) owner: Owner,
    /// The accounts it is for.
    pub(crate) accounts: Vec<String>,
    /// What it may do.
    pub(crate) permissions: Vec<(Product, Level)>,
    /// When it ends.
    pub(crate) expires: Option<Time>,
    /// Whether it was disabled.
    pub(crate) is_disabled: bool,
}

impl Token {
    /// Whether it may do something.
    pub(crate) fn may(&self, product: Product, level: Level) -> bool {
        let mut held = self.permissions.iter();
        held.any(|(held, up_to)| *held == product && *up_to >= level)
    }

    /// `active`, `disabled` or `expired`.
    pub(crate) fn status(&self, now: Time) -> &'static str {
        match self.expires {
            _ if self.is_disabled => "disabled",
            Some(end) if end <= now => "expired",
            _ => "active",
        }
    }

    /// The names of its permission groups.
    pub(crate) fn groups(&self) -> Vec<String> {
        self.permissions.iter().map(|(product, level)| group(*product, *level)).collect()
    }

    /// What verifying it shows.
    pub(crate) fn verified(&self, now: Time) -> Value {
        let mut view = json!({ "id": self.id, "status": self.status(now) });
        if let Some(end) = self.expires {
            view.set("expires_on", clock::text(end));
        }
        view
    }

    /// What reading it shows: everything but the credential.
    pub(crate) fn view(&self, now: Time) -> Value {
        let resources: serde_json::Map<_, _> = self
            .accounts
            .iter()
            .map(|id| (format!("com.cloudflare.api.account.{id}"), json!("*")))
            .collect();
        let groups = self.groups().into_iter().map(|name| json!({ "name": name }));
        let mut view = self.verified(now);
        view.set("name", self.name.as_str());
        let policy = json!({
            "effect": "allow",
            "resources": resources,
            "permission_groups": groups.collect::<Value>(),
        });
        view.set("policies", json!([policy]));
        view
    }
}

/// The name of a permission group.
fn group(product: Product, level: Level) -> String {
    let found = PRODUCTS.iter().find(|(known, _)| *known == product);
    let name = found.map(|(_, name)| *name).unwrap_or_default();
    format!("{name} {}", if level == Level::Write { "Write" } else { "Read" })
}

/// The permission of a group by its name; `Edit` is what the dashboard calls `Write`.
pub(crate) fn permission(name: &str) -> Option<(Product, Level)> {
    let (product, level) = name.rsplit_once(' ')?;
    let level = match level {
        "Read" => Level::Read,
        "Write" | "Edit" => Level::Write,
        _ => return None,
    };
    let found = PRODUCTS.iter().find(|(_, known)| *known == product);
    found.map(|(product, _)| (*product, level))
}

/// The credential of a request.
pub(crate) fn sent(call: &Call) -> Result<&str, Problem> {
    let Some(header) = call.header("authorization") else {
        let text = "Missing X-Auth-Key, X-Auth-Email or Authorization headers";
        return Err(Problem::new(400, 9106, text));
    };
    let bearer = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match bearer.map(|(_, token)| token.trim()) {
        Some(token) if !token.is_empty() => Ok(token),
        _ => {
            let mut problem = Problem::new(400, 6003, "Invalid request headers");
            problem.cause = Some((6111, "Invalid format for Authorization header"));
            Err(problem)
        }
    }
}
