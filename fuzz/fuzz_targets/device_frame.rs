//! Whatever a device or an object sends, its frames are read within their limits, and read again as they were written.
#![no_main]

use device_protocol::{
    assembler::Assembler,
    credit::{ReceiveCredits, SendCredits},
    frame::{Frame, FrameError, Frames},
    limits::{Limits, MAX_FRAME},
    link::{Arrival, Link},
    message::Message,
};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits::OF_DEVICE;

fuzz_target!(|data: &[u8]| {
    let Ok(frames) = Frames::of(data) else {
        assert!(data.is_empty() || data.len() > MAX_FRAME);
        return;
    };
    let (mut read, mut end) = (0, false);
    let mut side = Side::default();
    for frame in frames {
        assert!(!end, "there is a frame after an error");
        match frame {
            Ok(frame) => {
                read += frame.payload.len();
                written_again(&frame);
                side.take(frame);
            }
            Err(_) => end = true,
        }
    }
    assert!(read < data.len());
});

/// A frame that is written is read as the same.
fn written_again(frame: &Frame<'_>) {
    match frame.header.frame(frame.payload) {
        Ok(bytes) => {
            let again = Frames::of(&bytes).unwrap().next().unwrap();
            assert_eq!(again.as_ref(), Ok(frame));
        }
        // With the fields that it did not name it may be too long.
        Err(FrameError::HeaderLength | FrameError::TooLong) => {}
        Err(error) => assert!(matches!(frame.header.message, Message::Unknown(_)), "{error}"),
    }
}

/// A side that takes what it is sent.
struct Side {
    link: Link,
    sent: SendCredits,
    received: ReceiveCredits,
    assembler: Assembler,
}

impl Default for Side {
    fn default() -> Self {
        Self {
            link: Link::default(),
            sent: SendCredits::new(LIMITS),
            received: ReceiveCredits::new(LIMITS),
            assembler: Assembler::new(LIMITS),
        }
    }
}

impl Side {
    fn take(&mut self, frame: Frame<'_>) {
        if self.link.receive(&frame.header, frame.payload.len(), 0) != Ok(Arrival::New) {
            return;
        }
        match &frame.header.message {
            Message::Open(open) => {
                self.sent.open(open.ch);
                self.received.open(open.ch);
            }
            Message::Cancel(cancel) => {
                self.sent.close(cancel.ch);
                let _ = self.received.close(cancel.ch);
                self.assembler.drop_channel(cancel.ch);
            }
            Message::Credit(credit) => {
                assert!(self.sent.grant(*credit).is_err() || credit.ch.is_some())
            }
            Message::Data(data) => {
                let size = frame.payload.len() as u64;
                if self.received.receive(data.ch, size).is_ok() {
                    self.received.take(data.ch, size).for_each(drop);
                }
            }
            _ => {}
        }
        if let Ok(Some(received)) = self.assembler.take(frame) {
            assert!(received.payload.len() as u64 <= LIMITS.message);
        }
    }
}
