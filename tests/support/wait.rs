//! Waiting until something is so, with a deadline.

use std::{fmt::Debug, time::Duration};

use tokio::time::{Instant, sleep, timeout};

/// When a wait has failed. This is no figure of speed: a machine with much else to do takes its time,
/// and only what hangs takes longer.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// Looks again and again until there is a value, and returns it. `what` says what the test waits for;
/// an error is what there is in its place, and is shown when the time is over.
pub async fn until<T, E: Debug>(what: &str, mut look: impl AsyncFnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = match timeout(PATIENCE, look()).await {
            Ok(Ok(found)) => return found,
            Ok(Err(seen)) => format!("{seen:?}"),
            Err(_) => "no answer".to_owned(),
        };
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}, but {seen}");
        sleep(PAUSE).await;
    }
}

/// The same for a condition.
pub async fn holds(what: &str, mut look: impl FnMut() -> bool) {
    until(what, async || if look() { Ok(()) } else { Err(()) }).await;
}

/// Waits for something that happens once, and hangs where it does not.
pub async fn done<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = timeout(PATIENCE, future).await;
    done.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}
