//! Flows as answers show them: the fields of Keboola's own server, in snake_case down to the tasks.
//!
//! Invariant: the data of a job that a task starts stays as it is stored; only names that belong to
//! flows change.

use serde_json::{Map, Value, json};

use super::config_view;
use crate::{
    api::plain,
    call::{Call, id_of},
    configuration::{normalise, secrets},
    links::FLOW,
};

/// Shows a part of a flow.
type View = fn(Value) -> Value;

/// The fields that both forms have.
fn common(component: &str, record: &Value) -> Value {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let flag = |name: &str| record.get(name) == Some(&Value::Bool(true));
    json!({
        "component_id": component,
        "configuration_id": id_of(record),
        "name": text("name").unwrap_or_default(),
        "description": text("description"),
        "version": record.get("version").and_then(Value::as_i64).unwrap_or_default(),
        "is_disabled": flag("isDisabled"),
        "is_deleted": flag("isDeleted"),
        "folder": config_view::folder(record),
        "created": text("created"),
        "updated": text("updated"),
    })
}

fn with(mut view: Value, more: Value) -> Value {
    if let (Some(view), Value::Object(more)) = (view.as_object_mut(), more) {
        view.extend(more);
    }
    view
}

/// A flow in short form, with the number of its schedules or why it is not known.
pub(super) fn summary(component: &str, record: &Value, schedules: Result<usize, String>) -> Value {
    let count = |name: &str| {
        let list = record.get("configuration").and_then(|inner| inner.get(name));
        list.and_then(Value::as_array).map_or(0, Vec::len)
    };
    let more = json!({
        "phases_count": count("phases"),
        "tasks_count": count("tasks"),
        "schedules_count": schedules.as_ref().ok(),
        "schedules_error": schedules.as_ref().err(),
    });
    with(common(component, record), more)
}

/// A flow in full, with its schedules or why they could not be read.
pub(super) fn detail(
    call: &Call<'_>,
    component: &str,
    record: &Value,
    schedules: Result<Vec<Value>, String>,
) -> Value {
    let inner = record.get("configuration").cloned().and_then(normalise::into_object);
    let inner = secrets::redact(Value::Object(inner.unwrap_or_default()));
    let list = |name: &str| {
        let items = inner.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter(|item| item.is_object()).cloned().collect::<Vec<Value>>()
    };
    let (phase, task): (View, View) = match component == FLOW {
        true => (phase, task),
        false => (legacy_phase, legacy_task),
    };
    let phases: Vec<Value> = list("phases").into_iter().map(phase).collect();
    let tasks: Vec<Value> = list("tasks").into_iter().map(task).collect();
    let id = id_of(record);
    let name = record.get("name").and_then(Value::as_str).unwrap_or_default();
    let metadata = record.get("metadata").filter(|metadata| metadata.is_array());
    let (schedules, error) = match schedules {
        Ok(schedules) => (scheduled(call, component, &id, &schedules), Value::Null),
        Err(why) => (Value::Null, Value::from(why)),
    };
    let more = json!({
        "configuration": { "phases": phases, "tasks": tasks },
        "change_description": record.get("changeDescription").and_then(Value::as_str),
        "configuration_metadata": metadata.cloned().unwrap_or_else(|| json!([])),
        "schedules": schedules,
        "schedules_error": error,
        "links": call.links().flow_and_flows(component, &id, name),
    });
    with(common(component, record), more)
}

fn scheduled(call: &Call<'_>, component: &str, id: &str, schedules: &[Value]) -> Value {
    json!({
        "schedules": schedules.iter().map(schedule).collect::<Vec<_>>(),
        "n_schedules": schedules.len(),
        "links": [call.links().schedules(component, id)],
    })
}

fn schedule(record: &Value) -> Value {
    let text = |value: Option<&Value>| value.map(plain).unwrap_or_default();
    let at = |name: &str| text(record.pointer(&format!("/schedule/{name}")));
    let executions = record.get("executions").and_then(Value::as_array).into_iter().flatten();
    let execution = |one: &Value| {
        let field = |name: &str| one.get(name).filter(|value| !value.is_null()).map(plain);
        json!({ "job_id": field("jobId"), "execution_time": field("executionTime") })
    };
    json!({
        "schedule_id": text(record.get("configurationId")),
        "timezone": at("timezone"),
        "state": at("state"),
        "cron_tab": at("cronTab"),
        "target_executions": executions.map(execution).collect::<Vec<_>>(),
    })
}

/// An object with these fields under their other names, and these where they are missing.
fn renamed(value: Value, names: &[(&str, &str)], missing: Value) -> Value {
    let Value::Object(mut map) = value else { return value };
    for (old, new) in names {
        if let Some(value) = map.remove(*old) {
            map.insert((*new).to_owned(), value);
        }
    }
    if let Value::Object(missing) = missing {
        for (name, value) in missing {
            map.entry(name).or_insert(value);
        }
    }
    Value::Object(map)
}

/// Applies a view to a field that is there.
fn inside(value: &mut Value, name: &str, view: impl Fn(Value) -> Value) {
    if let Some(field) = value.get_mut(name) {
        *field = view(field.take());
    }
}

/// Applies a view to each item of a field that is a list.
fn each(value: &mut Value, name: &str, view: impl Fn(Value) -> Value) {
    inside(value, name, |list| match list {
        Value::Array(items) => items.into_iter().map(&view).collect(),
        other => other,
    });
}

fn phase(phase: Value) -> Value {
    let missing = json!({ "description": null, "retry": null, "next": [] });
    let mut phase = renamed(phase, &[], missing);
    inside(&mut phase, "retry", retry);
    each(&mut phase, "next", |next| {
        renamed(next, &[], json!({ "name": null, "condition": null, "goto": null }))
    });
    phase
}

fn retry(given: Value) -> Value {
    let names = [("strategyParams", "strategy_params"), ("retryOn", "retry_on")];
    let mut retry = renamed(given, &names, json!({ "retry_on": null }));
    inside(&mut retry, "strategy_params", |params| {
        renamed(params, &[("maxRetries", "max_retries")], json!({}))
    });
    retry
}

fn task(task: Value) -> Value {
    let mut task = renamed(task, &[], json!({ "enabled": true }));
    inside(&mut task, "task", work);
    task
}

/// What a task does: it starts a job, notifies somebody, or sets a variable.
fn work(given: Value) -> Value {
    let kind = given.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let (names, missing): (&[(&str, &str)], Value) = match kind.as_str() {
        "job" => (
            &[
                ("componentId", "component_id"),
                ("configId", "config_id"),
                ("configData", "config_data"),
                ("variableOverrides", "variable_overrides"),
            ],
            json!({
                "config_id": null, "config_data": null, "delay": null, "retry": null,
                "variable_overrides": null,
            }),
        ),
        "notification" => (&[], json!({ "message": null })),
        "variable" => (&[], json!({ "value": null, "source": null })),
        _ => (&[], json!({})),
    };
    let mut work = renamed(given, names, missing);
    inside(&mut work, "retry", retry);
    work
}

/// The named fields of an object; those that are missing come from `missing`.
fn only(mut value: Value, fields: &[(&str, &str)], missing: Value) -> Value {
    let field = |(old, new): &(&str, &str)| {
        let value = value.get_mut(*old).map(Value::take).unwrap_or_default();
        ((*new).to_owned(), value)
    };
    let mut view: Map<String, Value> = fields.iter().map(field).collect();
    if let Value::Object(missing) = missing {
        for (name, value) in missing {
            if let Some(field) = view.get_mut(&name).filter(|field| field.is_null()) {
                *field = value;
            }
        }
    }
    Value::Object(view)
}

fn legacy_phase(phase: Value) -> Value {
    let fields = [
        ("id", "id"),
        ("name", "name"),
        ("description", "description"),
        ("dependsOn", "depends_on"),
    ];
    only(phase, &fields, json!({ "name": "", "description": "", "depends_on": [] }))
}

fn legacy_task(task: Value) -> Value {
    let fields = [
        ("id", "id"),
        ("name", "name"),
        ("phase", "phase"),
        ("enabled", "enabled"),
        ("continueOnFailure", "continue_on_failure"),
        ("task", "task"),
    ];
    let missing = json!({ "name": "", "enabled": true, "continue_on_failure": false, "task": {} });
    only(task, &fields, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_conditional_flow_change_and_the_data_of_a_job_do_not() {
        let seen = task(json!({"id": "t", "name": "T", "phase": "p", "task": {
            "type": "job", "componentId": "ex", "mode": "run", "configData": {"maxRetries": 1},
            "retry": {"strategyParams": {"maxRetries": 2}},
        }}));
        assert_eq!(
            seen,
            json!({"id": "t", "name": "T", "phase": "p", "enabled": true, "task": {
                "type": "job", "component_id": "ex", "config_id": null, "mode": "run", "delay": null,
                "config_data": {"maxRetries": 1}, "variable_overrides": null,
                "retry": {"strategy_params": {"max_retries": 2}, "retry_on": null},
            }})
        );
        let seen = phase(json!({"id": "p", "name": "P", "next": [{"id": "n", "goto": "q"}]}));
        assert_eq!(
            seen["next"],
            json!([{"id": "n", "name": null, "condition": null, "goto": "q"}])
        );
        assert_eq!((&seen["description"], &seen["retry"]), (&Value::Null, &Value::Null));
        assert_eq!(task(json!("odd")), "odd");
    }

    #[test]
    fn a_legacy_flow_shows_the_fields_that_it_has() {
        let seen = legacy_phase(json!({"id": 1, "name": "P", "dependsOn": [2], "x": 3}));
        assert_eq!(seen, json!({"id": 1, "name": "P", "description": "", "depends_on": [2]}));
        let seen = legacy_task(json!({"id": 1, "name": "T", "phase": 1, "enabled": false,
            "task": {"componentId": "ex"}}));
        assert_eq!(
            (&seen["enabled"], &seen["continue_on_failure"], &seen["task"]["componentId"]),
            (&json!(false), &json!(false), &json!("ex"))
        );
    }

    #[test]
    fn a_schedule_has_its_last_runs() {
        let seen = schedule(&json!({"configurationId": 800,
            "schedule": {"cronTab": "0 * * * *", "timezone": "UTC", "state": "enabled"},
            "executions": [{"jobId": 5, "executionTime": "2026-08-17T07:39:18Z"}, {}]}));
        assert_eq!(
            seen,
            json!({"schedule_id": "800", "timezone": "UTC", "state": "enabled",
            "cron_tab": "0 * * * *", "target_executions": [
                {"job_id": "5", "execution_time": "2026-08-17T07:39:18Z"},
                {"job_id": null, "execution_time": null},
            ]})
        );
    }
}
