//! Asks SiteBay whether it accepts the token that a caller brings, before something is kept for it.
//!
//! Only requests whose purpose is to keep something ask: listening, ending all sessions, consuming a
//! nonce, starting a task. All others make no object for a token that is unverified.

use mcp_auth::refusal::Refusal;
use mcp_server::context::Context;
use sitebay::api::{ApiError, Client, Request};

/// A list that every token may read.
const PATH: &str = "/team";

/// The check of one caller's token.
pub struct TokenCheck(pub Context);

impl TokenCheck {
    /// Asks. A token that is accepted is noted as verified, by way of the context's record.
    ///
    /// # Errors
    /// 403 where SiteBay refuses the token, 503 where it does not answer.
    pub async fn run(&self) -> Result<(), Refusal> {
        match self.ask().await {
            Ok(()) => Ok(()),
            Err(ApiError::Refused { status: 401 | 403, .. } | ApiError::NoToken) => {
                Err(Refusal::TokenNotAccepted)
            }
            Err(error) => {
                log::warn!("a token could not be checked: {error}");
                Err(Refusal::TokenUnchecked)
            }
        }
    }

    async fn ask(&self) -> Result<(), ApiError> {
        let client = Client::new(&self.0)?;
        let request = Request::get(client.address(PATH, &[])?);
        client.send(&request).await.map(drop)
    }
}
