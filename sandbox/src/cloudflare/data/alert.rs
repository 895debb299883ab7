//! Notification policies and the webhooks that they are sent to.

use serde_json::{Map, Value, json};

use crate::engine::clock::{self, Time};

/// Alert types that policies may have, of about sixty. None of them is about errors of Workers.
pub(crate) const ALERT_TYPES: &[(&str, &str)] = &[
    ("billing_usage_alert", "Billing"),
    ("custom_ssl_certificate_event_type", "SSL/TLS"),
    ("dedicated_ssl_certificate_event_type", "SSL/TLS"),
    ("health_check_status_notification", "Health Checks"),
    ("http_alert_edge_error", "Traffic Monitoring"),
    ("http_alert_origin_error", "Traffic Monitoring"),
    ("incident_alert", "Cloudflare Status"),
    ("maintenance_event_notification", "Cloudflare Status"),
    ("traffic_anomalies_alert", "Traffic Monitoring"),
    ("universal_ssl_event_type", "SSL/TLS"),
];

/// A policy.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) id: String,
    pub(crate) created: Time,
    pub(crate) modified: Time,
    /// All that the caller gave: name, alert type, mechanisms, filters.
    pub(crate) fields: Map<String, Value>,
}

/// A webhook. Its secret is not kept.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) created: Time,
}

impl Policy {
    /// As one and lists show it.
    pub(crate) fn view(&self) -> Value {
        let mut view = self.fields.clone();
        view.insert("id".to_owned(), json!(self.id));
        view.insert("created".to_owned(), json!(clock::text(self.created)));
        view.insert("modified".to_owned(), json!(clock::text(self.modified)));
        Value::Object(view)
    }
}

impl Webhook {
    /// As one and lists show it.
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "url": self.url,
            "type": "generic",
            "created_at": clock::text(self.created),
            "last_success": Value::Null,
            "last_failure": Value::Null,
        })
    }
}
