//! Where a stack's services are.
//!
//! Invariant: a token is sent only to hosts below the stack's own suffix; on a machine's own
//! loopback interface, which stand-ins use, only to that.

use mcp_platform::{host_name::is_stack, url::Url};
use thiserror::Error;

/// What every stack's hosts end with.
const DOMAIN: &str = "keboola.com";

/// Why an address is no stack's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "this is not the address of a Keboola stack: it looks like https://connection.keboola.com or \
     https://connection.north-europe.azure.keboola.com"
)]
pub struct StackError;

/// A stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// The address of its connection service, without a slash at its end.
    connection: String,
    /// What its services' host names end with. None: a stand-in, whose index names them.
    suffix: Option<String>,
}

impl Stack {
    /// Reads the address of a stack's connection service, such as `https://connection.keboola.com`.
    ///
    /// # Errors
    /// Where it is none: another scheme, a port, a path, a host of somebody else.
    pub fn parse(address: &str) -> Result<Self, StackError> {
        let url = Url::parse(address.trim()).ok_or(StackError)?;
        let has_more = url.href.contains(['@', '?', '#']);
        if is_loopback(&url) && !has_more {
            let connection = url.href.trim_end_matches('/').to_owned();
            return Ok(Self { connection, suffix: None });
        }
        let suffix = url.host.strip_prefix("connection.").ok_or(StackError)?;
        let plain = format!("https://{}", url.host);
        if has_more || url.path != "/" || url.origin != plain || !is_stack(suffix, DOMAIN) {
            return Err(StackError);
        }
        Ok(Self { connection: plain, suffix: Some(suffix.to_owned()) })
    }

    /// The address of the connection service.
    pub fn connection(&self) -> &str {
        &self.connection
    }

    /// The address of a service; None where the index must be asked.
    pub(crate) fn service(&self, name: &str) -> Option<String> {
        match (&self.suffix, name) {
            (_, "connection") => Some(self.connection.clone()),
            (Some(suffix), name) => Some(format!("https://{name}.{suffix}")),
            (None, _) => None,
        }
    }

    /// Whether a service of a stand-in may have this address.
    pub(crate) fn may_serve(&self, address: &str) -> bool {
        self.suffix.is_none() && Url::parse(address).is_some_and(|url| is_loopback(&url))
    }
}

fn is_loopback(url: &Url) -> bool {
    let schemes = ["http://", "https://"];
    schemes.iter().any(|scheme| url.href.starts_with(scheme))
        && matches!(url.host.as_str(), "127.0.0.1" | "localhost" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_stand_below_the_suffix_of_the_connection() {
        for suffix in [
            "keboola.com",
            "us-east4.gcp.keboola.com",
            "eu-central-1.keboola.com",
            "north-europe.azure.keboola.com",
            "europe-west3.gcp.keboola.com",
            "acme.keboola.com",
            "acme.eu-central-1.keboola.com",
            "a.b.us-east4.gcp.keboola.com",
        ] {
            let stack = Stack::parse(&format!("https://connection.{suffix}/")).unwrap();
            assert_eq!(stack.service("queue"), Some(format!("https://queue.{suffix}")));
            assert_eq!(stack.connection(), format!("https://connection.{suffix}"));
        }
    }

    #[test]
    fn an_address_that_is_no_stack_is_refused() {
        for wrong in [
            "",
            "connection.keboola.com",
            "http://connection.keboola.com",
            "https://connection.keboola.com:8443",
            "https://connection.keboola.com/admin",
            "https://me@connection.keboola.com",
            "https://connection.keboola.com?x",
            "https://queue.keboola.com",
            "https://connection.evil.example",
            "https://connection.keboola.com.evil.example",
            "https://connection.evilkeboola.com",
            "https://connection.a_b.keboola.com",
            "https://connection.mcp.keboola.com",
            "https://connection.connection.keboola.com",
            "https://connection..keboola.com",
            "https://connectionkeboola.com",
            "ftp://127.0.0.1/",
            "http://user@127.0.0.1/",
        ] {
            assert_eq!(Stack::parse(wrong), Err(StackError), "{wrong}");
        }
    }

    #[test]
    fn a_stand_ins_services_are_on_the_same_machine() {
        let stack = Stack::parse("http://127.0.0.1:8081/connection/").unwrap();
        assert_eq!(stack.connection(), "http://127.0.0.1:8081/connection");
        assert_eq!(stack.service("queue"), None);
        assert!(stack.may_serve("http://127.0.0.1:8081/queue"));
        assert!(!stack.may_serve("https://queue.keboola.com"));
        let real = Stack::parse("https://connection.keboola.com").unwrap();
        assert!(!real.may_serve("http://127.0.0.1:8081/queue"));
    }
}
