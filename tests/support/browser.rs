//! Chromium without a window.

use std::{path::PathBuf, process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

/// A browser with nothing remembered, on one page.
pub struct Browser {
    process: Child,
    _profile: TempDir,
}

impl Browser {
    /// Where it is: in `CHROMIUM`, or among the programs under one of its names.
    pub fn find() -> Option<PathBuf> {
        if let Some(named) = std::env::var_os("CHROMIUM").filter(|name| !name.is_empty()) {
            return Some(named.into());
        }
        let folders = std::env::var_os("PATH")?;
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let mut places =
            std::env::split_paths(&folders).flat_map(|folder| names.map(|name| folder.join(name)));
        places.find(|place| place.is_file())
    }

    pub fn open(program: PathBuf, url: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let process = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args(["--no-first-run", "--disable-background-networking"])
            .args(["--disable-component-update", "--disable-sync", "--disable-breakpad"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the browser starts");
        Self { process, _profile: profile }
    }

    /// Ends it, with the processes that it has started.
    pub async fn close(mut self) {
        if let Some(id) = self.process.id() {
            let _ = Command::new("kill").arg(id.to_string()).status().await;
        }
        let _ = timeout(Duration::from_secs(10), self.process.wait()).await;
    }
}
