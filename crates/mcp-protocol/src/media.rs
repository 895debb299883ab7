//! Content negotiation: `Content-Type` and `Accept` (RFC 9110 §8.3, §12.5.1).

/// Whether a body declared like this is JSON. Parameters such as `charset` do not matter.
pub fn is_json(content_type: Option<&str>) -> bool {
    essence(content_type.unwrap_or_default()).eq_ignore_ascii_case("application/json")
}

/// Whether the client takes this type. No header takes everything.
pub fn accepts(accept: Option<&str>, kind: &str) -> bool {
    let Some(accept) = accept else {
        return true;
    };
    let family = kind.split('/').next().unwrap_or_default();
    accept.split(',').map(essence).any(|range| {
        range == "*/*"
            || range.eq_ignore_ascii_case(kind)
            || range.strip_suffix("/*").is_some_and(|of| of.eq_ignore_ascii_case(family))
    })
}

/// Whether the client takes what every POST may answer. One that takes no event stream besides waits
/// until the answer is whole.
pub fn accepts_post(accept: Option<&str>) -> bool {
    accepts(accept, "application/json")
}

/// Whether the client takes an event stream.
pub fn accepts_stream(accept: Option<&str>) -> bool {
    accepts(accept, "text/event-stream")
}

fn essence(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charset_does_not_matter() {
        assert!(is_json(Some("Application/JSON; charset=utf-8")));
        assert!(!is_json(Some("text/plain")));
        assert!(!is_json(Some("application/jsonx")));
        assert!(!is_json(None));
    }

    #[test]
    fn json_or_a_wildcard_is_taken() {
        for accept in [
            "application/json, text/event-stream",
            "application/json",
            "text/event-stream;q=0.5,application/json",
            "*/*",
            "application/*, text/*",
        ] {
            assert!(accepts_post(Some(accept)), "{accept}");
        }
        for accept in ["text/event-stream", "text/html", ""] {
            assert!(!accepts_post(Some(accept)), "{accept}");
        }
        assert!(accepts_post(None));
    }
}
