//! Bodies of `multipart/form-data`: the names of their parts and what is in them.

use crate::cloudflare::ask::Ask;
use crate::cloudflare::problem::Problem;

/// A part of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) body: Vec<u8>,
}

/// The parts of a request's body.
pub(super) fn parts(ask: &Ask<'_>) -> Result<Vec<Part>, Problem> {
    let wrong = || ask.invalid("The body must be multipart/form-data");
    let kind = ask.call.header("content-type").unwrap_or_default();
    let (_, boundary) = kind.split_once("boundary=").ok_or_else(wrong)?;
    let boundary = boundary.split(';').next().unwrap_or_default().trim().trim_matches('"');
    split(&ask.call.body, boundary).ok_or_else(wrong)
}

fn split(body: &[u8], boundary: &str) -> Option<Vec<Part>> {
    if boundary.is_empty() {
        return None;
    }
    let mark = format!("--{boundary}");
    let mut rest = after(body, mark.as_bytes())?;
    let mut found = Vec::new();
    while !rest.starts_with(b"--") {
        let (inside, tail) = around(rest, format!("\r\n{mark}").as_bytes())?;
        let (head, body) = around(inside, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(head);
        let (_, name) = head.split_once(" name=\"")?;
        let name = name.split('"').next()?.to_owned();
        found.push(Part { name, body: body.to_vec() });
        rest = tail;
    }
    Some(found)
}

fn around<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(mark.len()).position(|window| window == mark)?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.get(mark.len()..)?))
}

fn after<'a>(text: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    around(text, mark).map(|(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::{Part, split};

    #[test]
    fn parts_are_told_apart_and_broken_forms_refused() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n\
                     --x\r\nContent-Disposition: form-data; name=\"index.js\"; filename=\"index.js\"\
                     \r\nContent-Type: text/plain\r\n\r\na\r\nb\r\n--x--\r\n";
        let part = |name: &str, body: &str| Part { name: name.into(), body: body.into() };
        let wanted = vec![part("metadata", "{}"), part("index.js", "a\r\nb")];
        assert_eq!(split(body, "x"), Some(wanted));
        assert_eq!(split(b"--x\r\nno name\r\n\r\n\r\n--x--", "x"), None);
        assert_eq!(split(b"--x\r\n", "x"), None);
        assert_eq!(split(b"", ""), None);
    }
}
