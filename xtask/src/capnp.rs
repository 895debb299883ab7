//! The configuration file of plain `workerd`: the same bindings as `wrangler.toml`, and outbound
//! HTTP to loopback, which the Worker needs to reach the sandbox.

use std::fmt::Write as _;

use crate::bindings::{Binding, designators, services};

/// The values of the configuration.
#[derive(Debug, Clone)]
pub struct Configuration<'a> {
    /// One `127.0.0.1` port for each isolate. The first owns the objects.
    pub ports: &'a [u16],
    /// Variables and secrets of the Worker.
    pub vars: &'a [(String, String)],
    /// Flags of V8.
    pub v8: &'a [String],
    /// The module that the runtime loads, beside `index.js`, which it imports. None: `index.js` itself.
    pub main: Option<&'a str>,
    /// Whether the Worker [`CHAT`] is beside it, whose class `ChatDO` is bound as `APP_CHAT`.
    pub chat: bool,
    /// What is bound beside objects and variables.
    pub bindings: &'a [Binding],
    /// The address of their stand-in; unused without bindings.
    pub bound_at: &'a str,
}

/// The Durable Object classes: binding and class.
pub const OBJECTS: [(&str, &str); 8] = [
    ("SESSION_AGENT", "SessionAgent"),
    ("HUB_AGENT", "HubAgent"),
    ("TASK_AGENT", "TaskAgent"),
    ("KEY_AGENT", "KeyAgent"),
    ("GRANT_AGENT", "GrantAgent"),
    ("QUOTA_AGENT", "QuotaAgent"),
    ("UPSTREAM_AGENT", "UpstreamAgent"),
    ("STAGE_AGENT", "StageAgent"),
];

/// The module of the Worker beside it.
pub const CHAT: &str = "chat.js";

/// The date of `wrangler.toml`.
pub const COMPATIBILITY_DATE: &str = "2026-11-17";

/// Renders the configuration. It embeds the files of the bundle from beside itself, and
/// objects are stored in the folder `storage` beside it.
pub fn render(configuration: &Configuration<'_>) -> String {
    let mut text = String::from(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         const config :Workerd.Config = (\n",
    );
    if !configuration.v8.is_empty() {
        let flags: Vec<String> = configuration.v8.iter().map(|flag| quoted(flag)).collect();
        let _ = writeln!(text, "  v8Flags = [{}],", flags.join(", "));
    }
    text.push_str("  services = [\n");
    for index in 0..configuration.ports.len() {
        let _ = writeln!(text, "    (name = \"main{index}\", worker = .worker{index}),");
    }
    if configuration.chat {
        text.push_str("    (name = \"chat\", worker = .chat),\n");
    }
    text.push_str(&services(configuration.bindings, configuration.bound_at));
    text.push_str(
        "    (name = \"internet\", network = (allow = [\"public\", \"private\"], \
         tlsOptions = (trustBrowserCas = true))),\n    \
         (name = \"storage\", disk = (path = \"storage\", writable = true)),\n  ],\n  sockets = [\n",
    );
    for (index, port) in configuration.ports.iter().enumerate() {
        let _ = writeln!(
            text,
            "    (name = \"http{index}\", address = \"127.0.0.1:{port}\", http = (), service = \"main{index}\"),"
        );
    }
    text.push_str("  ],\n);\n");
    for index in 0..configuration.ports.len() {
        text.push_str(&worker(index, configuration));
    }
    if configuration.chat {
        text.push_str(&chat());
    }
    text
}

fn worker(index: usize, configuration: &Configuration<'_>) -> String {
    let mut bindings = String::new();
    for (binding, class) in OBJECTS {
        let designator = if index == 0 {
            format!("\"{class}\"")
        } else {
            format!("(className = \"{class}\", serviceName = \"main0\")")
        };
        let _ = writeln!(
            bindings,
            "    (name = \"{binding}\", durableObjectNamespace = {designator}),"
        );
    }
    for (name, value) in configuration.vars {
        let _ = writeln!(bindings, "    (name = {}, text = {}),", quoted(name), quoted(value));
    }
    bindings.push_str(&designators(configuration.bindings));
    if configuration.chat {
        bindings.push_str(
            "    (name = \"APP_CHAT\", durableObjectNamespace = (className = \"ChatDO\", serviceName = \"chat\")),\n",
        );
    }
    let objects = if index == 0 { objects() } else { String::new() };
    let main = match configuration.main {
        Some(name) => format!("(name = \"{name}\", esModule = embed \"{name}\"),\n    "),
        None => String::new(),
    };
    format!(
        "const worker{index} :Workerd.Worker = (\n  modules = [\n    {main}\
         (name = \"index.js\", esModule = embed \"index.js\"),\n    \
         (name = \"worker.js\", esModule = embed \"worker.js\"),\n    \
         (name = \"index_bg.wasm\", wasm = embed \"index_bg.wasm\"),\n  ],\n  \
         compatibilityDate = \"{COMPATIBILITY_DATE}\",\n  bindings = [\n{bindings}  ],\n{objects}  \
         globalOutbound = \"internet\",\n);\n"
    )
}

/// The Worker beside it. Its objects are in memory.
fn chat() -> String {
    format!(
        "const chat :Workerd.Worker = (\n  modules = [(name = \"{CHAT}\", esModule = embed \"{CHAT}\")],\n  \
         compatibilityDate = \"{COMPATIBILITY_DATE}\",\n  durableObjectNamespaces = [\n    \
         (className = \"ChatDO\", uniqueKey = \"chat-ChatDO\", enableSql = true),\n  ],\n  \
         durableObjectStorage = (inMemory = void),\n);\n"
    )
}

fn objects() -> String {
    let mut text = String::from("  durableObjectNamespaces = [\n");
    for (_, class) in OBJECTS {
        let _ = writeln!(
            text,
            "    (className = \"{class}\", uniqueKey = \"sitebay-mcp-{class}\", enableSql = true),"
        );
    }
    text.push_str("  ],\n  durableObjectStorage = (localDisk = \"storage\"),\n");
    text
}

/// A text in quotes.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '\n' => out.push_str("\\n"),
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(ports: &[u16]) -> Configuration<'_> {
        Configuration {
            ports,
            vars: &[],
            v8: &[],
            main: None,
            chat: false,
            bindings: &[],
            bound_at: "",
        }
    }

    #[test]
    fn the_second_isolate_uses_the_objects_of_the_first() {
        let text = render(&plain(&[1, 2]));
        assert!(text.contains(r#"durableObjectNamespace = "SessionAgent""#));
        assert!(text.contains(r#"(className = "SessionAgent", serviceName = "main0")"#));
        assert_eq!(text.matches("localDisk").count(), 1);
    }

    #[test]
    fn every_isolate_has_the_bindings() {
        let bindings = [Binding::new("K", sandbox::bindings::Kind::Kv, "k")];
        let bound =
            Configuration { bindings: &bindings, bound_at: "127.0.0.1:9", ..plain(&[1, 2]) };
        let text = render(&bound);
        assert_eq!(text.matches(r#"(name = "K", kvNamespace = "bound K")"#).count(), 2);
        assert_eq!(text.matches(r#"external = (address = "127.0.0.1:9""#).count(), 1);
    }

    #[test]
    fn every_isolate_reaches_the_objects_of_the_worker_beside_it() {
        let text = render(&Configuration { chat: true, ..plain(&[1, 2]) });
        let bound = r#"(name = "APP_CHAT", durableObjectNamespace = (className = "ChatDO", serviceName = "chat"))"#;
        assert_eq!(text.matches(bound).count(), 2);
        assert_eq!(text.matches("const chat :Workerd.Worker").count(), 1);
        assert!(!render(&plain(&[1])).contains("chat"));
    }

    #[test]
    fn every_file_of_a_bundle_is_a_module() {
        let text = render(&plain(&[1]));
        for name in crate::bundle::FILES {
            assert!(text.contains(&format!("(name = \"{name}\", ")), "{name}");
        }
    }

    /// Tests and deployment use the same date and classes.
    #[test]
    fn the_date_and_the_classes_are_those_of_the_deployment() {
        let deployed = std::fs::read_to_string(crate::paths::root().join("wrangler.toml")).unwrap();
        assert!(deployed.contains(&format!("compatibility_date = \"{COMPATIBILITY_DATE}\"\n")));
        assert!(!deployed.contains("compatibility_flags"));
        for (binding, class) in OBJECTS {
            let both = format!("name = \"{binding}\", class_name = \"{class}\"");
            assert!(deployed.contains(&both), "{both}");
        }
    }

    #[test]
    fn a_variable_cannot_leave_its_quotes() {
        assert_eq!(quoted("a\"b\\c\nd"), r#""a\"b\\c\nd""#);
    }
}
