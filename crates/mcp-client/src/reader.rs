//! Server-sent events as they arrive.
//!
//! Invariant: the events do not depend on how the bytes were cut into chunks, and no more than one event is kept. Line ends may
//! be CR, LF or CRLF; comments, unknown fields and a byte order mark are passed over; an event that the end of the stream
//! cuts off is none. Source: WHATWG HTML "Server-sent events" §9.2.6.

use crate::error::UpstreamError;

const BOM: &[u8] = b"\xef\xbb\xbf";
/// Bytes of a line that is no data.
const MAX_LINE: usize = 16 << 10;
/// Bytes of an event id, which comes back in a header.
const MAX_ID: usize = 1024;
/// Bytes of the beginning that an error quotes.
const MAX_BEGINNING: usize = 800;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `event`; empty where it is not named.
    pub name: String,
    /// `data`, its lines joined by line feeds.
    pub data: String,
}

/// Reads events out of chunks.
#[derive(Debug)]
pub struct EventReader {
    /// Bytes that are not read yet, from `at` on.
    buffer: Vec<u8>,
    at: usize,
    /// Up to where there is no line end.
    searched: usize,
    /// The last line ended with CR: an LF that follows belongs to it.
    after_cr: bool,
    begun: bool,
    /// Whether there was any line of an event stream.
    recognised: bool,
    beginning: Vec<u8>,
    data: Option<Vec<u8>>,
    name: Vec<u8>,
    /// The id in the event that is being read.
    id: Option<Option<String>>,
    last_id: Option<String>,
    retry_ms: Option<u64>,
    limit: usize,
}

impl EventReader {
    /// A reader of events of at most so many bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            at: 0,
            searched: 0,
            after_cr: false,
            begun: false,
            recognised: false,
            beginning: Vec::new(),
            data: None,
            name: Vec::new(),
            id: None,
            last_id: None,
            retry_ms: None,
            limit,
        }
    }

    /// The id of the last event that had one.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// What the server last said about the wait before a reconnection, in milliseconds.
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// The first bytes, where nothing that came was a line of an event stream.
    pub fn unrecognised(&self) -> Option<&[u8]> {
        (!self.recognised && !self.beginning.is_empty()).then_some(self.beginning.as_slice())
    }

    /// Takes a chunk. All events of the chunks before must have been taken out.
    pub fn push(&mut self, chunk: &[u8]) {
        let room = MAX_BEGINNING.saturating_sub(self.beginning.len());
        self.beginning.extend(chunk.iter().take(room));
        self.buffer.drain(..self.at);
        self.searched = self.searched.saturating_sub(self.at);
        self.at = 0;
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole event. None: more bytes are needed.
    ///
    /// # Errors
    /// Where an event is too large, or its data is not UTF-8.
    pub fn next_event(&mut self) -> Result<Option<Event>, UpstreamError> {
        if !self.begin() {
            return Ok(None);
        }
        loop {
            let Some(line) = self.next_line() else {
                return self.check_pending().map(|()| None);
            };
            if line.is_empty() {
                if let Some(event) = self.dispatch()? {
                    return Ok(Some(event));
                }
            } else {
                self.field(&line)?;
            }
        }
    }

    /// Passes over a byte order mark. False: it is not known yet whether there is one.
    fn begin(&mut self) -> bool {
        if self.begun {
            return true;
        }
        if self.buffer.len() < BOM.len() && BOM.starts_with(&self.buffer) {
            return false;
        }
        if self.buffer.starts_with(BOM) {
            self.at = BOM.len();
            self.searched = self.at;
        }
        self.begun = true;
        true
    }

    /// The next line without its end.
    fn next_line(&mut self) -> Option<Vec<u8>> {
        if self.after_cr {
            match self.buffer.get(self.at) {
                None => return None,
                Some(b'\n') => self.at = self.at.saturating_add(1),
                Some(_) => {}
            }
            self.after_cr = false;
        }
        let from = self.searched.max(self.at);
        let rest = self.buffer.get(from..)?;
        let Some(found) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
            self.searched = self.buffer.len();
            return None;
        };
        let end = from.saturating_add(found);
        self.after_cr = self.buffer.get(end) == Some(&b'\r');
        let line = self.buffer.get(self.at..end)?.to_vec();
        self.at = end.saturating_add(1);
        Some(line)
    }

    /// Refuses a line without an end that is too long already.
    fn check_pending(&self) -> Result<(), UpstreamError> {
        let pending = self.buffer.get(self.at..).unwrap_or_default();
        let limit = if is_data(pending) { self.limit } else { MAX_LINE };
        let held = self.data.as_ref().map_or(0, Vec::len);
        let limit_of_all = if is_data(pending) { held } else { 0 };
        if pending.len().saturating_add(limit_of_all) > limit {
            return Err(UpstreamError::TooLarge { limit });
        }
        Ok(())
    }

    fn field(&mut self, line: &[u8]) -> Result<(), UpstreamError> {
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = match colon.and_then(|at| line.split_at_checked(at)) {
            Some((name, value)) => {
                let value = value.strip_prefix(b":").unwrap_or(value);
                (name, value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &[][..]),
        };
        if name != b"data" && line.len() > MAX_LINE {
            return Err(UpstreamError::TooLarge { limit: MAX_LINE });
        }
        let known = matches!(name, b"data" | b"event" | b"id" | b"retry" | b"");
        self.recognised |= known;
        match name {
            b"data" => return self.append(value),
            b"event" => self.name = value.to_vec(),
            b"id" => self.set_id(value),
            b"retry" => self.set_retry(value),
            _ => {}
        }
        Ok(())
    }

    fn append(&mut self, value: &[u8]) -> Result<(), UpstreamError> {
        let data = match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data
            }
            none => none.insert(Vec::new()),
        };
        if data.len().saturating_add(value.len()) > self.limit {
            return Err(UpstreamError::TooLarge { limit: self.limit });
        }
        data.extend_from_slice(value);
        Ok(())
    }

    /// An id that no header can carry is as good as none: the stream cannot be resumed from there.
    fn set_id(&mut self, value: &[u8]) {
        let fits = value.len() <= MAX_ID && value.iter().all(|byte| matches!(byte, b' '..=b'~'));
        let text = std::str::from_utf8(value).ok().filter(|text| fits && !text.is_empty());
        self.id = Some(text.map(str::to_owned));
    }

    fn set_retry(&mut self, value: &[u8]) {
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(value).ok().filter(|_| digits);
        if let Some(ms) = text.and_then(|text| text.parse().ok()) {
            self.retry_ms = Some(ms);
        }
    }

    fn dispatch(&mut self) -> Result<Option<Event>, UpstreamError> {
        // An event that is cut off leaves no id: it would be left out when the stream is resumed.
        if let Some(id) = self.id.take() {
            self.last_id = id;
        }
        let name = std::mem::take(&mut self.name);
        let Some(data) = self.data.take() else {
            return Ok(None);
        };
        let data = String::from_utf8(data).map_err(|wrong| {
            UpstreamError::bad_answer("an event is not UTF-8", wrong.as_bytes())
        })?;
        Ok(Some(Event { name: String::from_utf8_lossy(&name).into_owned(), data }))
    }
}

/// Whether a line is, or may become, one of data.
fn is_data(line: &[u8]) -> bool {
    line.starts_with(b"data") || b"data".starts_with(line)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Everything that a reader makes of these chunks.
    fn read(chunks: &[&[u8]], limit: usize) -> (EventReader, Vec<Event>, Option<UpstreamError>) {
        let (mut reader, mut events) = (EventReader::new(limit), Vec::new());
        for chunk in chunks {
            reader.push(chunk);
            loop {
                match reader.next_event() {
                    Ok(Some(event)) => events.push(event),
                    Ok(None) => break,
                    Err(error) => return (reader, events, Some(error)),
                }
            }
        }
        (reader, events, None)
    }

    fn data(stream: &str) -> Vec<String> {
        let (_, events, error) = read(&[stream.as_bytes()], 1 << 20);
        assert!(error.is_none(), "{error:?}");
        events.into_iter().map(|event| event.data).collect()
    }

    #[test]
    fn line_ends_may_be_of_any_kind() {
        for end in ["\n", "\r", "\r\n"] {
            let stream = format!("data: a{end}data: b{end}{end}data:c{end}{end}");
            assert_eq!(data(&stream), ["a\nb", "c"], "{end:?}");
        }
    }

    #[test]
    fn what_is_no_event_is_passed_over() {
        for stream in [
            "\u{feff}data: a\n\n",
            ": comment\n\ndata: a\n\n",
            ":\n\n:\n:\ndata: a\n\n",
            "retry: 5\n\ndata: a\n\n",
            "id: 7\n\ndata: a\n\n",
            "event: ping\n\ndata: a\n\n",
            "unknown: x\nwhatever\ndata: a\nother\n\n",
            "\n\n\r\n\rdata: a\n\n",
            "data: a\n\ndata: cut off",
            "data: a\n\ndata: cut off\n",
        ] {
            assert_eq!(data(stream), ["a"], "{stream:?}");
        }
        assert_eq!(data("\u{feff}\u{feff}data: a\n\n"), Vec::<String>::new());
        assert_eq!(data("data\n\n"), [""]);
        assert_eq!(data("data:\ndata\ndata: \n\n"), ["\n\n"]);
        assert_eq!(data("data:  a : b\n\n"), [" a : b"]);
    }

    #[test]
    fn a_priming_frame_leaves_its_id_and_its_wait() {
        let (reader, events, _) = read(&[b"id: 7\nretry: 250\ndata: \n\n"], 99);
        assert_eq!(events, [Event { name: String::new(), data: String::new() }]);
        assert_eq!((reader.last_id(), reader.retry_ms()), (Some("7"), Some(250)));
    }

    #[test]
    fn an_event_that_is_cut_off_leaves_no_id() {
        let (reader, _, _) = read(&[b"id: 1\ndata: a\n\nid: 2\ndata: b"], 99);
        assert_eq!(reader.last_id(), Some("1"));
    }

    #[test]
    fn an_id_that_no_header_can_carry_is_none() {
        let long = format!("id: 1\ndata: a\n\nid: {}\ndata: b\n\n", "x".repeat(1025));
        for stream in ["id: a\0b\ndata: a\n\n", "id: é\ndata: a\n\n", "id: 1\n\nid:\n\n", &long] {
            let (reader, ..) = read(&[stream.as_bytes()], 9999);
            assert_eq!(reader.last_id(), None, "{stream:?}");
        }
    }

    #[test]
    fn only_digits_are_a_wait() {
        for stream in
            ["retry: -1\n\n", "retry: 1.5\n\n", "retry:\n\n", "retry: 99999999999999999999\n\n"]
        {
            let (reader, ..) = read(&[stream.as_bytes()], 99);
            assert_eq!(reader.retry_ms(), None, "{stream:?}");
        }
    }

    #[test]
    fn an_event_over_the_limit_is_refused_before_it_ends() {
        let line = format!("data: {}", "x".repeat(200));
        let lines = "data: xxxxxxxxxx\n".repeat(20);
        for stream in [line.as_str(), &format!("{line}\n\n"), &lines] {
            let (_, _, error) = read(&[stream.as_bytes()], 100);
            assert!(matches!(error, Some(UpstreamError::TooLarge { limit: 100 })), "{error:?}");
        }
        let comment = format!(": {}", "x".repeat(20_000));
        for stream in [comment.as_str(), &format!("{comment}\n\n")] {
            let (_, _, error) = read(&[stream.as_bytes()], 1 << 20);
            assert!(matches!(error, Some(UpstreamError::TooLarge { limit: 16384 })), "{error:?}");
        }
    }

    #[test]
    fn data_must_be_utf8() {
        let (_, _, error) = read(&[b"data: \xff\n\n"], 99);
        assert!(matches!(error, Some(UpstreamError::BadAnswer { .. })), "{error:?}");
        let (_, events, _) = read(&[b"data: \xc3", b"\xbc\n", b"\n"], 99);
        assert_eq!(events[0].data, "ü");
    }

    #[test]
    fn what_is_no_event_stream_is_kept_to_be_quoted() {
        for (stream, unrecognised) in [
            (&b"{\"jsonrpc\":\"2.0\"}"[..], true),
            (b"{\"jsonrpc\":\"2.0\"}\n\n", true),
            (b"<html>\n<body>\n", true),
            (b": hello\n\n", false),
            (b"retry: 1\n\n", false),
            (b"", false),
        ] {
            let (reader, ..) = read(&[stream], 99);
            assert_eq!(reader.unrecognised().is_some(), unrecognised, "{stream:?}");
        }
    }

    /// Streams of lines that are likely to be mistaken for one another.
    fn any_stream() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            Just("data: ".to_owned()),
            Just("data".to_owned()),
            Just("event: message".to_owned()),
            Just("event: ping".to_owned()),
            Just(": comment".to_owned()),
            Just("id: 7".to_owned()),
            Just("retry: 20".to_owned()),
            Just("\n".to_owned()),
            Just("\r".to_owned()),
            Just("\r\n".to_owned()),
            Just("\u{feff}".to_owned()),
            "[a-zé😀:]{0,4}",
        ];
        vec(part, 0..40).prop_map(|parts| parts.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn chunks_do_not_change_the_events(stream in any_stream(), cuts in vec(0..200_usize, 0..12)) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut < stream.len()).collect();
            cuts.sort_unstable();
            let (mut chunks, mut from) = (Vec::new(), 0);
            for cut in cuts.into_iter().chain([stream.len()]) {
                chunks.push(&stream[from..cut]);
                from = cut;
            }
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            let (whole, events, _) = read(&[&stream], 1 << 20);
            for pieces in [chunks, bytes] {
                let (reader, in_pieces, error) = read(&pieces, 1 << 20);
                prop_assert!(error.is_none());
                prop_assert_eq!(&in_pieces, &events);
                prop_assert_eq!(reader.last_id(), whole.last_id());
                prop_assert_eq!(reader.retry_ms(), whole.retry_ms());
                prop_assert_eq!(reader.unrecognised(), whole.unrecognised());
            }
        }

        #[test]
        fn what_a_server_writes_is_read(texts in vec("[^\r\0]{0,30}", 0..6)) {
            let stream: Vec<u8> = texts
                .iter()
                .flat_map(|text| mcp_protocol::event::message(Some("1"), text.as_bytes()))
                .collect();
            let (_, events, _) = read(&[&stream], 1 << 20);
            let read: Vec<String> = events.into_iter().map(|event| event.data).collect();
            prop_assert_eq!(read, texts);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300)) {
            let _ = read(&[&bytes], 64);
        }
    }
}
