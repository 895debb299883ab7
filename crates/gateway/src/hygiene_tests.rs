//! Definitions as broken servers write them.

use mcp_protocol::list_kind::ListKind;
use serde_json::value::RawValue;

use crate::{description::Descriptions, hygiene::*};
use test_support::json::raw as raw_json;

fn tool(fields: &str) -> String {
    format!(r#"{{"name":"a","inputSchema":{{"type":"object"}}{fields}}}"#)
}

fn fault(kind: ListKind, definition: &str) -> Fault {
    match check(kind, definition, Descriptions::Clean) {
        Ok(kept) => panic!("{} was kept", kept.text.chars().take(200).collect::<String>()),
        Err(fault) => fault,
    }
}

#[test]
fn definitions_that_clients_can_read_are_kept() {
    for (kind, text, key) in [
        (ListKind::Tools, tool(""), "a"),
        (
            ListKind::Tools,
            tool(r#","x":null,"outputSchema":{},"annotations":{},"description":"""#),
            "a",
        ),
        (ListKind::Tools, tool("").replace("\"a\"", "\"a/b. \u{1f600}\""), "a/b. \u{1f600}"),
        (
            ListKind::Tools,
            tool("").replace("\"a\"", &format!("\"{}\"", "\u{fc}".repeat(128))),
            &"\u{fc}".repeat(128),
        ),
        (ListKind::Prompts, r#"{"name":"p","arguments":[{"name":"x"}]}"#.to_owned(), "p"),
        (
            ListKind::Resources,
            r#"{"uri":"no scheme","name":"","uriTemplate":7}"#.to_owned(),
            "no scheme",
        ),
        (
            ListKind::ResourceTemplates,
            r#"{"uriTemplate":"a://{x}","name":"x"}"#.to_owned(),
            "a://{x}",
        ),
    ] {
        let kept = check(kind, &text, Descriptions::Clean).unwrap();
        assert_eq!((kept.key.as_str(), kept.text.as_ref()), (key, text.as_str()));
    }
}

#[test]
fn a_definition_without_a_usable_name_is_left_out() {
    for name in ["", "__proto__", "a\\u0000", "a\\nb", "a\u{202e}b", &"x".repeat(129)] {
        let text = tool("").replace("\"a\"", &format!("\"{name}\""));
        assert_eq!(fault(ListKind::Tools, &text), Fault::Name, "{name}");
    }
    assert_eq!(
        fault(ListKind::Tools, r#"{"inputSchema":{"type":"object"}}"#),
        Fault::Missing("name")
    );
    assert_eq!(fault(ListKind::Tools, &tool(r#","n\u0061me":"b""#)), Fault::Twice("name"));
    assert_eq!(fault(ListKind::Prompts, r#"{"name":1}"#), Fault::Type("name", "a text"));
    for arguments in ["[1]", "[{}]", r#"[{"name":1}]"#, r#"[{"name":"a","name":"b"}]"#] {
        let text = format!(r#"{{"name":"a","arguments":{arguments}}}"#);
        assert!(matches!(fault(ListKind::Prompts, &text), Fault::Type("arguments", _)), "{text}");
    }
    for uri in ["", "a:\\u0000", &"x".repeat(64 << 10)] {
        let text = format!(r#"{{"uri":"{uri}","name":"x"}}"#);
        assert_eq!(fault(ListKind::Resources, &text), Fault::Uri, "{uri}");
    }
    assert_eq!(fault(ListKind::Resources, r#"{"uri":"a:1"}"#), Fault::Missing("name"));
    assert_eq!(
        fault(ListKind::ResourceTemplates, r#"{"uri":"a:1","name":"x"}"#),
        Fault::Missing("uriTemplate")
    );
}

#[test]
fn a_tool_whose_schema_breaks_clients_is_left_out() {
    let schema = |schema: &str| format!(r#"{{"name":"a","inputSchema":{schema}}}"#);
    assert_eq!(fault(ListKind::Tools, r#"{"name":"a"}"#), Fault::Missing("inputSchema"));
    for other in ["[]", "null", "true", "\"object\""] {
        let wrong = Fault::Type("inputSchema", "an object");
        assert_eq!(fault(ListKind::Tools, &schema(other)), wrong, "{other}");
    }
    for other in ["{}", r#"{"type":"string"}"#, r#"{"type":["object"]}"#] {
        assert_eq!(fault(ListKind::Tools, &schema(other)), Fault::NoObjectSchema, "{other}");
    }
    let large = format!(r#"{{"type":"object","x":"{}"}}"#, "x".repeat(1 << 20));
    assert_eq!(fault(ListKind::Tools, &schema(&large)), Fault::SchemaTooLarge("inputSchema"));
    let huge = tool(&format!(r#","x":"{}""#, "x".repeat(2 << 20)));
    assert_eq!(fault(ListKind::Tools, &huge), Fault::TooLarge);
    let deep = |levels: usize| {
        format!(r#"{{"type":"object","x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels))
    };
    assert!(check(ListKind::Tools, &schema(&deep(62)), Descriptions::Clean).is_ok());
    assert_eq!(fault(ListKind::Tools, &schema(&deep(63))), Fault::TooDeep);
    assert_eq!(fault(ListKind::Tools, &schema(&deep(10_000))), Fault::TooDeep);
    let cyclic =
        r##"{"type":"object","properties":{"a":{"$ref":"#"},"b":{"$ref":"https://x/y"}}}"##;
    assert!(
        check(ListKind::Tools, &schema(cyclic), Descriptions::Clean).is_ok(),
        "it is not resolved"
    );
}

#[test]
fn fields_of_another_type_are_not_passed_on() {
    for (field, wrong) in [
        (r#","description":null"#, Fault::Type("description", "a text")),
        (r#","title":1"#, Fault::Type("title", "a text")),
        (r#","annotations":[]"#, Fault::Type("annotations", "an object")),
        (r#","outputSchema":true"#, Fault::Type("outputSchema", "an object")),
        (r#","_meta":"x""#, Fault::Type("_meta", "an object")),
        (r#","icons":{}"#, Fault::Type("icons", "an array")),
        (r#","title":"a","title":"b""#, Fault::Twice("title")),
    ] {
        assert_eq!(fault(ListKind::Tools, &tool(field)), wrong);
    }
    for text in ["[]", "1", "", "{", "{\"\\ud800\":1}"] {
        assert_eq!(fault(ListKind::Tools, text), Fault::Unreadable, "{text}");
    }
}

#[test]
fn marks_for_headers_are_checked_however_they_are_written() {
    let marked = |mark: &str| {
        format!(
            r#"{{"name":"a","inputSchema":{{"type":"object","properties":{{"r":{{"type":"string",{mark}}}}}}}}}"#
        )
    };
    let good = marked(r#""x-mcp-header":"Region""#);
    let kept = check(ListKind::Tools, &good, Descriptions::Clean).unwrap();
    assert_eq!(kept.headers[0].header, "Mcp-Param-Region");
    for mark in
        [r#""x-mcp-header":"a b""#, r#""x-mcp-header":"a\r\nb""#, r#""x-mcp-heade\u0072":7"#]
    {
        assert!(matches!(fault(ListKind::Tools, &marked(mark)), Fault::ParamHeader(_)), "{mark}");
    }
    for name in ["Authorization", "HOST", "Cookie"] {
        let mark = format!(r#""x-mcp-header":"{name}""#);
        assert_eq!(fault(ListKind::Tools, &marked(&mark)), Fault::ReservedHeader, "{name}");
    }
}

#[test]
fn one_broken_definition_leaves_the_others() {
    let texts = [
        tool(r#","description":"\u202ex""#),
        tool(""),
        "7".to_owned(),
        r#"{"name":"b\u001b[1m","inputSchema":{"type":"object"}}"#.to_owned(),
        r#"{"name":"c","inputSchema":{"type":"object"}}"#.to_owned(),
    ];
    let raws: Vec<Box<RawValue>> = texts.iter().map(|text| raw_json(text)).collect();
    let checked = check_all(ListKind::Tools, raws.iter().map(AsRef::as_ref), Descriptions::Clean);
    let keys: Vec<&str> = checked.items.iter().map(|item| item.key.as_str()).collect();
    assert_eq!(keys, ["a", "c"]);
    assert_eq!(checked.items[0].text, tool(r#","description":"x""#));
    let left_out: Vec<(&str, Fault)> =
        checked.left_out.iter().map(|one| (one.key.as_str(), one.fault.clone())).collect();
    assert_eq!(
        left_out,
        [("a", Fault::Repeated("name")), ("", Fault::Unreadable), ("b [1m", Fault::Name)],
    );
    let raw_list = check_all(ListKind::Tools, raws.iter().map(AsRef::as_ref), Descriptions::Raw);
    assert_eq!(raw_list.items[0].text, texts[0]);
}

#[test]
fn brackets_in_texts_are_no_levels() {
    assert_eq!(depth(r#"{"a":"[[[\"[[","b":[{}]}"#), 3);
    assert_eq!(depth("1"), 0);
}
