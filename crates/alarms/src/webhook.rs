//! The message of an alarm, in the form of Standard Webhooks (standardwebhooks.com): its id, its time and an
//! HMAC-SHA-256 over both and its body.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use mcp_platform::time::rfc3339;
use serde_json::{Value, json};
use sha2::Sha256;
use thiserror::Error;

use crate::{
    incident::{Change, Event},
    reading::WINDOW_MINUTES,
};

/// What a key may begin with.
const PREFIX: &str = "whsec_";
/// Milliseconds of an hour.
const HOUR_MS: u64 = 3_600_000;
/// Bytes of a key.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The key that signs.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookKey(Vec<u8>);

impl std::fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected base64 of 24 to 64 bytes, with or without `whsec_` in front")]
pub struct KeyError;

impl WebhookKey {
    /// Reads a key.
    ///
    /// # Errors
    /// Where it is not base64, or too short or too long.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.strip_prefix(PREFIX).unwrap_or(text);
        let bytes = STANDARD.decode(text).map_err(|_| KeyError)?;
        if KEY_BYTES.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(KeyError) }
    }

    /// The signature of a message.
    fn sign(&self, id: &str, at_s: u64, body: &str) -> String {
        // HMAC takes a key of any length; the fallback cannot be reached.
        let mac = Hmac::<Sha256>::new_from_slice(&self.0);
        let mut mac = mac.unwrap_or_else(|_| Hmac::new(&Default::default()));
        mac.update(format!("{id}.{at_s}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its body: JSON.
    pub body: String,
}

impl Message {
    /// The message of a change. Its id is the same whenever it is posted, within the hour also where the incident could
    /// not be kept: then the next look finds it anew, under the same number.
    pub fn of(event: &Event, environment: &str, key: &WebhookKey, now_ms: u64) -> Self {
        let Event { rule, change, since_ms, number, share, threshold, requests } = event;
        let word = match change {
            Change::Begun => "begun",
            Change::Over => "over",
        };
        let hour = since_ms / HOUR_MS;
        let id = format!("alarm_{environment}_{}_{hour}_{number}_{word}", rule.name());
        let rounded = |percent: f64| (percent * 100.0).round() / 100.0;
        let data = json!({
            "service": "sitebay-mcp",
            "environment": environment,
            "alarm": rule.name(),
            "since": rfc3339(*since_ms),
            "share_percent": share.map(rounded),
            "threshold_percent": threshold,
            "requests": requests.round(),
            "window_minutes": WINDOW_MINUTES,
        });
        Self::signed(id, &format!("alarm.{word}"), &data, key, now_ms)
    }

    /// A message of this id and kind, such as `alarm.begun`.
    pub fn signed(id: String, kind: &str, data: &Value, key: &WebhookKey, now_ms: u64) -> Self {
        let body = json!({ "type": kind, "timestamp": rfc3339(now_ms), "data": data });
        let (body, at_s) = (body.to_string(), now_ms / 1_000);
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("webhook-signature", key.sign(&id, at_s, &body)),
            ("webhook-id", id),
            ("webhook-timestamp", at_s.to_string()),
        ];
        Self { headers, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Rule;

    /// The example of the Standard Webhooks specification's reference libraries.
    #[test]
    fn the_signature_is_that_of_the_standard() {
        let key = WebhookKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_key_is_base64_of_enough_bytes_and_is_not_shown() {
        assert!(WebhookKey::parse(&STANDARD.encode([7; 32])).is_ok());
        for wrong in ["", "whsec_", "not base64 at all, but long enough to be one", "c2hvcnQ="] {
            assert_eq!(WebhookKey::parse(wrong), Err(KeyError), "{wrong}");
        }
        assert_eq!(WebhookKey::parse(&STANDARD.encode([7; 65])), Err(KeyError));
        let key = WebhookKey::parse(&STANDARD.encode([7; 32])).unwrap();
        assert_eq!(format!("{key:?}"), "[secret]");
    }

    #[test]
    fn a_message_has_the_same_id_whenever_it_is_posted() {
        let key = WebhookKey(vec![1; 32]);
        let event = Event {
            rule: Rule::RateLimit,
            change: Change::Begun,
            since_ms: 1_795_161_600_000,
            number: 1,
            share: Some(12.3456),
            threshold: Some(5.0),
            requests: 1000.0,
        };
        let at = |now_ms| Message::of(&event, "production", &key, now_ms);
        let id = |message: &Message| message.headers[2].clone();
        let (first, second) = (at(1_795_161_600_000), at(1_795_161_900_000));
        assert_eq!(id(&first), id(&second));
        assert_ne!(first.headers[1], second.headers[1]);
        let body: serde_json::Value = serde_json::from_str(&first.body).unwrap();
        assert_eq!(body["data"]["share_percent"], 12.35);
        assert_eq!(
            (&body["type"], &body["data"]["alarm"]),
            (&json!("alarm.begun"), &json!("rate-limit"))
        );
    }
}
