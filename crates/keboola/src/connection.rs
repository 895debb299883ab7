//! How the toolset gets the credential that a call acts with.

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_auth::secret::Secret;
use mcp_server::{context::Context, remote::KeyError};

/// A person's connection to a project.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The address of the stack's connection service, such as `https://connection.keboola.com`.
    pub stack: String,
    /// A Storage token. It belongs to one project.
    pub token: Secret,
    /// The branch in which every call works: one that names another is refused. None: a call works in the branch that it
    /// names, else in main.
    pub branch: Option<String>,
}

/// Where connections are kept. The server around the toolset has one.
pub trait Connections: Sync {
    /// The connection of the caller. None: there is none, and the answer says how to make one.
    ///
    /// # Errors
    /// Where it could not be found out just now, or cannot be found out at all: why.
    fn connection<'a>(
        &'a self,
        ctx: &'a Context,
    ) -> LocalBoxFuture<'a, Result<Option<Connection>, KeyError>>;

    /// Notes that Storage refused the token of a connection, so that it is not given out again.
    fn refused<'a>(
        &'a self,
        _ctx: &'a Context,
        _connection: &'a Connection,
    ) -> LocalBoxFuture<'a, ()> {
        ready(()).boxed_local()
    }

    /// How a caller who has none gets a connection.
    fn advice(&self) -> String {
        "Ask the person to connect their Keboola project with a Storage token.".to_owned()
    }
}
