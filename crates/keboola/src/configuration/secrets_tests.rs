//! What is a secret, what is sent, and that nothing in plain text gets through.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const CIPHER: &str = "KBC::ProjectSecure::ZWFzeQ==";

/// The encryption service: it encrypts single values under secret keys.
fn service(body: &Value) -> Value {
    let seal = |(key, value): (&String, &Value)| {
        assert!(is_secret_key(key) && is_single(value));
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (key.clone(), json!(format!("KBC::ProjectSecure::{}", text.len())))
    };
    Value::Object(body.as_object().unwrap().iter().map(seal).collect())
}

fn sealed(configuration: Value) -> Result<Value, SecretError> {
    let unsealed = Unsealed::new(configuration)?;
    let answer = unsealed.request().map(|body| service(&body));
    unsealed.seal(answer.as_ref()).map(Sealed::into_value)
}

/// Whether a secret is anywhere in plain text, found in another way than the code under test does.
fn has_plain_secret(value: &Value, is_secret: bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| has_plain_secret(item, is_secret)),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| has_plain_secret(value, is_secret || key.starts_with('#'))),
        Value::String(text) => is_secret && !text.starts_with("KBC::"),
        _ => is_secret,
    }
}

#[test]
fn secrets_everywhere_are_sent_and_come_back_as_ciphers() {
    let configuration = json!({
        "parameters": { "#password": "ab", "user": "u", "list": [{ "#token": "abc" }, "#no key"] },
        "rows": [{ "configuration": { "#k": 12 } }],
        "#stored": CIPHER,
    });
    let unsealed = Unsealed::new(configuration).unwrap();
    let body = unsealed.request().unwrap();
    let mut sent: Vec<String> = body.as_object().unwrap().values().map(Value::to_string).collect();
    sent.sort();
    assert_eq!(sent, ["\"ab\"", "\"abc\"", "12"]);
    let expected = json!({
        "parameters": {
            "#password": "KBC::ProjectSecure::2", "user": "u",
            "list": [{ "#token": "KBC::ProjectSecure::3" }, "#no key"],
        },
        "rows": [{ "configuration": { "#k": "KBC::ProjectSecure::2" } }],
        "#stored": CIPHER,
    });
    assert_eq!(*unsealed.seal(Some(&service(&body))).unwrap(), expected);
}

#[test]
fn nothing_is_asked_where_nothing_is_to_be_encrypted() {
    for configuration in
        [json!({}), json!({ "#k": CIPHER, "a": ["#"] }), json!({ "#e": [], "#o": {} })]
    {
        let unsealed = Unsealed::new(configuration.clone()).unwrap();
        assert_eq!(unsealed.request(), None);
        assert_eq!(*unsealed.seal(None).unwrap(), configuration);
    }
}

#[test]
fn single_values_of_every_kind_are_encrypted() {
    for value in [
        json!(null),
        json!(""),
        json!(5),
        json!(false),
        json!("KBC::"),
        json!("KBC::x"),
        json!("a b"),
    ] {
        let sealed = sealed(json!({ "#k": value })).unwrap();
        assert!(!has_plain_secret(&sealed, false), "{value} became {sealed}");
    }
}

#[test]
fn a_secret_key_with_an_object_is_refused_unless_its_values_have_secret_keys() {
    for (configuration, path) in [
        (json!({ "#o": { "user": "u" } }), "#o.user"),
        (json!({ "a": [{ "#o": { "#k": "x", "list": [{ "#k": 1 }, 2] } }] }), "a[0].#o.list[1]"),
        (json!({ "#l": ["x"] }), "#l[0]"),
    ] {
        let refused = Unsealed::new(configuration).unwrap_err();
        assert_eq!(refused, SecretError::NotEncryptable(path.to_owned()));
    }
    let nested =
        sealed(json!({ "#o": { "#k": "x", "in": [{ "#k": "xy" }] }, "#l": [CIPHER] })).unwrap();
    assert_eq!(nested["#o"]["in"][0]["#k"], "KBC::ProjectSecure::2");
}

#[test]
fn a_redacted_secret_is_not_written_over_a_stored_one() {
    let configuration =
        json!({ "p": { "#a": REDACTED, "#b": CIPHER }, "#c": [REDACTED], "d": REDACTED });
    let refused = Unsealed::new(configuration).unwrap_err();
    let SecretError::Redacted(mut paths) = refused.clone() else { panic!("{refused}") };
    paths.sort();
    assert_eq!(paths, ["#c[0]", "p.#a"]);
    assert!(refused.to_string().contains("leave the stored secret as it is"));
}

#[test]
fn an_answer_without_all_ciphers_fails_closed() {
    let configuration = json!({ "#a": "one", "#b": "two" });
    for answer in [
        None,
        Some(json!({})),
        Some(json!("KBC::ProjectSecure::x")),
        Some(json!({ "#0": CIPHER })),
        Some(json!({ "#0": CIPHER, "#1": "two" })),
        Some(json!({ "#0": CIPHER, "#1": null })),
        Some(json!({ "#0": CIPHER, "#1": "KBC::" })),
        Some(json!({ "#0": CIPHER, "#1": "KBC::ProjectSecure::" })),
    ] {
        let unsealed = Unsealed::new(configuration.clone()).unwrap();
        assert_eq!(unsealed.seal(answer.as_ref()), Err(SecretError::NotEncrypted), "{answer:?}");
    }
}

#[test]
fn ciphers_are_known_by_their_form() {
    for (text, is) in [
        (CIPHER, true),
        ("KBC::ProjectWideSecureGKMS::abc", true),
        ("KBC::Encrypted==abc", true),
        ("KBC::ProjectSecure::", false),
        ("KBC::", false),
        ("KBC::::x", false),
        ("KBC::my password", false),
        ("KBC::Secure::my password", false),
        ("kbc::ProjectSecure::x", false),
        ("", false),
    ] {
        assert_eq!(is_cipher(text), is, "{text}");
    }
}

#[test]
fn secrets_are_redacted_on_reading_and_ciphers_stay() {
    let stored = json!({
        "#a": "p", "#n": null, "#o": { "x": 1 }, "#c": CIPHER, "plain": "v",
        "list": [{ "#t": "p", "in": { "#k": 5 } }],
    });
    let expected = json!({
        "#a": REDACTED, "#n": REDACTED, "#o": REDACTED, "#c": CIPHER, "plain": "v",
        "list": [{ "#t": REDACTED, "in": { "#k": REDACTED } }],
    });
    assert_eq!(redact(stored), expected);
}

#[test]
fn no_secret_is_in_debug_or_errors() {
    let unsealed = Unsealed::new(json!({ "#a": "hunter2" })).unwrap();
    assert_eq!(format!("{unsealed:?}"), "Unsealed(1 secrets)");
    let refused = Unsealed::new(json!({ "#a": { "b": "hunter2" } })).unwrap_err();
    assert!(!format!("{refused:?} {refused}").contains("hunter2"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(json!(CIPHER)),
        "[a-cK:]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("#?[a-d]", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_sealed_has_no_plain_secret_and_is_otherwise_the_same(configuration in any_json()) {
        if let Ok(sealed) = sealed(configuration.clone()) {
            prop_assert!(!has_plain_secret(&sealed, false), "{}", sealed);
            prop_assert_eq!(without_secrets(sealed), without_secrets(configuration));
        }
    }

    #[test]
    fn what_is_redacted_shows_no_secret_and_stays_so(configuration in any_json()) {
        let once = redact(configuration.clone());
        prop_assert_eq!(redact(once.clone()), once.clone());
        prop_assert_eq!(without_secrets(once), without_secrets(configuration));
    }
}

/// The same without what is under secret keys.
fn without_secrets(mut value: Value) -> Value {
    match &mut value {
        Value::Array(items) => {
            items.iter_mut().for_each(|item| *item = without_secrets(item.take()))
        }
        Value::Object(map) => {
            map.iter_mut().for_each(|(key, item)| {
                *item = if key.starts_with('#') { json!(0) } else { without_secrets(item.take()) };
            });
        }
        _ => {}
    }
    value
}
