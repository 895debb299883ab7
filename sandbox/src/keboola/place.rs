//! Which stack and service a request is for, and the addresses given to that client.
//!
//! Two forms are understood. By path: `http://127.0.0.1:PORT/{stack}/{service}/…`. By the `Host`
//! header: `{service}.{stack}.keboola.test`, for clients that know only host names, with a TLS
//! proxy in front; `keboola-testing.com` is understood as well, because Keboola's MCP server
//! refuses domains that are not Keboola's. Addresses in answers keep to the client's form; those
//! by host are `https` unless `X-Forwarded-Proto` says otherwise.

use crate::engine::call::Call;

/// A stack: its own projects, its own tokens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stack {
    /// Its name in paths and host names.
    pub(crate) name: &'static str,
    /// Its region, as tokens/verify has it.
    pub(crate) region: &'static str,
    /// Where it keeps files.
    pub(crate) provider: &'static str,
    /// What ciphers have after their scope.
    pub(crate) cipher: &'static str,
}

/// The stacks.
pub(crate) const STACKS: &[Stack] = &[
    Stack { name: "us", region: "us-east-1", provider: "aws", cipher: "" },
    Stack { name: "eu", region: "north-europe", provider: "azure", cipher: "KV" },
];

/// The services. Storage and OAuth are `connection`.
pub(crate) const SERVICES: &[&str] = &[
    "connection",
    "queue",
    "query",
    "ai",
    "encryption",
    "scheduler",
    "sync-actions",
    "data-science",
    "metastore",
];

/// The ends of host names.
const DOMAINS: [&str; 2] = [DOMAIN, "keboola-testing.com"];

/// The usual end of host names.
pub(crate) const DOMAIN: &str = "keboola.test";

/// Where a request goes.
#[derive(Debug)]
pub(crate) struct Place {
    /// The stack.
    pub(crate) stack: &'static Stack,
    /// The service.
    pub(crate) service: &'static str,
    /// The path below the service, still percent-encoded.
    pub(crate) path: String,
    form: Form,
}

#[derive(Debug)]
enum Form {
    ByPath { origin: String },
    ByHost { scheme: &'static str, domain: &'static str, port: String },
}

impl Place {
    /// Where a request goes; `None` for a stack or a service that does not exist.
    pub(crate) fn of(call: &Call) -> Option<Self> {
        Self::by_host(call).or_else(|| Self::by_path(call))
    }

    fn by_host(call: &Call) -> Option<Self> {
        let host = call.header("host")?.to_ascii_lowercase();
        let (name, port) = match host.split_once(':') {
            Some((name, port)) => (name, format!(":{port}")),
            None => (host.as_str(), String::new()),
        };
        let domain = DOMAINS.into_iter().find(|domain| name.ends_with(domain))?;
        let (service, stack) = name.strip_suffix(domain)?.strip_suffix('.')?.split_once('.')?;
        let is_plain = call.header("x-forwarded-proto") == Some("http");
        let scheme = if is_plain { "http" } else { "https" };
        let form = Form::ByHost { scheme, domain, port };
        Some(Self {
            stack: known(stack)?,
            service: served(service)?,
            path: call.path.clone(),
            form,
        })
    }

    fn by_path(call: &Call) -> Option<Self> {
        let (stack, rest) = call.path.strip_prefix('/')?.split_once('/')?;
        let (service, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let form = Form::ByPath { origin: call.origin() };
        let path = format!("/{rest}");
        Some(Self { stack: known(stack)?, service: served(service)?, path, form })
    }

    /// The address of a service of the same stack, in the client's form.
    pub(crate) fn url(&self, service: &str) -> String {
        let stack = self.stack.name;
        match &self.form {
            Form::ByPath { origin } => format!("{origin}/{stack}/{service}"),
            Form::ByHost { scheme, domain, port } => {
                format!("{scheme}://{service}.{stack}.{domain}{port}")
            }
        }
    }

    /// The paths that faults may name it by.
    pub(crate) fn fault_paths(&self) -> Vec<String> {
        let Self { service, path, stack, .. } = self;
        vec![format!("/{service}{path}"), format!("/{}/{service}{path}", stack.name)]
    }
}

fn known(name: &str) -> Option<&'static Stack> {
    STACKS.iter().find(|stack| stack.name == name)
}

fn served(name: &str) -> Option<&'static str> {
    SERVICES.iter().find(|service| **service == name).copied()
}
