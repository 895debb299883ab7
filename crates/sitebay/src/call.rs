//! The requests of a call: made of its arguments in a form that SiteBay takes, sent, and explained where they
//! fail.
//!
//! Invariant: every answer and every error of SiteBay passes through here on its way out.

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use serde_json::Value;

use super::{
    explain,
    generations::{self, Form},
    long_running,
    service::SitebayService,
};
use crate::api::{ApiError, ApiResponse, Client, Listing, Repeat, Request, redact};
use catalogue::{Placed, Service as _, call::words};
use mcp_protocol::content::CallToolResult;
use mcp_server::{client_request::Stop, cold::cold, toolset::Effect};

pub(crate) use catalogue::{
    CallOutcome, ShortCircuit,
    call::{data, finished},
};

/// A call of one of SiteBay's tools.
pub(crate) type Call<'a> = catalogue::Call<'a, SitebayService>;

/// Why a request has no answer.
enum Unanswered {
    /// SiteBay refused it, or could not be reached.
    Failed(ApiError),
    /// It was not sent: the call goes on elsewhere, or later.
    Stop(Stop),
}

impl From<ApiError> for Unanswered {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl From<Stop> for Unanswered {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// The requests that a call makes.
pub(crate) trait Requests<'a> {
    /// The API, with the call's time running.
    fn client(&self) -> Result<Client<'a>, CallToolResult>;

    /// The operation's request with the call's arguments.
    fn request(&self, client: &Client<'_>) -> Result<Request, CallToolResult>;

    /// Sends a request; what fails is explained.
    async fn send(
        &self,
        client: &Client<'_>,
        request: &Request,
    ) -> Result<ApiResponse, ShortCircuit>;

    /// Sends the operation's request, and waits for work that SiteBay carries on after its answer.
    /// Boxed, as most tools do it: each would carry it along.
    fn sent(&self) -> LocalBoxFuture<'_, Result<ApiResponse, ShortCircuit>>;

    /// Sends the operation's request.
    fn sent_now(&self) -> LocalBoxFuture<'_, Result<ApiResponse, ShortCircuit>>;

    /// Reads the list of this name that the operation answers with, or one page of it.
    async fn listing(&self, name: &str) -> Result<Listing, ShortCircuit>;

    /// The error as a result; `changes` when the request that failed would have changed something.
    fn explained(&self, error: &ApiError, changes: bool) -> CallToolResult;

    /// Whether the call only tries.
    fn is_dry(&self) -> bool;
}

impl<'a> Requests<'a> for Call<'a> {
    fn client(&self) -> Result<Client<'a>, CallToolResult> {
        Client::new(self.ctx).map_err(|error| self.explained(&error, false))
    }

    fn request(&self, client: &Client<'_>) -> Result<Request, CallToolResult> {
        let form = generations::forms(self.operation).next().ok_or_else(never_sent)?;
        request_in(self, client, form, &self.ctx.platform.uuid())
    }

    async fn send(
        &self,
        client: &Client<'_>,
        request: &Request,
    ) -> Result<ApiResponse, ShortCircuit> {
        let changes = request.repeat != Repeat::Safe;
        exchange(self, client, request).await.map_err(|why| match why {
            Unanswered::Failed(error) => self.explained(&error, changes).into(),
            Unanswered::Stop(stop) => stop.into(),
        })
    }

    fn sent(&self) -> LocalBoxFuture<'_, Result<ApiResponse, ShortCircuit>> {
        match self.operation.long {
            true => cold(long_running::sent(self)),
            false => self.sent_now(),
        }
    }

    fn sent_now(&self) -> LocalBoxFuture<'_, Result<ApiResponse, ShortCircuit>> {
        async move {
            let (client, key) = (self.client()?, self.ctx.platform.uuid());
            let mut refused = None;
            for form in generations::forms(self.operation) {
                let request = request_in(self, &client, form, &key)?;
                let error = match exchange(self, &client, &request).await {
                    Ok(answer) => {
                        form.taken();
                        return Ok(answer);
                    }
                    Err(Unanswered::Stop(stop)) => return Err(stop.into()),
                    Err(Unanswered::Failed(error)) => error,
                };
                if !form.is_refused(&error) {
                    return Err(failed(self, &error).into());
                }
                refused = refused.or(Some(error));
            }
            Err(refused.map_or_else(never_sent, |error| failed(self, &error)).into())
        }
        .boxed_local()
    }

    async fn listing(&self, name: &str) -> Result<Listing, ShortCircuit> {
        let number = |name: &str| self.arguments.get(name).and_then(Value::as_u64);
        let client = self.client()?;
        let mut refused = None;
        for form in generations::forms(self.operation) {
            let request = request_in(self, &client, form, "")?;
            let listing = match (number("page"), number("size")) {
                (None, None) => client.list(request.url, Some(&words(name))).await,
                (page, _) => client.page(request.url, page.unwrap_or(1)).await,
            };
            match listing {
                Ok(listing) => {
                    form.taken();
                    return Ok(listing);
                }
                Err(error) if form.is_refused(&error) => refused = refused.or(Some(error)),
                Err(error) => return Err(failed(self, &error).into()),
            }
        }
        Err(refused.map_or_else(never_sent, |error| failed(self, &error)).into())
    }

    fn explained(&self, error: &ApiError, changes: bool) -> CallToolResult {
        CallToolResult::error(explain::explain(self.operation, error, changes))
    }

    fn is_dry(&self) -> bool {
        SitebayService::is_dry(self)
    }
}

/// The request in one form of the operation. A keyed operation's key is `key`.
fn request_in(
    call: &Call<'_>,
    client: &Client<'_>,
    form: Form,
    key: &str,
) -> Result<Request, CallToolResult> {
    let placed = Placed { form: form.of_operation, arguments: &call.arguments };
    let path = placed.path().ok_or(ApiError::BadPath);
    let url = path.and_then(|path| client.address(&path, &placed.query()));
    Ok(Request {
        method: placed.form.method(),
        url: url.map_err(|error| call.explained(&error, false))?,
        body: placed.body(),
        repeat: match call.operation.effect {
            Effect::Read => Repeat::Safe,
            _ if call.operation.keyed => Repeat::Keyed(key.to_owned()),
            _ => Repeat::Never,
        },
        secrets: call.arguments.secrets(call.operation),
    })
}

async fn exchange(
    call: &Call<'_>,
    client: &Client<'_>,
    request: &Request,
) -> Result<ApiResponse, Unanswered> {
    let mut answer = match request.repeat {
        Repeat::Safe => client.send(request).await?,
        Repeat::Keyed(_) | Repeat::Never => {
            client.change(&call.ctx.begin().await?, request).await?
        }
    };
    redact(&mut answer.json, call.arguments.flag("reveal"));
    Ok(answer)
}

/// The error of the operation's own request.
fn failed(call: &Call<'_>, error: &ApiError) -> CallToolResult {
    call.explained(error, call.operation.effect != Effect::Read)
}

/// An operation without a form, which the catalogue does not have.
fn never_sent() -> CallToolResult {
    CallToolResult::error("Nothing was sent to SiteBay.")
}
