//! The fields of a JSON object, found by name in one scan, as the text they were sent in.
//!
//! One scanner for all messages: a derived reader for each of them, in each of its forms, would be a
//! fifth of the bundle.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Error, value::RawValue};

/// The fields of these names, in their order; None where one is missing or `null`.
///
/// # Errors
/// Where the text is no object, or has one of them twice.
pub fn fields<'a, const N: usize>(
    text: &'a str,
    names: [&'static str; N],
) -> Result<[Option<&'a RawValue>; N], Error> {
    let mut found = fields_or_null(text, names)?;
    for field in &mut found {
        *field = field.filter(|raw| raw.get() != "null");
    }
    Ok(found)
}

/// The same where `null` is not as good as missing.
///
/// # Errors
/// Where the text is no object, or has one of them twice.
pub fn fields_or_null<'a, const N: usize>(
    text: &'a str,
    names: [&'static str; N],
) -> Result<[Option<&'a RawValue>; N], Error> {
    let mut found = [None; N];
    scan(text, Scan { names: &names, found: &mut found })?;
    Ok(found)
}

fn scan<'a>(text: &'a str, scan: Scan<'_, 'a>) -> Result<(), Error> {
    let mut from = serde_json::Deserializer::from_str(text);
    from.deserialize_map(scan)?;
    from.end()
}

/// The requested names, and the values found so far.
struct Scan<'s, 'a> {
    names: &'s [&'static str],
    found: &'s mut [Option<&'a RawValue>],
}

impl<'a> Visitor<'a> for Scan<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(place) = map.next_key_seed(Place(self.names))? {
            let wanted = place.and_then(|place| {
                Some((self.found.get_mut(place)?, self.names.get(place).copied()?))
            });
            match wanted {
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some((Some(_), name)) => return Err(A::Error::duplicate_field(name)),
                Some((found, _)) => *found = Some(map.next_value()?),
            }
        }
        Ok(())
    }
}

/// Reads a name as its place among those that are looked for.
struct Place<'s>(&'s [&'static str]);

impl<'a> DeserializeSeed<'a> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'a>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|wanted| *wanted == name))
    }
}

/// All fields by name, in their order.
///
/// # Errors
/// Where the text is no object.
pub fn entries(text: &str) -> Result<Vec<(String, &RawValue)>, Error> {
    let mut from = serde_json::Deserializer::from_str(text);
    let entries = from.deserialize_map(All)?;
    from.end().map(|()| entries)
}

struct All;

impl<'a> Visitor<'a> for All {
    type Value = Vec<(String, &'a RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_in_their_order_and_as_they_were_sent() {
        let text = r#" {"b":{ "x" : 1 },"other":[1],"\u0061":"A"} "#;
        let [a, b, c] = fields(text, ["a", "b", "c"]).unwrap();
        assert_eq!((a.unwrap().get(), b.unwrap().get()), ("\"A\"", r#"{ "x" : 1 }"#));
        assert!(c.is_none());
    }

    #[test]
    fn null_is_as_good_as_missing_but_where_it_is_not() {
        let text = r#"{"a":null}"#;
        assert!(fields(text, ["a"]).unwrap()[0].is_none());
        assert_eq!(fields_or_null(text, ["a"]).unwrap()[0].unwrap().get(), "null");
    }

    #[test]
    fn what_is_named_twice_is_refused_but_not_what_nobody_reads() {
        let error = fields(r#"{"a":null,"a":1}"#, ["a"]).unwrap_err();
        assert!(error.to_string().contains("duplicate field `a`"), "{error}");
        assert!(fields(r#"{"x":1,"x":2}"#, ["a"]).is_ok());
    }

    #[test]
    fn entries_are_all_fields() {
        let all = entries(r#"{"b":1,"a":[ ],"b":2}"#).unwrap();
        let all: Vec<(&str, &str)> = all.iter().map(|(name, raw)| (&**name, raw.get())).collect();
        assert_eq!(all, [("b", "1"), ("a", "[ ]"), ("b", "2")]);
        assert!(entries("[]").is_err());
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["[1]", "1", "null", "\"a\"", "{\"a\":1} x", "{\"a\":", "{\"x\":[1,}", ""] {
            assert!(fields(text, ["a"]).is_err(), "{text}");
        }
    }
}
