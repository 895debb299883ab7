//! What a tool sees of its call: who asks, the machine around it, and the way back to the client.
//!
//! Invariant: a tool reaches the world only through its context, so the same tool runs in a
//! session, and on the host in a test.

use std::{rc::Rc, time::Duration};

use crate::{
    access::principal::Principal,
    server::{notify::Notifier, platform::SharedPlatform},
    sitebay::Account,
};

/// The program that speaks to this server, as it calls itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// Its name, cut to 64 bytes.
    pub name: String,
    /// Its version, cut to 32 bytes.
    pub version: String,
}

/// The context of one call.
#[derive(Clone)]
pub struct Context {
    /// Who asks.
    pub principal: Rc<Principal>,
    /// The program that the person uses.
    pub client: Rc<Client>,
    /// The SiteBay account that this call acts on.
    pub account: Rc<Account>,
    /// The machine around the server.
    pub platform: SharedPlatform,
    /// The way back to the client while the call runs.
    pub notifier: Rc<dyn Notifier>,
}

impl Context {
    /// Waits without blocking anything else.
    pub async fn sleep(&self, duration: Duration) {
        self.platform.sleep(duration).await;
    }

    /// Tells the client how far the call is. `progress` must grow from one report to the next.
    /// Nothing is sent where the client gave no progress token.
    pub fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        self.notifier.progress(progress, total, message);
    }
}
