//! The tokens, by name.

use crate::cloudflare::access::{Level, Owner, PRODUCTS, Token, permission};
use crate::cloudflare::data::samples::{ACCOUNT, OTHER_ACCOUNT};
use crate::cloudflare::ids::Ids;
use crate::engine::clock::{Time, minutes_before};

const STATUS: &[&str] = &[
    "Account Analytics Read",
    "D1 Read",
    "Queues Read",
    "Workers KV Storage Read",
    "Workers R2 Storage Read",
    "Workers Routes Read",
    "Workers Scripts Read",
    "Zone Read",
];

const CHANGE: &[&str] = &[
    "Account Analytics Read",
    "Account Settings Read",
    "D1 Write",
    "Notifications Write",
    "Queues Write",
    "Workers KV Storage Write",
    "Workers R2 Storage Write",
    "Workers Routes Write",
    "Workers Scripts Write",
    "Zone Read",
];

const CI: &[&str] = &[
    "Account Settings Write",
    "D1 Write",
    "Queues Write",
    "Workers KV Storage Write",
    "Workers R2 Storage Write",
    "Workers Routes Write",
    "Workers Scripts Write",
    "Workers Tail Read",
    "Zone Read",
];

/// The names of the tokens of the sample account, with their permission groups.
const TOKENS: &[(&str, &[&str])] = &[
    ("change", CHANGE),
    ("read", STATUS),
    ("query", &["D1 Read"]),
    ("objects", &["Workers R2 Storage Read"]),
    ("workflow", &["Workers Scripts Write"]),
    ("analytics", &["Account Analytics Read"]),
    ("ci", CI),
    ("nothing", &[]),
    ("expired", STATUS),
    ("disabled", STATUS),
    ("account", STATUS),
];

/// The credential of a token by its name.
pub(crate) fn token_text(name: &str) -> String {
    format!("sandbox-cloudflare-token-{name:-<15}")
}

/// All tokens.
pub(crate) fn tokens(ids: &mut Ids, now: Time) -> Vec<Token> {
    let mut all: Vec<_> = TOKENS.iter().map(|(name, groups)| token(ids, name, groups)).collect();
    for token in &mut all {
        token.is_disabled = token.name == "disabled";
        token.expires = (token.name == "expired").then(|| minutes_before(now, 1440));
        if token.name == "account" {
            token.owner = Owner::Account;
        }
    }
    let everything = PRODUCTS.iter().map(|(product, _)| (*product, Level::Write)).collect();
    all.push(Token { permissions: everything, ..token(ids, "all", &[]) });
    let other = token(ids, "other", CHANGE);
    all.push(Token { accounts: vec![OTHER_ACCOUNT.to_owned()], ..other });
    all
}

fn token(ids: &mut Ids, name: &str, groups: &[&str]) -> Token {
    Token {
        id: ids.hex(),
        name: name.to_owned(),
        text: token_text(name),
        owner: Owner::User,
        accounts: vec![ACCOUNT.to_owned()],
        permissions: groups.iter().filter_map(|group| permission(group)).collect(),
        expires: None,
        is_disabled: false,
    }
}
