//! The resource that tokens are for (RFC 8707): this server, under any of its endpoints' addresses.

use super::{
    fault::{Code, Fault},
    form::Form,
};
use crate::runtime::url::Url;

/// The endpoints that clients know as the resource.
const ENDPOINTS: [&str; 3] = ["", "/mcp", "/sse"];

/// Checks each `resource` that is named. `origin` is this server's.
///
/// # Errors
/// Where one is another server's.
pub fn check(form: &Form, origin: &str) -> Result<(), Fault> {
    match form.all("resource").all(|resource| resource.is_empty() || is_own(resource, origin)) {
        true => Ok(()),
        false => Err(Fault::new(Code::InvalidTarget, "`resource` is not this server")),
    }
}

/// Whether an address is this server's; a trailing slash does not matter.
fn is_own(resource: &str, origin: &str) -> bool {
    let Some(url) = Url::parse(resource) else {
        return false;
    };
    let path = url.href.strip_suffix('/').unwrap_or(&url.href).strip_prefix(origin);
    path.is_some_and(|path| ENDPOINTS.contains(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_is_the_server_or_one_of_its_endpoints() {
        for own in ["", "/", "/mcp", "/mcp/", "/sse"] {
            assert!(is_own(&format!("https://Mcp.example{own}"), "https://mcp.example"), "{own}");
        }
        for other in [
            "https://mcp.example.evil.example/mcp",
            "https://mcp.example:8443/mcp",
            "http://mcp.example/mcp",
            "https://mcp.example/other",
            "https://mcp.example/mcp?x=1",
            "https://user@mcp.example/mcp",
            "mcp",
        ] {
            assert!(!is_own(other, "https://mcp.example"), "{other}");
        }
    }

    #[test]
    fn every_resource_that_is_named_counts() {
        let origin = "https://mcp.example";
        assert!(check(&Form::default(), origin).is_ok());
        let both = Form::parse("resource=https://mcp.example/mcp&resource=https://x.example");
        assert_eq!(check(&both, origin).unwrap_err().code, Code::InvalidTarget);
    }
}
