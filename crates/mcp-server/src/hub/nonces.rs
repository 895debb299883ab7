//! Nonces that are good for one use.

use std::cell::RefCell;

/// The nonces that are being consumed right now; what was consumed is in rows.
#[derive(Default)]
pub struct Nonces(RefCell<Vec<[u8; 16]>>);

impl Nonces {
    /// Consumes a nonce: true the first time. `kept` reads its row, `keep` writes it.
    ///
    /// Two requests cannot both get true. One that comes while another is between its read and its
    /// write finds the nonce in the list, where it was put before the first await; one that comes
    /// later finds the row, because the nonce leaves the list only after the row was written.
    pub async fn consume<E>(
        &self,
        nonce: [u8; 16],
        kept: impl Future<Output = Result<bool, E>>,
        keep: impl Future<Output = Result<(), E>>,
    ) -> Result<bool, E> {
        if self.0.borrow().contains(&nonce) {
            return Ok(false);
        }
        self.0.borrow_mut().push(nonce);
        let consumed = async {
            match kept.await? {
                true => Ok(false),
                false => keep.await.map(|()| true),
            }
        };
        let consumed = consumed.await;
        self.0.borrow_mut().retain(|taken| *taken != nonce);
        consumed
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, task::Poll};

    use futures_util::future::{join3, poll_fn};

    use super::*;

    /// Gives way to the others a few times, as storage may.
    async fn awhile(times: u32) {
        let left = Cell::new(times);
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            left.set(left.get().saturating_sub(1));
            if left.get() == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    async fn consume(nonces: &Nonces, row: &Cell<bool>, slowly: u32) -> Result<bool, ()> {
        let kept = async {
            awhile(slowly).await;
            Ok(row.get())
        };
        let keep = async {
            awhile(slowly).await;
            row.set(true);
            awhile(slowly).await;
            Ok(())
        };
        nonces.consume([1; 16], kept, keep).await
    }

    #[test]
    fn of_requests_at_the_same_time_one_consumes() {
        for (one, two, three) in [(1, 1, 1), (5, 1, 2), (1, 3, 9), (2, 7, 1)] {
            let (nonces, row) = (Nonces::default(), Cell::new(false));
            let late = async {
                awhile(three).await;
                consume(&nonces, &row, 1).await
            };
            let all = join3(consume(&nonces, &row, one), consume(&nonces, &row, two), late);
            let (a, b, c) = pollster::block_on(all);
            assert_eq!([a, b, c].iter().filter(|got| **got == Ok(true)).count(), 1);
            assert_eq!(pollster::block_on(consume(&nonces, &row, 1)), Ok(false));
        }
    }

    #[test]
    fn what_could_not_be_kept_was_not_consumed() {
        let nonces = Nonces::default();
        let failed = nonces.consume([1; 16], async { Ok(false) }, async { Err("full") });
        assert_eq!(pollster::block_on(failed), Err("full"));
        let again = nonces.consume([1; 16], async { Ok::<_, ()>(false) }, async { Ok(()) });
        assert_eq!(pollster::block_on(again), Ok(true));
    }
}
