//! Events: writing one, and reading them, newest first.
//!
//! Chosen: `q` is looked for in the message and the description.

use serde_json::{Value, json};

use crate::engine::json::Fields as _;
use crate::engine::paging::page;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Event, World};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, get, post};

pub(super) const ROUTES: &[Route] = &[
    get("events", list).in_branch(),
    post("events", create).in_branch().reads(),
    get("events/{event}", one).in_branch(),
];

/// The most bytes of an event.
const MOST: usize = 200 * 1024;

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    if ask.call.body.len() > MOST {
        let text = "The event is larger than the limit of 200 KB";
        return Err(Problem::new(400, "storage.events.validation", text));
    }
    let body = ask.body()?;
    let kind = body.text("type")?.unwrap_or("info".to_owned());
    if !["info", "success", "warn", "error"].contains(&kind.as_str()) {
        return Err(Problem::invalid(format!("Unknown type \"{kind}\" of an event")));
    }
    let component = body.required("component")?;
    let event = Event {
        id: world.next_id(),
        event: format!("ext.{component}."),
        component,
        config: body.text("configurationId")?,
        message: body.required("message")?,
        description: body.text("description")?.unwrap_or_default(),
        kind,
        run: body.text("runId")?,
        created: ask.now,
        params: body.get("params").cloned().unwrap_or_else(|| json!([])),
        results: body.get("results").cloned().unwrap_or_else(|| json!([])),
        duration: body.whole("duration")?,
        branch: ask.branch,
        token: ask.token()?.named(),
    };
    let view = json!({ "id": event.id, "uuid": event.uuid() });
    world.project_mut(ask.project)?.events.push(event);
    Ok(Reply::json(201, &view))
}

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let params = ask.params();
    let (limit, offset) = params.page(100, 10_000)?;
    let text = |name: &str| params.get(name).map(str::to_owned);
    let (run, component) = (text("runId"), text("component"));
    let (config, query) = (text("configurationId"), text("q"));
    let least = params.whole("sinceId", 0, (0, usize::MAX))?;
    let most = params.whole("maxId", usize::MAX, (0, usize::MAX))?;
    let mut events: Vec<&Event> = world.project(ask.project)?.events.iter().collect();
    events.retain(|event| {
        let id = usize::try_from(event.id).unwrap_or_default();
        let of_run = |run: &String| event.run.as_ref().is_some_and(|own| is_of(own, run));
        run.as_ref().is_none_or(of_run)
            && component.as_ref().is_none_or(|wanted| event.component == *wanted)
            && config.as_ref().is_none_or(|wanted| event.config.as_ref() == Some(wanted))
            && query.as_ref().is_none_or(|query| mentions(event, query))
            && id > least
            && id < most
    });
    events.sort_by_key(|event| std::cmp::Reverse((event.created, event.id)));
    let uuids = params.flag("forceUuid");
    let storage = ask.place.url("connection");
    let views = page(events, limit, offset).into_iter().map(|event| {
        let mut view = event.view(&storage);
        if uuids {
            view.set("id", event.uuid().to_string());
        }
        view
    });
    Ok(Reply::ok(&views.collect::<Value>()))
}

/// Whether a run is another or one under it.
fn is_of(run: &str, wanted: &str) -> bool {
    let rest = run.strip_prefix(wanted);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn mentions(event: &Event, query: &str) -> bool {
    event.message.contains(query) || event.description.contains(query)
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("event");
    let mut events = world.project(ask.project)?.events.iter();
    let event = events.find(|event| event.id.to_string() == id || event.uuid().to_string() == id);
    let event = event.ok_or_else(|| Problem::missing(format!("Event \"{id}\" not found")))?;
    Ok(Reply::ok(&event.view(&ask.place.url("connection"))))
}
