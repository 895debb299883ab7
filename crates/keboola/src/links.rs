//! Addresses of things in Keboola's user interface.

use std::collections::HashSet;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

/// What may not stand in a path as it is.
const PART: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'`');

/// Component of conditional flows.
pub(crate) const FLOW: &str = "keboola.flow";
/// Component of legacy flows.
pub(crate) const ORCHESTRATOR: &str = "keboola.orchestrator";
/// Component of data apps.
pub(crate) const DATA_APPS: &str = "keboola.data-apps";

/// Makes links of one project and branch.
pub(crate) struct Links {
    base: String,
}

impl Links {
    pub(crate) fn new(connection: &str, project: &str, branch: Option<&str>) -> Self {
        let branch = branch.map(|id| format!("/branch/{}", part(id))).unwrap_or_default();
        Self { base: format!("{connection}/admin/projects/{}{branch}", part(project)) }
    }

    fn link(&self, kind: &str, title: impl Into<String>, path: &str) -> Value {
        json!({"type": kind, "title": title.into(), "url": format!("{}/{path}", self.base)})
    }

    fn detail(&self, title: impl Into<String>, path: &str) -> Value {
        self.link("ui-detail", title, path)
    }

    fn dashboard(&self, title: impl Into<String>, path: &str) -> Value {
        self.link("ui-dashboard", title, path)
    }

    pub(crate) fn project(&self) -> Value {
        self.detail("Project Dashboard", "")
    }

    pub(crate) fn buckets(&self) -> Value {
        self.dashboard("Buckets in the project", "storage")
    }

    pub(crate) fn bucket(&self, id: &str, name: &str) -> Value {
        self.detail(format!("Bucket: {name}"), &format!("storage/{}", part(id)))
    }

    pub(crate) fn table(&self, bucket: &str, table: &str) -> Value {
        let path = format!("storage/{}/table/{}", part(bucket), part(table));
        self.detail(format!("Table: {table}"), &path)
    }

    pub(crate) fn jobs(&self) -> Value {
        self.dashboard("Jobs in the project", "queue")
    }

    pub(crate) fn job(&self, id: &str) -> Value {
        json!([self.detail(format!("Job: {id}"), &format!("queue/{}", part(id))), self.jobs()])
    }

    pub(crate) fn used_components(&self) -> Value {
        self.dashboard("Used Components Dashboard", "components/configurations")
    }

    pub(crate) fn transformations(&self) -> Value {
        self.dashboard("Transformations dashboard", "transformations-v2")
    }

    /// The configurations of a component.
    pub(crate) fn component(&self, id: &str, name: Option<&str>) -> Value {
        let name = name.map_or_else(|| format!("Component \"{id}\""), str::to_owned);
        self.dashboard(
            format!("{name} Configurations Dashboard"),
            &format!("components/{}", part(id)),
        )
    }

    /// One configuration, where its kind is shown.
    pub(crate) fn config(&self, component: &str, id: &str, name: &str) -> Value {
        let config = part(id);
        if component.contains("transformation") {
            let path = format!("transformations-v2/{}/{config}", part(component));
            return self.detail(format!("Transformation: {name}"), &path);
        }
        match component {
            DATA_APPS => self
                .detail(format!("Data App Configuration: {name}"), &format!("data-apps/{config}")),
            FLOW | ORCHESTRATOR => self.flow(component, id, name),
            _ => self.detail(
                format!("Configuration: {name}"),
                &format!("components/{}/{config}", part(component)),
            ),
        }
    }

    /// A configuration, and where its component's are listed.
    pub(crate) fn config_and_component(&self, component: &str, id: &str, name: &str) -> Value {
        json!([self.config(component, id, name), self.component(component, None)])
    }

    /// A transformation, and where all of them are listed.
    pub(crate) fn transformation_and_all(&self, component: &str, id: &str, name: &str) -> Value {
        json!([self.config(component, id, name), self.transformations()])
    }

    fn flow(&self, component: &str, id: &str, name: &str) -> Value {
        let path = format!("{}/{}", flows_path(component), part(id));
        self.detail(format!("Flow: {name}"), &path)
    }

    pub(crate) fn flows(&self, component: &str) -> Value {
        let label = if component == FLOW { "Conditional Flows" } else { "Flows" };
        self.dashboard(format!("{label} in the project"), flows_path(component))
    }

    /// A flow, the list of flows, and their documentation.
    pub(crate) fn flow_and_flows(&self, component: &str, id: &str, name: &str) -> Value {
        json!([
            self.flow(component, id, name),
            self.flows(component),
            {
                "type": "docs",
                "title": "Documentation for Keboola Flows",
                "url": "https://help.keboola.com/flows/",
            },
        ])
    }

    pub(crate) fn schedules(&self, component: &str, id: &str) -> Value {
        self.detail("Schedules", &format!("{}/{}/schedules", flows_path(component), part(id)))
    }
}

fn flows_path(component: &str) -> &'static str {
    if component == FLOW { "flows-v2" } else { "flows" }
}

fn part(text: &str) -> String {
    utf8_percent_encode(text, PART).to_string()
}

/// Links of one answer: each once, by type and title.
pub(crate) fn packed(links: Vec<Value>) -> Value {
    let mut seen = HashSet::new();
    let mut packed: Vec<Value> =
        links.into_iter().filter(|link| seen.insert(link.to_string())).collect();
    let text = |link: &Value, name: &str| {
        link.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    packed.sort_by_key(|link| (text(link, "type"), text(link, "title")));
    Value::Array(packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stands_below_its_project_and_branch() {
        let url = |link: Value| link["url"].as_str().unwrap().to_owned();
        let main = Links::new("https://connection.keboola.com", "58", None);
        let base = "https://connection.keboola.com/admin/projects/58";
        assert_eq!(url(main.project()), format!("{base}/"));
        assert_eq!(url(main.table("in.c-a", "b/c")), format!("{base}/storage/in.c-a/table/b%2Fc"));
        assert_eq!(url(main.config(FLOW, "7", "f")), format!("{base}/flows-v2/7"));
        let tf = "keboola.snowflake-transformation";
        assert_eq!(url(main.config(tf, "7", "t")), format!("{base}/transformations-v2/{tf}/7"));
        let dev = Links::new("https://connection.keboola.com", "58", Some("9"));
        assert_eq!(url(dev.jobs()), format!("{base}/branch/9/queue"));
    }
}
