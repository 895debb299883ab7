//! What a hub is asked for, and who listens at it. Pure: [`super::hub_agent`] is the shell.

mod ask;
mod listener;
mod nonces;

pub use ask::{Ask, hub_name};
pub use listener::{LISTENER_HEADER, Listener};
pub use nonces::Nonces;
