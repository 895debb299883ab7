//! Results that are read page by page.

use serde_json::json;

use super::Client;

/// All pages of a large result.
pub async fn whole(client: &Client, first: &str) -> String {
    let (base, _) = first.rsplit_once('/').unwrap();
    let mut whole = String::new();
    for page in 1.. {
        let uri = json!({ "uri": format!("{base}/{page}") });
        let read = client.request("resources/read", uri).await.result();
        let text = read["contents"][0]["text"].as_str().unwrap();
        let (text, end) = text.rsplit_once("\n(page ").unwrap();
        whole.push_str(text);
        if !end.contains("next") {
            break;
        }
    }
    whole
}
