//! The account, and a token for each purpose.

use mcp_auth::secret::Secret;

use super::error::ApiError;

/// What a request is for. Each purpose has the narrowest token that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Reading. Its token needs no right to write.
    Read,
    /// Starting Workflows.
    Workflows,
    /// Changing a stage.
    Write,
}

/// The account and its tokens. Nothing of it is shown.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The address of the API, such as `https://api.cloudflare.com/client/v4`.
    pub url: String,
    /// The account's id.
    pub account: Option<Secret>,
    /// The token for everything that has no narrower one.
    pub token: Option<Secret>,
    /// The token that only reads.
    pub read_token: Option<Secret>,
    /// The token that starts Workflows.
    pub workflows_token: Option<Secret>,
}

impl Settings {
    /// Whether a token of its own reads, and not the one that changes stages under another name. Queries in databases of a
    /// protected stage need one: it is the engine's own lock.
    pub fn has_own_to_read(&self) -> bool {
        let text = |token: &Option<Secret>| token.as_ref().map(|it| it.expose().to_owned());
        let read = text(&self.read_token).filter(|read| !read.is_empty());
        read.is_some() && read != text(&self.token)
    }

    /// Whether a request of this purpose could be sent.
    ///
    /// # Errors
    /// Which setting is missing.
    pub fn check(&self, purpose: Purpose) -> Result<(), ApiError> {
        self.account()?;
        self.token(purpose).map(drop)?;
        match self.url.is_empty() {
            true => Err(ApiError::NotSet("a usable CLOUDFLARE_API_URL")),
            false => Ok(()),
        }
    }

    /// What must not come out in an answer.
    pub fn hidden(&self) -> Vec<Secret> {
        self.secrets().into_iter().map(Secret::new).collect()
    }

    pub(crate) fn token(&self, purpose: Purpose) -> Result<&Secret, ApiError> {
        let own = match purpose {
            Purpose::Read => self.read_token.as_ref(),
            Purpose::Workflows => self.workflows_token.as_ref(),
            Purpose::Write => None,
        };
        let missing = match purpose {
            Purpose::Read => "CLOUDFLARE_READ_TOKEN or CLOUDFLARE_API_TOKEN",
            Purpose::Workflows => "CLOUDFLARE_WORKFLOWS_TOKEN or CLOUDFLARE_API_TOKEN",
            Purpose::Write => "CLOUDFLARE_API_TOKEN",
        };
        own.or(self.token.as_ref())
            .filter(|token| !token.expose().is_empty())
            .ok_or(ApiError::NotSet(missing))
    }

    pub(super) fn account(&self) -> Result<&str, ApiError> {
        let account = self.account.as_ref().map(Secret::expose);
        account.filter(|id| !id.is_empty()).ok_or(ApiError::NotSet("CLOUDFLARE_ACCOUNT_ID"))
    }

    /// Everything that must not come out in a text.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        let all = [&self.account, &self.token, &self.read_token, &self.workflows_token];
        all.into_iter().flatten().map(Secret::expose).filter(|text| !text.is_empty()).collect()
    }
}
