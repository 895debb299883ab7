//! Bytes of a known length as unpadded base64url (RFC 4648 §5) in JSON, for `#[serde(with = "base64url")]`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

/// The text of these bytes.
pub fn to_text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of such a text. None: it is another one, or of another length.
pub fn read<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// Writes the bytes.
///
/// # Errors
/// Where the serializer fails.
pub fn serialize<S: Serializer, const N: usize>(
    bytes: &[u8; N],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    to_text(bytes).serialize(serializer)
}

/// Reads them back.
///
/// # Errors
/// Where the text is another one.
pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
    deserializer: D,
) -> Result<[u8; N], D::Error> {
    let text = String::deserialize(deserializer)?;
    read(&text).ok_or_else(|| D::Error::custom(format!("expected {N} bytes in base64url")))
}

/// The same for bytes that may be missing.
pub mod option {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    /// Writes the bytes, or `null`.
    ///
    /// # Errors
    /// Where the serializer fails.
    pub fn serialize<S: Serializer, const N: usize>(
        bytes: &Option<[u8; N]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        bytes.map(|bytes| super::to_text(&bytes)).serialize(serializer)
    }

    /// Reads them back.
    ///
    /// # Errors
    /// Where the text is another one.
    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<Option<[u8; N]>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let read = |text: String| {
            let bytes = super::read(&text);
            bytes.ok_or_else(|| D::Error::custom(format!("expected {N} bytes in base64url")))
        };
        text.map(read).transpose()
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Both {
        #[serde(with = "super")]
        one: [u8; 2],
        #[serde(default, with = "super::option")]
        other: Option<[u8; 2]>,
    }

    #[test]
    fn bytes_are_read_as_they_were_written() {
        for (both, json) in [
            (Both { one: [1, 255], other: Some([0, 0]) }, r#"{"one":"Af8","other":"AAA"}"#),
            (Both { one: [1, 255], other: None }, r#"{"one":"Af8","other":null}"#),
        ] {
            assert_eq!(serde_json::to_string(&both).unwrap(), json);
            assert_eq!(serde_json::from_str::<Both>(json).unwrap(), both);
        }
        assert!(serde_json::from_str::<Both>(r#"{"one":"Af8"}"#).is_ok());
        for wrong in [r#"{"one":"Af8A"}"#, r#"{"one":"A+8="}"#, r#"{"one":"Af8","other":"A"}"#] {
            assert!(serde_json::from_str::<Both>(wrong).is_err(), "{wrong}");
        }
    }
}
