//! Requests that are passed on to another server, and its answers, with neither body read here.

use std::time::Duration;

use js_sys::Promise;
use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

use super::{Request, Response};

#[wasm_bindgen(module = "/src/platform/http/forward.js")]
extern "C" {
    #[wasm_bindgen(js_name = headers)]
    fn read_headers(message: &JsValue) -> String;

    #[wasm_bindgen(js_name = forward)]
    fn send(
        request: &web_sys::Request,
        url: &str,
        removed: &str,
        set: &str,
        millis: u32,
    ) -> Promise;

    #[wasm_bindgen(catch)]
    fn changed(
        response: &Response,
        removed: &str,
        set: &str,
    ) -> std::result::Result<Response, JsValue>;
}

/// The headers of a message: names in lower case, in the runtime's order. `Set-Cookie` may be there several times.
pub struct ReceivedHeaders(String);

impl ReceivedHeaders {
    /// Those of a request.
    pub fn of_request(request: &Request) -> Self {
        Self(read_headers(request.inner()))
    }

    /// Those of an answer.
    pub fn of_response(response: &Response) -> Self {
        Self(read_headers(response))
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        let mut lines = self.0.split('\n');
        std::iter::from_fn(move || Some((lines.next()?, lines.next()?)))
    }
}

#[cfg(test)]
impl ReceivedHeaders {
    /// These headers.
    pub fn of(headers: &[(&str, &str)]) -> Self {
        Self(headers.iter().map(|(name, value)| format!("{name}\n{value}\n")).collect())
    }
}

/// Which headers of a message are others on the way. A header that does not change keeps its bytes, which need not be
/// text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HeaderChanges {
    removed: Vec<String>,
    set: Vec<(String, String)>,
}

impl HeaderChanges {
    /// Removes a header.
    pub fn remove(&mut self, name: &str) {
        if !self.removed.iter().any(|known| known == name) {
            self.removed.push(name.to_owned());
        }
    }

    /// Sets a header, in the place of those that came. A value that is no line is left out, and the header is removed.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        if !value.contains(['\n', '\r', '\0']) {
            self.set.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.set.is_empty()
    }

    /// The names that are removed or set.
    #[cfg(test)]
    pub fn removed(&self) -> Vec<&str> {
        self.removed.iter().map(String::as_str).collect()
    }

    /// The value that a header is set to.
    #[cfg(test)]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.set.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn lines(&self) -> (String, String) {
        let set: Vec<&str> = self.set.iter().flat_map(|(n, v)| [n.as_str(), v.as_str()]).collect();
        (self.removed.join("\n"), set.join("\n"))
    }
}

/// Why another server did not answer.
#[derive(Debug)]
pub enum ForwardError {
    /// The headers of its answer did not come in time.
    Late,
    /// The runtime would send another path than the one that came.
    OtherPath,
    /// The client left before the answer.
    ClientLeft,
    /// It cannot be reached, or broke the connection.
    Unreachable,
}

/// Passes a request on to `url`. The answer has `deadline` to begin, counted from the end of the request's body, and any
/// time from then on.
///
/// # Errors
/// Where no answer begins.
pub async fn forward(
    request: &Request,
    url: &str,
    changes: &HeaderChanges,
    deadline: Duration,
) -> Result<Response, ForwardError> {
    let (removed, set) = changes.lines();
    let millis = u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX);
    let sent = send(request.inner(), url, &removed, &set, millis);
    let answer = JsFuture::from(sent).await.map_err(|_| ForwardError::Unreachable)?;
    match answer.as_f64() {
        None => Ok(answer.unchecked_into()),
        Some(0.0) => Err(ForwardError::Late),
        Some(1.0) => Err(ForwardError::OtherPath),
        Some(_) => Err(ForwardError::ClientLeft),
    }
}

/// The answer with these changes, its body unread.
///
/// # Errors
/// Where its status is none that can be passed on.
pub fn with_changes(response: Response, changes: &HeaderChanges) -> Result<Response, ForwardError> {
    if changes.is_empty() {
        return Ok(response);
    }
    let (removed, set) = changes.lines();
    changed(&response, &removed, &set).map_err(|_| ForwardError::Unreachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_in_their_order_and_as_often_as_they_came() {
        let all = [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-empty", "")];
        assert_eq!(ReceivedHeaders::of(&all).iter().collect::<Vec<_>>(), all);
        assert_eq!(ReceivedHeaders::of(&[]).iter().count(), 0);
    }

    #[test]
    fn a_value_of_several_lines_is_no_header() {
        let mut changes = HeaderChanges::default();
        changes.set("x", "a\nevil\nb");
        changes.set("y", "b");
        changes.remove("y");
        assert_eq!(changes.lines(), ("x\ny".to_owned(), "y\nb".to_owned()));
        assert!(HeaderChanges::default().is_empty() && !changes.is_empty());
    }
}
