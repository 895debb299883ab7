//! Requests that this server sends: to its objects, and to SiteBay.
//!
//! They are made without `worker::RequestInit`, which brings along all of Cloudflare's settings for
//! caches and images, some kilobytes of the bundle.

use wasm_bindgen::JsValue;
use web_sys::{RequestInit, RequestRedirect};
use worker::{Headers, Request, Result};

/// A request to an address. A redirect is an answer like others.
///
/// # Errors
/// Where the runtime does not take the address or a header.
pub fn request(method: &str, url: &str, headers: &Headers, body: Option<&str>) -> Result<Request> {
    let init = RequestInit::new();
    init.set_method(method);
    init.set_headers(&headers.0);
    init.set_redirect(RequestRedirect::Manual);
    if let Some(body) = body {
        init.set_body(&JsValue::from_str(body));
    }
    Ok(web_sys::Request::new_with_str_and_init(url, &init)?.into())
}

/// A request to an object that answers with a socket.
///
/// # Errors
/// As [`request`].
pub fn upgrade(url: &str, headers: &Headers) -> Result<Request> {
    headers.set("Upgrade", "websocket")?;
    request("GET", url, headers, None)
}
