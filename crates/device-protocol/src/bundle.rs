//! Bundles: small frames that share a WebSocket message, because a Durable Object is billed by messages.
//!
//! Invariant: frames stay in their order. A bundle waits for no timer here: the sender takes it when it has nothing else to
//! send, or after 50 ms.

use crate::limits::BUNDLE;

/// Small frames that wait to be sent together.
#[derive(Debug, Default)]
pub struct Bundle(Vec<u8>);

impl Bundle {
    /// Adds a frame. Returns what is to be sent first, where both do not share a message.
    pub fn push(&mut self, frame: Vec<u8>) -> Option<Vec<u8>> {
        if self.0.len().saturating_add(frame.len()) <= BUNDLE {
            self.0.extend_from_slice(&frame);
            return None;
        }
        let before = std::mem::replace(&mut self.0, frame);
        Some(before).filter(|before| !before.is_empty())
    }

    /// The message with everything that waits. None: nothing does.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        Some(std::mem::take(&mut self.0)).filter(|message| !message.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        frame::Frames,
        testing::{any_header, any_payload},
    };

    #[test]
    fn frames_share_a_message_while_they_fit() {
        let mut bundle = Bundle::default();
        assert_eq!(bundle.push(vec![1; BUNDLE / 2]), None);
        assert_eq!(bundle.push(vec![2; BUNDLE / 2]), None);
        assert_eq!(bundle.push(vec![3]).map(|message| message.len()), Some(BUNDLE));
        assert_eq!(bundle.push(vec![4; BUNDLE + 1]), Some(vec![3]));
        assert_eq!(bundle.push(vec![5]).map(|message| message.len()), Some(BUNDLE + 1));
        assert_eq!(bundle.take(), Some(vec![5]));
    }

    proptest! {
        #[test]
        fn bundles_have_every_frame_in_its_order(
            frames in prop::collection::vec((any_header(), any_payload()), 0..40), large: prop::sample::Index,
        ) {
            let mut frames = frames;
            if !frames.is_empty() {
                let at = large.index(frames.len());
                frames[at].1 = vec![1; BUNDLE];
                frames[at].0.part = None;
            }
            let mut bundle = Bundle::default();
            let written = frames.iter().map(|(header, payload)| header.frame(payload).unwrap());
            let mut messages: Vec<_> = written.filter_map(|frame| bundle.push(frame)).collect();
            messages.extend(bundle.take());
            prop_assert!(bundle.take().is_none());
            let read = messages.iter().flat_map(|message| Frames::of(message).unwrap());
            let read: Vec<_> = read.map(|frame| frame.unwrap()).map(|frame| (frame.header, frame.payload.to_vec())).collect();
            prop_assert_eq!(read, frames);
        }
    }
}
