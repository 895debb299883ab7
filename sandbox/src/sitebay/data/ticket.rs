//! Tickets: what the account has asked the service's people.

use serde_json::{Value, json};
use uuid::Uuid;

use super::user;
use crate::engine::clock::{self, Time};

/// A ticket.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// Its id.
    pub(crate) id: Uuid,
    /// The team it is about.
    pub(crate) team_id: Option<Uuid>,
    /// Its subject.
    pub(crate) subject: String,
    /// Its text.
    pub(crate) body: String,
    /// `open` or `closed`.
    pub(crate) status: String,
    /// The replies, oldest first.
    pub(crate) replies: Vec<TicketReply>,
    /// When it was opened.
    pub(crate) created_at: Time,
}

/// A reply to a ticket.
#[derive(Debug)]
pub(crate) struct TicketReply {
    /// Its id.
    pub(crate) id: Uuid,
    /// Its value.
    pub(crate) body: String,
    /// When it was written.
    pub(crate) created_at: Time,
}

impl Ticket {
    /// The ticket as the API shows it.
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id,
            "team_id": self.team_id,
            "subject": self.subject,
            "body": self.body,
            "status": self.status,
            "replies": self.replies.len(),
            "created_at": clock::text(self.created_at),
        })
    }
}

impl TicketReply {
    /// A reply written now.
    pub(crate) fn new(body: String) -> Self {
        Self { id: Uuid::new_v4(), body, created_at: clock::now() }
    }

    /// The reply as the API shows it.
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id,
            "body": self.body,
            "user_id": user::owner_id(),
            "created_at": clock::text(self.created_at),
        })
    }
}
