//! The memory of the server's process.

use xtask::{server::Server, skips::skip};

/// Its memory in bytes; None where the system does not say.
pub fn resident(server: &Server) -> Option<u64> {
    figure(server, "VmRSS:")
}

fn figure(server: &Server, name: &str) -> Option<u64> {
    let process = server.process()?;
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Checks that it never had so many bytes more than `before`: what waited for a short time counts, too.
pub fn bounded(server: &Server, before: Option<u64>, growth: u64) {
    let (Some(before), Some(peak)) = (before, figure(server, "VmHWM:")) else {
        return skip("memory of the server's process", "there is no /proc");
    };
    println!("{} MB before, {} MB at most", before >> 20, peak >> 20);
    assert!(peak < before + growth, "{before} bytes before, {peak} at most");
}
