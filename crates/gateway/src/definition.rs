//! Definitions of tools, prompts, resources and templates, as the common door lists them.
//!
//! Invariant: the name, or the URI, is replaced, and the URI of a tool's own view; every other byte is as the upstream sent
//! it. The door of a single upstream lists definitions as they are.

use mcp_protocol::{fields::fields, list_kind::ListKind, raw, splice::Splice};
use serde_json::value::RawValue;

use crate::names::exposed_uri;

/// A tool or a prompt under the name with which it is exposed. None: the text is no object with one name.
pub fn named(kind: ListKind, upstream: &str, exposed: &str, text: &str) -> Option<String> {
    let [name, meta] = fields(text, ["name", "_meta"]).ok()?;
    let mut splice = Splice::new(text);
    splice.replace_text(name?, exposed);
    if let (ListKind::Tools, Some(meta)) = (kind, meta) {
        for uri in view_uris(meta) {
            prefix(&mut splice, upstream, uri);
        }
    }
    Some(splice.end().into_owned())
}

/// A tool under another name, and nothing else of it. None: the text is no object with one name.
pub fn renamed(name: &str, text: &str) -> Option<String> {
    let [own] = fields(text, ["name"]).ok()?;
    let mut splice = Splice::new(text);
    splice.replace_text(own?, name);
    Some(splice.end().into_owned())
}

/// A resource or a template under the URI with which it is exposed. None: the text is no object with one URI.
pub fn located(kind: ListKind, upstream: &str, text: &str) -> Option<String> {
    let [uri] = fields(text, [kind.key()]).ok()?;
    let mut splice = Splice::new(text);
    prefix(&mut splice, upstream, uri.filter(|uri| raw::text(uri).is_some())?);
    Some(splice.end().into_owned())
}

/// Where a tool names the resource that shows it (MCP Apps): `_meta.ui.resourceUri`, and the form of it before 2026.
fn view_uris(meta: &RawValue) -> Vec<&RawValue> {
    let Ok([ui, flat]) = fields(meta.get(), ["ui", "ui/resourceUri"]) else {
        return Vec::new();
    };
    let nested = ui.and_then(|ui| fields(ui.get(), ["resourceUri"]).ok()).and_then(|[uri]| uri);
    nested.into_iter().chain(flat).collect()
}

/// Replaces a URI of the upstream with the one that is exposed. What is no text stays.
pub(crate) fn prefix(splice: &mut Splice<'_>, upstream: &str, uri: &RawValue) {
    if let Some(text) = raw::text(uri) {
        splice.replace_text(uri, &exposed_uri(upstream, &text));
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use test_support::json::ANY_TEXT;

    use super::*;

    /// JSON as a server may write it: any number, escape, order and white space.
    fn json(levels: u32) -> BoxedStrategy<String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("9007199254740993".to_owned()),
            Just("-0.10e+300".to_owned()),
            "[1-9][0-9]{0,40}",
            ANY_TEXT.prop_map(|text| serde_json::to_string(&text).unwrap()),
            Just(r#""\u0061\ud83d\ude00\ud800\/""#.to_owned()),
        ];
        let any = leaf.prop_recursive(levels, 24, 4, |inner| {
            prop_oneof![
                (vec(inner.clone(), 0..4), space()).prop_map(|(all, space)| {
                    format!("[{space}{}{space}]", all.join(&format!("{space},{space}")))
                }),
                vec(member(key(), inner), 0..4).prop_map(|all| format!("{{{}}}", all.join(","))),
            ]
        });
        any.boxed()
    }

    fn space() -> impl Strategy<Value = String> {
        "[ \t\r\n]{0,3}"
    }

    /// Names of fields, among them some that look like those that are rewritten.
    fn key() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("\"Name\"".to_owned()),
            Just("\"name \"".to_owned()),
            Just("\"x.name\"".to_owned()),
            Just("\"\\u006eames\"".to_owned()),
            Just("\"__proto__\"".to_owned()),
            Just("\"twice\"".to_owned()),
            ANY_TEXT.prop_map(|text| serde_json::to_string(&format!("{text}-")).unwrap()),
        ]
    }

    fn member(
        key: impl Strategy<Value = String>,
        value: impl Strategy<Value = String>,
    ) -> impl Strategy<Value = String> {
        (space(), key, space(), space(), value, space())
            .prop_map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"))
    }

    /// An object of these members, in which one more has its place.
    fn around(members: &[String], place: usize, one: &str) -> String {
        let mut all = members.to_vec();
        let place = place.checked_rem(all.len().saturating_add(1)).unwrap_or_default();
        all.insert(place, one.to_owned());
        format!("{{{}}}", all.join(","))
    }

    proptest! {
        // Statement 10.
        #[test]
        fn every_byte_of_a_tool_but_its_name_stays(
            members in vec(member(key(), json(4)), 0..6),
            places in any::<(usize, usize)>(),
            name in ANY_TEXT,
            escaped in any::<bool>(),
        ) {
            let written = |name: &str| serde_json::to_string(name).unwrap();
            let meta = |uri: &str| {
                around(&members, places.1, &format!(" \"ui\" : {{ \"resourceUri\" :\t{} }}", written(uri)))
            };
            let text = |name: &str, uri: &str| {
                let key = if escaped { "\"n\\u0061me\"" } else { "\"name\"" };
                let with_name = around(&members, places.0, &format!("{key} : {name}"));
                with_name.replacen('{', &format!("{{ \"_meta\":{},", meta(uri)), 1)
            };
            let sent = text(&written(&name), "ui://a+b");
            let listed = named(ListKind::Tools, "tickets", "tickets_x", &sent);
            prop_assert_eq!(listed, Some(text("\"tickets_x\"", "tickets+ui://a+b")));
        }

        #[test]
        fn every_byte_of_a_resource_but_its_uri_stays(
            members in vec(member(key(), json(4)), 0..6),
            place in any::<usize>(),
            uri in ANY_TEXT,
        ) {
            for kind in [ListKind::Resources, ListKind::ResourceTemplates] {
                let text = |uri: &str| {
                    let uri = serde_json::to_string(uri).unwrap();
                    around(&members, place, &format!("\"{}\" : {uri}", kind.key()))
                };
                let listed = located(kind, "tickets", &text(&uri));
                prop_assert_eq!(listed, Some(text(&format!("tickets+{uri}"))));
            }
        }
    }

    #[test]
    fn a_tool_s_view_is_named_in_both_forms() {
        let sent =
            r#"{"_meta":{"ui/resourceUri":"ui://v","ui":{"resourceUri":"ui://v"}},"name":"a"}"#;
        let listed = r#"{"_meta":{"ui/resourceUri":"t+ui://v","ui":{"resourceUri":"t+ui://v"}},"name":"t_a"}"#;
        assert_eq!(named(ListKind::Tools, "t", "t_a", sent).as_deref(), Some(listed));
        let prompt = named(ListKind::Prompts, "t", "t_a", sent).unwrap();
        assert_eq!(prompt, sent.replace("\"a\"", "\"t_a\""));
    }

    #[test]
    fn what_has_no_name_or_two_is_no_definition() {
        for text in ["[]", "{}", r#"{"name":null}"#, r#"{"name":"a","n\u0061me":"b"}"#, ""] {
            assert_eq!(named(ListKind::Tools, "t", "t_a", text), None, "{text}");
        }
        for text in ["[]", "{}", r#"{"uri":1}"#, r#"{"uri":"a:b","uri":"c:d"}"#] {
            assert_eq!(located(ListKind::Resources, "t", text), None, "{text}");
        }
        for odd in
            [r#"{"name":"a","_meta":[]}"#, r#"{"name":"a","_meta":{"ui":{"resourceUri":1}}}"#]
        {
            let listed = named(ListKind::Tools, "t", "b", odd);
            assert_eq!(listed, Some(odd.replace("\"a\"", "\"b\"")), "{odd}");
        }
    }
}
