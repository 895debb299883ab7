//! The events of one stream, kept so that a reader can begin anywhere.

use std::sync::Mutex;

use tokio::sync::watch;

/// A stream's events, and whether more may come.
#[derive(Debug)]
pub(super) struct Line {
    number: usize,
    events: Mutex<(Vec<String>, bool)>,
    changed: watch::Sender<u64>,
}

impl Line {
    pub(super) fn new(number: usize) -> Self {
        Self { number, events: Mutex::default(), changed: watch::Sender::new(0) }
    }

    pub(super) fn push(&self, message: String) {
        self.events.lock().unwrap().0.push(message);
        self.changed.send_modify(|times| *times += 1);
    }

    pub(super) fn end(&self) {
        self.events.lock().unwrap().1 = true;
        self.changed.send_modify(|times| *times += 1);
    }

    /// The event at this place as its text, with an id where wanted. None: the stream has ended.
    pub(super) async fn event(&self, place: usize, with_id: bool) -> Option<String> {
        let mut changed = self.changed.subscribe();
        loop {
            let (found, ended) = {
                let events = self.events.lock().unwrap();
                (events.0.get(place).cloned(), events.1)
            };
            match found {
                Some(message) if with_id => {
                    let id = format!("{}-{place}", self.number);
                    return Some(format!("id: {id}\nevent: message\ndata: {message}\n\n"));
                }
                Some(message) => return Some(format!("event: message\ndata: {message}\n\n")),
                None if ended => return None,
                None => changed.changed().await.ok()?,
            }
        }
    }
}
