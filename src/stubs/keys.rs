//! The keys in force: from the settings, or from the object that keeps those that are not set.

use std::rc::Rc;

use mcp_auth::{
    key_request::{GeneratedKeys, KeyRequest},
    keys::{KeyError, Keyring, SubjectKey},
    refusal::Refusal,
};
use mcp_server::cold::cold;
use worker::{Env, Headers};

use crate::{config::Config, platform::object_stub::ObjectStub, state};

/// The binding of the object that keeps a key where `SESSION_KEY` is missing.
const KEY_AGENT: &str = "KEY_AGENT";

/// The keys in force: those of `SESSION_KEY` and `SUBJECT_KEY`, or what the key object keeps.
///
/// # Errors
/// Where the configuration is broken, or the key object cannot be asked.
pub async fn keys(env: &Env, config: &Config) -> Result<Rc<Keyring>, Refusal> {
    if let Some(broken) = &config.broken {
        return Err(config.misconfigured(broken));
    }
    if let Some(keys) = state::kept_keys() {
        return Ok(keys);
    }
    let failed = |reason: String| {
        log::error!("{reason}");
        config.misconfigured(&reason)
    };
    let kept = cold(ask_key_agent(env)).await.map_err(|error| {
        failed(format!("the generated SESSION_KEY or SUBJECT_KEY cannot be read: {error}"))
    })?;
    let keys = with_kept(config, &kept)
        .map_err(|error| failed(format!("the stored keys are not valid: {error}")))?;
    let keys = Rc::new(keys);
    state::note_keys(keys.clone());
    Ok(keys)
}

/// The keys in force, with those that the key object keeps in the place of those that are not set.
fn with_kept(config: &Config, kept: &GeneratedKeys) -> Result<Keyring, KeyError> {
    let keys = config.keys.clone().map_or_else(|| Keyring::parse(&kept.session), Ok)?;
    Ok(config.named(keys.named_by(SubjectKey::parse(&kept.subject)?)))
}

async fn ask_key_agent(env: &Env) -> worker::Result<GeneratedKeys> {
    let stub = ObjectStub::named(env, KEY_AGENT, "keys")?;
    Ok(stub.ask(&KeyRequest::Keys, &Headers::new()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_keys_stand_in_for_those_that_are_not_set() {
        let kept = GeneratedKeys { session: "s".repeat(43), subject: "n".repeat(43) };
        let keys = with_kept(&Config::read(&|_| None), &kept).unwrap();
        assert_eq!(keys.signing_id(), Keyring::parse(&kept.session).unwrap().signing_id());
        assert_eq!(keys.name(b"x"), Keyring::parse(&kept.subject).unwrap().name(b"x"));
    }
}
