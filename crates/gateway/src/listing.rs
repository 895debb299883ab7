//! The list of an upstream, as callers see it: what of it is listed, under which name, and what stands behind.
//!
//! Invariant: what is not in a listing cannot be called, read or got. A listing is made from what the upstream sent and its
//! configuration, and from no other upstream.

use std::collections::BTreeSet;

use mcp_protocol::stateless::param_declarations::ParamHeader;
use mcp_server::toolset::Effect;
use serde_json::value::RawValue;

use crate::{
    config::Upstream,
    definition::{self, Kind},
    filter::effect,
    hygiene::{Item, LeftOut, check_all},
    names::{exposed_all, exposed_uri},
    pins,
};

/// The door at which a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The one of all upstreams: names and URIs are exposed ones.
    Common,
    /// The one of this upstream: everything is as the upstream sent it, but for renamed tools.
    Alone,
}

/// One item of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The name, or the URI, that callers use.
    pub exposed: String,
    /// The name, or the URI, that it has at its upstream.
    pub key: String,
    /// The text that is listed.
    pub text: String,
    /// The effect of a tool; of anything else, it reads.
    pub effect: Effect,
    /// The arguments of a tool that headers repeat.
    pub headers: Vec<ParamHeader>,
    /// The digest of a tool's definition, for its pin.
    pub digest: Option<String>,
}

/// A list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing {
    /// What is listed, in the order of the upstream.
    pub entries: Vec<Entry>,
    /// What cannot be listed because of its form. What the configuration hides is not among it.
    pub left_out: Vec<LeftOut>,
}

impl Listing {
    /// Makes the list of one kind from the items that an upstream sent.
    pub fn new<'a>(
        upstream: &Upstream,
        door: Door,
        kind: Kind,
        items: impl IntoIterator<Item = &'a RawValue>,
    ) -> Self {
        let checked = check_all(kind, items, upstream.descriptions);
        let is_named = matches!(kind, Kind::Tool | Kind::Prompt);
        let shown = |item: &Item<'_>| !is_named || upstream.filter.shows(&item.key);
        let items: Vec<Item<'_>> = checked.items.into_iter().filter(shown).collect();
        let exposed = exposed_keys(upstream, door, kind, &items);
        let mut listing = Self { entries: Vec::new(), left_out: checked.left_out };
        for (item, exposed) in items.into_iter().zip(exposed) {
            let key = item.key.clone();
            match exposed.and_then(|exposed| entry(upstream, door, kind, item, exposed)) {
                Some(entry) => listing.entries.push(entry),
                None => listing.left_out.push(LeftOut::repeated(&key, kind)),
            }
        }
        listing
    }

    /// Takes out the tools that a comparison of pins hides.
    pub fn hide(&mut self, hidden: &BTreeSet<String>) {
        self.entries.retain(|entry| !hidden.contains(&entry.key));
    }

    /// The names of tools at the upstream with the digests of their definitions, for [`pins::Pins::compare`].
    pub fn digests(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().filter_map(|entry| Some((entry.key.as_str(), entry.digest.as_deref()?)))
    }

    /// What a name or a URI of callers stands for.
    pub fn find(&self, exposed: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.exposed == exposed)
    }
}

/// The name or the URI for each of the items. None: another item has it.
fn exposed_keys(
    upstream: &Upstream,
    door: Door,
    kind: Kind,
    items: &[Item<'_>],
) -> Vec<Option<String>> {
    let shown = items.iter().map(|item| match kind {
        Kind::Tool => upstream.shown_name(&item.key),
        Kind::Prompt | Kind::Resource | Kind::Template => item.key.as_str(),
    });
    // A tool may be renamed to the name of another, which comes first.
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let is_renamed =
        |item: &&Item<'_>| kind == Kind::Tool && upstream.rename.contains_key(&item.key);
    let own = items.iter().filter(|item| !is_renamed(item));
    taken.extend(own.map(|item| item.key.as_str()));
    let free: Vec<Option<&str>> = items
        .iter()
        .zip(shown)
        .map(|(item, shown)| (!is_renamed(&item) || taken.insert(shown)).then_some(shown))
        .collect();
    let expose = |name: &str| match door {
        Door::Common => exposed_uri(&upstream.name, name),
        Door::Alone => name.to_owned(),
    };
    match (door, kind) {
        (Door::Common, Kind::Tool | Kind::Prompt) => {
            let names: Vec<&str> = free.iter().flatten().copied().collect();
            let mut exposed = exposed_all(&upstream.name, &names).into_iter();
            free.iter().map(|name| name.and_then(|_| exposed.next().flatten())).collect()
        }
        _ => free.into_iter().map(|name| name.map(expose)).collect(),
    }
}

fn entry(
    upstream: &Upstream,
    door: Door,
    kind: Kind,
    item: Item<'_>,
    exposed: String,
) -> Option<Entry> {
    let text = match (door, kind) {
        (Door::Common, Kind::Tool | Kind::Prompt) => {
            definition::named(kind, &upstream.name, &exposed, &item.text)?
        }
        (Door::Common, Kind::Resource | Kind::Template) => {
            definition::located(kind, &upstream.name, &item.text)?
        }
        (Door::Alone, _) if exposed != item.key => definition::renamed(&exposed, &item.text)?,
        (Door::Alone, _) => item.text.clone().into_owned(),
    };
    let (effect, digest) = match kind {
        Kind::Tool => (effect(&upstream.effects, &item.key, &item.text), pins::digest(&item.text)),
        Kind::Prompt | Kind::Resource | Kind::Template => (Effect::Read, None),
    };
    Some(Entry { exposed, key: item.key, text, effect, headers: item.headers, digest })
}

#[cfg(test)]
mod tests {
    use mcp_auth::secret::Secret;
    use proptest::{collection::btree_set, prelude::*};
    use serde_json::{Value, json};
    use test_support::json::{ANY_TEXT, raw};

    use super::*;
    use crate::{
        address::Surroundings,
        config::Rules,
        pins::{PinPolicy, Pins, UnknownTools},
    };

    fn upstream(settings: &Value) -> Upstream {
        let mut all = json!({ "url": "https://tickets.example/mcp" });
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let secret = |_: &str| None::<Secret>;
        let rules = Rules { reserved: &[], surroundings: Surroundings::default(), secret: &secret };
        Upstream::read("tickets", &all.to_string(), "tickets", &rules).unwrap()
    }

    fn tool(name: &str) -> String {
        json!({ "name": name, "inputSchema": { "type": "object" } }).to_string()
    }

    fn listing(upstream: &Upstream, door: Door, kind: Kind, items: &[String]) -> Listing {
        let items: Vec<Box<RawValue>> = items.iter().map(|item| raw(item)).collect();
        Listing::new(upstream, door, kind, items.iter().map(AsRef::as_ref))
    }

    fn exposed(listing: &Listing) -> Vec<&str> {
        listing.entries.iter().map(|entry| entry.exposed.as_str()).collect()
    }

    #[test]
    fn tools_are_filtered_by_their_names_there_and_listed_by_those_of_callers() {
        let tickets = upstream(&json!({
            "allow": ["get*", "find"], "deny": ["get_secret"], "rename": { "get.all": "all", "gone": "x" },
            "effects": { "get*": "read" },
        }));
        let items = ["get.all", "get_secret", "find", "drop"].map(tool);
        let common = listing(&tickets, Door::Common, Kind::Tool, &items);
        assert_eq!(exposed(&common), ["tickets_all", "tickets_find"]);
        let all = common.find("tickets_all").unwrap();
        assert_eq!((all.key.as_str(), all.effect), ("get.all", Effect::Read));
        assert_eq!(all.text, tool("tickets_all"));
        assert!(common.find("tickets_drop").is_none() && common.find("all").is_none());
        let alone = listing(&tickets, Door::Alone, Kind::Tool, &items);
        assert_eq!(exposed(&alone), ["all", "find"]);
        assert_eq!(alone.entries[0].text, tool("all"));
        assert_eq!(alone.entries[1].text, items[2]);
        assert_eq!(alone.entries[0].digest, common.entries[0].digest);
    }

    #[test]
    fn a_tool_is_not_renamed_to_the_name_of_another() {
        let tickets = upstream(&json!({ "rename": { "a": "b" } }));
        for door in [Door::Common, Door::Alone] {
            let both = listing(&tickets, door, Kind::Tool, &["a", "b"].map(tool));
            let keys: Vec<&str> = both.entries.iter().map(|entry| entry.key.as_str()).collect();
            assert_eq!(keys, ["b"]);
            assert_eq!(both.left_out, [LeftOut::repeated("a", Kind::Tool)]);
        }
    }

    #[test]
    fn resources_are_listed_by_uri_and_filtered_by_no_name() {
        let tickets = upstream(&json!({ "allow": ["get_*"] }));
        let items = [r#"{"uri":"a:1","name":"x"}"#.to_owned()];
        let common = listing(&tickets, Door::Common, Kind::Resource, &items);
        assert_eq!(common.entries[0].text, r#"{"uri":"tickets+a:1","name":"x"}"#);
        let alone = listing(&tickets, Door::Alone, Kind::Resource, &items);
        assert_eq!(alone.entries[0].text, items[0]);
    }

    // Statement 17.
    #[test]
    fn a_pinned_tool_that_changed_is_not_found() {
        let tickets = upstream(&json!({ "pins": "block" }));
        let mut pins = Pins::default();
        let mut found = |items: &[String]| {
            let mut list = listing(&tickets, Door::Common, Kind::Tool, items);
            let compared =
                pins.compare(list.digests(), true, PinPolicy::Block, UnknownTools::Allow);
            list.hide(&compared.hidden);
            exposed(&list).join(" ")
        };
        assert_eq!(found(&["a", "b"].map(tool)), "tickets_a tickets_b");
        let changed = tool("a").replace("{\"inputSchema", "{\"description\":\"new\",\"inputSchema");
        assert_ne!(changed, tool("a"));
        assert_eq!(found(&[changed, tool("b")]), "tickets_b");
        assert_eq!(found(&["a", "b"].map(tool)), "tickets_a tickets_b");
    }

    proptest! {
        // Statement 11.
        #[test]
        fn every_name_of_a_listing_is_found_and_stands_for_one_tool(names in btree_set(prop_oneof![ANY_TEXT, "[a-z._]{0,9}"], 0..9)) {
            let tickets = upstream(&json!({}));
            let items: Vec<String> = names.iter().map(|name| tool(name)).collect();
            let listed = listing(&tickets, Door::Common, Kind::Tool, &items);
            prop_assert_eq!(listed.entries.len().saturating_add(listed.left_out.len()), names.len());
            for entry in &listed.entries {
                prop_assert_eq!(&listed.find(&entry.exposed).unwrap().key, &entry.key);
                prop_assert_eq!(&entry.text, &tool(&entry.key).replacen(&json!(entry.key).to_string(), &json!(entry.exposed).to_string(), 1).clone());
            }
        }
    }
}
