//! This server's own classes are not those of a stage, also where a manifest says so.

use mcp_server::testing::FakePlatform;
use serde_json::{Map, Value, json, value::to_raw_value};

use crate::{
    manifest::Manifest,
    tools_testing::{context, toolset, with},
};

/// Binding and class of everything that the deployment binds.
fn own_classes() -> Vec<(&'static str, &'static str)> {
    let deployed = include_str!("../../../../wrangler.toml");
    let class = |line: &'static str| {
        let (_, binding) = line.split_once("{ name = \"")?;
        let (binding, class) = binding.split_once("\", class_name = \"")?;
        Some((binding, class.split_once('"')?.0))
    };
    deployed.lines().filter_map(class).collect()
}

/// A manifest with each of the classes by its name, with each of the bindings under another name, and with one of a stage.
fn manifest() -> &'static str {
    let mut resources = Map::new();
    let one = |class: &str, binding: &str| json!({ "kind": "durable_object", "class": class, "binding": binding, "message": "/message" });
    resources.insert("chat".to_owned(), one("ChatDO", "APP_CHAT"));
    for (binding, class) in own_classes() {
        let name = class.to_ascii_lowercase();
        resources.insert(format!("{name}-class"), one(class, "APP_OTHER"));
        resources.insert(format!("{name}-binding"), one(&format!("{name}2"), binding));
    }
    let text = json!({
        "app": "shop", "default": "staging", "stages": { "staging": { "worker": "{app}-{stage}" } },
        "resources": resources,
    });
    Box::leak(text.to_string().into_boxed_str())
}

/// Statement 24.
#[test]
fn none_of_this_servers_own_classes_takes_a_message_even_where_the_manifest_names_it() {
    let mut own = own_classes();
    own.sort_unstable();
    own.dedup();
    assert_eq!(own.len(), 8, "{own:?}");
    let manifest = manifest();
    Manifest::parse(manifest).unwrap();
    let tools = toolset(manifest);
    let send = |object: &str| {
        let arguments = json!({ "objectName": object, "message": "hi", "confirm": true });
        let raw = to_raw_value(&arguments).unwrap();
        let platform = FakePlatform::new([]);
        let ctx = context(&platform);
        let called = tools.called(&ctx, "send_durable_object_message", Some(&raw));
        let answer: Value =
            serde_json::from_str(&pollster::block_on(called).unwrap().to_json()).unwrap();
        answer["content"][0]["text"].as_str().unwrap().to_owned()
    };
    for (_, class) in own {
        let name = class.to_ascii_lowercase();
        for object in
            [class, &format!("{name}-class"), &format!("{name}2"), &format!("{name}-binding")]
        {
            let said = send(object);
            assert!(said.starts_with("Nothing was sent.") && said.contains("is none"), "{said}");
        }
    }
    with(|around| assert!(around.sent.is_empty(), "{:?}", around.sent));
    let said = send("ChatDO");
    with(|around| assert_eq!(around.sent.len(), 1, "{said}"));
}
