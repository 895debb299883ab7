//! The tokens of a project.

use std::collections::BTreeMap;

use crate::engine::clock::{Time, minutes_after, sample};
use crate::keboola::data::{Admin, Project, Token};

/// The names of the tokens that every project has, in the order of their ids.
const NAMES: [&str; 8] =
    ["master", "share", "readonly", "guest", "limited", "expired", "disabled", "roleless"];

/// The id of a token.
pub(super) fn id(project: u64, number: u64) -> u64 {
    project.saturating_mul(100).saturating_add(number)
}

/// What is sent for a token, such as `101-10101-sandbox-master`.
pub(crate) fn text(project: u64, name: &str) -> String {
    let numbers = (1_u64..).zip(NAMES);
    let number = numbers.filter(|(_, known)| *known == name).map(|(number, _)| number).next();
    format!("{project}-{}-sandbox-{name}", id(project, number.unwrap_or_default()))
}

/// All tokens of a project.
pub(super) fn all(project: &Project, now: Time) -> Vec<Token> {
    (1_u64..).zip(NAMES).map(|(number, name)| token(project.id, number, name, now)).collect()
}

fn token(project: u64, number: u64, name: &str, now: Time) -> Token {
    let role = match name {
        "master" | "expired" | "disabled" => Some("admin"),
        "share" => Some("share"),
        "readonly" => Some("readonly"),
        "guest" => Some("guest"),
        _ => None,
    };
    let is_limited = name == "limited";
    let admin = (!is_limited).then(|| Admin {
        id: id(project, number.saturating_add(50)),
        name: format!("Person {number}"),
        role,
    });
    let may_manage = !is_limited && name != "readonly";
    let permissions = if is_limited {
        let permissions = [("in.c-main", "read"), ("out.c-results", "write")];
        permissions.map(|(bucket, permission)| (bucket.to_owned(), permission.to_owned())).into()
    } else {
        BTreeMap::new()
    };
    Token {
        id: id(project, number),
        project,
        text: text(project, name),
        is_bearer: false,
        description: name.to_owned(),
        created: sample(number),
        refreshed: sample(number),
        expires: match name {
            "expired" => Some(sample(60)),
            "limited" => Some(minutes_after(now, 60 * 24 * 30)),
            _ => None,
        },
        is_disabled: name == "disabled",
        admin,
        can_manage_buckets: may_manage,
        can_manage_tokens: may_manage && name != "guest",
        can_read_all_file_uploads: may_manage,
        can_purge_trash: may_manage,
        bucket_permissions: permissions,
        component_access: if is_limited { vec!["keboola.ex-http".to_owned()] } else { vec![] },
        creator: is_limited.then(|| (id(project, 1), "master".to_owned())),
    }
}
