//! The timed figures, and the work of each contestant for them.

use crate::{
    contestant::Contestant,
    load::Work,
    messages::{Caller, HELLO},
};

/// A figure that is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// `tools/call` in a session, one connection.
    Call,
    /// `tools/call` in one session, 16 connections.
    Call16,
    /// `tools/call` in 16 sessions, a connection each.
    Sessions16,
    /// `tools/call` without a session, one connection.
    Stateless,
    /// `tools/call` without a session, 16 connections.
    Stateless16,
    /// `initialize`, 16 connections.
    Initialize,
    /// `initialize`, `initialized`, `tools/call`, 16 connections.
    Session,
    /// The same where all sessions of a caller share an object.
    SubjectSession,
    /// `tools/list` with all tools, 16 connections.
    List,
    /// `tools/call` of a server behind this one, one connection. Not among [`Figure::ALL`]: see
    /// [`crate::behind`].
    Behind,
    /// The same, 16 connections.
    Behind16,
}

impl Figure {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 9] = [
        Self::Call,
        Self::Call16,
        Self::Sessions16,
        Self::Stateless,
        Self::Stateless16,
        Self::Initialize,
        Self::Session,
        Self::SubjectSession,
        Self::List,
    ];

    /// How tables call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Call => "session `tools/call`, 1 connection",
            Self::Call16 => "session `tools/call`, 16 connections",
            Self::Sessions16 => "session `tools/call`, 16 sessions",
            Self::Stateless => "stateless `tools/call`, 1 connection",
            Self::Stateless16 => "stateless `tools/call`, 16 connections",
            Self::Initialize => "`initialize`, 16 connections",
            Self::Session => "whole session of one call, `session`",
            Self::SubjectSession => "whole session of one call, `subject`",
            Self::List => "`tools/list`, all tools, 16 connections",
            Self::Behind => "`tools/call` of an upstream, 1 connection",
            Self::Behind16 => "`tools/call` of an upstream, 16 connections",
        }
    }

    /// How many connections ask.
    #[must_use]
    pub fn connections(self) -> usize {
        if matches!(self, Self::Call | Self::Stateless | Self::Behind) { 1 } else { 16 }
    }

    /// The first request to a contestant that was just started.
    #[must_use]
    pub fn first_request(who: Contestant) -> Vec<u8> {
        match who {
            Contestant::Floor | Contestant::Reading | Contestant::Silent | Contestant::Classes => {
                Caller::at("/bare").initialize()
            }
            _ => who.caller().initialize(),
        }
    }

    /// The work of a contestant for it. Returns `None` if it has no such feature.
    #[must_use]
    pub fn work(self, who: Contestant) -> Option<Work> {
        use Contestant::{
            Before, FastMcp, Floor, Gateway, McpAgent, McpHandler, Ours, Quiet, Reading, Silent,
            Subject,
        };
        let caller = who.caller();
        let is_floor = matches!(who, Floor | Silent);
        let (open, rest) = match self {
            Self::Session | Self::Sessions16 if is_floor => {
                (Caller::at("/open"), Caller::at("/named"))
            }
            Self::Call | Self::Call16 | Self::SubjectSession if is_floor => {
                (Caller::at("/open"), Caller::at("/object"))
            }
            Self::Behind | Self::Behind16 if is_floor => {
                (Caller::at("/relay"), Caller::at("/relay"))
            }
            _ if who == Reading => (Caller::at("/read"), Caller::at("/read")),
            _ if is_floor => (Caller::at("/bare"), Caller::at("/bare")),
            _ => (caller.clone(), caller),
        };
        let repeat = |request, expect| Some(Work::Repeat { request, expect });
        match (self, who) {
            (Self::Call16, Quiet | Silent)
            | (Self::Call | Self::Call16, Ours | Before | Floor | McpAgent) => {
                Some(Work::Call { open, rest, own: false })
            }
            (Self::Sessions16, Ours | Floor | McpAgent) => {
                Some(Work::Call { open, rest, own: true })
            }
            (Self::Stateless16, Quiet | Silent)
            | (Self::Stateless | Self::Stateless16, Ours | Before | Floor | McpHandler) => {
                repeat(open.stateless_call("echo", ECHO), HELLO)
            }
            (Self::Initialize, Floor | Silent) => repeat(open.initialize(), HELLO),
            (Self::Initialize, Ours | Before | Quiet | McpAgent | McpHandler) => {
                repeat(open.initialize(), b"protocolVersion")
            }
            (Self::Session, Ours | Before | Floor | McpAgent)
            | (Self::SubjectSession, Subject | Floor) => Some(Work::Session { open, rest }),
            (Self::Behind | Self::Behind16, Gateway | Floor | Reading | FastMcp) => {
                repeat(open.stateless_call("echo", ECHO), HELLO)
            }
            (Self::List, Ours) => {
                let open = Caller { path: "/mcp?toolsets=all".to_owned(), ..open };
                repeat(open.stateless("tools/list", None, ""), b"\"tools\"")
            }
            _ => None,
        }
    }
}

const ECHO: &str = r#"{"text":"hello"}"#;
