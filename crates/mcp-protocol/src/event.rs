//! Server-sent events: how messages are put on a stream, and the ids that name them.
//!
//! Invariant: an id names its stream (MCP 2025-11-25 `basic/transports` "Resumability"): the life of
//! the object that sent it, the request it belongs to, and its place on the stream. Format:
//! WHATWG HTML "Server-sent events".

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use serde_json::value::RawValue;

use crate::jsonrpc::RequestId;

/// A comment that keeps the connection open and shows the sender whether the peer is connected.
pub const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// Names the stream of one call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamId(String);

impl StreamId {
    /// The stream of a request in one incarnation of an object. `number` distinguishes two streams of
    /// requests that carry the same id.
    pub fn of_call(incarnation: &str, number: u32, request: &RequestId) -> Self {
        let request = URL_SAFE_NO_PAD.encode(request.as_json());
        Self(format!("{incarnation}.{number}.{request}"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the event at this place.
    pub fn event_id(&self, place: u32) -> String {
        format!("{}.{place}", self.0)
    }
}

/// An event id as it comes back in `Last-Event-ID`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEvent {
    /// The stream it belongs to.
    pub stream: StreamId,
    /// The life of the object that sent it.
    pub incarnation: String,
    /// The request whose answer the stream carries.
    pub request: RequestId,
    /// Its place on the stream.
    pub place: u32,
}

impl LastEvent {
    /// Reads an id; None where it names no stream of a call.
    pub fn parse(id: &str) -> Option<Self> {
        let mut parts = id.split('.');
        let incarnation = parts.next().filter(|part| !part.is_empty())?;
        let number: u32 = parts.next()?.parse().ok()?;
        let request = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        let place = parts.next()?.parse().ok()?;
        let request = RawValue::from_string(String::from_utf8(request).ok()?).ok()?;
        let request = RequestId::read(&request)?;
        let stream = StreamId::of_call(incarnation, number, &request);
        let whole = parts.next().is_none();
        whole.then(|| Self { stream, incarnation: incarnation.to_owned(), request, place })
    }
}

/// The event that names the message endpoint (2024-11-05).
pub fn endpoint(uri: &str) -> Vec<u8> {
    format!("event: endpoint\ndata: {uri}\n\n").into_bytes()
}

/// The `retry` field: the delay before the client reconnects.
pub fn retry(milliseconds: u32) -> Vec<u8> {
    format!("retry: {milliseconds}\n\n").into_bytes()
}

/// An event that carries a message.
pub fn message(id: Option<&str>, json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len().saturating_add(96));
    out.extend_from_slice(b"event: message\n");
    put_id(&mut out, id);
    // A line break inside is white space in JSON, and would end the event.
    for line in json.split(|byte| matches!(byte, b'\n' | b'\r')) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.push(b'\n');
    out
}

/// The event that starts a stream with an id and no data, so that a client that loses the
/// connection before the first message can come back.
pub fn priming(id: &str) -> Vec<u8> {
    let mut out = Vec::new();
    put_id(&mut out, Some(id));
    out.extend_from_slice(b"data: \n\n");
    out
}

/// A comment line; clients ignore it, people who look at the wire do not.
pub fn comment(text: &str) -> Vec<u8> {
    format!(": {}\n\n", text.replace(['\r', '\n'], " ")).into_bytes()
}

fn put_id(out: &mut Vec<u8>, id: Option<&str>) {
    if let Some(id) = id {
        out.extend_from_slice(b"id: ");
        out.extend_from_slice(id.as_bytes());
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::testing::{ANY_TEXT, any_json};

    fn request(json: &str) -> RequestId {
        RequestId::read(&RawValue::from_string(json.into()).unwrap()).unwrap()
    }

    #[test]
    fn an_id_names_life_request_and_place_in_one_line() {
        let stream = StreamId::of_call("k3", 2, &request("\"a\\nb\""));
        assert_eq!(stream.event_id(5), "k3.2.ImFcbmIi.5");
    }

    #[test]
    fn an_id_leads_back_to_its_stream() {
        let stream = StreamId::of_call("k3", 2, &request("\"a\""));
        let last = LastEvent::parse(&stream.event_id(5)).unwrap();
        assert_eq!((last.stream, last.place), (stream, 5));
        for id in ["", "1", "a.b.c.d", "k3.2.!!.5", "k3.2.ImEi.5.6", ".2.ImEi.5", "k3.2.e30.1"] {
            assert_eq!(LastEvent::parse(id), None, "{id}");
        }
    }

    #[test]
    fn a_line_break_in_a_message_does_not_end_its_event() {
        let event = String::from_utf8(message(None, b"{\n}\r\n")).unwrap();
        assert_eq!(event, "event: message\ndata: {\ndata: }\ndata: \ndata: \n\n");
    }

    #[test]
    fn a_message_is_one_data_line() {
        let event = message(Some("1"), br#"{"a":"b\nc"}"#);
        let text = String::from_utf8(event).unwrap();
        assert_eq!(text, "event: message\nid: 1\ndata: {\"a\":\"b\\nc\"}\n\n");
    }

    /// The ids and data of a stream as clients read them (WHATWG HTML "Server-sent events").
    fn interpreted(stream: &[u8]) -> Vec<(String, String)> {
        let stream = std::str::from_utf8(stream).unwrap();
        let (mut events, mut id, mut data) = (Vec::new(), String::new(), Vec::new());
        for line in stream.replace("\r\n", "\n").split(['\n', '\r']) {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => value.clone_into(&mut id),
                "data" => data.push(value),
                _ => {}
            }
            if line.is_empty() && !data.is_empty() {
                events.push((id.clone(), std::mem::take(&mut data).join("\n")));
            }
        }
        events
    }

    proptest! {
        #[test]
        fn any_json_survives_its_event(
            values in prop::collection::vec(any_json(), 1..4),
            break_ in prop::sample::select(vec!["\n", "\r", "\r\n", "\n\n", " "]),
        ) {
            let mut stream = KEEP_ALIVE.to_vec();
            for (place, value) in values.iter().enumerate() {
                let text = serde_json::to_string_pretty(value).unwrap().replace('\n', break_);
                stream.extend(message(Some(&format!("k.1.MQ.{place}")), text.as_bytes()));
            }
            let events = interpreted(&stream);
            prop_assert_eq!(events.len(), values.len());
            for (place, (value, (id, data))) in values.iter().zip(events).enumerate() {
                prop_assert_eq!(id, format!("k.1.MQ.{place}"));
                prop_assert_eq!(&serde_json::from_str::<Value>(&data).unwrap(), value);
            }
        }

        #[test]
        fn a_comment_is_no_event(text in ANY_TEXT) {
            prop_assert!(interpreted(&comment(&text)).is_empty());
        }

        #[test]
        fn every_id_leads_back_to_its_stream(
            life in "[0-9a-f]{8}", number: u32, place: u32, said in ANY_TEXT, integer: Option<i64>,
        ) {
            let json = integer.map_or_else(|| Value::from(said), Value::from).to_string();
            let raw = RawValue::from_string(json).unwrap();
            let Some(request) = RequestId::read(&raw) else { return Ok(()) };
            let stream = StreamId::of_call(&life, number, &request);
            let id = stream.event_id(place);
            prop_assert!(id.bytes().all(|byte| byte.is_ascii_graphic()));
            let last = LastEvent { stream, incarnation: life, request, place };
            prop_assert_eq!(LastEvent::parse(&id), Some(last));
        }

        #[test]
        fn what_is_read_as_an_id_is_read_from_its_print(
            id in "[a-z.]{0,3}\\.[+0-9]{1,3}\\.(MQ|IDcg|ImEi|e30|[A-Za-z]{0,4})\\.[+0-9]{1,11}(\\.0)?",
        ) {
            if let Some(last) = LastEvent::parse(&id) {
                prop_assert_eq!(LastEvent::parse(&last.stream.event_id(last.place)), Some(last));
            }
        }
    }
}
