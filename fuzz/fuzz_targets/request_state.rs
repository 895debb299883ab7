//! A `requestState` comes back as it was sealed, and nothing but what was sealed is opened.
#![no_main]

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::{
    arbitrary::{Result, Unstructured},
    fuzz_target,
};
use mcp_auth::{
    keys::{Keyring, Purpose},
    request_state::{AnsweredInput, Binding, MAX_STATE, PendingInput, RequestState, StateTooLarge},
    subject::Subject,
};
use mcp_protocol::stateless::method::Method;

static KEYS: LazyLock<Keyring> =
    LazyLock::new(|| Keyring::parse("the-key-of-the-fuzz-targets-which-is-no-secret").unwrap());

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        read(text, &KEYS);
    }
    parsed(data, &KEYS);
    let _ = sealed(&mut Unstructured::new(data), &KEYS);
});

fn binding() -> Binding {
    Binding::of(Method::ToolsCall, "greet", None, Subject([7; 16]))
}

/// A state that is opened is the one that it seals to.
fn read(text: &str, keys: &Keyring) {
    if let Ok(state) = RequestState::open(text, keys, &binding(), 0) {
        assert_eq!(state.seal(keys).as_deref(), Ok(text));
    }
}

/// Any bytes behind a valid signature are read without panic, and seal to the same text again.
fn parsed(data: &[u8], keys: &Keyring) {
    let binding = binding();
    let mut bytes = vec![1];
    bytes.extend_from_slice(&keys.signing_id());
    bytes.extend_from_slice(&[binding.method.code(), 1]);
    bytes.extend_from_slice(&binding.params);
    bytes.extend_from_slice(&binding.subject.0);
    bytes.extend_from_slice(data);
    let tag = keys.sign(Purpose::RequestState, &bytes);
    bytes.extend_from_slice(&tag);
    read(&URL_SAFE_NO_PAD.encode(bytes), keys);
}

/// A state sealed by this server.
fn sealed(from: &mut Unstructured<'_>, keys: &Keyring) -> Result<()> {
    let state = state(from)?;
    let asked: usize = state.asked.iter().map(|one| one.key.len()).sum();
    let answered: usize = state.answered.iter().map(|one| one.key.len() + one.answer.len()).sum();
    let carried = state.carried.as_ref().map_or(0, String::len);
    let text = match state.seal(keys) {
        Ok(text) => text,
        Err(StateTooLarge) => {
            assert!(asked + answered + carried > MAX_STATE / 2);
            return Ok(());
        }
    };
    assert!(text.len() <= MAX_STATE && text.bytes().all(|byte| byte.is_ascii_graphic()));
    let open = |text: &str, binding: &Binding, now| RequestState::open(text, keys, binding, now);
    let over = u64::from(state.expires);
    assert!(open(&text, &state.binding, over).is_err());
    if over > 0 {
        assert_eq!(open(&text, &state.binding, over - 1).as_ref(), Ok(&state));
    }
    let other = bound(from)?;
    assert!(other == state.binding || open(&text, &other, 0).is_err());
    let mut changed = text.clone().into_bytes();
    let (at, byte) = (from.choose_index(changed.len())?, from.int_in_range(0..=127)?);
    changed[at] = byte;
    let changed = String::from_utf8(changed).unwrap();
    assert!(changed == text || open(&changed, &state.binding, 0).is_err(), "at {at}");
    Ok(())
}

fn bound(from: &mut Unstructured<'_>) -> Result<Binding> {
    let methods = [Method::ToolsCall, Method::PromptsGet, Method::ResourcesRead];
    Ok(Binding {
        method: *from.choose(&methods)?,
        params: from.arbitrary()?,
        subject: Subject(from.arbitrary()?),
    })
}

fn state(from: &mut Unstructured<'_>) -> Result<RequestState> {
    let mut state = RequestState {
        binding: bound(from)?,
        round: from.arbitrary()?,
        expires: from.arbitrary()?,
        nonce: from.arbitrary()?,
        asked: Vec::new(),
        answered: Vec::new(),
        carried: from.arbitrary()?,
    };
    for _ in 0..from.int_in_range(0..=3)? {
        state.asked.push(PendingInput { key: from.arbitrary()?, question: from.arbitrary()? });
    }
    for _ in 0..from.int_in_range(0..=3)? {
        let (key, question, answer) = from.arbitrary()?;
        state.answered.push(AnsweredInput { key, question, answer });
    }
    Ok(state)
}
