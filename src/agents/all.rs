//! A few futures at the same time.
//!
//! `join_all` of `futures_util` keeps account of which of many must be polled, and weighs some
//! kilobytes for it.

use std::{future::poll_fn, task::Poll};

use futures_util::future::LocalBoxFuture;

/// What they come to, in their order.
pub async fn all<T>(mut futures: Vec<LocalBoxFuture<'_, T>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (future, done) in futures.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(cx)
            {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use futures_util::{
        FutureExt as _,
        future::{pending, ready},
    };

    use super::*;

    #[test]
    fn all_come_in_their_order_whoever_is_ready_first() {
        let mut polls = 0;
        let late = poll_fn(move |cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            if polls > 2 { Poll::Ready(1) } else { Poll::Pending }
        });
        let futures = vec![late.boxed_local(), ready(2).boxed_local()];
        assert_eq!(pollster::block_on(all(futures)), [1, 2]);
        assert!(pollster::block_on(all::<u8>(Vec::new())).is_empty());
    }

    #[test]
    fn one_that_never_comes_keeps_all_waiting() {
        let futures = vec![ready(1).boxed_local(), pending().boxed_local()];
        assert_eq!(all(futures).now_or_never(), None);
    }
}
