//! What is said of an incident, and to whom it is sent: a signed webhook, or a text for a chat.

use alarms::webhook::{Message, WebhookKey};
use mcp_platform::time::rfc3339;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rule::{Rule, Subject};

/// Subjects that a message names; the number of all is said.
pub const MAX_NAMED: usize = 50;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// It began.
    Begun,
    /// It goes on.
    Still,
    /// It is over.
    Over,
    /// A person tries the channel.
    Test,
}

impl Word {
    const fn name(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Still => "still",
            Self::Over => "over",
            Self::Test => "test",
        }
    }
}

/// A message about an incident, or about a group of them.
///
/// Invariant: it has ids, numbers and sentences of this crate, and no text of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The same whenever the message is sent.
    pub id: String,
    /// The id of the incident: that of its other messages as well.
    pub incident: String,
    /// What happened.
    pub word: Word,
    /// By which rule.
    pub rule: Rule,
    /// What it is about, at most [`MAX_NAMED`].
    pub subjects: Vec<Subject>,
    /// Devices that it is about.
    pub devices: u64,
    /// When the incident began, in milliseconds since the epoch.
    pub since_ms: u64,
    /// When this was said.
    pub at_ms: u64,
}

/// The form of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A signed webhook ([`alarms::webhook`]).
    Webhook,
    /// An incoming webhook of Slack.
    Slack,
    /// One of Discord.
    Discord,
}

impl Notice {
    /// What a person sends to try the channel.
    pub fn test(now_ms: u64) -> Self {
        Self {
            id: format!("device-alert_test_{now_ms}"),
            incident: format!("device-alert_test_{now_ms}"),
            word: Word::Test,
            rule: Rule::DeviceOffline,
            subjects: Vec::new(),
            devices: 0,
            since_ms: now_ms,
            at_ms: now_ms,
        }
    }

    /// A sentence for people.
    pub fn text(&self) -> String {
        let named = self.subjects.first().map(ToString::to_string).unwrap_or_default();
        let who = if self.devices > 1 { format!("{} devices", self.devices) } else { named };
        let since = rfc3339(self.since_ms);
        let title = self.rule.title();
        match self.word {
            Word::Begun => format!("{who}: {title} since {since}. {}", self.rule.runbook()),
            Word::Still => format!("{who}: {title}, still, since {since}. {}", self.rule.runbook()),
            Word::Over => format!("{who}: over since {}: {title}.", rfc3339(self.at_ms)),
            Word::Test => "This is a test of the alerts of devices.".to_owned(),
        }
    }

    /// The message as it is posted. Chats are not signed: their address is the secret.
    pub fn message(
        &self,
        shape: Shape,
        environment: &str,
        key: &WebhookKey,
        now_ms: u64,
    ) -> Message {
        let chat = |body: Value| Message {
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_string(),
        };
        match shape {
            Shape::Slack => {
                // What Slack reads as a link or a call of people is text.
                let text =
                    self.text().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                chat(json!({ "text": text }))
            }
            Shape::Discord => {
                // No name of a device calls people.
                chat(json!({ "content": self.text(), "allowed_mentions": { "parse": [] } }))
            }
            Shape::Webhook => {
                let kind = format!("device.alert.{}", self.word.name());
                let id = format!("{environment}_{}", self.id);
                Message::signed(id, &kind, &self.data(environment), key, now_ms)
            }
        }
    }

    fn data(&self, environment: &str) -> Value {
        let subjects =
            self.subjects.iter().map(|one| json!({ "device": one.device, "server": one.server }));
        json!({
            "service": "sitebay-mcp",
            "environment": environment,
            "incident": self.incident,
            "rule": self.rule,
            "text": self.text(),
            "runbook": self.rule.runbook(),
            "since": rfc3339(self.since_ms),
            "at": rfc3339(self.at_ms),
            "devices": self.devices,
            "subjects": subjects.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(devices: u64) -> Notice {
        Notice {
            id: "device-alert_disk_d_1_begun".to_owned(),
            incident: "device-alert_disk_d_1".to_owned(),
            word: Word::Begun,
            rule: Rule::Disk,
            subjects: vec![Subject::device("d")],
            devices,
            since_ms: 1_795_939_200_000,
            at_ms: 1_795_939_200_000,
        }
    }

    fn key() -> WebhookKey {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        WebhookKey::parse(&STANDARD.encode([7; 32])).unwrap()
    }

    #[test]
    fn a_webhook_is_signed_and_has_the_same_id_whenever_it_is_sent() {
        let at = |now_ms| notice(1).message(Shape::Webhook, "staging", &key(), now_ms);
        let (first, second) = (at(1_000), at(2_000));
        let header = |message: &Message, name: &str| {
            message.headers.iter().find(|(key, _)| *key == name).unwrap().1.clone()
        };
        assert_eq!(header(&first, "webhook-id"), "staging_device-alert_disk_d_1_begun");
        assert_eq!(header(&first, "webhook-id"), header(&second, "webhook-id"));
        assert_ne!(header(&first, "webhook-signature"), header(&second, "webhook-signature"));
        let body: Value = serde_json::from_str(&first.body).unwrap();
        assert_eq!(
            (&body["type"], &body["data"]["rule"]),
            (&json!("device.alert.begun"), &json!("disk"))
        );
        assert_eq!(body["data"]["since"], "2026-11-29T08:00:00Z");
        assert_eq!(body["data"]["subjects"], json!([{ "device": "d", "server": null }]));
    }

    #[test]
    fn a_chat_has_one_sentence_and_no_signature() {
        let slack = notice(1).message(Shape::Slack, "staging", &key(), 0);
        let body: Value = serde_json::from_str(&slack.body).unwrap();
        let text = body["text"].as_str().unwrap();
        assert!(text.starts_with("d: The disk of the device is nearly full since 2026-"), "{text}");
        assert_eq!(slack.headers.len(), 1);
        let odd = Notice { subjects: vec![Subject::device("<!channel>")], ..notice(1) };
        let body = odd.message(Shape::Slack, "staging", &key(), 0).body;
        assert!(body.contains("&lt;!channel&gt;:"), "{body}");
        let discord = notice(12).message(Shape::Discord, "staging", &key(), 0);
        let body: Value = serde_json::from_str(&discord.body).unwrap();
        assert!(body["content"].as_str().unwrap().starts_with("12 devices: "), "{body}");
        let test = Notice::test(5);
        assert!(test.text().contains("test") && test.id.ends_with("_5"));
    }
}
