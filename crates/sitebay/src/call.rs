//! One call of a tool, and the generic way to run it: place, send, redact, conform, render.
//!
//! Invariant: every answer and every error of SiteBay passes through here on its way out. A part of a path
//! is always percent-encoded, and local parameters never leave.

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use serde_json::{Map, Value};

use super::{
    arguments::Arguments,
    catalogue::{Operation, Place},
    conform, explain,
    generations::{self, Form},
    long_running, render,
};
use crate::api::{ApiError, ApiResponse, Client, Listing, Repeat, Request, encode_part, redact};
use mcp_platform::Method;
use mcp_protocol::content::CallToolResult;
use mcp_server::toolset::Effect;
use mcp_server::{arguments::type_name, client_request::Stop, cold::cold, context::Context};

/// A call with checked arguments.
#[derive(Clone)]
pub(crate) struct Call<'a> {
    pub(crate) ctx: &'a Context,
    pub(crate) operation: &'static Operation,
    pub(crate) arguments: Arguments,
}

/// The result of a call, or what ends it early.
pub(crate) type CallOutcome = Result<CallToolResult, ShortCircuit>;

/// The reasons why a call ends early.
#[derive(Debug)]
pub(crate) enum ShortCircuit {
    /// A result that says why.
    Result(CallToolResult),
    /// It goes on elsewhere, or later.
    Stop(Stop),
}

impl From<CallToolResult> for ShortCircuit {
    fn from(result: CallToolResult) -> Self {
        Self::Result(result)
    }
}

impl From<Stop> for ShortCircuit {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

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

impl<'a> Call<'a> {
    /// Runs an operation that has no behaviour of its own.
    pub(crate) fn run(&self) -> LocalBoxFuture<'_, CallOutcome> {
        async move {
            match self.operation.list {
                Some(name) => self.run_list(&self.client()?, name).await,
                None => self.record(self.sent().await?.json),
            }
        }
        .boxed_local()
    }

    /// Sends the operation's request, and waits for work that SiteBay carries on after its answer.
    /// Boxed, as most tools do it: each would carry it along.
    pub(crate) fn sent(&self) -> LocalBoxFuture<'_, Result<ApiResponse, ShortCircuit>> {
        match self.operation.long {
            true => cold(long_running::sent(self)),
            false => self.sent_now(),
        }
    }

    /// Sends the operation's request.
    pub(crate) fn sent_now(&self) -> LocalBoxFuture<'_, Result<ApiResponse, ShortCircuit>> {
        async move {
            let (client, key) = (self.client()?, self.ctx.platform.uuid());
            let mut refused = None;
            for form in generations::forms(self.operation) {
                let request = self.request_in(&client, form, &key)?;
                let error = match self.exchange(&client, &request).await {
                    Ok(answer) => {
                        form.taken();
                        return Ok(answer);
                    }
                    Err(Unanswered::Stop(stop)) => return Err(stop.into()),
                    Err(Unanswered::Failed(error)) => error,
                };
                if !form.is_refused(&error) {
                    return Err(self.failed(&error).into());
                }
                refused = refused.or(Some(error));
            }
            Err(refused.map_or_else(never_sent, |error| self.failed(&error)).into())
        }
        .boxed_local()
    }

    async fn run_list(&self, client: &Client<'_>, name: &str) -> CallOutcome {
        let number = |name: &str| self.arguments.get(name).and_then(Value::as_u64);
        let mut refused = None;
        for form in generations::forms(self.operation) {
            let request = self.request_in(client, form, "")?;
            let listing = match (number("page"), number("size")) {
                (None, None) => client.list(request.url, Some(&words(name))).await,
                (page, _) => client.page(request.url, page.unwrap_or(1)).await,
            };
            match listing {
                Ok(listing) => {
                    form.taken();
                    return Ok(self.listed(name, listing));
                }
                Err(error) if form.is_refused(&error) => refused = refused.or(Some(error)),
                Err(error) => return Err(self.failed(&error).into()),
            }
        }
        Err(refused.map_or_else(never_sent, |error| self.failed(&error)).into())
    }

    /// The API, with the call's time running.
    pub(crate) fn client(&self) -> Result<Client<'a>, CallToolResult> {
        Client::new(self.ctx).map_err(|error| self.explained(&error, false))
    }

    /// The operation's request with the call's arguments.
    pub(crate) fn request(&self, client: &Client<'_>) -> Result<Request, CallToolResult> {
        let form = generations::forms(self.operation).next().ok_or_else(never_sent)?;
        self.request_in(client, form, &self.ctx.platform.uuid())
    }

    /// The request in one form of the operation. A keyed operation's key is `key`.
    fn request_in(
        &self,
        client: &Client<'_>,
        form: Form,
        key: &str,
    ) -> Result<Request, CallToolResult> {
        let arguments = Placed { call: self, form };
        let path = arguments.path();
        let url = path.and_then(|path| client.address(&path, &arguments.query()));
        Ok(Request {
            method: form.method(),
            url: url.map_err(|error| self.explained(&error, false))?,
            body: arguments.body(),
            repeat: match self.operation.effect {
                Effect::Read => Repeat::Safe,
                _ if self.operation.keyed => Repeat::Keyed(key.to_owned()),
                _ => Repeat::Never,
            },
            secrets: self.arguments.secrets(self.operation),
        })
    }

    /// Sends a request; what fails is explained.
    pub(crate) async fn send(
        &self,
        client: &Client<'_>,
        request: &Request,
    ) -> Result<ApiResponse, ShortCircuit> {
        let changes = request.repeat != Repeat::Safe;
        self.exchange(client, request).await.map_err(|why| match why {
            Unanswered::Failed(error) => self.explained(&error, changes).into(),
            Unanswered::Stop(stop) => stop.into(),
        })
    }

    async fn exchange(
        &self,
        client: &Client<'_>,
        request: &Request,
    ) -> Result<ApiResponse, Unanswered> {
        let mut answer = match request.repeat {
            Repeat::Safe => client.send(request).await?,
            Repeat::Keyed(_) | Repeat::Never => {
                client.change(&self.ctx.begin().await?, request).await?
            }
        };
        redact(&mut answer.json, self.arguments.flag("reveal"));
        Ok(answer)
    }

    /// The error of the operation's own request.
    fn failed(&self, error: &ApiError) -> CallToolResult {
        self.explained(error, self.operation.effect != Effect::Read)
    }

    /// The error as a result; `changes` when the request that failed would have changed something.
    pub(crate) fn explained(&self, error: &ApiError, changes: bool) -> CallToolResult {
        CallToolResult::error(explain::explain(self.operation, error, changes))
    }

    /// The result of an operation that answers with one object.
    pub(crate) fn record(&self, json: Value) -> CallOutcome {
        let shape = self.operation.output;
        if shape.free {
            return Ok(self.free(json));
        }
        let mut warnings = Vec::new();
        let mut data = match json {
            Value::Object(map) => map,
            other => {
                let what = render::name(shape);
                let article = if what.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
                let problem =
                    format!("{} came where {article} {what} was expected", type_name(&other));
                if self.operation.effect == Effect::Read {
                    let text = format!("SiteBay's answer is not as expected: {problem}.");
                    return Err(CallToolResult::error(text).into());
                }
                warnings.push(problem);
                Map::new()
            }
        };
        conform::hide(shape, &mut data, self.arguments.flag("reveal"));
        conform::conform(shape, &mut data, "", &mut warnings);
        let mut text = self.says();
        text.push_str(&render::record(shape, &data));
        if text.is_empty() {
            text = render::json(&Value::Object(data.clone()));
        }
        Ok(finished(data, text, warnings))
    }

    /// The result of an operation whose answer has no known form.
    pub(crate) fn free(&self, json: Value) -> CallToolResult {
        let mut text = self.says();
        match &json {
            Value::Null if text.is_empty() => text.push_str("Done; the answer was empty."),
            Value::Null => {}
            Value::String(plain) => text.push_str(&render::long(plain)),
            json => text.push_str(&render::json(json)),
        }
        let name = self.operation.output.fields.first().map_or("result", |field| field.name);
        finished(Map::from_iter([(name.to_owned(), json)]), text, Vec::new())
    }

    fn listed(&self, name: &str, listing: Listing) -> CallToolResult {
        let shape = self.operation.output;
        let Listing { mut items, total, truncated } = listing;
        let mut warnings = Vec::new();
        let reveal = self.arguments.flag("reveal");
        for item in &mut items {
            redact(item, reveal);
            if let Value::Object(record) = item {
                conform::hide(shape, record, reveal);
            }
        }
        let records = conform::records(shape, items, name, &mut warnings);
        let mut text = render::list(shape, &words(name), &records, total, truncated);
        if truncated {
            text.push_str(&self.onward(records.len()));
        }
        let mut data = Map::new();
        data.insert("count".into(), records.len().into());
        data.insert("truncated".into(), truncated.into());
        data.insert("total".into(), total.map_or(Value::Null, Value::from));
        data.insert(name.into(), records.into_iter().map(Value::Object).collect());
        finished(data, text, warnings)
    }

    /// How a list that was cut is read on; nothing where the tool cannot.
    fn onward(&self, read: usize) -> String {
        let number = |name: &str| self.arguments.get(name).and_then(Value::as_u64);
        let paged = self.operation.parameters.iter().any(|parameter| parameter.name == "page");
        let (page, size) = match (number("page"), number("size")) {
            _ if !paged => return String::new(),
            (None, None) => (read as u64 / 100, Some(100)),
            (page, size) => (page.unwrap_or(1), size),
        };
        let size = size.map(|size| format!(", size: {size}")).unwrap_or_default();
        format!(" Read on with page: {}{size}.", page.saturating_add(1))
    }

    /// Whether the call only tries.
    pub(crate) fn is_dry(&self) -> bool {
        self.arguments.flag("dry_run") || self.arguments.flag("is_dry_run")
    }

    /// The catalogue's sentence for a success, with a line end, or nothing.
    fn says(&self) -> String {
        self.operation.says.map(|template| self.filled(template) + "\n").unwrap_or_default()
    }

    /// A sentence of the catalogue with the call's arguments.
    pub(crate) fn filled(&self, template: &str) -> String {
        let mut text = template.to_owned();
        for parameter in self.operation.parameters.iter().filter(|p| p.required && !p.secret) {
            let value = self.arguments.get(parameter.name).map(plain).unwrap_or_default();
            text = text.replace(&format!("{{{}}}", parameter.name), &value);
        }
        text
    }
}

/// The arguments of a call in one form of its operation.
struct Placed<'a> {
    call: &'a Call<'a>,
    form: Form,
}

impl Placed<'_> {
    /// The arguments of one place, under the API's names.
    fn at(&self, wanted: Place) -> impl Iterator<Item = (&'static str, &Value)> {
        self.call.operation.parameters.iter().filter_map(move |parameter| {
            let (place, name) = self.form.place(parameter);
            let value = self.call.arguments.get(parameter.name)?;
            (place == wanted).then_some((name, value))
        })
    }

    fn path(&self) -> Result<String, ApiError> {
        let mut path = self.form.path().to_owned();
        for parameter in self.call.operation.parameters {
            let value = self.call.arguments.get(parameter.name);
            if let (Place::Path, Some(value)) = (self.form.place(parameter).0, value) {
                let part = encode_part(&plain(value)).ok_or(ApiError::BadPath)?;
                path = path.replace(&format!("{{{}}}", parameter.name), &part);
            }
        }
        Ok(path)
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = Vec::new();
        for (name, value) in self.at(Place::Query) {
            match value {
                Value::Array(items) => query.extend(items.iter().map(|item| (name, plain(item)))),
                _ => query.push((name, plain(value))),
            }
        }
        query
    }

    /// The body, where the method has one.
    fn body(&self) -> Option<Value> {
        let values = self.at(Place::Body);
        let body: Map<String, Value> =
            values.map(|(name, value)| (name.to_owned(), value.clone())).collect();
        let sends = matches!(self.form.method(), Method::Post | Method::Put | Method::Patch);
        let mut parameters = self.call.operation.parameters.iter();
        let takes = parameters.any(|parameter| self.form.place(parameter).0 == Place::Body);
        (sends && takes).then_some(Value::Object(body))
    }
}

/// A value as it stands in a path or a query.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Data of a result, field by field.
pub(crate) fn data(fields: Vec<(&str, Value)>) -> Map<String, Value> {
    let mut data = Map::new();
    for (name, value) in fields {
        data.insert(name.to_owned(), value);
    }
    data
}

/// A result with its warnings, in the data and in the text.
pub(crate) fn finished(
    mut data: Map<String, Value>,
    text: impl Into<String>,
    warnings: Vec<String>,
) -> CallToolResult {
    let mut text = text.into();
    if !warnings.is_empty() {
        text = format!("{}\nWarnings:\n- {}", text.trim_end(), warnings.join("\n- "));
        data.insert("warnings".into(), warnings.into());
    }
    CallToolResult::structured(Value::Object(data), text.trim_end())
}

/// An operation without a form, which the catalogue does not have.
fn never_sent() -> CallToolResult {
    CallToolResult::error("Nothing was sent to SiteBay.")
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}
