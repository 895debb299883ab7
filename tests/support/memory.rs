//! What the server's process weighs.

use xtask::{server::Server, skips::skip};

/// Its memory in bytes; None where the system does not say.
pub fn resident(server: &Server) -> Option<u64> {
    let process = server.process()?;
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Checks that it grew by less than this since it was `before`.
pub fn bounded(server: &Server, before: Option<u64>, growth: u64) {
    let (Some(before), Some(after)) = (before, resident(server)) else {
        return skip("memory of the server's process", "there is no /proc");
    };
    println!("{} MB before, {} MB after", before >> 20, after >> 20);
    assert!(after < before + growth, "{before} bytes before, {after} after");
}
