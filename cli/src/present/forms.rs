//! What a terminal shows of a display: its text, and the names of what it cannot show.

use oxikale_runner::human_bytes;
use serde_json::{Map, Value};

use super::text::plain;

/// Forms that are text for people, the best first.
const TEXTS: [&str; 3] = ["text/plain", "text/markdown", "text/latex"];

/// The text of a display, given as MIME type → content, without a line break at its end. Images are named beside their
/// text; other forms are named where there is no text.
pub fn text(forms: &Map<String, Value>) -> String {
    let text = TEXTS.iter().find_map(|kind| forms.get(*kind)?.as_str()).map(|text| text.trim_end_matches('\n'));
    let mut parts: Vec<String> = text.map(str::to_owned).into_iter().collect();
    for (kind, content) in forms {
        let is_text = TEXTS.contains(&kind.as_str()) && text.is_some();
        if !is_text && (text.is_none() || kind.starts_with("image/")) {
            parts.push(format!("<{}, {}>", plain(kind), human_bytes(size(kind, content))));
        }
    }
    parts.join("\n")
}

/// The bytes of a content; images other than SVG are base64, which takes four characters for three bytes.
fn size(kind: &str, content: &Value) -> u64 {
    let length = match content {
        Value::String(text) if kind.starts_with("image/") && !kind.ends_with("+xml") => {
            let text = text.trim_end().trim_end_matches('=');
            text.len() * 3 / 4
        }
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    };
    length as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(forms: Value) -> String {
        let Value::Object(forms) = forms else { panic!("{forms} is no map") };
        text(&forms)
    }

    #[test]
    fn text_is_shown_and_images_are_named() {
        assert_eq!(shown(json!({"text/html": "<b>1</b>", "text/plain": "one\ntwo\n"})), "one\ntwo");
        assert_eq!(shown(json!({"image/png": "AAAAAAA=", "text/plain": "plot"})), "plot\n<image/png, 5 B>");
        assert_eq!(shown(json!({"image/svg+xml": "x".repeat(2048)})), "<image/svg+xml, 2 KiB>");
        assert_eq!(shown(json!({"text/html": "<b>1</b>"})), "<text/html, 8 B>");
        assert_eq!(shown(json!({"text/markdown": "# A", "application/json": {"a": 1}})), "# A");
        assert_eq!(shown(json!({"application/json": {"a": 1}})), "<application/json, 7 B>");
    }
}
