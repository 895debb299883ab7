//! The requests to a hub, and its listeners. Pure: the Durable Object is a shell around it.

mod listener;
mod nonces;
mod poll_state;
mod request;
mod request_0_1_0;
mod stored_results;
mod watched;

pub use listener::{
    LISTENER_HEADER, Listener, PRINCIPAL_HEADER, principal_from_ascii, principal_to_ascii,
};
pub use nonces::Nonces;
pub use poll_state::{MAX_POLLED, PollState, polls_soon};
pub use request::{
    AboutGrant, Answer, HubRequest, ListedGrant, Page, Watcher, hub_name, keep_path, kept_id,
};
pub use stored_results::{StoredResult, StoredResults};
pub use watched::Watched;
