//! evcxr's display convention: blocks on standard output between two marker lines.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::display::MimeBundle;

const BEGIN: &str = "EVCXR_BEGIN_CONTENT ";
const END: &str = "EVCXR_END_CONTENT";

/// Writes one block for each MIME type of `bundle`.
pub(crate) fn write_blocks(out: &mut impl Write, bundle: &MimeBundle) -> io::Result<()> {
    for (mime, value) in bundle.iter() {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        writeln!(out, "{BEGIN}{mime}")?;
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        writeln!(out, "{END}")?;
    }
    out.flush()
}

/// Bytes as the text that binary MIME types have in a bundle.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Parts captured output into the displays of its blocks and the rest of the bytes.
///
/// A block without an end reaches to the end of the output. Blocks of different types that follow each other
/// directly are one display in several forms, as evcxr has it.
#[cfg(feature = "step")]
pub(crate) fn parse_blocks(output: &[u8]) -> (Vec<MimeBundle>, Vec<u8>) {
    let mut bundles: Vec<MimeBundle> = Vec::new();
    let mut rest = Vec::new();
    let mut block: Option<(String, Vec<u8>)> = None;
    let mut adjacent = false;
    for line in output.split_inclusive(|byte| *byte == b'\n') {
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        let bare = bare.strip_suffix(b"\r").unwrap_or(bare);
        match &mut block {
            Some((mime, content)) => {
                if bare == END.as_bytes() {
                    add_block(&mut bundles, mime, content, adjacent);
                    block = None;
                    adjacent = true;
                } else {
                    content.extend_from_slice(line);
                }
            }
            None => {
                if let Some(mime) = bare.strip_prefix(BEGIN.as_bytes()) {
                    block = Some((String::from_utf8_lossy(mime).trim().to_owned(), Vec::new()));
                } else {
                    rest.extend_from_slice(line);
                    adjacent = false;
                }
            }
        }
    }
    if let Some((mime, content)) = block {
        add_block(&mut bundles, &mime, &content, adjacent);
    }
    (bundles, rest)
}

#[cfg(feature = "step")]
fn add_block(bundles: &mut Vec<MimeBundle>, mime: &str, content: &[u8], adjacent: bool) {
    let text = String::from_utf8_lossy(content.strip_suffix(b"\n").unwrap_or(content)).into_owned();
    let value = if crate::display::is_json(mime) {
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    } else {
        Value::String(text)
    };
    match bundles.last_mut() {
        Some(last) if adjacent && last.get(mime).is_none() => last.insert(mime, value),
        _ => bundles.push(MimeBundle::new().with(mime, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_a_block_of_its_own() {
        let bundle =
            MimeBundle::new().with("text/html", "<b>x</b>").with("application/json", serde_json::json!({"a": 1}));
        let mut out = Vec::new();
        write_blocks(&mut out, &bundle).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "EVCXR_BEGIN_CONTENT text/html\n<b>x</b>\nEVCXR_END_CONTENT\n\
             EVCXR_BEGIN_CONTENT application/json\n{\"a\":1}\nEVCXR_END_CONTENT\n"
        );
    }

    #[cfg(feature = "step")]
    #[test]
    fn blocks_are_found_among_other_output() {
        let block = |mime: &str, text: &str| format!("EVCXR_BEGIN_CONTENT {mime}\n{text}\nEVCXR_END_CONTENT\n");
        let output = [
            "before\n".to_owned(),
            block("text/html", "two\nlines"),
            block("text/plain", "two"),
            block("text/plain", "another display"),
            "\u{fffd} after".to_owned(),
        ];
        let (bundles, rest) = parse_blocks(output.concat().as_bytes());
        assert_eq!(bundles.len(), 2);
        assert_eq!(bundles[0].get("text/html").unwrap(), "two\nlines");
        assert_eq!(bundles[0].get("text/plain").unwrap(), "two");
        assert_eq!(bundles[1].get("text/plain").unwrap(), "another display");
        assert_eq!(String::from_utf8(rest).unwrap(), "before\n\u{fffd} after");
    }

    #[cfg(feature = "step")]
    #[test]
    fn a_block_without_an_end_is_kept() {
        let (bundles, rest) = parse_blocks(b"EVCXR_BEGIN_CONTENT text/html\n<p>cut");
        assert_eq!(bundles[0].get("text/html").unwrap(), "<p>cut");
        assert!(rest.is_empty());
    }
}
