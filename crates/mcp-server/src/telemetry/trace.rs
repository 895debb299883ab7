//! The trace that a request belongs to: W3C Trace Context, in headers or in `_meta` (MCP SEP-414).
//!
//! Invariant: a malformed trace is ignored. The trace sent on has the same id, keeps
//! its flags, and has a parent of its own for each request. `baggage` is not sent on: it is meant for
//! the client's operator, and SiteBay and Keboola are other parties.

use mcp_platform::Platform;
use uuid::Uuid;

/// Bytes of a `tracestate` that are passed on (Trace Context §3.3.1.5).
const MAX_STATE: usize = 512;
/// Entries that it may have.
const MAX_ENTRIES: usize = 32;
/// Bytes of a key, or of a value.
const MAX_PART: usize = 256;
/// The flags that are known: sampled, random.
const FLAGS: u8 = 0b11;
const SAMPLED: u8 = 1;

/// A trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    id: String,
    flags: u8,
    state: Option<String>,
}

/// A new span's id.
pub fn span(platform: &dyn Platform) -> Uuid {
    Uuid::try_parse(&platform.uuid()).unwrap_or_default()
}

impl Trace {
    /// Reads `traceparent`, and `tracestate` where there is one.
    pub fn read(parent: &str, state: Option<String>) -> Option<Self> {
        let mut parts = parent.split('-');
        let version = parts.next().filter(|part| is_hex(part, 2) && *part != "ff")?;
        let id = parts.next().filter(|part| is_name(part, 32))?;
        parts.next().filter(|part| is_name(part, 16))?;
        let flags = parts.next().filter(|part| is_hex(part, 2))?;
        if version == "00" && parts.next().is_some() {
            return None;
        }
        let flags = u8::from_str_radix(flags, 16).ok()? & FLAGS;
        Some(Self { id: id.to_owned(), flags, state: state.filter(|state| is_state(state)) })
    }

    /// One that begins here, named after the request. It is in this server's log, so it is sampled.
    pub fn begun(request: Uuid) -> Self {
        Self { id: request.simple().to_string(), flags: SAMPLED, state: None }
    }

    /// Its id: 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `traceparent` of a request that is sent on; `span` names the request.
    pub fn parent(&self, span: Uuid) -> String {
        // The second half has a bit that is always set: an id of zeros would be none.
        let (_, span) = span.as_u64_pair();
        format!("00-{}-{span:016x}-{:02x}", self.id, self.flags)
    }

    /// `tracestate` of a request that is sent on.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The text that [`Self::from_text`] reads.
    pub fn to_text(&self, span: Uuid) -> String {
        format!("{}\n{}", self.parent(span), self.state().unwrap_or_default())
    }

    /// Reads it back.
    pub fn from_text(text: &str) -> Option<Self> {
        let (parent, state) = text.split_once('\n')?;
        Self::read(parent, Some(state.to_owned()))
    }
}

fn is_hex(part: &str, length: usize) -> bool {
    let is_digit = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    part.len() == length && part.as_bytes().iter().all(is_digit)
}

fn is_name(part: &str, length: usize) -> bool {
    is_hex(part, length) && !part.trim_start_matches('0').is_empty()
}

fn is_state(state: &str) -> bool {
    let mut count = 0_usize;
    for entry in state.split(',') {
        let entry = entry.trim_ascii();
        if !entry.is_empty() {
            count = count.saturating_add(1);
            if !is_entry(entry) {
                return false;
            }
        }
    }
    state.len() <= MAX_STATE && (1..=MAX_ENTRIES).contains(&count)
}

fn is_entry(entry: &str) -> bool {
    let Some((key, value)) = entry.split_once('=') else {
        return false;
    };
    let fits = |part: &str| (1..=MAX_PART).contains(&part.len());
    let known = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let begins = key.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    let shown = |b: &u8| matches!(b, b' '..=b'~') && *b != b'=';
    let good = key.as_bytes().iter().all(known) && value.as_bytes().iter().all(shown);
    fits(key) && fits(value) && begins && good
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn read(parent: &str) -> Option<Trace> {
        Trace::read(parent, None)
    }

    fn with_state(state: &str) -> Option<String> {
        let parent = format!("00-{ID}-00f067aa0ba902b7-01");
        Trace::read(&parent, Some(state.to_owned())).unwrap().state
    }

    #[test]
    fn a_trace_goes_on_under_its_name_with_its_flags_and_another_parent() {
        for flags in ["00", "01", "03"] {
            let trace = read(&format!("00-{ID}-00f067aa0ba902b7-{flags}")).unwrap();
            let span = Uuid::from_u128(0x4000_8000_0000_0000_0007);
            assert_eq!(trace.parent(span), format!("00-{ID}-8000000000000007-{flags}"));
            assert_eq!(Trace::from_text(&trace.to_text(span)), Some(trace));
        }
        // Flags that this version does not know are not repeated.
        assert_eq!(read(&format!("00-{ID}-00f067aa0ba902b7-fd")).unwrap().flags, 1);
    }

    #[test]
    fn what_is_malformed_is_no_trace() {
        let upper = ID.to_uppercase();
        for parent in [
            String::new(),
            format!("00-{ID}-00f067aa0ba902b7"),
            format!("00-{ID}-00f067aa0ba902b7-01-x"),
            format!("00-{ID}-00f067aa0ba902b7-1"),
            format!("00-{upper}-00f067aa0ba902b7-01"),
            format!("ff-{ID}-00f067aa0ba902b7-01"),
            format!("00-{ID}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{ID}-00f067aa0ba902b7-01, 00-{ID}-00f067aa0ba902b7-01"),
            format!(" 00-{ID}-00f067aa0ba902b7-01"),
            format!("00-{ID}\r\nx-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(read(&parent), None, "{parent}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        assert!(read(&format!("01-{ID}-00f067aa0ba902b7-01-more")).is_some());
    }

    #[test]
    fn a_state_is_passed_on_as_it_came_or_not_at_all() {
        for good in ["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "a@b=c d , ,e/f=g", "1=2"] {
            assert_eq!(with_state(good).as_deref(), Some(good));
        }
        let many = vec!["a=b"; 33].join(",");
        let long = format!("a={}", "b".repeat(257));
        for bad in ["", "a", "A=b", "a=b=c", "a=\u{7f}", "=b", "a=", "ü=b", &many, &long] {
            assert_eq!(with_state(bad), None, "{bad}");
        }
    }

    #[test]
    fn one_that_begins_here_is_named_after_its_request() {
        let trace = Trace::begun(Uuid::from_u128(7));
        let parent = trace.parent(Uuid::from_u128(7));
        assert_eq!(read(&parent), Some(trace));
    }
}
