//! What a hub is asked for, and who listens at it. Pure: an object is its shell.

mod ask;
mod ask_0_1_0;
mod kept;
mod listener;
mod nonces;
mod polled;
mod watched;

pub use ask::{AboutGrant, Answer, Ask, ListedGrant, Page, Watcher, hub_name};
pub use kept::{Result as KeptResult, Results as KeptResults};
pub use listener::{
    LISTENER_HEADER, Listener, PRINCIPAL_HEADER, principal_from_ascii, principal_to_ascii,
};
pub use nonces::Nonces;
pub use polled::{MAX_POLLED, Polled, is_restless};
pub use watched::Watched;
