//! The polling of a hub: the watched resources, the credential, and the schedule.
//!
//! Invariant: without a watched resource there is no row, no stored credential and no alarm.
//! A caller's own SiteBay token is kept sealed under `CREDENTIAL_KEY`, and nowhere else.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use worker::{Env, Result};

use crate::wiring::REGISTRY;
use crate::{
    objects::rows::Rows,
    platform::{
        cipher::{self, KeyContext},
        clock::now_s,
        workers::WorkersPlatform,
    },
    state,
    stubs::grants,
};
use mcp_auth::{principal::Principal, secret::Secret};
use mcp_platform::record::Record;
use mcp_server::{
    context::Context,
    hub::{PollState, Watched, polls_soon},
    notifier::ChangeEvent,
};

/// The resources that a session object watches, under its name.
const WATCHED: &str = "watched:";
/// The principal that polls, and its sealed token.
const WHO: &str = "who";
/// How it was at the last look. The row's end is the time of the next.
const LOOKED: &str = "looked";
/// Seconds until the next look after one that failed as a whole.
const AGAIN: u64 = 60;
/// No look is further away, in seconds.
const MAX_PAUSE: u64 = 600;
/// The purpose of the sealed token.
const SEALED_FOR: &str = "watching";

/// Who looks.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Poller {
    /// The caller's SiteBay token, sealed; empty: it has none of its own.
    #[serde(default)]
    credential: String,
    /// The caller.
    principal: Principal,
}

impl Record for Poller {
    /// The sealed token and the principal, a line each.
    fn from_0_1_0(text: &str) -> Option<Self> {
        let (credential, principal) = text.split_once('\n')?;
        let principal = Principal::from_json(principal)?;
        Some(Self { credential: credential.to_owned(), principal })
    }
}

/// The resources that a session object watches.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Uris(Vec<String>);

impl Record for Uris {
    /// A line for each.
    fn from_0_1_0(text: &str) -> Option<Self> {
        Some(Self(text.lines().map(str::to_owned).collect()))
    }
}

/// The looks of one hub.
pub struct ResourceWatcher {
    /// Its bindings.
    pub env: Env,
    /// Its rows.
    pub rows: Rc<Rows>,
}

impl ResourceWatcher {
    /// Keeps whose credential to look with, until then.
    pub async fn look_as(&self, who: &Principal, token: Option<Secret>, until: u64) -> Result<()> {
        let config = state::config(&self.env);
        let credential = match (token, &config.credential_keys) {
            (Some(token), Some(keys)) => {
                cipher::seal(KeyContext { keys, aad: &[] }, SEALED_FOR, &token).await?
            }
            _ => String::new(),
        };
        let looks = Poller { credential, principal: who.clone() };
        self.rows.put(WHO, &looks.to_json(), until).await
    }

    /// Notes what a session object watches, until then.
    pub async fn watch(&self, object: &str, until: u64, uris: Vec<String>) -> Result<()> {
        let key = watched_key(object);
        match uris.is_empty() {
            true => self.rows.remove(vec![key]).await.map(drop),
            false => {
                self.rows.put(&key, &Uris(uris).to_json(), until).await?;
                self.look_soon().await
            }
        }
    }

    /// A session object watches nothing more.
    pub async fn forget(&self, object: &str) -> Result<()> {
        self.rows.remove(vec![watched_key(object)]).await.map(drop)
    }

    /// Has the next look taken at once.
    pub async fn look_soon(&self) -> Result<()> {
        self.look_in(1).await
    }

    /// Has the next look taken after one that failed as a whole: without it the row would go, and
    /// polling would stop.
    pub async fn look_again(&self) -> Result<()> {
        self.look_in(AGAIN).await
    }

    async fn look_in(&self, seconds: u64) -> Result<()> {
        let looked = self.rows.get(LOOKED).await?.unwrap_or_default();
        self.rows.put(LOOKED, &looked, now_s().saturating_add(seconds)).await
    }

    /// Looks, where it is time to, at what listeners and session objects watch; what changed since
    /// the last poll is announced.
    pub async fn look(
        &self,
        listened: &dyn Fn() -> Vec<String>,
        tell: &dyn Fn(ChangeEvent),
    ) -> Result<()> {
        let Some((until, looked)) = self.rows.get_with_end(LOOKED).await? else {
            return Ok(());
        };
        // One that is further away than any look is of a clock that went back.
        if (1..=MAX_PAUSE).contains(&until.saturating_sub(now_s())) {
            return Ok(());
        }
        let watched = self.watched(listened()).await?;
        let context = match watched.is_empty() {
            true => None,
            false => self.context().await?,
        };
        let Some(ctx) = context else {
            return self.rows.remove(vec![WHO.to_owned(), LOOKED.to_owned()]).await.map(drop);
        };
        let mut polled = PollState::from_json(&looked).unwrap_or_default();
        polled.keep(&watched);
        let (mut restless, mut failed) = (false, false);
        for uri in watched {
            let Some(look) = ctx.registry.look(&ctx, &uri).await else {
                failed = true;
                continue;
            };
            let changed = polled.looked(&uri, &look.digest);
            restless |= polls_soon(&look, changed);
            if changed {
                let unsettled = polled.unsettled(&uri).to_json();
                self.rows.put(LOOKED, &unsettled, now_s().saturating_add(1)).await?;
                tell(ChangeEvent::ResourceUpdated(uri));
            }
        }
        // Resources that were added in the meantime are polled at once.
        let is_whole = failed || polled.knows(&self.watched(listened()).await?);
        let next = if is_whole { polled.next_s(restless, failed) } else { 1 };
        self.rows.put(LOOKED, &polled.to_json(), now_s().saturating_add(next)).await
    }

    /// The watched resources, each once, bounded.
    async fn watched(&self, listened: Vec<String>) -> Result<Vec<String>> {
        let mut watched = Watched::default();
        listened.iter().for_each(|uri| watched.add(&REGISTRY, uri));
        let mut show = |_: &str, text: &str| {
            let uris = Uris::from_json(text).unwrap_or_default();
            uris.0.iter().for_each(|uri| watched.add(&REGISTRY, uri));
        };
        self.rows.each(WATCHED, &mut show).await?;
        Ok(watched.into_uris())
    }

    async fn context(&self) -> Result<Option<Context>> {
        let Some(kept) = self.rows.get(WHO).await? else {
            return Ok(None);
        };
        let Some(Poller { credential, principal: who }) = Poller::from_json(&kept) else {
            return Ok(None);
        };
        if let Some(grant) = &who.grant
            && !grants::goes_on(&self.env, grant).await?
        {
            return Ok(None);
        }
        let config = state::config(&self.env);
        let token = match (&config.credential_keys, credential.as_str()) {
            (_, "") => None,
            // A key that is gone opens nothing any more.
            (Some(keys), sealed) => {
                cipher::open(KeyContext { keys, aad: &[] }, SEALED_FOR, sealed).await.ok()
            }
            (None, _) => None,
        };
        if who.own_credential && token.is_none() {
            return Ok(None);
        }
        let token = token.map(|token| token.expose().to_owned());
        Ok(Some(config.background(who, token, Rc::new(WorkersPlatform))))
    }
}

fn watched_key(object: &str) -> String {
    format!("{WATCHED}{object}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_auth::{
        oauth::grant_ref::GrantRef,
        scope::Scopes,
        subject::{AuthMethod, Subject},
    };
    use test_support::stored::row_of_0_1_0;

    const UNTIL: u64 = 1_800_000_000;

    #[test]
    fn who_looks_is_read_as_it_was_written_now_and_by_0_1_0() {
        let person = Principal {
            auth_method: AuthMethod::OAuth,
            client: "An app".into(),
            scopes: Scopes::WRITE,
            own_credential: true,
            expires: Some(1_800_000_000),
            grant: Some(GrantRef::from_text("AQEBAQEBAQEBAQEBAQEBAQ.hash".into())),
            ..Principal::without_rights(Subject([7; 16]))
        };
        let without_rights = Principal::without_rights(Subject([8; 16]));
        for (name, credential, principal) in
            [("hub-who", "c2VhbGVk", person), ("hub-who-without-a-token", "", without_rights)]
        {
            let looks = Poller { credential: credential.into(), principal };
            for text in [row_of_0_1_0(name, WHO, UNTIL), looks.to_json()] {
                assert_eq!(Poller::from_json(&text).as_ref(), Some(&looks), "{text}");
            }
        }
        let looks = Poller {
            credential: "a".into(),
            principal: Principal::without_rights(Subject([1; 16])),
        };
        insta::assert_snapshot!(
            looks.to_json(),
            @r#"{"credential":"a","principal":{"way":"open","subject":"AQEBAQEBAQEBAQEBAQEBAQ","client":"","scopes":0,"own":false,"expires":null}}"#
        );
    }

    #[test]
    fn what_is_watched_is_read_as_it_was_written_now_and_by_0_1_0() {
        let key = watched_key(&uuid::Uuid::from_u128(1).simple().to_string());
        let uris = ["sitebay://site/a.example.com", "sitebay://site/b.example.com"];
        let uris = Uris(uris.map(str::to_owned).to_vec());
        for text in [row_of_0_1_0("hub-watched", &key, UNTIL), uris.to_json()] {
            assert_eq!(Uris::from_json(&text).as_ref(), Some(&uris), "{text}");
        }
        let mut polled = PollState::default();
        polled.looked("sitebay://site/a.example.com", "d1");
        assert_eq!(PollState::from_json(&row_of_0_1_0("hub-looked", LOOKED, UNTIL)), Some(polled));
    }
}
