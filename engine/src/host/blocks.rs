//! Finds what crates made for evcxr print on standard output: displays, which are blocks between two marker lines, and
//! questions to the user, which are a line before they read one.

use serde_json::{Map, Value};

const BEGIN: &[u8] = b"EVCXR_BEGIN_CONTENT ";
const END: &[u8] = b"EVCXR_END_CONTENT";
const ASK: &[u8] = b"EVCXR_INPUT_REQUEST";
const ASK_PASSWORD: &[u8] = b"EVCXR_INPUT_REQUEST_PASSWORD";

/// The longest line that is looked at as a marker.
const LONGEST_MARKER: usize = 256;

/// The longest content of a block; what is longer is taken for text.
const LONGEST_CONTENT: usize = 256 << 20;

/// What standard output turns out to hold.
#[derive(Debug, PartialEq)]
pub(super) enum Part {
    /// Plain text.
    Text(Vec<u8>),
    /// A display.
    Display(Map<String, Value>),
}

/// Parts standard output as it arrives. Nothing is held back but what may be the beginning of a marker, a block that
/// has no end yet, and a display that the next block may belong to.
pub(super) struct Blocks {
    /// Whether the next byte is the first one of a line.
    line_start: bool,
    /// The beginning of a line that may be a marker.
    held: Vec<u8>,
    block: Option<(String, Vec<u8>)>,
    display: Map<String, Value>,
    /// What is asked, and whether the answer must not be seen.
    question: Option<(String, bool)>,
}

impl Default for Blocks {
    fn default() -> Self {
        Self { line_start: true, held: Vec::new(), block: None, display: Map::new(), question: None }
    }
}

impl Blocks {
    /// Takes what has arrived.
    pub(super) fn take(&mut self, mut bytes: &[u8], parts: &mut Vec<Part>) {
        while !bytes.is_empty() {
            if self.line_start || !self.held.is_empty() {
                bytes = self.take_line_start(bytes, parts);
            } else {
                // The inside of a line that is none of ours.
                let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |place| place + 1);
                // Further lines that cannot be markers need not be looked at one by one.
                let end = if self.block.is_none() { end + plain_lines(&bytes[end..]) } else { end };
                let (inside, rest) = bytes.split_at(end);
                self.line_start = inside.ends_with(b"\n");
                self.put(inside, parts);
                bytes = rest;
            }
        }
    }

    /// Whether something waits for more that may never come.
    pub(super) fn is_waiting(&self) -> bool {
        self.block.is_none() && (!self.held.is_empty() || !self.display.is_empty())
    }

    /// Gives out what waits for more: nothing came for a while.
    pub(super) fn release(&mut self, parts: &mut Vec<Part>) {
        if self.block.is_none() {
            self.give_held(parts);
            self.give_display(parts);
        }
    }

    /// Gives out everything: the cell has ended.
    pub(super) fn finish(&mut self, parts: &mut Vec<Part>) {
        if self.block.is_some() {
            let held = std::mem::take(&mut self.held);
            self.put(&held, parts);
            self.end_block(parts);
        }
        self.release(parts);
        self.line_start = true;
    }

    fn take_line_start<'a>(&mut self, bytes: &'a [u8], parts: &mut Vec<Part>) -> &'a [u8] {
        let length = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |place| place + 1);
        let (line, rest) = bytes.split_at(length);
        self.held.extend_from_slice(line);
        self.line_start = false;
        let markers: &[&[u8]] = if self.block.is_some() { &[END] } else { &[BEGIN, ASK] };
        let begun = |marker: &&[u8]| {
            let common = marker.len().min(self.held.len());
            self.held[..common] == marker[..common]
        };
        if !markers.iter().any(begun) || self.held.len() > LONGEST_MARKER {
            self.give_held(parts);
        } else if self.held.ends_with(b"\n") {
            let held = std::mem::take(&mut self.held);
            let line = held.trim_ascii_end();
            self.line_start = true;
            match &mut self.block {
                Some(_) if line == END => self.end_block(parts),
                None if line.starts_with(ASK) => {
                    let of = |marker| line.strip_prefix(marker)?.strip_prefix(b":");
                    match (of(ASK), of(ASK_PASSWORD)) {
                        (Some(prompt), _) => self.ask(&held, prompt.len(), false),
                        (None, Some(prompt)) => self.ask(&held, prompt.len(), true),
                        (None, None) => self.put(&held, parts),
                    }
                }
                None if line.len() >= BEGIN.len() => {
                    let mime = String::from_utf8_lossy(&line[BEGIN.len()..]).trim().to_owned();
                    self.block = Some((mime, Vec::new()));
                }
                _ => self.put(&held, parts),
            }
        }
        rest
    }

    /// What the user is asked before the next line is read from standard input.
    pub(super) fn take_question(&mut self) -> Option<(String, bool)> {
        self.question.take()
    }

    /// `length` bytes of the line, and the spaces at its end, are the prompt.
    fn ask(&mut self, line: &[u8], length: usize, password: bool) {
        let end = line.trim_ascii_end().len();
        let prompt = String::from_utf8_lossy(&line[end - length..]);
        self.question = Some((prompt.trim_end_matches(['\r', '\n']).to_owned(), password));
    }

    fn give_held(&mut self, parts: &mut Vec<Part>) {
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            self.line_start = held.ends_with(b"\n");
            self.put(&held, parts);
        }
    }

    fn put(&mut self, bytes: &[u8], parts: &mut Vec<Part>) {
        if bytes.is_empty() {
            return;
        }
        match &mut self.block {
            Some((_, content)) => {
                content.extend_from_slice(bytes);
                if content.len() > LONGEST_CONTENT
                    && let Some((_, content)) = self.block.take()
                {
                    parts.push(Part::Text(content));
                }
            }
            None => {
                self.give_display(parts);
                match parts.last_mut() {
                    Some(Part::Text(text)) => text.extend_from_slice(bytes),
                    _ => parts.push(Part::Text(bytes.to_vec())),
                }
            }
        }
    }

    fn end_block(&mut self, parts: &mut Vec<Part>) {
        let Some((mime, content)) = self.block.take() else { return };
        let text = String::from_utf8_lossy(content.strip_suffix(b"\n").unwrap_or(&content)).into_owned();
        if self.display.contains_key(&mime) {
            self.give_display(parts);
        }
        // evcxr's crates show a picture as HTML, since evcxr knows no other way; a front end can do more with a picture.
        if mime == "text/html" && text.trim_start().starts_with("<svg") {
            self.display.insert("image/svg+xml".to_owned(), Value::String(text.clone()));
        }
        let is_json = mime == "application/json" || mime.ends_with("+json");
        let value = if is_json { serde_json::from_str(&text).ok() } else { None };
        self.display.insert(mime, value.unwrap_or(Value::String(text)));
    }

    fn give_display(&mut self, parts: &mut Vec<Part>) {
        let display = std::mem::take(&mut self.display);
        if !display.is_empty() {
            parts.push(Part::Display(display));
        }
    }
}

/// How many bytes at the start are whole lines that begin with something else than a marker does.
fn plain_lines(bytes: &[u8]) -> usize {
    let mut end = 0;
    while bytes.get(end).is_some_and(|byte| *byte != BEGIN[0]) {
        match bytes[end..].iter().position(|byte| *byte == b'\n') {
            Some(place) => end += place + 1,
            None => break,
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::{Blocks, Part};

    fn part(chunks: &[&[u8]]) -> Vec<Part> {
        let (mut blocks, mut parts) = (Blocks::default(), Vec::new());
        for chunk in chunks {
            blocks.take(chunk, &mut parts);
        }
        blocks.finish(&mut parts);
        let mut joined: Vec<Part> = Vec::new();
        for part in parts {
            match (joined.last_mut(), part) {
                (Some(Part::Text(text)), Part::Text(more)) => text.extend(more),
                (_, part) => joined.push(part),
            }
        }
        joined
    }

    fn text(text: &str) -> Part {
        Part::Text(text.as_bytes().to_vec())
    }

    fn display(forms: serde_json::Value) -> Part {
        Part::Display(forms.as_object().cloned().unwrap_or_default())
    }

    #[test]
    fn blocks_are_found_wherever_the_bytes_are_parted() {
        let output = b"a\nEVCXR_BEGIN_CONTENT text/html\n<svg x=\"1\"/>\nEVCXR_END_CONTENT\n\
            EVCXR_BEGIN_CONTENT text/plain\ntwo\nlines\nEVCXR_END_CONTENT\n\
            EVCXR_BEGIN_CONTENT text/plain\nanother\nEVCXR_END_CONTENT\nEVCXR_BEGIN no\n EVCXR_BEGIN_CONTENT x\nE";
        let expected = vec![
            text("a\n"),
            display(serde_json::json!({
                "image/svg+xml": "<svg x=\"1\"/>", "text/html": "<svg x=\"1\"/>", "text/plain": "two\nlines"
            })),
            display(serde_json::json!({"text/plain": "another"})),
            text("EVCXR_BEGIN no\n EVCXR_BEGIN_CONTENT x\nE"),
        ];
        for place in 0..output.len() {
            let (left, right) = output.split_at(place);
            assert_eq!(part(&[left, right]), expected, "parted at {place}");
        }
        let bytes: Vec<&[u8]> = output.chunks(1).collect();
        assert_eq!(part(&bytes), expected);
    }

    #[test]
    fn a_question_is_kept_until_it_is_asked() {
        let (mut blocks, mut parts) = (Blocks::default(), Vec::new());
        blocks.take(b"EVCXR_INPUT_REQUEST:Your name? \nEVCXR_INPUT_REQUESTED\n", &mut parts);
        assert_eq!(blocks.take_question(), Some(("Your name? ".to_owned(), false)));
        assert_eq!(blocks.take_question(), None);
        blocks.take(b"EVCXR_INPUT_REQUEST_PASSWORD:\r\n", &mut parts);
        assert_eq!(blocks.take_question(), Some((String::new(), true)));
        assert_eq!(parts, [text("EVCXR_INPUT_REQUESTED\n")]);
    }

    #[test]
    fn an_unfinished_block_is_a_display_at_the_end() {
        let parts = part(&[b"EVCXR_BEGIN_CONTENT application/json\n{\"a\": 1}\nEVCXR_END"]);
        assert_eq!(parts, [display(serde_json::json!({"application/json": "{\"a\": 1}\nEVCXR_END"}))]);
    }

    #[test]
    fn only_the_beginning_of_a_marker_waits() {
        let (mut blocks, mut parts) = (Blocks::default(), Vec::new());
        blocks.take(b"EVC", &mut parts);
        assert!(parts.is_empty() && blocks.is_waiting());
        blocks.take(b"R? ", &mut parts);
        assert_eq!(parts, [text("EVCR? ")]);
        blocks.take(b"EVCXR_BEGIN_CONTENT inside a line", &mut parts);
        assert_eq!(parts, [text("EVCR? EVCXR_BEGIN_CONTENT inside a line")]);
        assert!(!blocks.is_waiting());
    }
}
