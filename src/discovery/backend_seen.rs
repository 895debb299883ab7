//! What the backend says of itself where the MCP endpoints are its (`BACKEND_PATHS=all`): its handshake and its lists, for
//! the documents of the deployment.
//!
//! Invariant: an isolate asks the backend once a minute at most, however often strangers ask for a document. A document
//! that is asked for meanwhile is made from what is known.

use std::{borrow::Cow, cell::RefCell, rc::Rc, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{Either, join_all, select},
};

use crate::{
    config::backend::Backend,
    platform::{
        clock::{now_ms, now_s},
        sleep::Sleep,
        workers::WorkersPlatform,
    },
};
use mcp_client::{
    connection::Connection,
    endpoint::{Endpoint, Limits},
    era::{Era, handshake},
    lists::{self, Caps},
    request::{Declaration, first_id},
    upstream::Upstream,
};
use mcp_protocol::{initialize::server_info, list_kind::ListKind, object::array};

/// For how long an answer counts, and a failure, in seconds.
pub(super) const FRESH_S: u64 = 60;
/// How long the backend may take.
const WITHIN: Duration = Duration::from_secs(5);
/// The most of one list.
const CAPS: Caps = Caps { items: 1_000, pages: 20, bytes: 1 << 20 };

/// What the backend said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// The version that it speaks.
    pub(super) version: &'static str,
    /// `serverInfo`: the text of an object.
    pub(super) server_info: Option<String>,
    /// Its capabilities: the text of an object.
    pub(super) capabilities: String,
    /// Its lists by their fields: the texts of arrays.
    pub(super) lists: Vec<(&'static str, String)>,
}

#[derive(Default)]
struct Known {
    seen: Option<Rc<Seen>>,
    asked_s: u64,
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// What the backend says of itself. None: it does not answer.
pub(super) async fn seen(backend: &Backend) -> Option<Rc<Seen>> {
    let now = now_s();
    let is_due = KNOWN.with_borrow_mut(|known| {
        let is_due = now.abs_diff(known.asked_s) >= FRESH_S;
        known.asked_s = if is_due { now } else { known.asked_s };
        is_due
    });
    if is_due {
        let found = match select(ask(backend).boxed_local(), Sleep::new(WITHIN)).await {
            Either::Left((found, _)) => found,
            Either::Right(_) => None,
        };
        KNOWN.with_borrow_mut(|known| known.seen = found.map(Rc::new));
    }
    KNOWN.with_borrow(|known| known.seen.clone())
}

async fn ask(backend: &Backend) -> Option<Seen> {
    let origin = backend.origin.as_deref()?;
    let credential = backend.auth.iter();
    let credential = credential.map(|(name, key)| (Cow::Owned(name.clone()), key.clone()));
    let endpoint = Endpoint {
        credential: credential.collect(),
        limits: Limits { answer: 4 << 20, ..Limits::default() },
        ..Endpoint::new(format!("{origin}/mcp"))
    };
    let address = Upstream::new(Rc::new(WorkersPlatform), endpoint);
    let declaration = Declaration { client_info: server_info(), capabilities: "{}".to_owned() };
    let found = handshake(&address, &declaration, None).await.ok()?;
    let mut seen = Seen {
        version: found.version.as_str(),
        server_info: found.server_info.as_ref().map(|info| info.get().to_owned()),
        capabilities: found.capabilities.get().to_owned(),
        lists: Vec::new(),
    };
    // Its stream was closed with the handshake.
    if found.era == Era::Sse {
        return Some(seen);
    }
    let connection = Connection::of(address, declaration, &found, first_id(now_ms()));
    let asked = ListKind::ALL.map(|kind| lists::list(&connection, kind, CAPS));
    for (kind, listed) in ListKind::ALL.into_iter().zip(join_all(asked).await) {
        let items = listed.map(|listed| listed.items).unwrap_or_default();
        let items: Vec<String> = items.iter().map(|item| item.get().to_owned()).collect();
        seen.lists.push((kind.field(), array(&items)));
    }
    connection.close().await;
    Some(seen)
}
