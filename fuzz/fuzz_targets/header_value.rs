//! A header value comes out as it was meant, and repeats an argument only where both say the same.
#![no_main]

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use libfuzzer_sys::{
    arbitrary::{Result, Unstructured},
    fuzz_target,
};
use mcp_protocol::stateless::{
    header_value::{decoded, plain},
    headers::HeaderSource,
    param_declarations::ParamHeader,
    param_headers::check,
};
use serde_json::{json, value::to_raw_value};

/// The one header of a request.
struct Sent<'a>(&'a str);

impl HeaderSource for Sent<'_> {
    fn header(&self, _name: &str) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.0))
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        read(text);
        written(text);
    }
    let _ = repeated(&mut Unstructured::new(data));
});

/// A header value from a client.
fn read(sent: &str) {
    if let Ok(value) = plain(sent) {
        assert_eq!(plain(value), Ok(value));
        assert!(
            sent.contains(value)
                && value.bytes().all(|byte| (b' '..=b'~').contains(&byte) || byte == b'\t')
        );
    }
    let Ok(meant) = decoded(sent) else {
        return;
    };
    let literal = meant == plain(sent).unwrap();
    assert!(literal || plain(sent).unwrap() == marked(&meant));
}

/// A client's text, in the Base64 form.
fn written(meant: &str) {
    assert_eq!(decoded(&marked(meant)).as_deref(), Ok(meant));
    assert!(repeats("string", &marked(meant), &json!(meant)));
    let other = format!("{meant}x");
    assert!(!repeats("string", &marked(meant), &json!(other)));
}

/// A number is repeated by texts of that number and by no others.
fn repeated(from: &mut Unstructured<'_>) -> Result<()> {
    let (body, zeros): (i64, u8) = from.arbitrary()?;
    let sign = if body < 0 { "-" } else { "" };
    let zeros = usize::from(zeros);
    let sent = format!("{sign}{:0>zeros$}.{:0<zeros$}", body.unsigned_abs(), 0);
    assert!(repeats("integer", &sent, &json!(body)), "{sent} {body}");
    let text = std::str::from_utf8(from.peek_bytes(from.len()).unwrap_or_default());
    let Ok(text) = text.map(|text| text.trim_matches([' ', '\t'])) else {
        return Ok(());
    };
    if repeats("integer", text, &json!(body)) && !text.starts_with("=?base64?") {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        assert!(fraction.bytes().all(|byte| byte == b'0'), "{text} {body}");
        assert_eq!(whole.parse(), Ok(body), "{text}");
    }
    Ok(())
}

fn marked(text: &str) -> String {
    format!("=?base64?{}?=", STANDARD.encode(text))
}

fn repeats(kind: &str, sent: &str, body: &serde_json::Value) -> bool {
    let schema = json!({ "properties": { "value": { "type": kind, "x-mcp-header": "Value" } } });
    let declared = ParamHeader::all_in(&schema).unwrap();
    let arguments = to_raw_value(&json!({ "value": body })).unwrap();
    check(&Sent(sent), &declared, Some(&arguments)).is_ok()
}
