//! A `requestState` that comes back, unchanged and in every other way.

use proptest::prelude::*;

use crate::request_state::{
    AnsweredInput, Binding, MAX_STATE, PendingInput, RequestState, RequestStateError, StateTooLarge,
};
use crate::{
    keys::{Keyring, Purpose},
    subject::Subject,
};
use mcp_protocol::stateless::{error::StatelessError, method::Method};
use test_support::json::{ANY_TEXT, raw};

const SUBJECT: Subject = Subject([7; 16]);
const NOW: u64 = 1_500;

fn keys() -> Keyring {
    Keyring::parse("0123456789012345678901234567890123456789").unwrap()
}

fn binding() -> Binding {
    Binding::of(Method::ToolsCall, "greet", Some(&raw(r#"{"a":1}"#)), SUBJECT)
}

fn state() -> RequestState {
    RequestState {
        binding: binding(),
        round: 2,
        expires: 2_000,
        nonce: [9; 16],
        asked: vec![PendingInput { key: "color".into(), question: [1; 32] }],
        answered: vec![AnsweredInput {
            key: "name".into(),
            question: [2; 32],
            answer: r#"{"action":"accept","content":{"name":"Ümit"}}"#.into(),
        }],
        carried: None,
    }
}

fn open(text: &str) -> Result<RequestState, RequestStateError> {
    RequestState::open(text, &keys(), &binding(), NOW)
}

#[test]
fn a_state_comes_back_as_it_was() {
    let text = state().seal(&keys()).unwrap();
    assert_eq!(open(&text), Ok(state()));
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
}

#[test]
fn the_state_of_another_server_comes_back_as_it_was() {
    for carried in ["", "ü", &"x".repeat(30_000)] {
        let state = RequestState { carried: Some(carried.to_owned()), ..state() };
        assert_eq!(open(&state.seal(&keys()).unwrap()), Ok(state));
    }
    let large = RequestState { carried: Some("x".repeat(70_000)), ..state() };
    assert_eq!(large.seal(&keys()), Err(StateTooLarge));
}

#[test]
fn an_answer_belongs_to_its_key_and_its_question() {
    let state = state();
    assert!(state.answer_to("name", &[2; 32]).is_some());
    assert_eq!(state.answer_to("name", &[3; 32]), None);
    assert_eq!(state.answer_to("color", &[2; 32]), None);
    assert!(state.was_asked("color", &[1; 32]));
    assert!(!state.was_asked("color", &[2; 32]));
    assert!(!state.was_asked("name", &[1; 32]));
}

#[test]
fn every_changed_character_is_refused() {
    let text = state().seal(&keys()).unwrap();
    for at in 0..text.len() {
        for other in *b"AB_!" {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == other { b'-' } else { other };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(open(&changed), Err(RequestStateError), "at {at}");
        }
    }
}

#[test]
fn what_is_added_or_cut_off_is_refused() {
    let text = state().seal(&keys()).unwrap();
    for changed in [format!("{text}-TAMPERED"), format!("{text}="), format!("A{text}")] {
        assert_eq!(open(&changed), Err(RequestStateError), "{changed}");
    }
    for length in 0..text.len() {
        assert_eq!(open(&text[..length]), Err(RequestStateError), "{length}");
    }
}

#[test]
fn rubbish_is_refused() {
    for text in ["", "x", "%%%", "null", &"A".repeat(200), &"A".repeat(MAX_STATE + 1)] {
        assert_eq!(open(text), Err(RequestStateError));
    }
}

#[test]
fn a_state_is_over_when_its_time_is() {
    let text = state().seal(&keys()).unwrap();
    assert!(RequestState::open(&text, &keys(), &binding(), 1_999).is_ok());
    for now in [2_000, u64::MAX] {
        let late = RequestState::open(&text, &keys(), &binding(), now);
        assert_eq!(late, Err(RequestStateError));
    }
}

#[test]
fn a_state_is_good_for_its_own_request_only() {
    let text = state().seal(&keys()).unwrap();
    let arguments = raw(r#"{"a":1}"#);
    let others = [
        Binding::of(Method::PromptsGet, "greet", Some(&arguments), SUBJECT),
        Binding::of(Method::ToolsCall, "greet2", Some(&arguments), SUBJECT),
        Binding::of(Method::ToolsCall, "greet", Some(&raw(r#"{"a":2}"#)), SUBJECT),
        Binding::of(Method::ToolsCall, "greet", None, SUBJECT),
        Binding::of(Method::ToolsCall, "greet", Some(&arguments), Subject([8; 16])),
    ];
    for other in others {
        assert_eq!(RequestState::open(&text, &keys(), &other, NOW), Err(RequestStateError));
    }
}

#[test]
fn parameters_cannot_be_shifted_between_name_and_arguments() {
    let one = Binding::of(Method::ToolsCall, "a{}", Some(&raw("1")), SUBJECT);
    let other = Binding::of(Method::ToolsCall, "a", Some(&raw("{}")), SUBJECT);
    assert_ne!(one, other);
    let absent = Binding::of(Method::ToolsCall, "a", None, SUBJECT);
    assert_eq!(absent, other);
}

#[test]
fn a_state_of_another_key_is_refused_until_the_key_is_known() {
    let old = Keyring::parse("old-old-old-old-old-old-old-old-old-old-").unwrap();
    let both = "0123456789012345678901234567890123456789,old-old-old-old-old-old-old-old-old-old-";
    let text = state().seal(&old).unwrap();
    assert_eq!(open(&text), Err(RequestStateError));
    let both = Keyring::parse(both).unwrap();
    assert_eq!(RequestState::open(&text, &both, &binding(), NOW), Ok(state()));
}

#[test]
fn what_is_signed_for_something_else_is_no_state() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let sealed = URL_SAFE_NO_PAD.decode(state().seal(&keys()).unwrap()).unwrap();
    let payload = &sealed[..sealed.len() - 16];
    let mut other = payload.to_vec();
    other.extend_from_slice(&keys().sign(Purpose::SessionId, payload));
    assert_eq!(open(&URL_SAFE_NO_PAD.encode(other)), Err(RequestStateError));
}

#[test]
fn a_state_has_a_bounded_size() {
    let with = |answer: usize, count: usize| {
        let one = AnsweredInput { answer: "x".repeat(answer), ..state().answered.remove(0) };
        RequestState { answered: vec![one; count], ..state() }.seal(&keys())
    };
    let largest = with(48_000, 1).unwrap();
    assert!(largest.len() <= MAX_STATE && open(&largest).is_ok());
    for (answer, count) in [(50_000, 1), (70_000, 1), (500, 200), (0, 256)] {
        assert_eq!(with(answer, count), Err(StateTooLarge), "{answer} {count}");
    }
    let long_key = PendingInput { key: "k".repeat(70_000), question: [0; 32] };
    let state = RequestState { asked: vec![long_key], ..state() };
    assert_eq!(state.seal(&keys()), Err(StateTooLarge));
}

#[test]
fn whatever_is_wrong_is_one_error_in_band() {
    let error = StatelessError::from(RequestStateError);
    assert_eq!((error.status(), error.code()), (200, -32602));
    assert!(error.to_string().starts_with("requestState is not valid for this request"));
}

fn any_state() -> impl Strategy<Value = RequestState> {
    let question = || (ANY_TEXT, any::<[u8; 32]>());
    let asked = question().prop_map(|(key, question)| PendingInput { key, question });
    let answered = (question(), ANY_TEXT).prop_map(|((key, question), answer)| AnsweredInput {
        key,
        question,
        answer,
    });
    let lists = (prop::collection::vec(asked, 0..3), prop::collection::vec(answered, 0..3));
    let carried = prop::option::of(ANY_TEXT);
    (any::<(u8, u32, [u8; 16])>(), lists, carried).prop_map(
        |((round, expires, nonce), lists, carried)| {
            let (asked, answered) = lists;
            RequestState { binding: binding(), round, expires, nonce, asked, answered, carried }
        },
    )
}

proptest! {
    #[test]
    fn any_state_comes_back_as_it_was_until_it_is_over(state in any_state(), now: u32) {
        let text = state.seal(&keys()).unwrap();
        let over = now >= state.expires;
        let opened = RequestState::open(&text, &keys(), &binding(), now.into());
        prop_assert_eq!(opened, if over { Err(RequestStateError) } else { Ok(state) });
    }

    #[test]
    fn any_state_with_one_other_byte_is_refused(
        state in any_state(), at: prop::sample::Index, byte in 0_u8..128,
    ) {
        let mut changed = RequestState { expires: u32::MAX, ..state }.seal(&keys()).unwrap().into_bytes();
        let at = at.index(changed.len());
        prop_assume!(changed[at] != byte);
        changed[at] = byte;
        prop_assert_eq!(open(&String::from_utf8(changed).unwrap()), Err(RequestStateError));
    }

    #[test]
    fn any_other_text_is_no_state(text in ANY_TEXT, alike in "[A-Za-z0-9_-]{0,300}") {
        for text in [text, alike] {
            prop_assert_eq!(open(&text), Err(RequestStateError));
        }
    }
}

#[test]
fn a_state_of_0_1_0_is_read() {
    let written = state().seal(&keys()).unwrap();
    let stored = test_support::stored::of_0_1_0("request-state", &written);
    assert_eq!(open(&stored), Ok(state()));
}
