//! The server as one admitted caller sees it, the same for every wire: its keys, its account, its hub and tasks, and the
//! way to the object of a session.

use std::rc::Rc;

use uuid::Uuid;
use worker::Env;

use crate::wiring::REGISTRY;
use crate::{
    admission::{Admission, RequestContext},
    body::check_declared,
    config::Config,
    error::AppResult,
    platform::{
        clock::now_s,
        http::{Request, Response},
        workers::WorkersPlatform,
    },
    response::{self, CorsContext, STREAMED},
    state,
    stubs::{
        connect::PersonalKeys,
        grants::Admitted,
        hub::Hub,
        quota,
        session::{self, Along},
        stored_upstreams,
        tasks::TaskClient,
        token_check::TokenCheck,
        upstream::{self, UpstreamStub},
    },
    transports::{
        single_response::read_response, sse_stream::StreamLease, watchdog::WatchedStream,
    },
};
use gateway::{
    door::{Door, Place},
    forwarded::Forwarded,
};
use mcp_auth::{
    credential::Credential,
    keys::Keyring,
    oauth::token::GrantHandle,
    origin::own,
    principal::Principal,
    quota::Rate,
    refusal::Refusal,
    seal::Sealed,
    secret::Secret,
    session_id::{Claims, MAX_TOOLSET, Placement},
};
use mcp_platform::url::query_value;
use mcp_protocol::media;
use mcp_protocol::{
    capabilities::ClientCapabilities, implementation::Implementation, initialize::InitializeParams,
    stateless::method::Method,
};
use mcp_server::{
    changes::WaitUntil,
    cold::cold,
    context::Context,
    notifier::Declared,
    remote::{About, Remote},
    tasks::Tasks,
    telemetry::{audit::Audit, metrics, record::RequestRecord},
    tool_selection::ToolSelection,
    upstream_selection::Selection,
};

/// The answer to a caller who chooses more upstreams than a session's id can name.
const TOO_MANY_UPSTREAMS: &str = "too many upstreams were chosen for one session: their names may have about 170 characters \
                                  together; choose fewer, or `upstreams` for all";
/// The header that leaves only tools that read.
const READ_ONLY_HEADER: &str = "x-mcp-readonly";

/// An admitted request.
pub struct AdmittedRequest<'a> {
    /// The Worker's bindings.
    pub env: &'a Env,
    /// The configuration.
    pub config: &'a Config,
    /// The origin of the request.
    pub caller: &'a CorsContext,
    /// The keys in force.
    pub keys: Rc<Keyring>,
    /// The caller.
    pub principal: Principal,
    /// The request's log record.
    pub record: Rc<RequestRecord>,
    /// Its rate limit. `None`: there is no limit.
    pub rate: Option<Rate>,
    /// The upstream whose door was asked; empty: the main door.
    pub door: String,
    own_token: Option<String>,
    grant: Option<GrantHandle>,
    key: Option<String>,
    audit: Rc<dyn Audit>,
    wait_until: WaitUntil,
}

impl<'a> AdmittedRequest<'a> {
    /// The endpoint of a caller that was let in.
    pub fn new(visit: RequestContext<'a>, admission: Admission) -> Self {
        let RequestContext { env, config, caller, door, .. } = visit;
        let Admission { keys, admitted, rate } = admission;
        let Admitted { principal, own_token, grant, key } = admitted;
        let (audit, wait_until, record) = (visit.audit(), visit.wait_until(), visit.record);
        Self {
            env,
            config,
            caller,
            keys,
            principal,
            record,
            rate,
            door: door.to_owned(),
            own_token,
            grant,
            key,
            audit,
            wait_until,
        }
    }

    /// Keeps work running after the response, or without one.
    pub fn wait_until(&self) -> WaitUntil {
        self.wait_until.clone()
    }

    /// The audit.
    pub fn audit(&self) -> Rc<dyn Audit> {
        self.audit.clone()
    }

    /// The SiteBay account that the caller acts on.
    pub fn credential(&self) -> Rc<Credential> {
        Rc::new(self.config.credential(&self.principal, self.own_token.as_deref()))
    }

    /// The SiteBay token that the caller brings.
    pub fn own_token(&self) -> Option<Secret> {
        self.own_token.clone().map(Secret::new)
    }

    /// The check whether SiteBay accepts the caller's token. Returns `None` if it is verified already.
    pub fn token_check(&self) -> Option<TokenCheck> {
        self.principal.unverified?;
        let (principal, own) = (self.principal.clone(), self.own_token.clone());
        let context = self.config.background(principal, own, Rc::new(WorkersPlatform));
        Some(TokenCheck(Context { record: self.record.clone(), ..context }))
    }

    /// Whether the parameters of a request of this method may be for another server.
    pub fn passes_on(&self, method: Method) -> bool {
        let named = method.named_by().is_some() || method == Method::Complete;
        named && !self.config.upstreams.is_empty()
    }

    /// Whether an id is that of a task of another server, and this caller's.
    pub fn is_task_of_upstream(&self, id: &str) -> bool {
        upstream::is_task(self.config, &self.keys, self.principal.subject, id)
    }

    /// The other servers behind the door, for a request that is answered here. None: there are none, or the caller chose
    /// none of them.
    ///
    /// # Errors
    /// 508 where the request was here before.
    pub fn remote(
        &self,
        request: &Request,
        choice: &Selection,
    ) -> AppResult<Option<Rc<dyn Remote>>> {
        Ok(self.upstreams(request, choice)?.map(|door| door as Rc<dyn Remote>))
    }

    /// The same as the door itself.
    ///
    /// # Errors
    /// 508 where the request was here before.
    pub fn upstreams(&self, request: &Request, choice: &Selection) -> AppResult<Option<Rc<Door>>> {
        if !upstream::is_any(self.config, &self.door, choice) {
            return Ok(None);
        }
        let passed = request.header_text(upstream::GATEWAYS_HEADER);
        let (env, subject) = (self.env.clone(), self.principal.subject);
        let is_personal = self.is_one_person();
        let place = || Place::Worker(Rc::new(UpstreamStub { env, subject, is_personal }));
        let connections = || PersonalKeys {
            env: self.env.clone(),
            keys: self.keys.clone(),
            origin: own(request.url()).unwrap_or_default().to_owned(),
        };
        let along = (passed, self.forwarded(request), connections);
        Ok(upstream::door((self.env, self.config), &self.keys, &self.door, place, along)?)
    }

    /// The headers of a request that upstreams want.
    fn forwarded(&self, request: &Request) -> Forwarded {
        Forwarded::read(&self.config.upstreams, |name| request.header_text(name))
    }

    /// What the upstream behind the door says of itself. None: this is the main door.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn about(
        &self,
        request: &Request,
        capabilities: ClientCapabilities,
        client: &Implementation,
    ) -> AppResult<Option<About>> {
        if self.door.is_empty() {
            return Ok(None);
        }
        let Some(remote) = self.remote(request, &self.config.choice)? else {
            return Ok(None);
        };
        let ctx = self.preliminary(capabilities, client);
        match remote.about(&ctx).await {
            Ok(Some(about)) => Ok(Some(about.behind_a_door())),
            Ok(None) => Err(Refusal::NotFound.into()),
            Err(error) => Err(Refusal::Upstream(error.message).into()),
        }
    }

    /// The context of what is asked beside the request itself.
    pub fn preliminary(
        &self,
        capabilities: ClientCapabilities,
        client: &Implementation,
    ) -> Context {
        let platform = Rc::new(WorkersPlatform);
        Context {
            client: Rc::new(client.clone()),
            notifier: Rc::new(Declared::new(capabilities)),
            record: self.record.clone(),
            ..self.config.background(self.principal.clone(), self.own_token.clone(), platform)
        }
    }

    /// The caller's hub.
    pub fn hub(&self) -> Hub {
        Hub::new(self.env, self.principal.subject)
    }

    /// The caller's tasks, where this server keeps any.
    pub fn tasks(&self, client: Implementation) -> Option<Rc<dyn Tasks>> {
        let link = || TaskClient {
            env: self.env.clone(),
            keys: self.keys.clone(),
            principal: Rc::new(self.principal.clone()),
            client: Rc::new(client),
            own_token: self.own_token(),
        };
        self.config.offers_tasks().then(|| Rc::new(link()) as Rc<dyn Tasks>)
    }

    /// When a stream that begins now must end, in seconds since 1970.
    pub fn expires(&self) -> u32 {
        let age = u32::try_from(self.config.session_max_age.as_secs()).unwrap_or(u32::MAX);
        let now = u32::try_from(now_s()).unwrap_or(u32::MAX);
        self.with_credential(now.saturating_add(age))
    }

    /// For how long a stream of a session may go on.
    pub fn lease(&self, claims: &Claims) -> StreamLease {
        let session = Some((claims.subject, claims.issued));
        let unverified = self.principal.unverified;
        StreamLease {
            session,
            unverified,
            ..self.lease_until(self.with_credential(claims.expires))
        }
    }

    /// For how long a stream without a session may go on.
    pub fn lease_until(&self, expires: u32) -> StreamLease {
        let (grant, key) = (self.grant.clone(), self.key.clone());
        let env = self.env.clone();
        StreamLease { env, expires, session: None, unverified: None, grant, key }
    }

    /// The earlier end: this one, or that of what the caller came in with.
    fn with_credential(&self, expires: u32) -> u32 {
        self.principal.expires.map_or(expires, |own| own.min(expires))
    }

    /// The session that an id names, if it is this caller's and was not ended with all others.
    ///
    /// # Errors
    /// 404 for every other id, 503 where the hub does not answer.
    pub async fn session(&self, id: &str) -> AppResult<Claims> {
        let claims = Claims::verify(id, &self.keys, self.principal.subject, now_s())
            .map_err(|_| Refusal::SessionNotFound)?;
        if claims.door() != self.door {
            return Err(Refusal::SessionNotFound.into());
        }
        let account = self.principal.unverified;
        if Hub::has_ended(self.env, account, claims.subject, claims.issued).await? {
            return Err(Refusal::SessionNotFound.into());
        }
        Ok(claims)
    }

    /// The sealed description of this request for the session's object.
    fn sealed(&self, claims: Claims, rate: Option<Rate>) -> Sealed {
        let (principal, request) = (self.principal.clone(), self.record.id());
        Sealed { claims, principal, request, rate }
    }

    /// Opens the feed of a session's long-lived stream.
    ///
    /// # Errors
    /// Where the object does not answer.
    pub async fn open_feed(&self, claims: Claims, kind: &str) -> AppResult<worker::Response> {
        session::open_feed(self.env, &self.keys, &self.sealed(claims, None), kind).await
    }

    /// Passes a request on to its session with its body unread, and hands the object's answer to the client.
    ///
    /// # Errors
    /// Where the object does not answer, and where the body is too large.
    pub async fn pass_on(
        &self,
        claims: Claims,
        request: &Request,
        path: &str,
    ) -> AppResult<Response> {
        check_declared(request).await?;
        let sealed = self.sealed(claims, self.rate);
        // The grant's token replaces the one that the client sent.
        let own_token = self.own_token.as_deref().filter(|_| self.grant.is_some());
        // Each is a call of the runtime, or a line that the object reads.
        let may_be_any = stored_upstreams::may_be_any(self.config);
        let (gateways, forwarded) = match may_be_any {
            false => (None, None),
            true => {
                let gateways = request.header_text(upstream::GATEWAYS_HEADER);
                (gateways, self.forwarded(request).to_text())
            }
        };
        let along = Along {
            own_token,
            gateways: gateways.as_deref(),
            forwarded: forwarded.as_deref(),
            origin: may_be_any.then(|| own(request.url()).unwrap_or_default()),
        };
        let response =
            session::pass_on(self.env, &self.keys, &sealed, along, request, path).await?;
        let streams = response.status() == STREAMED;
        if streams && !media::accepts_stream(request.header("accept").as_deref()) {
            return cold(self.whole(response)).await;
        }
        // The object logs its responses.
        self.record.delegate();
        if !streams {
            return Ok(response);
        }
        let stream = worker::Response::from(response).stream()?;
        let stream = WatchedStream::new(stream, Rc::new(WorkersPlatform), self.record.clone());
        Ok(response::stream(stream, self.caller)?)
    }

    /// Hands on a stream of the object in one piece. A stream that ends before its answer is refused
    /// here, and logged here, because its object may be gone.
    async fn whole(&self, streamed: Response) -> AppResult<Response> {
        let stream = worker::Response::from(streamed).stream()?;
        let body = read_response(WatchedStream::new(
            stream,
            Rc::new(WorkersPlatform),
            RequestRecord::disabled(),
        ))
        .await?;
        self.record.delegate();
        Ok(response::json(200, &body, self.caller)?)
    }

    /// Which tools and upstreams the caller wants: by header, else by URL. None: it does not say.
    ///
    /// # Errors
    /// 400 where there is no such toolset, and no such upstream that the caller may use.
    pub fn choice(&self, request: &Request) -> AppResult<Option<Selection>> {
        let said = |header: &str, parameter: &str| {
            request.header_text(header).or_else(|| query_value(request.url(), parameter))
        };
        let toolsets = said(upstream::TOOLSETS_HEADER, "toolsets");
        let read_only = said(READ_ONLY_HEADER, "readonly");
        if toolsets.is_none() && read_only.is_none() {
            return Ok(None);
        }
        let chosen = match toolsets {
            Some(names) => self.chosen(&names)?,
            None => self.config.choice.clone(),
        };
        let read_only = read_only.is_some_and(|said| !matches!(said.trim(), "0" | "false"));
        let (legacy, tools) = (self.config.choice.tools.legacy, chosen.tools);
        let tools = ToolSelection { read_only: read_only || tools.read_only, legacy, ..tools };
        Ok(Some(Selection { tools, ..chosen }))
    }

    #[inline(never)]
    fn chosen(&self, names: &str) -> Result<Selection, Refusal> {
        let usable = upstream::usable(self.config, &self.principal);
        let usable: Vec<&str> = usable.map(|upstream| upstream.name.as_str()).collect();
        REGISTRY.choose_among(names, &usable).map_err(Refusal::Toolset)
    }

    /// The claims of a new session of this caller.
    ///
    /// # Errors
    /// 400 where it chose more upstreams than a session's id names, 429 where it starts too many.
    pub fn claims(&self, hello: InitializeParams, choice: Option<Selection>) -> AppResult<Claims> {
        let choice = choice.map(|choice| choice.to_claim()).unwrap_or_default();
        let toolset = Claims::toolset_at(&choice, &self.door);
        if toolset.len() > MAX_TOOLSET {
            return Err(Refusal::Initialize(TOO_MANY_UPSTREAMS).into());
        }
        if let Some(rate) = self.rate {
            quota::start(self.principal.limited_as(), rate)?;
        }
        metrics::session();
        let now = u32::try_from(now_s()).unwrap_or(u32::MAX);
        let issued = state::issued(self.principal.subject, now);
        let age = u32::try_from(self.config.session_max_age.as_secs()).unwrap_or(u32::MAX);
        Ok(Claims {
            session: Uuid::new_v4(),
            version: hello.version,
            capabilities: hello.capabilities,
            placement: self.placement(),
            subject: self.principal.subject,
            issued,
            expires: now.saturating_add(age),
            toolset,
            client_name: hello.client_name,
            client_version: hello.client_version,
        })
    }

    /// Whether the caller's subject is one person: callers who share a key, or have none, are not, unless each brings a
    /// credential of its own.
    fn is_one_person(&self) -> bool {
        self.principal.auth_method.is_personal() || self.principal.own_credential
    }

    /// Callers who are not one person never share an object.
    fn placement(&self) -> Placement {
        if self.is_one_person() { self.config.placement } else { Placement::Session }
    }
}
