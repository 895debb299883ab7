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
    authorization,
    error::{ErrorCode, OAuthError},
    form::Form,
    grant::{GONE, Generation, GrantTerms, client_hash},
    grant_request::{Answer, Given, GrantRequest, Redeem, Refresh, TokenBearer},
    hash, resource,
    token::{AccessToken, AuthorizationCode, GrantHandle, RefreshToken},
};
use mcp_protocol::object::Object;

/// Gives tokens for a code or a refresh token.
pub(super) async fn issue_tokens(
    server: &Server<'_>,
    request: Request,
) -> EndpointResult<Response> {
    let (form, client_id) = sent(server, request).await?;
    resource::check(&form, &server.origin)?;
    let scope = form.one("scope")?.map(str::to_owned);
    let (handle, ask) = match form.needed("grant_type", "`grant_type` is missing")? {
        "authorization_code" => redeem(server, &form, &client_id)?,
        "refresh_token" => refresh(server, &form, &client_id)?,
        _ => {
            let why = "`grant_type` must be authorization_code or refresh_token";
            return Err(OAuthError::new(ErrorCode::UnsupportedGrantType, why).into());
        }
    };
    let Given { generation, terms } = match grants::ask(server.env, &handle.object(), &ask).await? {
        Answer::Given(given) => given,
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
    let scopes = authorization::scopes(scope.as_deref(), terms.scopes);
    let terms = GrantTerms { scopes, ..terms };
    Ok(reply::json(200, &tokens(server, handle, terms, generation))?)
}

/// Ends the grant of a token. RFC 7009 §2.2: an unknown token is not an error.
pub(super) async fn revoke(server: &Server<'_>, request: Request) -> EndpointResult<Response> {
    let (form, client_id) = sent(server, request).await?;
    let token = form.needed("token", "`token` is missing")?;
    let refresh = RefreshToken::verify(token, &server.keys).map(|token| token.handle);
    let handle =
        refresh.or_else(|| AccessToken::read(token, &server.keys).map(|token| token.handle));
    if let Some(handle) = handle {
        let ask = GrantRequest::Revoke(bearer(server, &handle, &client_id));
        grants::end(server.env, &handle.object(), &ask).await?;
    }
    Ok(reply::json(200, "{}")?)
}

/// The form, and which client sent it.
async fn sent(server: &Server<'_>, request: Request) -> EndpointResult<(Form, String)> {
    let authorization = request.header("authorization");
    let form = reply::form(request).await?;
    let client_id = client_auth::client_id(&form, authorization.as_deref(), &server.keys)?;
    Ok((form, client_id))
}

fn redeem(
    server: &Server<'_>,
    form: &Form,
    client_id: &str,
) -> Result<(GrantHandle, GrantRequest), OAuthError> {
    let code = form.needed("code", "`code` is missing")?;
    let verifier = form.needed("code_verifier", "`code_verifier` is missing: PKCE is required")?;
    let redirect_uri = form.one("redirect_uri")?.map(str::to_owned);
    let code = AuthorizationCode::verify(code, &server.keys).ok_or(GONE)?;
    let by = bearer(server, &code.handle, client_id);
    let redeem = Redeem { by, redirect_uri, verifier: verifier.to_owned() };
    Ok((code.handle, GrantRequest::Redeem(redeem)))
}

fn refresh(
    server: &Server<'_>,
    form: &Form,
    client_id: &str,
) -> Result<(GrantHandle, GrantRequest), OAuthError> {
    let token = form.needed("refresh_token", "`refresh_token` is missing")?;
    let token = RefreshToken::verify(token, &server.keys).ok_or(GONE)?;
    let by = bearer(server, &token.handle, client_id);
    Ok((token.handle, GrantRequest::Refresh(Refresh { by, generation: token.generation })))
}

fn bearer(server: &Server<'_>, handle: &GrantHandle, client_id: &str) -> TokenBearer {
    TokenBearer {
        client: client_hash(client_id),
        secret: handle.secret_hash(),
        origin: hash(&server.origin),
    }
}

/// The answer with new tokens (RFC 6749 §5.1).
fn tokens(
    server: &Server<'_>,
    handle: GrantHandle,
    terms: GrantTerms,
    generation: Generation,
) -> String {
    let (now, lasts) = (u32::try_from(now_s()).unwrap_or(u32::MAX), server.config.access_max_age);
    let refresh = RefreshToken { handle: handle.clone(), generation };
    let access = AccessToken {
        handle,
        subject: terms.subject,
        scopes: terms.scopes,
        expires: now.saturating_add(lasts),
        origin: terms.origin,
        client: terms.client,
        client_name: terms.client_name,
    };
    Object::new()
        .text("access_token", &access.sign(&server.keys))
        .text("token_type", "Bearer")
        .number("expires_in", lasts.into())
        .text("refresh_token", &refresh.sign(&server.keys))
        .text("scope", &terms.scopes.names())
        .end()
}
