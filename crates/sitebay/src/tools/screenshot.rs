//! Takes a picture of a page and shows it as one.
//!
//! Invariant: the picture is sent once, as an image; its text is never in the data as well.

use serde_json::Value;

use crate::{
    api::cut,
    call::{Call, CallOutcome, Requests as _, data, finished},
};
use mcp_protocol::content::{CallToolResult, ContentBlock};

/// Where the service may put the picture.
const KEYS: [&str; 6] = ["screenshot", "image", "png", "data", "base64", "result"];
/// How pictures begin in base64.
const BEGINNINGS: [(&str, &str); 3] =
    [("iVBOR", "image/png"), ("/9j/", "image/jpeg"), ("UklGR", "image/webp")];

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let answer = call.sent().await?;
    let Some((picture, mime_type)) = picture(&answer.json) else {
        let came = cut(&answer.json.to_string(), 300);
        let text = format!("SiteBay answered without a picture: {came}");
        return Err(CallToolResult::error(text).into());
    };
    let fqdn = call.arguments.text("fqdn").unwrap_or_default();
    let bytes = (picture.len() / 4).saturating_mul(3);
    let shown =
        data(vec![("fqdn", fqdn.into()), ("mime_type", mime_type.into()), ("bytes", bytes.into())]);
    let text = format!("The open page of {fqdn} ({mime_type}, {bytes} bytes).");
    let mut result = finished(shown, text, Vec::new());
    let (data, mime_type) = (picture.to_owned(), mime_type.to_owned());
    result.content.push(ContentBlock::Image { data, mime_type });
    Ok(result)
}

/// The base64 text of a picture and its media type.
fn picture(json: &Value) -> Option<(&str, &'static str)> {
    let text = match json {
        Value::String(text) => text,
        Value::Object(map) => return KEYS.iter().find_map(|key| picture(map.get(*key)?)),
        _ => return None,
    };
    let text = match text.split_once(";base64,") {
        Some((_, data)) if text.starts_with("data:") => data,
        _ => text,
    };
    let kind = BEGINNINGS.iter().find(|(beginning, _)| text.starts_with(beginning))?;
    Some((text.trim_end(), kind.1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::run;
    use mcp_server::testing::{FakePlatform, json};

    const TOOL: &str = "sitebay_browser_screenshot";

    #[test]
    fn a_picture_is_found_in_every_likely_place_and_sent_once() {
        let png = "iVBORw0KGgoAAAAN";
        for answer in [
            json!(png),
            json!({"screenshot": png}),
            json!({"result": {"image": format!("data:image/png;base64,{png}")}}),
        ] {
            let fake = FakePlatform::new([json(200, answer)]);
            let result = run(&fake, TOOL, json!({"fqdn": "a.org", "full_page": true}));
            assert_eq!(fake.lines(), ["Post /site/a.org/browser/screenshot"]);
            assert_eq!(fake.body(0), json!({"full_page": true}));
            assert_eq!(result.image.as_deref(), Some(png));
            assert_eq!(
                result.data,
                json!({"fqdn": "a.org", "mime_type": "image/png", "bytes": 12})
            );
        }
    }

    #[test]
    fn an_answer_without_a_picture_is_an_error() {
        for answer in [json!(null), json!({"screenshot": null}), json!({"data": "<html>"})] {
            let fake = FakePlatform::new([json(200, answer)]);
            let result = run(&fake, TOOL, json!({"fqdn": "a.org"}));
            assert!(result.is_error && result.text.contains("without a picture"));
        }
    }
}
