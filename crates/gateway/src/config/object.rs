//! Reading a JSON object field by field, with all its faults.

use mcp_protocol::{
    fields::entries,
    raw::{self, elements},
};
use serde_json::value::RawValue;

use super::error::{ConfigError, below, kind_of, shown, shown_text};

/// Entries that a list may have.
const MAX_LIST: usize = 256;

/// The faults found so far.
pub(super) type Faults = Vec<ConfigError>;

/// An object whose fields are all known, each of them there once.
pub(super) struct Object<'a> {
    at: String,
    entries: Vec<(String, &'a RawValue)>,
    /// How a fault shows the value of a field.
    shown: fn(&RawValue) -> String,
}

impl<'a> Object<'a> {
    /// Opens the object at this path. None: it is none, and what it is may be a URL with a key in it.
    pub(super) fn open(at: &str, json: &'a str, faults: &mut Faults) -> Option<Self> {
        match entries(json) {
            Ok(entries) => Some(Self { at: at.to_owned(), entries, shown }),
            Err(error) if error.is_data() => {
                let raw = RawValue::from_string(json.to_owned());
                let got = raw.ok().map(|raw| kind_of(&raw).to_owned());
                faults.push(ConfigError::new(at, "an object", got));
                None
            }
            Err(error) => {
                let place = format!("(line {}, column {})", error.line(), error.column());
                let got = Some(format!("a text that is not JSON {place}"));
                faults.push(ConfigError::new(at, "an object", got));
                None
            }
        }
    }

    /// The same where any of its values may be a secret that was put into the wrong place.
    pub(super) fn without_values(self) -> Self {
        Self { shown: |raw| kind_of(raw).to_owned(), ..self }
    }

    /// The same with these fields in the place of those that are absent.
    pub(super) fn over(mut self, usual: &'static str) -> Self {
        for (name, raw) in entries(usual).unwrap_or_default() {
            if self.get(&name).is_none() {
                self.entries.push((name, raw));
            }
        }
        self
    }

    /// Finds fields of other names, and those that are there twice.
    pub(super) fn allow_only(&self, known: &[&str], faults: &mut Faults) {
        for (place, (name, _)) in self.entries.iter().enumerate() {
            let before = self.entries.iter().take(place).any(|(other, _)| other == name);
            if !known.contains(&name.as_str()) {
                let expected = format!("one of the fields {}", known.join(", "));
                let got = Some(shown_text(name, 32));
                faults.push(ConfigError::new(&self.at, expected, got));
            } else if before {
                faults.push(ConfigError::new(&self.path(name), "one value", Some("two".into())));
            }
        }
    }

    pub(super) fn entries(&self) -> &[(String, &'a RawValue)] {
        &self.entries
    }

    pub(super) fn path(&self, name: &str) -> String {
        below(&self.at, name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.entries.iter().find(|(known, _)| known == name).map(|(_, raw)| *raw)
    }

    /// A field by a function that reads it. None: it is absent, or faulty.
    pub(super) fn read<T>(
        &self,
        name: &str,
        expected: &str,
        faults: &mut Faults,
        read: impl FnOnce(&'a RawValue) -> Option<T>,
    ) -> Option<T> {
        let raw = self.get(name)?;
        let value = read(raw);
        if value.is_none() {
            let got = Some((self.shown)(raw));
            faults.push(ConfigError::new(&self.path(name), expected, got));
        }
        value
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(
        &self,
        name: &str,
        words: &[(&str, T)],
        faults: &mut Faults,
    ) -> Option<T> {
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let expected = format!("one of {}", all.join(", "));
        self.read(name, &expected, faults, |raw| chosen(words, raw))
    }

    /// A list of texts, each of which a function reads.
    pub(super) fn list<T>(
        &self,
        name: &str,
        expected: &str,
        faults: &mut Faults,
        read: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let whole = format!("a list of at most {MAX_LIST} texts");
        let all = self.read(name, &whole, faults, |raw| {
            elements(raw.get()).ok().filter(|all| all.len() <= MAX_LIST)
        });
        let mut values = Vec::new();
        for (place, element) in all.unwrap_or_default().into_iter().enumerate() {
            match raw::text(element).and_then(|text| read(&text)) {
                Some(value) => values.push(value),
                None => {
                    let at = format!("{}[{place}]", self.path(name));
                    let got = Some((self.shown)(element));
                    faults.push(ConfigError::new(&at, expected, got));
                }
            }
        }
        values
    }

    /// The object of a field.
    pub(super) fn object(&self, name: &str, faults: &mut Faults) -> Option<Self> {
        self.get(name).and_then(|raw| Object::open(&self.path(name), raw.get(), faults))
    }
}

/// The meaning of a word.
pub(super) fn chosen<T: Copy>(words: &[(&str, T)], raw: &RawValue) -> Option<T> {
    let text = raw::text(raw)?;
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
}
