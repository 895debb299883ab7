//! Zones, their routes, and custom domains.

use serde_json::{Value, json};

/// A zone.
#[derive(Debug)]
pub(crate) struct Zone {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) routes: Vec<ZoneRoute>,
    /// Hosts that have DNS records of their own, on which no domain can be put.
    pub(crate) hosts: Vec<String>,
}

/// A route.
#[derive(Debug, Clone)]
pub(crate) struct ZoneRoute {
    pub(crate) id: String,
    pub(crate) pattern: String,
    /// The Worker; none for a pattern that Workers are kept from.
    pub(crate) script: Option<String>,
}

/// A custom domain of a Worker.
#[derive(Debug, Clone)]
pub(crate) struct Domain {
    pub(crate) id: String,
    pub(crate) cert_id: String,
    pub(crate) hostname: String,
    pub(crate) service: String,
    pub(crate) zone_id: String,
    pub(crate) zone_name: String,
}

impl Zone {
    /// As one and lists show it.
    pub(crate) fn view(&self, account: &str, account_name: &str) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "status": "active",
            "paused": false,
            "type": "full",
            "account": { "id": account, "name": account_name },
        })
    }

    /// Whether a host is in it.
    pub(crate) fn has(&self, host: &str) -> bool {
        host == self.name || host.ends_with(&format!(".{}", self.name))
    }
}

impl ZoneRoute {
    /// As one and lists show it.
    pub(crate) fn view(&self) -> Value {
        let mut view = json!({ "id": self.id, "pattern": self.pattern });
        if let (Some(script), Value::Object(fields)) = (&self.script, &mut view) {
            fields.insert("script".to_owned(), json!(script));
        }
        view
    }
}

impl Domain {
    /// As one and lists show it.
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id,
            "cert_id": self.cert_id,
            "hostname": self.hostname,
            "service": self.service,
            "environment": "production",
            "zone_id": self.zone_id,
            "zone_name": self.zone_name,
        })
    }
}
