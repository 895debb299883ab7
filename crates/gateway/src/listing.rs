//! A list of an upstream, as callers see it at both doors: what of it is listed, under which names, and what stands behind.
//!
//! Invariant: what is not in a listing cannot be called, read or got. A listing is made from what the upstream sent and its
//! configuration, and from no other upstream. At the common door names and URIs are exposed ones; at the door of the upstream
//! everything is as it was sent, but for tools that the operator renamed.

use std::{collections::BTreeSet, rc::Rc};

use mcp_protocol::{list_kind::ListKind, stateless::param_declarations::ParamHeader};
use mcp_server::toolset::Effect;
use serde_json::value::RawValue;

use crate::{
    config::Upstream,
    definition,
    filter::effect,
    hygiene::{Item, LeftOut, check_all},
    names::{exposed_all, exposed_uri},
    pins::{self, PinPolicy},
};

/// One item of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name, or its URI, at the upstream.
    pub key: Rc<str>,
    /// Its name, or its URI, at the common door.
    pub exposed: Rc<str>,
    /// Its name, or its URI, at the door of the upstream.
    pub shown: Rc<str>,
    /// Its definition at the common door.
    pub common: Rc<str>,
    /// Its definition at the door of the upstream.
    pub own: Rc<str>,
    /// The effect of a tool; of anything else, it reads.
    pub effect: Effect,
    /// The arguments of a tool that headers repeat.
    pub headers: Vec<ParamHeader>,
    /// The digest of a tool's definition, where tools of its upstream are pinned.
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
        kind: ListKind,
        items: impl IntoIterator<Item = &'a RawValue>,
    ) -> Self {
        let checked = check_all(kind, items, upstream.descriptions);
        let is_named = matches!(kind, ListKind::Tools | ListKind::Prompts);
        let is_shown = |item: &Item<'_>| !is_named || upstream.filter.shows(&item.key);
        let items: Vec<Item<'_>> = checked.items.into_iter().filter(is_shown).collect();
        let shown = shown_keys(upstream, kind, &items);
        let exposed = exposed_keys(upstream, kind, &shown);
        let mut listing = Self { entries: Vec::new(), left_out: checked.left_out };
        for ((item, shown), exposed) in items.iter().zip(&shown).zip(exposed) {
            let names = shown.zip(exposed.as_deref());
            match names.and_then(|names| entry(upstream, kind, item, names)) {
                Some(entry) => listing.entries.push(entry),
                None => listing.left_out.push(LeftOut::repeated(&item.key, kind)),
            }
        }
        listing
    }

    /// Takes out the tools that a comparison of pins hides.
    pub fn hide(&mut self, hidden: &BTreeSet<&str>) {
        self.entries.retain(|entry| !hidden.contains(&*entry.key));
    }

    /// The names of tools at the upstream with the digests of their definitions, for [`pins::Pins::compare`].
    pub fn digests(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().filter_map(|entry| Some((&*entry.key, entry.digest.as_deref()?)))
    }
}

/// The name or the URI of each item at the door of the upstream. None: it was renamed to the name of another.
fn shown_keys<'a>(
    upstream: &'a Upstream,
    kind: ListKind,
    items: &'a [Item<'_>],
) -> Vec<Option<&'a str>> {
    let renamed = |item: &Item<'_>| match kind {
        ListKind::Tools => upstream.rename.get(&item.key),
        ListKind::Prompts | ListKind::Resources | ListKind::ResourceTemplates => None,
    };
    let own = items.iter().filter(|item| renamed(item).is_none());
    let mut taken: BTreeSet<&str> = own.map(|item| item.key.as_str()).collect();
    let shown = items.iter().map(|item| match renamed(item) {
        None => Some(item.key.as_str()),
        Some(name) => taken.insert(name).then_some(name.as_str()),
    });
    shown.collect()
}

/// The name or the URI of each item at the common door. None: it cannot be told from another.
fn exposed_keys(
    upstream: &Upstream,
    kind: ListKind,
    shown: &[Option<&str>],
) -> Vec<Option<String>> {
    match kind {
        ListKind::Tools | ListKind::Prompts => {
            let names: Vec<&str> = shown.iter().flatten().copied().collect();
            let mut exposed = exposed_all(&upstream.name, &names).into_iter();
            shown.iter().map(|name| name.and_then(|_| exposed.next().flatten())).collect()
        }
        ListKind::Resources | ListKind::ResourceTemplates => {
            shown.iter().map(|uri| uri.map(|uri| exposed_uri(&upstream.name, uri))).collect()
        }
    }
}

fn entry(
    upstream: &Upstream,
    kind: ListKind,
    item: &Item<'_>,
    (shown, exposed): (&str, &str),
) -> Option<Entry> {
    let common = match kind {
        ListKind::Tools | ListKind::Prompts => {
            definition::named(kind, &upstream.name, exposed, &item.text)?
        }
        ListKind::Resources | ListKind::ResourceTemplates => {
            definition::located(kind, &upstream.name, &item.text)?
        }
    };
    let own = match shown == item.key {
        true => item.text.clone().into_owned(),
        false => definition::renamed(shown, &item.text)?,
    };
    let (effect, digest) = match kind {
        ListKind::Tools => {
            let is_pinned = upstream.pins != PinPolicy::Off;
            let digest = is_pinned.then(|| pins::digest(&item.text));
            (effect(&upstream.effects, &item.key, &item.text), digest)
        }
        ListKind::Prompts | ListKind::Resources | ListKind::ResourceTemplates => {
            (Effect::Read, None)
        }
    };
    Some(Entry {
        key: item.key.as_str().into(),
        exposed: exposed.into(),
        shown: shown.into(),
        common: common.into(),
        own: own.into(),
        effect,
        headers: item.headers.clone(),
        digest,
    })
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
        pins::{Pins, UnknownTools},
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

    fn listing(upstream: &Upstream, kind: ListKind, items: &[String]) -> Listing {
        let items: Vec<Box<RawValue>> = items.iter().map(|item| raw(item)).collect();
        Listing::new(upstream, kind, items.iter().map(AsRef::as_ref))
    }

    fn exposed(listing: &Listing) -> Vec<&str> {
        listing.entries.iter().map(|entry| &*entry.exposed).collect()
    }

    #[test]
    fn tools_are_filtered_by_their_names_there_and_listed_by_those_of_callers() {
        let tickets = upstream(&json!({
            "allow": ["get*", "find"], "deny": ["get_secret"], "rename": { "get.all": "all", "gone": "x" },
            "effects": { "get*": "read" },
        }));
        let items = ["get.all", "get_secret", "find", "drop"].map(tool);
        let listed = listing(&tickets, ListKind::Tools, &items);
        assert_eq!(exposed(&listed), ["tickets_all", "tickets_find"]);
        let [all, find] = &listed.entries[..] else { panic!() };
        assert_eq!((&*all.key, &*all.shown, all.effect), ("get.all", "all", Effect::Read));
        assert_eq!((&*all.common, &*all.own), (&*tool("tickets_all"), &*tool("all")));
        assert_eq!((&*find.own, find.effect), (&*items[2], Effect::Destructive));
        assert_eq!(all.digest, Some(pins::digest(&items[0])));
        let unpinned = listing(&upstream(&json!({ "pins": "off" })), ListKind::Tools, &items);
        assert!(unpinned.entries.iter().all(|entry| entry.digest.is_none()));
    }

    #[test]
    fn a_tool_is_not_renamed_to_the_name_of_another() {
        let tickets = upstream(&json!({ "rename": { "a": "b" } }));
        let both = listing(&tickets, ListKind::Tools, &["a", "b"].map(tool));
        assert_eq!(exposed(&both), ["tickets_b"]);
        assert_eq!(&*both.entries[0].key, "b");
        assert_eq!(both.left_out, [LeftOut::repeated("a", ListKind::Tools)]);
    }

    #[test]
    fn resources_are_listed_by_uri_and_filtered_by_no_name() {
        let tickets = upstream(&json!({ "allow": ["get_*"], "rename": { "a:1": "x" } }));
        let items = [r#"{"uri":"a:1","name":"x"}"#.to_owned()];
        let listed = listing(&tickets, ListKind::Resources, &items);
        let [entry] = &listed.entries[..] else { panic!() };
        assert_eq!(&*entry.common, r#"{"uri":"tickets+a:1","name":"x"}"#);
        assert_eq!((&*entry.own, &*entry.exposed), (&*items[0], "tickets+a:1"));
    }

    // Statement 17.
    #[test]
    fn a_pinned_tool_that_changed_is_not_found() {
        let tickets = upstream(&json!({ "pins": "block" }));
        let mut pins = Pins::default();
        let mut found = |items: &[String]| {
            let mut list = listing(&tickets, ListKind::Tools, items);
            let unknown = UnknownTools::Allow;
            let (found, _) = pins.compare(list.digests(), unknown);
            let hidden = found.iter().filter(|finding| finding.hides(tickets.pins, unknown));
            list.hide(&hidden.map(|finding| finding.tool.as_str()).collect());
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
            let listed = listing(&tickets, ListKind::Tools, &items);
            prop_assert_eq!(listed.entries.len().saturating_add(listed.left_out.len()), names.len());
            let found: BTreeSet<&str> = listed.entries.iter().map(|entry| &*entry.exposed).collect();
            prop_assert_eq!(found.len(), listed.entries.len());
            for entry in &listed.entries {
                let at_the_common_door: Value = serde_json::from_str(&entry.common).unwrap();
                prop_assert_eq!(&at_the_common_door["name"], &*entry.exposed);
                prop_assert_eq!(entry.own.to_string(), tool(&entry.key));
            }
        }
    }
}
