//! Putting and deleting objects.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use serde_json::{Map, Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::bindings::r2::problem::{Problem, framed};
use crate::bindings::r2::request::Request;
use crate::bindings::r2::{Bucket, Object, check, condition, key};
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;

/// The most bytes of metadata.
const METADATA: usize = 8192;
/// The most keys of one deletion.
const KEYS: usize = 1000;

/// Puts an object, where the conditions hold.
pub(super) fn put(bucket: &mut Bucket, request: &Request, now: i64) -> Result<Reply, Problem> {
    let parameters = &request.parameters;
    let key = key(parameters)?;
    if !parameters.field("ssec").is_null() {
        return Err(Problem::not_played("keys of customers"));
    }
    let custom = parameters.field("customFields");
    let custom = if custom.is_null() { json!([]) } else { custom.clone() };
    if size(&custom) > METADATA {
        let text = "Your metadata headers exceed the maximum allowed metadata size.";
        return Err(Problem::new(400, 10012, text));
    }
    let checksums = checksums(parameters, &request.bytes)?;
    if !condition::holds(parameters.field("onlyIf"), bucket.objects.get(key)) {
        return Err(Problem::precondition());
    }
    bucket.puts = bucket.puts.saturating_add(1);
    let http = parameters.field("httpFields");
    let object = Object {
        version: format!("{:032x}", bucket.puts),
        etag: hex(&Md5::digest(&request.bytes)),
        uploaded: now,
        http: if http.is_null() { json!({}) } else { http.clone() },
        custom,
        checksums,
        storage_class: parameters.field("storageClass").as_str().unwrap_or("Standard").to_owned(),
        bytes: request.bytes.clone(),
    };
    let reply = framed(&object.view(key), &[], 200);
    bucket.objects.insert(key.to_owned(), object);
    Ok(reply)
}

/// Metadata counts a byte for each character, two where one has more than a byte.
fn size(custom: &Value) -> usize {
    let texts = custom.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = texts.iter().flat_map(|pair| [pair.field("k"), pair.field("v")]);
    let sizes = texts.filter_map(Value::as_str).map(|text| {
        let count = text.encode_utf16().count();
        let is_wide = text.encode_utf16().any(|unit| unit >= 256);
        if is_wide { count.saturating_mul(2) } else { count }
    });
    sizes.sum()
}

/// The checksums that are kept, by the numbers of their algorithms: MD5, and what was given.
fn checksums(parameters: &Value, bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    let mut kept = Map::new();
    kept.insert("0".to_owned(), hex(&Md5::digest(bytes)).into());
    if let Some(given) = parameters.field("md5").as_str() {
        let given = STANDARD.decode(given).map_err(|_| Problem::invalid())?;
        is_same("MD5", &hex(&given), &hex(&Md5::digest(bytes)))?;
    }
    for (number, name, title, digest) in [
        ("1", "sha1", "SHA-1", digest::<Sha1> as fn(&[u8]) -> String),
        ("2", "sha256", "SHA-256", digest::<Sha256>),
        ("3", "sha384", "SHA-384", digest::<Sha384>),
        ("4", "sha512", "SHA-512", digest::<Sha512>),
    ] {
        if let Some(given) = parameters.field(name).as_str() {
            let real = digest(bytes);
            is_same(title, &given.to_lowercase(), &real)?;
            kept.insert(number.to_owned(), real.into());
        }
    }
    Ok(kept)
}

fn digest<D: Digest>(bytes: &[u8]) -> String {
    hex(&D::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_same(title: &str, given: &str, real: &str) -> Result<(), Problem> {
    if given == real {
        return Ok(());
    }
    let text = format!(
        "The {title} checksum you specified did not match what we received.\n\
         You provided a {title} checksum with value: {given}\nActual {title} was: {real}"
    );
    Err(Problem::new(400, 10037, text))
}

/// Deletes one object or several. One that is not there is no error.
pub(super) fn delete(bucket: &mut Bucket, parameters: &Value) -> Result<Reply, Problem> {
    let keys: Vec<&str> = match parameters.field("objects") {
        Value::Array(keys) => keys.iter().filter_map(Value::as_str).collect(),
        _ => vec![key(parameters)?],
    };
    if keys.len() > KEYS {
        return Err(Problem::new(400, 10029, "At most 1000 keys can be deleted at once."));
    }
    keys.iter().try_for_each(|key| check(key))?;
    for key in keys {
        bucket.objects.remove(key);
    }
    Ok(Reply::empty(200))
}
