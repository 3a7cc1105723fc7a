//! What a cell puts out, as nbformat writes it.

use oxikale_engine::{Event, Stream, whole_characters};
use serde_json::{Map, Value, json};

/// The outputs of a cell that runs or has run.
#[derive(Debug, Default)]
pub struct Outputs {
    outputs: Vec<Output>,
    /// For standard output and error: the first bytes of a character whose others have not come yet.
    begun: [Vec<u8>; 2],
}

#[derive(Debug)]
enum Output {
    Stream(Stream, String),
    Data { result: bool, data: Map<String, Value> },
    Error { name: String, message: String, traceback: String },
}

impl Outputs {
    /// Adds what an event says. The place of a new display among the outputs is returned.
    pub fn hear(&mut self, event: &Event) -> Option<usize> {
        match event {
            Event::Text { stream, bytes } => self.bytes(*stream, bytes),
            Event::Display { data, .. } => {
                self.outputs.push(Output::Data { result: false, data: data.clone() });
                return Some(self.outputs.len() - 1);
            }
            Event::Result { data } => self.outputs.push(Output::Data { result: true, data: data.clone() }),
            Event::Error(error) => {
                let traceback = if error.rendered.trim().is_empty() { &error.message } else { &error.rendered };
                self.outputs.push(Output::Error {
                    name: error.name.clone(),
                    message: error.message.clone(),
                    traceback: traceback.trim_end_matches('\n').to_owned(),
                });
            }
            Event::Warning(warning) => {
                let text = if warning.rendered.trim().is_empty() { &warning.message } else { &warning.rendered };
                self.line(text);
            }
            Event::Notice(text) => self.line(text),
            Event::Progress(_) | Event::Input { .. } | Event::Timing { .. } => {}
        }
        None
    }

    /// Adds a word to the user, which stands on standard error.
    pub fn line(&mut self, text: &str) {
        let text = text.trim_end_matches('\n');
        if !text.is_empty() {
            self.text(Stream::Stderr, &format!("{text}\n"));
        }
    }

    /// Gives a display another content.
    pub fn replace(&mut self, place: usize, new: &Map<String, Value>) {
        if let Some(Output::Data { data, .. }) = self.outputs.get_mut(place) {
            data.clone_from(new);
        }
    }

    /// Says of the cell's error what it was.
    pub fn rename_error(&mut self, new_name: &str, new_message: &str) {
        for output in &mut self.outputs {
            if let Output::Error { name, message, traceback } = output {
                *name = new_name.to_owned();
                *message = new_message.to_owned();
                *traceback = format!("{new_name}: {new_message}");
            }
        }
    }

    /// Name and message of the cell's error.
    pub fn error(&self) -> Option<(&str, &str)> {
        self.outputs.iter().rev().find_map(|output| match output {
            Output::Error { name, message, .. } => Some((name.as_str(), message.as_str())),
            _ => None,
        })
    }

    /// The cell is over: no character that was begun will be ended.
    pub fn finish(&mut self) {
        for (stream, begun) in [Stream::Stdout, Stream::Stderr].into_iter().zip(std::mem::take(&mut self.begun)) {
            self.text(stream, &String::from_utf8_lossy(&begun));
        }
    }

    /// As nbformat writes them. `count` is the number beside the cell.
    pub fn json(&self, count: u64) -> Vec<Value> {
        self.outputs.iter().map(|output| output.json(count)).collect()
    }

    fn bytes(&mut self, stream: Stream, bytes: &[u8]) {
        let mut all = std::mem::take(&mut self.begun[index(stream)]);
        all.extend_from_slice(bytes);
        let rest = all.split_off(whole_characters(&all));
        self.text(stream, &String::from_utf8_lossy(&all));
        self.begun[index(stream)] = rest;
    }

    fn text(&mut self, stream: Stream, text: &str) {
        match self.outputs.last_mut() {
            _ if text.is_empty() => {}
            Some(Output::Stream(last, all)) if *last == stream => all.push_str(text),
            _ => self.outputs.push(Output::Stream(stream, text.to_owned())),
        }
    }
}

impl Output {
    /// The keys stand in the order in which Jupyter sorts them.
    fn json(&self, count: u64) -> Value {
        let mut value = match self {
            Self::Stream(stream, text) => {
                let name = if *stream == Stream::Stdout { "stdout" } else { "stderr" };
                json!({"name": name, "output_type": "stream", "text": lines(text)})
            }
            Self::Data { result: true, data } => {
                json!({"data": bundle(data), "execution_count": count, "metadata": {}, "output_type": "execute_result"})
            }
            Self::Data { result: false, data } => {
                json!({"data": bundle(data), "metadata": {}, "output_type": "display_data"})
            }
            Self::Error { name, message, traceback } => json!({
                "ename": name,
                "evalue": message,
                "output_type": "error",
                "traceback": traceback.split('\n').collect::<Vec<_>>(),
            }),
        };
        value.sort_all_objects();
        value
    }
}

/// The forms of a display; text among them is written line by line.
fn bundle(data: &Map<String, Value>) -> Map<String, Value> {
    let is_text = |kind: &str| kind.starts_with("text/") || matches!(kind, "application/javascript" | "image/svg+xml");
    data.iter()
        .map(|(kind, value)| match value {
            Value::String(text) if is_text(kind) => (kind.clone(), lines(text)),
            value => (kind.clone(), value.clone()),
        })
        .collect()
}

fn lines(text: &str) -> Value {
    text.split_inclusive('\n').map(Value::from).collect()
}

fn index(stream: Stream) -> usize {
    usize::from(stream == Stream::Stderr)
}

#[cfg(test)]
mod tests {
    use oxikale_engine::{CellError, ErrorKind};

    use super::*;

    fn text(stream: Stream, bytes: &[u8]) -> Event {
        Event::Text { stream, bytes: bytes.to_vec() }
    }

    #[test]
    fn text_is_merged_by_stream_in_the_order_it_came() {
        let mut outputs = Outputs::default();
        let one = json!({"text/plain": "1\n2", "image/png": "QUJD", "application/json": {"b": 1, "a": 2}});
        let Value::Object(one) = one else { unreachable!() };
        for event in [
            text(Stream::Stdout, b"a\nb"),
            text(Stream::Stdout, b"c\n"),
            text(Stream::Stderr, b"e"),
            text(Stream::Stdout, b"d"),
            Event::Result { data: one },
        ] {
            outputs.hear(&event);
        }
        assert_eq!(
            Value::from(outputs.json(7)),
            json!([
                {"name": "stdout", "output_type": "stream", "text": ["a\n", "bc\n"]},
                {"name": "stderr", "output_type": "stream", "text": ["e"]},
                {"name": "stdout", "output_type": "stream", "text": ["d"]},
                {"data": {"application/json": {"a": 2, "b": 1}, "image/png": "QUJD", "text/plain": ["1\n", "2"]},
                 "execution_count": 7, "metadata": {}, "output_type": "execute_result"},
            ])
        );
    }

    #[test]
    fn characters_may_come_in_pieces() {
        for (whole, at) in [("é", 1), ("日", 1), ("日", 2), ("😀", 3), ("a😀b", 2)] {
            let mut outputs = Outputs::default();
            let (one, other) = whole.as_bytes().split_at(at);
            outputs.hear(&text(Stream::Stdout, one));
            outputs.hear(&text(Stream::Stdout, other));
            outputs.finish();
            assert_eq!(outputs.json(1)[0]["text"], json!([whole]));
        }
        let mut outputs = Outputs::default();
        outputs.hear(&text(Stream::Stdout, b"a\xff\xe6\x97"));
        outputs.finish();
        assert_eq!(outputs.json(1)[0]["text"], json!(["a\u{fffd}\u{fffd}"]));
    }

    #[test]
    fn an_error_is_what_was_rendered_line_by_line() {
        let mut outputs = Outputs::default();
        outputs.hear(&Event::Error(CellError {
            kind: ErrorKind::Interrupted,
            name: "interrupted".to_owned(),
            message: "the cell was interrupted".to_owned(),
            diagnostics: Vec::new(),
            backtrace: Vec::new(),
            rendered: "\u{1b}[31mone\u{1b}[0m\ntwo\n".to_owned(),
        }));
        assert_eq!(outputs.json(1)[0]["traceback"], json!(["\u{1b}[31mone\u{1b}[0m", "two"]));
        assert_eq!(outputs.error(), Some(("interrupted", "the cell was interrupted")));
        outputs.rename_error("timeout", "too long");
        assert_eq!(
            outputs.json(1)[0],
            json!({"ename": "timeout", "evalue": "too long", "output_type": "error", "traceback": ["timeout: too long"]})
        );
    }
}
