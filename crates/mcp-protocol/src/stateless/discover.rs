//! `server/discover`: what this server speaks and can do.
//!
//! Invariant: every version that an error offers is on the list here, newest first. Source: MCP
//! 2026-07-28 `server/discover`.

use crate::{
    initialize::{INSTRUCTIONS, server_info},
    object::Object,
    stateless::{
        META_SERVER,
        method::Method,
        result::{CacheHint, complete, in_front},
    },
    version::Version,
};

/// The text of the result; `capabilities` is the text of those of a server without sessions.
pub fn result(capabilities: &str) -> String {
    let text = Object::new()
        .texts("supportedVersions", Version::ALL.iter().rev().map(|version| version.as_str()))
        .raw("capabilities", capabilities)
        .text("instructions", INSTRUCTIONS)
        .end();
    complete(text, Method::Discover.cache_hint())
}

/// The same of another server behind a door: its own info, and its own instructions.
pub fn result_of(capabilities: &str, info: Option<&str>, instructions: Option<&str>) -> String {
    let versions = Version::ALL.iter().rev().map(|version| version.as_str());
    let info = info.map_or_else(server_info, str::to_owned);
    let text = Object::new()
        .texts("supportedVersions", versions)
        .raw("capabilities", capabilities)
        .text_if("instructions", instructions)
        .raw("_meta", &Object::new().raw(META_SERVER, &info).end())
        .end();
    // What it says may change with its next deployment.
    in_front(&text, CacheHint::NEVER)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{stateless::error::StatelessError, testing::Examples};

    fn discovered() -> Value {
        serde_json::from_str(&result(r#"{"tools":{}}"#)).unwrap()
    }

    #[test]
    fn discovery_says_versions_capabilities_and_who_answers() {
        let found = discovered();
        assert_eq!(found["supportedVersions"][0], "2026-07-28");
        assert_eq!(found["capabilities"], json!({ "tools": {} }));
        assert_eq!(found["resultType"], "complete");
        let server = &found["_meta"]["io.modelcontextprotocol/serverInfo"];
        assert_eq!(server["name"], "sitebay-mcp");
    }

    #[test]
    fn an_error_offers_nothing_that_discovery_does_not() {
        let found = discovered();
        let known = found["supportedVersions"].as_array().unwrap();
        for asked in ["v999.0.0", "2025-06-18"] {
            let data = StatelessError::UnsupportedVersion(asked.into()).data().unwrap();
            let offered = data["supported"].as_array().unwrap();
            assert!(offered.iter().all(|version| known.contains(version)), "{offered:?}");
        }
    }

    #[test]
    fn discovery_has_the_fields_of_the_specification() {
        let Some(examples) = Examples::or_skip("discovery has the fields of the specification")
        else {
            return;
        };
        for (file, example) in examples.of("DiscoverResult") {
            for field in example.as_object().unwrap().keys() {
                assert!(discovered().get(field).is_some(), "{file}: {field}");
            }
        }
    }
}
