//! A Worker on plain `workerd` that has everything bound and carries out calls.

use std::process::Stdio;
use std::time::Duration;

use sandbox::bindings::{Bindings, Kind, Options};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};
use xtask::bindings::{Binding, designators, services};

/// The moment at which a clock that stands still starts, in seconds since 1970.
pub(crate) const START: i64 = 1_795_176_000;

/// A stand-in, and a Worker with its bindings `KV`, `DB`, `R2`, `AE` and `ASSETS`.
pub(crate) struct Lab {
    pub(crate) bindings: Bindings,
    url: String,
    _workerd: Child,
    _folder: TempDir,
}

impl Lab {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// One whose clock stands still, with other things to begin with.
    pub(crate) async fn with(options: Options) -> Self {
        let bindings = Bindings::start(Options { frozen: true, ..options }).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("worker.js"), include_str!("worker.js")).unwrap();
        // Another program may take the port before it listens.
        for _ in 0..5 {
            let port = xtask::ports::free().unwrap();
            let text = configuration(&bindings.address(), port);
            std::fs::write(folder.path().join("config.capnp"), text).unwrap();
            let mut workerd = workerd(&folder);
            let url = format!("http://127.0.0.1:{port}");
            if answers(&url, &mut workerd).await {
                return Self { bindings, url, _workerd: workerd, _folder: folder };
            }
        }
        panic!("workerd ended at its start, five times");
    }

    /// What calls of a binding give, or the text of their error.
    pub(crate) async fn ask(&self, calls: Value) -> Result<Value, String> {
        let request = reqwest::Client::new().post(&self.url).json(&calls);
        let mut answer: Value = request.send().await.unwrap().json().await.unwrap();
        match answer.get("error") {
            Some(error) => Err(error.as_str().unwrap().to_owned()),
            None => Ok(answer["ok"].take()),
        }
    }

    /// The same for calls that give something.
    #[track_caller]
    pub(crate) fn ok(&self, calls: Value) -> impl Future<Output = Value> {
        let place = std::panic::Location::caller();
        async move {
            let done = self.ask(calls.clone()).await;
            done.unwrap_or_else(|error| panic!("{place}: {calls}: {error}"))
        }
    }

    /// Waits until something is so: a Worker does not say when a data point arrived.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Bindings) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !is_so(&self.bindings) {
            assert!(Instant::now() < deadline, "{what}");
            // Real time: between two looks.
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// The text of the error of calls that give one.
    pub(crate) async fn error(&self, calls: Value) -> String {
        let done = self.ask(calls.clone()).await;
        done.map(|value| panic!("{calls}: {value}")).unwrap_err()
    }
}

fn configuration(address: &str, port: u16) -> String {
    let bindings = [
        Binding::new("KV", Kind::Kv, "namespace"),
        Binding::new("DB", Kind::D1, "database"),
        Binding::new("R2", Kind::R2, "bucket"),
        Binding::new("AE", Kind::Analytics, "points"),
        Binding::new("ASSETS", Kind::Assets, "site"),
    ];
    format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         const config :Workerd.Config = (\n  services = [\n    (name = \"main\", worker = .worker),\n{}  ],\n  \
         sockets = [(name = \"http\", address = \"127.0.0.1:{port}\", http = (), service = \"main\")],\n);\n\
         const worker :Workerd.Worker = (\n  modules = [(name = \"worker.js\", esModule = embed \"worker.js\")],\n  \
         compatibilityDate = \"{}\",\n  bindings = [\n{}  ],\n);\n",
        services(&bindings, address),
        xtask::capnp::COMPATIBILITY_DATE,
        designators(&bindings),
    )
}

fn workerd(folder: &TempDir) -> Child {
    Command::new(xtask::paths::workerd())
        .args(["serve", "config.capnp", "--experimental"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("workerd starts")
}

/// Whether it answers; false when it ended instead.
async fn answers(url: &str, workerd: &mut Child) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    let calls = json!(["KV", ["list"]]);
    while reqwest::Client::new().post(url).json(&calls).send().await.is_err() {
        if workerd.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(Instant::now() < deadline, "workerd does not answer");
        // Real time: between two looks.
        sleep(Duration::from_millis(5)).await;
    }
    true
}
