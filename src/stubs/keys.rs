//! The keys in force: from the settings, or from the object that keeps those that are not set.

use std::rc::Rc;

use mcp_auth::{
    keys::{KeyError, Keyring, NameKey},
    refusal::Refusal,
};
use mcp_server::apart::compiled_apart;
use worker::{Env, Headers};

use crate::{
    config::Config,
    platform::{object_stub::ObjectStub, request},
    state,
};

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
    let kept = compiled_apart(ask_key_agent(env)).await.map_err(|error| {
        failed(format!("the generated SESSION_KEY or SUBJECT_KEY cannot be read: {error}"))
    })?;
    let keys = with_kept(config, &kept)
        .map_err(|error| failed(format!("the stored keys are not valid: {error}")))?;
    let keys = Rc::new(keys);
    state::note_keys(keys.clone());
    Ok(keys)
}

/// The keys in force, with those that the key object keeps in the place of those that are not set.
fn with_kept(config: &Config, kept: &str) -> Result<Keyring, KeyError> {
    let mut lines = kept.lines();
    let session = lines.next().unwrap_or_default();
    // An object of a version before has one key for both.
    let subject = lines.next().unwrap_or(session);
    let keys = config.keys.clone().map_or_else(|| Keyring::parse(session), Ok)?;
    Ok(config.named(keys.named_by(NameKey::parse(subject)?)))
}

async fn ask_key_agent(env: &Env) -> worker::Result<String> {
    let stub = ObjectStub::named(env, KEY_AGENT, "keys")?;
    let request = request::request("GET", "https://object/key", &Headers::new(), None)?;
    match stub.text(&request).await? {
        (200, key) => Ok(key),
        (status, _) => Err(worker::Error::RustError(format!("the key object answers {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::stored::of_0_1_0;

    #[test]
    fn the_answer_of_the_key_object_is_read_as_it_was_written() {
        let (session, subject) = ("s".repeat(43), "n".repeat(43));
        let answer = of_0_1_0("answer-keys", &format!("{session}\n{subject}"));
        let config = Config::read(&|_| None);
        let keys = with_kept(&config, &answer).unwrap();
        assert_eq!(keys.signing_id(), Keyring::parse(&session).unwrap().signing_id());
        assert_eq!(keys.name(b"x"), Keyring::parse(&subject).unwrap().name(b"x"));
        let one = with_kept(&config, &session).unwrap();
        assert_eq!(one.name(b"x"), Keyring::parse(&session).unwrap().name(b"x"));
    }
}
