//! One call of a tool, and the results of its answers: redacted, made to fit their shape, rendered.
//!
//! Invariant: nothing is sent before every argument of the call was checked and, where the call destroys
//! something, a person agreed.

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use serde_json::{Map, Value};

use crate::{
    arguments::Arguments,
    conform, consent,
    operation::Operation,
    place::plain,
    redact::redact,
    render,
    service::{ResultText, Service},
};
use mcp_protocol::content::CallToolResult;
use mcp_server::{
    arguments::type_name,
    client_request::Stop,
    context::Context,
    toolset::{Arguments as RawArguments, CallResult, Effect},
};

/// A call with checked arguments.
pub struct Call<'a, S: Service> {
    /// What surrounds it.
    pub ctx: &'a Context,
    /// The tool's operation.
    pub operation: &'static Operation<S>,
    /// The arguments.
    pub arguments: Arguments,
    /// What it has beside them.
    pub state: S::State<'a>,
}

impl<'a, S: Service<State<'a>: Clone>> Clone for Call<'a, S> {
    fn clone(&self) -> Self {
        Self {
            ctx: self.ctx,
            operation: self.operation,
            arguments: self.arguments.clone(),
            state: self.state.clone(),
        }
    }
}

/// The result of a call, or what ends it early.
pub type CallOutcome = Result<CallToolResult, ShortCircuit>;

/// The reasons why a call ends early.
#[derive(Debug)]
pub enum ShortCircuit {
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

/// A list as far as it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing {
    /// The items that were read.
    pub items: Vec<Value>,
    /// How many there are, as the service says.
    pub total: Option<u64>,
    /// Whether there are more than were read.
    pub truncated: bool,
}

/// Runs a tool: checks the arguments, asks for consent, runs the operation, announces its changes.
///
/// # Errors
/// A [`Stop`]: the call goes on elsewhere, or later.
pub async fn run<S: Service>(
    service: &S,
    ctx: &Context,
    operation: &'static Operation<S>,
    arguments: RawArguments<'_>,
) -> CallResult {
    if !ctx.choice.allows(operation.effect) {
        let text = "Nothing was changed: this connection only reads (readonly).";
        return Ok(CallToolResult::error(text));
    }
    let arguments = match Arguments::check(operation, arguments) {
        Ok(arguments) => arguments,
        Err(problems) => return Ok(problems.into_result(operation.name)),
    };
    match agreed(service, ctx, operation, arguments).await {
        Ok(result) | Err(ShortCircuit::Result(result)) => Ok(result),
        Err(ShortCircuit::Stop(stop)) => Err(stop),
    }
}

/// Runs a call once the person agreed to what it destroys, if it does.
async fn agreed<S: Service>(
    service: &S,
    ctx: &Context,
    operation: &'static Operation<S>,
    arguments: Arguments,
) -> CallOutcome {
    let state = service.open(ctx, operation, &arguments).await?;
    let call = Call { ctx, operation, arguments, state };
    consent::given(&call).await?;
    let result = S::run(&call).await?;
    S::announce(&call, &result);
    Ok(result)
}

impl<S: Service> Call<'_, S> {
    /// Runs an operation that has no behaviour of its own: sends its request and shows the answer.
    pub fn plain(&self) -> LocalBoxFuture<'_, CallOutcome> {
        async move {
            match self.operation.list {
                Some(name) => Ok(self.listed(name, S::list(self, name).await?)),
                None => self.record(S::answer(self).await?),
            }
        }
        .boxed_local()
    }

    /// The result of an operation that answers with one object.
    ///
    /// # Errors
    /// A read whose answer is no object.
    pub fn record(&self, json: Value) -> CallOutcome {
        let shape = self.operation.output;
        if shape.free {
            return Ok(self.free(json));
        }
        let mut warnings = Vec::new();
        let data = match json {
            Value::Object(map) => map,
            other => {
                let what = render::name(shape);
                let article = if what.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
                let problem =
                    format!("{} came where {article} {what} was expected", type_name(&other));
                if self.operation.effect == Effect::Read {
                    let text = format!("{}'s answer is not as expected: {problem}.", S::NAME);
                    return Err(CallToolResult::error(text).into());
                }
                warnings.push(problem);
                Map::new()
            }
        };
        Ok(self.shown(data, warnings))
    }

    /// The result with these data: what is secret is hidden, and what does not fit the shape is null.
    pub fn shown(&self, mut data: Map<String, Value>, mut warnings: Vec<String>) -> CallToolResult {
        let shape = self.operation.output;
        conform::hide(shape, &mut data, self.arguments.flag("reveal"));
        conform::conform(shape, &mut data, "", &mut warnings);
        if S::TEXT == ResultText::Json {
            return self.as_json(data, warnings);
        }
        let mut text = self.says();
        text.push_str(&render::record(shape, &data));
        if text.is_empty() {
            text = render::json(&Value::Object(data.clone()));
        }
        finished(self.wrapped(data), text, warnings)
    }

    /// The result of an operation whose answer has no known form.
    pub fn free(&self, json: Value) -> CallToolResult {
        let name = self.operation.output.fields.first().map_or("result", |field| field.name);
        if S::TEXT == ResultText::Json {
            return self.as_json(Map::from_iter([(name.to_owned(), json)]), Vec::new());
        }
        let mut text = self.says();
        match &json {
            Value::Null if text.is_empty() => text.push_str("Done; the answer was empty."),
            Value::Null => {}
            Value::String(plain) => text.push_str(&render::long(plain)),
            json => text.push_str(&render::json(json)),
        }
        finished(self.wrapped(Map::from_iter([(name.to_owned(), json)])), text, Vec::new())
    }

    /// The result of an operation that answers with a list.
    pub(crate) fn listed(&self, name: &str, listing: Listing) -> CallToolResult {
        let shape = self.operation.output;
        let Listing { mut items, total, truncated } = listing;
        let mut warnings = Vec::new();
        let reveal = self.arguments.flag("reveal");
        for item in &mut items {
            redact::<S>(item, reveal);
            if let Value::Object(record) = item {
                conform::hide(shape, record, reveal);
            }
        }
        let records = conform::records(shape, items, name, &mut warnings);
        let lines = S::TEXT == ResultText::Lines;
        let text = lines.then(|| self.lines(name, &records, total, truncated));
        let mut data = Map::new();
        data.insert("count".into(), records.len().into());
        data.insert("truncated".into(), truncated.into());
        data.insert("total".into(), total.map_or(Value::Null, Value::from));
        data.insert(name.into(), records.into_iter().map(Value::Object).collect());
        match text {
            Some(text) => finished(data, text, warnings),
            None => self.as_json(data, warnings),
        }
    }

    fn lines(
        &self,
        name: &str,
        records: &[Map<String, Value>],
        total: Option<u64>,
        truncated: bool,
    ) -> String {
        let mut text = render::list(self.operation.output, &words(name), records, total, truncated);
        if truncated {
            text.push_str(&self.onward(records.len()));
        }
        text
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

    /// A result whose text is its data.
    fn as_json(&self, data: Map<String, Value>, warnings: Vec<String>) -> CallToolResult {
        let text = render::compact(&data);
        finished(self.wrapped(data), text, warnings)
    }

    /// The data where the definition has them.
    fn wrapped(&self, data: Map<String, Value>) -> Map<String, Value> {
        match self.operation.wrapped {
            true => Map::from_iter([("result".to_owned(), Value::Object(data))]),
            false => data,
        }
    }

    /// The losses that the catalogue names.
    pub fn losses(&self) -> String {
        let lost = self.filled(self.operation.consent.unwrap_or_default());
        format!("This would be lost: {lost}")
    }

    /// The catalogue's sentence for a success, with a line end, or nothing.
    fn says(&self) -> String {
        self.operation.says.map(|template| self.filled(template) + "\n").unwrap_or_default()
    }

    /// A sentence of the catalogue with the call's arguments.
    pub fn filled(&self, template: &str) -> String {
        let mut text = template.to_owned();
        for parameter in self.operation.parameters.iter().filter(|p| p.required && !p.secret) {
            let value = self.arguments.get(parameter.name).map(plain).unwrap_or_default();
            text = text.replace(&format!("{{{}}}", parameter.name), &value);
        }
        text
    }
}

/// Data of a result, field by field.
pub fn data(fields: Vec<(&str, Value)>) -> Map<String, Value> {
    let mut data = Map::new();
    for (name, value) in fields {
        data.insert(name.to_owned(), value);
    }
    data
}

/// A result with its warnings, in the data and in the text.
pub fn finished(
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

/// A name of the catalogue as words.
pub fn words(name: &str) -> String {
    name.replace('_', " ")
}
