//! The methods of this era, and what is particular about each, as data.
//!
//! Invariant: what is not in [`Method::ALL`] does not exist: `initialize`, `ping`,
//! `logging/setLevel`, `resources/subscribe` and `tasks/list` went away with the sessions. Source:
//! the schema's `ClientRequest`; SEP-2663 for `tasks/*`.

use crate::{
    capabilities::ClientCapabilities,
    stateless::{error::StatelessError, result::CacheHint},
};

/// A method of the stateless era. Whether this server offers it is for its registry to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the methods")]
pub enum Method {
    Discover,
    ToolsList,
    ToolsCall,
    PromptsList,
    PromptsGet,
    ResourcesList,
    ResourceTemplatesList,
    ResourcesRead,
    Complete,
    Listen,
    TasksGet,
    TasksUpdate,
    TasksCancel,
}

/// The parameter that `Mcp-Name` repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the parameters")]
pub enum NamedBy {
    Name,
    Uri,
    TaskId,
}

impl NamedBy {
    /// The parameter's name in `params`.
    pub fn field(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Uri => "uri",
            Self::TaskId => "taskId",
        }
    }
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Discover,
        Self::ToolsList,
        Self::ToolsCall,
        Self::PromptsList,
        Self::PromptsGet,
        Self::ResourcesList,
        Self::ResourceTemplatesList,
        Self::ResourcesRead,
        Self::Complete,
        Self::Listen,
        Self::TasksGet,
        Self::TasksUpdate,
        Self::TasksCancel,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discover => "server/discover",
            Self::ToolsList => "tools/list",
            Self::ToolsCall => "tools/call",
            Self::PromptsList => "prompts/list",
            Self::PromptsGet => "prompts/get",
            Self::ResourcesList => "resources/list",
            Self::ResourceTemplatesList => "resources/templates/list",
            Self::ResourcesRead => "resources/read",
            Self::Complete => "completion/complete",
            Self::Listen => "subscriptions/listen",
            Self::TasksGet => "tasks/get",
            Self::TasksUpdate => "tasks/update",
            Self::TasksCancel => "tasks/cancel",
        }
    }

    /// Reads the name on the wire.
    ///
    /// # Errors
    /// 404, −32601 where this era has no such method.
    pub fn parse(name: &str) -> Result<Self, StatelessError> {
        let found = Self::ALL.into_iter().find(|method| method.as_str() == name);
        found.ok_or_else(|| StatelessError::method_not_found(name))
    }

    /// The parameter that the header `Mcp-Name` repeats, if any (SEP-2243; SEP-2663 for tasks).
    pub fn named_by(self) -> Option<NamedBy> {
        match self {
            Self::ToolsCall | Self::PromptsGet => Some(NamedBy::Name),
            Self::ResourcesRead => Some(NamedBy::Uri),
            Self::TasksGet | Self::TasksUpdate | Self::TasksCancel => Some(NamedBy::TaskId),
            _ => None,
        }
    }

    /// Whether its result may be a question to the client (`basic/patterns/mrtr` "Supported
    /// Requests"). It must not be on any other.
    pub fn may_ask(self) -> bool {
        matches!(self, Self::ToolsCall | Self::PromptsGet | Self::ResourcesRead)
    }

    /// How long and by whom its complete result may be kept, where it must say so
    /// (`server/utilities/caching` "Cacheable Results").
    pub fn cache_hint(self) -> Option<CacheHint> {
        match self {
            Self::Discover
            | Self::ToolsList
            | Self::PromptsList
            | Self::ResourcesList
            | Self::ResourceTemplatesList => Some(CacheHint::LIST),
            Self::ResourcesRead => Some(CacheHint::NEVER),
            _ => None,
        }
    }

    /// The client capabilities that the method needs.
    pub fn needs(self) -> ClientCapabilities {
        match self {
            Self::TasksGet | Self::TasksUpdate | Self::TasksCancel => ClientCapabilities::TASKS,
            _ => ClientCapabilities::default(),
        }
    }

    /// The byte that stands for it in a `requestState`.
    pub fn code(self) -> u8 {
        match self {
            Self::ToolsCall => 1,
            Self::PromptsGet => 2,
            Self::ResourcesRead => 3,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The methods for which something holds.
    fn those(rule: fn(Method) -> bool) -> Vec<&'static str> {
        Method::ALL.into_iter().filter(|method| rule(*method)).map(Method::as_str).collect()
    }

    #[test]
    fn every_method_is_read_as_it_is_written() {
        for method in Method::ALL {
            assert_eq!(Method::parse(method.as_str()), Ok(method));
        }
    }

    #[test]
    fn what_went_away_with_the_sessions_is_not_found() {
        for name in [
            "initialize",
            "ping",
            "logging/setLevel",
            "resources/subscribe",
            "resources/unsubscribe",
            "tasks/result",
            "tasks/list",
            "unknown/method",
            "TOOLS/LIST",
            "",
        ] {
            let error = Method::parse(name).unwrap_err();
            assert_eq!((error.status(), error.code()), (404, -32601), "{name}");
        }
    }

    #[test]
    fn only_three_methods_may_ask() {
        let asking = ["tools/call", "prompts/get", "resources/read"];
        assert_eq!(those(Method::may_ask), asking);
        assert_eq!(those(|method| method.code() > 0), asking);
    }

    #[test]
    fn lists_discovery_and_resources_say_how_long_they_hold() {
        let cacheable = [
            "server/discover",
            "tools/list",
            "prompts/list",
            "resources/list",
            "resources/templates/list",
            "resources/read",
        ];
        assert_eq!(those(|method| method.cache_hint().is_some()), cacheable);
    }

    #[test]
    fn tasks_need_their_extension() {
        let tasks = ["tasks/get", "tasks/update", "tasks/cancel"];
        assert_eq!(those(|method| method.needs() == ClientCapabilities::TASKS), tasks);
        assert_eq!(those(|method| method.named_by() == Some(NamedBy::TaskId)), tasks);
    }
}
