//! DNS records.

use serde_json::{Value, json};
use uuid::Uuid;

use super::derived;

/// A record.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// Its id: 32 hexadecimal digits.
    pub(crate) id: String,
    /// Its type, in capitals.
    pub(crate) kind: String,
    /// The whole name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) content: String,
    /// Whether visitors go through the cache.
    pub(crate) proxied: bool,
}

impl Record {
    /// A new record.
    pub(crate) fn new(kind: String, name: String, content: String, proxied: bool) -> Self {
        let id = Uuid::new_v4().simple().to_string();
        Self { id, kind, name, content, proxied }
    }

    /// The records a site starts with.
    pub(crate) fn stock(site: Uuid, fqdn: &str) -> Vec<Self> {
        let records = [
            (1, "A", fqdn.to_owned(), "192.0.2.10".to_owned(), true),
            (2, "CNAME", format!("www.{fqdn}"), fqdn.to_owned(), true),
        ];
        let record =
            |(number, kind, name, content, proxied): (u128, &str, String, String, bool)| {
                let id = derived(site, number.saturating_add(0xd5)).simple().to_string();
                Self { id, kind: kind.to_owned(), name, content, proxied }
            };
        records.into_iter().map(record).collect()
    }

    /// The record as the API shows it.
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id,
            "type": self.kind,
            "name": self.name,
            "content": self.content,
            "proxied": self.proxied,
            "ttl": 1,
        })
    }
}
