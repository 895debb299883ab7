//! The object that generates and stores the session key and the subject key if the operator sets none.
//!
//! Invariant: it makes each key once; output gates hold the answer until both are stored. State: the
//! rows `SESSION_KEY` and `SUBJECT_KEY`. Route: [`KeyRequest`].

#![expect(missing_docs, reason = "`durable_object` makes methods without")]

use std::rc::Rc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::FutureExt as _;
use worker::{Env, Result, State};

use crate::{
    objects::{class::class, rows::text_at},
    platform::{
        http::{self, Request, Response},
        object, random,
    },
};
use mcp_auth::key_request::{GeneratedKeys, KeyRequest};

const SESSION_KEY: &str = "session-key";
const SUBJECT_KEY: &str = "subject-key";

class! {
    /// Keeps the keys of the whole deployment.
    KeyAgent(requests)
}

struct Inner {
    state: State,
}

impl Inner {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn receive(self: Rc<Self>, request: Request) -> Result<Response> {
        match object::asked::<KeyRequest>(&request).await? {
            Some((KeyRequest::Keys, form)) => {
                object::answered::<KeyRequest>(&self.keys().await?, form)
            }
            None => http::text(404, "not for the key object"),
        }
    }

    async fn keys(&self) -> Result<GeneratedKeys> {
        let known = text_at(&self.state, SESSION_KEY).await?;
        let session = match &known {
            Some(key) => key.clone(),
            None => self.store(SESSION_KEY, fresh()?).await?,
        };
        let subject = match (text_at(&self.state, SUBJECT_KEY).await?, known) {
            (Some(key), _) => key,
            // A session key without a subject key has named the subjects: they keep their names.
            (None, Some(key)) => self.store(SUBJECT_KEY, key).await?,
            (None, None) => self.store(SUBJECT_KEY, fresh()?).await?,
        };
        Ok(GeneratedKeys { session, subject })
    }

    async fn store(&self, name: &str, key: String) -> Result<String> {
        self.state.storage().put_raw(name, key.as_str()).await?;
        log::warn!("generated and stored a {name}, because none is set as a secret");
        Ok(key)
    }
}

/// 256 random bits.
fn fresh() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random::bytes::<32>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_auth::keys::Keyring;
    use test_support::stored::of_0_1_0;

    #[test]
    fn generated_keys_are_rows_without_an_end() {
        let rows = [(SESSION_KEY, [1_u8; 32]), (SUBJECT_KEY, [2; 32])];
        for (key, bytes) in rows {
            let row = format!("{key}\n{}", URL_SAFE_NO_PAD.encode(bytes));
            let stored = of_0_1_0(&format!("row-{key}"), &row);
            let (known, text) = stored.split_once('\n').unwrap();
            assert!(known == key && Keyring::parse(text).is_ok(), "{stored}");
        }
    }
}
