//! The canonical form of JSON (RFC 8785), over texts.
//!
//! Invariant: two texts with one canonical form mean the same to every reader. RFC 8785 is defined for JSON that every
//! reader takes alike (I-JSON, RFC 7493). What is not, keeps what was written: a number that a double cannot hold, a name
//! that is there twice, half of a surrogate pair. A crate that works on a tree of values would lose these.

use mcp_protocol::{fields::entries, raw::elements};
use serde_json::{Error, Value, value::RawValue};

/// The largest integer that a double holds together with all smaller ones.
const MAX_SAFE: u64 = 1 << 53;

/// The canonical form of a value. It must not be deeper than the caller's stack allows.
///
/// # Errors
/// Where a value in it cannot be read.
pub fn canonical(value: &RawValue) -> Result<String, Error> {
    let mut out = String::with_capacity(value.get().len());
    write(&mut out, value)?;
    Ok(out)
}

/// The canonical form of an object of these fields.
///
/// # Errors
/// Where a value cannot be read.
pub fn canonical_object<'a>(
    fields: impl IntoIterator<Item = (String, &'a RawValue)>,
) -> Result<String, Error> {
    let mut out = String::new();
    write_object(&mut out, fields.into_iter().collect())?;
    Ok(out)
}

fn write(out: &mut String, value: &RawValue) -> Result<(), Error> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{') => write_object(out, entries(text)?)?,
        Some(b'[') => {
            out.push('[');
            for (place, element) in elements(text)?.into_iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(out, element)?;
            }
            out.push(']');
        }
        Some(b'"') => match serde_json::from_str::<String>(text) {
            Ok(plain) => write_text(out, &plain),
            // Half of a surrogate pair has no other form than the one it was written in.
            Err(_) => out.push_str(text),
        },
        Some(b'-' | b'0'..=b'9') => out.push_str(&number(text)),
        _ => out.push_str(text),
    }
    Ok(())
}

/// RFC 8785 §3.2.3: by the UTF-16 units of the names. Of equal names, the order is kept.
fn write_object(out: &mut String, mut fields: Vec<(String, &RawValue)>) -> Result<(), Error> {
    fields.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    out.push('{');
    for (place, (name, value)) in fields.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write_text(out, &name);
        out.push(':');
        write(out, value)?;
    }
    out.push('}');
    Ok(())
}

/// RFC 8785 §3.2.2.2.
fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            '"' | '\\' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// RFC 8785 §3.2.2.3: as ECMAScript writes a double. A number that is none keeps its text.
fn number(text: &str) -> String {
    let is_integer = !text.contains(['.', 'e', 'E']);
    let digits = text.trim_start_matches('-');
    if is_integer && digits.parse().is_ok_and(|digits: u64| digits <= MAX_SAFE) {
        return if digits == "0" { digits.to_owned() } else { text.to_owned() };
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && !is_integer => double(number),
        _ => text.to_owned(),
    }
}

/// ECMA-262 `Number::toString`, from the shortest digits that mean the number.
fn double(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    // Of the shortest texts, serde_json takes the nearest, and of two such the even one, as ECMAScript does.
    let shortest = Value::from(number.abs()).to_string();
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    let significant = all.trim_start_matches('0');
    let digits = significant.trim_end_matches('0');
    let length = |text: &str| i32::try_from(text.len()).unwrap_or(i32::MAX);
    // The decimal point stands after so many of the digits.
    let point = exponent.parse::<i32>().unwrap_or_default();
    let point = point.saturating_add(length(whole)).saturating_sub(length(&all));
    let point = point.saturating_add(length(significant));
    let count = length(digits);
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    let at = usize::try_from(point).unwrap_or_default();
    let sign = if number < 0.0 { "-" } else { "" };
    let text = match point {
        _ if (count..=21).contains(&point) => {
            format!("{digits}{}", zeros(point.saturating_sub(count)))
        }
        1..=21 => {
            let (whole, fraction) = digits.split_at_checked(at).unwrap_or((digits, ""));
            format!("{whole}.{fraction}")
        }
        -5..=0 => format!("0.{}{digits}", zeros(point.saturating_neg())),
        _ => {
            let (first, rest) = digits.split_at_checked(1).unwrap_or((digits, ""));
            let dot = if rest.is_empty() { "" } else { "." };
            format!("{first}{dot}{rest}e{:+}", point.saturating_sub(1))
        }
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::json::{ANY_TEXT, raw as raw_json};

    use super::*;

    fn form(json: &str) -> String {
        canonical(&raw_json(json)).unwrap()
    }

    #[test]
    fn the_example_of_the_rfc_has_its_form() {
        let sent = r#"{ "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false] }"#;
        let canonical = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
                         \"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(form(sent), canonical);
    }

    #[test]
    fn names_are_ordered_by_their_utf_16_units() {
        let sent = "{\"\u{20ac}\":1,\"\\r\":2,\"\u{fb33}\":3,\"1\":4,\"\u{1f600}\":5,\"\u{80}\":6,\"\u{f6}\":7}";
        let canonical = "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}";
        assert_eq!(form(sent), canonical);
    }

    #[test]
    fn numbers_are_written_as_ecmascript_writes_them() {
        // RFC 8785 appendix B.
        for (bits, text) in [
            (0x0000_0000_0000_0001, "5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0x4340_0000_0000_0001, "9007199254740994"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] {
            assert_eq!(double(f64::from_bits(bits)), text);
        }
        for (json, text) in
            [("-0", "0"), ("-0.0", "0"), ("1.0", "1"), ("-7", "-7"), ("10", "10"), ("1e2", "100")]
        {
            assert_eq!(form(json), text, "{json}");
        }
    }

    #[test]
    fn what_readers_take_differently_keeps_its_text() {
        for json in [
            "9007199254740993",
            "1e400",
            r#""\ud800""#,
            r#"{"a":1,"a":2}"#,
            "123456789012345678901234567890",
        ] {
            assert_eq!(form(json), json);
        }
        assert_ne!(form("9007199254740993"), form("9007199254740992"));
        assert_ne!(form(r#"{"a":1,"a":2}"#), form(r#"{"a":2,"a":1}"#));
    }

    proptest! {
        #[test]
        fn the_form_means_the_same_and_is_its_own_form(text in ANY_TEXT, number in any::<f64>(), n in any::<i64>()) {
            prop_assume!(number.is_finite());
            let value = serde_json::json!({ "t": text, "n": n, "b": [null, { "a": {} }] });
            let once = form(&value.to_string());
            prop_assert_eq!(form(&once), once.as_str());
            prop_assert_eq!(serde_json::from_str::<Value>(&once).unwrap(), value);
            for written in [format!("{number:e}"), format!("{number:?}")] {
                let written = form(&written);
                prop_assert_eq!(written.parse(), Ok(number), "{}", written);
                prop_assert_eq!(form(&written), written);
            }
        }
    }
}
