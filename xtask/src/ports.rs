//! Ports for servers that are told on which one to listen.

use std::{
    io,
    net::TcpListener,
    process,
    sync::atomic::{AtomicU16, Ordering},
};

/// Below what an operating system gives to connections and to port 0 (from 32,768 on Linux, 49,152 elsewhere: IANA's
/// dynamic range): what this process chose is not taken before its server listens, however much runs beside it.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static TAKEN: AtomicU16 = AtomicU16::new(0);

/// A port that is free, and that this process is given once.
pub fn free() -> io::Result<u16> {
    // Processes that begin at once begin at other places.
    let own = (process::id() % 97) as u16 * (COUNT / 97);
    let mut error = None;
    for _ in 0..COUNT {
        let port = FIRST + own.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % COUNT;
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(_) => return Ok(port),
            Err(refused) => error = Some(refused),
        }
    }
    Err(error.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice_and_none_is_in_the_dynamic_range() {
        let ports: Vec<u16> = (0..500).map(|_| free().unwrap()).collect();
        assert_eq!(ports.iter().collect::<HashSet<_>>().len(), ports.len());
        assert!(ports.iter().all(|port| (FIRST..FIRST + COUNT).contains(port)), "{ports:?}");
    }

    #[test]
    fn a_port_on_which_something_listens_is_passed_over() {
        let next = free().unwrap() + 1;
        // Another test may have been given it meanwhile; then it is not given here either.
        let _held = TcpListener::bind(("127.0.0.1", next));
        assert!((0..50).all(|_| free().unwrap() != next));
    }
}
