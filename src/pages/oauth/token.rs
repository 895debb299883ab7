//! `/token` and `/revoke`: OAuth 2.1 §3.2, RFC 7009.
//!
//! Invariant: a grant's object decides; here tokens are only read and written.

use super::{
    Server, client_auth,
    reply::{self, EndpointError, EndpointResult},
};
use crate::{
    platform::{
        clock::now_s,
        http::{Request, Response},
    },
    state,
    stubs::grants,
};
use mcp_auth::oauth::{
    Hash,
    error::{ErrorCode, OAuthError},
    form::Form,
    grant::{GONE, Generation, GrantTerms, client_hash},
    grant_request::{Answer, Given, GrantRequest, Redeem, Refresh, TokenBearer},
    hash, offer,
    resource::{self, audience},
    token::{AccessToken, AuthorizationCode, GrantHandle, RefreshToken},
};
use mcp_protocol::object::Object;

/// Gives tokens for a code or a refresh token.
pub(super) async fn issue_tokens(
    server: &Server<'_>,
    request: Request,
) -> EndpointResult<Response> {
    let (form, client_id) = sent(server, request).await?;
    let named = resource::door_named(&form, &server.origin, &server.offer)?;
    let scope = form.one("scope")?.map(str::to_owned);
    let Asked { handle, door, ask } = match form.needed("grant_type", "`grant_type` is missing")? {
        "authorization_code" => redeem(server, &form, &client_id)?,
        "refresh_token" => refresh(server, &form, &client_id)?,
        _ => {
            let why = "`grant_type` must be authorization_code or refresh_token";
            return Err(OAuthError::new(ErrorCode::UnsupportedGrantType, why).into());
        }
    };
    if !door.is_empty() && named.as_ref().is_some_and(|named| *named != door) {
        let why = "`resource` is another one than that of the authorization request";
        return Err(OAuthError::new(ErrorCode::InvalidTarget, why).into());
    }
    let Given { generation, terms } = match grants::ask(server.env, &handle.object(), &ask).await? {
        Answer::Given(given) => *given,
        Answer::Refused(said) => {
            // It may have ended just now.
            state::forget_grant(&handle);
            return Err(EndpointError::Said(said.status, said.error));
        }
        _ => return Err(worker::Error::from("not a grant's answer").into()),
    };
    if !grants::is_good(server.config, &handle, &terms.credential).await {
        return Err(GONE.into());
    }
    // A scope that was not granted is left out; the response lists the granted ones (RFC 6749 §3.3).
    let (scopes, upstreams) = offer::chosen(scope.as_deref(), terms.scopes, &terms.upstreams);
    // A grant for the server as a whole gives tokens for a door too, and one for a door none for anything else.
    let for_door = named.unwrap_or_else(|| door.clone());
    let upstreams = match for_door.as_str() {
        "" => upstreams,
        // Without the scope of its upstream a token for a door opens nothing.
        here => terms.upstreams.limited_to(&server.offer.upstreams(here)),
    };
    let terms = GrantTerms { scopes, upstreams, ..terms };
    Ok(reply::json(200, &tokens(server, handle, (door, &for_door), terms, generation))?)
}

/// A code or a refresh token that a client brings: its grant, the door that the grant is for, and what is asked of it.
struct Asked {
    handle: GrantHandle,
    door: String,
    ask: GrantRequest,
}

/// Ends the grant of a token. RFC 7009 §2.2: an unknown token is not an error.
pub(super) async fn revoke(server: &Server<'_>, request: Request) -> EndpointResult<Response> {
    let (form, client_id) = sent(server, request).await?;
    let token = form.needed("token", "`token` is missing")?;
    let refresh = RefreshToken::verify(token, &server.keys)
        .map(|token| (token.handle, vec![hash(audience(&server.origin, &token.door))]));
    let access = || {
        let token = AccessToken::read(token, &server.keys)?;
        Some((token.handle, server.audiences_of_grant(token.audience)))
    };
    if let Some((handle, audiences)) = refresh.or_else(access) {
        for audience in audiences {
            let ask = GrantRequest::Revoke(bearer(&handle, &client_id, audience));
            if grants::end(server.env, &handle.object(), &ask).await? == Answer::Done {
                break;
            }
        }
    }
    Ok(reply::json(200, "{}")?)
}

/// The form, and which client sent it.
async fn sent(server: &Server<'_>, request: Request) -> EndpointResult<(Form, String)> {
    let authorization = request.header_text("authorization");
    let form = reply::form(request).await?;
    let client_id = client_auth::client_id(&form, authorization.as_deref(), &server.keys)?;
    Ok((form, client_id))
}

fn redeem(server: &Server<'_>, form: &Form, client_id: &str) -> Result<Asked, OAuthError> {
    let code = form.needed("code", "`code` is missing")?;
    let verifier = form.needed("code_verifier", "`code_verifier` is missing: PKCE is required")?;
    let redirect_uri = form.one("redirect_uri")?.map(str::to_owned);
    let AuthorizationCode { handle, door } =
        AuthorizationCode::verify(code, &server.keys).ok_or(GONE)?;
    let by = bearer(&handle, client_id, hash(audience(&server.origin, &door)));
    let redeem = Redeem { by, redirect_uri, verifier: verifier.to_owned() };
    Ok(Asked { handle, door, ask: GrantRequest::Redeem(redeem) })
}

fn refresh(server: &Server<'_>, form: &Form, client_id: &str) -> Result<Asked, OAuthError> {
    let token = form.needed("refresh_token", "`refresh_token` is missing")?;
    let RefreshToken { handle, generation, door } =
        RefreshToken::verify(token, &server.keys).ok_or(GONE)?;
    let by = bearer(&handle, client_id, hash(audience(&server.origin, &door)));
    Ok(Asked { handle, door, ask: GrantRequest::Refresh(Refresh { by, generation }) })
}

fn bearer(handle: &GrantHandle, client_id: &str, origin: Hash) -> TokenBearer {
    TokenBearer { client: client_hash(client_id), secret: handle.secret_hash(), origin }
}

impl Server<'_> {
    /// The audiences that the grant of an access token may have: that of the token where it is for a door of this server,
    /// and that of the server, whose grants give tokens for doors too.
    fn audiences_of_grant(&self, of_token: Hash) -> Vec<Hash> {
        let doors = self.config.upstreams.iter().map(|upstream| upstream.name.as_str());
        let doors = doors.map(|door| hash(audience(&self.origin, door)));
        doors.filter(|door| *door == of_token).chain([hash(&self.origin)]).collect()
    }
}

/// The answer with new tokens (RFC 6749 §5.1).
fn tokens(
    server: &Server<'_>,
    handle: GrantHandle,
    (door, for_door): (String, &str),
    terms: GrantTerms,
    generation: Generation,
) -> String {
    let (now, lasts) = (u32::try_from(now_s()).unwrap_or(u32::MAX), server.config.access_max_age);
    let refresh = RefreshToken { handle: handle.clone(), generation, door };
    let access = AccessToken {
        handle,
        subject: terms.subject,
        scopes: terms.scopes,
        upstreams: terms.upstreams,
        expires: now.saturating_add(lasts),
        audience: hash(audience(&server.origin, for_door)),
        client: terms.client,
        client_name: terms.client_name,
    };
    let scope = access.upstreams.with_own(access.scopes);
    Object::new()
        .text("access_token", &access.sign(&server.keys))
        .text("token_type", "Bearer")
        .number("expires_in", lasts.into())
        .text("refresh_token", &refresh.sign(&server.keys))
        .text("scope", &scope)
        .end()
}
