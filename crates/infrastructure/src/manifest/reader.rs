//! Reads the objects of a manifest key by key, and collects every fault with its place.

use std::cell::RefCell;

use super::{fault::Fault, node::Node};

/// The faults that were found so far.
#[derive(Debug, Default)]
pub(super) struct FaultList(RefCell<Vec<Fault>>);

impl FaultList {
    pub(super) fn add(&self, place: &str, what: impl Into<String>) {
        self.0.borrow_mut().push(Fault { place: place.to_owned(), what: what.into() });
    }

    pub(super) fn into_inner(self) -> Vec<Fault> {
        self.0.into_inner()
    }
}

/// An object that is being read.
pub(super) struct Reader<'a> {
    place: String,
    entries: &'a [(String, Node)],
    faults: &'a FaultList,
}

/// The place of a key below another one.
fn below(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

impl<'a> Reader<'a> {
    /// Opens an object whose keys are checked elsewhere. None: it is no object.
    pub(super) fn unchecked(place: String, node: &'a Node, faults: &'a FaultList) -> Option<Self> {
        let Node::Object(entries) = node else {
            faults.add(&place, format!("expected an object, found {}", node.kind()));
            return None;
        };
        Some(Self { place, entries, faults })
    }

    /// Opens an object that has no keys but these, and none twice. None: it is no object.
    pub(super) fn open(
        place: String,
        node: &'a Node,
        known: Option<&[&str]>,
        faults: &'a FaultList,
    ) -> Option<Self> {
        let reader = Self::unchecked(place, node, faults)?;
        reader.refuse_twins();
        if let Some(known) = known {
            reader.refuse_unknown(known);
        }
        Some(reader)
    }

    fn refuse_twins(&self) {
        for (at, (key, _)) in self.entries.iter().enumerate() {
            if self.entries.iter().take(at).any(|(earlier, _)| earlier == key) {
                self.fault(key, "the key comes twice");
            }
        }
    }

    fn refuse_unknown(&self, known: &[&str]) {
        for (key, _) in self.entries {
            if known.contains(&key.as_str()) {
                continue;
            }
            let is_id = key == "id" || key.ends_with("_id");
            let why = match is_id {
                true => "ids do not belong here: everything is found by its name".to_owned(),
                false => format!("unknown key; known are {}", known.join(", ")),
            };
            self.fault(key, why);
        }
    }

    /// Adds a fault of a key.
    pub(super) fn fault(&self, key: &str, what: impl Into<String>) {
        self.faults.add(&below(&self.place, key), what);
    }

    /// Adds a fault of the object itself.
    pub(super) fn own_fault(&self, what: impl Into<String>) {
        self.faults.add(&self.place, what);
    }

    /// The entries with their places.
    pub(super) fn entries(&self) -> impl Iterator<Item = (String, &'a str, &'a Node)> {
        self.entries.iter().map(|(key, node)| (below(&self.place, key), key.as_str(), node))
    }

    pub(super) fn node(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(known, _)| known == key).map(|(_, node)| node)
    }

    fn expected(&self, key: &str, what: &str, found: &Node) {
        self.fault(key, format!("expected {what}, found {}", found.kind()));
    }

    /// A text that may be absent.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        match self.node(key)? {
            Node::Text(text) => Some(text),
            other => {
                self.expected(key, "a string", other);
                None
            }
        }
    }

    /// A text that must be there.
    pub(super) fn required(&self, key: &str) -> Option<&'a str> {
        if self.node(key).is_none() {
            self.own_fault(format!("`{key}` is missing"));
        }
        self.text(key)
    }

    /// A flag; false where it is absent. Whatever is no boolean is a fault.
    pub(super) fn flag(&self, key: &str) -> bool {
        match self.node(key) {
            None => false,
            Some(Node::Flag(flag)) => *flag,
            Some(other) => {
                self.expected(key, "true or false", other);
                false
            }
        }
    }

    /// A whole number in a range.
    pub(super) fn number(&self, key: &str, from: u32, to: u32) -> Option<u32> {
        let node = self.node(key)?;
        let range = format!("a whole number from {from} to {to}");
        match node {
            Node::Number(number) => {
                let found = (from..=to).find(|whole| f64::from(*whole) == *number);
                if found.is_none() {
                    self.fault(key, format!("expected {range}, found {number}"));
                }
                found
            }
            other => {
                self.expected(key, &range, other);
                None
            }
        }
    }

    /// A list of texts; empty where it is absent.
    pub(super) fn texts(&self, key: &str) -> Vec<&'a str> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let Node::List(elements) = node else {
            self.expected(key, "a list of strings", node);
            return Vec::new();
        };
        let mut texts = Vec::new();
        for (at, element) in elements.iter().enumerate() {
            match element {
                Node::Text(text) => texts.push(text.as_str()),
                other => self.expected(&format!("{key}[{at}]"), "a string", other),
            }
        }
        texts
    }

    /// One of several words.
    pub(super) fn word(&self, key: &str, words: &[&'static str]) -> Option<&'static str> {
        let text = self.text(key)?;
        let found = words.iter().find(|word| **word == text);
        if found.is_none() {
            self.fault(key, format!("`{text}` is none of {}", words.join(", ")));
        }
        found.copied()
    }
}
