//! Requests for new keys.

use crate::stubs::named_keys::NewKey;
use mcp_auth::scope::Scopes;
use mcp_protocol::{fields::fields_or_null, object::Object, raw};

/// Characters that a name may have.
const MAX_NAME: usize = 64;
/// The longest life of a key: ten years, in seconds.
const MAX_LIFE: u64 = 10 * 365 * 24 * 60 * 60;

/// Reads the body of a request for a key: `name`, `scopes` (`["read"]` where there are none) and
/// `expiresIn`, in seconds.
///
/// # Errors
/// The problem, in words.
pub(super) fn parse_new_key(body: &str, now_s: u64) -> Result<NewKey, &'static str> {
    let names = ["name", "scopes", "expiresIn"];
    // `null` is no value of any of them: taken for a missing one it would be a key with the defaults.
    let found = fields_or_null(body, names).map_err(|_| "expected a JSON object")?;
    let [name, scopes, life] = found;
    let name = name.and_then(raw::string).filter(|name| is_name(name));
    let life =
        life.map(|life| raw::whole_number(life).filter(|life| (1..=MAX_LIFE).contains(life)));
    Ok(NewKey {
        name: name.ok_or("`name`: expected 1 to 64 printable characters")?,
        scopes: match scopes {
            Some(scopes) => all_known(scopes.get())
                .ok_or("`scopes`: expected some of `read`, `write`, `admin`")?,
            None => Scopes::READ,
        },
        expires: life
            .map(|life| life.ok_or("`expiresIn`: expected seconds, 1 to 315360000"))
            .transpose()?
            .map(|life| now_s.saturating_add(life)),
    })
}

/// The answer: the only time that the key is seen.
pub(super) fn created(id: &str, key: &str, wanted: &NewKey) -> String {
    let expires = wanted.expires.map_or("null".to_owned(), |at| at.to_string());
    Object::new()
        .text("id", id)
        .text("key", key)
        .text("name", &wanted.name)
        .text("scopes", &wanted.scopes.names())
        .raw("expires", &expires)
        .end()
}

pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

fn all_known(list: &str) -> Option<Scopes> {
    let names = raw::elements(list).ok()?;
    let mut all = Scopes::NONE;
    for name in names {
        let scopes = Scopes::named(&raw::text(name)?);
        if scopes == Scopes::NONE {
            return None;
        }
        all = all.with(scopes);
    }
    (all != Scopes::NONE).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_described_by_name_scopes_and_life() {
        let key =
            parse_new_key(r#"{"name":"ci","scopes":["write"],"expiresIn":60}"#, 1_000).unwrap();
        assert_eq!(
            (key.name.as_str(), key.scopes, key.expires),
            ("ci", Scopes::WRITE, Some(1_060))
        );
        let whole = parse_new_key(r#"{"name":"ci","expiresIn":60.0}"#, 1_000).unwrap();
        assert_eq!(whole.expires, Some(1_060));
        let least = parse_new_key(r#"{"name":"ü"}"#, 1_000).unwrap();
        assert_eq!((least.scopes, least.expires), (Scopes::READ, None));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (body, why) in [
            ("", "object"),
            ("[]", "object"),
            ("{}", "name"),
            (r#"{"name":""}"#, "name"),
            (r#"{"name":"a\u0000"}"#, "name"),
            (r#"{"name":7}"#, "name"),
            (r#"{"name":"a","scopes":"read"}"#, "scopes"),
            (r#"{"name":"a","scopes":[]}"#, "scopes"),
            (r#"{"name":"a","scopes":["read","root"]}"#, "scopes"),
            (r#"{"name":null}"#, "name"),
            (r#"{"name":"a","scopes":null}"#, "scopes"),
            (r#"{"name":"a","expiresIn":null}"#, "expiresIn"),
            (r#"{"name":"a","expiresIn":0}"#, "expiresIn"),
            (r#"{"name":"a","expiresIn":1.5}"#, "expiresIn"),
            (r#"{"name":"a","expiresIn":"1h"}"#, "expiresIn"),
            (r#"{"name":"a","expiresIn":1e99}"#, "expiresIn"),
        ] {
            let refused = parse_new_key(body, 1_000).err().unwrap_or_else(|| panic!("{body}"));
            assert!(refused.contains(why), "{body}: {refused}");
        }
    }
}
